//! procnanny by the name of tini or dumb-init: their options, or an error, but nothing that is ignored.

use super::common::{Scratch, eventually_true, proc};
use super::inits::{LISTENER, Place, called, own, places, python};
use super::tool::run;
use crate::skip;

#[test]
fn tini_has_its_options() {
    let scratch = Scratch::new();
    let tini = |options: &[&str]| called("tini", &scratch, options);
    assert!(tini(&["--version"]).run(Place::Here, &[]).expect_done().contains("as tini"));
    assert!(tini(&["-h"]).run(Place::Here, &[]).expect_done().contains("TINI_SUBREAPER"));
    assert!(tini(&["-l"]).run(Place::Here, &[]).expect_done().contains("MIT"));
    let ran = tini(&["-s", "-e", "143", "--"]).shell(Place::Here, "kill -TERM $$; sleep 60");
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""));
    let ran = tini(&["-svvv"]).shell(Place::Here, "exit 3");
    assert!(ran.status.code() == Some(3) && ran.stderr.contains("exited with code 3"), "{ran:?}");
    for wrong in [&["-Z", "true"][..], &["-e", "256", "true"], &["-p", "FOO", "true"], &[]] {
        let ran = tini(wrong).run(Place::Here, &[]);
        ran.expect_only_error(1);
    }
}

#[test]
fn tini_without_an_option_or_a_variable_is_no_subreaper_and_says_so() {
    let scratch = Scratch::new();
    let tini = called("tini", &scratch, &[]);
    let ran = tini.shell(Place::Here, "exit 0");
    assert!(ran.status.success() && ran.stderr.contains("-s makes it one"), "{ran:?}");
    for (name, value) in [("TINI_SUBREAPER", ""), ("TINI_VERBOSITY", "0")] {
        let mut command = tini.command(Place::Here, &["true"]);
        command.env(name, value);
        run(command).expect_done();
    }
    for place in places().into_iter().filter(|place| *place == Place::Namespace) {
        tini.shell(place, "exit 0").expect_done();
    }
}

#[test]
fn tini_signals_the_group_if_an_option_or_a_variable_says_so() {
    let scratch = Scratch::new();
    let script = "trap : USR1; (trap 'echo helper; exit 0' USR1; echo ready; while :; do sleep 0.01; done) & \
                  wait; wait; exit 5";
    let mut by_variable = called("tini", &scratch, &["-s"]);
    by_variable.0.insert(0, "TINI_KILL_PROCESS_GROUP=1".to_string());
    by_variable.0.insert(0, "env".to_string());
    for tini in [called("tini", &scratch, &["-s", "-g"]), by_variable] {
        let running = tini.start_ready(Place::Here, script);
        running.send(libc::SIGUSR1);
        assert_eq!(running.line(), "helper\n", "{tini:?}");
        assert_eq!(running.wait().status.code(), Some(5), "{tini:?}");
    }
}

#[test]
fn dumb_init_has_its_options() {
    let scratch = Scratch::new();
    let dumb_init = |options: &[&str]| called("dumb-init", &scratch, options);
    assert!(dumb_init(&["-V"]).run(Place::Here, &[]).expect_done().contains("as dumb-init"));
    assert!(dumb_init(&["--help"]).run(Place::Here, &[]).expect_done().contains("--single-child"));
    let ran = dumb_init(&["--verbose"]).shell(Place::Here, "exit 3");
    assert!(ran.status.code() == Some(3) && ran.stderr.contains("exited with code 3"), "{ran:?}");
    for wrong in [&["-Z", "true"][..], &["-r", "9:15", "true"], &["-r", "15", "true"], &[]] {
        dumb_init(wrong).run(Place::Here, &[]).expect_only_error(1);
    }
    let Some(python) = python() else { skip!("there is no python3") };
    let running =
        dumb_init(&["-r", "15:3", "--rewrite", "1:0"]).start(Place::Here, &[python, "-c", LISTENER]);
    assert_eq!(running.line(), "ready\n");
    for signal in [libc::SIGHUP, libc::SIGTERM] {
        running.send(signal);
    }
    assert_eq!(running.line(), format!("{}\n", libc::SIGQUIT));
}

#[test]
fn dumb_init_has_the_command_in_a_session_unless_told_otherwise() {
    let scratch = Scratch::new();
    for (options, variable, own_session) in [
        (&[][..], "1", true),
        (&["-c"][..], "1", false),
        (&["--single-child"][..], "1", false),
        (&[][..], "0", false),
    ] {
        let mut init = called("dumb-init", &scratch, options);
        init.0.splice(0..0, ["env".to_string(), format!("DUMB_INIT_SETSID={variable}")]);
        let running = init.start_ready(Place::Here, "echo ready; exec sleep 60");
        let stat = proc::stat(running.child()).unwrap();
        assert_eq!(stat.session == running.child(), own_session, "{options:?} {variable}");
        assert_eq!(stat.group, running.child(), "{options:?} {variable}");
    }
}

/// Its rest is told to end; with us it is left to whoever comes after, and to the kernel in a namespace.
#[test]
fn dumb_init_ends_the_session_with_the_command() {
    let scratch = Scratch::new();
    let script = "sleep 60 >/dev/null 2>&1 & echo $!; exit 6";
    for (init, ends) in [(called("dumb-init", &scratch, &[]), true), (own(&[]), false)] {
        let ran = init.shell(Place::Here, script);
        assert_eq!(ran.status.code(), Some(6));
        let helper: i32 = ran.stdout.trim().parse().unwrap();
        if ends {
            eventually_true("the rest of the session ends", || !proc::is_alive(helper));
        } else {
            assert!(proc::is_alive(helper));
            proc::send(helper, nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// The kernel has a session without anybody who could continue it ignore SIGTSTP, but not SIGSTOP.
#[test]
fn dumb_init_stops_its_session_and_continues_it() {
    let scratch = Scratch::new();
    for place in places() {
        let running = called("dumb-init", &scratch, &[]).start_ready(place, "echo ready; exec sleep 60");
        let child = running.child();
        let state = |wanted: char| proc::stat(child).is_some_and(|stat| stat.state == wanted);
        running.send(libc::SIGTSTP);
        eventually_true("it is stopped", || state('T'));
        running.send(libc::SIGCONT);
        eventually_true("it goes on", || state('S'));
    }
}

#[test]
fn other_descriptors_are_passed_on_as_theirs_do_and_not_by_us() {
    let scratch = Scratch::new();
    let script = "exec 5</dev/null; exec \"$@\"";
    for (init, passed) in [
        (own(&[]), false),
        (called("tini", &scratch, &["-s"]), true),
        (called("dumb-init", &scratch, &[]), true),
    ] {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script, "sh"]).args(&init.0).args(["sh", "-c", "[ -e /proc/$$/fd/5 ]"]);
        assert_eq!(run(command).status.success(), passed, "{init:?}");
    }
}
