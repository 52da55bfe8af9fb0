//! What is in the files: every byte, once, in order.

use crate::rig::{Rig, expect_content, files, to_file};
use procnanny::core::log::{LogPolicy, Written};
use procnanny::wire::log_channel::{FromLogger, Route};
use std::fs;

fn with(route: Route, policy: LogPolicy) -> Route {
    Route { policy, ..route }
}

#[test]
fn what_is_written_is_in_the_file() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("deep/er/log");
    let stream = rig.open(to_file(&path));
    rig.write(stream, "one\ntwo");
    expect_content(&path, "one\ntwo");
    rig.write(stream, [0, 0xff, b'\n', 0x80]);
    expect_content(&path, b"one\ntwo\x00\xff\n\x80");
    rig.close(stream);
    expect_content(&path, b"one\ntwo\x00\xff\n\x80");
    let counts = rig.counts(stream);
    assert_eq!((counts.taken, counts.written, counts.dropped), (11, 11, 0));
}

#[test]
fn it_says_where_output_is_published() {
    let mut rig = Rig::new();
    let address = rig.endpoint();
    rig.expect_said(&FromLogger::Bound { address });
}

#[test]
fn a_file_is_rotated_at_a_lines_end() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let policy = LogPolicy { max_size: 1000, keep: 3, ..LogPolicy::default() };
    let stream = rig.open(with(to_file(&path), policy));
    let lines: Vec<String> = (0..1000).map(|number| format!("line {number}\n")).collect();
    for part in lines.chunks(7) {
        rig.write(stream, part.concat());
    }
    rig.close(stream);
    let files = files(&path);
    assert_eq!(files.len(), 4);
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.len() <= 1000 && text.ends_with('\n') && text.starts_with("line "), "{text}");
    }
    let kept: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    assert!(lines.concat().ends_with(&kept), "{kept}");
}

#[test]
fn timestamps_and_prefixes_stand_before_each_line() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let policy = LogPolicy { timestamp: Written::Yes, prefix: Written::Yes, ..LogPolicy::default() };
    let stream = rig.open(with(to_file(&path), policy));
    rig.write(stream, "one\n\ntw");
    rig.settled(stream, 7);
    rig.write(stream, "o\nthree");
    rig.close(stream);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split('\n').collect();
    assert_eq!(lines.len(), 4, "{text}");
    for (line, expected) in lines.iter().zip(["one", "", "two", "three"]) {
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(rest, format!("web/0 | {expected}"));
        assert!(time.starts_with("20") && time.ends_with('Z') && time.len() == 27, "{time}");
    }
}
