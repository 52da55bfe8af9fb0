//! The end: on signals and on request, in time and in a hurry.

use crate::args;
use crate::common::{
    DEADLINE, EventSource, Supervisor, command, deaf, eventually_true, expect_delay, proc, sleeper,
};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::fs;
use std::time::{Duration, Instant};

/// The names in the runtime directory.
fn left_behind(supervisor: &Supervisor) -> Vec<String> {
    let entries = fs::read_dir(supervisor.runtime_dir()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// It has ended well, and nothing is left of what it started.
#[track_caller]
fn expect_end(supervisor: &mut Supervisor) {
    let status = supervisor.wait();
    assert_eq!(status.code(), Some(0), "{status}: {}", supervisor.stderr());
    supervisor.expect_no_processes();
    // The lock's file stays: who removed it could let two supervisors in.
    assert_eq!(left_behind(supervisor), ["lock"]);
}

/// A supervisor with a program that does not stop by itself, of which it has been told to stop all in an hour.
fn stopping_for_an_hour() -> Supervisor {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("deaf", &deaf());
    let mut events = supervisor.events();
    supervisor.call("shutdown", args!["timeout" => 3600]);
    events.expect_states("deaf", 0, &["stopping"]);
    supervisor
}

#[test]
fn term_and_int_stop_everything() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut supervisor = Supervisor::start();
        supervisor.create_running("web", &sleeper().with("instances", 5));
        supervisor.create("starting", &sleeper().with("minimum_run_duration", 3600));
        supervisor.create("flapping", &command("false", &[]).with("flap_max", 0).with_backoff(3600));
        supervisor.create("storm", &command("true", &[]).with("backoff_min", 0));
        supervisor.create("missing", &command("/nonexistent", &[]).with_backoff("1ms"));
        supervisor.create("new", &sleeper().with("autostart", false));
        supervisor.wait_for("flapping", "backoff");
        supervisor.signal(signal);
        expect_end(&mut supervisor);
    }
}

/// As container engines, service managers and virtual machines ask for an end.
#[test]
fn whatever_asks_for_the_end_in_its_own_way_gets_it() {
    for name in ["QUIT", "PWR", "RTMIN+3", "RTMIN+4"] {
        let mut supervisor = Supervisor::start();
        supervisor.create_running("web", &sleeper());
        supervisor.signal_by_name(name);
        expect_end(&mut supervisor);
    }
}

#[test]
fn a_supervisor_without_programs_ends_at_once() {
    let mut supervisor = Supervisor::start();
    supervisor.signal(Signal::SIGTERM);
    expect_end(&mut supervisor);
}

#[test]
fn the_end_is_an_event_and_each_stop_too() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let mut stream = supervisor.subscriber(&["state/", "supervisor"]);
    supervisor.signal(Signal::SIGTERM);
    stream.expect_event("stopping");
    let edges = stream.expect_states("web", 0, &["stopping", "exited"]);
    assert_eq!((edges[1].admin_state.as_str(), edges[1].exitsignal), ("down", 15));
    expect_end(&mut supervisor);
}

#[test]
fn a_request_is_acknowledged_before_it_happens() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    supervisor.call("shutdown", &[]);
    expect_end(&mut supervisor);
}

#[test]
fn whoever_waits_is_told_that_it_will_not_happen() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let mut client = supervisor.client();
    let arguments = args!["program" => "web", "state" => "failed", "timeout" => 3600];
    let waiting = client.post("wait", arguments);
    // The answer to a later request shows that it waits.
    client.call("dance", &[]);
    supervisor.call("shutdown", &[]);
    let reply = client.reply_to(waiting, DEADLINE);
    assert_eq!(reply.get("code"), Some(&Value::from("busy")), "{reply:?}");
    expect_end(&mut supervisor);
}

#[test]
fn what_does_not_stop_in_the_time_of_the_shutdown_is_killed() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("deaf", &deaf().with("instances", 3));
    let begun = Instant::now();
    supervisor.call("shutdown", args!["timeout" => "300ms"]);
    expect_end(&mut supervisor);
    expect_delay(begun.elapsed().as_secs_f64(), 0.3);
}

#[test]
fn while_it_ends_it_answers_but_begins_nothing() {
    let mut supervisor = stopping_for_an_hour();
    let row = supervisor.row("deaf", 0);
    assert_eq!((row.state.as_str(), row.admin_state.as_str()), ("stopping", "down"));
    for method in ["start", "restart", "once"] {
        let refusal = supervisor.refusal(method, args!["program" => "deaf"]);
        assert!(refusal.sentence.contains("shutting down"), "{method}: {refusal:?}");
    }
    let refusal = supervisor.refusal("transition", args!["program" => "deaf", "state" => "running"]);
    assert!(refusal.sentence.contains("shutting down"), "{refusal:?}");
    supervisor.create_refused("web", &sleeper());
    supervisor.refusal("scale", args!["program" => "deaf", "instances" => 2]);
    let after = supervisor.row("deaf", 0);
    assert_eq!((after.state.as_str(), after.pid, after.start_count), ("stopping", row.pid, 1));
    // What ends something is still done.
    supervisor.command("kill", args!["program" => "deaf"]);
    expect_end(&mut supervisor);
}

#[test]
fn a_shorter_time_can_be_asked_for_later() {
    let mut supervisor = stopping_for_an_hour();
    supervisor.call("shutdown", args!["timeout" => 0]);
    expect_end(&mut supervisor);
}

#[test]
fn a_second_signal_hurries() {
    let mut supervisor = stopping_for_an_hour();
    let begun = Instant::now();
    supervisor.signal(Signal::SIGTERM);
    expect_end(&mut supervisor);
    // What is about to end has a moment to do so.
    expect_delay(begun.elapsed().as_secs_f64(), 1.0);
}

#[test]
fn a_third_signal_kills_at_once() {
    // The second one alone leaves a second's time. One try that is faster shows it, however slow the machine is.
    let fast = (0..10).any(|_| {
        let mut supervisor = stopping_for_an_hour();
        let begun = Instant::now();
        supervisor.signal(Signal::SIGTERM);
        supervisor.signal(Signal::SIGINT);
        expect_end(&mut supervisor);
        begun.elapsed() < Duration::from_millis(900)
    });
    assert!(fast, "it was never faster than after two signals");
}

#[test]
fn suspended_and_forking_programs_do_not_hold_it_up() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("suspended", &sleeper())[0].pid;
    assert!(proc::send(pid, Signal::SIGSTOP));
    eventually_true("it is suspended", || proc::stat(pid).is_some_and(|stat| stat.state == 'T'));
    let family = crate::common::shell("sleep 3600 & sleep 3600 & wait").with("minimum_run_duration", 0);
    supervisor.create_running("family", &family);
    supervisor.signal(Signal::SIGTERM);
    expect_end(&mut supervisor);
}

#[test]
fn other_signals_do_no_harm() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    for signal in [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGPIPE, Signal::SIGALRM, Signal::SIGCHLD] {
        supervisor.signal(signal);
    }
    let danced = supervisor.call("dance", &[]);
    assert_eq!(danced.get("danced"), Some(&Value::Bool(true)));
    assert_eq!(supervisor.row("web", 0).pid, pid);
}
