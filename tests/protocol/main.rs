//! The protocol, seen by a client: procnanny-rpc(7) is what it promises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/protocol.rs"]
mod wire;

mod commands;
mod envelopes;
mod errors;
mod info;
mod methods;
mod selecting;
mod status;
mod values;
mod waiting;
