//! What is remembered of runs that ended, and why instances are in their state.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod askers;
mod causes;
mod command;
mod memory;
mod remembering;
mod surroundings;
mod usage;
mod why;
mod words;

use common::{Arguments, DEADLINE, ProgramSettings, Supervisor, eventually};
use procnanny::wire::value::Value;

/// The runs of an instance that are remembered, oldest first.
#[track_caller]
fn runs(supervisor: &mut Supervisor, program: &str, instance: i64) -> Vec<Value> {
    runs_by(supervisor, &[("program", program.into()), ("instance", instance.into())])
}

/// The runs in a reply of one instance.
#[track_caller]
fn runs_by(supervisor: &mut Supervisor, arguments: Arguments<'_>) -> Vec<Value> {
    let reply = supervisor.call("history", arguments);
    let [of] = reply.get("history").and_then(Value::as_array).unwrap() else { panic!("{reply:?}") };
    of.get("runs").and_then(Value::as_array).unwrap().to_vec()
}

/// The only run that is remembered of the first instance of a program, as soon as there is one.
#[track_caller]
fn only_run(supervisor: &mut Supervisor, program: &str) -> Value {
    let mut found = eventually("a run has ended", DEADLINE, || {
        Some(runs(supervisor, program, 0)).filter(|runs| !runs.is_empty())
    });
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// A program that is not started again, whatever comes.
fn not_again(settings: ProgramSettings) -> ProgramSettings {
    settings.with("restart", "never")
}

/// The text under a key; empty for nil.
fn text<'a>(map: &'a Value, key: &str) -> &'a str {
    map.get(key).and_then(Value::text).unwrap_or_default()
}

#[track_caller]
fn integer(map: &Value, key: &str) -> i64 {
    map.get(key).and_then(Value::as_i64).unwrap_or_else(|| panic!("no integer {key} in {map:?}"))
}

#[track_caller]
fn float(map: &Value, key: &str) -> f64 {
    map.get(key).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number {key} in {map:?}"))
}

/// What asked for something, in a word; empty if nobody did.
fn asked(map: &Value) -> &str {
    map.get("asked_by").map(|asker| text(asker, "what")).unwrap_or_default()
}
