//! Waiting for what is required: why, and what ends it.

use crate::args;
use crate::common::{EventSource, Supervisor, command, sleeper, strings};
use crate::{requiring, starter};

#[test]
fn a_start_waits_and_says_for_what() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &starter().with("autostart", false));
    let mut events = supervisor.events();
    supervisor.create("web", &requiring(&["db"]).with("instances", 2));
    let edge = events.expect_states("web", 1, &["waiting"]).remove(0);
    assert_eq!(edge.reason(), "waits for db, which is down");
    let rows = supervisor.rows("web");
    assert!(rows.iter().all(|row| row.reason() == "waits for db, which is down" && row.pid == 0), "{rows:?}");
    let result = supervisor.command("start", args!["program" => "web"]).remove(0);
    assert_eq!((result.state.as_str(), result.reason()), ("waiting", "waits for db, which is down"));
    // What is required is not started along.
    assert_eq!(supervisor.row("db", 0).start_count, 0);

    supervisor.command("start", args!["program" => "db"]);
    supervisor.until("web", 0, "the reason follows", |row| row.reason() == "waits for db, which is starting");
    supervisor.command("transition", args!["program" => "db", "state" => "running"]);
    events.expect_states("web", 1, &["starting", "running"]);
    let rows = supervisor.wait_for("web", "running");
    assert!(rows.iter().all(|row| row.reason.is_none()), "{rows:?}");
}

#[test]
fn a_stop_ends_waiting() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &starter());
    supervisor.create("web", &requiring(&["db"]));
    supervisor.wait_for("web", "waiting");
    let row = supervisor.do_and_wait("stop", "web").remove(0);
    assert_eq!((row.state.as_str(), row.admin_state.as_str()), ("new", "down"));
    let mut events = supervisor.events();
    supervisor.command("transition", args!["program" => "db", "state" => "running"]);
    events.expect_states("db", 0, &["running"]);
    assert_eq!(supervisor.row("web", 0).start_count, 0);
}

#[test]
fn a_transition_starts_whatever_is_required() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &sleeper().with("autostart", false));
    supervisor.create("web", &requiring(&["db"]));
    supervisor.wait_for("web", "waiting");
    supervisor.command("transition", args!["program" => "web", "state" => "starting"]);
    supervisor.wait_for("web", "running");
    supervisor.command("transition", args!["program" => "web", "state" => "waiting"]);
    assert_eq!(supervisor.wait_for("web", "waiting")[0].reason(), "waits for db, which is down");
}

#[test]
fn a_requirement_that_restarts_disturbs_nobody_who_needed_it_to_start() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    let before = supervisor.create_running("web", &requiring(&["db"])).remove(0);
    let mut events = supervisor.events();
    supervisor.do_and_wait("restart", "db");
    supervisor.do_and_wait("kill", "db");
    supervisor.do_and_wait("stop", "db");
    events.expect("the end of db", |event| {
        event.get("state").is_some_and(|state| state.text() == Some("exited"))
    });
    let after = supervisor.row("web", 0);
    assert_eq!((after.pid, after.state.as_str()), (before.pid, "running"));
    // But one that starts anew needs it anew.
    supervisor.command("kill", args!["program" => "web"]);
    events.expect_states("web", 0, &["stopping", "waiting"]);
    supervisor.command("start", args!["program" => "db"]);
    events.expect_states("web", 0, &["starting", "running"]);
}

#[test]
fn a_requirement_that_flaps_and_is_given_up_is_waited_for() {
    let mut supervisor = Supervisor::start();
    let failing = command("false", &[]).with("flap_max", 0).with_backoff(3600).with("give_up_after", 2);
    supervisor.create("db", &failing);
    supervisor.wait_for("db", "backoff");
    supervisor.create("web", &requiring(&["db"]));
    assert_eq!(supervisor.wait_for("web", "waiting")[0].reason(), "waits for db, which is in backoff");
    supervisor.command("start", args!["program" => "db"]);
    supervisor.wait_for("db", "failed");
    assert_eq!(supervisor.row("web", 0).reason(), "waits for db, which is failed");
    supervisor.call("update", args!["program" => "db", "command" => "sleep", "args" => strings(&["3600"]), "minimum_run_duration" => 0]);
    supervisor.command("start", args!["program" => "db"]);
    supervisor.wait_for("web", "running");
}

