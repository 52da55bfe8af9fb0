//! Processes that run and are not in health are given up on: by their health check, by their memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod checks;
mod endings;
mod memory;
mod surroundings;
mod verdicts;

use common::{DEADLINE, ProgramSettings, Row, Supervisor, eventually, strings};
use procnanny::wire::value::Value;
use std::fs;
use std::path::{Path, PathBuf};

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

/// Waits until there are so many lines in a file, and returns them.
#[track_caller]
fn lines(path: &Path, count: usize) -> Vec<String> {
    eventually(&format!("{count} lines in {}", path.display()), DEADLINE, || {
        let text = fs::read_to_string(path).ok()?;
        let whole: Vec<String> = text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .map(str::to_string)
            .collect();
        (whole.len() >= count).then_some(whole)
    })
}

/// Waits until an instance has this health.
#[track_caller]
fn until_health(supervisor: &mut Supervisor, program: &str, health: &str) -> Row {
    supervisor.until(program, 0, health, |row| row.health.as_deref() == Some(health))
}
