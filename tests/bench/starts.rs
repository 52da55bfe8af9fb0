//! Many instances started, and stopped.

use crate::floor::Floor;
use crate::supervisor::Supervisor;
use crate::table::{Row, Target, milliseconds};
use crate::{Bench, Outcome};
use std::time::Instant;

/// How many.
const INSTANCES: usize = 1000;

/// A program that does nothing, is cheap to execute, and heeds SIGTERM.
pub fn idle_program() -> [String; 2] {
    ["/bin/sleep", "100000"].map(str::to_string)
}

/// From the request until the last of 1000 programs is executed; and from the command to stop until the last of them
/// is reaped.
pub fn start_and_stop(bench: &Bench) -> Outcome<Vec<Row>> {
    let (mut floor_starts, mut floor_stops) = (Vec::new(), Vec::new());
    let (mut starts, mut stops) = (Vec::new(), Vec::new());
    for _ in 0..bench.effort.choose(9, 3) {
        let mut floor = Floor::new(&idle_program())?;
        floor_starts.push(timed(|| floor.start(INSTANCES))?);
        floor_stops.push(timed(|| floor.stop())?);
        drop(floor);
        let mut supervisor = Supervisor::new(bench)?;
        starts.push(timed(|| supervisor.start(&idle_program(), INSTANCES))?);
        stops.push(timed(|| supervisor.stop())?);
    }
    let (started, stopped) = ("of sleep started (ms)", "that heed TERM stopped (ms)");
    Ok(vec![
        Row::medians(
            format!("{INSTANCES} instances {started}"),
            &floor_starts,
            &starts,
            Target::TimesFloor(1.2),
        ),
        Row::medians(format!("{INSTANCES} instances {stopped}"), &floor_stops, &stops, Target::AtMost(60.0)),
    ])
}

fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    let begun = Instant::now();
    work()?;
    Ok(milliseconds(begun.elapsed()))
}
