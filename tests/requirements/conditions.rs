//! What counts as there: all instances, completion, and what is only wanted.

use crate::args;
use crate::common::{EventSource, Supervisor, command, sleeper, strings};
use crate::{finish, job, requiring, starter};

fn wanting(wants: &[&str]) -> crate::common::ProgramSettings {
    sleeper().with("wants", strings(wants))
}

fn run(supervisor: &mut Supervisor, instance: i64) {
    let arguments = args!["program" => "db", "instance" => instance, "state" => "running"];
    supervisor.command("transition", arguments);
}

#[test]
fn all_instances_have_to_run() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &starter().with("instances", 3));
    supervisor.create("web", &requiring(&["db"]));
    run(&mut supervisor, 0);
    run(&mut supervisor, 2);
    let row = supervisor.until("web", 0, "two run", |row| row.reason().contains("2 of 3"));
    assert_eq!(row.reason(), "waits for db, of which 2 of 3 instances are running, 1 starting");
    // Those that go away do not count, and what is left is all there is.
    supervisor.command("transition", args!["program" => "db", "instance" => 2, "state" => "starting"]);
    run(&mut supervisor, 1);
    supervisor.until("web", 0, "two run again", |row| row.reason().contains("2 of 3"));
    supervisor.command("scale", args!["program" => "db", "instances" => 2]);
    supervisor.wait_for("web", "running");
}

#[test]
fn a_program_without_instances_is_there() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &sleeper().with("instances", 0));
    supervisor.create_running("web", &requiring(&["db"]));
}

#[test]
fn completion_is_an_end_with_success() {
    let mut supervisor = Supervisor::start();
    let migrate = job(&supervisor, "gate")
        .with("success_exit_codes", procnanny::wire::value::Value::Array(vec![7.into()]));
    supervisor.create("migrate", &migrate);
    supervisor.create("web", &requiring(&["migrate:completed"]));
    supervisor.wait_for("migrate", "running");
    assert_eq!(supervisor.row("web", 0).reason(), "waits for migrate to complete, which is running");
    finish(&supervisor, "gate", 1);
    supervisor.wait_for("migrate", "exited");
    assert_eq!(
        supervisor.row("web", 0).reason(),
        "waits for migrate to complete, which is down after a failure"
    );
    // An end that was asked for is no success.
    supervisor.command("once", args!["program" => "migrate"]);
    supervisor.wait_for("migrate", "running");
    supervisor.do_and_wait("stop", "migrate");
    assert_eq!(supervisor.row("web", 0).state, "waiting");
    supervisor.command("once", args!["program" => "migrate"]);
    finish(&supervisor, "gate", 7);
    let pid = supervisor.wait_for("web", "running")[0].pid;
    // To do it again disturbs nobody, and what starts meanwhile waits for it.
    supervisor.command("once", args!["program" => "migrate"]);
    supervisor.wait_for("migrate", "running");
    assert_eq!(supervisor.row("web", 0).pid, pid);
    supervisor.command("restart", args!["program" => "web"]);
    assert_eq!(
        supervisor.wait_for("web", "waiting")[0].reason(),
        "waits for migrate to complete, which is running"
    );
    finish(&supervisor, "gate", 7);
    supervisor.wait_for("web", "running");
    // Stopped after that, it has still completed.
    supervisor.do_and_wait("stop", "migrate");
    supervisor.do_and_wait("restart", "web");
    assert_eq!(supervisor.row("web", 0).state, "running");
}

#[test]
fn what_is_wanted_is_waited_for_while_it_is_on_its_way() {
    let mut supervisor = Supervisor::start();
    supervisor.create("cache", &starter());
    supervisor.create("web", &wanting(&["cache"]));
    assert_eq!(supervisor.wait_for("web", "waiting")[0].reason(), "waits for cache, which is starting");
    supervisor.command("transition", args!["program" => "cache", "state" => "running"]);
    supervisor.wait_for("web", "running");
}

#[test]
fn what_is_wanted_and_will_not_come_is_not_waited_for() {
    let mut supervisor = Supervisor::start();
    supervisor.create("down", &sleeper().with("autostart", false));
    supervisor.create("failed", &command("false", &[]).with("give_up_after", 1));
    supervisor.create("backoff", &command("false", &[]).with("flap_max", 0).with_backoff(3600));
    supervisor.create("hopeless", &requiring(&["failed"]));
    supervisor.wait_for("failed", "failed");
    supervisor.wait_for("backoff", "backoff");
    supervisor.create_running("web", &wanting(&["down", "failed", "backoff", "hopeless", "nobody"]));
    // It goes on as soon as there is nothing to hope for any more.
    supervisor.create("slow", &starter());
    supervisor.create("app", &wanting(&["slow"]));
    supervisor.wait_for("app", "waiting");
    supervisor.do_and_wait("stop", "slow");
    supervisor.wait_for("app", "running");
}

#[test]
fn one_that_is_wanted_and_comes_later_is_known_then() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    supervisor.create_running("web", &wanting(&["cache"]));
    supervisor.create("cache", &starter());
    supervisor.command("restart", args!["program" => "web"]);
    events.expect_states("web", 0, &["starting", "running", "stopping", "waiting"]);
    supervisor.call("remove", args!["program" => "cache", "force" => true]);
    events.expect_states("web", 0, &["starting", "running"]);
}

#[test]
fn what_is_started_together_is_waited_for() {
    let mut supervisor = Supervisor::start();
    supervisor.create("z", &crate::slow().with("autostart", false));
    supervisor.create("a", &wanting(&["z"]).with("autostart", false));
    let mut events = supervisor.events();
    supervisor.do_and_wait("start", "*");
    crate::expect_order(&crate::edges(&mut events), &[("a", "waiting"), ("z", "running"), ("a", "starting")]);
}
