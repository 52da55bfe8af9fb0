//! What programs print: captured, written, rotated, shown and followed, whatever becomes of programs, logger, disk and
//! supervisor.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../cli/tool.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod tool;

mod capture;
mod descriptors;
mod files;
mod following;
mod logger;
mod printing;
mod settings;
mod tail;
mod trouble;
