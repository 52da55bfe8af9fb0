//! The static program in an empty root: a directory with nothing but the program and a configuration, without /dev and
//! without /proc. The program is the one that `PROCNANNY_TEST_STATIC` names, as another build is needed for it than
//! the tests have: that of the README.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../cli/tool.rs"]
#[allow(dead_code, reason = "only a part of it is used here")]
mod tool;

mod commands;
mod file;
mod hosts;
mod init;
mod root;
