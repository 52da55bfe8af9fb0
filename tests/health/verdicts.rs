//! What makes an instance unhealthy, and what is then on record.

use crate::common::{EventSource, Supervisor, sleeper};
use crate::{args, check, checked, diary, lines};
use procnanny::wire::value::Value;

/// Calls the checks off, so that nothing more happens.
fn call_off(supervisor: &mut Supervisor) {
    supervisor.call("update", args!["program" => "web", "health" => Value::Map(vec![])]);
}

#[test]
fn failures_in_a_row_restart_it_and_that_is_on_record() {
    let mut supervisor = Supervisor::start();
    let (diary, note) = diary(&supervisor);
    let mut events = supervisor.events();
    let settings = check(&format!("{note}; exit 7"), [("retries", Value::Int(3))]);
    supervisor.create("web", &checked(sleeper(), settings));
    let edges = events.expect_states("web", 0, &["starting", "running", "stopping", "starting", "running"]);
    call_off(&mut supervisor);
    let reason = "unhealthy: its health check exited with code 7, the last of 3 failures in a row";
    assert_eq!((edges[2].reason(), edges[2].pid), (reason, edges[0].pid));
    assert_eq!((edges[3].reason(), edges[3].start_count, edges[3].flap_count), (reason, 2, 0));
    assert_eq!((edges[3].exitsignal, edges[3].admin_state.as_str()), (15, "up"));
    assert_ne!(edges[3].pid, edges[0].pid);
    let first = edges[0].pid.to_string();
    assert_eq!(lines(&diary, 3).iter().filter(|line| **line == first).count(), 3, "not sooner, not later");
}

#[test]
fn failures_that_are_not_in_a_row_are_forgiven() {
    let mut supervisor = Supervisor::start();
    let (diary, note) = diary(&supervisor);
    // Two fail, the third succeeds.
    let script = format!("{note}; test $(($(wc -l < {}) % 3)) = 0", diary.display());
    let settings = checked(sleeper(), check(&script, [("retries", Value::Int(3))]));
    let pid = supervisor.create_running("web", &settings)[0].pid;
    lines(&diary, 8);
    let row = supervisor.row("web", 0);
    assert_eq!((row.pid, row.start_count, row.health.as_deref()), (pid, 1, Some("healthy")));
}

#[test]
fn the_reason_says_how_the_check_failed() {
    let mut supervisor = Supervisor::start();
    let absent = [("command", Value::from("/nonexistent/check"))];
    for (name, check, words) in [
        ("killed", check("kill -KILL $$", []), "was killed by signal 9 (KILL)"),
        ("slow", check("exec sleep 3600", [("timeout", Value::Float(0.1))]), "took too long and was killed"),
        (
            "absent",
            check("", absent),
            "was not executed: exec: No such file or directory (/nonexistent/check)",
        ),
    ] {
        let mut events = supervisor.events();
        supervisor.create(name, &checked(sleeper(), check).with("restart", "never"));
        let edges = events.expect_states(name, 0, &["starting", "running", "stopping", "exited"]);
        let reason = format!("unhealthy: its health check {words}");
        assert_eq!((edges[2].reason(), edges[3].reason()), (reason.as_str(), reason.as_str()));
    }
}
