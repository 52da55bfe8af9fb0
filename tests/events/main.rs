//! Events: what they tell, that none is lost without being noticed, and what a subscriber may cost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/protocol.rs"]
mod wire;

mod fields;
mod following;
mod memory;
mod storm;
mod subscribers;
