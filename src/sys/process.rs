//! What a process asks or sets about itself, and how it sends signals.

use std::ffi::{CStr, CString, c_char};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};

use libc::c_int;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::stat::{Mode, umask};
use nix::sys::time::TimeVal;
use nix::unistd::{self, SysconfVar};

use super::kinship;
use super::raw::call;

/// A process id, always positive: none of the numbers that stand for many processes (kill(2)) can be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(i32);

impl Pid {
    /// The id of this number; `None` unless it is positive.
    #[must_use]
    pub const fn new(number: i32) -> Option<Self> {
        if number > 0 { Some(Self(number)) } else { None }
    }

    /// Our own.
    #[must_use]
    pub fn own() -> Self {
        Self(unistd::getpid().as_raw())
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Sends a signal to one process; with 0 as the signal, only asks whether that were possible.
///
/// Only a child that was not reaped yet is sure to be the one that is meant.
///
/// # Errors
/// `ESRCH` if there is no such process, `EPERM` if it is not ours to signal, `EINVAL` for an unknown signal.
#[inline(always)]
pub fn kill(pid: Pid, signal: i32) -> Result<(), Errno> {
    send(pid.get(), signal)
}

/// Sends a signal to every process of a group, which has the id of its leader.
///
/// # Errors
/// As [`kill`]; `EINVAL` also for the group 1, as its negative number means every process there is.
pub fn kill_group(leader: Pid, signal: i32) -> Result<(), Errno> {
    match leader.get() {
        1 => Err(Errno::EINVAL),
        number => send(-number, signal),
    }
}

/// Sends a signal to the group of a process, or to the process alone if it does not lead its group yet.
///
/// For a child of ours that is not reaped yet, so that the id is nobody else's. It may have ended already, and that is
/// no error.
pub fn signal_group(pid: Pid, signal: i32) {
    if kill_group(pid, signal).is_err() {
        signal_process(pid, signal);
    }
}

/// Sends a signal to a child of ours that is not reaped yet, as [`signal_group`].
pub fn signal_process(pid: Pid, signal: i32) {
    let _ = kill(pid, signal);
}

/// Not nix's: that one has no room for real-time signals. In line and without the C library, as [`wait`](super::wait) is:
/// what an init does again and again is to touch few pages.
#[inline(always)]
fn send(target: i32, signal: c_int) -> Result<(), Errno> {
    // SAFETY: only numbers.
    unsafe { call!(libc::SYS_kill, target, signal) }.map(drop)
}

/// Makes us the parent of every descendant that loses its own (prctl(2), `PR_SET_CHILD_SUBREAPER`).
///
/// # Errors
/// None is known.
pub fn become_subreaper() -> Result<(), Errno> {
    prctl::set_child_subreaper(true)
}

/// Has the kernel send us this signal when the thread that started us ends (prctl(2), `PR_SET_PDEATHSIG`).
///
/// # Errors
/// `EINVAL` for an unknown signal.
pub fn set_parent_death_signal(signal: i32) -> Result<(), Errno> {
    // Not nix's: that one has no room for real-time signals.
    // SAFETY: only numbers.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) }).map(drop)
}

/// Our process group; `None` if it is one of a pid namespace outside of ours.
#[must_use]
pub fn own_group() -> Option<Pid> {
    Pid::new(unistd::getpgrp().as_raw())
}

/// Whether we are the leader of our session.
#[must_use]
pub fn is_session_leader() -> bool {
    unistd::getsid(None).is_ok_and(|session| session == unistd::getpid())
}

/// Makes a child that has not executed its program yet the leader of a process group of its own. The child does the
/// same; by whoever comes first, the group is there when either goes on.
///
/// # Errors
/// `EACCES` if its program was executed by now, `ESRCH` if it is no child.
pub fn make_group_leader(child: Pid) -> Result<(), Errno> {
    // SAFETY: only numbers.
    Errno::result(unsafe { libc::setpgid(child.get(), child.get()) }).map(drop)
}

/// The parent of a process, its parent, and so on, as far as `/proc` shows them (proc_pid_stat(5)).
pub fn ancestors(pid: Pid) -> impl Iterator<Item = Pid> {
    /// No tree is as deep; and ids that are reused while it is climbed could make a circle.
    const DEEPEST: usize = 1000;
    std::iter::successors(parent(pid), |pid| parent(*pid)).take(DEEPEST)
}

/// The session of a process, which has the id of the process that began it. `None` if there is no such process.
#[must_use]
pub fn session(pid: Pid) -> Option<Pid> {
    Pid::new(unistd::getsid(Some(unistd::Pid::from_raw(pid.get()))).ok()?.as_raw())
}

/// The process group of a process, which has the id of its leader. `None` if there is no such process.
#[must_use]
pub fn group(pid: Pid) -> Option<Pid> {
    Pid::new(unistd::getpgid(Some(unistd::Pid::from_raw(pid.get()))).ok()?.as_raw())
}

/// The name of a process's program, of at most 15 bytes, as proc_pid_comm(5) has it; `None` if there is no such process.
#[must_use]
pub fn command_name(pid: Pid) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(name.strip_suffix(b"\n").unwrap_or(&name)).into_owned())
}

