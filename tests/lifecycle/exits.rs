//! What follows when a process ends by itself, for each restart policy, and what is on record of it.

use crate::common::{EventSource, ProgramSettings, Supervisor, command, expect_delay, proc, sleeper};
use crate::{gated, open, starter};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;

/// How a process is made to end.
#[derive(Clone, Copy, Debug)]
enum End {
    Exit(u8),
    Killed,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Restarted,
    Down,
}

#[test]
fn what_follows_an_exit_depends_on_the_policy() {
    use End::{Exit, Killed};
    use Then::{Down, Restarted};
    let cases = [
        ("always", &[0][..], Exit(0), Restarted),
        ("always", &[0], Exit(3), Restarted),
        ("always", &[0], Killed, Restarted),
        ("on-failure", &[0], Exit(0), Down),
        ("on-failure", &[0], Exit(3), Restarted),
        ("on-failure", &[0], Killed, Restarted),
        ("on-failure", &[0, 3], Exit(3), Down),
        ("on-failure", &[3], Exit(0), Restarted),
        ("never", &[0], Exit(0), Down),
        ("never", &[0], Exit(3), Down),
        ("never", &[0], Killed, Down),
    ];
    let mut supervisor = Supervisor::start();
    let mut logs = Vec::new();
    for (number, (restart, success, end, _)) in cases.into_iter().enumerate() {
        let (name, gate) = (format!("case {number}"), format!("gate-{number}"));
        let code = if let Exit(code) = end { code } else { 0 };
        let success: Vec<Value> = success.iter().map(|code| Value::Int(*code)).collect();
        let settings = gated(&supervisor.scratch().text(&gate), code)
            .with("restart", restart)
            .with("success_exit_codes", success);
        let pid = supervisor.create_running(&name, &settings)[0].pid;
        logs.push((name, supervisor.events()));
        match end {
            Exit(_) => open(supervisor.scratch(), &gate),
            Killed => assert!(proc::send(pid, Signal::SIGKILL)),
        }
    }
    for ((name, mut log), (restart, success, end, then)) in logs.into_iter().zip(cases) {
        println!("{name}: {restart} {success:?} {end:?}");
        let exited = log.expect_states(&name, 0, &["exited"]).remove(0);
        let ending = match end {
            Exit(code) => (i64::from(code), 0),
            Killed => (-1, 9),
        };
        assert_eq!((exited.exitcode, exited.exitsignal), ending);
        match then {
            Down => assert_eq!(exited.admin_state, "down"),
            Restarted => {
                assert_eq!((exited.admin_state.as_str(), exited.flap_count), ("up", 0));
                log.expect_states(&name, 0, &["starting", "running"]);
            }
        }
        let rests = supervisor.row(&name, 0);
        assert_eq!(rests.pid == 0, then == Down, "{rests:?}");
    }
}

#[test]
fn an_exit_is_on_record_in_numbers_and_in_words() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let gate = supervisor.scratch().text("gate");
    supervisor.create_running("web", &gated(&gate, 3).with("restart", "never"));
    open(supervisor.scratch(), "gate");
    let edge = events.until_state("web", 0, "exited");
    let row = supervisor.row("web", 0);
    assert_eq!((row.exitcode, row.exitsignal, row.pid, row.duration), (3, 0, 0, 0.0));
    assert!(row.reason().starts_with("exited with code 3 after "), "{}", row.reason());
    assert_eq!((edge.exitcode, Some(edge.duration)), (3, row.last_duration));

    let pid = supervisor.create_running("db", &sleeper().with("restart", "never"))[0].pid;
    assert!(proc::send(pid, Signal::SIGSEGV));
    let row = supervisor.wait_for("db", "exited").remove(0);
    assert_eq!((row.exitcode, row.exitsignal), (-1, 11));
    assert!(row.reason().starts_with("killed by signal 11 (SEGV) after "), "{}", row.reason());
}

#[test]
fn an_exit_from_running_is_restarted_after_its_delay() {
    let mut supervisor = Supervisor::start();
    let gate = supervisor.scratch().text("gate");
    supervisor.create_running("web", &gated(&gate, 0).with("restart_delay", "300ms"));
    let mut events = supervisor.events();
    open(supervisor.scratch(), "gate");
    let exited = events.next_edge("web", 0);
    let started = events.next_edge("web", 0);
    let time = |event: &Value| event.get("time").and_then(Value::as_f64).unwrap();
    assert_eq!(started.get("state"), Some(&Value::from("starting")));
    expect_delay(time(&started) - time(&exited), 0.3);
}

#[test]
fn a_restart_that_is_delayed_says_so_and_can_be_called_off() {
    let mut supervisor = Supervisor::start();
    let gate = supervisor.scratch().text("gate");
    supervisor.create_running("web", &gated(&gate, 0).with("restart_delay", 3600));
    open(supervisor.scratch(), "gate");
    let row = supervisor.wait_for("web", "exited").remove(0);
    assert_eq!((row.admin_state.as_str(), row.flap_count), ("up", 0));
    assert!((3500.0..=3600.0).contains(&row.retry_in.unwrap()), "{row:?}");
    let stopped = supervisor.do_and_wait("stop", "web").remove(0);
    assert_eq!((stopped.state.as_str(), stopped.admin_state.as_str()), ("exited", "down"));
    assert_eq!(supervisor.row("web", 0).retry_in, None);
    let started = supervisor.do_and_wait("start", "web").remove(0);
    assert_eq!(started.state, "running");
}

#[test]
fn it_is_running_once_it_has_lived_long_enough() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    supervisor.create("web", &sleeper().with("minimum_run_duration", "200ms"));
    let edges = events.expect_states("web", 0, &["starting", "running"]);
    assert_eq!(edges[0].pid, edges[1].pid);
    assert!(edges[1].duration >= 0.2, "it was healthy after {} s", edges[1].duration);
}

#[test]
fn with_no_minimum_it_is_running_as_soon_as_it_is_executed_and_never_before() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    supervisor.create("web", &sleeper());
    events.expect_states("web", 0, &["starting", "running"]);
    supervisor.create("none", &command_that_is_missing());
    events.expect_states("none", 0, &["starting", "exited"]);
    supervisor.create("slow", &starter());
    events.expect_states("slow", 0, &["starting"]);
    assert!(!supervisor.row("slow", 0).ready);
}

fn command_that_is_missing() -> ProgramSettings {
    command("/nonexistent/command", &[]).with("minimum_run_duration", 0).with_backoff(3600)
}

#[test]
fn under_never_an_exit_from_starting_counts_and_is_not_restarted() {
    let mut supervisor = Supervisor::start();
    let gate = supervisor.scratch().text("gate");
    supervisor.create("web", &gated(&gate, 0).with("minimum_run_duration", 3600).with("restart", "never"));
    open(supervisor.scratch(), "gate");
    let row = supervisor.wait_for("web", "exited").remove(0);
    assert_eq!((row.admin_state.as_str(), row.flap_count, row.retry_in), ("down", 1, None));
    let active = supervisor.call("status", &[]);
    let active = active.get("programs").and_then(|programs| programs.get("web")?.get("active"));
    assert_eq!(active, Some(&Value::Bool(false)));
}
