//! What a process gets, and what it does not get; what is told when it cannot be started; and who cleans up after it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod beginnings;
mod environment;
mod failures;
mod identity;
mod isolation;
mod orphans;
