//! Files that cannot be written.

use super::common::{EventSource, Supervisor, eventually_true};
use super::printing::{content, counted, expect_tail, log_file, printing, printing_on, tail, with_log_dir};
use crate::args;
use procnanny::wire::value::Value;
use std::fs;

fn to_file(path: &str) -> Value {
    Value::map([("file", Value::from(path))])
}

#[test]
fn what_a_full_disk_has_no_room_for_is_dropped_counted_and_told() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let program = printing_on("echo 0123456789").with("log", to_file("/dev/full"));
    supervisor.create_running("web", &program);
    let trouble = events.expect_event("log_trouble");
    let text = |event: &Value, key: &str| event.get(key).and_then(Value::text).unwrap_or("").to_string();
    assert_eq!([text(&trouble, "program"), text(&trouble, "source")], ["web", "stdout"]);
    assert!(text(&trouble, "reason").contains("/dev/full"), "{trouble:?}");
    let dropped = events.expect_event("log_dropped");
    assert_eq!(dropped.get("bytes").and_then(Value::as_i64), Some(11), "{dropped:?}");
    assert_eq!(dropped.get("instance").and_then(Value::as_i64), Some(0));
    assert!(text(&dropped, "reason").contains("No space left on device"), "{dropped:?}");
    assert_eq!(counted(&mut supervisor, "output_dropped"), 11);
    // The program goes on, and what it said is still held.
    assert_eq!(supervisor.row("web", 0).state, "running");
    assert_eq!(tail(&mut supervisor, "web", "stdout").1, "0123456789\n");
}

#[test]
fn writing_goes_on_by_itself_when_it_can() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let directory = supervisor.scratch().join("gone");
    // A file where a directory is to be.
    fs::write(&directory, "").unwrap();
    let file = directory.join("web.log");
    let script = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done";
    supervisor.create_running("web", &printing(script).with("log", to_file(file.to_str().unwrap())));
    events.expect_event("log_trouble");
    events.expect_event("log_dropped");
    fs::remove_file(&directory).unwrap();
    events.expect_event("log_recovered");
    let line = |content: String| content.lines().any(|line| line.parse::<u32>().is_ok());
    eventually_true("it is written again", || line(content(&file)));
}

#[test]
fn a_directory_that_vanished_is_made_again() {
    let mut supervisor = with_log_dir();
    let file = log_file(&supervisor, "web.0.stdout.log");
    let script = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done";
    supervisor.create_running("web", &printing(script));
    eventually_true("it is written", || !content(&file).is_empty());
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
    eventually_true("it is written again", || !content(&file).is_empty());
}

#[test]
fn a_program_may_wait_for_its_disk() {
    let mut supervisor = Supervisor::start();
    let fifo = supervisor.scratch().join("slow");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // Somebody who reads nothing for now.
    let reader = fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let script = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); echo line $i; done";
    let log = Value::map([("file", Value::from(fifo.to_str().unwrap())), ("on_full", Value::from("block"))]);
    supervisor.create("web", &printing(script).with("restart", "never").with("log", log));
    let mut before = -1;
    super::common::eventually("it comes to a halt", super::common::DEADLINE, || {
        let now = counted(&mut supervisor, "output_taken");
        let halted = now > 0 && now == before;
        before = now;
        std::thread::sleep(std::time::Duration::from_millis(200));
        halted.then_some(())
    });
    assert_eq!(supervisor.row("web", 0).state, "running", "it waits");
    supervisor.create_running("other", &printing_on("echo other"));
    // Others do not.
    expect_tail(&mut supervisor, "other", "other\n");
    let reading = std::thread::spawn(move || {
        use std::io::{BufRead, BufReader};
        BufReader::new(reader).lines().take(60_000).map(Result::unwrap).collect::<Vec<String>>()
    });
    supervisor.wait_for("web", "exited");
    let lines = reading.join().unwrap();
    assert!(lines.iter().enumerate().all(|(at, line)| *line == format!("line {}", at + 1)));
    assert_eq!(counted(&mut supervisor, "output_dropped"), 0);
    supervisor.call("remove", args!["program" => "web", "force" => true, "wait" => true]);
}
