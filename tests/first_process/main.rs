//! `procnanny run` as the parent of orphans, in a pid namespace as its first process and outside of one: its signals,
//! what becomes of whatever is below it, and that it does nothing to anybody else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod end;
mod signals;
mod strays;
mod surroundings;

use common::{DEADLINE, Launcher, ProgramSettings, Supervisor, eventually, shell};
use std::path::Path;

/// Where a supervisor is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// As the first process of a pid namespace.
    Namespace,
    /// As any process.
    Here,
}

/// Where supervisors can be run on this machine; that a namespace cannot be had is said.
fn places() -> Vec<Place> {
    if common::namespace().is_some() {
        return vec![Place::Here, Place::Namespace];
    }
    println!("skipped: no pid namespace can be made here");
    vec![Place::Here]
}

/// A supervisor that is to be started there.
fn launcher(place: Place) -> Launcher {
    match place {
        Place::Namespace => Launcher::new().first_process("exec \"$@\""),
        Place::Here => Launcher::new(),
    }
}

/// A program that leaves what runs this script behind in a session of its own, without a parent but the supervisor, and
/// then sleeps.
fn with_daemon(script: &str) -> ProgramSettings {
    shell(&format!("(setsid sh -c '{script}' &); exec sleep 3600")).with("minimum_run_duration", 0)
}

/// Waits for a file that a script writes, with a line's end as its last.
#[track_caller]
fn written(path: &Path) -> String {
    let text = eventually(&format!("{}", path.display()), DEADLINE, || {
        std::fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'))
    });
    text.trim_end().to_string()
}

/// It has ended with this code, and nothing is left of what it started, from that moment on.
#[track_caller]
fn expect_end(supervisor: &mut Supervisor, code: i32) {
    let status = supervisor.wait();
    let left = supervisor.processes();
    assert_eq!(status.code(), Some(code), "{status}: {}", supervisor.stderr());
    assert!(left.is_empty(), "left: {left:?}");
}
