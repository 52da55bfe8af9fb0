//! Hooks: how many a second, and that a storm of them delays no restart.

use crate::deaths::{Kept, Samples};
use crate::supervisor::Supervisor;
use crate::table::{Row, Target, median, percentile};
use crate::workspace::LOOK;
use crate::{Bench, Outcome};
use procnanny::wire::value::Value;
use std::thread;
use std::time::{Duration, Instant};

/// How many instances take an edge at once.
const INSTANCES: i64 = 500;
/// How many hooks are fired before deaths are measured.
const FIRED: i64 = 5000;
/// How many are run to see how many a second that are; no more than can wait.
const RUN: i64 = 1000;
/// How long they may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Instances without processes that take edges whenever they are told to, and a hook for each.
struct Noise {
    /// Whether they are in `failed`, else in `exited`.
    failed: bool,
}

impl Noise {
    fn new(supervisor: &mut Supervisor, command: &str, args: &[&str]) -> Outcome<Self> {
        let args: Vec<Value> = args.iter().map(|arg| Value::from(*arg)).collect();
        let hook = Value::map([
            ("on", Value::from("*->*")),
            ("command", command.into()),
            ("args", args.into()),
            ("timeout", 3600.into()),
        ]);
        supervisor.client.call(&[
            ("request", "create".into()),
            ("program", "noise".into()),
            ("command", "true".into()),
            ("instances", INSTANCES.into()),
            ("start", false.into()),
            ("hooks", vec![hook].into()),
        ])?;
        Ok(Self { failed: false })
    }

    /// Fires at least so many hooks.
    fn fire(&mut self, supervisor: &mut Supervisor, count: i64) -> Outcome<()> {
        for _ in 0..(count + INSTANCES - 1) / INSTANCES {
            self.failed = !self.failed;
            let state = if self.failed { "failed" } else { "exited" };
            supervisor.client.call(&[
                ("request", "transition".into()),
                ("program", "noise".into()),
                ("state", state.into()),
                ("wait", true.into()),
            ])?;
        }
        Ok(())
    }
}

fn count(supervisor: &mut Supervisor, name: &str) -> Outcome<i64> {
    let info = supervisor.client.call(&[("request", "info".into())])?;
    Ok(info.get(name).and_then(Value::as_i64).ok_or("info does not tell of hooks")?)
}

/// How many hooks that do nothing are run in a second.
fn a_second(bench: &Bench) -> Outcome<f64> {
    let mut supervisor = Supervisor::new(bench)?;
    let mut noise = Noise::new(&mut supervisor, "/bin/true", &[])?;
    let begun = Instant::now();
    noise.fire(&mut supervisor, RUN)?;
    while count(&mut supervisor, "hooks_run")? < RUN {
        if begun.elapsed() > PATIENCE {
            return Err("hooks are not run".into());
        }
        thread::sleep(LOOK);
    }
    Ok(RUN as f64 / begun.elapsed().as_secs_f64())
}

/// Deaths beside hooks: that wait for others, or that are run one after another.
fn deaths(bench: &Bench, what: &str, command: &str, args: &[&str]) -> Outcome<Vec<Row>> {
    let mut silent = Kept::by_the_supervisor(bench, 1)?;
    let mut noisy = Kept::by_the_supervisor(bench, 1)?;
    let mut noise = Noise::new(noisy.keeper_mut(), command, args)?;
    noise.fire(noisy.keeper_mut(), FIRED)?;
    let (mut without, mut with) = (Samples::default(), Samples::default());
    for _ in 0..bench.effort.choose(12, 3) {
        silent.sample(&mut without)?;
        noise.fire(noisy.keeper_mut(), RUN)?;
        noisy.sample(&mut with)?;
    }
    if count(noisy.keeper_mut(), "hooks_queued")? == 0 {
        return Err("all hooks were run before the deaths were measured".into());
    }
    // What hangs is not waited for.
    noisy.keeper_mut().client.call(&[("request", "shutdown".into()), ("timeout", 0.into())])?;
    let row = |name: &str, share: f64, target| Row {
        what: format!("death to successor, {what}, {name} (ms)"),
        floor: Some(percentile(&without.first, share)),
        ours: percentile(&with.first, share),
        target,
    };
    Ok(vec![row("p50", 0.5, Target::None), row("p99", 0.99, Target::None)])
}

/// Hooks a second; and deaths beside a storm of them, the floor being a supervisor without hooks.
pub fn storm(bench: &Bench) -> Outcome<Vec<Row>> {
    let rates = (0..bench.effort.choose(5, 2)).map(|_| a_second(bench)).collect::<Outcome<Vec<f64>>>()?;
    let mut rows = vec![Row::alone("hooks a second (true)", median(&rates), Target::None)];
    rows.extend(deaths(bench, "1024 hooks wait", "/bin/sleep", &["3600"])?);
    rows.extend(deaths(bench, "hooks are run", "/bin/sleep", &["0.01"])?);
    Ok(rows)
}
