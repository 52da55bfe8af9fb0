//! `procnanny init`: in a fresh pid namespace as its first process, and outside of one as a subreaper; beside the inits
//! that it stands in for, where they are installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../cli/tool.rs"]
#[allow(dead_code, reason = "only a part of it is used here")]
mod tool;

mod endings;
mod inits;
mod jobs;
mod names;
mod orphans;
mod side_by_side;
mod signals;
mod stopping;
mod surroundings;
