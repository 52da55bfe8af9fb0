//! Killing all of a cgroup where the kernel has no `cgroup.kill`.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use libc::{c_int, c_uint};
use nix::errno::Errno;

use super::super::process::Pid;
use super::directories;

/// How often it is looked at again for processes that were forked meanwhile.
const PASSES: u32 = 16;

/// Sends SIGKILL to each process in a cgroup and below it, until no new one is seen.
pub(super) fn one_by_one(path: &Path) {
    let mut killed = BTreeSet::new();
    for _ in 0..PASSES {
        let before = killed.len();
        tree(path, &mut killed);
        if killed.len() == before {
            return;
        }
    }
}

fn tree(path: &Path, killed: &mut BTreeSet<Pid>) {
    let first = members(path);
    let opened: Vec<(Pid, OwnedFd)> =
        first.into_iter().filter_map(|pid| Some((pid, open(pid).ok()?))).collect();
    // What is still a member after it was opened was one when it was: a pid that was reused is never signalled.
    let still = members(path);
    for (pid, descriptor) in opened.iter().filter(|(pid, _)| still.contains(pid)) {
        // It may have ended, which is what is wanted.
        let _ = send_kill(descriptor);
        killed.insert(*pid);
    }
    for below in directories(path) {
        tree(&below, killed);
    }
}

/// Those of another pid namespace are shown as 0, and left out.
fn members(path: &Path) -> BTreeSet<Pid> {
    let text = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| Pid::new(line.parse().ok()?)).collect()
}

/// A descriptor of a process: pidfd_open(2), Linux 5.3.
fn open(pid: Pid) -> Result<OwnedFd, Errno> {
    const NO_FLAGS: c_uint = 0;
    // SAFETY: only numbers.
    let opened = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.get(), NO_FLAGS) })?;
    let descriptor = c_int::try_from(opened).map_err(|_| Errno::EBADF)?;
    // SAFETY: the call has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn send_kill(process: &OwnedFd) -> Result<(), Errno> {
    const NO_FLAGS: c_uint = 0;
    let nothing: *const libc::siginfo_t = std::ptr::null();
    // SAFETY: numbers, and a null pointer where the call takes one.
    let result = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), libc::SIGKILL, nothing, NO_FLAGS)
    };
    Errno::result(result).map(drop)
}
