//! `logs`, and `logs -f`: each byte once, whatever happens.

use super::common::{Launcher, Scratch, Supervisor, eventually_true, proc};
use super::printing::{Echo, expect_tail, logger_pid, printing_on, tail, with_log_dir};
use super::tool::{Background, done, tool_of};
use crate::args;
use nix::sys::signal::Signal;
use std::fs;

fn follow(supervisor: &Supervisor, more: &[&str]) -> Background {
    Background::start(tool_of(supervisor, &[&["logs", "-f"], more].concat()))
}

#[test]
fn what_is_held_is_printed_whole_or_its_last_lines() {
    let mut supervisor = Supervisor::start();
    let script = "echo one; echo two; echo three; echo wrong >&2; printf 'no end' >&2";
    supervisor.create_running("web", &printing_on(script));
    eventually_true("it has printed", || tail(&mut supervisor, "web", "stderr").1 == "wrong\nno end");
    let logs = |arguments: &[&str]| done(&supervisor, &[&["logs"], arguments].concat());
    assert_eq!(logs(&["web"]), "one\ntwo\nthree\nwrong\nno end");
    assert_eq!(logs(&["web", "--source", "stdout"]), "one\ntwo\nthree\n");
    assert_eq!(logs(&["web/0", "--source=stderr"]), "wrong\nno end");
    assert_eq!(logs(&["-n", "1", "web"]), "three\nno end");
    assert_eq!(logs(&["--lines=0", "web"]), "");
}

#[test]
fn lines_of_several_instances_say_whose_they_are() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &printing_on("echo $PROCNANNY_INSTANCE").with("instances", 2));
    supervisor.create_running("hello world", &printing_on("printf 'no end'"));
    for program in ["web", "hello world"] {
        eventually_true("it has printed", || !tail(&mut supervisor, program, "stdout").1.is_empty());
    }
    let expected = "hello world/0 | no end\nweb/0 | 0\nweb/1 | 1\n";
    let printed = done(&supervisor, &["logs", "*"]);
    let mut lines: Vec<&str> = printed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, expected.lines().collect::<Vec<_>>());
    assert_eq!(done(&supervisor, &["logs", "web/1"]), "1\n");
}

#[test]
fn a_pipe_gets_every_byte() {
    let mut supervisor = Supervisor::start();
    let bytes = supervisor.scratch().join("bytes");
    fs::write(&bytes, (0..=255).collect::<Vec<u8>>()).unwrap();
    supervisor.create("web", &printing_on(&format!("cat {}", bytes.display())));
    eventually_true("it has printed", || super::printing::counted(&mut supervisor, "output_taken") == 256);
    let output = tool_of(&supervisor, &["logs", "web"]).output().unwrap();
    assert_eq!(output.stdout, (0..=255).collect::<Vec<u8>>());
}

