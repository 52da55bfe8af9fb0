//! What the zmq crate has no function for that is safe and never panics: an option, binding, and the connection behind
//! a message.
//!
//! A message from a client tells which descriptor libzmq reads that client from: the property `__fd`, the source of
//! the documented `ZMQ_SRCFD`, which libzmq sets for every stream transport, ipc among them. The descriptor is
//! libzmq's, whose own thread closes it whenever the client goes; the number is then free for others. So a connection
//! is known by its number and its inode together, and is not closed from here: after a shutdown(2) libzmq sees the
//! end of the stream, and does the rest itself.

use std::ffi::CStr;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use libc::c_int;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, Shutdown, SockType, SockaddrLike, SockaddrStorage};
use nix::sys::socket::{getpeername, getsockopt, shutdown, sockopt};

use super::poll::Poller;
use super::process::Pid;

/// Tells a connection from those that had or will have the same descriptor number: the inode of its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionIdentity(u64);

/// Lets an XPUB socket pass on every subscription and every cancellation, also those that change nothing because
/// another client has the same one (`ZMQ_XPUB_VERBOSER`).
///
/// # Errors
/// `EINVAL` if it is not an XPUB socket.
pub fn set_xpub_verboser(socket: &mut zmq::Socket, on: bool) -> Result<(), Errno> {
    let option = c_int::try_from(zmq_sys::ZMQ_XPUB_VERBOSER).map_err(|_| Errno::EINVAL)?;
    let value = c_int::from(on);
    // SAFETY: the socket is open, and borrowed by us alone; the value is an int, as zmq_setsockopt(3) says, and lives
    // until the call returns.
    let result = unsafe {
        zmq_sys::zmq_setsockopt(socket.as_mut_ptr(), option, (&raw const value).cast(), size_of::<c_int>())
    };
    Errno::result(result).map(drop)
}

/// Binds a socket to an endpoint: zmq_bind(3). The zmq crate's own function panics on an error that it does not expect,
/// as that of a file system that is read-only.
///
/// Whatever is at the path of an ipc endpoint is removed first, also the socket of a process that still listens.
///
/// # Errors
/// What bind(2) says, and `EINVAL` or `EPROTONOSUPPORT` for an endpoint that is not well written.
pub fn bind(socket: &mut zmq::Socket, endpoint: &CStr) -> Result<(), Errno> {
    // SAFETY: the socket is open, and borrowed by us alone; the string lives until the call returns.
    Errno::result(unsafe { zmq_sys::zmq_bind(socket.as_mut_ptr(), endpoint.as_ptr()) }).map(drop)
}

/// Has a poller watch the descriptor that tells of changes of a socket (`ZMQ_FD`). It becomes readable once for a
/// change, so whoever is woken by it receives until nothing is left, and does so after each send too.
///
/// # Errors
/// What epoll_ctl(2) says, and `EINVAL` for a socket that is closed.
pub fn watch(poller: &Poller, socket: &zmq::Socket, token: u64) -> Result<(), Errno> {
    let descriptor = socket.get_fd().map_err(|_| Errno::EINVAL)?;
    // SAFETY: libzmq keeps the descriptor open as long as the socket, which outlives this call.
    poller.add(unsafe { BorrowedFd::borrow_raw(descriptor) }, token)
}

/// The descriptor over which libzmq received this message, a number and no more: by now it may be closed, or another
/// one. `None` for a message that came from no connection.
#[must_use]
pub fn source_descriptor(message: &mut zmq::Message) -> Option<RawFd> {
    message.gets("__fd")?.parse().ok().filter(|descriptor| *descriptor >= 0)
}

/// The identity of the socket that has this number now; `None` if there is none.
///
/// It is that of the message's connection if it is asked before the loop's next turn of receiving shows that client
/// gone; should it be that of a later connection after all, then that one is known by it, and nothing else.
#[must_use]
pub fn connection_identity(descriptor: RawFd) -> Option<ConnectionIdentity> {
    // SAFETY: all zero is a valid `stat`, which the call fills; a number that is not open is an error and nothing else.
    let (result, status) = unsafe {
        let mut status: libc::stat = std::mem::zeroed();
        (libc::fstat(descriptor, &raw mut status), status)
    };
    let is_socket = status.st_mode & libc::S_IFMT == libc::S_IFSOCK;
    #[allow(clippy::useless_conversion, reason = "the type of an inode number depends on the architecture")]
    (result == 0 && is_socket).then(|| ConnectionIdentity(status.st_ino.into()))
}

