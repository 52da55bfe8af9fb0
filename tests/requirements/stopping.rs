//! Stops in reverse order: what is held back, and what comes in between.

use crate::args;
use crate::common::{EventSource, ProgramSettings, Supervisor, deaf, proc, sleeper, strings};
use crate::{edges, expect_order, requiring};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;

fn deaf_requiring(requires: &[&str]) -> ProgramSettings {
    deaf().with("requires", strings(requires))
}

/// `db`, and `web` that requires it and does not stop; both were told to stop.
fn held() -> Supervisor {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper().with("backoff_min", 0));
    supervisor.create_running("web", &deaf_requiring(&["db"]));
    let rows = supervisor.command("stop", args!["program" => "*"]);
    let told: Vec<(&str, &str, bool)> =
        rows.iter().map(|row| (row.program.as_str(), row.state.as_str(), row.changed)).collect();
    assert_eq!(told, [("db", "running", true), ("web", "stopping", true)]);
    supervisor
}

#[test]
fn what_is_required_stops_when_no_process_is_left_that_needs_it() {
    let mut supervisor = held();
    let mut events = supervisor.events();
    let mut client = supervisor.client();
    let waiting = client.post("stop", args!["program" => strings(&["db", "web"]), "wait" => true]);
    supervisor.command("kill", args!["program" => "web"]);
    client.reply_to(waiting, crate::common::DEADLINE);
    expect_order(&edges(&mut events), &[("web", "exited"), ("db", "stopping"), ("db", "exited")]);
}

#[test]
fn one_alone_stops_without_its_dependants() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    let pid = supervisor.create_running("web", &requiring(&["db"]))[0].pid;
    supervisor.do_and_wait("stop", "db");
    assert_eq!(supervisor.row("web", 0).pid, pid);
}

#[test]
fn a_later_start_calls_off_what_is_held_back() {
    let mut supervisor = held();
    let pid = supervisor.row("db", 0).pid;
    supervisor.command("start", args!["program" => "db"]);
    let mut events = supervisor.events();
    supervisor.command("kill", args!["program" => "web"]);
    events.expect_states("web", 0, &["exited"]);
    // A later stop of it shows that nothing else came before.
    supervisor.do_and_wait("stop", "db");
    expect_order(&edges(&mut events), &[("db", "stopping"), ("db", "exited")]);
    assert_eq!(supervisor.row("db", 0).start_count, 1);
    assert!(pid > 0);
}

#[test]
fn a_stop_of_it_alone_does_not_wait() {
    let mut supervisor = held();
    let row = supervisor.do_and_wait("stop", "db").remove(0);
    assert_eq!(row.state, "exited");
    assert_eq!(supervisor.row("web", 0).state, "stopping");
}

#[test]
fn what_dies_while_it_is_held_back_is_not_started_again() {
    let mut supervisor = held();
    let mut events = supervisor.events();
    let db = supervisor.row("db", 0);
    assert!(proc::send(db.pid, Signal::SIGKILL));
    events.expect_states("db", 0, &["exited"]);
    let row = supervisor.row("db", 0);
    assert_eq!((row.state.as_str(), row.admin_state.as_str(), row.start_count), ("exited", "down", 1));
}

#[test]
fn what_is_killed_while_it_is_held_back_is_not_started_again() {
    let mut supervisor = held();
    let mut events = supervisor.events();
    supervisor.command("kill", args!["program" => "db", "wait" => true]);
    events.expect_states("db", 0, &["stopping", "exited"]);
    assert_eq!(supervisor.row("db", 0).admin_state, "down");
}

#[test]
fn what_needs_it_through_others_is_waited_for_too() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    supervisor.create_running("app", &requiring(&["db"]));
    supervisor.create_running("web", &requiring(&["app"]));
    let mut events = supervisor.events();
    supervisor.command("stop", args!["program" => strings(&["db", "web"]), "wait" => true]);
    let seen = edges(&mut events);
    expect_order(&seen, &[("web", "exited"), ("db", "stopping")]);
    assert!(seen.iter().all(|(program, _)| program != "app"), "{seen:?}");
}

#[test]
fn others_are_served_while_a_stop_waits() {
    let mut supervisor = held();
    supervisor.create_running("other", &sleeper());
    supervisor.do_and_wait("restart", "other");
    supervisor.do_and_wait("stop", "other");
    // The rest of it goes with what was waited for.
    supervisor.call("remove", args!["program" => "web", "force" => true]);
    let refusal = supervisor.refusal("stop", args!["program" => "web", "wait" => true, "timeout" => 0]);
    assert_eq!(refusal.reply.get("code"), Some(&Value::from("timeout")));
    supervisor.command("kill", args!["program" => "web"]);
    supervisor.wait_for("db", "exited");
}
