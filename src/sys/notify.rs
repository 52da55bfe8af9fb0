//! The socket on which programs say how they are: datagrams of sd_notify(3), each with the credentials of its sender.
//!
//! It has an abstract name (unix(7)), so that it can be reached whatever the user, the permissions and the root
//! directory of a program are. In a network namespace of its own a program does not reach it. That anybody else can
//! does no harm: the kernel says who sent a datagram (`SCM_CREDENTIALS`), and only a privileged process can claim
//! to be another.

use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use libc::{c_int, cmsghdr, msghdr, ucred};
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr, sockopt};

use super::process::Pid;

/// How many bytes of control messages are received: the credentials, and some descriptors. Those that there is no room
/// for the kernel closes.
const CONTROL_SIZE: usize = 128;

/// A buffer for control messages, aligned as their headers are.
#[repr(C, align(8))]
struct Control([u8; CONTROL_SIZE]);

/// The socket: non-blocking, close-on-exec.
#[derive(Debug)]
pub struct NotifySocket(OwnedFd);

/// A datagram. The descriptors that came along are closed when this is dropped.
#[derive(Debug)]
pub struct Datagram {
    /// How many bytes of it were received.
    pub length: usize,
    /// Whether there was room for all of it.
    pub size: Size,
    /// The process that sent it; `None` if we cannot see that process, as from another PID namespace.
    pub sender: Option<Pid>,
    /// Descriptors that came along.
    pub descriptors: Vec<OwnedFd>,
}

/// Whether there was room for a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// All of it was received.
    Whole,
    /// What there was no room for is lost.
    Cut,
}

impl NotifySocket {
    /// Opens it under an abstract name, without the NUL byte at its beginning.
    ///
    /// # Errors
    /// `EADDRINUSE` if somebody else has the name, `ENAMETOOLONG` beyond 107 bytes; `EMFILE`, `ENFILE`.
    pub fn open(name: &str) -> Result<Self, Errno> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket::socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
        // Before anybody can send: whatever is received has credentials.
        socket::setsockopt(&socket, sockopt::PassCred, &true)?;
        socket::bind(socket.as_raw_fd(), &UnixAddr::new_abstract(name.as_bytes())?)?;
        Ok(Self(socket))
    }

    /// Receives the next datagram, as far as there is room. `None` if there is none.
    ///
    /// # Errors
    /// `ENOMEM`, `ENOBUFS`.
    pub fn receive(&self, room: &mut [u8]) -> Result<Option<Datagram>, Errno> {
        let mut control = Control([0; CONTROL_SIZE]);
        let mut vector = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
        // SAFETY: all zero is a valid `msghdr`: one without anything.
        let mut message: msghdr = unsafe { mem::zeroed() };
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = CONTROL_SIZE as _;
        let received = loop {
            // SAFETY: the message points to one vector and one buffer, which are as long as it says and live on.
            let result =
                unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
            match Errno::result(result) {
                Ok(length) => break length,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Err(errno) => return Err(errno),
            }
        };
        let size = if message.msg_flags & libc::MSG_TRUNC == 0 { Size::Whole } else { Size::Cut };
        let (sender, descriptors) = attached(&message);
        Ok(Some(Datagram { length: received.unsigned_abs(), size, sender, descriptors }))
    }
}

