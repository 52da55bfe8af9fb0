//! `procnanny run` where there is little around it: nobody who may reach it, nothing to write to, no /proc, no /dev/null;
//! and what is between it and who started it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../cli/tool.rs"]
#[allow(dead_code, reason = "only a part of it is used here")]
mod tool;

mod anew;
mod manager;
mod no_rpc;
mod poor;
