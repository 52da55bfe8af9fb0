//! What it costs that output is captured: memory, and what programs that print cost the others.

use crate::deaths::{Kept, Samples};
use crate::supervisor::{Output, Supervisor};
use crate::table::{Row, Target, percentile};
use crate::{Bench, Outcome, machine};
use std::thread;
use std::time::Duration;

/// How long it takes until everything has come to rest.
const REST: Duration = Duration::from_secs(1);
/// How many instances have their output captured.
const INSTANCES: usize = 1000;
/// How many print as fast as they can.
const PRINTERS: usize = 10;

/// Private memory of supervisor and logger with 1000 instances that have printed to a log file each.
pub fn memory(bench: &Bench) -> Outcome<Vec<Row>> {
    let logs = bench.workspace.fresh();
    let mut supervisor = Supervisor::with_options(bench, &["--log-dir".into(), logs.into()])?;
    let program = ["sh", "-c", "echo hello; exec sleep 3600"].map(str::to_string);
    supervisor.create("bench", &program, INSTANCES, Output::Captured)?;
    thread::sleep(REST);
    let logger = supervisor.logger()?;
    let (ours, loggers) = (machine::private_memory(supervisor.pid()?)?, machine::private_memory(logger)?);
    let what = format!("private memory, {INSTANCES} instances, all output captured (MiB)");
    Ok(vec![
        Row::alone(what, ours.all + loggers.all, Target::AtMost(5.0)),
        Row::alone("  of it that of the logger", loggers.all, Target::None),
    ])
}

/// From a death to its successor, in silence and while others print.
pub fn deaths(bench: &Bench) -> Outcome<Vec<Row>> {
    let logs = bench.workspace.fresh();
    let mut silent = Kept::by_the_supervisor(bench, 1)?;
    let loud = Supervisor::with_options(bench, &["--log-dir".into(), logs.into()])?;
    let mut loud = Kept::by(loud, bench, 1)?;
    let (mut in_silence, mut meanwhile) = (Samples::default(), Samples::default());
    let program = ["yes", "as fast as it can"].map(str::to_string);
    for _ in 0..bench.effort.choose(6, 2) {
        // Not at the same time: they would take the processor from both.
        silent.sample(&mut in_silence)?;
        loud.keeper_mut().create("printer", &program, PRINTERS, Output::Captured)?;
        loud.sample(&mut meanwhile)?;
        loud.keeper_mut().remove("printer")?;
    }
    let rows = [("p50", 0.5), ("p99", 0.99)].map(|(name, share)| Row {
        what: format!("death to successor while {PRINTERS} print; floor: in silence, {name} (ms)"),
        floor: Some(percentile(&in_silence.first, share)),
        ours: percentile(&meanwhile.first, share),
        target: Target::None,
    });
    Ok(rows.into())
}