/// Ends a client's connection, in both directions. libzmq then forgets the client.
///
/// # Errors
/// `ESTALE` if the number is no longer that connection; `ENOTCONN` if it was, but the client has gone; `EINVAL` if
/// it is no connection, but a socket that listens or has no streams; `EMFILE`, `ENFILE`.
pub fn disconnect_peer(descriptor: RawFd, identity: ConnectionIdentity) -> Result<(), Errno> {
    let duplicate = duplicate(descriptor, identity)?;
    if getsockopt(&duplicate, sockopt::SockType)? != SockType::Stream
        || getsockopt(&duplicate, sockopt::AcceptConn)?
    {
        return Err(Errno::EINVAL);
    }
    shutdown(duplicate.as_raw_fd(), Shutdown::Both)
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A process on this host, as it was when it connected: unix(7), `SO_PEERCRED`.
    Process {
        /// Its id; `None` for one outside of our PID namespace.
        pid: Option<Pid>,
        /// Its effective user.
        uid: u32,
    },
    /// Whoever is at this address.
    Address(SocketAddr),
}

/// Who is at the other end of a client's connection.
///
/// # Errors
/// `ESTALE` if the number is no longer that connection; `ENOTCONN` if it was, but the client has gone;
/// `EAFNOSUPPORT`, `EMFILE`, `ENFILE`.
pub fn peer(descriptor: RawFd, identity: ConnectionIdentity) -> Result<Peer, Errno> {
    let duplicate = duplicate(descriptor, identity)?;
    let address: SockaddrStorage = getpeername(duplicate.as_raw_fd())?;
    if address.family() == Some(AddressFamily::Unix) {
        let credentials = getsockopt(&duplicate, sockopt::PeerCredentials)?;
        return Ok(Peer::Process { pid: Pid::new(credentials.pid()), uid: credentials.uid() });
    }
    let address = TcpStream::from(duplicate).peer_addr();
    address
        .map(Peer::Address)
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EAFNOSUPPORT)))
}

