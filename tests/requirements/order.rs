//! Chains, diamonds and levels: what starts and stops when, as the events tell it.

use crate::args;
use crate::common::{
    DEADLINE, EventSource, ProgramSettings, Supervisor, deaf, eventually_true, shell, sleeper, strings,
};
use crate::{edges, expect_order, place, requiring, slow};

const LEVELS: usize = 10;
const WIDTH: usize = 10;

fn start_all(supervisor: &mut Supervisor) {
    let timeout = DEADLINE.as_secs_f64();
    let rows = supervisor.command("start", args!["program" => "*", "wait" => true, "timeout" => timeout]);
    assert!(rows.iter().all(|row| row.state == "running"), "{rows:?}");
    let names: Vec<&str> = rows.iter().map(|row| row.program.as_str()).collect();
    assert!(names.is_sorted(), "results are in the order of names: {names:?}");
}

/// `a` requires `b`, which requires `c`: against the order of names.
fn chain() -> Supervisor {
    let mut supervisor = Supervisor::start();
    supervisor.create("c", &slow().with("autostart", false));
    supervisor.create("b", &slow().with("autostart", false).with("requires", strings(&["c"])));
    supervisor.create("a", &slow().with("autostart", false).with("requires", strings(&["b"])));
    supervisor
}

#[test]
fn a_chain_starts_link_by_link_and_stops_the_other_way_round() {
    let mut supervisor = chain();
    let mut events = supervisor.events();
    start_all(&mut supervisor);
    let started = edges(&mut events);
    let expected =
        [("c", "starting"), ("c", "running"), ("b", "starting"), ("b", "running"), ("a", "starting")];
    expect_order(&started, &expected);
    assert_eq!(started.iter().filter(|(_, state)| state == "waiting").count(), 2, "{started:?}");
    let rows = supervisor.do_and_wait("stop", "*");
    assert!(rows.iter().all(|row| row.state == "exited" && row.changed), "{rows:?}");
    let expected =
        [("a", "stopping"), ("a", "exited"), ("b", "stopping"), ("b", "exited"), ("c", "stopping")];
    expect_order(&edges(&mut events), &expected);
}

#[test]
fn a_chain_restarts_in_order() {
    let mut supervisor = chain();
    start_all(&mut supervisor);
    let mut events = supervisor.events();
    supervisor.do_and_wait("restart", "*");
    let expected =
        [("c", "running"), ("b", "starting"), ("b", "running"), ("a", "starting"), ("a", "running")];
    expect_order(&edges(&mut events), &expected);
}

#[test]
fn the_sides_of_a_diamond_start_and_stop_together() {
    let mut supervisor = Supervisor::start();
    supervisor.create("base", &slow().with("autostart", false));
    for side in ["left", "right"] {
        supervisor.create(side, &slow().with("autostart", false).with("requires", strings(&["base"])));
    }
    supervisor
        .create("above", &slow().with("autostart", false).with("requires", strings(&["left", "right"])));
    let mut events = supervisor.events();
    start_all(&mut supervisor);
    let started = edges(&mut events);
    for side in ["left", "right"] {
        expect_order(
            &started,
            &[("base", "running"), (side, "starting"), (side, "running"), ("above", "starting")],
        );
    }
    let both = |state| ["left", "right"].map(|side| place(&started, side, state));
    assert!(both("starting").iter().max() < both("running").iter().min(), "one after the other: {started:?}");

    supervisor.do_and_wait("stop", "*");
    let stopped = edges(&mut events);
    for side in ["left", "right"] {
        expect_order(
            &stopped,
            &[("above", "exited"), (side, "stopping"), (side, "exited"), ("base", "stopping")],
        );
    }
    let both = |state| ["left", "right"].map(|side| place(&stopped, side, state));
    assert!(both("stopping").iter().max() < both("exited").iter().min(), "one after the other: {stopped:?}");
}

/// Each level and state that was come upon, with how often in a row.
fn runs(edges: &[(String, String)], states: &[&str]) -> Vec<(usize, String, usize)> {
    let mut runs: Vec<(usize, String, usize)> = Vec::new();
    for (program, state) in edges.iter().filter(|(_, state)| states.contains(&state.as_str())) {
        let level = program.split('-').nth(1).unwrap().parse().unwrap();
        match runs.last_mut() {
            Some((last, of, count)) if *last == level && of == state => *count += 1,
            _ => runs.push((level, state.clone(), 1)),
        }
    }
    runs
}

