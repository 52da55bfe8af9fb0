//! create of what is there already, and remove.

use crate::args;
use crate::common::{EventSource, Supervisor, proc, sleeper};
use procnanny::wire::value::Value;

#[test]
fn what_exists_is_not_created_again() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    let refusal = supervisor.create_refused("web", &sleeper());
    assert_eq!(refusal.code, "exists");
    assert!(refusal.sentence.contains("'web'"), "{}", refusal.sentence);
    assert_eq!(supervisor.row("web", 0).pid, pid);
}

#[test]
fn what_runs_is_not_removed_unless_forced() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    assert_eq!(supervisor.refusal("remove", args!["program" => "web"]).code, "busy");
    assert_eq!(supervisor.row("web", 0).pid, pid);

    let mut events = supervisor.events();
    let gone = supervisor.command("remove", args!["program" => "web", "force" => true, "wait" => true]);
    assert_eq!((gone.len(), gone[0].pid, gone[0].changed), (1, 0, true));
    assert!(!proc::is_alive(pid));
    events.expect_states("web", 0, &["stopping", "exited"]);
    let event = events.expect_event("removed");
    assert_eq!(event.get("program").and_then(Value::text), Some("web"));
    assert_eq!(supervisor.refusal("list", args!["program" => "web"]).code, "no-such-program");
}

#[test]
fn what_is_down_is_removed_and_can_be_created_again() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 3));
    supervisor.do_and_wait("stop", "web");
    supervisor.command("remove", args!["program" => "web", "wait" => true]);
    assert_eq!(supervisor.call("list", &[]).get("instances"), Some(&Value::Array(Vec::new())));
    let row = supervisor.create_running("web", &sleeper()).remove(0);
    assert_eq!(row.start_count, 1);
}

#[test]
fn what_waits_to_be_restarted_counts_as_running() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("command", "false").with("flap_max", 0).with_backoff(3600);
    supervisor.create("web", &settings);
    supervisor.wait_for("web", "backoff");
    assert_eq!(supervisor.refusal("remove", args!["program" => "web"]).code, "busy");
    supervisor.command("remove", args!["program" => "web", "force" => true, "wait" => true]);
    assert_eq!(supervisor.refusal("list", args!["program" => "web"]).code, "no-such-program");
}

#[test]
fn a_program_without_instances_is_removed_at_once() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("instances", 0));
    supervisor.command("remove", args!["program" => "web", "wait" => true]);
    assert_eq!(supervisor.refusal("remove", args!["program" => "web"]).code, "no-such-program");
}
