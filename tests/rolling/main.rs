//! Rolling restarts: so many instances at a time, the next when one is running, and an end at the first that does not
//! get there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

use common::client::rows as rows_in;
use common::{
    Arguments, Client, DEADLINE, EventLog, EventSource, Row, Supervisor, deaf, eventually_true, shell,
    sleeper, strings,
};
use procnanny::wire::value::Value;
use std::collections::BTreeSet;
use std::time::Duration;

const HOUR: i64 = 3600;

/// All edges until now.
fn edges(events: &mut EventLog) -> Vec<Row> {
    let all = std::iter::from_fn(|| events.next_within(Duration::ZERO));
    all.filter(|event| event.get("from").is_some() && event.get("state").is_some())
        .map(|event| Row::of(&event))
        .collect()
}

/// The most instances that were not running at the same time, of those that ran in the beginning.
fn most_not_running(edges: &[Row]) -> usize {
    let mut away = BTreeSet::new();
    let mut most = 0;
    for edge in edges {
        let key = (edge.program.clone(), edge.instance);
        if edge.state == "running" {
            away.remove(&key)
        } else {
            away.insert(key)
        };
        most = most.max(away.len());
    }
    most
}

fn roll(supervisor: &mut Supervisor, program: &str, parallel: i64) -> Vec<Row> {
    let timeout = DEADLINE.as_secs_f64();
    let rolling = args!["program" => program, "rolling" => true, "parallel" => parallel, "wait" => true, "timeout" => timeout];
    supervisor.command("restart", rolling)
}

/// `web` with so many instances that all run.
fn web(instances: i64) -> (Supervisor, Vec<Row>) {
    let mut supervisor = Supervisor::start();
    let settings =
        sleeper().with("instances", instances).with("minimum_run_duration", "20ms").with_backoff(HOUR);
    let before = supervisor.create_running("web", &settings);
    (supervisor, before)
}

/// From now on, what starts fails.
fn break_it(supervisor: &mut Supervisor) {
    supervisor.call("update", args!["program" => "web", "command" => "/nonexistent/web"]);
}

#[test]
fn one_at_a_time_by_default() {
    let (mut supervisor, before) = web(4);
    let mut events = supervisor.events();
    let arguments = args!["program" => "web", "rolling" => true, "wait" => true];
    let after = supervisor.command("restart", arguments);
    assert!(after.iter().zip(&before).all(|(now, then)| now.pid != then.pid && now.changed), "{after:?}");
    assert!(after.iter().all(|row| row.state == "running"));
    let edges = edges(&mut events);
    assert_eq!(most_not_running(&edges), 1, "{edges:?}");
    let order: Vec<i64> =
        edges.iter().filter(|edge| edge.state == "running").map(|edge| edge.instance).collect();
    assert_eq!(order, [0, 1, 2, 3]);
}

#[test]
fn never_more_at_a_time_than_asked_for() {
    let (mut supervisor, before) = web(20);
    let mut events = supervisor.events();
    let after = roll(&mut supervisor, "web", 3);
    assert!(after.iter().zip(&before).all(|(now, then)| now.pid != then.pid), "{after:?}");
    assert_eq!(most_not_running(&edges(&mut events)), 3);
    // More at a time than there are is all of them.
    let again = roll(&mut supervisor, "web", 1000);
    assert!(again.iter().zip(&after).all(|(now, then)| now.pid != then.pid), "{again:?}");
    assert_eq!(most_not_running(&edges(&mut events)), 20);
}

#[test]
fn programs_follow_each_other_as_they_require_each_other() {
    let mut supervisor = Supervisor::start();
    let slow = sleeper().with("minimum_run_duration", "20ms").with("instances", 2);
    supervisor.create_running("z", &slow);
    supervisor.create_running("m", &slow.clone().with("requires", strings(&["z"])));
    supervisor.create_running("a", &slow.with("requires", strings(&["m"])));
    let mut events = supervisor.events();
    let rows = roll(&mut supervisor, "*", 1);
    let names: Vec<&str> = rows.iter().map(|row| row.program.as_str()).collect();
    assert_eq!(names, ["a", "a", "m", "m", "z", "z"]);
    let edges = edges(&mut events);
    assert_eq!(most_not_running(&edges), 1, "{edges:?}");
    let order: Vec<&str> =
        edges.iter().filter(|edge| edge.state == "running").map(|edge| edge.program.as_str()).collect();
    assert_eq!(order, ["z", "z", "m", "m", "a", "a"]);
}

