//! A logger that is killed loses nothing and repeats nothing.

use crate::common::{DEADLINE, eventually};
use crate::rig::{Rig, content, files, to_file};
use procnanny::core::log::{LogPolicy, Written};
use procnanny::wire::log_channel::Route;
use std::io::{BufWriter, Write};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Prints numbered lines while the logger is killed again and again; returns how often that was.
fn print_and_kill(rig: &mut Rig, stream: procnanny::core::log::StreamId, lines: u32, most: u32) -> u32 {
    let writer = rig.writer(stream);
    let printer = thread::spawn(move || {
        let mut writer = BufWriter::with_capacity(5000, writer);
        for number in 0..lines {
            writeln!(writer, "{number}").unwrap();
        }
        writer.flush().unwrap();
    });
    let mut kills = 0;
    let mut pause = 1;
    while kills < most && !printer.is_finished() {
        thread::sleep(Duration::from_micros(pause));
        rig.kill_and_start_anew();
        kills += 1;
        // Now soon, now late, never in step with anything.
        pause = (pause * 7919 + 13) % 20_011;
    }
    printer.join().unwrap();
    rig.close(stream);
    kills
}

fn expected(lines: u32) -> Vec<u8> {
    (0..lines).flat_map(|number| format!("{number}\n").into_bytes()).collect()
}

#[test]
fn a_million_lines_through_rotation_and_many_deaths() {
    const LINES: u32 = 1_000_000;
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let policy = LogPolicy { max_size: 100_000, keep: 1000, ..LogPolicy::default() };
    let stream = rig.open(Route { policy, ..to_file(&path) });
    let kills = print_and_kill(&mut rig, stream, LINES, 200);
    assert!(kills >= 5, "{kills}");
    println!("killed {kills} times, {} files", files(&path).len());
    assert!(content(&path) == expected(LINES), "what is in the files is not what was printed");
    let counts = rig.counts(stream);
    assert_eq!((counts.taken, counts.dropped), (counts.written, 0));
    assert_eq!(counts.taken, expected(LINES).len() as u64);
}

#[test]
fn lines_with_a_prefix_survive_as_well() {
    const LINES: u32 = 200_000;
    let mut rig = Rig::new();
    let path = rig.scratch.join("log");
    let policy = LogPolicy {
        max_size: 100_000,
        keep: 1000,
        prefix: Written::Yes,
        timestamp: Written::Yes,
        ..LogPolicy::default()
    };
    let stream = rig.open(Route { policy, ..to_file(&path) });
    let kills = print_and_kill(&mut rig, stream, LINES, 200);
    println!("killed {kills} times");
    let text = String::from_utf8(content(&path)).unwrap();
    let mut number = 0;
    for line in text.lines() {
        let (_, rest) = line.split_once(' ').unwrap();
        assert_eq!(rest, format!("web/0 | {number}"));
        number += 1;
    }
    assert_eq!(number, LINES);
}

/// The calls that take bytes out of a pipe, keep them, write them and rotate.
const CALLS: [&str; 6] = ["splice", "read", "pwrite64", "%fstat", "write", "/^rename"];

/// Prints a little while the logger is killed just before its `number`th such call; whether there was one.
fn dies_before(call: &str, number: u32, policy: LogPolicy) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={number}");
    let trace = format!("trace={call}");
    let mut rig = Rig::under(&["strace", "-o", "/dev/null", "-e", &trace, "-e", &inject]);
    let path = rig.scratch.join("log");
    let stream = rig.open(Route { policy, ..to_file(&path) });
    let parts: [&[u8]; 3] = [b"one\ntwo", b" and a half\nthree\n", b"four\nfive"];
    let mut written = 0;
    let mut dead = false;
    for part in parts {
        rig.write(stream, part);
        written += part.len() as u64;
        eventually("it is taken, or the logger dies", DEADLINE, || {
            dead |= !rig.is_running();
            (dead || rig.counts(stream).taken == written).then_some(())
        });
    }
    if dead {
        rig.kill_and_start_anew();
        rig.close(stream);
    } else {
        dead = rig.close_or_die(stream);
    }
    let text = String::from_utf8(content(&path)).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| line.split_once(" | ").map_or(line, |it| it.1)).collect();
    assert_eq!(lines, ["one", "two and a half", "three", "four", "five"], "before {call} {number}: {text:?}");
    let counts = rig.counts(stream);
    assert_eq!(
        (counts.taken, counts.written, counts.dropped),
        (written, written, 0),
        "before {call} {number}"
    );
    // What was traced to its end ends by itself; one that is only told to would go on without the tracer.
    rig.abandon();
    rig.ended();
    dead
}

#[test]
fn a_death_before_any_of_its_calls_changes_nothing() {
    if !Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success())
    {
        crate::skip!("there is no strace that works, which can kill at a system call");
    }
    let plain = LogPolicy { max_size: 20, keep: 9, ..LogPolicy::default() };
    let decorated = LogPolicy { max_size: 120, prefix: Written::Yes, timestamp: Written::Yes, ..plain };
    for policy in [plain, decorated] {
        for call in CALLS {
            let deaths = (1..).take_while(|number| dies_before(call, *number, policy)).count();
            println!("{deaths} deaths before {call}");
            assert!(deaths > 0, "before {call}");
        }
    }
}
