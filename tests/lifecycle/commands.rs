//! start, stop, restart, once, kill and signal, with and without waiting.

use crate::args;
use crate::common::{Client, EventSource, Row, Supervisor, proc, shell, sleeper};
use crate::{gated, open, starter, wait_for_file};
use procnanny::wire::value::Value;

fn only(mut rows: Vec<Row>) -> Row {
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

#[test]
fn a_created_program_runs_and_its_edges_are_published() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let mut stream = supervisor.subscriber(&["state/"]);
    supervisor.create("web", &sleeper());
    let edges = events.expect_states("web", 0, &["starting", "running"]);
    assert_eq!(stream.expect_states("web", 0, &["starting", "running"]), edges);
    let row = supervisor.row("web", 0);
    assert_eq!((row.state.as_str(), row.admin_state.as_str(), row.ready), ("running", "up", true));
    assert_eq!((row.start_count, row.flap_count, row.reason), (1, 0, None));
    assert_eq!(proc::arguments(row.pid), ["sleep", "3600"]);
    assert_eq!(proc::stat(row.pid).unwrap().parent, supervisor.pid());
}

#[test]
fn start_waits_until_it_runs() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("autostart", false));
    let row = supervisor.row("web", 0);
    assert_eq!((row.state.as_str(), row.admin_state.as_str(), row.pid), ("new", "down", 0));
    let started = only(supervisor.do_and_wait("start", "web"));
    assert_eq!(
        (started.state.as_str(), started.admin_state.as_str(), started.changed),
        ("running", "up", true)
    );
    assert!(proc::is_alive(started.pid));
    let again = only(supervisor.do_and_wait("start", "web"));
    assert_eq!((again.pid, again.changed), (started.pid, false));
}

#[test]
fn start_without_wait_says_what_is_on_its_way_and_with_wait_what_was_not_in_time() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &starter().with("autostart", false));
    let started = only(supervisor.command("start", args!["program" => "web"]));
    assert_eq!((started.state.as_str(), started.changed), ("starting", true));
    assert!(started.pid > 0);
    let refusal = supervisor.refusal("start", args!["program" => "web", "wait" => true, "timeout" => 0.05]);
    assert_eq!(refusal.code, "timeout");
    let results = refusal.reply.get("results").and_then(Value::as_array).unwrap();
    assert_eq!((results.len(), Row::of(&results[0]).state.as_str()), (1, "starting"));
}

#[test]
fn start_with_wait_answers_at_the_first_flap() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &shell("exit 3").with("autostart", false).with_backoff(3600));
    let row = only(supervisor.do_and_wait("start", "web"));
    assert_eq!((row.state.as_str(), row.admin_state.as_str()), ("exited", "up"));
    assert!(row.reason().starts_with("exited with code 3 after"), "{}", row.reason());
}

#[test]
fn stop_ends_the_process_and_keeps_it_down() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    let mut events = supervisor.events();
    let stopped = only(supervisor.do_and_wait("stop", "web"));
    assert_eq!((stopped.state.as_str(), stopped.admin_state.as_str(), stopped.pid), ("exited", "down", 0));
    assert!(stopped.changed && !proc::is_alive(pid));
    events.expect_states("web", 0, &["stopping", "exited"]);
    let row = supervisor.row("web", 0);
    assert_eq!((row.exitcode, row.exitsignal, row.reason()), (-1, 15, "stopped"));
    assert!(!only(supervisor.do_and_wait("stop", "web")).changed, "what is down stays as it is");
}

#[test]
fn stop_of_a_new_one_leaves_it_new() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("autostart", false));
    let row = only(supervisor.do_and_wait("stop", "web"));
    assert_eq!((row.state.as_str(), row.admin_state.as_str(), row.changed), ("new", "down", false));
}

#[test]
fn restart_brings_a_new_process_without_a_flap() {
    let mut supervisor = Supervisor::start();
    let before = supervisor.create_running("web", &sleeper()).remove(0);
    let mut events = supervisor.events();
    let after = only(supervisor.do_and_wait("restart", "web"));
    assert_eq!((after.state.as_str(), after.changed), ("running", true));
    assert!(after.pid != before.pid && !proc::is_alive(before.pid));
    events.expect_states("web", 0, &["stopping", "starting", "running"]);
    let row = supervisor.row("web", 0);
    assert_eq!((row.start_count, row.flap_count), (2, 0));
}

#[test]
fn restart_of_a_stopped_one_starts_it() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    supervisor.do_and_wait("stop", "web");
    let row = only(supervisor.do_and_wait("restart", "web"));
    assert_eq!((row.state.as_str(), row.admin_state.as_str()), ("running", "up"));
}

