//! Log files: rotation, what stands before lines, markers; and what changes at once.

use super::common::{Supervisor, eventually_true};
use super::printing::{
    Echo, content, expect_content, log_file, printing_on, printing_once, until_content, with_log_dir,
};
use super::tool::done;
use crate::args;
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::fs;

fn log(entries: &[(&str, Value)]) -> Value {
    Value::map(entries.iter().map(|(name, value)| (*name, value.clone())))
}

#[test]
fn a_file_is_rotated_by_size_and_so_many_are_kept() {
    let mut supervisor = with_log_dir();
    let settings = log(&[("max_size", Value::from("4K")), ("keep", Value::from(3))]);
    let script = "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; done";
    supervisor.create("web", &printing_once(script).with("log", settings));
    supervisor.wait_for("web", "exited");
    let file = |suffix: &str| log_file(&supervisor, &format!("web.0.stdout.log{suffix}"));
    until_content(&file(""), "the last line", |content| content.ends_with("line 2000\n"));
    let all: String = [".3", ".2", ".1", ""].map(|suffix| content(&file(suffix))).concat();
    assert!(!file(".4").exists());
    for suffix in ["", ".1", ".2", ".3"] {
        let size = fs::metadata(file(suffix)).unwrap().len();
        assert!(size <= 4096, "{suffix}: {size}");
    }
    let first: u32 = all.lines().next().unwrap().strip_prefix("line ").unwrap().parse().unwrap();
    let expected: String = (first..=2000).map(|i| format!("line {i}\n")).collect();
    assert_eq!(all, expected, "every line whole and in order");
    assert!(all.len() > 3 * 3000, "files are filled before they are rotated");
}

#[test]
fn times_and_names_stand_before_lines() {
    let mut supervisor = with_log_dir();
    let settings = log(&[("timestamp", Value::from(true)), ("prefix", Value::from(true))]);
    supervisor.create_running("web", &printing_on("echo one; echo two").with("log", settings));
    let path = log_file(&supervisor, "web.0.stdout.log");
    let written = until_content(&path, "two lines", |content| content.lines().count() == 2);
    for (line, text) in written.lines().zip(["one", "two"]) {
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!((time.len(), rest), (27, format!("web/0 | {text}").as_str()), "{line}");
        assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
    }
}

#[test]
fn runs_are_marked_in_the_file() {
    let mut supervisor = with_log_dir();
    let program = printing_once("echo hello; exit 3").with("stderr", "stdout");
    let program = program.with("log", log(&[("markers", Value::from(true))]));
    supervisor.create("web", &program);
    supervisor.wait_for("web", "exited");
    let path = log_file(&supervisor, "web.0.stdout.log");
    let is_whole = |content: &str| content.contains("exited with code 3 after");
    let written = until_content(&path, "the end is marked", is_whole);
    let lines: Vec<&str> = written.lines().collect();
    let [started, hello, ended] = lines.as_slice() else { panic!("{written}") };
    assert_eq!((*started, *hello), ("[procnanny: starts]", "hello"), "{written}");
    assert!(
        ended.starts_with("[procnanny: exited with code 3 after ") && ended.contains(", pid "),
        "{written}"
    );
    // What is no output does not count as output.
    assert_eq!(super::printing::tail(&mut supervisor, "web", "stdout"), (0, "hello\n".to_string()));
}

#[test]
fn one_file_for_both_streams_is_marked_once() {
    let mut supervisor = Supervisor::start();
    let path = supervisor.scratch().join("both.log");
    let file = ("file", Value::from(path.to_str().unwrap()));
    let program = printing_on("true").with("log", log(&[file, ("markers", Value::from(true))]));
    supervisor.create_running("web", &program);
    supervisor.do_and_wait("stop", "web");
    let written = until_content(&path, "the stop is marked", |content| content.contains("stopped"));
    assert_eq!(written.lines().count(), 2, "{written}");
}

#[test]
fn how_a_log_is_kept_changes_at_once() {
    let mut supervisor = with_log_dir();
    let path = log_file(&supervisor, "web.0.stdout.log");
    let echo = Echo::create(&mut supervisor, "web");
    let pid = supervisor.row("web", 0).pid;
    echo.say("first\n");
    expect_content(&path, "first\n");
    let reply =
        supervisor.call("update", args!["program" => "web", "log" => log(&[("prefix", Value::from(true))])]);
    assert_eq!(reply.get("restart_needed"), Some(&Value::Array(Vec::new())));
    echo.say("second\n");
    expect_content(&path, "first\nweb/0 | second\n");
    let other = supervisor.scratch().join("other.log");
    let file = log(&[("file", Value::from(other.to_str().unwrap()))]);
    supervisor.call("update", args!["program" => "web", "log" => file]);
    echo.say("third\n");
    expect_content(&other, "third\n");
    assert_eq!(content(&path), "first\nweb/0 | second\n");
    assert_eq!(supervisor.row("web", 0).pid, pid, "it was not restarted");
}

/// What an outside logrotate does: renames the file, and says so.
#[test]
fn files_are_opened_anew_when_something_else_has_renamed_them() {
    let mut supervisor = with_log_dir();
    let path = log_file(&supervisor, "web.0.stdout.log");
    let echo = Echo::create(&mut supervisor, "web");
    echo.say("0\n");
    expect_content(&path, "0\n");
    for round in 1..=4 {
        fs::rename(&path, path.with_extension(round.to_string())).unwrap();
        if round % 2 == 0 {
            supervisor.signal(Signal::SIGUSR2);
        } else {
            assert_eq!(done(&supervisor, &["reopen"]), "");
        }
        eventually_true("there is a new file", || path.exists());
        echo.say(&format!("{round}\n"));
        expect_content(&path, &format!("{round}\n"));
        expect_content(&path.with_extension(round.to_string()), &format!("{}\n", round - 1));
    }
}
