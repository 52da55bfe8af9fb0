//! How the supervisor ends, what it leaves behind, where it refuses to begin, and how it does with few descriptors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod endings;
mod few_descriptors;
mod runtime_dir;
