//! Reload: what changed in the files is changed, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../cli/tool.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod tool;

mod changes;
mod command;
mod refusals;
mod requirements;
mod restarts;
mod untouched;

use common::{Row, Supervisor};
use procnanny::wire::value::Value;

/// A program that does nothing, is `running` at once, and has these settings beside.
fn program(name: &str, more: &str) -> String {
    format!("[program.'{name}']\ncommand = 'sleep'\nargs = ['3600']\nminimum_run_duration = 0\n{more}\n")
}

/// Writes a configuration and has it read again; the reply.
#[track_caller]
fn reload(supervisor: &mut Supervisor, text: &str) -> Value {
    supervisor.configure(text);
    supervisor.call("reload", &[])
}

/// A list of the reply.
#[track_caller]
fn list(reply: &Value, key: &str) -> Vec<String> {
    let items = reply.get(key).and_then(Value::as_array).unwrap_or_else(|| panic!("no {key}: {reply:?}"));
    items.iter().map(|item| item.text().unwrap().to_string()).collect()
}

/// Instances without what time alone changes.
fn known(rows: &[Row]) -> Vec<Row> {
    rows.iter().map(|row| Row { duration: 0.0, ..row.clone() }).collect()
}
