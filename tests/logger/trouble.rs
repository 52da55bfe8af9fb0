//! Output that cannot be written: every byte is in a file or counted as dropped, and it goes on by itself.

use crate::common::{DEADLINE, eventually, eventually_true, is_root, proc};
use crate::rig::{Rig, a_while, expect_content, route, to_file};
use crate::skip;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use procnanny::core::log::{LogPolicy, OnFull, StreamId};
use procnanny::wire::log_channel::{FromLogger, Route, Sink, ToLogger};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

fn blocking(route: Route) -> Route {
    Route { policy: LogPolicy { on_full: OnFull::Block, ..route.policy }, ..route }
}

fn trouble(rig: &mut Rig, stream: StreamId) -> String {
    rig.said("trouble", |message| match message {
        FromLogger::Trouble { stream: of, words } if *of == stream => Some(words.clone()),
        _ => None,
    })
}

fn recovered(rig: &mut Rig, stream: StreamId) {
    rig.expect_said(&FromLogger::Recovered { stream });
}

/// All that was said to be dropped of a stream, by what was not asked for yet.
fn told_dropped(rig: &mut Rig) -> u64 {
    let dropped = |message| match message {
        FromLogger::Dropped { bytes, .. } => bytes,
        _ => 0,
    };
    rig.all_said().into_iter().map(dropped).sum()
}

#[test]
fn a_full_disk_drops_and_counts() {
    let mut rig = Rig::new();
    let stream = rig.open(route(Sink::File("/dev/full".to_string())));
    rig.write(stream, "one\n");
    let words = trouble(&mut rig, stream);
    assert_eq!(words, "cannot write to '/dev/full': No space left on device");
    rig.write(stream, "two\n");
    let counts = rig.settled(stream, 8);
    assert_eq!((counts.written, counts.dropped), (0, 8));
    rig.close(stream);
    assert_eq!(told_dropped(&mut rig), 8);
}

#[test]
fn a_place_that_cannot_be_is_told_at_once_and_in_words() {
    let mut rig = Rig::new();
    let directory = rig.scratch.text("directory");
    fs::create_dir(&directory).unwrap();
    let file = rig.scratch.text("file");
    fs::write(&file, "").unwrap();
    for (path, words) in [
        (directory.clone(), format!("cannot open '{directory}': Is a directory")),
        (format!("{file}/log"), format!("cannot open '{file}/log': Not a directory")),
        ("/proc/none/log".to_string(), "cannot make the directory of '/proc/none/log'".to_string()),
    ] {
        let stream = rig.open(route(Sink::File(path)));
        let told = trouble(&mut rig, stream);
        assert!(told.starts_with(&words), "{told}");
        rig.close(stream);
    }
}

#[test]
fn a_directory_that_vanished_is_made_again() {
    let mut rig = Rig::new();
    let path = rig.scratch.join("logs/log");
    let stream = rig.open(to_file(&path));
    rig.write(stream, "one\n");
    expect_content(&path, "one\n");
    fs::remove_dir_all(rig.scratch.join("logs")).unwrap();
    rig.write(stream, "two\n");
    expect_content(&path, "two\n");
    assert_eq!(fs::metadata(rig.scratch.join("logs")).unwrap().mode() & 0o777, 0o750);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    assert_eq!(rig.settled(stream, 8).dropped, 0);
}

#[test]
fn a_file_that_is_renamed_or_removed_is_opened_anew() {
    let mut rig = Rig::new();
    let (path, old) = (rig.scratch.join("log"), rig.scratch.join("old"));
    let stream = rig.open(to_file(&path));
    rig.write(stream, "one\n");
    expect_content(&path, "one\n");
    fs::rename(&path, &old).unwrap();
    // It may take a second until that is seen; until then it goes where the file is.
    let mut lines = 0;
    eventually("the file is opened anew", DEADLINE, || {
        rig.write(stream, "two\n");
        lines += 1;
        rig.settled(stream, 4 + 4 * lines);
        path.exists().then_some(())
    });
    let both = [fs::read_to_string(&old).unwrap(), fs::read_to_string(&path).unwrap()].concat();
    assert_eq!(both.len() as u64, 4 + 4 * lines);
    fs::remove_file(&path).unwrap();
    rig.write(stream, "three\n");
    expect_content(&path, "three\n");
}

