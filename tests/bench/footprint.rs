//! What is used up by being there: memory, and wake-ups while nothing happens.

use crate::starts::idle_program;
use crate::supervisor::Supervisor;
use crate::table::{Row, Target, milliseconds};
use crate::{Bench, Outcome, machine, table};
use std::thread;
use std::time::Duration;

/// How long it takes until everything has come to rest.
const REST: Duration = Duration::from_secs(1);
/// How many instances are idle.
const IDLE: usize = 100;

/// Private memory with 1 and with 1000 instances, nothing captured.
pub fn memory(bench: &Bench) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for (instances, all, anonymous) in
        [(1, Target::AtMost(1.9), Target::AtMost(0.4)), (1000, Target::AtMost(3.0), Target::None)]
    {
        machine::forget(&bench.binary)?;
        let mut supervisor = Supervisor::new(bench)?;
        supervisor.start(&idle_program(), instances)?;
        thread::sleep(REST);
        let private = machine::private_memory(supervisor.pid()?)?;
        rows.push(Row::alone(
            format!("private memory, {} (MiB)", table::instances(instances)),
            private.all,
            all,
        ));
        rows.push(Row::alone("  of it anonymous", private.anonymous, anonymous));
    }
    let size = std::fs::metadata(&bench.binary)?.len() as f64 / machine::MIB;
    rows.push(Row::alone("size of the program (MiB)", size, Target::None));
    Ok(rows)
}

/// How often the threads of an idle supervisor run, and how long.
pub fn idle(bench: &Bench) -> Outcome<Vec<Row>> {
    let mut supervisor = Supervisor::new(bench)?;
    supervisor.start(&idle_program(), IDLE)?;
    thread::sleep(REST);
    let pid = supervisor.pid()?;
    let (switches, cpu) = (machine::context_switches(pid)?, machine::cpu(pid)?);
    let length = Duration::from_secs(bench.effort.choose(30, 3));
    thread::sleep(length);
    let switches = machine::context_switches(pid)? - switches;
    let cpu = machine::cpu(pid)?.saturating_sub(cpu);
    let during = format!("in {} s, {IDLE} idle instances", length.as_secs());
    let target = Target::AtMost(0.0);
    Ok(vec![
        Row::alone(format!("context switches {during}"), switches, target),
        Row::alone(format!("processor time {during} (ms)"), milliseconds(cpu), target),
    ])
}
