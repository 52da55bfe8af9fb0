//! Flaps: programs that end before they are healthy, how their restarts are delayed, and when they are given up.
//!
//! A delay is its rest (`retry_in`) and what has passed of it (`since`), so long delays are measured without waiting
//! for their end; `start` then begins the next run at once and leaves the flaps as they are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{
    EventSource, ProgramSettings, Row, Supervisor, command, eventually_true, expect_delay, shell, sleeper,
};
use procnanny::wire::value::Value;
use std::collections::BTreeSet;

/// One that ends as soon as it is executed, long before it could count as healthy.
fn failing() -> ProgramSettings {
    command("false", &[])
}

/// One that ends with a failure until [`repair`], and then stays in `starting`.
fn failing_until_repaired(supervisor: &Supervisor) -> ProgramSettings {
    let flag = supervisor.scratch().text("repaired");
    shell(&format!("[ -e {flag} ] || exit 1; exec sleep 3600")).with("minimum_run_duration", 3600)
}

fn repair(supervisor: &Supervisor) {
    std::fs::write(supervisor.scratch().join("repaired"), "").unwrap();
}

/// The whole delay of the start that an instance waits for.
fn delay(supervisor: &mut Supervisor, program: &str) -> f64 {
    let reply = supervisor.call("list", args!["program" => program]);
    delays(&reply)[0]
}

/// The whole delay of each row of a list.
fn delays(list: &Value) -> Vec<f64> {
    let rows = list.get("instances").and_then(Value::as_array).unwrap();
    let seconds =
        |row: &Value, key| row.get(key).and_then(Value::as_f64).unwrap_or_else(|| panic!("{key}: {row:?}"));
    rows.iter().map(|row| seconds(row, "retry_in") + seconds(row, "since")).collect()
}

/// Starts an instance that ends by itself, until the run after `flaps` flaps has ended.
fn flap(supervisor: &mut Supervisor, program: &str, flaps: i64) -> Row {
    supervisor.do_and_wait("start", program);
    let what = format!("{flaps} flaps of {program}");
    supervisor.until(program, 0, &what, |row| row.flap_count == flaps && row.pid == 0)
}

#[track_caller]
fn expect_within_a_tenth(delay: f64, nominal: f64) {
    assert!((0.899 * nominal..=1.101 * nominal).contains(&delay), "{delay} s, nominally {nominal} s");
}

#[test]
fn delays_double_up_to_the_cap_and_backoff_shows_it() {
    let mut supervisor = Supervisor::start();
    let settings = failing().with("backoff_min", 100).with("backoff_max", 1000).with("flap_max", 2);
    supervisor.create("web", &settings.with("autostart", false));
    let nominal = [100.0, 200.0, 400.0, 800.0, 1000.0, 1000.0];
    for (flaps, nominal) in (1..).zip(nominal) {
        let row = flap(&mut supervisor, "web", flaps);
        let state = if flaps > 2 { "backoff" } else { "exited" };
        assert_eq!((row.state.as_str(), row.flapping, row.admin_state.as_str()), (state, flaps > 2, "up"));
        assert_eq!((row.start_count, row.exitcode), (flaps, 1));
        assert!(row.reason().starts_with("exited with code 1 after "), "{}", row.reason());
        expect_within_a_tenth(delay(&mut supervisor, "web"), nominal);
    }
}

#[test]
fn restarts_really_come_after_their_delays() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let settings = failing().with("backoff_min", "100ms").with("backoff_max", "400ms").with("flap_max", 2);
    supervisor.create("web", &settings);
    events.expect_states("web", 0, &["starting"]);
    let time = |event: &Value| event.get("time").and_then(Value::as_f64).unwrap();
    for (flaps, nominal) in (1..).zip([0.1, 0.2, 0.4, 0.4]) {
        let (ended, started) = (events.next_edge("web", 0), events.next_edge("web", 0));
        let (at_end, at_start) = (Row::of(&ended), Row::of(&started));
        let state = if flaps > 2 { "backoff" } else { "exited" };
        assert_eq!((at_end.state.as_str(), at_end.flap_count), (state, flaps));
        assert_eq!((at_start.state.as_str(), at_start.start_count), ("starting", flaps + 1));
        expect_delay(time(&started) - time(&ended), 0.9 * nominal);
    }
}

