//! Bad input: an error with its code, or a closed connection, for that client alone. Programs are not touched, others
//! are answered meanwhile, and memory stays bounded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/protocol.rs"]
mod wire;

mod arguments;
mod connections;
mod crowds;
mod frames;
mod random;

use common::Supervisor;
use wire::Bystanders;

/// A supervisor with programs that nothing may touch.
fn supervised() -> (Supervisor, Bystanders) {
    let mut supervisor = Supervisor::start();
    let bystanders = Bystanders::of(&mut supervisor);
    (supervisor, bystanders)
}