#[test]
fn it_halts_at_the_first_that_does_not_come_to_run() {
    let (mut supervisor, before) = web(4);
    break_it(&mut supervisor);
    let mut events = supervisor.events();
    let arguments = args!["program" => "web", "rolling" => true, "wait" => true];
    let refusal = supervisor.refusal("restart", arguments);
    assert_eq!(refusal.code, "failed");
    let expected = "The rolling restart halted at web/0, which is exited: exec: No such file or directory";
    assert!(refusal.sentence.starts_with(expected), "{refusal:?}");
    assert!(refusal.sentence.ends_with("3 instances were left as they are"), "{refusal:?}");
    assert_eq!(rows_in(&refusal.reply, "results").len(), 4);
    let halted = events.expect_event("restart_halted");
    assert_eq!(
        (halted.get("program"), halted.get("instance")),
        (Some(&Value::from("web")), Some(&Value::Int(0)))
    );
    let after = supervisor.rows("web");
    assert!((1..4).all(|number| after[number].pid == before[number].pid), "{after:?}");
}

#[test]
fn what_is_down_or_waits_is_passed_over() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &sleeper().with("autostart", false).with("instances", 2));
    supervisor.create("late", &sleeper().with("requires", strings(&["db"])));
    supervisor.wait_for("late", "waiting");
    let rows = roll(&mut supervisor, "late", 1);
    assert_eq!((rows[0].state.as_str(), rows[0].changed), ("waiting", false));
    let rows = roll(&mut supervisor, "db", 1);
    assert!(rows.iter().all(|row| row.state == "new" && !row.changed), "{rows:?}");
}

#[test]
fn work_that_is_done_is_done() {
    let mut supervisor = Supervisor::start();
    let script =
        format!("[ -e '{0}' ] && exit 0; : > '{0}'; exec sleep 3600", supervisor.scratch().text("begun"));
    let job = shell(&script).with("restart", "on-failure").with("minimum_run_duration", 3600);
    supervisor.create("job", &job);
    supervisor.wait_for("job", "starting");
    eventually_true("it has begun", || supervisor.scratch().join("begun").exists());
    supervisor.create_running("web", &sleeper());
    let rows = roll(&mut supervisor, "*", 1);
    assert_eq!((rows[0].state.as_str(), rows[0].admin_state.as_str()), ("exited", "down"));
    assert_eq!(supervisor.row("web", 0).start_count, 2);
    // Done already, it is not done again.
    assert!(!roll(&mut supervisor, "*", 1)[0].changed);
    assert_eq!(supervisor.row("job", 0).start_count, 2);
}

#[test]
fn it_halts_where_a_requirement_is_missing() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    let before =
        supervisor.create_running("web", &sleeper().with("instances", 2).with("requires", strings(&["db"])));
    supervisor.call("update", args!["program" => "db", "command" => "sh", "args" => strings(&["-c", "sleep 0.2; exit 1"]), "minimum_run_duration" => 60, "give_up_after" => 1]);
    supervisor.command("restart", args!["program" => "db"]);
    let arguments = args!["program" => "web", "rolling" => true, "wait" => true];
    let refusal = supervisor.refusal("restart", arguments);
    let expected =
        "The rolling restart halted at web/0, which is waiting: waits for db, which is failed; 1 instance";
    assert!(refusal.sentence.starts_with(expected), "{refusal:?}");
    assert_eq!(supervisor.row("web", 1).pid, before[1].pid);
}

#[test]
fn it_halts_where_a_requirement_is_down() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    supervisor.create_running("web", &sleeper().with("instances", 2).with("requires", strings(&["db"])));
    supervisor.do_and_wait("stop", "db");
    let arguments = args!["program" => "web", "rolling" => true, "wait" => true];
    let refusal = supervisor.refusal("restart", arguments);
    assert!(
        refusal.sentence.contains("which is waiting: waits for db, which is down; 1 instance"),
        "{refusal:?}"
    );
    assert_eq!(supervisor.row("web", 1).start_count, 1);
}