#[test]
fn once_runs_it_until_it_exits() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let gate = supervisor.scratch().text("gate");
    supervisor.create("job", &gated(&gate, 3).with("autostart", false));
    let row = only(supervisor.do_and_wait("once", "job"));
    assert_eq!((row.state.as_str(), row.admin_state.as_str()), ("running", "once"));
    open(supervisor.scratch(), "gate");
    let edges = events.expect_states("job", 0, &["starting", "running", "exited"]);
    assert_eq!((edges[2].admin_state.as_str(), edges[2].exitcode), ("down", 3));
}

#[test]
fn once_for_a_running_one_keeps_its_process_and_calls_its_restart_off() {
    let mut supervisor = Supervisor::start();
    let gate = supervisor.scratch().text("gate");
    let pid = supervisor.create_running("job", &gated(&gate, 0))[0].pid;
    let row = only(supervisor.command("once", args!["program" => "job"]));
    assert_eq!((row.pid, row.state.as_str(), row.admin_state.as_str()), (pid, "running", "once"));
    let mut events = supervisor.events();
    open(supervisor.scratch(), "gate");
    let edges = events.expect_states("job", 0, &["exited"]);
    assert_eq!(edges[0].admin_state, "down");
}

#[test]
fn kill_is_followed_by_a_start_at_once_where_it_is_wanted_up() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    // In `starting`, where an exit of its own would be a flap with a delay of an hour.
    supervisor.create("web", &starter().with_backoff(3600));
    let before = events.expect_states("web", 0, &["starting"]).remove(0);
    supervisor.do_and_wait("kill", "web");
    let edges = events.expect_states("web", 0, &["stopping", "starting"]);
    assert_eq!((edges[1].exitsignal, edges[1].flap_count, edges[1].admin_state.as_str()), (9, 0, "up"));
    assert!(edges[1].pid != before.pid && !proc::is_alive(before.pid));
}

#[test]
fn kill_of_one_that_is_to_run_once_is_its_end() {
    let mut supervisor = Supervisor::start();
    supervisor.create("job", &sleeper().with("autostart", false));
    supervisor.do_and_wait("once", "job");
    supervisor.do_and_wait("kill", "job");
    let row = supervisor.wait_for("job", "exited").remove(0);
    assert_eq!((row.admin_state.as_str(), row.exitsignal), ("down", 9));
}

#[test]
fn kill_of_what_does_not_run_changes_nothing() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("autostart", false));
    let row = only(supervisor.do_and_wait("kill", "web"));
    assert_eq!((row.state.as_str(), row.changed), ("new", false));
}

#[test]
fn signals_are_sent_by_name_and_number() {
    let mut supervisor = Supervisor::start();
    let heard = supervisor.scratch().text("heard");
    let script = format!(
        "trap 'echo hup >> {heard}.hup' HUP; trap 'echo usr2 >> {heard}.usr2' USR2; : > {heard}.ready; \
         while :; do sleep 0.02; done"
    );
    let pid = supervisor.create_running("web", &shell(&script).with("minimum_run_duration", 0))[0].pid;
    wait_for_file(supervisor.scratch(), "heard.ready");
    let row = only(supervisor.command("signal", args!["program" => "web", "signal" => "HUP"]));
    assert_eq!(row.pid, pid);
    wait_for_file(supervisor.scratch(), "heard.hup");
    supervisor.command("signal", args!["program" => "web", "signal" => 12]);
    wait_for_file(supervisor.scratch(), "heard.usr2");
    assert_eq!(supervisor.row("web", 0).pid, pid);
}

#[test]
fn signals_to_nobody_and_unknown_signals_are_refused() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("autostart", false));
    let refusal = supervisor.refusal("signal", args!["program" => "web", "signal" => "HUP"]);
    assert_eq!(refusal.code, "not-running");
    let refusal = supervisor.refusal("signal", args!["program" => "web", "signal" => "NOISE"]);
    assert_eq!(refusal.code, "bad-argument");
    assert!(refusal.sentence.contains("NOISE"), "{}", refusal.sentence);
}

#[test]
fn commands_take_globs_and_numbers_of_instances() {
    let mut supervisor = Supervisor::start();
    for name in ["web-a", "web-b", "db"] {
        supervisor.create_running(name, &sleeper().with("instances", 2));
    }
    let rows = supervisor
        .command("stop", args!["program" => "web-*", "instance" => 1, "wait" => true, "timeout" => 20]);
    let named: Vec<(&str, i64)> = rows.iter().map(|row| (row.program.as_str(), row.instance)).collect();
    assert_eq!(named, [("web-a", 1), ("web-b", 1)]);
    let mut client: Client = supervisor.client();
    let up: Vec<(String, i64)> = client
        .list(&[])
        .into_iter()
        .filter(|row| row.state == "running")
        .map(|row| (row.program, row.instance))
        .collect();
    let expected = [("db", 0), ("db", 1), ("web-a", 0), ("web-b", 0)];
    assert_eq!(up, expected.map(|(name, number)| (name.to_string(), number)));
}
