//! The client commands: the real binary against a real supervisor.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod completions;
mod demo;
mod exit_codes;
mod following;
mod healthcheck;
mod held_events;
mod looking;
mod programs;
mod settings;
mod supervising;
mod terminal;
mod tmux;
mod tool;
mod top;
mod usage;
