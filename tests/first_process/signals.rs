//! What each signal means to it, as the first process of a namespace and as any process.

use super::common::{Launcher, eventually_true, proc, sleeper};
use super::{Place, expect_end, places};
use nix::sys::signal::Signal;
use procnanny::sys::process::{Pid, kill};
use procnanny::sys::signals::signal_number;
use procnanny::wire::value::Value;

fn launcher(place: Place) -> Launcher {
    super::launcher(place).configuration(
        "[program.web]\ncommand = 'sleep'\nargs = ['3600']\nstdout = 'null'\nstderr = 'null'\n",
    )
}

#[test]
fn those_that_ask_for_the_end_get_it() {
    for place in places() {
        for name in ["TERM", "INT", "QUIT", "PWR", "RTMIN+3", "RTMIN+4"] {
            let mut supervisor = launcher(place).start();
            supervisor.signal_by_name(name);
            expect_end(&mut supervisor, 0);
        }
    }
}

#[test]
fn hup_reads_the_configuration_again() {
    for place in places() {
        let supervisor = launcher(place).start();
        supervisor.configure(
            "[program.db]\ncommand = 'sleep'\nargs = ['3600']\nstdout = 'null'\nstderr = 'null'\n",
        );
        supervisor.signal_by_name("HUP");
        eventually_true("the other program is there", || {
            let rows = supervisor.client().list(&[]);
            rows.iter().map(|row| row.program.as_str()).eq(["db"])
        });
    }
}

#[test]
fn usr2_opens_the_logs_anew() {
    for place in places() {
        let mut supervisor = super::launcher(place).start();
        let log = supervisor.scratch().join("log");
        let script = "while :; do echo line; sleep 0.02; done";
        let settings = super::common::shell(script).with("stdout", log.to_str().unwrap());
        supervisor.create_running("web", &settings.with("minimum_run_duration", 0));
        eventually_true("there is a log", || log.exists());
        std::fs::rename(&log, supervisor.scratch().join("log.old")).unwrap();
        supervisor.signal_by_name("USR2");
        eventually_true("there is one again", || log.exists());
    }
}

#[test]
fn all_others_change_nothing() {
    for place in places() {
        let mut supervisor = launcher(place).start();
        let pid = supervisor.wait_for("web", "running")[0].pid;
        let ends =
            ["TERM", "INT", "QUIT", "PWR", "RTMIN+3", "RTMIN+4"].map(|name| signal_number(name).unwrap());
        // A fault that is sent kills, as SIGKILL does; to be stopped is not to be asked anything.
        let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT, libc::SIGTRAP];
        let others = [libc::SIGKILL, libc::SIGSTOP];
        for signal in (1..=libc::SIGRTMAX())
            .filter(|it| !ends.contains(it) && !faults.contains(it) && !others.contains(it))
        {
            // Two numbers are the C library's own, and reach nobody through it.
            let _ = kill(Pid::new(supervisor.pid()).unwrap(), signal);
        }
        assert_eq!(supervisor.call("dance", &[]).get("danced"), Some(&Value::Bool(true)));
        let row = supervisor.row("web", 0);
        assert_eq!((row.state.as_str(), row.pid, row.start_count), ("running", pid, 1), "{place:?}");
    }
}

#[test]
fn a_flood_of_ten_thousand_does_no_harm() {
    let mut supervisor = super::launcher(Place::Here).start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    let target = Pid::new(supervisor.pid()).unwrap();
    // Of a real-time signal each is queued, as long as there is room (setrlimit(2), `RLIMIT_SIGPENDING`).
    let signals = [libc::SIGUSR2, libc::SIGHUP, libc::SIGCHLD, libc::SIGRTMIN() + 1, libc::SIGRTMIN() + 10];
    let mut sent = 0;
    for number in 0..10_000 {
        sent += usize::from(kill(target, signals[number % signals.len()]).is_ok());
    }
    assert!(sent > 5_000, "{sent}");
    assert_eq!(supervisor.call("dance", &[]).get("danced"), Some(&Value::Bool(true)));
    let row = supervisor.row("web", 0);
    assert_eq!((row.state.as_str(), row.pid, row.start_count), ("running", pid, 1));
    supervisor.command("restart", crate::args!["program" => "web", "wait" => true]);
    assert!(!proc::is_alive(pid));
    supervisor.signal(Signal::SIGTERM);
    expect_end(&mut supervisor, 0);
}
