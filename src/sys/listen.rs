//! Sockets that are opened for others to use: bound, and listening where they have connections. All are close-on-exec,
//! and block, as who is given them expects of a socket that nobody has changed.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, UnixAddr, bind, connect, getsockname,
    listen, setsockopt, socket, sockopt,
};

use super::process::set_umask;

/// What goes over a socket of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// Which versions of IP a socket with an address of the sixth takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Versions {
    /// The one of its address.
    One,
    /// The fourth as well; only of use with the address that stands for all of them.
    Both,
}

/// Tells a file from those that had or will have the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
}

/// Opens a socket of the network.
///
/// # Errors
/// What socket(2), setsockopt(2), bind(2) and listen(2) say: `EAFNOSUPPORT` where the host does not have that version
/// of IP, `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` for a port below 1024, `EMFILE`.
pub fn open(protocol: Protocol, address: SocketAddr, versions: Versions) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let kind = match protocol {
        Protocol::Tcp => SockType::Stream,
        Protocol::Udp => SockType::Datagram,
    };
    let opened = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
    if address.is_ipv6() {
        // Said in any case: the default is the host's (`net.ipv6.bindv6only`).
        setsockopt(&opened, sockopt::Ipv6V6Only, &(versions == Versions::One))?;
    }
    match protocol {
        Protocol::Tcp => {
            // So that connections that are just ending do not keep the port taken. Two that listen are refused still.
            setsockopt(&opened, sockopt::ReuseAddr, &true)?;
            bind(opened.as_raw_fd(), &SockaddrStorage::from(address))?;
            listen(&opened, BACKLOG)?;
        }
        // With SO_REUSEADDR somebody else of the same user could take the datagrams away.
        Protocol::Udp => bind(opened.as_raw_fd(), &SockaddrStorage::from(address))?,
    }
    Ok(opened)
}

/// The longest line of connections to be accepted that the host allows (`net.core.somaxconn`).
const BACKLOG: Backlog = Backlog::MAXALLOWABLE;

/// The address that a socket of the network was bound to, with the port that the kernel chose where it was to.
///
/// # Errors
/// What getsockname(2) says; `EAFNOSUPPORT` for another kind of socket.
pub fn bound_address(socket: impl AsFd) -> Result<SocketAddr, Errno> {
    let address: SockaddrStorage = getsockname(socket.as_fd().as_raw_fd())?;
    let v4 = address.as_sockaddr_in().map(|address| SocketAddr::V4((*address).into()));
    let v6 = || address.as_sockaddr_in6().map(|address| SocketAddr::V6((*address).into()));
    v4.or_else(v6).ok_or(Errno::EAFNOSUPPORT)
}

/// Opens a socket that is a file with these permissions, which it has from the first moment on.
///
/// A socket that nobody listens at any more is replaced: whoever left it behind was killed. Nothing else is.
///
/// # Errors
/// What bind(2) says: `EADDRINUSE` where somebody listens, or where there is a file that is no socket, `ENOENT`,
/// `EACCES`, `EROFS`, `ENAMETOOLONG` for more than 107 bytes.
pub fn open_file(path: &Path, mode: u32) -> Result<(OwnedFd, FileIdentity), Errno> {
    let address = UnixAddr::new(path)?;
    let opened = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    let bound = || {
        let before = set_umask(!mode & 0o777);
        let bound = bind(opened.as_raw_fd(), &address);
        set_umask(before);
        bound
    };
    match bound() {
        Err(Errno::EADDRINUSE) if is_left_behind(path, &address) => {
            std::fs::remove_file(path).map_err(|error| errno_of(&error))?;
            bound()?;
        }
        outcome => outcome?,
    }
    // Before it listens: until then a file that cannot be looked at is one that nobody has connected to.
    let identity = file_identity(path).inspect_err(|_| drop(std::fs::remove_file(path)))?;
    listen(&opened, BACKLOG).inspect_err(|_| remove_file(path, identity))?;
    Ok((opened, identity))
}

/// Removes a socket's file, if it is still that one.
pub fn remove_file(path: &Path, identity: FileIdentity) {
    if file_identity(path) == Ok(identity) {
        // If it cannot be removed, it is one that nobody listens at, which the next one replaces.
        let _ = std::fs::remove_file(path);
    }
}