#[test]
fn two_programs_are_followed_line_by_line() {
    let mut supervisor = Supervisor::start();
    let (web, db) = (Echo::create(&mut supervisor, "web"), Echo::create(&mut supervisor, "db"));
    web.say("held\n");
    expect_tail(&mut supervisor, "web", "held\n");
    let follower = follow(&supervisor, &["web", "db"]);
    assert_eq!(follower.line(), "web/0 | held\n");
    for round in 0..20 {
        let (echo, name) = if round % 2 == 0 { (&web, "web") } else { (&db, "db") };
        echo.say(&format!("round {round}\n"));
        assert_eq!(follower.line(), format!("{name}/0 | round {round}\n"));
    }
    // A new program that is not among them is not shown; that it was there is.
    supervisor.create_running("other", &printing_on("echo other"));
    follower.signal(Signal::SIGINT);
    let ran = follower.wait();
    assert_eq!((ran.status.code(), ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn every_line_comes_once_also_over_a_restart_of_the_program_and_the_end_of_the_logger() {
    let mut supervisor = Supervisor::start();
    let echo = Echo::create(&mut supervisor, "web");
    let follower = follow(&supervisor, &["web"]);
    for round in 0..30 {
        match round {
            10 => drop(supervisor.do_and_wait("restart", "web")),
            20 => {
                let logger = logger_pid(&mut supervisor);
                proc::send(logger, Signal::SIGKILL);
                eventually_true("there is another one", || {
                    ![0, logger].contains(&logger_pid(&mut supervisor))
                });
            }
            _ => {}
        }
        echo.say(&format!("round {round}\n"));
        assert_eq!(follower.line(), format!("round {round}\n"));
    }
    follower.signal(Signal::SIGTERM);
    let ran = follower.wait();
    assert_eq!((ran.status.code(), ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn what_was_missed_and_is_no_longer_held_is_told() {
    let mut supervisor = Supervisor::start();
    let echo = Echo::create(&mut supervisor, "web");
    echo.say("first\n");
    expect_tail(&mut supervisor, "web", "first\n");
    let follower = follow(&supervisor, &["web"]);
    assert_eq!(follower.line(), "first\n");
    // Stopped, it misses what libzmq has no room for on either side.
    follower.signal(Signal::SIGSTOP);
    let lines: String = (1..=2_000_000).map(|i| format!("{i:07}\n")).collect();
    echo.say(&lines);
    let all = 6 + 8 * 2_000_000;
    eventually_true("all was taken", || super::printing::counted(&mut supervisor, "output_taken") == all);
    follower.signal(Signal::SIGCONT);
    let complaint = follower.complaint();
    let bytes = complaint
        .strip_prefix("procnanny: web/0 stdout: [")
        .and_then(|rest| rest.strip_suffix(" bytes missed]\n"));
    let missed: i64 = bytes.unwrap_or_else(|| panic!("{complaint}")).parse().unwrap();
    assert!(missed > 0 && missed < all, "{missed}");
    echo.say("last\n");
    let mut line = follower.line();
    let mut before = String::new();
    while line != "last\n" {
        assert!(line > before, "in order: {before:?}, {line:?}");
        before = line;
        line = follower.line();
    }
}

#[test]
fn following_survives_a_supervisor_that_is_started_again_in_the_same_directory() {
    let scratch = Scratch::new();
    let start = || Launcher::new().runtime_dir(&scratch.join("run")).start();
    let mut first = start();
    let echo = Echo::create(&mut first, "web");
    let follower = follow(&first, &["web"]);
    echo.say("of the first\n");
    assert_eq!(follower.line(), "of the first\n");
    first.signal(Signal::SIGKILL);
    first.wait();
    assert!(follower.complaint().starts_with("procnanny: "), "its end is told");
    drop(first);
    let mut second = start();
    second.create_running("web", &printing_on("echo of the second"));
    assert!(follower.complaint().contains("there again"));
    assert_eq!(follower.line(), "of the second\n");
    follower.signal(Signal::SIGINT);
    assert_eq!(follower.wait().status.code(), Some(0));
}

#[test]
fn instances_that_come_later_are_followed_too() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &printing_on("echo I am $PROCNANNY_INSTANCE").with("instances", 2));
    eventually_true("both have printed", || super::printing::counted(&mut supervisor, "output_taken") == 14);
    let follower = follow(&supervisor, &["web"]);
    assert_eq!([follower.line(), follower.line()], ["web/0 | I am 0\n", "web/1 | I am 1\n"]);
    // Its subscription takes a moment that nobody is told of; what comes before it is asked for.
    supervisor.call("scale", args!["program" => "web", "instances" => 3, "wait" => true]);
    assert_eq!(follower.line(), "web/2 | I am 2\n");
}

#[test]
fn a_follower_ends_when_nobody_reads_any_more() {
    let mut supervisor = with_log_dir();
    let echo = Echo::create(&mut supervisor, "web");
    let mut command = tool_of(&supervisor, &["logs", "-f", "web"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = super::common::within(super::common::DEADLINE, || {
        echo.say("words\n");
        child.try_wait().unwrap()
    });
    let _ = child.kill();
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
}
