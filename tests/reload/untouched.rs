//! What is as it was is not touched, and so is what an operator did.

use super::common::{EventSource, Launcher, eventually_true, is_root, proc, sleeper};
use super::{known, list, program, reload};
use crate::{args, skip};
use procnanny::wire::value::Value;

#[test]
fn of_two_hundred_programs_exactly_the_changed_one_restarts() {
    let text = |nice: &str| {
        let others = (0..199).map(|number| program(&format!("p{number}"), ""));
        others.chain([program("changed", &format!("instances = 3\n{nice}"))]).collect::<String>()
    };
    let mut supervisor = Launcher::new().configuration(&text("")).start();
    supervisor.wait_for("*", "running");
    let before = supervisor.rows("p*");
    let changed = supervisor.rows("changed");
    let mut events = supervisor.events();
    let reply = reload(&mut supervisor, &text("nice = 7"));
    assert_eq!(list(&reply, "changed"), ["changed"]);
    assert_eq!(list(&reply, "restart"), ["changed/0", "changed/1", "changed/2"]);
    assert_eq!(reply.get("unchanged"), Some(&Value::Int(199)));
    for key in ["added", "removed", "start", "stop", "update"] {
        assert!(list(&reply, key).is_empty(), "{key}: {reply:?}");
    }
    for instance in 0..3 {
        events.expect_states("changed", instance, &["stopping", "starting", "running"]);
    }
    let now = supervisor.rows("changed");
    for (old, new) in changed.iter().zip(&now) {
        assert!(old.pid != new.pid && new.start_count == 2, "{new:?}");
        assert_eq!(proc::stat(new.pid).unwrap().nice, proc::stat(supervisor.pid()).unwrap().nice + 7);
    }
    assert_eq!(known(&supervisor.rows("p*")), known(&before));
}

#[test]
fn a_reload_without_a_change_says_so_and_is_the_only_event() {
    let text =
        program("web", "instances = 2\nenv = { A = 'b', C = 'd' }\nuser = 'root'\n") + &program("db", "");
    let text = if is_root() { text } else { text.replace("user = 'root'", "") };
    let mut supervisor = Launcher::new().configuration(&text).start();
    let before = supervisor.wait_for("*", "running");
    let mut events = supervisor.events();
    let reply = supervisor.call("reload", &[]);
    assert_eq!(reply.get("unchanged"), Some(&Value::Int(2)));
    let event = events.next_within(super::common::DEADLINE).unwrap();
    let count = |key: &str| event.get(key).and_then(Value::as_i64);
    assert_eq!(event.get("event"), Some(&Value::from("reloaded")));
    assert_eq!(["added", "changed", "removed", "unchanged"].map(count), [Some(0), Some(0), Some(0), Some(2)]);
    assert_eq!(known(&supervisor.rows("*")), known(&before));
}

#[test]
fn what_an_operator_stopped_stays_stopped() {
    let text = |more: &str| program("web", &format!("instances = 2\n{more}")) + &program("db", more);
    let mut supervisor = Launcher::new().configuration(&text("")).start();
    supervisor.wait_for("*", "running");
    supervisor.do_and_wait("stop", "db");
    supervisor.do_and_wait("stop", "web/1");
    let mut events = supervisor.events();
    let reply = reload(&mut supervisor, &text("nice = 3"));
    assert_eq!(list(&reply, "restart"), ["web/0"]);
    assert!(list(&reply, "start").is_empty());
    events.until_state("web", 0, "running");
    for (name, instance) in [("web", 1), ("db", 0)] {
        let row = supervisor.row(name, instance);
        assert_eq!((row.state.as_str(), row.admin_state.as_str(), row.pid), ("exited", "down", 0));
    }
    // With its next start it has what the file says now.
    let pid = supervisor.do_and_wait("start", "db")[0].pid;
    assert_eq!(proc::stat(pid).unwrap().nice, proc::stat(supervisor.pid()).unwrap().nice + 3);
}

