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
//! - [`config`] is the one table of settings, what it takes to read their values, the files they stand in, and what a
//!   reload of those changes.
//! - [`api`] understands requests and writes replies and events, without a socket.
//! - [`sockets`] are what strangers can talk to, and what a subscriber may cost.
//! - [`supervisor`] is the shell around the core: one loop that owns the descriptors and carries out effects.
//! - [`init`] is the first process of a container, for one command: a loop of its own.
//! - [`boot`] is what is to be done before and after, where that shell is the first process of a whole machine.
//! - [`logger`] is a process of its own, with a loop of its own: it takes, keeps and writes what programs print.
//! - [`cli`] is the other end: the commands, a client of the API as any other.
//! - [`sys`] is the only place with `unsafe` and raw system calls.

pub mod api;
pub mod boot;
pub mod cli;
pub mod config;
pub mod core;
pub mod init;
pub mod logger;
pub mod sockets;
pub mod supervisor;
pub mod sys;
pub mod wire;
