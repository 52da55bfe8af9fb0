//! When checks run, and what ends them.

use crate::common::{Supervisor, eventually_true, proc, sleeper};
use crate::{args, check, checked, diary, lines, until_health};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::fs;

#[test]
fn one_that_succeeds_disturbs_nobody() {
    let mut supervisor = Supervisor::start();
    let (diary, note) = diary(&supervisor);
    supervisor.create("plain", &sleeper());
    let pid = supervisor.create_running("web", &checked(sleeper(), check(&note, [])))[0].pid;
    let noted = lines(&diary, 4);
    assert!(noted.iter().all(|line| *line == pid.to_string()), "{noted:?}");
    let row = until_health(&mut supervisor, "web", "healthy");
    assert_eq!((row.state.as_str(), row.pid, row.start_count, row.reason), ("running", pid, 1, None));
    assert_eq!(supervisor.row("plain", 0).health, None);
    supervisor.do_and_wait("stop", "web");
    assert_eq!(supervisor.row("web", 0).health, None, "without a process there is nothing to be in health");
}

#[test]
fn failures_of_the_start_period_do_not_count_until_one_succeeded() {
    let mut supervisor = Supervisor::start();
    let (diary, note) = diary(&supervisor);
    let well = supervisor.scratch().join("well");
    let script = format!("{note}; test -e {}", well.display());
    let settings = checked(sleeper(), check(&script, [("start_period", Value::Int(3600))]));
    let pid = supervisor.create_running("web", &settings)[0].pid;
    lines(&diary, 3);
    let row = supervisor.row("web", 0);
    assert_eq!((row.pid, row.health.as_deref()), (pid, Some("starting")));
    fs::write(&well, "").unwrap();
    assert_eq!(until_health(&mut supervisor, "web", "healthy").pid, pid);
    fs::remove_file(&well).unwrap();
    supervisor.until("web", 0, "a restart", |row| row.start_count == 2 && row.pid != pid);
}

#[test]
fn one_that_hangs_is_killed_with_all_that_it_started() {
    let mut supervisor = Supervisor::start();
    let told = supervisor.scratch().join("told");
    let script = format!("sleep 3600 & echo \"$$ $!\" >> {}; exec sleep 3600", told.display());
    let settings = check(&script, [("timeout", Value::Float(0.2)), ("retries", Value::Int(1_000_000))]);
    let pid = supervisor.create_running("web", &checked(sleeper(), settings))[0].pid;
    // The second one begins only after the first has been ended.
    let pids: Vec<i32> = lines(&told, 2)[0].split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 2);
    eventually_true("both are gone", || !pids.iter().any(|pid| proc::is_alive(*pid)));
    assert_eq!(supervisor.row("web", 0).pid, pid);
    // And when it is called off in the middle.
    lines(&told, 3);
    supervisor.call("update", args!["program" => "web", "health" => Value::Map(vec![])]);
    eventually_true("the program alone is left", || supervisor.processes() == [pid]);
    eventually_true("no zombie is left", || proc::children(supervisor.pid()) == [pid]);
}

#[test]
fn a_check_ends_with_the_process_that_it_is_of() {
    let mut supervisor = Supervisor::start();
    let (diary, note) = diary(&supervisor);
    let settings = check(&format!("{note}; sleep 3600"), [("timeout", Value::Int(3600))]);
    let settings = checked(sleeper(), settings);
    let mut begun = 0;
    for (method, arguments) in [
        ("stop", args!["program" => "web", "wait" => true]),
        ("remove", args!["program" => "web", "force" => true, "wait" => true]),
        ("kill", args!["program" => "web", "wait" => true]),
    ] {
        let pid = match method {
            "remove" => supervisor.do_and_wait("start", "web")[0].pid,
            _ => supervisor.create_running("web", &settings)[0].pid,
        };
        begun += 1;
        assert_eq!(lines(&diary, begun).last(), Some(&pid.to_string()), "before {method}");
        supervisor.call(method, arguments);
        if method != "kill" {
            supervisor.expect_no_processes();
            eventually_true("no zombie is left", || proc::children(supervisor.pid()).is_empty());
        }
    }
    // The process that follows has checks of its own.
    let row = supervisor.wait_for("web", "running").remove(0);
    assert_eq!(lines(&diary, begun + 1).last(), Some(&row.pid.to_string()));
    // Also when it ended by itself.
    proc::send(row.pid, Signal::SIGKILL);
    let next = supervisor.until("web", 0, "the next", |next| next.pid != row.pid && next.state == "running");
    assert_eq!(lines(&diary, begun + 2).last(), Some(&next.pid.to_string()));
    supervisor.call("shutdown", &[]);
    assert_eq!(supervisor.wait().code(), Some(0));
    assert_eq!(supervisor.processes(), []);
}

#[test]
fn a_change_takes_effect_at_once() {
    let mut supervisor = Supervisor::start();
    let (diary, note) = diary(&supervisor);
    let seldom = check(&note, [("interval", Value::Int(3600))]);
    let pid = supervisor.create_running("web", &checked(sleeper(), seldom))[0].pid;
    assert_eq!(supervisor.row("web", 0).health.as_deref(), Some("starting"));
    assert!(!diary.exists());
    let reply = supervisor.call("update", args!["program" => "web", "health" => check(&note, [])]);
    assert_eq!(reply.get("restart_needed"), Some(&Value::Array(vec![])));
    lines(&diary, 2);
    assert_eq!(until_health(&mut supervisor, "web", "healthy").pid, pid);
    supervisor.call("update", args!["program" => "web", "health" => Value::Map(vec![])]);
    let row = supervisor.row("web", 0);
    assert_eq!((row.pid, row.health), (pid, None));
    // And one that had none gets its first.
    fs::remove_file(&diary).unwrap();
    supervisor.call("update", args!["program" => "web", "health" => check(&note, [])]);
    lines(&diary, 1);
    assert_eq!(until_health(&mut supervisor, "web", "healthy").pid, pid);
}

#[test]
fn many_are_checked_each_by_itself_and_never_twice_at_a_time() {
    const COUNT: i64 = 50;
    let mut supervisor = Supervisor::start();
    let scratch = supervisor.scratch().path().display().to_string();
    let script = format!(
        "cd {scratch}; mkdir lock.$PROCNANNY_INSTANCE || echo >> overlap; echo >> diary.$PROCNANNY_INSTANCE; \
         rmdir lock.$PROCNANNY_INSTANCE"
    );
    let settings = checked(sleeper(), check(&script, [])).with("instances", COUNT);
    let before = supervisor.create_running("web", &settings);
    for instance in 0..COUNT {
        lines(&supervisor.scratch().join(&format!("diary.{instance}")), 3);
    }
    for (instance, before) in before.iter().enumerate() {
        let instance = i64::try_from(instance).unwrap();
        let row =
            supervisor.until("web", instance, "healthy", |row| row.health.as_deref() == Some("healthy"));
        assert_eq!((row.pid, row.start_count), (before.pid, 1));
    }
    assert!(!supervisor.scratch().join("overlap").exists());
}
