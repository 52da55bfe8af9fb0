//! Hooks while programs change and the supervisor ends.

use crate::common::{EventSource, Supervisor, eventually_true, lines, proc, sleeper};
use crate::{args, count, hook, hooks, next_end, until_idle};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::fs;

#[test]
fn a_change_takes_effect_in_place() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let pid = supervisor.create_running("web", &sleeper().with_backoff(0))[0].pid;
    let note = hook(&["running->exited"], "exit 1", []);
    let reply = supervisor.call("update", args!["program" => "web", "hooks" => hooks([note])]);
    assert_eq!(reply.get("restart_needed"), Some(&Value::Array(vec![])));
    assert_eq!(supervisor.row("web", 0).pid, pid);
    proc::send(pid, Signal::SIGKILL);
    assert_eq!(next_end(&mut events).exitcode, 1);
    let other = hook(&["running->exited"], "exit 2", []);
    supervisor.call("update", args!["program" => "web", "hooks" => hooks([other])]);
    proc::send(supervisor.wait_for("web", "running")[0].pid, Signal::SIGKILL);
    assert_eq!(next_end(&mut events).exitcode, 2);
    supervisor.call("update", args!["program" => "web", "hooks" => Value::Array(vec![])]);
    proc::send(supervisor.wait_for("web", "running")[0].pid, Signal::SIGKILL);
    supervisor.until("web", 0, "the next", |row| row.start_count == 4);
    assert_eq!((count(&mut supervisor, "hooks_run"), count(&mut supervisor, "hooks_queued")), (2, 0));
}

#[test]
fn what_waits_for_a_hook_that_is_changed_is_dropped_and_told_and_for_one_that_is_not_it_goes_on() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let go = supervisor.scratch().join("go");
    let script = |code: u32| format!("while ! test -e {}; do sleep 0.02; done; exit {code}", go.display());
    let one = [("concurrency", Value::Int(1)), ("timeout", Value::Int(3600))];
    let held = |code: u32, on: &str| hook(&[on], &script(code), one.clone());
    let settings =
        sleeper().with("instances", 3).with("hooks", hooks([held(1, "running"), held(2, "*->running")]));
    supervisor.create_running("web", &settings);
    eventually_true("two of each wait", || count(&mut supervisor, "hooks_queued") == 4);
    // The second and its order stay, another one comes, and the first one goes.
    let changed = hooks([held(2, "*->running"), held(3, "failed")]);
    supervisor.call("update", args!["program" => "web", "hooks" => changed]);
    assert_eq!(count(&mut supervisor, "hooks_queued"), 2);
    assert_eq!(events.expect_event("hooks_dropped").get("count"), Some(&Value::Int(2)));
    fs::write(&go, "").unwrap();
    until_idle(&mut supervisor);
    let mut codes: Vec<i64> = (0..4).map(|_| next_end(&mut events).exitcode).collect();
    codes.sort_unstable();
    assert_eq!(codes, [1, 2, 2, 2]);
}

#[test]
fn what_waits_when_its_program_is_removed_is_run() {
    let mut supervisor = Supervisor::start();
    let diary = supervisor.scratch().join("diary");
    let go = supervisor.scratch().join("go");
    let script = format!(
        "echo $PROCNANNY_PROGRAM $PROCNANNY_FROM $PROCNANNY_STATE >> {}; while ! test -e {}; do sleep 0.02; done",
        diary.display(),
        go.display()
    );
    let settings = sleeper().with("hooks", hooks([hook(&["running->*", "exited"], &script, [])]));
    supervisor.create_running("web", &settings);
    supervisor.call("remove", args!["program" => "web", "force" => true, "wait" => true]);
    assert_eq!(count(&mut supervisor, "programs"), 0);
    assert_eq!(lines(&diary, 1), ["web running stopping"]);
    // One of the same name is another program.
    supervisor.create_running("web", &sleeper());
    fs::write(&go, "").unwrap();
    until_idle(&mut supervisor);
    assert_eq!(lines(&diary, 2), ["web running stopping", "web stopping exited"]);
}

#[test]
fn the_last_edges_have_hooks_too() {
    let mut supervisor = Supervisor::start();
    let diary = supervisor.scratch().join("diary");
    let script = format!("sleep 0.1; echo $PROCNANNY_INSTANCE >> {}", diary.display());
    let settings = sleeper().with("instances", 9).with("hooks", hooks([hook(&["exited"], &script, [])]));
    supervisor.create_running("web", &settings);
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
    let mut noted = lines(&diary, 9);
    noted.sort();
    assert_eq!(noted, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    assert_eq!(supervisor.processes(), []);
}

#[test]
fn a_shutdown_waits_for_hooks_no_longer_than_it_may() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.subscriber(&["hook/", "supervisor"]);
    let told = supervisor.scratch().join("told");
    let script = format!("trap '' TERM; echo $$ >> {}; sleep 3600; sleep 3600", told.display());
    let one = [("concurrency", Value::Int(1)), ("timeout", Value::Int(3600))];
    let settings = sleeper().with("instances", 3).with("hooks", hooks([hook(&["exited"], &script, one)]));
    supervisor.create_running("web", &settings);
    supervisor.call("shutdown", args!["timeout" => 1]);
    lines(&told, 1);
    // What was under way is killed, what waited is dropped; both are told before the end.
    let dropped = events.expect("it is told", |event| {
        event.get("timed_out") == Some(&Value::Bool(true)) || event.get("count") == Some(&Value::Int(2))
    });
    let rest = events.expect("the other one, too", |event| {
        event.get("timed_out") == Some(&Value::Bool(true)) || event.get("count") == Some(&Value::Int(2))
    });
    assert_ne!(dropped.get("event"), rest.get("event"));
    assert_eq!(supervisor.wait().code(), Some(0));
    assert_eq!(supervisor.processes(), []);
    assert_eq!(lines(&told, 1).len(), 1);
}
