//! Where a supervisor is: which endpoint to talk to, and whether anybody listens there. That is asked with a plain
//! connection first, since libzmq would only go on trying.

use super::exit::{Failure, words};
use crate::config::runtime_dir::{RPC_VARIABLE, default_runtime_dir};
use crate::sys::errno;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket, sockopt};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a connection over the network may take. A host that answers nothing at all is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An endpoint, as libzmq takes it, and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    text: String,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    /// A name in Linux's abstract namespace.
    Abstract(String),
    Network {
        host: String,
        port: u16,
    },
}

/// Whether somebody listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Somebody does.
    There,
    /// Somebody does, but has more connections to accept than fit in line.
    Crowded,
}

impl Endpoint {
    /// The endpoint that was named, else the one in the environment, else the default one.
    ///
    /// # Errors
    /// [`Failure::Usage`] for what is no endpoint.
    pub fn chosen(named: Option<&str>) -> Result<Self, Failure> {
        let from_environment = || std::env::var(RPC_VARIABLE).ok().filter(|text| !text.is_empty());
        if let Some(text) = named {
            return Self::parse(text).map_err(|why| Failure::Usage(format!("--rpc {text}: {why}")));
        }
        match from_environment() {
            Some(text) => {
                Self::parse(&text).map_err(|why| Failure::Usage(format!("${RPC_VARIABLE} is {text}: {why}")))
            }
            None => Ok(Self::in_directory(&default_runtime_dir())),
        }
    }

    /// The endpoint for requests of a supervisor with this runtime directory.
    pub fn in_directory(directory: &Path) -> Self {
        let path = directory.join("rpc");
        Self { text: format!("ipc://{}", path.display()), place: Place::File(path) }
    }

