//! Every signal there is, for a process of one thread whose business they are: all are blocked, so that none is lost
//! or acts by itself, and are received one by one. No descriptor and no handler is needed for it.

use std::mem;
use std::ptr;
use std::time::Duration;

use libc::{c_int, siginfo_t, sigset_t, timespec};
use nix::errno::Errno;

use super::mask::{Mask, SET_SIZE};
use super::process::{self, Pid};
use super::raw::{self, call};
use super::signals::{Received, reset_disposition};

/// Blocks every signal, faults and real-time ones too; also those that C libraries keep for themselves.
///
/// What is blocked is never discarded, whatever its disposition is and whoever we are: it waits until it is received.
/// A real fault still ends the process, as the kernel unblocks the signal for that. SIGCHLD gets its default
/// disposition, for the reason that [`signals::block_all`](super::signals::block_all) has.
///
/// # Errors
/// None is known.
pub fn block_everything() -> Result<(), Errno> {
    reset_disposition(libc::SIGCHLD)?;
    Mask::ALL.set()
}

/// The next signal; waits for it, as long as this. `None` when that time is over, or sooner, when the process was
/// stopped and continued meanwhile.
///
/// Of a standard signal that arrives again before it is received, one is left; of the others each is received
/// (signal(7)).
///
/// # Errors
/// None is known.
pub fn next(within: Option<Duration>) -> Result<Option<Received>, Errno> {
    let time = within.map(to_timespec);
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: all bits of a set are signals, or mean nothing; zeros are a valid `siginfo_t`. The set that is not made by
    // sigfillset(3) has the C library's own signals too.
    let (signal, information) = unsafe {
        let mut every: sigset_t = mem::zeroed();
        ptr::write_bytes((&raw mut every).cast::<u8>(), u8::MAX, mem::size_of::<sigset_t>());
        let mut information: siginfo_t = mem::zeroed();
        (receive(&raw const every, &raw mut information, time), information)
    };
    match signal {
        Ok(signal) => {
            let sender = sender(&information);
            let (pid, uid) = sender.map_or((None, 0), |(pid, uid)| (Some(pid), uid));
            Ok(Some(Received { signal, pid, uid }))
        }
        Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// sigtimedwait(2); in line, and without the C library where the kernel has the same layout of times as that: what an
/// init does again and again is to touch few pages.
///
/// # Safety
/// As the function has it.
#[inline(always)]
unsafe fn receive(
    set: *const sigset_t,
    information: *mut siginfo_t,
    time: *const timespec,
) -> Result<c_int, Errno> {
    if !raw::IS_DIRECT {
        // SAFETY: the caller's affair.
        return Errno::result(unsafe { libc::sigtimedwait(set, information, time) });
    }
    // SAFETY: the caller's affair; a set of the C library is no smaller than the kernel's.
    let signal = unsafe { call!(libc::SYS_rt_sigtimedwait, set, information, time, SET_SIZE) }?;
    Ok(c_int::try_from(signal).unwrap_or(c_int::MAX))
}

/// A signal that another process sent has its id and user; one from the kernel has not (sigaction(2), `si_code`).
fn sender(information: &siginfo_t) -> Option<(Pid, u32)> {
    match information.si_code {
        libc::SI_USER | libc::SI_QUEUE | libc::SI_TKILL => {
            // SAFETY: signals that are sent with kill, sigqueue or tgkill have these fields.
            let (pid, uid) = unsafe { (information.si_pid(), information.si_uid()) };
            Some((Pid::new(pid)?, uid))
        }
        _ => None,
    }
}

fn to_timespec(duration: Duration) -> timespec {
    // SAFETY: zeros are a valid `timespec`; some platforms have padding in it that cannot be named.
    let mut time: timespec = unsafe { mem::zeroed() };
    // A year is as good as for ever to those who wait, and fits everywhere.
    const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
    let duration = duration.min(LONGEST);
    time.tv_sec = libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX);
    time.tv_nsec = duration.subsec_nanos() as libc::c_long;
    time
}

/// Whether a signal is there to be received.
#[must_use]
pub fn is_waiting(signal: c_int) -> bool {
    Mask::pending().is_ok_and(|pending| pending.contains(signal))
}

/// Receives a signal that is waiting, out of its turn, and forgets it.
pub fn discard(signal: c_int) {
    // SAFETY: zeros are a valid set, which both calls use for their length; nothing is told about the signal.
    unsafe {
        let mut only: sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut only);
        libc::sigaddset(&raw mut only, signal);
        let no_time = to_timespec(Duration::ZERO);
        libc::sigtimedwait(&raw const only, ptr::null_mut(), &raw const no_time);
    }
}

