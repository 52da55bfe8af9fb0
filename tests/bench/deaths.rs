//! From the death of a process to its successor.

use crate::floor::Floor;
use crate::report::Reports;
use crate::supervisor::Supervisor;
use crate::table::{Row, Target, milliseconds, percentile};
use crate::{Bench, Outcome, machine, table};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::thread;
use std::time::{Duration, Instant};

/// How many samples are taken before it is the other's turn.
const BLOCK: usize = 50;
/// So long nothing happens before a death, so that everybody is at rest.
const REST: Duration = Duration::from_millis(3);
/// How many die at once.
const HERD: usize = 100;

/// Something that keeps processes alive, and the processes.
pub struct Kept<T> {
    with: T,
    /// The process of the keeper.
    keeper: Pid,
    reports: Reports,
    pids: Vec<Pid>,
    /// Which is next.
    turn: usize,
}

/// How long it took until a successor ran, in milliseconds.
#[derive(Default)]
pub struct Samples {
    /// After a run of some length.
    pub first: Vec<f64>,
    /// After a run that had only just begun.
    pub second: Vec<f64>,
}

impl Kept<Floor> {
    fn by_the_floor(bench: &Bench, count: usize) -> Outcome<Self> {
        let mut reports = Reports::new(&bench.workspace)?;
        let mut floor = Floor::new(reports.program())?;
        floor.start(count)?;
        floor.keep()?;
        let pids = reports.take(count)?;
        Ok(Self { keeper: floor.pid()?, with: floor, reports, pids, turn: 0 })
    }
}

impl Kept<Supervisor> {
    /// By a supervisor of its own.
    pub fn by_the_supervisor(bench: &Bench, count: usize) -> Outcome<Self> {
        Self::by(Supervisor::new(bench)?, bench, count)
    }

    /// By this one.
    pub fn by(mut supervisor: Supervisor, bench: &Bench, count: usize) -> Outcome<Self> {
        let mut reports = Reports::new(&bench.workspace)?;
        supervisor.start(reports.program(), count)?;
        let pids = reports.take(count)?;
        Ok(Self { keeper: supervisor.pid()?, with: supervisor, reports, pids, turn: 0 })
    }

    /// The supervisor.
    pub fn keeper_mut(&mut self) -> &mut Supervisor {
        &mut self.with
    }
}

impl<T> Kept<T> {
    /// Kills one process after another, each of them and its successor.
    pub fn sample(&mut self, samples: &mut Samples) -> Outcome<()> {
        for _ in 0..BLOCK {
            thread::sleep(REST);
            self.turn = (self.turn + 1) % self.pids.len();
            let Some(pid) = self.pids.get_mut(self.turn) else { continue };
            for samples in [&mut samples.first, &mut samples.second] {
                let killed = Instant::now();
                kill(*pid, Signal::SIGKILL)?;
                *pid = self.reports.next()?;
                samples.push(milliseconds(killed.elapsed()));
            }
        }
        Ok(())
    }

    /// Kills all processes; how long it took until all were back, and the processor time of the keeper for it.
    fn kill_all(&mut self) -> Outcome<(f64, f64)> {
        thread::sleep(10 * REST);
        let before = machine::cpu(self.keeper)?;
        let killed = Instant::now();
        for pid in &self.pids {
            kill(*pid, Signal::SIGKILL)?;
        }
        self.pids = self.reports.take(self.pids.len())?;
        let took = milliseconds(killed.elapsed());
        // What is left to do when they run belongs to it.
        thread::sleep(10 * REST);
        Ok((took, milliseconds(machine::cpu(self.keeper)?.saturating_sub(before))))
    }
}

/// One process killed at a time, of 1 and of 1000.
pub fn one_by_one(bench: &Bench) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for instances in [1, 1000] {
        let mut floor = Kept::by_the_floor(bench, instances)?;
        let mut supervisor = Kept::by_the_supervisor(bench, instances)?;
        let (mut floors, mut ours) = (Samples::default(), Samples::default());
        for _ in 0..bench.effort.choose(12, 3) {
            floor.sample(&mut floors)?;
            supervisor.sample(&mut ours)?;
        }
        let of = table::instances(instances);
        for (what, floors, ours) in
            [("death", &floors.first, &ours.first), ("a death right after", &floors.second, &ours.second)]
        {
            for (name, share, target) in [("p50", 0.5, Target::TimesFloor(1.25)), ("p99", 0.99, Target::None)]
            {
                let what = format!("{what} to successor, {of}, {name} (ms)");
                let (floor, ours) = (Some(percentile(floors, share)), percentile(ours, share));
                rows.push(Row { what, floor, ours, target });
            }
        }
    }
    Ok(rows)
}

/// 100 processes killed at once.
pub fn all_at_once(bench: &Bench) -> Outcome<Vec<Row>> {
    let mut floor = Kept::by_the_floor(bench, HERD)?;
    let mut supervisor = Kept::by_the_supervisor(bench, HERD)?;
    let (mut floors, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..bench.effort.choose(20, 5) {
        floors.push(floor.kill_all()?);
        ours.push(supervisor.kill_all()?);
    }
    let (floor_times, floor_cpus): (Vec<f64>, Vec<f64>) = floors.into_iter().unzip();
    let (times, cpus): (Vec<f64>, Vec<f64>) = ours.into_iter().unzip();
    let what = format!("{HERD} killed at once, all back (ms)");
    Ok(vec![
        Row::medians(what, &floor_times, &times, Target::TimesFloor(1.15)),
        Row::medians(
            "  processor time of the supervisor for it (ms)",
            &floor_cpus,
            &cpus,
            Target::AtMost(12.0),
        ),
    ])
}