/// Whether a socket is there that nobody listens at.
fn is_left_behind(path: &Path, address: &UnixAddr) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    // Without blocking: where the line is full, connect(2) waits. A socket of another type answers EPROTOTYPE.
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    is_socket
        && socket(AddressFamily::Unix, SockType::Stream, flags, None)
            .is_ok_and(|probe| connect(probe.as_raw_fd(), address) == Err(Errno::ECONNREFUSED))
}

fn file_identity(path: &Path) -> Result<FileIdentity, Errno> {
    let found = std::fs::symlink_metadata(path).map_err(|error| errno_of(&error))?;
    Ok(FileIdentity { device: found.dev(), inode: found.ino() })
}

fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
    use std::path::PathBuf;

    use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("procnanny-listen-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        path
    }

    fn any(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn sockets_of_the_network_are_as_systemd_passes_them() {
        let opened = open(Protocol::Tcp, any("127.0.0.1:0"), Versions::One).unwrap();
        let flags = FdFlag::from_bits_retain(fcntl(&opened, FcntlArg::F_GETFD).unwrap());
        assert!(flags.contains(FdFlag::FD_CLOEXEC));
        let flags = OFlag::from_bits_retain(fcntl(&opened, FcntlArg::F_GETFL).unwrap());
        assert!(!flags.contains(OFlag::O_NONBLOCK));
        let address = bound_address(&opened).unwrap();
        assert_ne!(address.port(), 0);
        let client = TcpStream::connect(address).unwrap();
        let (_, peer) = TcpListener::from(opened).accept().unwrap();
        assert_eq!(client.local_addr().unwrap(), peer);
    }

    #[test]
    fn a_port_that_somebody_has_is_refused() {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let first = open(protocol, any("127.0.0.1:0"), Versions::One).unwrap();
            let again = open(protocol, bound_address(&first).unwrap(), Versions::One);
            assert_eq!(again.map(drop), Err(Errno::EADDRINUSE), "{protocol:?}");
        }
    }

    #[test]
    fn the_sixth_version_takes_the_fourth_along_only_if_it_is_to() {
        let Ok(both) = open(Protocol::Udp, any("[::]:0"), Versions::Both) else {
            println!("skipped: there is no IPv6 here");
            return;
        };
        let port = bound_address(&both).unwrap().port();
        assert!(UdpSocket::bind(("127.0.0.1", port)).is_err());
        let one = open(Protocol::Udp, any("[::]:0"), Versions::One).unwrap();
        let port = bound_address(&one).unwrap().port();
        UdpSocket::bind(("127.0.0.1", port)).unwrap();
    }

    #[test]
    fn what_was_left_behind_is_replaced_and_nothing_else() {
        let directory = scratch("files");
        let path = directory.join("socket");
        let (opened, identity) = open_file(&path, 0o666).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
        assert_eq!(open_file(&path, 0o666).map(drop), Err(Errno::EADDRINUSE), "somebody listens");
        drop(opened);
        // A child that another test has just forked may hold it for a moment more.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while UnixStream::connect(&path).is_ok() && std::time::Instant::now() < deadline {}
        let (_opened, next) = open_file(&path, 0o600).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        UnixStream::connect(&path).unwrap();
        remove_file(&path, FileIdentity { inode: identity.inode.wrapping_add(1 << 40), ..next });
        assert!(path.exists(), "another file of that name is not ours to remove");
        remove_file(&path, next);
        assert!(!path.exists());

        std::fs::write(&path, "").unwrap();
        assert_eq!(open_file(&path, 0o666).map(drop), Err(Errno::EADDRINUSE), "a regular file");
        std::fs::remove_file(&path).unwrap();
        let datagrams = UnixDatagram::bind(&path).unwrap();
        assert_eq!(open_file(&path, 0o666).map(drop), Err(Errno::EADDRINUSE), "somebody with datagrams");
        drop(datagrams);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(directory.join("elsewhere"), &path).unwrap();
        let elsewhere = UnixListener::bind(directory.join("elsewhere")).unwrap();
        drop(elsewhere);
        assert_eq!(open_file(&path, 0o666).map(drop), Err(Errno::EADDRINUSE), "a link");
        assert_eq!(open_file(&directory.join("a/b"), 0o666).map(drop), Err(Errno::ENOENT));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
