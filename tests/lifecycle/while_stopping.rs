//! Commands to an instance that is stopping change what follows, and wait for nothing.

use crate::args;
use crate::common::{EventLog, EventSource, Supervisor};
use crate::{open, slow_to_stop, wait_for_file};

/// A program `web` that has been told to stop and takes its time, until `finish`.
fn stopping() -> (Supervisor, EventLog, i32) {
    let mut supervisor = Supervisor::start();
    let settings = slow_to_stop(supervisor.scratch(), "gate");
    let pid = supervisor.create_running("web", &settings)[0].pid;
    wait_for_file(supervisor.scratch(), "ready");
    let mut events = supervisor.events();
    let row = supervisor.command("stop", args!["program" => "web"]).remove(0);
    assert_eq!((row.state.as_str(), row.admin_state.as_str(), row.pid), ("stopping", "down", pid));
    events.expect_states("web", 0, &["stopping"]);
    (supervisor, events, pid)
}

/// A command is answered at once, with the old process still there.
fn command(supervisor: &mut Supervisor, method: &str, pid: i32, admin: &str) {
    let row = supervisor.command(method, args!["program" => "web"]).remove(0);
    let seen = (row.state.as_str(), row.admin_state.as_str(), row.pid);
    assert_eq!(seen, ("stopping", admin, pid), "{method}");
}

#[test]
fn start_makes_it_start_again_after_the_exit() {
    let (mut supervisor, mut events, pid) = stopping();
    command(&mut supervisor, "start", pid, "up");
    open(supervisor.scratch(), "gate");
    let edges = events.expect_states("web", 0, &["starting", "running"]);
    assert!(edges[1].pid != pid);
    assert_eq!(edges[1].admin_state, "up");
}

#[test]
fn the_last_of_several_commands_counts() {
    let (mut supervisor, mut events, pid) = stopping();
    command(&mut supervisor, "start", pid, "up");
    command(&mut supervisor, "stop", pid, "down");
    command(&mut supervisor, "restart", pid, "up");
    command(&mut supervisor, "stop", pid, "down");
    open(supervisor.scratch(), "gate");
    let edges = events.expect_states("web", 0, &["exited"]);
    assert_eq!(edges[0].admin_state, "down");
}

#[test]
fn once_runs_it_once_more() {
    let (mut supervisor, mut events, pid) = stopping();
    command(&mut supervisor, "once", pid, "once");
    open(supervisor.scratch(), "gate");
    let edges = events.expect_states("web", 0, &["starting", "running"]);
    assert_eq!(edges[1].admin_state, "once");
}

#[test]
fn kill_ends_it_now_and_does_not_bring_it_back() {
    let (mut supervisor, mut events, pid) = stopping();
    command(&mut supervisor, "kill", pid, "down");
    let edges = events.expect_states("web", 0, &["exited"]);
    assert_eq!((edges[0].admin_state.as_str(), edges[0].exitsignal), ("down", 9));
}

#[test]
fn a_slot_that_is_scaled_away_and_wanted_again_starts_again() {
    let (mut supervisor, mut events, pid) = stopping();
    supervisor.call("scale", args!["program" => "web", "instances" => 0]);
    supervisor.call("scale", args!["program" => "web", "instances" => 1]);
    assert_eq!(supervisor.row("web", 0).pid, pid);
    open(supervisor.scratch(), "gate");
    let edges = events.expect_states("web", 0, &["starting", "running"]);
    assert!(edges[0].pid != pid);
}

#[test]
fn a_removed_one_is_gone_after_the_exit_whatever_is_asked_of_it() {
    let (mut supervisor, mut events, pid) = stopping();
    supervisor.call("remove", args!["program" => "web", "force" => true]);
    let refusal = supervisor.refusal("start", args!["program" => "web"]);
    assert_eq!(refusal.code, "busy", "{}", refusal.sentence);
    command(&mut supervisor, "stop", pid, "down");
    open(supervisor.scratch(), "gate");
    events.expect_states("web", 0, &["exited"]);
    events.expect_event("removed");
    assert_eq!(supervisor.refusal("list", args!["program" => "web"]).code, "no-such-program");
}