#[test]
fn one_that_is_being_stopped_is_not_started_again() {
    let deaf = |more: &str| program("web", &format!("stop_signal = 'URG'\nstop_timeout = 3600\n{more}"));
    let mut supervisor = Launcher::new().configuration(&deaf("")).start();
    let pid = supervisor.wait_for("web", "running")[0].pid;
    supervisor.command("stop", args!["program" => "web"]);
    let reply = reload(&mut supervisor, &deaf("nice = 3"));
    assert_eq!(list(&reply, "changed"), ["web"]);
    assert!(list(&reply, "restart").is_empty());
    assert_eq!(supervisor.row("web", 0).admin_state, "down");
    supervisor.command("kill", args!["program" => "web"]);
    let row = supervisor.until("web", 0, "it has stopped", |row| row.pid == 0);
    assert_eq!((row.state.as_str(), row.start_count), ("exited", 1));
    assert!(!proc::is_alive(pid));
}

#[test]
fn programs_made_at_run_time_are_left_alone() {
    let mut supervisor =
        Launcher::new().configuration(&program("web", "")).program("option=sleep 3600").start();
    supervisor.create_running("request", &sleeper().with("instances", 2));
    supervisor.wait_for("web", "running");
    let before = [supervisor.rows("request"), supervisor.rows("option")].concat();
    let reply = reload(&mut supervisor, &program("another", ""));
    assert_eq!(
        (list(&reply, "added"), list(&reply, "removed")),
        (vec!["another".into()], vec!["web".into()])
    );
    assert_eq!(reply.get("unchanged"), Some(&Value::Int(0)), "it does not speak of them");
    eventually_true("the removed one is gone", || supervisor.rows("*").len() == 4);
    let now = [supervisor.rows("request"), supervisor.rows("option")].concat();
    let pids = |rows: &[super::Row]| rows.iter().map(|row| (row.pid, row.start_count)).collect::<Vec<_>>();
    assert_eq!(pids(&now), pids(&before));
}

#[test]
fn what_update_and_scale_changed_is_as_the_file_says_again() {
    let text = program("web", "instances = 2");
    let mut supervisor = Launcher::new().configuration(&text).start();
    supervisor.wait_for("web", "running");
    supervisor.call("update", args!["program" => "web", "stop_timeout" => 3]);
    supervisor.call("scale", args!["program" => "web", "instances" => 3]);
    let reply = supervisor.call("reload", &[]);
    assert_eq!(list(&reply, "stop"), ["web/2"]);
    assert_eq!(list(&reply, "update"), ["web/0", "web/1"]);
    eventually_true("it has two instances again", || supervisor.rows("web").len() == 2);
}

#[test]
fn what_is_unchanged_costs_no_system_call() {
    let has_strace =
        std::process::Command::new("strace").arg("-V").output().is_ok_and(|it| it.status.success());
    if !has_strace {
        skip!("there is no strace");
    }
    const PROGRAMS: usize = 300;
    let text: String = (0..PROGRAMS).map(|number| program(&format!("p{number}"), "user = 'root'")).collect();
    let text = if is_root() { text } else { text.replace("user = 'root'", "") };
    let launcher = Launcher::new().configuration(&text);
    let trace = launcher.scratch().join("trace");
    let script = "exec strace -o \"$TRACE\" -- \"$@\"";
    let mut supervisor = launcher.env("TRACE", trace.to_str().unwrap()).through_shell(script).spawn();
    if supervisor.try_wait().is_some() {
        skip!("nothing can be traced here: {}", supervisor.stderr());
    }
    supervisor = supervisor.await_answer();
    supervisor.wait_for("*", "running");
    let calls = |supervisor: &mut super::Supervisor| {
        supervisor.call("dance", &[]);
        std::fs::read_to_string(&trace).unwrap().lines().count()
    };
    let before = calls(&mut supervisor);
    let reply = supervisor.call("reload", &[]);
    assert_eq!(reply.get("unchanged").and_then(Value::as_u64), u64::try_from(PROGRAMS).ok());
    let made = calls(&mut supervisor) - before;
    assert!(made < PROGRAMS / 3, "{made} system calls");
    // What it traced ends with it.
    supervisor.call("shutdown", &[]);
    supervisor.wait();
}