/// A duplicate of our own: whatever happens to the number from now on, this stays the connection that was checked.
fn duplicate(descriptor: RawFd, identity: ConnectionIdentity) -> Result<OwnedFd, Errno> {
    const ABOVE_STANDARD: RawFd = 3;
    // SAFETY: only numbers; a number that is not open is an error and nothing else.
    let duplicate = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, ABOVE_STANDARD) };
    let duplicate = match Errno::result(duplicate) {
        // SAFETY: fcntl has just made it, and nobody else knows of it.
        Ok(duplicate) => unsafe { OwnedFd::from_raw_fd(duplicate) },
        Err(Errno::EBADF) => return Err(Errno::ESTALE),
        Err(errno) => return Err(errno),
    };
    if connection_identity(duplicate.as_raw_fd()) != Some(identity) {
        return Err(Errno::ESTALE);
    }
    Ok(duplicate)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    const PATIENCE: i32 = 10_000;

    #[test]
    fn every_subscription_and_cancellation_is_passed_on() {
        let context = zmq::Context::new();
        let mut publisher = context.socket(zmq::XPUB).unwrap();
        publisher.set_rcvtimeo(PATIENCE).unwrap();
        set_xpub_verboser(&mut publisher, true).unwrap();
        publisher.bind("inproc://verboser").unwrap();
        let subscribers = [(); 2].map(|()| {
            let subscriber = context.socket(zmq::SUB).unwrap();
            subscriber.connect("inproc://verboser").unwrap();
            subscriber.set_subscribe(b"a").unwrap();
            subscriber
        });
        for _ in &subscribers {
            assert_eq!(publisher.recv_bytes(0).unwrap(), b"\x01a");
        }
        for subscriber in &subscribers {
            subscriber.set_unsubscribe(b"a").unwrap();
            assert_eq!(publisher.recv_bytes(0).unwrap(), b"\x00a");
        }
        let mut router = context.socket(zmq::ROUTER).unwrap();
        assert_eq!(set_xpub_verboser(&mut router, true), Err(Errno::EINVAL));
        assert_eq!(bind(&mut router, c"ipc:///etc/passwd/socket"), Err(Errno::ENOTDIR));
        assert_eq!(bind(&mut router, c"ipc://"), Err(Errno::EINVAL));
        bind(&mut router, c"inproc://router").unwrap();
    }

    #[test]
    fn a_client_is_known_by_its_connection_and_can_be_disconnected() {
        let directory = std::env::temp_dir().join(format!("procnanny-zmq-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let endpoint = format!("ipc://{}/socket", directory.display());
        let context = zmq::Context::new();
        let router = context.socket(zmq::ROUTER).unwrap();
        router.set_rcvtimeo(PATIENCE).unwrap();
        router.bind(&endpoint).unwrap();

        let client = |monitor: &str| {
            let client = context.socket(zmq::DEALER).unwrap();
            client.set_linger(0).unwrap();
            client.set_reconnect_ivl(-1).unwrap();
            client.monitor(monitor, zmq::SocketEvent::DISCONNECTED.to_raw().into()).unwrap();
            let events = context.socket(zmq::PAIR).unwrap();
            events.set_rcvtimeo(PATIENCE).unwrap();
            events.connect(monitor).unwrap();
            client.connect(&endpoint).unwrap();
            client.send("hello", 0).unwrap();
            let mut message = router.recv_msg(0).unwrap();
            while message.get_more() {
                message = router.recv_msg(0).unwrap();
            }
            let descriptor = source_descriptor(&mut message).unwrap();
            (client, events, descriptor, connection_identity(descriptor).unwrap())
        };
        let (_first, first_events, first_descriptor, first_identity) = client("inproc://first");
        let (second, second_events, second_descriptor, second_identity) = client("inproc://second");
        assert_ne!(first_identity, second_identity);

        let ours = Peer::Process { pid: Some(Pid::own()), uid: super::super::process::own_effective_uid() };
        assert_eq!(peer(first_descriptor, first_identity), Ok(ours));
        assert_eq!(peer(first_descriptor, second_identity), Err(Errno::ESTALE));
        assert_eq!(disconnect_peer(first_descriptor, second_identity), Err(Errno::ESTALE));
        disconnect_peer(first_descriptor, first_identity).unwrap();
        first_events.recv_bytes(0).unwrap();

        // The other one is as it was.
        assert_eq!(second_events.recv_bytes(zmq::DONTWAIT), Err(zmq::Error::EAGAIN));
        second.send("again", 0).unwrap();
        router.recv_msg(0).unwrap();
        assert_eq!(router.recv_msg(0).unwrap().as_str(), Some("again"));
        assert_eq!(connection_identity(second_descriptor), Some(second_identity));

        assert_eq!(source_descriptor(&mut zmq::Message::from("of our own")), None);
        drop((router, second));
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_peer_of_a_network_has_an_address() {
        for at in ["127.0.0.1:0", "[::1]:0"] {
            // A host may have no IPv6.
            let Ok(listener) = std::net::TcpListener::bind(at) else { continue };
            let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (served, address) = listener.accept().unwrap();
            let identity = connection_identity(served.as_raw_fd()).unwrap();
            assert_eq!(peer(served.as_raw_fd(), identity), Ok(Peer::Address(address)));
            assert_eq!(client.local_addr().unwrap(), address);
        }
    }

    #[test]
    fn what_is_no_connection_is_left_alone() {
        let path = std::env::temp_dir().join(format!("procnanny-listener-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let identity = connection_identity(listener.as_raw_fd()).unwrap();
        assert_eq!(disconnect_peer(listener.as_raw_fd(), identity), Err(Errno::EINVAL));
        let client = UnixStream::connect(&path).unwrap();
        drop(listener.accept().unwrap());
        std::fs::remove_file(&path).unwrap();

        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(connection_identity(file.as_raw_fd()), None);
        assert_eq!(connection_identity(-1), None);
        let identity = connection_identity(client.as_raw_fd()).unwrap();
        assert_eq!(disconnect_peer(-1, identity), Err(Errno::ESTALE));
        assert_eq!(disconnect_peer(file.as_raw_fd(), identity), Err(Errno::ESTALE));
    }
}
