//! A logger that is killed loses nothing and repeats nothing.

use crate::rig::{Rig, content, files, to_file};
use procnanny::core::log::{LogPolicy, Written};
use procnanny::wire::log_channel::Route;
use std::io::{BufWriter, Write};
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
