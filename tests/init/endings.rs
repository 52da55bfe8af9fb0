//! How the command ended is how its init ends.

use super::common::Scratch;
use super::inits::{Place, own, places};

#[test]
fn every_exit_code_is_passed_on() {
    for code in 0..=255 {
        let ran = own(&[]).shell(Place::Here, &format!("exit {code}"));
        assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(code), ""));
    }
}

#[test]
fn exit_codes_are_passed_on_out_of_a_namespace() {
    for place in places() {
        for code in [0, 1, 2, 42, 125, 126, 127, 128, 143, 254, 255] {
            assert_eq!(own(&[]).shell(place, &format!("exit {code}")).status.code(), Some(code), "{place:?}");
        }
    }
}

/// Those that end a process by default: signal(7).
fn deadly() -> impl Iterator<Item = i32> {
    use libc::{SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH};
    let harmless = [SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH];
    (1..=libc::SIGRTMAX()).filter(move |signal| !harmless.contains(signal))
}

#[test]
fn a_death_by_a_signal_is_128_and_its_number() {
    for signal in deadly() {
        let ran = own(&[]).shell(Place::Here, &format!("ulimit -c 0; kill -{signal} $$; sleep 60"));
        assert_eq!(ran.status.code(), Some(128 + signal), "{ran:?}");
    }
}

#[test]
fn every_deadly_signal_to_the_init_is_the_death_of_the_command() {
    for place in places() {
        for signal in deadly().filter(|signal| *signal != libc::SIGKILL) {
            let running = own(&[]).start_ready(place, "ulimit -c 0; echo ready; exec sleep 60");
            running.send(signal);
            assert_eq!(running.wait().status.code(), Some(128 + signal), "{place:?}, {signal}");
        }
    }
}

#[test]
fn codes_of_success_are_zero() {
    let init = own(&["-e", "3", "-e143", "-e", "0"]);
    for (script, code) in [("exit 3", 0), ("kill -TERM $$", 0), ("exit 143", 0), ("exit 4", 4), ("exit 0", 0)]
    {
        assert_eq!(init.shell(Place::Here, script).status.code(), Some(code), "{script}");
    }
}

#[test]
fn what_cannot_be_executed_is_126_or_127_with_advice() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.text(name);
    scratch.program("plain", "#!/bin/sh\nexit 0\n", "600");
    scratch.program("lost", "#!/nonexistent/interpreter\n", "700");
    for (command, code, parts) in [
        ("no-such-command".to_string(), 127, ["no directory of PATH", "check its name"]),
        (String::new(), 127, ["No such file", "check its name"]),
        (path("missing"), 127, ["No such file", "check its path"]),
        (path("plain/below"), 127, ["Not a directory", "check its path"]),
        (path("lost"), 127, ["No such file", "the interpreter in the first line"]),
        (path("plain"), 126, ["Permission denied", "chmod +x"]),
        (path("."), 126, ["Permission denied", "has to be a file"]),
    ] {
        let ran = own(&[]).run(Place::Here, &[&command]);
        let sentence = ran.expect_only_error(code);
        assert!(sentence.contains(&format!("{command:?}")), "{sentence}");
        assert!(parts.iter().all(|part| sentence.contains(part)), "{command}: {sentence}");
    }
}

#[test]
fn a_script_without_a_first_line_is_one_for_the_shell() {
    let scratch = Scratch::new();
    let script = scratch.program("script", "echo \"$0 $*\"; exit 7\n", "700");
    let ran = own(&[]).run(Place::Here, &[script.to_str().unwrap(), "a b", "c"]);
    assert_eq!(ran.status.code(), Some(7), "{ran:?}");
    assert_eq!(ran.stdout, format!("{} a b c\n", script.display()));
}

#[test]
fn the_command_gets_its_words_and_its_environment_as_they_are() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = own(&[]).command(Place::Here, &["sh", "-c", "printf %s \"$1$STRANGE\"; exit $#", "sh"]);
    command.arg(std::ffi::OsStr::from_bytes(b"\xff-g")).env("STRANGE", std::ffi::OsStr::from_bytes(b"\xfe"));
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b"\xff-g\xfe"[..]));
}

#[test]
fn wrong_usage_is_two_and_nothing_is_run() {
    for (words, part) in [
        (&[][..], "name the command"),
        (&["--"], "name the command"),
        (&["-Z", "true"], "no option -Z"),
        (&["--gruop", "true"], "no option --gruop"),
        (&["-e", "256", "true"], "exit code"),
        (&["-r", "KILL:TERM", "true"], "KILL cannot be rewritten"),
        (&["-p", "NOPE", "true"], "is no signal"),
        (&["--stop-timeout", "-1", "true"], "negative"),
    ] {
        let mut command = super::tool::tool(&["init"]);
        command.args(words);
        let ran = super::tool::run(command);
        assert!(ran.expect_only_error(2).contains(part), "{words:?}: {ran:?}");
    }
}

#[test]
fn what_is_done_is_said_when_asked_for() {
    let ran = own(&["-v"]).shell(Place::Here, "exit 3");
    assert_eq!(ran.status.code(), Some(3));
    assert!(ran.stderr.contains("is to be \"sh\"") && ran.stderr.contains("exited with code 3"), "{ran:?}");
    assert!(ran.stderr.lines().all(|line| line.starts_with("procnanny: ")), "{ran:?}");
}
