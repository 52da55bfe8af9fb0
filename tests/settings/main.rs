//! What a program is given: each setting is shown by the process that was started with it; and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod cgroups;
mod environment;
mod identity;
mod places;
mod refusals;
mod resources;
mod stdin;
mod stop_command;
mod tty;

use common::{ProgramSettings, Supervisor};
use procnanny::wire::value::Value;

/// Starts one instance, and returns its process.
#[track_caller]
fn start(supervisor: &mut Supervisor, name: &str, settings: &ProgramSettings) -> i32 {
    supervisor.create_running(name, settings)[0].pid
}

/// Why a start fails.
#[track_caller]
fn failure(supervisor: &mut Supervisor, name: &str, settings: &ProgramSettings) -> String {
    supervisor.create(name, &settings.clone().with_backoff(3600).with("autostart", false));
    supervisor.do_and_wait("start", name);
    let row = supervisor.row(name, 0);
    assert_eq!((row.state.as_str(), row.exitcode), ("exited", 127));
    row.reason().to_string()
}

/// A table, as a value.
fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::map(entries)
}
