//! Any state to any state: all 64 pairs, each on an instance of its own with real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{
    EventLog, EventSource, ProgramSettings, Row, Supervisor, eventually_true, proc, shell, sleeper,
};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::time::Duration;

const STATES: [&str; 8] =
    ["new", "waiting", "starting", "running", "stopping", "exited", "backoff", "failed"];

/// What has to come of a transition.
struct Outcome {
    /// The edges, by the states that they lead to.
    edges: &'static [&'static str],
    /// Whose process there is in the end.
    process: Process,
    /// The admin state in the end.
    admin: &'static str,
}

/// Whose process there is after a transition.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Process {
    /// None.
    Nobodys,
    /// The one that there was before.
    Kept,
    /// Another one.
    Another,
}

/// The table of the documentation, with what a state leads to in a program that requires nothing: what is `waiting`
/// passes on at once.
fn outcome(from: &str, to: &str) -> Outcome {
    use Process::{Another, Kept, Nobodys};
    let (edges, process): (&[&str], Process) = match (from, to) {
        // To itself: `starting` restarts, `backoff` begins its delay anew, the others change nothing.
        ("new", "new") | ("exited", "exited" | "stopping") | ("failed", "failed") => (&[], Nobodys),
        ("running", "running") => (&[], Kept),
        // With a process.
        ("starting", "running") => (&["running"], Kept),
        ("starting" | "running", "new") => (&["stopping", "new"], Nobodys),
        ("starting" | "running", "waiting") => (&["stopping", "waiting", "starting"], Another),
        ("starting" | "running", "starting") => (&["stopping", "starting"], Another),
        ("starting" | "running", "stopping" | "exited") => (&["stopping", "exited"], Nobodys),
        ("starting" | "running", "backoff") => (&["stopping", "backoff"], Nobodys),
        ("starting" | "running", "failed") => (&["stopping", "failed"], Nobodys),
        // Without one; and from `stopping`, where the same follows after the exit.
        (_, "new") => (&["new"], Nobodys),
        (_, "waiting") => (&["waiting", "starting"], Another),
        (_, "starting") => (&["starting"], Another),
        (_, "running") => (&["starting", "running"], Another),
        (_, "stopping" | "exited") => (&["exited"], Nobodys),
        (_, "backoff") => (&["backoff"], Nobodys),
        (_, "failed") => (&["failed"], Nobodys),
        pair => panic!("there is no such pair: {pair:?}"),
    };
    let admin = if matches!(to, "new" | "stopping" | "exited") { "down" } else { "up" };
    Outcome { edges, process, admin }
}

/// One that stays in every state that it is brought to: what would move it on takes an hour.
fn settings(from: &str) -> ProgramSettings {
    let program = match from {
        // It stays in `stopping` until it is killed.
        "stopping" => shell("trap '' TERM; exec sleep 3600"),
        _ => sleeper(),
    };
    let program = program.with("minimum_run_duration", 3600).with("stop_timeout", 3600);
    program.with_backoff(3600).with("autostart", false)
}

fn transition(supervisor: &mut Supervisor, program: &str, to: &str) {
    let rows = supervisor.command("transition", args!["program" => program, "state" => to]);
    assert_eq!(rows.len(), 1);
}

/// Creates a program and brings its instance to a state; the log then begins with what follows.
fn bring_to(supervisor: &mut Supervisor, program: &str, from: &str) -> (Row, EventLog) {
    let mut log = supervisor.events();
    supervisor.create(program, &settings(from));
    match from {
        "new" => {}
        "starting" => {
            supervisor.command("start", args!["program" => program]);
            log.expect_states(program, 0, &["starting"]);
        }
        "exited" => {
            supervisor.command("start", args!["program" => program]);
            supervisor.command("stop", args!["program" => program]);
            log.expect_states(program, 0, &["starting", "stopping", "exited"]);
        }
        "running" | "stopping" => {
            transition(supervisor, program, "running");
            log.expect_states(program, 0, &["starting", "running"]);
        }
        "waiting" => {
            transition(supervisor, program, "waiting");
            log.expect_states(program, 0, &["waiting", "starting"]);
        }
        resting => {
            transition(supervisor, program, resting);
            log.expect_states(program, 0, &[resting]);
        }
    }
    if from == "stopping" {
        let pid = supervisor.row(program, 0).pid;
        let term = 1 << (Signal::SIGTERM as u32 - 1);
        eventually_true("TERM is ignored", || proc::signal_mask(pid, "SigIgn") & term != 0);
        supervisor.command("stop", args!["program" => program]);
        log.expect_states(program, 0, &["stopping"]);
    }
    (supervisor.row(program, 0), log)
}

