//! What it costs to remember: memory of many instances after as many runs each as are remembered, with last words.

use crate::supervisor::{Output, Supervisor};
use crate::table::{Row, Target};
use crate::{Bench, Outcome, machine};
use std::thread;
use std::time::Duration;

/// How many instances.
const INSTANCES: usize = 1000;
/// How many runs of each are remembered.
const RUNS: usize = 16;
/// How long it takes until everything has come to rest.
const REST: Duration = Duration::from_secs(1);

/// Private memory of the supervisor after all those runs, above what it was before. The events of the runs are in it:
/// they are held, too.
pub fn memory(bench: &Bench) -> Outcome<Vec<Row>> {
    // As many last words as are kept of a run.
    let script = "printf '%01024d' 0 >&2; exec /bin/sleep 100000";
    let program = ["/bin/sh", "-c", script].map(str::to_string);
    let mut supervisor = Supervisor::new(bench)?;
    supervisor.create("bench", &program, INSTANCES, Output::Captured)?;
    thread::sleep(REST);
    let before = machine::private_memory(supervisor.pid()?)?.all;
    for _ in 0..RUNS {
        supervisor.restart()?;
        thread::sleep(REST);
    }
    let after = machine::private_memory(supervisor.pid()?)?.all;
    let what = format!("history and events of {INSTANCES} instances with {RUNS} runs each (MiB)");
    Ok(vec![Row::alone(what, after - before, Target::AtMost(4.0))])
}
