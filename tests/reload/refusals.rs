//! A configuration with a mistake changes nothing at all.

use super::common::{EventSource, Launcher, deaf, eventually_true, sleeper};
use super::{known, program};
use crate::args;
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;

#[test]
fn one_mistake_and_nothing_is_changed() {
    let mut supervisor = Launcher::new().configuration(&(program("web", "") + &program("db", ""))).start();
    let before = supervisor.wait_for("*", "running");
    let mut events = supervisor.events();
    // One added, one changed, one removed, and a mistake.
    supervisor.configure(&(program("web", "nice = 3") + &program("new", "instances = 'x'\nnise = 1")));
    let refusal = supervisor.refusal("reload", &[]);
    assert_eq!(refusal.code, "bad-config");
    assert!(
        refusal.sentence.starts_with("The configuration has 2 mistakes, so nothing was changed"),
        "{refusal:?}"
    );
    let errors = refusal.reply.get("errors").and_then(Value::as_array).unwrap();
    let part = |index: usize, key: &str| errors[index].get(key).cloned().unwrap();
    let file = supervisor.scratch().text("procnanny.toml");
    assert_eq!(
        (part(0, "file"), part(0, "line"), part(0, "column")),
        (file.into(), Value::Int(10), Value::Int(13))
    );
    assert_eq!(
        part(0, "message"),
        Value::from("'instances' is \"x\", expected a whole number from 0 to 100000")
    );
    assert_eq!((part(1, "line"), part(1, "column")), (Value::Int(11), Value::Int(1)));
    let event = events.next_within(super::common::DEADLINE).unwrap();
    assert_eq!(
        (event.get("event"), event.get("errors")),
        (Some(&Value::from("reload_failed")), Some(&Value::Int(2)))
    );
    assert!(event.get("error").and_then(Value::text).unwrap().contains("procnanny.toml:10:13: 'instances'"));
    assert_eq!(known(&supervisor.rows("*")), known(&before));
    assert_eq!(known(&supervisor.rows("*")).len(), 2);
}

#[test]
fn a_name_that_a_request_took_is_a_mistake_that_names_both() {
    let mut supervisor = Launcher::new().configuration("").program("option=sleep 3600").start();
    let before = supervisor.create_running("web", &sleeper());
    supervisor.configure(&(program("web", "") + &program("option", "") + &program("new", "")));
    let refusal = supervisor.refusal("reload", &[]);
    let errors = refusal.reply.get("errors").and_then(Value::as_array).unwrap();
    let told = |index: usize| errors[index].get("message").and_then(Value::text).unwrap();
    assert!(errors.len() == 2 && told(0).contains("made with 'create' too"), "{errors:?}");
    assert!(told(1).contains("on the command line too"), "{errors:?}");
    assert_eq!(supervisor.rows("web")[0].pid, before[0].pid);
    assert_eq!(supervisor.rows("*").len(), 2);
    let refusal = supervisor.create_refused("option", &sleeper());
    assert_eq!(refusal.code, "exists");
}

#[test]
fn one_that_has_not_stopped_yet_cannot_come_back() {
    let text = "[program.web]\ncommand = 'sleep'\nargs = ['3600']\nminimum_run_duration = 0\nstop_signal = 'URG'\nstop_timeout = 3600\n";
    let mut supervisor = Launcher::new().configuration(text).start();
    supervisor.wait_for("web", "running");
    supervisor.configure("");
    supervisor.call("reload", &[]);
    supervisor.configure(text);
    assert!(supervisor.refusal("reload", &[]).sentence.contains("has not stopped yet"));
    supervisor.command("kill", args!["program" => "web"]);
    eventually_true("it is gone", || supervisor.rows("*").is_empty());
    supervisor.call("reload", &[]);
    supervisor.wait_for("web", "running");
}

#[test]
fn a_hangup_reloads_and_says_what_came_of_it() {
    let mut supervisor = Launcher::new().configuration(&program("web", "")).start();
    let before = supervisor.wait_for("web", "running");
    let mut events = supervisor.events();
    supervisor.configure(&(program("web", "description = 'x'") + &program("new", "")));
    supervisor.signal(Signal::SIGHUP);
    let event = events.expect_event("reloaded");
    assert_eq!((event.get("added"), event.get("changed")), (Some(&Value::Int(1)), Some(&Value::Int(1))));
    assert!(
        supervisor.stderr().ends_with("procnanny: reloaded: 1 added, 1 changed, 0 removed, 0 unchanged\n")
    );
    supervisor.wait_for("new", "running");
    supervisor.configure("[program.web]\n\n= 3\nx\n");
    supervisor.signal(Signal::SIGHUP);
    events.expect_event("reload_failed");
    let told = supervisor.stderr();
    let line = told.lines().last().unwrap();
    assert!(line.starts_with("procnanny: not reloaded, nothing was changed: "), "{line}");
    assert!(line.contains("procnanny.toml:3:1: ") && line.contains("and 1 more"), "{line}");
    assert_eq!(supervisor.rows("web")[0].pid, before[0].pid);
}

#[test]
fn who_does_not_read_standard_error_stops_nothing() {
    // A pipe that is full, and whose reader sleeps.
    let script = "mkfifo \"$PIPE\"; sleep 3600 < \"$PIPE\" & exec 2> \"$PIPE\"; \
                  dd if=/dev/zero of=\"$PIPE\" bs=4096 oflag=nonblock 2>/dev/null; exec \"$@\"";
    let launcher = Launcher::new().configuration(&program("web", ""));
    let pipe = launcher.scratch().text("pipe");
    let mut supervisor = launcher.env("PIPE", &pipe).through_shell(script).start();
    let mut events = supervisor.events();
    for _ in 0..50 {
        supervisor.signal(Signal::SIGHUP);
        events.expect_event("reloaded");
    }
    supervisor.call("dance", &[]);
}

#[test]
fn nothing_is_reloaded_while_everything_stops() {
    let mut supervisor = Launcher::new().configuration(&program("web", "")).start();
    supervisor.create_running("deaf", &deaf());
    supervisor.call("shutdown", args!["timeout" => 3600]);
    supervisor.configure(&program("new", ""));
    assert_eq!(supervisor.refusal("reload", &[]).code, "busy");
    supervisor.signal(Signal::SIGHUP);
    supervisor.call("dance", &[]);
    assert!(supervisor.rows("*").iter().all(|row| row.program != "new"));
}
