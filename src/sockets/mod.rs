//! Sockets that strangers can talk to: their limits, how they are bound, and what a subscriber may cost.
//!
//! The supervisor and the logger share it: the one publishes events, the other output.

mod subscribers;

use crate::sys::errno::words;
use crate::sys::process::set_umask;
use crate::sys::zmq_options;
use std::ffi::CString;
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

/// Binds a socket, and returns the address as it was bound. A socket's file has its permissions, `mode`, from the first
/// moment: to change them after bind would leave a gap.
///
/// # Errors
/// The system's words.
pub fn bind(socket: &mut zmq::Socket, address: &str, mode: Option<u32>) -> Result<String, String> {
    let text = CString::new(address).map_err(|error| error.to_string())?;
    let bound = match mode {
        Some(mode) => {
            let before = set_umask(!mode & 0o777);
            let bound = zmq_options::bind(socket, &text);
            set_umask(before);
            bound
        }
        None => {
            // Only where it is needed: a host may have no IPv6 at all.
            socket.set_ipv6(address.starts_with("tcp://[")).map_err(|error| error.to_string())?;
            zmq_options::bind(socket, &text)
        }
    };
    bound.map_err(words)?;
    let last = socket.get_last_endpoint().ok().and_then(Result::ok);
    Ok(last.unwrap_or_else(|| address.to_string()))
}
