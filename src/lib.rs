//! procnanny: a process supervisor that is a state machine, with an API of MessagePack over ZeroMQ.
//!
//! A map of the house. Data flows one way:
//!
//! ```text
//! descriptor ready → Source → Input → table::step → Step { state, admin, effects } → system calls
//! ```
//!
//! - [`core`] decides: states, the transition table, the restart policy, programs and instances, the memory of
//!   events. Pure; it knows no clock and no system call.
//! - [`wire`] encodes and decodes: MessagePack for the sockets, JSON for people, both bounded.
//! - [`sys`] is the only place with `unsafe` and raw system calls.

pub mod core;
pub mod sys;
pub mod wire;
