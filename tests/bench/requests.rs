//! Requests and replies: how many a second, and how long a large one takes.

use crate::echo::Echo;
use crate::starts::idle_program;
use crate::supervisor::{Client, Supervisor, encode};
use crate::table::{Row, Target, milliseconds};
use crate::{Bench, Outcome};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many requests are on their way at a time when they are not sent one by one.
const WINDOW: usize = 100;
/// How often the echo and the supervisor take turns. Many short turns, since which threads share a processor decides
/// much, and may change from one to the next.
const ROUNDS: usize = 21;
/// How many instances the large reply tells of.
const INSTANCES: usize = 1000;

/// `status` of one instance: one request after the other, and many at a time; and the command that shows it.
pub fn requests(bench: &Bench) -> Outcome<Vec<Row>> {
    let mut supervisor = Supervisor::new(bench)?;
    supervisor.start(&idle_program(), 1)?;
    let status = encode(&[("request", "status".into())]);
    let size = length_of_reply(&mut supervisor.client, &status)?;
    let mut echo = Echo::new(&bench.workspace, size)?;
    let length = Duration::from_millis(bench.effort.choose(250, 60));
    let mut rows = Vec::new();
    for (window, how, target) in [
        (1, "one by one".to_string(), Target::ShareOfFloor(0.8)),
        (WINDOW, format!("{WINDOW} at a time"), Target::AtLeast(100_000.0)),
    ] {
        let (mut floors, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            floors.push(rate(&mut echo.client, &status, window, length)?);
            ours.push(rate(&mut supervisor.client, &status, window, length)?);
        }
        let what = format!("status requests a second, {how} (reply: {size} bytes)");
        rows.push(Row::medians(what, &floors, &ours, target));
    }
    rows.push(command(bench, &supervisor)?);
    Ok(rows)
}

/// `status` of 1000 instances.
pub fn large_status(bench: &Bench) -> Outcome<Vec<Row>> {
    let mut supervisor = Supervisor::new(bench)?;
    supervisor.start(&idle_program(), INSTANCES)?;
    let status = encode(&[("request", "status".into())]);
    let size = length_of_reply(&mut supervisor.client, &status)?;
    let mut echo = Echo::new(&bench.workspace, size)?;
    length_of_reply(&mut echo.client, &status)?;
    let (mut floors, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..bench.effort.choose(200, 20) {
        for (client, samples) in [(&mut echo.client, &mut floors), (&mut supervisor.client, &mut ours)] {
            let begun = Instant::now();
            length_of_reply(client, &status)?;
            samples.push(milliseconds(begun.elapsed()));
        }
    }
    let what = format!("status of {INSTANCES} instances ({} KiB, ms)", size / 1024);
    Ok(vec![Row::medians(what, &floors, &ours, Target::AtMost(5.0))])
}

/// `procnanny status`, from the start of its process to its end; the floor is a program that does nothing.
fn command(bench: &Bench, supervisor: &Supervisor) -> Outcome<Row> {
    let (mut floors, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..bench.effort.choose(100, 10) {
        floors.push(whole_process(&mut Command::new("/bin/true"))?);
        ours.push(whole_process(Command::new(&bench.binary).args([
            "--rpc",
            &supervisor.endpoint,
            "status",
        ]))?);
    }
    let what = "procnanny status, whole process; floor: true (ms)";
    Ok(Row::medians(what, &floors, &ours, Target::AtMost(5.0)))
}

/// How long a process takes, from its start to its end.
pub fn whole_process(command: &mut Command) -> Outcome<f64> {
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    let took = milliseconds(begun.elapsed());
    if status.success() { Ok(took) } else { Err(format!("{command:?} failed: {status}").into()) }
}

fn length_of_reply(client: &mut Client, request: &[u8]) -> Outcome<usize> {
    client.send(request)?;
    Ok(client.receive()?.len())
}

/// Replies a second, with so many requests on their way.
fn rate(client: &mut Client, request: &[u8], window: usize, length: Duration) -> Outcome<f64> {
    for _ in 0..window {
        client.send(request)?;
    }
    let begun = Instant::now();
    let mut replies = 0_u32;
    while begun.elapsed() < length {
        for _ in 0..window {
            client.receive()?;
            client.send(request)?;
        }
        replies = replies.saturating_add(u32::try_from(window)?);
    }
    let took = begun.elapsed();
    for _ in 0..window {
        client.receive()?;
    }
    Ok(f64::from(replies) / took.as_secs_f64())
}