#[test]
fn delays_differ_by_up_to_a_tenth() {
    let mut supervisor = Supervisor::start();
    supervisor.create("herd", &failing().with("instances", 100).with_backoff(1000));
    eventually_true("all have flapped", || {
        supervisor.rows("herd").iter().all(|row| row.flap_count == 1 && row.state == "exited")
    });
    let delays = delays(&supervisor.call("list", args!["program" => "herd"]));
    assert_eq!(delays.len(), 100);
    delays.iter().for_each(|delay| expect_within_a_tenth(*delay, 1000.0));
    // By chance, once in 10^30 runs.
    assert!(delays.iter().any(|delay| *delay < 1000.0) && delays.iter().any(|delay| *delay > 1000.0));
    let different: BTreeSet<String> = delays.iter().map(|delay| format!("{delay:.1}")).collect();
    assert!(different.len() > 50, "{different:?}");
}

#[test]
fn with_flap_max_zero_the_first_flap_leads_to_backoff() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &failing().with("flap_max", 0).with_backoff(3600));
    let row = supervisor.wait_for("web", "backoff").remove(0);
    assert_eq!((row.flap_count, row.flapping), (1, true));
    assert!(row.retry_in.is_some());
}

#[test]
fn it_is_given_up_at_the_flap_that_was_named() {
    let mut supervisor = Supervisor::start();
    let settings = failing().with("backoff_min", "1ms").with("flap_max", 1).with("give_up_after", 3);
    supervisor.create("web", &settings);
    let row = supervisor.wait_for("web", "failed").remove(0);
    assert_eq!((row.flap_count, row.start_count, row.admin_state.as_str()), (3, 3, "up"));
    assert_eq!((row.pid, row.retry_in), (0, None));
    assert!(
        row.reason().starts_with("held after 3 flaps in a row: exited with code 1 after "),
        "{}",
        row.reason()
    );
}

#[test]
fn what_is_given_up_starts_again_when_an_operator_acts() {
    let mut supervisor = Supervisor::start();
    let settings = failing_until_repaired(&supervisor).with("give_up_after", 1).with("instances", 2);
    supervisor.create("web", &settings.with("backoff_min", 0));
    supervisor.wait_for("web", "failed");
    repair(&supervisor);
    supervisor.command("start", args!["program" => "web", "instance" => 0]);
    supervisor.command("reset", args!["program" => "web", "instance" => 1]);
    let flaps: Vec<i64> = supervisor.wait_for("web", "starting").iter().map(|row| row.flap_count).collect();
    assert_eq!(flaps, [1, 0], "only a reset forgives at once");
    supervisor.call("update", args!["program" => "web", "minimum_run_duration" => 0]);
    for row in supervisor.wait_for("web", "running") {
        assert_eq!((row.flap_count, row.flapping, row.start_count), (0, false, 2));
    }
}

#[test]
fn a_stop_ends_what_flaps_and_what_has_failed() {
    let mut supervisor = Supervisor::start();
    for (name, give_up_after, state) in [("flapping", 0, "backoff"), ("given up", 1, "failed")] {
        let settings = failing().with("flap_max", 0).with_backoff(3600);
        supervisor.create(name, &settings.with("give_up_after", give_up_after));
        supervisor.wait_for(name, state);
        let row = supervisor.do_and_wait("stop", name).remove(0);
        assert_eq!((row.state.as_str(), row.admin_state.as_str()), ("exited", "down"));
        assert_eq!(supervisor.row(name, 0).retry_in, None);
    }
}

#[test]
fn reset_starts_what_is_delayed_with_a_clean_slate() {
    let mut supervisor = Supervisor::start();
    let settings = failing().with("flap_max", 1).with("backoff_min", 100).with("autostart", false);
    supervisor.create("web", &settings.with("backoff_max", 3600));
    flap(&mut supervisor, "web", 1);
    assert_eq!(flap(&mut supervisor, "web", 2).state, "backoff");
    let mut events = supervisor.events();
    supervisor.command("reset", args!["program" => "web"]);
    let edges = events.expect_states("web", 0, &["starting", "exited"]);
    assert_eq!((edges[0].flap_count, edges[1].flap_count), (0, 1));
    expect_within_a_tenth(delay(&mut supervisor, "web"), 100.0);
}