/// A hundred programs, each of which requires all of the level below.
#[test]
fn a_hundred_programs_take_as_long_as_the_longest_path() {
    let mut supervisor = Supervisor::start();
    let name = |level: usize, number: usize| format!("p-{level}-{number}");
    for level in 0..LEVELS {
        let below: Vec<String> = (0..WIDTH).map(|number| name(level.wrapping_sub(1), number)).collect();
        let below: Vec<&str> = below.iter().map(String::as_str).collect();
        let requires = if level == 0 { strings(&[]) } else { strings(&below) };
        for number in 0..WIDTH {
            supervisor.create(
                &name(level, number),
                &slow().with("autostart", false).with("requires", requires.clone()),
            );
        }
    }
    let mut events = supervisor.events();
    start_all(&mut supervisor);
    // Ten steps and not a hundred: a level starts as one, when all of the level below run, and none of its own do yet.
    let started = runs(&edges(&mut events), &["starting", "running"]);
    let expected: Vec<_> = (0..LEVELS)
        .flat_map(|level| ["starting", "running"].map(|state| (level, state.to_string(), WIDTH)))
        .collect();
    assert_eq!(started, expected);

    supervisor.do_and_wait("stop", "*");
    let stopped = runs(&edges(&mut events), &["stopping", "exited"]);
    let expected: Vec<_> = (0..LEVELS)
        .rev()
        .flat_map(|level| ["stopping", "exited"].map(|state| (level, state.to_string(), WIDTH)))
        .collect();
    assert_eq!(stopped, expected);
}

/// One that takes a moment to stop, and then leaves a file behind: it was told to stop, and not killed.
fn careful(supervisor: &Supervisor) -> ProgramSettings {
    let (ready, file) = (supervisor.scratch().text("ready"), supervisor.scratch().text("stopped"));
    let script =
        format!("trap 'sleep 0.1; : > {file}; exit' TERM; : > {ready}; while :; do sleep 0.02; done");
    shell(&script).with("minimum_run_duration", 0)
}

#[track_caller]
fn create_careful(supervisor: &mut Supervisor, name: &str) {
    let settings = careful(supervisor);
    supervisor.create_running(name, &settings);
    eventually_true("it has set its trap", || supervisor.scratch().join("ready").exists());
}

#[test]
fn a_shutdown_stops_in_reverse_order_and_holds_up_nobody_else() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    create_careful(&mut supervisor, "cache");
    supervisor.create_running("web", &requiring(&["db"]));
    supervisor.create_running("deaf", &deaf().with("requires", strings(&["cache"])));
    let mut stream = supervisor.subscriber(&["state/"]);
    supervisor.call("shutdown", args!["timeout" => "3s"]);
    let mut seen = Vec::new();
    while seen.iter().filter(|(_, state)| state == "exited").count() < 4 {
        let edge = stream.expect("an edge", |event| event.get("from").is_some());
        let row = crate::common::Row::of(&edge);
        seen.push((row.program, row.state));
    }
    expect_order(
        &seen,
        &[("web", "stopping"), ("web", "exited"), ("db", "stopping"), ("db", "exited"), ("deaf", "exited")],
    );
    // What the deaf one kept waiting is told to stop before everything is killed.
    expect_order(
        &seen,
        &[("deaf", "stopping"), ("cache", "stopping"), ("cache", "exited"), ("deaf", "exited")],
    );
    assert_eq!(supervisor.wait().code(), Some(0));
    assert!(supervisor.scratch().join("stopped").exists());
    supervisor.expect_no_processes();
}

#[test]
fn a_second_signal_lets_nobody_wait_any_longer() {
    let mut supervisor = Supervisor::start();
    create_careful(&mut supervisor, "db");
    supervisor.create_running("deaf", &deaf().with("requires", strings(&["db"])));
    let mut stream = supervisor.subscriber(&["state/"]);
    supervisor.call("shutdown", args!["timeout" => 3600]);
    stream.expect_states("deaf", 0, &["stopping"]);
    assert_eq!(supervisor.row("db", 0).state, "running");
    supervisor.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
    assert!(supervisor.scratch().join("stopped").exists());
}
