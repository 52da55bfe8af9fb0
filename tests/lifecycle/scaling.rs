//! scale: which instances come and go, and that the others are left alone.

use crate::args;
use crate::common::{EventSource, Row, Supervisor, proc, sleeper};
use procnanny::wire::value::Value;

fn pids(rows: &[Row]) -> Vec<i32> {
    rows.iter().map(|row| row.pid).collect()
}

fn scale(supervisor: &mut Supervisor, instances: i64) -> Vec<Row> {
    supervisor.command("scale", args!["program" => "web", "instances" => instances, "wait" => true])
}

#[test]
fn up_adds_the_next_numbers_and_leaves_the_others_alone() {
    let mut supervisor = Supervisor::start();
    let before = pids(&supervisor.create_running("web", &sleeper().with("instances", 2)));
    let mut events = supervisor.events();
    let begun = scale(&mut supervisor, 4);
    let numbers: Vec<(i64, &str)> = begun.iter().map(|row| (row.instance, row.state.as_str())).collect();
    assert_eq!(numbers, [(2, "running"), (3, "running")]);
    let event = events.expect_event("scaled");
    assert_eq!(event.get("instances"), Some(&Value::Int(4)));
    let after = supervisor.rows("web");
    assert_eq!(pids(&after)[..2], before);
    assert_eq!(after.len(), 4);
}

#[test]
fn down_takes_the_highest_numbers_and_leaves_the_others_alone() {
    let mut supervisor = Supervisor::start();
    let before = pids(&supervisor.create_running("web", &sleeper().with("instances", 4)));
    let mut events = supervisor.events();
    let ended = scale(&mut supervisor, 2);
    let numbers: Vec<(i64, bool)> = ended.iter().map(|row| (row.instance, row.changed)).collect();
    assert_eq!(numbers, [(3, true), (2, true)]);
    assert!(before[2..].iter().all(|pid| !proc::is_alive(*pid)));
    assert_eq!(pids(&supervisor.rows("web")), before[..2]);
    let stopped = ["scaled", "stopping", "stopping"].map(|word| events.expect_event(word));
    let number = |event: &Value| event.get("instance").and_then(Value::as_i64);
    assert_eq!((number(&stopped[1]), number(&stopped[2])), (Some(3), Some(2)));
    let refusal = supervisor.refusal("list", args!["program" => "web", "instance" => 2]);
    assert_eq!(refusal.code, "no-such-instance");
}

#[test]
fn to_nothing_and_back() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 3));
    scale(&mut supervisor, 0);
    assert_eq!(supervisor.rows("web"), []);
    let status = supervisor.call("status", args!["program" => "web"]);
    let instances = status.get("programs").and_then(|programs| programs.get("web")?.get("instances"));
    assert_eq!(instances, Some(&Value::Map(Vec::new())));
    let back = scale(&mut supervisor, 1);
    assert_eq!((back.len(), back[0].state.as_str(), back[0].instance), (1, "running", 0));
    assert_eq!(supervisor.row("web", 0).start_count, 1, "a slot that was given up is forgotten");
}

#[test]
fn new_instances_of_a_stopped_program_are_not_started() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    supervisor.do_and_wait("stop", "web");
    scale(&mut supervisor, 3);
    let states: Vec<String> = supervisor.rows("web").into_iter().map(|row| row.state).collect();
    assert_eq!(states, ["exited", "new", "new"]);
}

#[test]
fn to_what_it_has_changes_nothing() {
    let mut supervisor = Supervisor::start();
    let before = pids(&supervisor.create_running("web", &sleeper().with("instances", 2)));
    assert_eq!(scale(&mut supervisor, 2), []);
    assert_eq!(pids(&supervisor.rows("web")), before);
}

#[test]
fn numbers_out_of_range_and_unknown_programs_are_refused() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("autostart", false));
    let code = |refusal: crate::common::Refusal| refusal.code;
    for instances in [-1, 100_001] {
        let refusal = supervisor.refusal("scale", args!["program" => "web", "instances" => instances]);
        assert_eq!(code(refusal), "bad-argument");
    }
    assert_eq!(code(supervisor.refusal("scale", args!["program" => "web"])), "bad-argument");
    assert_eq!(
        code(supervisor.refusal("scale", args!["program" => "db", "instances" => 1])),
        "no-such-program"
    );
    assert_eq!(supervisor.rows("web").len(), 1);
}
