//! Sockets that the supervisor opens for a program: where they are, and what they are called.

use std::fmt;
use std::net::SocketAddr;

/// The number of the first socket in a process; the others follow. `SD_LISTEN_FDS_START` of sd_listen_fds(3).
pub const FIRST_DESCRIPTOR: i32 = 3;

/// A socket of a program, which all its processes are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketSetting {
    /// What it is called in `LISTEN_FDNAMES`; the program's name if `None`. Printable ASCII without `:`.
    pub name: Option<String>,
    /// Where it is; a path is before substitution.
    pub place: SocketPlace,
}

/// Where a socket is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SocketPlace {
    /// Connections over the network.
    Tcp(NetworkAddress),
    /// Datagrams over the network.
    Udp(NetworkAddress),
    /// Connections over a file, by its path.
    Unix(String),
}

/// An address of this host, with a port; port 0 is one that the kernel chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetworkAddress {
    /// All addresses, of both versions of IP where the host has both.
    All(u16),
    /// This one; of the sixth version, the address for all is all of the sixth version.
    One(SocketAddr),
}

impl fmt::Display for SocketSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name}={}", self.place),
            None => self.place.fmt(f),
        }
    }
}

impl fmt::Display for SocketPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Udp(address) => write!(f, "udp:{address}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

impl fmt::Display for NetworkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(port) => write!(f, "*:{port}"),
            Self::One(address) => address.fmt(f),
        }
    }
}

impl NetworkAddress {
    /// The same address with the port that was bound.
    #[must_use]
    pub fn at_port(self, port: u16) -> Self {
        match self {
            Self::All(_) => Self::All(port),
            Self::One(mut address) => {
                address.set_port(port);
                Self::One(address)
            }
        }
    }
}
