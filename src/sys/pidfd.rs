//! Signals to processes that are below us but not our children, whose pid may be somebody else's at any moment.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::c_int;
use nix::errno::Errno;

use super::kinship::{self, Seen};
use super::process;

/// Sends signals to a process that is below us, in this order.
///
/// `seen` is how it was seen, and `parent` its parent, of which it is known to be below us. The process is held by a
/// descriptor (pidfd_open(2)) before it is seen that it is still the same, so that the signals can reach nobody else.
///
/// Where a kernel does not have that call, or a filter of system calls refuses it, the old way is taken: it is looked
/// at, and signalled by its id at once. Only if it ended and its id went round to somebody else within those
/// microseconds would that one be hit.
///
/// # Errors
/// `ESRCH` if it is not that process any more, or not that one's child; `EPERM` if it is not ours to signal.
pub fn signal_below(seen: Seen, parent: Seen, signals: &[c_int]) -> Result<(), Errno> {
    let held = match open(seen) {
        Ok(held) => Some(held),
        Err(Errno::ESRCH) => return Err(Errno::ESRCH),
        // Not there, refused, or no descriptor left.
        Err(_) => None,
    };
    let now = kinship::look(seen.pid).map_err(|_| Errno::ESRCH)?;
    // Its parent was itself before and is so after it was its parent.
    let parent_now = kinship::look(parent.pid).map_err(|_| Errno::ESRCH)?;
    if !now.is_same(seen) || now.parent != Some(parent.pid) || !parent_now.is_same(parent) {
        return Err(Errno::ESRCH);
    }
    signals.iter().try_for_each(|signal| match &held {
        Some(held) => send(held, *signal),
        None => process::kill(seen.pid, *signal),
    })
}

fn open(seen: Seen) -> Result<OwnedFd, Errno> {
    // SAFETY: only numbers; what it returns is a descriptor that nobody else has.
    unsafe {
        let result = libc::syscall(libc::SYS_pidfd_open, seen.pid.get(), 0);
        let number = Errno::result(result)?;
        Ok(OwnedFd::from_raw_fd(c_int::try_from(number).map_err(|_| Errno::EBADF)?))
    }
}

fn send(held: &OwnedFd, signal: c_int) -> Result<(), Errno> {
    let nothing = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a descriptor that is open, numbers, and a null pointer for information that the kernel then makes itself.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, held.as_raw_fd(), signal, nothing, 0) };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::process::Pid;
    use super::super::test_support::end;
    use super::super::wait::Ending;
    use super::*;
    use nix::unistd::{ForkResult, fork};

    #[test]
    fn only_the_process_that_was_seen_is_signalled() {
        // SAFETY: the child only waits for its end.
        let child = match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => Pid::new(child.as_raw()).unwrap(),
            ForkResult::Child => loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            },
        };
        let (seen, own) = (kinship::look(child).unwrap(), kinship::look(Pid::own()).unwrap());
        let another = Seen { began: seen.began + 1, ..seen };
        assert_eq!(signal_below(another, own, &[libc::SIGKILL]), Err(Errno::ESRCH));
        let another = Seen { began: own.began + 1, ..own };
        assert_eq!(signal_below(seen, another, &[libc::SIGKILL]), Err(Errno::ESRCH));
        assert_eq!(signal_below(seen, seen, &[libc::SIGKILL]), Err(Errno::ESRCH));
        assert_eq!(signal_below(seen, own, &[libc::SIGSTOP, libc::SIGTERM, libc::SIGCONT]), Ok(()));
        assert_eq!(end(child), Ending::Killed { signal: libc::SIGTERM, core_dumped: false });
        assert_eq!(signal_below(seen, own, &[libc::SIGKILL]), Err(Errno::ESRCH));
    }
}