#[test]
fn reset_of_what_has_a_process_forgives_and_leaves_it_alone() {
    let mut supervisor = Supervisor::start();
    let settings = failing_until_repaired(&supervisor).with_backoff(3600);
    supervisor.create("web", &settings);
    supervisor.until("web", 0, "a flap", |row| row.flap_count == 1);
    repair(&supervisor);
    let before = supervisor.command("start", args!["program" => "web"]).remove(0);
    assert_eq!(supervisor.row("web", 0).flap_count, 1);
    supervisor.command("reset", args!["program" => "web"]);
    let row = supervisor.row("web", 0);
    assert_eq!((row.flap_count, row.pid, row.state.as_str()), (0, before.pid, "starting"));
}

#[test]
fn without_backoff_min_there_is_no_delay() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &failing().with("backoff_min", 0).with("backoff_max", 3600).with("flap_max", 3));
    let row = supervisor.until("web", 0, "twenty flaps", |row| row.flap_count >= 20);
    assert!(row.start_count >= 20, "{row:?}");
    supervisor.do_and_wait("stop", "web");

    // With the minimum off as well, an exit is no flap at all.
    let settings = command("true", &[]).with("backoff_min", 0).with("minimum_run_duration", 0);
    supervisor.create("ticks", &settings);
    let row = supervisor.until("ticks", 0, "twenty starts", |row| row.start_count >= 20);
    assert_eq!(row.flap_count, 0);
}

#[test]
fn a_run_shorter_than_backoff_min_is_a_flap_even_if_it_was_healthy() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let settings = command("true", &[]).with("minimum_run_duration", 0).with_backoff(100);
    supervisor.create("web", &settings);
    let edges = events.expect_states("web", 0, &["starting", "running", "exited"]);
    assert_eq!((edges[1].flap_count, edges[2].flap_count), (0, 1));
    expect_within_a_tenth(delay(&mut supervisor, "web"), 100.0);
}

#[test]
fn flaps_are_forgiven_on_reaching_running() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let tries = supervisor.scratch().text("tries");
    let script = format!("echo >> {tries}; [ $(wc -l < {tries}) -gt 2 ] || exit 1; exec sleep 3600");
    let settings = shell(&script).with("flap_max", 1).with("backoff_min", 0);
    supervisor.create("web", &settings.with("minimum_run_duration", 3600));
    let mut edges =
        events.expect_states("web", 0, &["starting", "exited", "starting", "backoff", "starting"]);
    supervisor.call("update", args!["program" => "web", "minimum_run_duration" => "10ms"]);
    edges.extend(events.expect_states("web", 0, &["running"]));
    let counts: Vec<i64> = edges.iter().map(|edge| edge.flap_count).collect();
    assert_eq!(counts, [0, 1, 1, 2, 2, 0]);
    assert!(!supervisor.row("web", 0).flapping);
}

#[test]
fn flaps_are_forgiven_only_when_the_run_has_lasted_backoff_min() {
    let mut supervisor = Supervisor::start();
    let settings = failing_until_repaired(&supervisor).with("minimum_run_duration", 0);
    supervisor.create("web", &settings.with("backoff_min", 2).with("flap_max", 0));
    supervisor.wait_for("web", "backoff");
    repair(&supervisor);
    let mut events = supervisor.events();
    supervisor.command("start", args!["program" => "web"]);
    let edges = events.expect_states("web", 0, &["starting", "running"]);
    assert_eq!(edges[1].flap_count, 1);
    let row = supervisor.until("web", 0, "forgiveness", |row| row.flap_count == 0);
    assert!(row.duration >= 2.0, "after {} s", row.duration);
}

#[test]
fn what_an_operator_asks_for_is_no_flap() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let settings = sleeper().with("minimum_run_duration", 3600).with_backoff(3600);
    supervisor.create("web", &settings);
    events.expect_states("web", 0, &["starting"]);
    for method in ["restart", "kill", "restart"] {
        supervisor.command(method, args!["program" => "web"]);
        let edges = events.expect_states("web", 0, &["stopping", "starting"]);
        assert_eq!(edges[1].flap_count, 0, "{method}");
    }
    assert_eq!(supervisor.row("web", 0).start_count, 4);
}