/// An instance has exactly these processes, as the kernel tells.
#[track_caller]
fn expect_processes(supervisor: &Supervisor, program: &str, expected: &[i32]) {
    let name = Some(program.to_string());
    eventually_true(&format!("the processes of {program} are {expected:?}"), || {
        let pids = supervisor.processes().into_iter();
        pids.filter(|pid| proc::variable(*pid, "PROCNANNY_PROGRAM") == name).eq(expected.iter().copied())
    });
}

/// One pair.
fn check(supervisor: &mut Supervisor, from: &str, to: &str) {
    println!("{from} to {to}");
    let program = format!("{from} to {to}");
    let (before, mut log) = bring_to(supervisor, &program, from);
    transition(supervisor, &program, to);
    // KILL is sent at once for `exited`; for all others its exit is awaited.
    if from == "stopping" && to != "exited" {
        expect_processes(supervisor, &program, &[before.pid]);
        assert!(proc::send(before.pid, Signal::SIGKILL));
    }
    // What is waiting has passed on already.
    let expected = outcome(if from == "waiting" { "starting" } else { from }, to);
    log.expect_states(&program, 0, expected.edges);
    let after = supervisor.row(&program, 0);
    let rest = expected.edges.last().copied().unwrap_or(before.state.as_str());
    assert_eq!((after.state.as_str(), after.admin_state.as_str()), (rest, expected.admin));
    match expected.process {
        Process::Nobodys => assert_eq!(after.pid, 0),
        Process::Kept => assert_eq!(after.pid, before.pid),
        Process::Another => assert!(after.pid > 0 && after.pid != before.pid, "{before:?} {after:?}"),
    }
    expect_processes(
        supervisor,
        &program,
        if after.pid == 0 { &[] } else { std::slice::from_ref(&after.pid) },
    );
    expect_record(&before, to, &after);
    let surplus = std::iter::from_fn(|| log.next_within(Duration::ZERO));
    let surplus: Vec<Value> = surplus.filter(|event| event.get("from").is_some()).collect();
    assert_eq!(surplus, [], "more than was to be expected");
}

/// What is on record of the process that there was, and of what was asked for.
fn expect_record(before: &Row, to: &str, after: &Row) {
    match to {
        "new" => assert_eq!((after.start_count, after.flap_count, after.start_time), (0, 0, None)),
        "exited" if before.pid > 0 => assert_eq!(after.exitsignal, Signal::SIGKILL as i64),
        "stopping" if before.state == "running" => assert_eq!(after.exitsignal, Signal::SIGTERM as i64),
        "backoff" => assert!((3000.0..4000.0).contains(&after.retry_in.unwrap()), "{after:?}"),
        _ => {}
    }
    assert_eq!(after.flap_count, 0, "what was asked for is no flap");
}

fn from(state: &str) {
    let mut supervisor = Supervisor::start();
    for to in STATES {
        check(&mut supervisor, state, to);
    }
}

#[test]
fn new_to_any() {
    from("new");
}

#[test]
fn waiting_to_any() {
    from("waiting");
}

#[test]
fn starting_to_any() {
    from("starting");
}

#[test]
fn running_to_any() {
    from("running");
}

#[test]
fn stopping_to_any() {
    from("stopping");
}

#[test]
fn exited_to_any() {
    from("exited");
}

#[test]
fn backoff_to_any() {
    from("backoff");
}

#[test]
fn failed_to_any() {
    from("failed");
}

/// `wait` answers when the target is reached, also where it is passed through at once.
#[test]
fn a_transition_can_be_waited_for() {
    let mut supervisor = Supervisor::start();
    for to in STATES {
        for from in ["new", "running"] {
            let program = format!("{from} to {to}, waited for");
            bring_to(&mut supervisor, &program, from);
            let arguments = args!["program" => program, "state" => to, "wait" => true, "timeout" => 5];
            supervisor.command("transition", arguments);
        }
    }
}
