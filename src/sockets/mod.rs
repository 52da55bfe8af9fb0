//! Sockets that strangers can talk to: their limits, how they are bound, and what a subscriber may cost.
//!
//! The supervisor and the logger share it: the one publishes events, the other output.

mod file;
mod subscribers;

use crate::sys::curve::{self, Key};
use crate::sys::errno::{io_words, words};
use crate::sys::process::set_umask;
use crate::sys::zmq_options;
pub use file::{Renewal, SocketFile};
use std::ffi::{CStr, CString};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::Path;
pub use subscribers::{Received, SubscriberSocket};

/// How long a client may take to introduce itself, in milliseconds.
const HANDSHAKE: i32 = 5000;
/// How many clients may wait to be accepted.
const LISTEN_QUEUE: i32 = 128;

/// The bounds of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest message from a client, in bytes.
    pub message: i64,
    /// How many messages of one client wait in libzmq before it stops reading from that client.
    pub receive_queue: i32,
    /// How many messages to one client wait in libzmq.
    pub send_queue: i32,
}

/// Sets the bounds of a socket that strangers can talk to. Nothing may be left to a default: those are without bound.
///
/// # Errors
/// None is known for a socket that is open.
pub fn limit(socket: &zmq::Socket, limits: Limits) -> zmq::Result<()> {
    socket.set_maxmsgsize(limits.message)?;
    socket.set_handshake_ivl(HANDSHAKE)?;
    socket.set_rcvhwm(limits.receive_queue)?;
    socket.set_sndhwm(limits.send_queue)?;
    socket.set_backlog(LISTEN_QUEUE)?;
    socket.set_linger(0)
}

/// Who is let in at an address.
#[derive(Clone, Copy)]
pub enum Admission<'a> {
    /// Who may write to the socket's file.
    File {
        /// Its permissions.
        mode: u32,
        /// Its group, if it is to be another than our own.
        group: Option<u32>,
    },
    /// Who reaches it over the network.
    Network,
    /// Of those, who has a key that is known.
    Known {
        /// Our secret key of CURVE.
        secret: &'a Key,
        /// What the list of known keys is called where it is asked for.
        domain: &'a str,
    },
}

impl std::fmt::Debug for Admission<'_> {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { mode, group } => write!(f, "File {{ mode: {mode:04o}, group: {group:?} }}"),
            Self::Network => f.write_str("Network"),
            Self::Known { domain, .. } => write!(f, "Known {{ domain: {domain:?} }}"),
        }
    }
}

/// The part of the permissions of a file that are the owner's.
const OWNERS: u32 = 0o700;

/// Where a socket was bound.
#[derive(Debug)]
pub struct Bound {
    /// The address as it was bound.
    pub address: String,
    /// Its file, if it has one.
    pub file: Option<SocketFile>,
}

/// Binds a socket. A socket's file has its permissions from the first moment: to change them after bind would leave a
/// gap.
///
/// # Errors
/// The system's words.
pub fn bind(socket: &mut zmq::Socket, address: &str, admission: Admission<'_>) -> Result<Bound, String> {
    let text = CString::new(address).map_err(|error| error.to_string())?;
    let mut file = None;
    match admission {
        Admission::File { mode, group } => {
            // Those of another group come in when the file is that group's, and not before.
            let at_first = if group.is_some() { mode & OWNERS } else { mode };
            let before = set_umask(!at_first & 0o777);
            let bound = zmq_options::bind(socket, &text);
            set_umask(before);
            bound.map_err(words)?;
            if let (Some(group), Some(path)) = (group, address.strip_prefix("ipc://")) {
                give_to_group(Path::new(path), group, mode).map_err(|error| io_words(&error))?;
            }
            file = address.strip_prefix("ipc://").map(|path| SocketFile::made(path, mode, group));
        }
        Admission::Network => bind_to_network(socket, &text)?,
        Admission::Known { secret, domain } => {
            curve::serve(socket, secret, domain).map_err(words)?;
            bind_to_network(socket, &text)?;
        }
    }
    let last = socket.get_last_endpoint().ok().and_then(Result::ok);
    Ok(Bound { address: last.unwrap_or_else(|| address.to_string()), file })
}

fn bind_to_network(socket: &mut zmq::Socket, address: &CStr) -> Result<(), String> {
    // Only where it is needed: a host may have no IPv6 at all.
    let is_v6 = address.to_bytes().starts_with(b"tcp://[");
    socket.set_ipv6(is_v6).map_err(|error| error.to_string())?;
    zmq_options::bind(socket, address).map_err(words)
}

/// In a directory where nobody else can put another file in its place, which was checked.
fn give_to_group(path: &Path, group: u32, mode: u32) -> io::Result<()> {
    lchown(path, None, Some(group))?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}
