//! How a process is stopped: which signal goes to whom, and what happens to those that do not heed it.

use crate::args;
use crate::common::{
    DEADLINE, EventSource, ProgramSettings, Supervisor, eventually, eventually_true, expect_delay, proc,
    shell, sleeper,
};
use crate::wait_for_file;
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::fs;

/// A process with another one in its group, whose id it writes to the file `other`. The other one makes the file
/// `other-ready` when it has run `begin`.
fn pair(supervisor: &Supervisor, begin: &str) -> ProgramSettings {
    let (other, ready) = (supervisor.scratch().text("other"), supervisor.scratch().text("other-ready"));
    let script = format!("({begin} : > {ready}; exec sleep 3600) & echo $! > {other}; exec sleep 3600");
    shell(&script).with("minimum_run_duration", 0)
}

/// Starts a pair; the ids of both processes.
fn start_pair(supervisor: &mut Supervisor, settings: &ProgramSettings) -> (i32, i32) {
    let main = supervisor.create_running("web", settings)[0].pid;
    wait_for_file(supervisor.scratch(), "other-ready");
    let other = eventually("the other's id", DEADLINE, || {
        fs::read_to_string(supervisor.scratch().join("other")).ok()?.trim().parse().ok()
    });
    assert_eq!(proc::stat(other).unwrap().group, main);
    (main, other)
}

fn expect_end(pid: i32) {
    eventually_true(&format!("the end of {pid}"), || !proc::is_alive(pid));
}

#[test]
fn the_signal_goes_to_the_whole_group() {
    let mut supervisor = Supervisor::start();
    // Leftovers are not killed, so that the end of the other one shows that it got the signal.
    let settings = pair(&supervisor, "").with("kill_leftovers", false);
    let (_, other) = start_pair(&mut supervisor, &settings);
    supervisor.do_and_wait("stop", "web");
    expect_end(other);
}

#[test]
fn with_scope_process_it_goes_to_the_main_process_alone() {
    let mut supervisor = Supervisor::start();
    let settings = pair(&supervisor, "").with("kill_leftovers", false).with("stop_scope", "process");
    let (main, other) = start_pair(&mut supervisor, &settings);
    let row = supervisor.do_and_wait("stop", "web").remove(0);
    assert_eq!(row.state, "exited");
    assert!(!proc::is_alive(main) && proc::is_alive(other));
}

#[test]
fn what_is_left_of_the_group_is_killed() {
    let mut supervisor = Supervisor::start();
    let settings = pair(&supervisor, "trap '' TERM;").with("stop_timeout", 3600);
    let (_, other) = start_pair(&mut supervisor, &settings);
    let row = supervisor.do_and_wait("stop", "web").remove(0);
    assert_eq!(row.state, "exited");
    expect_end(other);
}

#[test]
fn what_is_left_after_an_exit_of_its_own_is_killed_before_the_next_start() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let settings = pair(&supervisor, "");
    let (main, other) = start_pair(&mut supervisor, &settings.with("backoff_min", 0));
    assert!(proc::send(main, Signal::SIGKILL));
    events.expect_states("web", 0, &["starting", "running", "exited", "starting"]);
    expect_end(other);
}

#[test]
fn what_is_left_stays_where_that_is_wanted() {
    let mut supervisor = Supervisor::start();
    let settings = pair(&supervisor, "").with("kill_leftovers", false).with("restart", "never");
    let (main, other) = start_pair(&mut supervisor, &settings);
    assert!(proc::send(main, Signal::SIGKILL));
    supervisor.wait_for("web", "exited");
    assert!(proc::is_alive(other));
    assert_eq!(proc::stat(other).unwrap().parent, supervisor.pid(), "orphans come to the supervisor");
}

#[test]
fn a_process_that_was_suspended_sees_the_signal() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper().with("stop_timeout", 3600))[0].pid;
    assert!(proc::send(pid, Signal::SIGSTOP));
    eventually_true("it is suspended", || proc::stat(pid).is_some_and(|stat| stat.state == 'T'));
    supervisor.do_and_wait("stop", "web");
    assert_eq!(supervisor.row("web", 0).exitsignal, 15);
}

#[test]
fn who_does_not_heed_is_killed_when_the_time_is_over() {
    let mut supervisor = Supervisor::start();
    // A signal that is ignored by default, see signal(7).
    let settings = pair(&supervisor, "").with("stop_signal", "URG").with("stop_timeout", "300ms");
    let (_, other) = start_pair(&mut supervisor, &settings.with("kill_leftovers", false));
    let mut events = supervisor.events();
    supervisor.do_and_wait("stop", "web");
    let time = |event: &Value| event.get("time").and_then(Value::as_f64).unwrap();
    let told = time(&events.next_edge("web", 0));
    let ended = events.next_edge("web", 0);
    expect_delay(time(&ended) - told, 0.3);
    let row = supervisor.row("web", 0);
    assert_eq!((row.exitsignal, row.reason()), (9, "did not stop in time and was killed"));
    assert_eq!((row.admin_state.as_str(), row.flap_count), ("down", 0));
    // The group is killed, not the main process alone.
    expect_end(other);
}

#[test]
fn a_time_that_is_shortened_counts_for_a_stop_under_way() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("stop_signal", "URG").with("stop_timeout", 3600);
    supervisor.create_running("web", &settings);
    supervisor.command("stop", args!["program" => "web"]);
    assert_eq!(supervisor.row("web", 0).state, "stopping");
    supervisor.call("update", args!["program" => "web", "stop_timeout" => 0]);
    let row = supervisor.wait_for("web", "exited").remove(0);
    assert_eq!(row.reason(), "did not stop in time and was killed");
}

#[test]
fn the_signal_can_be_another_and_the_exit_is_no_failure() {
    let mut supervisor = Supervisor::start();
    let ready = supervisor.scratch().text("ready");
    let script = format!("trap 'exit 7' USR1; : > {ready}; while :; do sleep 0.02; done");
    let settings = shell(&script).with("minimum_run_duration", 0).with("stop_signal", 10);
    supervisor.create_running("web", &settings);
    wait_for_file(supervisor.scratch(), "ready");
    supervisor.do_and_wait("stop", "web");
    let row = supervisor.row("web", 0);
    assert_eq!((row.exitcode, row.exitsignal, row.reason()), (7, 0, "stopped"));
    assert_eq!((row.flap_count, row.admin_state.as_str()), (0, "down"));
}
