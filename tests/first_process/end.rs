//! The end waits for every descendant, for no longer than it may take, and with the exit code that it would have had.

use super::common::{Launcher, Supervisor, deaf, eventually_true, expect_delay, proc, shell, sleeper};
use super::{Place, expect_end, launcher, places, with_daemon, written};
use crate::args;
use crate::skip;
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

/// A daemon that says that it is there, and heeds nothing but SIGKILL, as those that it starts.
fn deaf_daemon(supervisor: &Supervisor) -> String {
    format!(
        "trap \"\" TERM INT HUP; echo there > {}; while :; do sleep 1; done",
        supervisor.scratch().text("daemon")
    )
}

#[test]
fn a_daemon_is_told_and_waited_for() {
    for place in places() {
        let mut supervisor = launcher(place).start();
        let [there, told] = ["there", "told"].map(|name| supervisor.scratch().text(name));
        let script = format!(
            "trap \"sleep 0.3; echo told > {told}; exit\" TERM; echo there > {there}; while :; do sleep 0.05; done"
        );
        supervisor.create_running("web", &with_daemon(&script));
        written(there.as_ref());
        let begun = Instant::now();
        supervisor.signal(Signal::SIGTERM);
        expect_end(&mut supervisor, 0);
        assert_eq!(written(told.as_ref()), "told", "{place:?}");
        // Long before the time is over: nine seconds.
        assert!(begun.elapsed() < Duration::from_secs(7), "{place:?}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_daemon_that_does_not_heed_is_killed_in_time() {
    for place in places() {
        let mut supervisor = launcher(place).start();
        let script = deaf_daemon(&supervisor);
        supervisor.create_running("web", &with_daemon(&script));
        written(&supervisor.scratch().join("daemon"));
        let begun = Instant::now();
        supervisor.call("shutdown", args!["timeout" => "600ms"]);
        expect_end(&mut supervisor, 0);
        expect_delay(begun.elapsed().as_secs_f64(), 0.6);
        assert!(begun.elapsed() < Duration::from_secs(7), "{place:?}: {:?}", begun.elapsed());
    }
}

#[test]
fn who_stays_behind_delays_the_end_and_does_not_change_the_exit_code() {
    for (exit_when, code) in [("all-done", 7), ("any-failed", 7)] {
        let launcher = Launcher::new();
        let scratch = launcher.scratch().text("daemon");
        let configuration = format!(
            "[supervisor]\nexit_when = '{exit_when}'\nshutdown_timeout = '500ms'\n\
             [program.web]\ncommand = '/bin/sh'\nrestart = 'never'\nstdout = 'inherit'\nstderr = 'inherit'\n\
             args = ['-c', '(trap \"\" TERM; setsid sh -c \"echo there > {scratch}; sleep 3600\" &); \
             while [ ! -e {scratch} ]; do sleep 0.01; done; exit 7']\n"
        );
        let begun = Instant::now();
        let mut supervisor = launcher.configuration(&configuration).spawn();
        expect_end(&mut supervisor, code);
        expect_delay(begun.elapsed().as_secs_f64(), 0.5);
    }
}

#[test]
fn leftovers_that_were_left_alone_are_not_any_more() {
    let mut supervisor = Supervisor::start();
    let file = supervisor.scratch().join("child");
    let script = format!("sleep 3600 & echo $! > {}; wait", file.display());
    let settings = shell(&script).with("kill_leftovers", false).with("restart", "never");
    let main = supervisor.create_running("web", &settings.with("minimum_run_duration", 0))[0].pid;
    let child: i32 = written(&file).parse().unwrap();
    assert!(proc::send(main, Signal::SIGKILL));
    supervisor.wait_for("web", "exited");
    assert!(proc::is_alive(child));
    supervisor.signal(Signal::SIGTERM);
    expect_end(&mut supervisor, 0);
}

#[test]
fn who_is_deeper_is_told_though_those_above_do_not_heed() {
    for place in places() {
        let mut supervisor = launcher(place).start();
        let [there, told] = ["there", "told"].map(|name| supervisor.scratch().text(name));
        let deep = supervisor.scratch().program(
            "deep",
            &format!(
                "#!/bin/sh\ntrap 'echo told > {told}; exit' TERM\necho there > {there}\nwhile :; do sleep 0.05; done\n"
            ),
            "755",
        );
        // Whoever ignores a signal passes that on, so that what is to heed it is made before.
        let script = format!(
            "sh -c \"{} & trap : TERM; while :; do sleep 3600; done\" & trap \"\" TERM; while :; do sleep 1; done",
            deep.display()
        );
        supervisor.create_running("web", &with_daemon(&script));
        written(there.as_ref());
        supervisor.signal(Signal::SIGTERM);
        assert_eq!(written(told.as_ref()), "told", "{place:?}");
        // Hurry, and kill.
        supervisor.signal(Signal::SIGINT);
        supervisor.signal(Signal::SIGQUIT);
        expect_end(&mut supervisor, 0);
    }
}

#[test]
fn who_comes_to_it_after_it_was_told_is_not_told_again() {
    let mut supervisor = Supervisor::start();
    let [there, told] = ["there", "told"].map(|name| supervisor.scratch().text(name));
    let deep = supervisor.scratch().program(
        "deep",
        &format!(
            "#!/bin/sh\ntrap 'echo told >> {told}' TERM\necho there > {there}\nwhile :; do sleep 0.05; done\n"
        ),
        "755",
    );
    // The one above ends at once, and leaves it to the supervisor.
    supervisor.create_running("web", &with_daemon(&format!("{} & wait", deep.display())));
    written(there.as_ref());
    supervisor.call("shutdown", args!["timeout" => 1.5]);
    expect_end(&mut supervisor, 0);
    assert_eq!(std::fs::read_to_string(told).unwrap(), "told\n");
}

#[test]
fn what_it_says_last_is_written() {
    let mut supervisor = Supervisor::start();
    let there = supervisor.scratch().text("there");
    let log = supervisor.scratch().join("log");
    let script = format!(
        "trap \"sleep 0.2; echo these are my last words; exit\" TERM; echo > {there}; while :; do sleep 0.05; done"
    );
    let settings = with_daemon(&script).with("stdout", log.to_str().unwrap());
    supervisor.create_running("web", &settings);
    written(there.as_ref());
    supervisor.signal(Signal::SIGTERM);
    expect_end(&mut supervisor, 0);
    assert_eq!(std::fs::read_to_string(log).unwrap(), "these are my last words\n");
}

#[test]
fn a_program_that_takes_its_time_leaves_the_rest_a_second() {
    let mut supervisor = Supervisor::start();
    let [there, told] = ["there", "told"].map(|name| supervisor.scratch().text(name));
    let script =
        format!("trap \"echo told > {told}; exit\" TERM; echo > {there}; while :; do sleep 0.05; done");
    supervisor.create_running("web", &with_daemon(&script));
    supervisor.create_running("deaf", &deaf());
    written(there.as_ref());
    supervisor.call("shutdown", args!["timeout" => 3600]);
    supervisor.wait_for("deaf", "stopping");
    // A second before the end of a shorter time, and the program still runs.
    supervisor.call("shutdown", args!["timeout" => 1.5]);
    assert_eq!(written(told.as_ref()), "told");
    expect_end(&mut supervisor, 0);
}

#[test]
fn a_second_signal_hurries_and_a_third_kills_for_the_rest_too() {
    for place in places() {
        for (signals, nominal) in [(&[Signal::SIGTERM][..], 1.0), (&[Signal::SIGTERM, Signal::SIGINT], 0.0)] {
            let mut supervisor = launcher(place).start();
            let script = deaf_daemon(&supervisor);
            supervisor.create_running("web", &with_daemon(&script));
            written(&supervisor.scratch().join("daemon"));
            let mut client = supervisor.client();
            client.call("shutdown", args!["timeout" => 3600]);
            // All programs have stopped, and it is about the daemon alone.
            eventually_true("the program has stopped", || supervisor.row("web", 0).state == "exited");
            let begun = Instant::now();
            signals.iter().for_each(|signal| supervisor.signal(*signal));
            expect_end(&mut supervisor, 0);
            expect_delay(begun.elapsed().as_secs_f64(), nominal);
            assert!(begun.elapsed() < Duration::from_secs(15), "{place:?}: {:?}", begun.elapsed());
        }
    }
}

#[test]
fn while_it_waits_for_the_rest_it_answers() {
    let mut supervisor = Supervisor::start();
    let script = deaf_daemon(&supervisor);
    supervisor.create_running("web", &with_daemon(&script));
    written(&supervisor.scratch().join("daemon"));
    supervisor.call("shutdown", args!["timeout" => 3600]);
    eventually_true("the program has stopped", || supervisor.row("web", 0).state == "exited");
    assert!(supervisor.refusal("start", args!["program" => "web"]).sentence.contains("shutting down"));
    supervisor.call("shutdown", args!["timeout" => 0]);
    expect_end(&mut supervisor, 0);
}

/// How many orphans there are: some die before they are adopted, some after.
const CROWD: usize = 5000;

#[test]
fn five_thousand_orphans_are_reaped_while_it_runs() {
    for place in places() {
        let mut supervisor = launcher(place).start();
        let script =
            format!("i=0; while [ $i -lt {CROWD} ]; do (: & :); i=$((i + 1)); done; exec sleep 3600");
        let settings = shell(&script).with("minimum_run_duration", 0);
        supervisor.create_running("web", &settings);
        let pid = supervisor.pid();
        let is_reaped = || {
            let children = proc::children(pid);
            children.len() == 1 && proc::arguments(children[0]) == ["sleep", "3600"]
        };
        super::common::eventually("only the program is left", 3 * super::common::DEADLINE, || {
            is_reaped().then_some(())
        });
        supervisor.signal(Signal::SIGTERM);
        expect_end(&mut supervisor, 0);
    }
}

#[test]
fn five_thousand_orphans_are_told_and_reaped_at_the_end() {
    let place = places().pop().unwrap();
    let mut supervisor = launcher(place).start();
    let done = supervisor.scratch().text("done");
    // A shell that waits for a line that never comes takes less memory than any program.
    let fifo = supervisor.scratch().text("fifo");
    let script = format!(
        "mkfifo {fifo}; exec 3<>{fifo}; i=0
         while [ $i -lt {CROWD} ]; do (read x <&3 &); i=$((i + 1)); done; echo > {done}; exec sleep 3600"
    );
    supervisor
        .create_running("web", &shell(&script).with("kill_leftovers", false).with("minimum_run_duration", 0));
    let made = super::common::within(3 * super::common::DEADLINE, || std::fs::metadata(&done).ok());
    assert!(made.is_some(), "the crowd is made");
    let begun = Instant::now();
    supervisor.call("shutdown", args!["timeout" => 60]);
    let status = super::common::eventually("it ends", 3 * super::common::DEADLINE, || supervisor.try_wait());
    assert_eq!((status.code(), supervisor.processes()), (Some(0), vec![]));
    assert!(begun.elapsed() < Duration::from_secs(55), "they heed SIGTERM: {:?}", begun.elapsed());
}

/// One that goes on making daemons, of which each lives for a moment, and heeds nothing.
const BREEDER: &str = "trap \"\" TERM; while :; do (setsid sleep 0.05 &); done";
/// One whose only process is a new one all the time. Nobody can be sure to hit it from outside of its namespace.
const HOPPER: &str = "trap \"\" TERM; hop() { (hop &); }; hop";

#[test]
fn those_that_breed_end_in_time() {
    for place in places() {
        let scripts: &[&str] = if place == Place::Namespace { &[BREEDER, HOPPER] } else { &[BREEDER] };
        for script in scripts {
            let mut supervisor = launcher(place).start();
            let there = supervisor.scratch().text("there");
            supervisor.create_running("web", &with_daemon(&format!("echo > {there}; {script}")));
            written(there.as_ref());
            let begun = Instant::now();
            supervisor.call("shutdown", args!["timeout" => "500ms"]);
            expect_end(&mut supervisor, 0);
            assert!(begun.elapsed() < Duration::from_secs(10), "{place:?}: {:?}", begun.elapsed());
        }
    }
}

#[test]
fn without_anybody_else_it_ends_at_once() {
    for place in places() {
        let mut supervisor = launcher(place).start();
        supervisor.create_running("web", &sleeper());
        // With a logger, which is a child as well.
        supervisor.create_running("captured", &sleeper().with("stdout", "log"));
        let begun = Instant::now();
        supervisor.signal(Signal::SIGTERM);
        expect_end(&mut supervisor, 0);
        assert!(begun.elapsed() < Duration::from_secs(7), "{place:?}: {:?}", begun.elapsed());
    }
}

/// A shell that takes /proc away.
const WITHOUT_PROC: &str = "mount --make-rprivate / || exit 90
while [ -e /proc/self ]; do umount -l /proc || exit 91; done
exec \"$@\"";

#[test]
fn without_proc_those_that_come_to_it_are_told_and_killed() {
    if !super::common::is_root() {
        skip!("to take /proc away takes root");
    }
    for place in places() {
        let launcher = match place {
            Place::Here => {
                Launcher::new().through_shell(&format!("exec unshare -m sh -c '{WITHOUT_PROC}' sh \"$@\""))
            }
            Place::Namespace => Launcher::new().first_process(WITHOUT_PROC),
        };
        let mut supervisor = launcher.start();
        let script = deaf_daemon(&supervisor);
        // With a logger, which is a child as well, and whose pipe is held by the daemon.
        supervisor.create_running("web", &with_daemon(&script).with("stdout", "log"));
        written(&supervisor.scratch().join("daemon"));
        let begun = Instant::now();
        supervisor.call("shutdown", args!["timeout" => "1500ms"]);
        expect_end(&mut supervisor, 0);
        assert!(begun.elapsed() < Duration::from_secs(10), "{place:?}: {:?}", begun.elapsed());
    }
}
