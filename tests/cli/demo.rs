//! `demo` where nobody watches: it shows, ends by itself, and leaves nothing.

use super::common::{Scratch, eventually_true, proc};
use super::tool::{Background, run, tool};
use nix::sys::signal::Signal;
use std::process::Command;

/// The variable that marks a demo and everything it starts.
const MARK: &str = "PROCNANNY_TEST_DEMO";

/// A demo whose directory is made in this one.
pub fn demo_in(scratch: &Scratch, options: &[&str]) -> Command {
    let mut command = tool(&[&["demo"], options].concat());
    command.env("TMPDIR", scratch.path()).env(MARK, scratch.mark());
    command
}

/// Nothing is left of a demo that has ended: no process, no directory.
#[track_caller]
pub fn expect_nothing_left(scratch: &Scratch) {
    assert_eq!(proc::with_variable(MARK, &scratch.mark()), [0; 0], "no process is left");
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "no directory is left");
}

#[test]
fn a_demo_shows_instances_that_start_and_leaves_nothing() {
    let scratch = Scratch::new();
    let printed = run(demo_in(&scratch, &["--seconds", "3.5"])).expect_done();
    expect_nothing_left(&scratch);
    for part in ["new -> starting", "PROGRAM/INSTANCE", "hello world/2", "moody/0", "has ended"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(!printed.contains('\u{1b}'), "{printed}");
}

#[test]
fn a_demo_shows_what_its_program_says() {
    let scratch = Scratch::new();
    let demo = Background::start(demo_in(&scratch, &[]));
    // After ten seconds at the latest.
    while !demo.line().contains(": OK\"") {}
}

#[test]
fn a_demo_has_instances_that_run() {
    let scratch = Scratch::new();
    let demo = Background::start(demo_in(&scratch, &[]));
    // Whether the first ones live long enough is a matter of luck.
    while !demo.line().contains("starting -> running") {}
}

#[test]
fn a_demo_has_a_hook_that_reacts() {
    let scratch = Scratch::new();
    let demo = Background::start(demo_in(&scratch, &[]));
    // Whether it flaps or is well at first is a matter of luck.
    while !demo.line().contains("\"a hook was told: moody/0 is ") {}
}

#[test]
fn a_demo_that_is_interrupted_leaves_nothing() {
    let scratch = Scratch::new();
    let demo = Background::start(demo_in(&scratch, &[]));
    while !demo.line().contains("new -> starting") {}
    demo.signal(Signal::SIGINT);
    assert_eq!(demo.wait().status.code(), Some(0));
    expect_nothing_left(&scratch);
}

#[test]
fn a_demo_that_is_killed_leaves_no_process() {
    let scratch = Scratch::new();
    let demo = Background::start(demo_in(&scratch, &[]));
    while !demo.line().contains("new -> starting") {}
    demo.signal(Signal::SIGKILL);
    eventually_true("no process is left", || proc::with_variable(MARK, &scratch.mark()).is_empty());
}

#[test]
fn a_demo_whose_reader_goes_away_ends() {
    let scratch = Scratch::new();
    let script = format!("'{}' demo | head -n 1", env!("CARGO_BIN_EXE_procnanny"));
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]).env("TMPDIR", scratch.path()).env(MARK, scratch.mark());
    assert!(run(shell).expect_done().starts_with("A supervisor at ipc://"));
    expect_nothing_left(&scratch);
}
