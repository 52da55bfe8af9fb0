//! What the kernel says of processes: `/proc`, see proc(5).

use super::{DEADLINE, eventually, within};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;

/// The fields of `/proc/PID/stat` that tests look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// `R`, `S`, `T`, `Z`, …
    pub state: char,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    pub terminal: i32,
    pub nice: i32,
}

/// `/proc/PID/stat`; `None` when there is no such process.
pub fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, parentheses too.
    let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
    let number = |index: usize| fields[index].parse().unwrap();
    Some(Stat {
        state: fields[0].chars().next().unwrap(),
        parent: number(1),
        group: number(2),
        session: number(3),
        terminal: number(4),
        nice: number(16),
    })
}

/// Whether there is such a process and it has not ended (a zombie has).
pub fn is_alive(pid: i32) -> bool {
    stat(pid).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}

/// A line of `/proc/PID/status`, without its name.
#[track_caller]
pub fn status_line(pid: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_string()
}

/// A mask of signals in `/proc/PID/status`: `SigBlk`, `SigIgn`, `SigCgt`.
#[track_caller]
pub fn signal_mask(pid: i32, name: &str) -> u64 {
    u64::from_str_radix(&status_line(pid, name), 16).unwrap()
}

/// The soft and the hard limit of open files.
#[track_caller]
pub fn open_files(pid: i32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut numbers = line.split_whitespace().map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// The environment with which a process was executed.
///
/// A program counts as executed a moment before the kernel shows its strings, so this waits for them.
#[track_caller]
pub fn environment(pid: i32) -> Vec<(String, String)> {
    let shown = || Some(environment_now(pid)).filter(|variables| !variables.is_empty() || !is_alive(pid));
    eventually("the environment of a process", DEADLINE, shown)
}

fn environment_now(pid: i32) -> Vec<(String, String)> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let variables = text.split('\0').filter_map(|variable| variable.split_once('='));
    variables.map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// One variable of the environment of a process.
#[track_caller]
pub fn variable(pid: i32, name: &str) -> Option<String> {
    find(environment(pid), name)
}

fn find(variables: Vec<(String, String)>, name: &str) -> Option<String> {
    variables.into_iter().find(|(variable, _)| variable == name).map(|(_, value)| value)
}

/// The arguments of a process, the first being its command. Waits for them as [`environment`] does.
#[track_caller]
pub fn arguments(pid: i32) -> Vec<String> {
    let shown =
        || fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|bytes| !bytes.is_empty() || !is_alive(pid));
    let bytes = eventually("the arguments of a process", DEADLINE, shown);
    let text = String::from_utf8_lossy(&bytes);
    text.strip_suffix('\0').unwrap_or(&text).split('\0').map(str::to_string).collect()
}

/// The children of a process that were executed as `procnanny WORD` and have not ended.
pub fn own_children(pid: i32, word: &str) -> Vec<i32> {
    let is_own = |child: &i32| {
        let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).nth(1) == Some(word.as_bytes())
    };
    children(pid).into_iter().filter(|child| is_alive(*child)).filter(is_own).collect()
}

/// What a link in `/proc/PID` points to: `cwd`, `exe`, `fd/0`.
#[track_caller]
pub fn link(pid: i32, name: &str) -> String {
    fs::read_link(format!("/proc/{pid}/{name}")).unwrap().to_string_lossy().into_owned()
}

/// Waits until the open descriptors of a process are these. What it has opened itself, as C libraries do when a
/// program begins, it closes again; what was passed on to it stays open.
#[track_caller]
pub fn expect_descriptors(pid: i32, expected: &[(i32, &str)]) {
    let mut open = Vec::new();
    let reached = within(DEADLINE, || {
        open = descriptors(pid);
        open.iter().map(|(number, path)| (*number, path.as_str())).eq(expected.iter().copied()).then_some(())
    });
    assert!(reached.is_some(), "{pid}: expected {expected:?}, it has {open:?}");
}

/// The open descriptors of a process and what they are, in order.
pub fn descriptors(pid: i32) -> Vec<(i32, String)> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let open = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let number = entry.file_name().to_str()?.parse().ok()?;
        Some((number, fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned()))
    });
    let mut open: Vec<(i32, String)> = open.collect();
    open.sort();
    open
}

/// All processes.
pub fn all() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The children of a process, zombies too.
pub fn children(pid: i32) -> Vec<i32> {
    all().into_iter().filter(|child| stat(*child).is_some_and(|stat| stat.parent == pid)).collect()
}

/// The processes that were executed with this variable in their environment, and have not ended.
pub fn with_variable(name: &str, value: &str) -> Vec<i32> {
    let marked = |pid: &i32| find(environment_now(*pid), name).as_deref() == Some(value);
    all().into_iter().filter(marked).filter(|pid| is_alive(*pid)).collect()
}

/// Sends a signal; whether there was a process to get it.
pub fn send(pid: i32, signal: Signal) -> bool {
    assert!(pid > 1, "{pid} is no process of a test");
    kill(Pid::from_raw(pid), signal).is_ok()
}