/// Longer than any `/proc/PID/stat`: 52 fields, of which only the name may have more than 20 characters (64).
const LONGEST_STAT: usize = 2048;

/// What `/proc/PID/stat` says of a process (proc_pid_stat(5)), for [`stat_fields`]. Takes the kernel some microseconds, and
/// never waits.
pub(super) fn stat(pid: Pid) -> io::Result<String> {
    let mut bytes = [0; LONGEST_STAT];
    let length = File::open(format!("/proc/{pid}/stat"))?.read(&mut bytes)?;
    Ok(String::from_utf8_lossy(bytes.get(..length).unwrap_or_default()).into_owned())
}

/// Its fields from the third on. The name before that, in parentheses, may hold anything, parentheses too.
pub(super) fn stat_fields(stat: &str) -> Option<impl Iterator<Item = &str>> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    Some(after_name.split(' '))
}

/// What is said of one that is not as it should be.
pub(super) fn strange_stat() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "/proc/PID/stat is not as proc_pid_stat(5) has it")
}

fn parent(pid: Pid) -> Option<Pid> {
    kinship::look(pid).ok()?.parent
}

/// Sets the name that [`command_name`] finds, of which 15 bytes are kept (prctl(2), `PR_SET_NAME`).
pub fn set_own_name(name: &CStr) {
    // None is known to fail.
    let _ = prctl::set_name(name);
}

/// Our environment as it was given to us, `NAME=VALUE` as a rule. To be called while nobody changes it.
#[must_use]
pub fn own_environment() -> Vec<CString> {
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    let mut strings = Vec::new();
    // SAFETY: an array of valid strings that ends with a null pointer, if there is one at all: environ(7). It is only
    // changed by functions that Rust calls unsafe for that very reason.
    unsafe {
        let mut next = environ;
        while !next.is_null() && !(*next).is_null() {
            strings.push(CStr::from_ptr(*next).to_owned());
            next = next.add(1);
        }
    }
    strings
}

/// Sets a variable of our own environment. To be called before there are threads.
pub fn set_variable(name: &str, value: &str) {
    // SAFETY: no other thread reads the environment meanwhile, as there is none.
    unsafe { std::env::set_var(name, value) };
}

/// Our real user id.
#[must_use]
pub fn own_uid() -> u32 {
    unistd::getuid().as_raw()
}

/// Our effective user id: the one that permissions are checked against.
#[must_use]
pub fn own_effective_uid() -> u32 {
    unistd::geteuid().as_raw()
}

/// Our real group id.
#[must_use]
pub fn own_gid() -> u32 {
    unistd::getgid().as_raw()
}

/// Sets the mask of permissions that new files do not get, and returns what it was.
pub fn set_umask(mask: u32) -> u32 {
    umask(Mode::from_bits_truncate(mask)).bits()
}

/// The mask of permissions that new files do not get. It is set and set back for that, so this is for a time when no
/// other thread makes files.
#[must_use]
pub fn own_umask() -> u32 {
    const STRICTEST: u32 = 0o777;
    let mask = set_umask(STRICTEST);
    set_umask(mask);
    mask
}

/// Ends the process at once: no destructor runs, no buffer is written, no other thread is waited for (_exit(2)).
pub fn exit_now(code: i32) -> ! {
    // SAFETY: only a number; nothing runs after it.
    unsafe { libc::_exit(code) }
}

/// Keeps the heap small: one arena for all threads, and free memory at its end goes back to the system from 128 KiB
/// on. A fork takes longer the more memory there is. Where the C library has no such settings this does nothing.
pub fn limit_malloc_arenas() {
    #[cfg(target_env = "gnu")]
    {
        const ARENAS: c_int = 1;
        const TRIM_THRESHOLD: c_int = 128 * 1024;
        // SAFETY: only numbers. A value that is refused leaves the setting as it was, which costs memory only.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, ARENAS);
            libc::mallopt(libc::M_TRIM_THRESHOLD, TRIM_THRESHOLD);
        }
    }
}

/// What this process has used up to now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnUsage {
    /// CPU time in user mode, in seconds, of all threads.
    pub user_seconds: f64,
    /// CPU time in the kernel, in seconds, of all threads.
    pub system_seconds: f64,
    /// Memory that is in RAM now, in bytes.
    pub resident_bytes: u64,
}

