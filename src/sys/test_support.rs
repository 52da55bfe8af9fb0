//! What the tests of several files need: children that run a piece of a test, and their ends.

use nix::unistd::{ForkResult, fork};

use super::process::{Pid, exit_now};
use super::wait::{Ending, reap};

/// Waits for the end of a child without reaping it.
pub(super) fn await_end(pid: Pid) {
    // SAFETY: all zero is a valid `siginfo_t`, which the call fills.
    let result = unsafe {
        let mut information: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(
            libc::P_PID,
            pid.get().unsigned_abs(),
            &raw mut information,
            libc::WEXITED | libc::WNOWAIT,
        )
    };
    assert_eq!(result, 0);
}

pub(super) fn end(pid: Pid) -> Ending {
    await_end(pid);
    reap(pid).unwrap().unwrap().ending
}

/// Runs this in a forked child, which ends with its answer; it has to be async-signal-safe.
pub(super) fn in_child(check: impl FnOnce() -> i32) -> Ending {
    // SAFETY: the child calls only `check`, which keeps to what is async-signal-safe, and _exit.
    let pid = match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => Pid::new(child.as_raw()).unwrap(),
        ForkResult::Child => exit_now(check()),
    };
    end(pid)
}