#[test]
fn asked_to_reopen_it_does_so_at_once() {
    let mut rig = Rig::new();
    let (path, old) = (rig.scratch.join("log"), rig.scratch.join("old"));
    let stream = rig.open(to_file(&path));
    rig.write(stream, "one\n");
    expect_content(&path, "one\n");
    fs::rename(&path, &old).unwrap();
    rig.say(&ToLogger::Reopen);
    eventually_true("there is a new file", || path.exists());
    rig.write(stream, "two\n");
    expect_content(&path, "two\n");
    assert_eq!(fs::read_to_string(&old).unwrap(), "one\n");
}

/// A file system that is full as soon as so much is in it.
struct Small(PathBuf);

impl Small {
    fn mount(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", size, "tmpfs"]).arg(path).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(path.to_path_buf()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn when_there_is_space_again_the_file_tells_what_is_missing() {
    if !is_root() {
        skip!("only root can mount a small file system");
    }
    let mut rig = Rig::new();
    let Some(small) = Small::mount(&rig.scratch.join("small"), "size=256k") else {
        skip!("no file system can be mounted here");
    };
    let path = small.0.join("log");
    let ballast = small.0.join("ballast");
    fs::write(&ballast, vec![0; 128 << 10]).unwrap();
    let stream = rig.open(to_file(&path));
    let line = [b"x".repeat(99), b"\n".to_vec()].concat();
    let block = line.repeat(3000);
    rig.write(stream, &block);
    trouble(&mut rig, stream);
    let counts = rig.settled(stream, block.len() as u64);
    assert!(counts.dropped > 0 && counts.written > 0, "{counts:?}");
    fs::remove_file(&ballast).unwrap();
    recovered(&mut rig, stream);
    rig.write(stream, "after\n");
    let all = block.len() as u64 + 6;
    let counts = rig.settled(stream, all);
    rig.close(stream);
    let text = fs::read_to_string(&path).unwrap();
    let marker = format!("[procnanny: {} bytes dropped]\n", counts.dropped);
    let at = text.find(&marker).unwrap_or_else(|| panic!("no {marker} in it"));
    let (before, after) = (&text[..at], &text[at + marker.len()..]);
    assert_eq!(after, "after\n");
    // The marker begins a line; if the disk was full within one, that was ended for it.
    let before =
        if counts.written - 6 == before.len() as u64 { before } else { before.strip_suffix('\n').unwrap() };
    assert!(block.starts_with(before.as_bytes()));
    assert_eq!(before.len() as u64 + 6 + counts.dropped, all);
    assert_eq!(told_dropped(&mut rig), counts.dropped);
}

#[test]
fn blocked_it_waits_for_space_and_loses_nothing() {
    if !is_root() {
        skip!("only root can mount a small file system");
    }
    let mut rig = Rig::new();
    let Some(small) = Small::mount(&rig.scratch.join("small"), "size=1m") else {
        skip!("no file system can be mounted here");
    };
    let (path, ballast) = (small.0.join("log"), small.0.join("ballast"));
    fs::write(&ballast, vec![0; 960 << 10]).unwrap();
    let stream = rig.open(blocking(to_file(&path)));
    let block: Vec<u8> = (0..50_000).flat_map(|number| format!("{number}\n").into_bytes()).collect();
    let (mut writer, bytes) = (rig.writer(stream), block.clone());
    let printer = thread::spawn(move || writer.write_all(&bytes).unwrap());
    trouble(&mut rig, stream);
    rig.kill_and_start_anew();
    trouble(&mut rig, stream);
    fs::remove_file(&ballast).unwrap();
    recovered(&mut rig, stream);
    printer.join().unwrap();
    rig.close(stream);
    expect_content(&path, &block);
    let counts = rig.counts(stream);
    assert_eq!((counts.written, counts.dropped), (block.len() as u64, 0));
}

fn fifo(rig: &Rig) -> (PathBuf, String) {
    let path = rig.scratch.join("fifo");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    let text = path.to_str().unwrap().to_string();
    (path, text)
}

fn reader(path: &Path) -> File {
    OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path).unwrap()
}

