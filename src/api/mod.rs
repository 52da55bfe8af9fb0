//! The API, without the sockets: what a request means, what a reply and an event look like.
//!
//! Pure: it reads the fleet and the ring, and writes bytes. What a request is to change goes out as a
//! [`request::Request`], which the supervisor carries out.
#![forbid(unsafe_code)]

pub mod arguments;
pub mod asker;
pub mod events;
pub mod history;
pub mod hook;
pub mod host;
pub mod info;
pub mod methods;
pub mod metrics;
pub mod output;
pub mod reload;
pub mod reply;
pub mod request;
pub mod results;
pub mod status;
pub mod why;
