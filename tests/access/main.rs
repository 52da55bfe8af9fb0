//! Who may: access levels, permissions of sockets, and endpoints that are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/protocol.rs"]
mod wire;

mod curve;
mod files;
mod levels;
mod refused;
mod users;
