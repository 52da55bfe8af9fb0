//! What strange things are said to it, and when it ends.

use crate::common::{DEADLINE, eventually, proc};
use crate::rig::{Rig, a_while, expect_content, to_file};
use nix::sys::signal::Signal;
use procnanny::core::log::StreamId;
use procnanny::wire::log_channel::{FromLogger, ToLogger};
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

#[test]
fn it_outlives_the_supervisor_until_the_last_writer_has_gone() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let stream = rig.open(to_file(&path));
    let mut writer = rig.writer(stream);
    writer.write_all(b"before\n").unwrap();
    rig.abandon();
    a_while();
    writer.write_all(b"after\n").unwrap();
    expect_content(&path, "before\nafter\n");
    assert!(rig.is_running());
    writer.write_all(b"last").unwrap();
    drop(writer);
    assert!(rig.ended().success());
    assert_eq!(fs::read_to_string(&path).unwrap(), "before\nafter\nlast");
}

#[test]
fn without_streams_it_ends_with_the_supervisor() {
    let mut rig = Rig::new();
    rig.abandon();
    assert!(rig.ended().success());
}

#[test]
fn signals_that_are_meant_for_others_do_not_end_it() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let stream = rig.open(to_file(&path));
    rig.said("bound", |message| matches!(message, FromLogger::Bound { .. }).then_some(()));
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGPIPE, Signal::SIGUSR1] {
        rig.signal(signal);
    }
    rig.write(stream, "still there\n");
    expect_content(&path, "still there\n");
}

#[test]
fn a_grandchild_may_hold_the_pipe() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let stream = rig.open(to_file(&path));
    let mut holder = rig.writer(stream);
    rig.let_go(stream);
    a_while();
    assert!(!rig.all_said().contains(&FromLogger::Closed { stream }));
    holder.write_all(b"from a grandchild\n").unwrap();
    drop(holder);
    rig.expect_said(&FromLogger::Closed { stream });
    expect_content(&path, "from a grandchild\n");
}

#[test]
fn garbage_is_passed_over() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let file = File::create(rig.scratch.join("file")).unwrap();
    let stream = StreamId(77);
    for bytes in [&b"\xc1"[..], b"x", &[0x81; 3000], b"\x81\xa3say\xa4open", &[b'x'; 16 << 10]] {
        rig.send_raw(bytes, &[file.as_fd(), file.as_fd()]);
    }
    let route = to_file(&path);
    let open = |stream| ToLogger::Open { stream, route: route.clone() };
    // Without a descriptor, beyond the last stream, and a second beginning.
    rig.say(&open(stream));
    rig.send_raw(&open(StreamId(u32::MAX)).encode(), &[file.as_fd()]);
    rig.say(&ToLogger::Change { stream, route: route.clone() });
    rig.say(&ToLogger::Mark { stream, words: "x".to_string(), after: 0 });
    rig.say(&ToLogger::Close { stream });
    // What is no pipe has its end at once.
    rig.send_raw(&open(stream).encode(), &[file.as_fd()]);
    rig.expect_said(&FromLogger::Closed { stream });
    let stream = rig.open(route.clone());
    rig.send_raw(&open(stream).encode(), &[file.as_fd()]);
    rig.write(stream, "fine\n");
    rig.close(stream);
    assert_eq!(fs::read_to_string(&path).unwrap(), "fine\n");
}

#[test]
fn by_hand_it_says_who_starts_it() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_procnanny")).arg("logger").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        words,
        "procnanny: the logger is started by the supervisor when it is needed; see 'procnanny run'\n"
    );
}

/// One that waits for nothing is not woken by anything.
#[test]
fn idle_it_sleeps() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let stream = rig.open(to_file(&path));
    rig.write(stream, "x\n");
    rig.settled(stream, 2);
    let switches = || proc::status_line(rig.pid(), "voluntary_ctxt_switches").parse::<u64>().unwrap();
    eventually("it has come to rest", DEADLINE, || {
        let before = switches();
        std::thread::sleep(std::time::Duration::from_millis(300));
        (switches() == before).then_some(())
    });
}

#[test]
fn long_lines_and_those_without_an_end_are_kept() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let policy = procnanny::core::log::LogPolicy { max_size: 4 << 20, ..Default::default() };
    let stream = rig.open(procnanny::wire::log_channel::Route { policy, ..to_file(&path) });
    let mut text = Vec::new();
    for letter in b"abc" {
        text.extend(vec![*letter; 5 << 20]);
        text.push(b'\n');
    }
    text.extend(b"the end");
    rig.write(stream, &text);
    rig.close(stream);
    assert!(crate::rig::content(&path) == text);
    for file in crate::rig::files(&path) {
        assert!(fs::metadata(file).unwrap().len() <= 4 << 20);
    }
}