#[test]
fn whoever_waits_for_a_start_hears_that_a_requirement_has_failed() {
    let mut supervisor = Supervisor::start();
    let gate = supervisor.scratch().text("gate");
    let script = format!("while [ ! -e '{gate}' ]; do sleep 0.02; done; exit 3");
    supervisor.create("db", &crate::common::shell(&script).with("give_up_after", 1));
    supervisor.create("app", &requiring(&["db"]));
    supervisor.create("web", &requiring(&["app"]).with("autostart", false));
    supervisor.wait_for("app", "waiting");
    let mut client = supervisor.client();
    let waiting =
        client.post("start", args!["program" => strings(&["app", "web"]), "wait" => true, "timeout" => 3600]);
    supervisor.wait_for("web", "waiting");
    std::fs::write(&gate, "").unwrap();
    let reply = client.reply_to(waiting, crate::common::DEADLINE);
    let rows = crate::common::client::rows(&reply, "results");
    let told: Vec<(&str, &str)> = rows.iter().map(|row| (row.state.as_str(), row.reason())).collect();
    let expected =
        [("waiting", "waits for db, which is failed"), ("waiting", "waits for app, which is waiting")];
    assert_eq!(told, expected);
    // Where it has failed already, the answer comes at once.
    let rows = client.command("start", args!["program" => "web", "wait" => true, "timeout" => 3600]);
    assert_eq!(rows[0].reason(), "waits for app, which is waiting");
}

#[test]
fn a_requirement_may_fail_while_others_are_still_being_started() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &command("false", &[]).with("give_up_after", 1).with("autostart", false));
    // So many that commanding them takes longer than the requirement lives.
    supervisor.create("web", &requiring(&["db"]).with("instances", 5000).with("autostart", false));
    let rows = supervisor.command("start", args!["program" => "*", "wait" => true, "timeout" => 3600]);
    assert_eq!(rows[0].state, "failed");
    assert!(rows[1..].iter().all(|row| row.state == "waiting"));
}

#[test]
fn a_start_that_waits_in_vain_runs_out_of_time() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &sleeper().with("autostart", false));
    supervisor.create("web", &requiring(&["db"]).with("autostart", false));
    let refusal =
        supervisor.refusal("start", args!["program" => "web", "wait" => true, "timeout" => "100ms"]);
    assert_eq!(refusal.code, "timeout");
    let row = crate::common::client::rows(&refusal.reply, "results").remove(0);
    assert_eq!(row.reason(), "waits for db, which is down");
}

#[test]
fn a_change_of_what_is_required_takes_effect_at_once() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &sleeper().with("autostart", false));
    supervisor.create("web", &requiring(&["db"]));
    supervisor.wait_for("web", "waiting");
    let reply = supervisor.call("update", args!["program" => "web", "requires" => strings(&[])]);
    assert_eq!(reply.get("restart_needed").unwrap().as_array().unwrap().len(), 0);
    let pid = supervisor.wait_for("web", "running")[0].pid;
    // To need more takes nothing from what runs already.
    supervisor.call("update", args!["program" => "web", "requires" => strings(&["db"]), "bound" => true]);
    assert_eq!((supervisor.row("web", 0).pid, supervisor.row("web", 0).state.as_str()), (pid, "running"));
}

#[test]
fn two_hundred_instances_start_as_soon_as_their_requirement_runs() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &starter());
    supervisor.create("web", &requiring(&["db"]).with("instances", 200));
    supervisor.wait_for("web", "waiting");
    supervisor.command("transition", args!["program" => "db", "state" => "running"]);
    assert_eq!(supervisor.wait_for("web", "running").len(), 200);
}
