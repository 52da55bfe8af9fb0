//! `bound`: those that stop with what they require, and come back with it.

use crate::args;
use crate::common::{EventSource, Supervisor, command, deaf, proc, sleeper, strings};
use crate::{edges, expect_order, requiring};
use nix::sys::signal::Signal;

fn bound(requires: &[&str]) -> crate::common::ProgramSettings {
    requiring(requires).with("bound", true)
}

#[test]
fn a_death_takes_along_those_that_are_bound() {
    let mut supervisor = Supervisor::start();
    let db = supervisor.create_running("db", &sleeper().with("backoff_min", 0)).remove(0);
    let loose = supervisor.create_running("loose", &requiring(&["db"])).remove(0);
    supervisor.create_running("web", &bound(&["db"]).with("instances", 2));
    let mut events = supervisor.events();
    assert!(proc::send(db.pid, Signal::SIGKILL));
    events.until_state("web", 0, "stopping");
    // However soon the requirement is back: it is not the one that they were started with.
    events.until_state("web", 0, "running");
    let rows = supervisor.wait_for("web", "running");
    assert!(rows.iter().all(|row| row.start_count == 2 && row.flap_count == 0), "{rows:?}");
    assert_eq!(supervisor.row("loose", 0).pid, loose.pid);
}

#[test]
fn what_stays_away_is_waited_for() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    supervisor.create_running("web", &bound(&["db"]));
    let mut events = supervisor.events();
    supervisor.call("update", args!["program" => "db", "command" => "/nonexistent", "flap_max" => 0]);
    supervisor.command("kill", args!["program" => "db"]);
    events.expect_states("web", 0, &["stopping", "waiting"]);
    supervisor.wait_for("db", "backoff");
    let row = supervisor.row("web", 0);
    assert_eq!((row.admin_state.as_str(), row.reason()), ("up", "waits for db, which is in backoff"));
    supervisor.call("update", args!["program" => "db", "command" => "sleep"]);
    supervisor.command("start", args!["program" => "db"]);
    events.expect_states("web", 0, &["starting", "running"]);
}

#[test]
fn a_stop_stops_first_those_that_are_bound() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    supervisor.create_running("app", &bound(&["db"]));
    supervisor.create_running("web", &bound(&["app"]));
    supervisor.create_running("loose", &requiring(&["db"]));
    let mut events = supervisor.events();
    let rows = supervisor.do_and_wait("stop", "db");
    assert_eq!(rows.len(), 1, "those that were not named have no row: {rows:?}");
    let seen = edges(&mut events);
    let expected = [
        ("web", "stopping"),
        ("web", "waiting"),
        ("app", "stopping"),
        ("app", "waiting"),
        ("db", "stopping"),
    ];
    expect_order(&seen, &expected);
    assert!(seen.iter().all(|(program, _)| program != "loose"), "{seen:?}");
    let begins = |(_, state): &(String, String)| state == "starting";
    assert!(!seen.iter().any(begins), "nothing starts once more before what it needs stops: {seen:?}");
    supervisor.do_and_wait("start", "db");
    supervisor.wait_for("web", "running");
}

#[test]
fn what_was_to_stop_and_goes_on_has_those_come_back_that_are_bound() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    supervisor.create_running("web", &deaf().with("requires", strings(&["db"])).with("bound", true));
    let mut events = supervisor.events();
    supervisor.command("stop", args!["program" => "db"]);
    events.expect_states("web", 0, &["stopping"]);
    let db = supervisor.command("start", args!["program" => "db"]).remove(0);
    supervisor.command("kill", args!["program" => "web"]);
    events.until_state("web", 0, "running");
    assert_eq!(supervisor.row("db", 0).pid, db.pid);
}

#[test]
fn more_instances_take_nothing_away_and_fewer_neither() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    let web = supervisor.create_running("web", &bound(&["db"])).remove(0);
    supervisor.call("update", args!["program" => "db", "minimum_run_duration" => 3600]);
    let mut events = supervisor.events();
    supervisor.command("scale", args!["program" => "db", "instances" => 3]);
    events.expect_states("db", 2, &["starting"]);
    supervisor.command("scale", args!["program" => "db", "instances" => 1, "wait" => true]);
    assert_eq!(supervisor.row("web", 0).pid, web.pid);
    let seen = edges(&mut events);
    assert!(seen.iter().all(|(program, _)| program != "web"), "{seen:?}");
}

#[test]
fn a_removal_takes_along_those_that_are_bound() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    supervisor.create_running("web", &bound(&["db"]));
    let mut events = supervisor.events();
    supervisor.call("remove", args!["program" => "db", "force" => true]);
    events.expect_states("web", 0, &["stopping", "waiting"]);
    let row = supervisor.until("web", 0, "db is gone", |row| row.reason().contains("no such"));
    assert_eq!(row.reason(), "waits for db, but there is no such program");
    supervisor.create("db", &sleeper());
    events.expect_states("web", 0, &["starting", "running"]);
}

#[test]
fn those_bound_to_a_completion_go_with_its_repetition() {
    let mut supervisor = Supervisor::start();
    supervisor.create("job", &command("true", &[]).with("restart", "never").with("minimum_run_duration", 0));
    supervisor.create_running("web", &bound(&["job:completed"]));
    let mut events = supervisor.events();
    supervisor.do_and_wait("stop", "job");
    supervisor.call("update", args!["program" => "job", "command" => "sleep", "args" => strings(&["3600"])]);
    supervisor.command("once", args!["program" => "job"]);
    events.expect_states("web", 0, &["stopping", "waiting"]);
}

#[test]
fn two_hundred_that_are_bound_stop_and_come_back() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    supervisor.create("web", &bound(&["db"]).with("instances", 200));
    supervisor.wait_for("web", "running");
    supervisor.command("transition", args!["program" => "db", "state" => "failed"]);
    supervisor.wait_for("web", "waiting");
    supervisor.command("start", args!["program" => "db"]);
    let rows = supervisor.wait_for("web", "running");
    assert!(rows.len() == 200 && rows.iter().all(|row| row.start_count == 2));
}
