//! What programs need of each other: the order in which they start and stop, and what becomes of them meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod bound;
mod conditions;
mod order;
mod real;
mod refused;
mod stopping;
mod waiting;

use common::{EventLog, EventSource, ProgramSettings, Row, Supervisor, shell, sleeper, strings};
use std::time::Duration;

/// One that requires others, and runs as soon as it is started.
fn requiring(requires: &[&str]) -> ProgramSettings {
    sleeper().with("requires", strings(requires))
}

/// One that stays in `starting` until somebody moves it to `running`.
fn starter() -> ProgramSettings {
    sleeper().with("minimum_run_duration", 3600)
}

/// One that takes its time to be `running`: longer than it takes to start several.
fn slow() -> ProgramSettings {
    sleeper().with("minimum_run_duration", "100ms")
}

/// One that runs once, until the file `gate` is there, and exits with what is in it.
fn job(supervisor: &Supervisor, gate: &str) -> ProgramSettings {
    let gate = supervisor.scratch().text(gate);
    let script = format!(
        "while [ ! -s '{gate}' ]; do sleep 0.02; done; code=$(cat '{gate}'); rm '{gate}'; exit $code"
    );
    shell(&script).with("minimum_run_duration", 0).with("restart", "never")
}

fn finish(supervisor: &Supervisor, gate: &str, code: u8) {
    // In one step, so that it is never seen empty.
    let ready = supervisor.scratch().join("code");
    std::fs::write(&ready, code.to_string()).unwrap();
    std::fs::rename(ready, supervisor.scratch().join(gate)).unwrap();
}

/// All edges until now, as `PROGRAM STATE`.
fn edges(events: &mut EventLog) -> Vec<(String, String)> {
    let all = std::iter::from_fn(|| events.next_within(Duration::ZERO));
    let edges = all.filter(|event| event.get("state").is_some()).map(|event| Row::of(&event));
    edges.map(|row| (row.program, row.state)).collect()
}

/// Where an edge is among others.
#[track_caller]
fn place(edges: &[(String, String)], program: &str, state: &str) -> usize {
    let found = edges.iter().position(|(name, to)| name == program && to == state);
    found.unwrap_or_else(|| panic!("{program} did not come to be {state}: {edges:?}"))
}

/// These edges were taken in this order, whatever else was in between.
#[track_caller]
fn expect_order(edges: &[(String, String)], expected: &[(&str, &str)]) {
    let places: Vec<usize> = expected.iter().map(|(program, state)| place(edges, program, state)).collect();
    assert!(places.is_sorted(), "expected {expected:?}, saw {edges:?}");
}
