//! Children that ended: first seen, then reaped.
//!
//! Until a child is reaped nobody else can have its pid. So who wants to do something with the pid or the group of a
//! process that ended sees it first, acts, and then reaps. Only with the reaping comes what the child has used.

use std::time::Duration;

use libc::{c_int, id_t, idtype_t};
use nix::errno::Errno;

use super::process::Pid;
use super::raw::call;

/// A child that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub pid: Pid,
    /// How.
    pub ending: Ending,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// By itself, with this code, 0 to 255.
    Exited(i32),
    /// By a signal, which may be a real-time one.
    Killed {
        /// Its number.
        signal: i32,
        /// Whether a core was dumped.
        core_dumped: bool,
    },
}

/// What became of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It ended, and is reaped.
    Ended(Ending),
    /// It was stopped by this signal.
    Stopped(i32),
}

/// Some child that ended or was stopped, each time told once. `None` if there is none at present.
///
/// # Errors
/// None is known; that there are no children at all is no error.
pub fn next_change() -> Result<Option<(Pid, Change)>, Errno> {
    let information = information(libc::P_ALL, 0, libc::WSTOPPED)?;
    Ok(information.and_then(|information| match information.si_code {
        // SAFETY: as in `ended`.
        libc::CLD_STOPPED | libc::CLD_TRAPPED => unsafe {
            Some((Pid::new(information.si_pid())?, Change::Stopped(information.si_status())))
        },
        _ => ended(&information).map(|ended| (ended.pid, Change::Ended(ended.ending))),
    }))
}

/// Some child that ended and is not reaped yet; the same one again until it is. `None` if there is none.
///
/// # Errors
/// None is known; that there are no children at all is no error.
pub fn peek_any() -> Result<Option<Ended>, Errno> {
    wait(libc::P_ALL, 0, libc::WNOWAIT)
}

/// How this child ended, without reaping it. `None` if it runs, or is no child of ours that could be reaped.
///
/// # Errors
/// None is known.
pub fn peek(pid: Pid) -> Result<Option<Ended>, Errno> {
    wait(libc::P_PID, pid.get().unsigned_abs(), libc::WNOWAIT)
}

/// Whether this is a child of ours, ended or not, that was not reaped yet: one that can be signalled by its pid.
#[must_use]
pub fn is_child(pid: Pid) -> bool {
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    look(libc::P_PID, pid.get().unsigned_abs(), flags).is_ok()
}

/// Whether we have any child, ended or not, that was not reaped yet.
#[must_use]
pub fn have_children() -> bool {
    look(libc::P_ALL, 0, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT).is_ok()
}

/// A child that was reaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reaped {
    /// How it ended.
    pub ending: Ending,
    /// What it has used.
    pub usage: Usage,
}

/// What a process has used in its life, and those of its descendants that were waited for: getrusage(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// CPU time in user mode.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// The most memory that was in RAM at a time, in bytes. It counts from the fork on: what the process had as a copy
    /// of ours, before its exec, is the least that it can be.
    pub max_resident: u64,
}

/// How this child ended and what it has used; its pid is free for others from now on. `None` as for [`peek`].
///
/// # Errors
/// None is known.
pub fn reap(pid: Pid) -> Result<Option<Reaped>, Errno> {
    loop {
        // Not waitid(2), whose usage only the bare system call has, in the kernel's own layout: where that has shorter
        // times than the C library's, wait4 translates.
        // SAFETY: all zero is a valid `rusage`; the call fills both, which live until it returns.
        let (result, status, usage) = unsafe {
            let mut status: c_int = 0;
            let mut usage: libc::rusage = std::mem::zeroed();
            (libc::wait4(pid.get(), &raw mut status, libc::WNOHANG, &raw mut usage), status, usage)
        };
        match Errno::result(result) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(Reaped { ending: ending(status), usage: used(&usage) })),
            Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(None),
            Err(errno) => return Err(errno),
        }
    }
}

fn ending(status: c_int) -> Ending {
    if libc::WIFEXITED(status) {
        return Ending::Exited(libc::WEXITSTATUS(status));
    }
    Ending::Killed { signal: libc::WTERMSIG(status), core_dumped: libc::WCOREDUMP(status) }
}

fn used(usage: &libc::rusage) -> Usage {
    const MICROS: u64 = 1_000_000;
    const KIB: u64 = 1024;
    #[allow(clippy::unnecessary_fallible_conversions, reason = "the types depend on the architecture")]
    let time = |time: libc::timeval| {
        let (seconds, micros) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_usec));
        Duration::from_micros(seconds.unwrap_or(0).saturating_mul(MICROS).saturating_add(micros.unwrap_or(0)))
    };
    let max_resident = u64::try_from(usage.ru_maxrss).unwrap_or(0).saturating_mul(KIB);
    Usage { user: time(usage.ru_utime), system: time(usage.ru_stime), max_resident }
}

fn wait(kind: idtype_t, id: id_t, flags: c_int) -> Result<Option<Ended>, Errno> {
    Ok(information(kind, id, flags)?.and_then(|information| ended(&information)))
}

#[inline(always)]
fn information(kind: idtype_t, id: id_t, flags: c_int) -> Result<Option<libc::siginfo_t>, Errno> {
    match look(kind, id, libc::WEXITED | libc::WNOHANG | flags) {
        Ok(information) => Ok(Some(information)),
        Err(Errno::ECHILD) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// waitid(2), which with these flags does not wait. Not nix's: that one has no room for real-time signals, and answers
/// `EINVAL`. `ECHILD` if there is no such child. In line and without the C library: what an init does again and again is
/// to touch few pages.
#[inline(always)]
fn look(kind: idtype_t, id: id_t, flags: c_int) -> Result<libc::siginfo_t, Errno> {
    loop {
        // SAFETY: all zero is a valid `siginfo_t`, which the call fills.
        let (result, information) = unsafe {
            let mut information: libc::siginfo_t = std::mem::zeroed();
            (call!(libc::SYS_waitid, kind, id, &raw mut information, flags), information)
        };
        match result {
            Ok(_) => return Ok(information),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn ended(information: &libc::siginfo_t) -> Option<Ended> {
    // SAFETY: after waitid the fields of SIGCHLD are there. If nobody ended they are the zeros they were before.
    let (pid, status) = unsafe { (information.si_pid(), information.si_status()) };
    let ending = match information.si_code {
        libc::CLD_EXITED => Ending::Exited(status),
        code => Ending::Killed { signal: status, core_dumped: code == libc::CLD_DUMPED },
    };
    Some(Ended { pid: Pid::new(pid)?, ending })
}