    /// Reads `ipc://PATH` or `tcp://HOST:PORT`.
    ///
    /// # Errors
    /// What would have been right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected ipc://PATH or tcp://HOST:PORT".to_string();
        if text.contains('\0') {
            return Err(expected());
        }
        let place = if let Some(path) = text.strip_prefix("ipc://") {
            match path.strip_prefix('@') {
                Some(name) if !name.is_empty() => Place::Abstract(name.to_string()),
                Some(_) => return Err(expected()),
                None if path.is_empty() => return Err(expected()),
                None => Place::File(PathBuf::from(path)),
            }
        } else {
            let address = text.strip_prefix("tcp://").ok_or_else(expected)?;
            let (host, port) = address.rsplit_once(':').ok_or_else(expected)?;
            let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(expected)?;
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            if host.is_empty() || host == "*" {
                return Err(expected());
            }
            Place::Network { host: host.to_string(), port }
        };
        Ok(Self { text: text.to_string(), place })
    }

    /// As libzmq takes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is reached over a network.
    pub fn is_network(&self) -> bool {
        match self.place {
            Place::Network { .. } => true,
            Place::File(_) | Place::Abstract(_) => false,
        }
    }

    /// Asks whether anybody listens, without saying anything.
    ///
    /// # Errors
    /// [`Failure::NoSupervisor`] when nobody does, [`Failure::Failed`] when it cannot be found out.
    pub fn probe(&self) -> Result<Presence, Failure> {
        let asked = match &self.place {
            Place::File(path) => UnixAddr::new(path).and_then(|address| probe_unix(&address)),
            Place::Abstract(name) => {
                UnixAddr::new_abstract(name.as_bytes()).and_then(|address| probe_unix(&address))
            }
            Place::Network { host, port } => return self.probe_network(host, *port),
        };
        asked.map_err(|errno| match errno {
            Errno::ENOENT | Errno::ECONNREFUSED | Errno::ENOTDIR => self.nobody(),
            Errno::EACCES | Errno::EPERM => Failure::Failed(format!(
                "cannot connect to {self}: {}; it belongs to another user: try as that user, or as root",
                errno::words(errno)
            )),
            Errno::ENAMETOOLONG => {
                Failure::Usage(format!("cannot connect to {self}: a socket's path has at most 107 bytes"))
            }
            other => Failure::Failed(format!("cannot connect to {self}: {}", errno::words(other))),
        })
    }

    /// The process that listens, as far as it is to be seen from here.
    pub fn listener(&self) -> Option<i32> {
        let address = match &self.place {
            Place::File(path) => UnixAddr::new(path),
            Place::Abstract(name) => UnixAddr::new_abstract(name.as_bytes()),
            Place::Network { .. } => return None,
        };
        let connection = connected(&address.ok()?).ok()?;
        let peer = getsockopt(&connection, sockopt::PeerCredentials).ok()?;
        // 0 for a process of a pid namespace that is not ours.
        Some(peer.pid()).filter(|pid| *pid > 0)
    }

    /// The error that nobody listens there.
    pub fn nobody(&self) -> Failure {
        Failure::NoSupervisor(format!(
            "no supervisor at {self}: start one with 'procnanny run', or name another with --rpc"
        ))
    }

    fn probe_network(&self, host: &str, port: u16) -> Result<Presence, Failure> {
        let failed =
            |error: io::Error| Failure::Failed(format!("cannot connect to {self}: {}", words(&error)));
        let mut last = None;
        for address in (host, port).to_socket_addrs().map_err(failed)? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(_) => return Ok(Presence::There),
                Err(error) => last = Some(error),
            }
        }
        Err(match last {
            Some(error) if is_nobody(error.kind()) => self.nobody(),
            Some(error) => failed(error),
            None => Failure::Failed(format!("cannot connect to {self}: the host has no address")),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_nobody(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::TimedOut
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
    )
}

fn probe_unix(address: &UnixAddr) -> Result<Presence, Errno> {
    match connected(address) {
        Ok(_) => Ok(Presence::There),
        Err(Errno::EAGAIN) => Ok(Presence::Crowded),
        Err(errno) => Err(errno),
    }
}

/// A connection, made without blocking: where the line is full, connect(2) would otherwise wait for as long as the
/// other side does not accept, which may be forever.
fn connected(address: &UnixAddr) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let connection = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(connection.as_raw_fd(), address)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;
    use std::time::Instant;

    fn endpoint(text: &str) -> Endpoint {
        Endpoint::parse(text).unwrap()
    }

    #[test]
    fn endpoints_are_read() {
        assert_eq!(endpoint("ipc:///run/x").place, Place::File(PathBuf::from("/run/x")));
        assert_eq!(endpoint("ipc://@x").place, Place::Abstract("x".to_string()));
        let localhost = Place::Network { host: "localhost".to_string(), port: 3333 };
        assert_eq!(endpoint("tcp://localhost:3333").place, localhost);
        assert_eq!(endpoint("tcp://[::1]:1").place, Place::Network { host: "::1".to_string(), port: 1 });
        for wrong in [
            "",
            "x",
            "/run/x",
            "ipc://",
            "ipc://@",
            "tcp://x",
            "tcp://:1",
            "tcp://*:1",
            "tcp://x:0",
            "ipc://\0",
        ] {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    fn nobody(endpoint: &Endpoint) -> bool {
        matches!(endpoint.probe(), Err(Failure::NoSupervisor(_)))
    }

    /// A child that another test has just forked may hold the listener for a moment more.
    fn eventually_nobody(endpoint: &Endpoint) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !nobody(endpoint) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        nobody(endpoint)
    }

    #[test]
    fn nobody_there_is_said_at_once() {
        let directory = std::env::temp_dir().join(format!("procnanny-probe-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = Endpoint::in_directory(&directory);
        assert!(nobody(&file));
        let listener = UnixListener::bind(directory.join("rpc")).unwrap();
        assert_eq!(file.probe().unwrap(), Presence::There);
        assert_eq!(file.listener(), i32::try_from(std::process::id()).ok());
        drop(listener);
        assert!(eventually_nobody(&file), "a socket that nobody has open any more");
        std::fs::remove_dir_all(&directory).unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let network = endpoint(&format!("tcp://127.0.0.1:{}", listener.local_addr().unwrap().port()));
        assert_eq!(network.probe().unwrap(), Presence::There);
        drop(listener);
        assert!(eventually_nobody(&network));
        let long = endpoint(&format!("ipc:///{}", "x".repeat(200)));
        assert!(matches!(long.probe(), Err(Failure::Usage(_))));
    }
}
