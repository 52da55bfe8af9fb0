//! The life of a program under commands: started, stopped, restarted, scaled, changed and removed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod exits;
mod removal;
mod scaling;
mod stopping;
mod updates;
mod while_stopping;

use common::{ProgramSettings, Scratch, eventually_true, shell, sleeper};

/// One that is never known to be healthy: it stays in `starting`.
fn starter() -> ProgramSettings {
    sleeper().with("minimum_run_duration", 3600)
}

/// One that ends with `code` when the file `gate` appears, which it takes away.
fn gated(gate: &str, code: u8) -> ProgramSettings {
    let script = format!("while [ ! -e '{gate}' ]; do sleep 0.02; done; rm '{gate}'; exit {code}");
    shell(&script).with("minimum_run_duration", 0).with("backoff_min", 0)
}

/// One that heeds TERM only when the file `gate` is there. It makes the file `ready` when it has begun to listen.
fn slow_to_stop(scratch: &Scratch, gate: &str) -> ProgramSettings {
    let (gate, ready) = (scratch.text(gate), scratch.text("ready"));
    let script = format!(
        "trap 'while [ ! -e {gate} ]; do sleep 0.02; done; exit 0' TERM; : > {ready}; while :; do sleep 0.02; done"
    );
    shell(&script).with("minimum_run_duration", 0).with("stop_timeout", 3600)
}

fn open(scratch: &Scratch, gate: &str) {
    std::fs::write(scratch.join(gate), "").unwrap();
}

/// Waits for a file that a program makes.
#[track_caller]
fn wait_for_file(scratch: &Scratch, name: &str) {
    eventually_true(&format!("the file {name}"), || scratch.join(name).exists());
}
