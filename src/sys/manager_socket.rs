//! The socket on which a service manager listens to what it started: `NOTIFY_SOCKET` of sd_notify(3).

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Where it listens. Its name is looked up with each datagram, so that it may come and go.
#[derive(Debug)]
pub struct ManagerSocket {
    socket: UnixDatagram,
    address: SocketAddr,
}

/// Why it cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// It is neither a path from the root nor an abstract name, but something else, such as `vsock:`.
    OtherKind,
    /// The system's words.
    Failed(io::Error),
}

/// Why a datagram was not sent.
#[derive(Debug)]
pub enum SendError {
    /// There is no room for it yet.
    Full,
    /// Nobody listens there, or it cannot be reached.
    Unreachable(io::Error),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKind => f.write_str("only a path from the root and @NAME are known"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Unusable {}

impl ManagerSocket {
    /// The socket of this address: `/PATH` or `@NAME`, whose `@` stands for the NUL of an abstract name (unix(7)).
    ///
    /// # Errors
    /// Another kind of address, and one that is too long; `EMFILE`, `ENFILE`.
    pub fn new(address: &OsStr) -> Result<Self, Unusable> {
        let address = match address.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            [b'/', ..] => SocketAddr::from_pathname(address),
            _ => return Err(Unusable::OtherKind),
        };
        let socket = UnixDatagram::unbound().map_err(Unusable::Failed)?;
        socket.set_nonblocking(true).map_err(Unusable::Failed)?;
        Ok(Self { socket, address: address.map_err(Unusable::Failed)? })
    }

    /// Sends a datagram, without waiting.
    ///
    /// # Errors
    /// That there is no room for it yet, and what the system says otherwise.
    pub fn send(&self, text: &str) -> Result<(), SendError> {
        match self.socket.send_to_addr(text.as_bytes(), &self.address) {
            Ok(_) => Ok(()),
            Err(error) => Err(match (error.kind(), error.raw_os_error()) {
                (ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::OutOfMemory, _)
                | (_, Some(libc::ENOBUFS)) => SendError::Full,
                _ => SendError::Unreachable(error),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<ManagerSocket, Unusable> {
        ManagerSocket::new(OsStr::new(text))
    }

    #[test]
    fn a_full_socket_is_told_from_one_that_is_not_there() {
        let name = format!("procnanny-unit-{}", std::process::id());
        let socket = address(&format!("@{name}")).unwrap();
        assert!(matches!(socket.send("READY=1"), Err(SendError::Unreachable(_))));
        let receiver =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name.as_bytes()).unwrap()).unwrap();
        let failed = (0..100_000).find_map(|_| socket.send("READY=1").err());
        assert!(matches!(failed, Some(SendError::Full)));
        let mut room = [0; 100];
        let length = receiver.recv(&mut room).unwrap();
        assert_eq!(&room[..length], b"READY=1");
    }

    #[test]
    fn other_addresses_are_refused() {
        for text in ["", "vsock:2:1234", "vsock-stream:2:1", "relative/path", "1234"] {
            assert!(matches!(address(text), Err(Unusable::OtherKind)), "{text}");
        }
        assert!(matches!(address(&format!("/{}", "x".repeat(200))), Err(Unusable::Failed(_))));
    }
}
