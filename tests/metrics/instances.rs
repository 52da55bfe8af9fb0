//! What the text tells of instances, against what was done to them.

use crate::common::{ProgramSettings, Supervisor, command, deaf, shell, sleeper};
use crate::{args, of_instance, text};
use procnanny::wire::value::Value;

#[test]
fn starts_are_counted_and_the_state_is_told() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    supervisor.do_and_wait("restart", "web");
    supervisor.do_and_wait("restart", "web");
    let told = text(&supervisor);
    let of = |name: &str, more: &str| of_instance(&told, "web", name, more);
    assert_eq!(of("starts_total", ""), Some(3.0));
    assert_eq!(of("exits_total", ",cause=\"stopped\""), Some(2.0));
    assert_eq!((of("wanted_up", ""), of("flaps", ""), of("flapping", "")), (Some(1.0), Some(0.0), Some(0.0)));
    let states = ["new", "waiting", "starting", "running", "stopping", "exited", "backoff", "failed"];
    for state in states {
        let expected = if state == "running" { 1.0 } else { 0.0 };
        assert_eq!(of("state", &format!(",procnanny_instance_state=\"{state}\"")), Some(expected), "{state}");
    }
    assert!(of("uptime_seconds", "").is_some_and(|uptime| (0.0..60.0).contains(&uptime)));

    supervisor.do_and_wait("stop", "web");
    let told = text(&supervisor);
    let of = |name: &str, more: &str| of_instance(&told, "web", name, more);
    assert_eq!(of("exits_total", ",cause=\"stopped\""), Some(3.0));
    assert_eq!((of("wanted_up", ""), of("uptime_seconds", "")), (Some(0.0), Some(0.0)));
    assert_eq!(of("state", ",procnanny_instance_state=\"exited\""), Some(1.0));
}

/// Each cause is brought about for real.
#[test]
fn exits_are_counted_by_their_cause() {
    let mut supervisor = Supervisor::start();
    let once = |settings: ProgramSettings| settings.with("restart", "never");
    let hopeless = sleeper().with("readiness", "notify").with("start_timeout", 0.1);
    let check =
        [("command", Value::from("false")), ("interval", Value::from(0.1)), ("retries", Value::from(1))];
    let unhealthy = sleeper().with("health", Value::map(check));
    for (program, settings, cause, code) in [
        ("exits", once(shell("exit 3")), "exit", 3.0),
        ("dies", once(shell("kill -SEGV $$")), "signal", -1.0),
        ("missing", once(command("/nonexistent/program", &[])), "spawn-failed", 127.0),
        ("silent", once(hopeless), "start-timeout", -1.0),
        ("ill", once(unhealthy), "unhealthy", -1.0),
    ] {
        supervisor.create(program, &settings);
        supervisor.wait_for(program, "exited");
        let told = text(&supervisor);
        let count = of_instance(&told, program, "exits_total", &format!(",cause=\"{cause}\""));
        assert_eq!(count, Some(1.0), "{program}");
        let causes = told.matches(&format!("exits_total{{program=\"{program}\"")).count();
        assert_eq!(causes, 1, "what has not happened is not told: {program}");
        assert_eq!(of_instance(&told, program, "last_exit_code", ""), Some(code), "{program}");
    }
    supervisor.create_running("deaf", &deaf().with("stop_timeout", 0.1));
    assert_eq!(of_instance(&text(&supervisor), "deaf", "last_exit_code", ""), None, "nothing ended yet");
    supervisor.do_and_wait("stop", "deaf");
    assert_eq!(of_instance(&text(&supervisor), "deaf", "exits_total", ",cause=\"stop-timeout\""), Some(1.0));
}

#[test]
fn what_is_new_again_begins_anew() {
    let mut supervisor = Supervisor::start();
    supervisor.create("brief", &shell("exit 1").with("restart", "never"));
    supervisor.wait_for("brief", "exited");
    supervisor.command("transition", args!["program" => "brief", "state" => "new", "wait" => true]);
    let told = text(&supervisor);
    assert_eq!(of_instance(&told, "brief", "starts_total", ""), Some(0.0));
    assert!(!told.contains("exits_total{program=\"brief\""), "{told}");
    assert_eq!(of_instance(&told, "brief", "last_exit_code", ""), None);
}

#[test]
fn flaps_are_told_until_they_are_forgiven() {
    let mut supervisor = Supervisor::start();
    supervisor
        .create("flapper", &shell("exit 1").with("flap_max", 1).with_backoff(3600).with("backoff_min", 0.01));
    supervisor.until("flapper", 0, "it flaps", |row| row.flapping);
    let told = text(&supervisor);
    assert!(of_instance(&told, "flapper", "flaps", "").is_some_and(|flaps| flaps >= 2.0), "{told}");
    assert_eq!(of_instance(&told, "flapper", "flapping", ""), Some(1.0));
}