/// Reads until so many bytes are there.
fn read_bytes(file: &mut File, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    eventually("what was written is read", DEADLINE, || {
        while let Ok(length @ 1..) = file.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..length]);
        }
        (bytes.len() >= count).then_some(())
    });
    bytes
}

#[test]
fn a_fifo_that_nobody_reads_holds_up_nobody() {
    let mut rig = Rig::new();
    let (path, text) = fifo(&rig);
    let stream = rig.open(route(Sink::File(text.clone())));
    assert_eq!(trouble(&mut rig, stream), format!("nobody reads '{text}'"));
    let (other, log) = (rig.scratch.join("log"), "other\n");
    let neighbour = rig.open(to_file(&other));
    rig.write(stream, "x".repeat(200_000));
    rig.write(neighbour, log);
    expect_content(&other, log);
    assert_eq!(rig.settled(stream, 200_000).dropped, 200_000);
    let mut reader = reader(&path);
    recovered(&mut rig, stream);
    rig.write(stream, "after\n");
    let expected = "[procnanny: 200000 bytes dropped]\nafter\n";
    assert_eq!(String::from_utf8(read_bytes(&mut reader, expected.len())).unwrap(), expected);
}

#[test]
fn a_fifo_that_is_read_slowly_gets_everything() {
    let mut rig = Rig::new();
    let (path, text) = fifo(&rig);
    let mut reader = reader(&path);
    let stream = rig.open(route(Sink::File(text)));
    let block: Vec<u8> = (0..100_000).flat_map(|number| format!("{number}\n").into_bytes()).collect();
    let (mut writer, bytes) = (rig.writer(stream), block.clone());
    let printer = thread::spawn(move || writer.write_all(&bytes).unwrap());
    assert!(read_bytes(&mut reader, block.len()) == block);
    printer.join().unwrap();
    assert_eq!(rig.settled(stream, block.len() as u64).dropped, 0);
}

#[test]
fn blocked_by_a_fifo_the_program_waits() {
    let mut rig = Rig::new();
    let (path, text) = fifo(&rig);
    let stream = rig.open(blocking(route(Sink::File(text))));
    trouble(&mut rig, stream);
    let block: Vec<u8> = (0..100_000).flat_map(|number| format!("{number}\n").into_bytes()).collect();
    let (mut writer, bytes) = (rig.writer(stream), block.clone());
    let printer = thread::spawn(move || writer.write_all(&bytes).unwrap());
    a_while();
    assert!(!printer.is_finished());
    assert_eq!(rig.counts(stream).written, 0);
    let mut reader = reader(&path);
    assert!(read_bytes(&mut reader, block.len()) == block);
    printer.join().unwrap();
}

#[test]
fn while_nothing_can_be_written_it_uses_no_memory_and_little_time() {
    let mut rig = Rig::new();
    let stream = rig.open(route(Sink::File("/dev/full".to_string())));
    rig.write(stream, "x");
    trouble(&mut rig, stream);
    let resident = || {
        let line = proc::status_line(rig.pid(), "VmRSS");
        line.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let before = resident();
    rig.write(stream, vec![b'x'; 64 << 20]);
    rig.settled(stream, (64 << 20) + 1);
    assert!(resident() < before + 2048, "{before} KiB, then {} KiB", resident());
}
