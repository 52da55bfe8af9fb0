//! Programs added, removed, scaled, and changed in place.

use super::common::{EventSource, Launcher, eventually_true, proc};
use super::{known, list, program, reload};
use crate::args;
use procnanny::wire::value::Value;

#[test]
fn one_that_is_new_starts_unless_it_is_not_to() {
    let mut supervisor = Launcher::new().configuration("").start();
    let text = program("web", "instances = 2") + &program("later", "autostart = false");
    let reply = reload(&mut supervisor, &text);
    assert_eq!(list(&reply, "added"), ["web", "later"]);
    assert_eq!(list(&reply, "start"), ["web/0", "web/1"]);
    supervisor.wait_for("web", "running");
    assert_eq!(supervisor.row("later", 0).state, "new");
}

#[test]
fn one_that_is_gone_is_stopped_and_forgotten() {
    let text = program("web", "instances = 2") + &program("down", "autostart = false");
    let mut supervisor = Launcher::new().configuration(&(text + &program("stays", ""))).start();
    let before = supervisor.wait_for("web", "running");
    let mut events = supervisor.events();
    let reply = reload(&mut supervisor, &program("stays", ""));
    assert_eq!(list(&reply, "removed"), ["down", "web"]);
    assert_eq!(list(&reply, "stop"), ["web/0", "web/1"]);
    events.expect("it is removed", |event| {
        event.get("event") == Some(&Value::from("removed"))
            && event.get("program") == Some(&Value::from("web"))
    });
    assert!(before.iter().all(|row| !proc::is_alive(row.pid)));
    assert_eq!(supervisor.rows("*").len(), 1);
    // And it can come back.
    reload(&mut supervisor, &program("web", ""));
    supervisor.wait_for("web", "running");
}

#[test]
fn one_that_was_removed_by_a_request_is_new_again() {
    let mut supervisor = Launcher::new().configuration(&program("web", "")).start();
    supervisor.wait_for("web", "running");
    supervisor.call("remove", args!["program" => "web", "force" => true, "wait" => true]);
    assert_eq!(list(&supervisor.call("reload", &[]), "added"), ["web"]);
    supervisor.wait_for("web", "running");
}

#[test]
fn the_number_of_instances_follows_and_the_others_stay() {
    let mut supervisor = Launcher::new().configuration(&program("web", "instances = 2")).start();
    let before = supervisor.wait_for("web", "running");
    let reply = reload(&mut supervisor, &program("web", "instances = 4"));
    assert_eq!(
        (list(&reply, "changed"), list(&reply, "start")),
        (vec!["web".into()], vec!["web/2".into(), "web/3".into()])
    );
    assert!(list(&reply, "update").is_empty() && list(&reply, "restart").is_empty());
    let now = supervisor.wait_for("web", "running");
    assert_eq!(known(&now[..2]), known(&before));
    let reply = reload(&mut supervisor, &program("web", "instances = 1"));
    assert_eq!(list(&reply, "stop"), ["web/1", "web/2", "web/3"]);
    eventually_true("the surplus is gone", || supervisor.rows("web").len() == 1);
    assert_eq!(known(&supervisor.rows("web")), known(&before[..1]));
    // Of a program that is down, more is down too.
    supervisor.do_and_wait("stop", "web");
    let reply = reload(&mut supervisor, &program("web", "instances = 2"));
    assert!(list(&reply, "start").is_empty());
    assert_eq!(supervisor.row("web", 1).state, "new");
}

#[test]
fn policy_applies_to_processes_as_they_are() {
    let starter = |duration: &str| {
        format!("[program.web]\ncommand = 'sleep'\nargs = ['3600']\nminimum_run_duration = {duration}\n")
    };
    let mut supervisor = Launcher::new().configuration(&starter("3600")).start();
    let mut events = supervisor.events();
    let before = supervisor.wait_for("web", "starting");
    let reply = reload(&mut supervisor, &starter("0"));
    assert_eq!((list(&reply, "update"), list(&reply, "restart").len()), (vec!["web/0".to_string()], 0));
    let settings = reply.get("settings").and_then(|settings| settings.get("web"));
    assert_eq!(settings, Some(&Value::Array(vec![Value::from("minimum_run_duration")])));
    // The timer that was running fires now.
    assert_eq!(events.until_state("web", 0, "running").pid, before[0].pid);
}

#[test]
fn a_setting_that_is_in_the_file_no_more_is_as_by_default() {
    // Without the signal that it heeds it would not end within the time of a test.
    let with = "stop_signal = 'URG'\nstop_timeout = 3600\nenv = { COLOUR = 'red' }\n";
    let mut supervisor = Launcher::new().configuration(&program("web", with)).start();
    let pid = supervisor.wait_for("web", "running")[0].pid;
    assert_eq!(proc::variable(pid, "COLOUR").as_deref(), Some("red"));
    let mut events = supervisor.events();
    let reply = reload(&mut supervisor, &program("web", ""));
    assert_eq!(list(&reply, "restart"), ["web/0"]);
    let row = events.until_state("web", 0, "running");
    assert_eq!(proc::variable(row.pid, "COLOUR"), None);
    supervisor.do_and_wait("stop", "web");
    assert_eq!(supervisor.row("web", 0).exitsignal, 15);
}

#[test]
fn env_files_are_read_again() {
    let launcher = Launcher::new();
    let variables = launcher.scratch().join("variables");
    std::fs::write(&variables, "COLOUR=red\n").unwrap();
    let text = program("web", &format!("env_file = '{}'", variables.display()));
    let mut supervisor = launcher.configuration(&text).start();
    supervisor.wait_for("web", "running");
    assert!(list(&supervisor.call("reload", &[]), "changed").is_empty());
    std::fs::write(&variables, "COLOUR=blue\n").unwrap();
    let mut events = supervisor.events();
    let reply = supervisor.call("reload", &[]);
    assert_eq!(list(&reply, "restart"), ["web/0"]);
    let settings = reply.get("settings").and_then(|settings| settings.get("web"));
    assert_eq!(settings, Some(&Value::Array(vec![Value::from("env_file")])));
    let pid = events.until_state("web", 0, "running").pid;
    assert_eq!(proc::variable(pid, "COLOUR").as_deref(), Some("blue"));
}
