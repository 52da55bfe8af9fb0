//! The logger, by itself: the real program, with real pipes and files, and a test in the place of the supervisor.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod endings;
mod killed;
mod lines;
mod rig;
mod shared;
mod subscribers;
mod trouble;
