//! What goes over the wire, and how: values, and the codecs that bound them.
//!
//! - [`value`]: the one type for data that a request, a reply, an event or a JSON document is made of.
//! - [`msgpack`]: MessagePack, which the sockets speak. Its decoder is the first to meet bytes from outside.
//! - [`notify`]: the datagrams in which programs say that they are ready.
//! - [`json`]: JSON, for the command line, for hooks and for people.
//! - [`log_channel`]: what the supervisor and the logger say to one another.
//! - [`z85`]: the keys of CURVE as text.
//! - [`openmetrics`]: the text that Prometheus and its like read; only written.
//!
//! Invariant: decoding never panics, never recurses deeper than a constant, and never allocates more than a
//! small multiple of the bytes it was given, whatever those bytes claim.

pub mod json;
pub mod log_channel;
pub mod msgpack;
pub mod notify;
pub mod openmetrics;
pub mod value;
pub mod z85;
