//! `healthcheck`: one line, and 0 or 1.

use super::common::{Launcher, Scratch, Supervisor, eventually_true, proc, shell, sleeper};
use super::tool::{Ran, ask, run, tool};
use crate::args;
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

/// It said this on standard output, and ended with this code.
#[track_caller]
fn expect(ran: &Ran, code: i32, line: &str) {
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(code), ""), "{ran:?}");
    assert_eq!(ran.stdout, format!("{line}\n"));
}

#[test]
fn all_that_is_wanted_up_has_to_run() {
    let mut supervisor = Supervisor::start();
    expect(&ask(&supervisor, &["healthcheck"]), 0, "healthy: nothing is wanted up");
    supervisor.create_running("web", &sleeper().with("instances", 2));
    let job = shell("exit 3").with("restart", "never").with("minimum_run_duration", 0);
    supervisor.create("job", &job);
    supervisor.wait_for("job", "exited");
    expect(&ask(&supervisor, &["healthcheck"]), 0, "healthy: 2 of 2 running");
    supervisor.create("slow", &sleeper().with("minimum_run_duration", 3600));
    supervisor.wait_for("slow", "starting");
    expect(&ask(&supervisor, &["healthcheck"]), 1, "unhealthy: 2 of 3 running; slow/0 starting");
    // Of those that are named.
    expect(&ask(&supervisor, &["healthcheck", "w*", "job"]), 0, "healthy: 2 of 2 running");
    expect(&ask(&supervisor, &["healthcheck", "slow"]), 1, "unhealthy: 0 of 1 running; slow/0 starting");
    expect(&ask(&supervisor, &["healthcheck", "nothing*"]), 1, "unhealthy: nothing matches 'nothing*'");
    let unknown = ask(&supervisor, &["healthcheck", "wep"]);
    expect(&unknown, 1, "unhealthy: there is no program 'wep'; did you mean 'web'?");
    supervisor.command("transition", args!["program" => "web", "state" => "failed", "instance" => 1]);
    supervisor.until("web", 1, "it is held", |row| row.state == "failed");
    let line = "unhealthy: 1 of 3 running; slow/0 starting, web/1 failed";
    expect(&ask(&supervisor, &["healthcheck"]), 1, line);
    supervisor.do_and_wait("stop", "slow");
    supervisor.do_and_wait("stop", "web");
    expect(&ask(&supervisor, &["healthcheck"]), 0, "healthy: nothing is wanted up");
}

#[test]
fn without_a_supervisor_nothing_is_well() {
    let scratch = Scratch::new();
    let endpoint = format!("ipc://{}", scratch.text("rpc"));
    let ran = run(tool(&["--rpc", &endpoint, "healthcheck"]));
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.stdout.starts_with(&format!("unhealthy: no supervisor at {endpoint}")), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 1);
    let mut command = tool(&["healthcheck"]);
    command.env("PROCNANNY_RPC", "nonsense");
    let ran = run(command);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.stdout.starts_with("unhealthy: $PROCNANNY_RPC"), "{ran:?}");
    // Only what was typed is an error of who typed it.
    run(tool(&["healthcheck", "--timeout", "soon"])).expect_only_error(2);
}

#[test]
fn one_that_does_not_answer_in_time_is_not_well() {
    let mut supervisor = Launcher::new().start();
    supervisor.create_running("web", &sleeper());
    supervisor.signal(Signal::SIGSTOP);
    eventually_true("it is suspended", || proc::stat(supervisor.pid()).is_some_and(|stat| stat.state == 'T'));
    let begun = Instant::now();
    let ran = ask(&supervisor, &["healthcheck", "--timeout", "300ms"]);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.stdout.starts_with("unhealthy: the supervisor at ipc://"), "{ran:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "it waits no longer than it was told");
    supervisor.signal(Signal::SIGCONT);
    expect(&ask(&supervisor, &["healthcheck"]), 0, "healthy: 1 of 1 running");
}