#[test]
fn without_waiting_the_answer_comes_at_once() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("deaf", &deaf().with("instances", 3));
    let rows = supervisor.command("restart", args!["program" => "deaf", "rolling" => true, "parallel" => 2]);
    let states: Vec<&str> = rows.iter().map(|row| row.state.as_str()).collect();
    assert_eq!(states, ["stopping", "stopping", "running"]);
    // One that waits, and runs out of time.
    let mut client = supervisor.client();
    let arguments = args!["program" => "deaf", "rolling" => true, "wait" => true, "timeout" => "100ms"];
    let refusal = client.refusal("restart", arguments);
    assert_eq!(refusal.code, "timeout");
    let states: Vec<String> = rows_in(&refusal.reply, "results").into_iter().map(|row| row.state).collect();
    assert_eq!(states, ["stopping", "stopping", "running"]);
}

/// Posts a rolling restart whose answer is awaited for an hour.
fn post(client: &mut Client, program: &str) -> i64 {
    client.post("restart", args!["program" => program, "rolling" => true, "wait" => true, "timeout" => HOUR])
}

#[track_caller]
fn wait_for_one_to_stop(supervisor: &mut Supervisor) {
    supervisor.until("deaf", 0, "the first stops", |row| row.state == "stopping");
}

#[test]
fn a_later_one_takes_over_what_it_names() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("deaf", &deaf());
    supervisor.create_running("web", &sleeper().with("instances", 2));
    let mut first = supervisor.client();
    let waiting = post(&mut first, "*");
    supervisor.wait_for("deaf", "stopping");
    // It is at the deaf one; that is left to the second one, and so it goes on.
    let mut second = supervisor.client();
    let other = post(&mut second, "deaf");
    let reply = first.reply_to(waiting, DEADLINE);
    let web = rows_in(&reply, "results").into_iter().filter(|row| row.program == "web");
    assert!(web.into_iter().all(|row| row.start_count == 0 && row.state == "running" && row.changed));
    assert!(supervisor.rows("web").iter().all(|row| row.start_count == 2));
    supervisor.command("kill", args!["program" => "deaf"]);
    second.reply_to(other, DEADLINE);
    assert_eq!(supervisor.row("deaf", 0).start_count, 2);
}

#[test]
fn a_removal_meanwhile_holds_up_nothing() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("deaf", &deaf().with("instances", 2));
    supervisor.create_running("web", &sleeper());
    let mut client = supervisor.client();
    let waiting = post(&mut client, "*");
    wait_for_one_to_stop(&mut supervisor);
    supervisor.call("remove", args!["program" => "deaf", "force" => true]);
    supervisor.command("kill", args!["program" => "deaf"]);
    let reply = client.reply_to(waiting, DEADLINE);
    assert_eq!(reply.get("error"), None, "{reply:?}");
    assert_eq!(supervisor.row("web", 0).start_count, 2);
}

#[test]
fn how_many_at_a_time_goes_with_rolling_alone() {
    let (mut supervisor, _) = web(1);
    for (arguments, expected) in [
        (args!["program" => "web", "parallel" => 2], "'parallel' is for rolling restarts"),
        (args!["program" => "web", "rolling" => true, "parallel" => 0], "expected a whole number from 1"),
        (args!["program" => "web", "rolling" => "yes"], "expected true or false"),
    ] as [(Arguments<'_>, &str); 3]
    {
        let refusal = supervisor.refusal("restart", arguments);
        assert_eq!(refusal.code, "bad-argument");
        assert!(refusal.sentence.contains(expected), "{refusal:?}");
    }
    assert_eq!(supervisor.row("web", 0).start_count, 1);
}

#[test]
fn a_shutdown_ends_it() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("deaf", &deaf().with("instances", 2));
    let mut client = supervisor.client();
    let waiting = post(&mut client, "*");
    wait_for_one_to_stop(&mut supervisor);
    supervisor.call("shutdown", args!["timeout" => "100ms"]);
    assert_eq!(client.reply_to(waiting, DEADLINE).get("code"), Some(&Value::from("busy")));
    assert_eq!(supervisor.wait().code(), Some(0));
    supervisor.expect_no_processes();
}
