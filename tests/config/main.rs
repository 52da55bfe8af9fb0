//! Configuration files: what they say is what runs, and every mistake in them is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../cli/tool.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod tool;

mod broken;
mod examples;
mod exit_when;
mod parity;
mod places;
mod supervisor;
