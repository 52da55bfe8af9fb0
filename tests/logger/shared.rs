//! Streams that go to the same place, and the console: whole lines.

use crate::common::{DEADLINE, eventually};
use crate::rig::{Rig, expect_content, route, to_file};
use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use procnanny::core::log::{LogPolicy, OutputSource, Written};
use procnanny::wire::log_channel::{Route, Sink, ToLogger};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::thread;

#[test]
fn a_hundred_writers_at_once_keep_their_lines() {
    const WRITERS: u32 = 100;
    const LINES: u32 = 500;
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let policy = LogPolicy { prefix: Written::Yes, ..LogPolicy::default() };
    let streams: Vec<_> =
        (0..WRITERS).map(|instance| rig.open(Route { instance, policy, ..to_file(&path) })).collect();
    let printers: Vec<_> = streams
        .iter()
        .map(|stream| {
            let mut writer = rig.writer(*stream);
            thread::spawn(move || {
                for number in 0..LINES {
                    // In two parts, so that lines are unfinished most of the time.
                    write!(writer, "line {}", number / 10).unwrap();
                    writeln!(writer, "{}", number % 10).unwrap();
                }
            })
        })
        .collect();
    printers.into_iter().for_each(|printer| printer.join().unwrap());
    for stream in streams {
        rig.close(stream);
    }
    let mut next: HashMap<String, u32> = HashMap::new();
    for line in fs::read_to_string(&path).unwrap().lines() {
        let (who, what) = line.split_once(" | ").unwrap_or_else(|| panic!("{line:?}"));
        let number = next.entry(who.to_string()).or_default();
        assert_eq!(what, format!("line {}{}", *number / 10, *number % 10), "{who}");
        *number += 1;
    }
    assert_eq!(next.len(), WRITERS as usize);
    assert!(next.values().all(|number| *number == LINES));
}

#[test]
fn an_unfinished_line_waits_for_its_end_and_survives_a_death() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let (first, second) = (rig.open(to_file(&path)), rig.open(to_file(&path)));
    rig.write(first, "half");
    rig.write(second, "whole\n");
    expect_content(&path, "whole\n");
    rig.kill_and_start_anew();
    rig.write(first, " and half\nrest");
    expect_content(&path, "whole\nhalf and half\n");
    rig.close(first);
    expect_content(&path, "whole\nhalf and half\nrest");
    // Its line ends where that of another begins.
    rig.write(second, "more\n");
    expect_content(&path, "whole\nhalf and half\nrest\nmore\n");
}

#[test]
fn the_console_gets_whole_lines_with_their_prefix() {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let mut rig = Rig::with_stdout(Some(writer));
    let sink = Sink::Console(OutputSource::Stdout);
    let web = rig.open(route(sink.clone()));
    let other = rig.open(Route { program: "other".to_string(), instance: 7, ..route(sink) });
    rig.write(web, "one\ntw");
    rig.write(other, "three\n");
    rig.settled(other, 6);
    rig.write(web, "o\n");
    let mut lines = BufReader::new(File::from(reader)).lines();
    let mut read: Vec<String> = (0..3).map(|_| lines.next().unwrap().unwrap()).collect();
    assert_eq!(read.iter().position(|line| line == "web/0 | one"), Some(0));
    read.sort();
    assert_eq!(read, ["other/7 | three", "web/0 | one", "web/0 | two"]);
}

#[test]
fn a_console_that_is_read_slowly_loses_nothing() {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let mut rig = Rig::with_stdout(Some(writer));
    let stream = rig.open(route(Sink::Console(OutputSource::Stdout)));
    let mut writer = rig.writer(stream);
    let printer = thread::spawn(move || {
        for number in 0..50_000 {
            writeln!(writer, "{number}").unwrap();
        }
    });
    let mut lines = BufReader::new(File::from(reader)).lines();
    for number in 0..50_000 {
        assert_eq!(lines.next().unwrap().unwrap(), format!("web/0 | {number}"));
    }
    printer.join().unwrap();
}

#[test]
fn markers_begin_a_line_and_follow_what_came_before_them() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let stream = rig.open(to_file(&path));
    rig.write(stream, "unfinished");
    rig.say(&ToLogger::Mark { stream, words: "ended".to_string(), after: 10 });
    expect_content(&path, "unfinished\n[procnanny: ended]\n");
    rig.say(&ToLogger::Mark { stream, words: "began".to_string(), after: 10 });
    expect_content(&path, "unfinished\n[procnanny: ended]\n[procnanny: began]\n");
    rig.write(stream, "more\n");
    rig.close(stream);
    expect_content(&path, "unfinished\n[procnanny: ended]\n[procnanny: began]\nmore\n");
}

#[test]
fn a_stream_that_goes_elsewhere_takes_its_line_along() {
    let mut rig = Rig::new();
    let (old, new) = (rig.scratch.join("old"), rig.scratch.join("new"));
    let stream = rig.open(to_file(&old));
    rig.write(stream, "one\n");
    expect_content(&old, "one\n");
    rig.change(stream, to_file(&new));
    eventually("there is a new file", DEADLINE, || new.exists().then_some(()));
    rig.write(stream, "two\n");
    expect_content(&new, "two\n");
    rig.change(stream, route(Sink::Memory));
    rig.write(stream, "three\n");
    assert_eq!(rig.settled(stream, 14).dropped, 0);
    assert_eq!(rig.memory.tail(stream.0, 100).unwrap().data, b"one\ntwo\nthree\n");
    assert_eq!((fs::read(&old).unwrap(), fs::read(&new).unwrap()), (b"one\n".to_vec(), b"two\n".to_vec()));
}
