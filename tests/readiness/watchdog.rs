//! `watchdog`: programs that are to say that they still work.

use crate::common::{EventSource, Supervisor, eventually_true};
use crate::{args, expect_reason, needs_python, open, python};
use nix::sys::signal::Signal;
use std::time::Duration;

/// One that feeds its watchdog as long as the file `food` is there.
fn fed(food: &str) -> String {
    format!(
        "say('READY=1')\nwhile True:\n    if os.path.exists({food:?}): say('WATCHDOG=1')\n    time.sleep(0.02)"
    )
}

#[test]
fn who_feeds_it_is_left_alone_and_who_does_not_is_restarted() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    open(supervisor.scratch(), "food");
    let food = supervisor.scratch().text("food");
    let settings = python(&fed(&food)).with("watchdog", "2s").with("backoff_min", "10ms");
    supervisor.create_running("web", &settings);
    let mut events = supervisor.events();
    let row = supervisor.until("web", 0, "an age", |row| row.duration > 4.0 || row.start_count != 1);
    assert_eq!((row.state.as_str(), row.start_count), ("running", 1));
    std::fs::remove_file(&food).unwrap();
    let edges = events.expect_states("web", 0, &["stopping", "starting", "running"]);
    expect_reason(&edges[0], "its watchdog was not fed for 2 s");
    // It had run for long enough: no flap, and no delay.
    assert_eq!((edges[1].flap_count, edges[1].exitsignal, edges[1].start_count), (0, 6, 2));
    expect_reason(&edges[1], "its watchdog was not fed for 2 s");
}

/// What was said while the supervisor slept counts: it is not the program that was late.
#[test]
fn a_supervisor_that_slept_hears_first_and_judges_then() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    open(supervisor.scratch(), "food");
    let food = supervisor.scratch().text("food");
    supervisor.create_running("web", &python(&fed(&food)).with("watchdog", "2s").with("restart", "never"));
    supervisor.signal(Signal::SIGSTOP);
    std::thread::sleep(Duration::from_millis(2500));
    supervisor.signal(Signal::SIGCONT);
    let row = supervisor.row("web", 0);
    assert_eq!((row.state.as_str(), row.reason), ("running", None));
}

#[test]
fn it_counts_as_a_failure() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let hangs = python("say('READY=1')\nsleep()").with("watchdog", "100ms");
    supervisor.create("never", &hangs.clone().with("restart", "never"));
    let row = supervisor.until("never", 0, "the end", |row| row.state == "exited");
    expect_reason(&row, "its watchdog was not fed for 0.1 s");
    assert_eq!((row.admin_state.as_str(), row.exitsignal), ("down", 6));
    supervisor.create("failure", &hangs.clone().with("restart", "on-failure").with("backoff_min", "1ms"));
    supervisor.until("failure", 0, "a restart", |row| row.start_count > 1);
    // A run that was shorter than this is a flap, however it ended.
    supervisor.create("flaps", &hangs.clone().with_backoff(3600).with("give_up_after", 1));
    let row = supervisor.until("flaps", 0, "the end", |row| row.state == "failed");
    expect_reason(&row, "held after a flap: its watchdog was not fed for 0.1 s");
    // Who wants it to run once gets no second run.
    supervisor.create("once", &hangs.with("start", false));
    supervisor.command("once", args!["program" => "once"]);
    let row = supervisor.until("once", 0, "the end", |row| row.state == "exited");
    assert_eq!((row.admin_state.as_str(), row.start_count), ("down", 1));
}

#[test]
fn who_ignores_the_signal_is_killed() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let script = "signal.signal(signal.SIGABRT, signal.SIG_IGN)\nsay('READY=1')\nsleep()";
    let settings =
        python(script).with("watchdog", "100ms").with("stop_timeout", "100ms").with("restart", "never");
    supervisor.create("web", &settings);
    let row = supervisor.until("web", 0, "the end", |row| row.state == "exited");
    expect_reason(&row, "its watchdog was not fed for 0.1 s; it did not stop in time and was killed");
    assert_eq!(row.exitsignal, 9);
}

#[test]
fn it_begins_with_readiness_and_ends_with_a_stop() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let gate = supervisor.scratch().text("gate");
    let script = format!(
        "def stop(*_):\n    say('STATUS=stopping')\n    time.sleep(0.5)\n    sys.exit(3)\n\
         signal.signal(signal.SIGTERM, stop)\nawait_file({gate:?})\nsay('READY=1', 'WATCHDOG=1')\n\
         while True:\n    say('WATCHDOG=1')\n    time.sleep(0.02)"
    );
    supervisor.create("web", &python(&script).with("watchdog", "2s"));
    let row = supervisor.until("web", 0, "an age", |row| row.duration > 3.0);
    assert_eq!((row.state.as_str(), row.start_count), ("starting", 1));
    open(supervisor.scratch(), "gate");
    supervisor.wait_for("web", "running");
    let row = supervisor.do_and_wait("stop", "web").remove(0);
    assert_eq!((row.reason.as_deref(), row.exitcode), (Some("stopped"), 3));
}

#[test]
fn it_can_be_set_off_at_any_time_and_without_a_bound() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    supervisor.create(
        "running",
        &python("say('READY=1')\nbarrier()\nsay('WATCHDOG=trigger')\nsleep()").with_backoff(3600),
    );
    let edges = events.expect_states("running", 0, &["starting", "running", "stopping", "exited"]);
    expect_reason(&edges[3], "set off its watchdog itself");
    assert_eq!(edges[3].exitsignal, 6);
    let mut events = supervisor.events();
    supervisor.create("starting", &python("say('WATCHDOG=trigger')\nsleep()").with_backoff(3600));
    let edges = events.expect_states("starting", 0, &["starting", "stopping", "exited"]);
    assert_eq!((edges[2].flap_count, edges[2].exitsignal), (1, 6));
}

#[test]
fn who_says_that_it_ends_has_the_time_that_a_stop_has() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let script = "say('READY=1', 'STOPPING=1')\nsleep()";
    let settings = python(script).with("watchdog", "200ms").with("restart", "never");
    supervisor.create("slow", &settings.clone().with("stop_timeout", 3600));
    let row = supervisor.until("slow", 0, "an age", |row| row.duration > 1.0 || row.pid == 0);
    assert_eq!((row.state.as_str(), row.start_count), ("running", 1));
    supervisor.create("hung", &settings.with("stop_timeout", "600ms"));
    let row = supervisor.until("hung", 0, "the end", |row| row.state == "exited");
    expect_reason(&row, "its watchdog was not fed for 0.6 s");
}

/// As sd_watchdog_enabled(3) wants it.
#[test]
fn the_program_is_told_how_often() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let script = "assert os.environ['WATCHDOG_PID'] == str(os.getpid())\nassert os.environ['WATCHDOG_USEC'] == '2500000'\n\
                  say('READY=1')\nsleep()";
    let settings = python(script).with("watchdog", "2500ms").with_env("WATCHDOG_PID", "1");
    supervisor.create_running("web", &settings);
    // None without a watchdog.
    let script = "assert 'WATCHDOG_USEC' not in os.environ\nassert 'WATCHDOG_PID' not in os.environ\nsay('READY=1')\nsleep()";
    supervisor.create_running("without", &python(script));
    eventually_true("both run", || supervisor.rows("*").iter().all(|row| row.flap_count == 0));
}
