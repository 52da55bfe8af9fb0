//! Processes that run and are not in health are given up on: by their health check, by their memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod checks;
mod endings;
mod memory;
mod surroundings;
mod verdicts;

use common::{ProgramSettings, Row, Supervisor, lines, strings};
use procnanny::wire::value::Value;
use std::path::PathBuf;

/// A health check that is a shell script and comes as often as it may; with other entries, or others in their place.
fn check<const N: usize>(script: &str, entries: [(&str, Value); N]) -> Value {
    let mut all = vec![
        ("command", Value::from("/bin/sh")),
        ("args", strings(&["-c", script])),
        ("interval", Value::Float(0.1)),
        ("retries", Value::Int(1)),
    ];
    for (name, value) in entries {
        all.retain(|(other, _)| *other != name);
        all.push((name, value));
    }
    Value::map(all)
}

/// A program that has this check, and no delay whenever it ends.
fn checked(settings: ProgramSettings, check: Value) -> ProgramSettings {
    settings.with("health", check).with_backoff(0)
}

/// A file to which a check writes a line each time, and the line of a script that does so.
fn diary(supervisor: &Supervisor) -> (PathBuf, String) {
    let path = supervisor.scratch().join("diary");
    let line = format!("echo $PROCNANNY_PID >> {}", path.display());
    (path, line)
}

/// Waits until an instance has this health.
#[track_caller]
fn until_health(supervisor: &mut Supervisor, program: &str, health: &str) -> Row {
    supervisor.until(program, 0, health, |row| row.health.as_deref() == Some(health))
}
