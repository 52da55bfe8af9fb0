//! `run --boot`: the first process of a machine that a real kernel boots, in qemu; and that of a container, with as much
//! of it as is allowed there.
//!
//! A machine takes a binary that needs no library: `PROCNANNY_TEST_STATIC` is its path. It also takes
//! `qemu-system-x86_64` and a kernel, `/boot/vmlinuz-*-cloud-amd64`. What is missing is said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../cli/tool.rs"]
#[allow(dead_code, reason = "only a part of it is used here")]
mod tool;

mod container;
mod disks;
mod image;
mod machine;
mod orders;
mod refusals;
mod repair;
mod shell;
mod story;