/// What this process has used up to now.
///
/// # Errors
/// When `/proc/self/statm` cannot be read, usually because `/proc` is not mounted.
pub fn usage() -> io::Result<OwnUsage> {
    let times = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(OwnUsage {
        user_seconds: seconds(times.user_time()),
        system_seconds: seconds(times.system_time()),
        resident_bytes: resident_set("/proc/self/statm")?,
    })
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

/// The memory of a process that is in RAM now, in bytes; 0 for one that has ended.
///
/// Only a child that was not reaped yet is sure to be the one that is meant.
///
/// # Errors
/// When `/proc` is not mounted, or does not show us this process.
pub fn resident_bytes(pid: Pid) -> io::Result<u64> {
    resident_set(&format!("/proc/{pid}/statm"))
}

/// Makes sure that `/proc` shows processes by the ids that we know them by, and our own among them.
///
/// # Errors
/// When it is not mounted, or is that of another PID namespace (pid_namespaces(7)).
pub fn check_proc() -> io::Result<()> {
    // Who opens it is shown as the namespace of that /proc has it.
    let shown = fs::read_link("/proc/self")?;
    if shown.as_os_str() != Pid::own().to_string().as_str() {
        let why = "/proc belongs to another PID namespace";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    resident_bytes(Pid::own()).map(drop)
}

fn resident_set(statm: &str) -> io::Result<u64> {
    let statm = fs::read_to_string(statm)?;
    // The second field is the resident set in pages: proc_pid_statm(5).
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let page = unistd::sysconf(SysconfVar::PAGE_SIZE)?.and_then(|size| u64::try_from(size).ok());
    match (pages, page) {
        (Some(pages), Some(page)) => Ok(pages.saturating_mul(page)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "no resident size in /proc/PID/statm")),
    }
}

const OOM_SCORE_ADJ: &str = "/proc/self/oom_score_adj";

/// What is added to our badness when memory runs out: proc_pid_oom_score_adj(5).
///
/// # Errors
/// No /proc, above all.
pub fn oom_score_adj() -> io::Result<i32> {
    fs::read_to_string(OOM_SCORE_ADJ)?.trim().parse().map_err(io::Error::other)
}

/// Sets it, -1000 to 1000. To lower it takes `CAP_SYS_RESOURCE`.
///
/// # Errors
/// `EACCES` without that capability; no /proc.
pub fn set_oom_score_adj(adjust: i32) -> io::Result<()> {
    fs::write(OOM_SCORE_ADJ, adjust.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::test_support::in_child;
    use super::super::wait::Ending;
    use super::*;

    #[test]
    fn the_environment_is_whole() {
        let mut shown: Vec<String> =
            std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
        let mut ours: Vec<String> =
            own_environment().iter().map(|text| text.to_str().unwrap().to_string()).collect();
        shown.sort();
        ours.sort();
        assert!(!ours.is_empty() && ours == shown);
    }

    #[test]
    fn ancestors_lead_to_the_first_process() {
        let ours: Vec<Pid> = ancestors(Pid::own()).collect();
        assert_eq!(
            ours.first().map(|pid| pid.get()),
            Some(std::os::unix::process::parent_id().cast_signed())
        );
        assert_eq!(ours.last().and_then(|pid| parent(*pid)), None);
    }

    #[test]
    fn a_process_has_the_name_of_its_program() {
        let shown = fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(command_name(Pid::own()).as_deref(), Some(shown.trim_end_matches('\n')));
        assert_eq!(command_name(Pid(i32::MAX)), None);
    }

    #[test]
    fn a_session_is_known_by_its_first_process() {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let (_, after_name) = stat.rsplit_once(") ").unwrap();
        // 0 in a container whose first process came from outside.
        let ours = after_name.split(' ').nth(3).unwrap().parse().unwrap();
        assert_eq!(session(Pid::own()), Pid::new(ours));
        let ended = in_child(|| {
            // SAFETY: no arguments.
            let begun = unsafe { libc::setsid() };
            i32::from(session(Pid::own()) != Pid::new(begun))
        });
        assert_eq!(ended, Ending::Exited(0));
        assert_eq!(session(Pid(i32::MAX)), None);
    }

    #[test]
    fn usage_is_that_of_proc() {
        let usage = usage().unwrap();
        // More than a page, less than a machine.
        assert!(usage.resident_bytes > 4096 && usage.resident_bytes < 1 << 40);
        assert!(resident_bytes(Pid::own()).unwrap() > 4096);
        assert_eq!(check_proc().map_err(|error| error.to_string()), Ok(()));
        assert!(usage.user_seconds + usage.system_seconds > 0.0);
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let of = |name| {
            let line: &str = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u32>().unwrap()
        };
        assert_eq!((own_uid(), own_gid()), (of("Uid:"), of("Gid:")));
        assert_eq!(Pid::own().get().unsigned_abs(), of("Pid:"));
    }

    #[test]
    fn asking_for_the_umask_leaves_it() {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("Umask:")).unwrap();
        let mask = u32::from_str_radix(line.trim(), 8).unwrap();
        assert_eq!((own_umask(), own_umask()), (mask, mask));
    }
}
