//! Hooks: what is run when something happens, what it is told, and that whatever it does nobody waits for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod bounds;
mod changes;
mod faults;
mod files;
mod firing;
mod refusals;
mod stories;

mod surroundings;
mod telling;

use common::{DEADLINE, EventLog, EventSource, Supervisor, eventually, strings};
use procnanny::wire::value::Value;

/// A hook that is a shell script; with other entries, or others in their place.
fn hook<const N: usize>(on: &[&str], script: &str, entries: [(&str, Value); N]) -> Value {
    let mut all =
        vec![("on", strings(on)), ("command", Value::from("/bin/sh")), ("args", strings(&["-c", script]))];
    for (name, value) in entries {
        all.retain(|(other, _)| *other != name);
        all.push((name, value));
    }
    Value::map(all)
}

/// Several hooks, as the setting has them.
fn hooks<const N: usize>(hooks: [Value; N]) -> Value {
    Value::Array(hooks.to_vec())
}

/// How a hook ended, as its event tells it.
#[derive(Clone, Debug, PartialEq)]
struct Ended {
    program: String,
    instance: i64,
    hook: String,
    on: String,
    of: i64,
    pid: i64,
    exitcode: i64,
    exitsignal: i64,
    duration: f64,
    timed_out: bool,
    reason: Option<String>,
}

impl Ended {
    #[track_caller]
    fn read(event: &Value) -> Self {
        let text = |key: &str| event.get(key).and_then(Value::text).unwrap().to_string();
        let integer = |key: &str| event.get(key).and_then(Value::as_i64).unwrap();
        Self {
            program: text("program"),
            instance: integer("instance"),
            hook: text("hook"),
            on: text("on"),
            of: integer("of"),
            pid: integer("pid"),
            exitcode: integer("exitcode"),
            exitsignal: integer("exitsignal"),
            duration: event.get("duration").and_then(Value::as_f64).unwrap(),
            timed_out: event.get("timed_out").and_then(Value::as_bool).unwrap(),
            reason: event.get("reason").unwrap().text().map(str::to_string),
        }
    }
}

/// The end of the next hook.
#[track_caller]
fn next_end(events: &mut EventLog) -> Ended {
    Ended::read(&events.expect_event("hook"))
}

/// A count that `info` tells.
#[track_caller]
fn count(supervisor: &mut Supervisor, name: &str) -> i64 {
    supervisor.call("info", &[]).get(name).and_then(Value::as_i64).unwrap()
}

/// Waits until no hook waits and none is under way.
#[track_caller]
fn until_idle(supervisor: &mut Supervisor) {
    eventually("no hook is left", 3 * DEADLINE, || {
        let info = supervisor.call("info", &[]);
        let is_none = |name: &str| info.get(name) == Some(&Value::Int(0));
        (is_none("hooks_queued") && is_none("hooks_running")).then_some(())
    });
}