/// What came of [`stop`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// We were stopped and have been continued, or somebody had us continue at the same moment: in any case SIGCONT is
    /// there to be received.
    Continued,
    /// We cannot be stopped by this signal: we are the first process of a pid namespace, or nobody is there who could
    /// continue us, as our process group is orphaned (setpgid(2)).
    Refused,
}

/// Stops this process as the signal does by default: SIGTSTP, SIGTTIN or SIGTTOU. Returns when it goes on.
///
/// # Errors
/// None is known.
pub fn stop(signal: c_int) -> Result<Stopped, Errno> {
    reset_disposition(signal)?;
    // A stop signal discards SIGCONT where that waits (signal(7)): who has us go on already would do so in vain. In the
    // moment between these two calls it still would.
    if is_waiting(libc::SIGCONT) {
        return Ok(Stopped::Continued);
    }
    process::kill(Pid::own(), signal)?;
    // It acts while the first of these calls returns.
    Mask::ALL.without(signal).set()?;
    Mask::ALL.set()?;
    Ok(if is_waiting(libc::SIGCONT) { Stopped::Continued } else { Stopped::Refused })
}

#[cfg(test)]
mod tests {
    use super::super::test_support::in_child;
    use super::super::wait::Ending;
    use super::*;

    #[test]
    fn every_signal_is_received_with_its_sender() {
        let ended = in_child(|| {
            let forwardable = |signal: &c_int| !matches!(*signal, libc::SIGKILL | libc::SIGSTOP);
            let stops = |signal: &c_int| {
                matches!(*signal, libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU | libc::SIGCONT)
            };
            if block_everything().is_err() {
                return 1;
            }
            // A stop signal and SIGCONT undo each other while they wait.
            for signal in (1..=64).filter(forwardable).filter(|signal| !stops(signal)) {
                // The system call, as C libraries may refuse their own.
                // SAFETY: raises a signal that is blocked.
                unsafe { libc::syscall(libc::SYS_kill, libc::getpid(), signal) };
                let received =
                    Received { signal, pid: Some(Pid::own()), uid: super::super::process::own_uid() };
                if next(Some(Duration::ZERO)) != Ok(Some(received)) {
                    return signal;
                }
            }
            if next(Some(Duration::from_millis(1))) == Ok(None) { 0 } else { 2 }
        });
        assert_eq!(ended, Ending::Exited(0));
    }

    #[test]
    fn nobody_stops_who_could_not_be_continued() {
        let ended = in_child(|| {
            // SAFETY: no arguments. Alone in its session, its process group is an orphaned one.
            unsafe { libc::setsid() };
            let done = block_everything().and_then(|()| stop(libc::SIGTSTP));
            i32::from(done != Ok(Stopped::Refused))
        });
        assert_eq!(ended, Ending::Exited(0));
    }

    #[test]
    fn long_times_are_cut_and_short_ones_kept() {
        assert_eq!(to_timespec(Duration::MAX).tv_sec, 365 * 24 * 3600);
        let time = to_timespec(Duration::from_millis(1500));
        assert_eq!((time.tv_sec, time.tv_nsec), (1, 500_000_000));
    }
}