impl AsFd for NotifySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The sender of a message that recvmsg(2) has filled, and the descriptors that it brought.
fn attached(message: &msghdr) -> (Option<Pid>, Vec<OwnedFd>) {
    let (mut sender, mut descriptors) = (None, Vec::new());
    // SAFETY: the kernel has filled the control buffer and set its length; the macros stay within it (cmsg(3)).
    let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: null, or an aligned header within the buffer.
    while let Some(header) = unsafe { next.as_ref() } {
        match (header.cmsg_level, header.cmsg_type) {
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {
                // SAFETY: what follows a header of this type is this structure.
                let credentials: ucred = unsafe { ptr::read_unaligned(libc::CMSG_DATA(next).cast()) };
                sender = Pid::new(credentials.pid);
            }
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                for index in 0..payload(header) / size_of::<RawFd>() {
                    // SAFETY: what follows a header of this type is as many descriptors as there is room for. They
                    // were made for us by this call, and nobody else knows of them.
                    descriptors.push(unsafe {
                        let place = libc::CMSG_DATA(next).cast::<c_int>().add(index);
                        OwnedFd::from_raw_fd(ptr::read_unaligned(place))
                    });
                }
            }
            _ => {}
        }
        // SAFETY: as for the first one.
        next = unsafe { libc::CMSG_NXTHDR(message, next) };
    }
    (sender, descriptors)
}

/// How many bytes follow a header.
#[allow(clippy::unnecessary_cast, reason = "the type of the length differs between C libraries")]
fn payload(header: &cmsghdr) -> usize {
    // SAFETY: only a number.
    let empty = unsafe { libc::CMSG_LEN(0) } as usize;
    (header.cmsg_len as usize).saturating_sub(empty)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    use nix::sys::socket::{ControlMessage, MsgFlags};

    use super::super::test_support::in_child;
    use super::super::wait::Ending;
    use super::*;

    fn open(name: &str) -> (NotifySocket, UnixDatagram) {
        let name = format!("procnanny-unit-{}-{name}", std::process::id());
        let socket = NotifySocket::open(&name).unwrap();
        assert_eq!(NotifySocket::open(&name).unwrap_err(), Errno::EADDRINUSE);
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        (socket, sender)
    }

    #[test]
    fn each_datagram_has_its_sender() {
        let (socket, sender) = open("sender");
        let mut room = [0; 8];
        assert!(socket.receive(&mut room).unwrap().is_none());
        sender.send(b"READY=1\n").unwrap();
        let datagram = socket.receive(&mut room).unwrap().unwrap();
        assert_eq!((datagram.length, datagram.size), (8, Size::Whole));
        assert_eq!(datagram.sender, Some(Pid::own()));
        assert_eq!(&room, b"READY=1\n");
        let ended = in_child(|| i32::from(sender.send(b"").is_err()));
        assert_eq!(ended, Ending::Exited(0));
        let datagram = socket.receive(&mut room).unwrap().unwrap();
        assert_eq!(datagram.length, 0);
        assert!(datagram.sender.is_some_and(|pid| pid != Pid::own()));
        sender.send(&[b'x'; 9]).unwrap();
        let datagram = socket.receive(&mut room).unwrap().unwrap();
        assert_eq!((datagram.length, datagram.size), (8, Size::Cut));
    }

    #[test]
    fn descriptors_that_come_along_are_closed_at_the_end() {
        let (socket, sender) = open("descriptors");
        // More than there is room for.
        let ends: Vec<_> = (0..40).map(|_| nix::unistd::pipe().unwrap()).collect();
        let raw: Vec<RawFd> = ends.iter().map(|(_, writer)| writer.as_raw_fd()).collect();
        let vector = [std::io::IoSlice::new(b"BARRIER=1")];
        let rights = [ControlMessage::ScmRights(&raw)];
        socket::sendmsg::<()>(sender.as_raw_fd(), &vector, &rights, MsgFlags::empty(), None).unwrap();
        let readers: Vec<OwnedFd> = ends.into_iter().map(|(reader, _)| reader).collect();
        let datagram = socket.receive(&mut [0; 64]).unwrap().unwrap();
        assert_eq!(datagram.sender, Some(Pid::own()));
        assert!((1..40).contains(&datagram.descriptors.len()), "{}", datagram.descriptors.len());
        drop(datagram);
        for reader in readers {
            // It would wait here for ever if a writing end were still open.
            assert_eq!(nix::unistd::read(reader, &mut [0]), Ok(0));
        }
    }
}
