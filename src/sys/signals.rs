//! Signals: blocked in every thread, received from a descriptor, and known by name. No handler is ever installed, but
//! for that of [`crash`](super::crash).

use std::os::fd::{AsFd, BorrowedFd};
use std::ptr;
use std::str::FromStr;

use libc::c_int;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::mask::SET_SIZE;
use super::process::Pid;
use super::raw::call;

/// The highest signal number on Linux (`_NSIG`), save for one architecture that Rust has no tier for.
const LAST: c_int = 64;

/// Blocks every signal in the calling thread, but for those that the processor or abort(3) raises: a fault while its
/// signal is blocked kills without a trace.
///
/// SIGCHLD gets its default disposition first: where it was ignored when we were executed, the kernel would reap our
/// children itself, and nobody would learn of their ends (sigaction(2), `SA_NOCLDWAIT`).
///
/// Threads inherit the mask. So this comes first, before any thread is started, above all before a zmq context is
/// made: a signal that some thread does not block is delivered there, and never reaches the descriptor (signalfd(2)).
///
/// # Errors
/// None is known.
pub fn block_all() -> Result<(), Errno> {
    reset_disposition(libc::SIGCHLD)?;
    blockable().thread_set_mask()
}

fn blockable() -> SigSet {
    let mut signals = SigSet::all();
    for fault in
        [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGABRT, Signal::SIGTRAP]
    {
        signals.remove(fault);
    }
    signals
}

/// A signal's disposition as rt_sigaction(2) takes it. Which members it has, and in which order, depends on the
/// architecture; this is larger than any of them. All zero is everywhere `SIG_DFL`, no flags and an empty mask.
type Disposition = [u64; 8];
static DEFAULT: Disposition = [0; 8];

/// The signals, 1 to 64, whose disposition is not the default: at least that of SIGPIPE, which is ignored from the
/// beginning.
pub(super) fn changed_dispositions() -> Vec<c_int> {
    let is_changed = |signal: &c_int| {
        let mut disposition = DEFAULT;
        sigaction(*signal, ptr::null(), &raw mut disposition).is_ok() && disposition != DEFAULT
    };
    (1..=LAST).filter(is_changed).collect()
}

/// Gives a signal its default disposition. Async-signal-safe.
pub(super) fn reset_disposition(signal: c_int) -> Result<(), Errno> {
    sigaction(signal, &raw const DEFAULT, ptr::null_mut())
}

/// The system call rather than the function: C libraries refuse the two or three real-time signals that they keep for
/// themselves, and yet those may be ignored, and then stay so over an exec.
fn sigaction(signal: c_int, new: *const Disposition, old: *mut Disposition) -> Result<(), Errno> {
    // SAFETY: both pointers are null or point to more memory than the kernel's structure takes on any architecture.
    // A new disposition is always the default, so that no handler is named.
    unsafe { call!(libc::SYS_rt_sigaction, signal, new, old, SET_SIZE) }.map(drop)
}

/// A signal that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its number.
    pub signal: i32,
    /// Who sent it; `None` if that was the kernel, or a process outside our pid namespace. For SIGCHLD, the child.
    pub pid: Option<Pid>,
    /// The real user id of who sent it, if `pid` is there.
    pub uid: u32,
}

/// The descriptor over which blocked signals are received; see signalfd(2).
///
/// One that arrives more than once before it is received, is received once: SIGCHLD is a hint that some children
/// ended. After a fork it is of no use to the child.
#[derive(Debug)]
pub struct SignalDescriptor(SignalFd);

impl SignalDescriptor {
    /// Opens it for all that [`block_all`] blocks. Non-blocking, close-on-exec.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> Result<Self, Errno> {
        SignalFd::with_flags(&blockable(), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).map(Self)
    }

    /// The next signal; `None` when there is no more at present.
    ///
    /// # Errors
    /// None is known for a descriptor that is open.
    pub fn receive(&self) -> Result<Option<Received>, Errno> {
        let Some(information) = self.0.read_signal()? else { return Ok(None) };
        // Both fit: a signal is at most 64, a pid at most 2^22.
        let signal = i32::try_from(information.ssi_signo).unwrap_or(0);
        let pid = i32::try_from(information.ssi_pid).ok().and_then(Pid::new);
        Ok(Some(Received { signal, pid, uid: information.ssi_uid }))
    }
}

impl AsFd for SignalDescriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The number of the first real-time signal, as the C library counts them: it keeps some for itself (nptl(7)).
#[must_use]
pub fn first_real_time() -> i32 {
    libc::SIGRTMIN()
}

/// The number of a signal: `TERM`, `SIGTERM`, `15`, `RTMIN+3`, `RTMAX-1`, in any case. `None` if there is none such.
#[must_use]
pub fn signal_number(text: &str) -> Option<i32> {
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let number = if name.starts_with(|first: char| first.is_ascii_digit()) {
        name.parse().ok()?
    } else if let Some(offset) = name.strip_prefix("RTMIN") {
        libc::SIGRTMIN().checked_add(real_time_offset(offset, '+')?)?
    } else if let Some(offset) = name.strip_prefix("RTMAX") {
        libc::SIGRTMAX().checked_sub(real_time_offset(offset, '-')?)?
    } else {
        return Signal::from_str(&format!("SIG{name}")).ok().map(|signal| signal as i32);
    };
    let real_time = name.starts_with("RT");
    let lowest = if real_time { libc::SIGRTMIN() } else { 1 };
    (lowest..=libc::SIGRTMAX()).contains(&number).then_some(number)
}

/// The number after the sign; 0 if there is nothing at all.
fn real_time_offset(text: &str, sign: char) -> Option<i32> {
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.strip_prefix(sign)?;
    if digits.starts_with(|first: char| first.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// The name of a signal without `SIG`: `TERM`, `RTMIN+3`; the number where there is no name.
#[must_use]
pub fn signal_name(signal: i32) -> String {
    if let Ok(standard) = Signal::try_from(signal) {
        let name = standard.as_str();
        return name.strip_prefix("SIG").unwrap_or(name).to_owned();
    }
    match signal.checked_sub(libc::SIGRTMIN()) {
        Some(0) => "RTMIN".to_owned(),
        Some(offset @ 1..) if signal <= libc::SIGRTMAX() => format!("RTMIN+{offset}"),
        _ => signal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        for signal in (1..=31).chain(libc::SIGRTMIN()..=libc::SIGRTMAX()) {
            assert_eq!(signal_number(&signal_name(signal)), Some(signal));
            assert_eq!(signal_number(&signal.to_string()), Some(signal));
        }
        assert_eq!(signal_name(15), "TERM");
        assert_eq!(signal_name(99), "99");
        assert_eq!(signal_name(i32::MIN), i32::MIN.to_string());
    }

    #[test]
    fn names_are_read_as_people_write_them() {
        for text in ["TERM", "term", "SIGTERM", "sigterm", "15"] {
            assert_eq!(signal_number(text), Some(15), "{text}");
        }
        assert_eq!(signal_number("RTMIN"), Some(libc::SIGRTMIN()));
        assert_eq!(signal_number("SIGRTMIN+3"), Some(libc::SIGRTMIN() + 3));
        assert_eq!(signal_number("RTMAX-1"), Some(libc::SIGRTMAX() - 1));
        for text in [
            "",
            "SIG",
            "0",
            "-1",
            "65",
            "4294967297",
            "RTMIN-1",
            "RTMIN+99",
            "RTMAX-99",
            "RTMIN+-1",
            "RTMIN+ 1",
            "X",
        ] {
            assert_eq!(signal_number(text), None, "{text}");
        }
    }

    #[test]
    fn a_blocked_signal_is_received_with_its_sender() {
        // A thread of its own, and a signal to that thread alone: the other tests' threads do not block it.
        let received = std::thread::spawn(|| {
            block_all().unwrap();
            let descriptor = SignalDescriptor::new().unwrap();
            assert_eq!(descriptor.receive().unwrap(), None);
            // SAFETY: raises a signal that this thread blocks.
            unsafe { libc::raise(libc::SIGRTMIN() + 1) };
            (descriptor.receive().unwrap(), descriptor.receive().unwrap())
        })
        .join()
        .unwrap();
        let ours = Received {
            signal: libc::SIGRTMIN() + 1,
            pid: Some(Pid::own()),
            uid: super::super::process::own_uid(),
        };
        assert_eq!(received, (Some(ours), None));
    }

    #[test]
    fn faults_are_not_blocked() {
        let signals = blockable();
        assert!(signals.contains(Signal::SIGTERM) && signals.contains(Signal::SIGCHLD));
        assert!(!signals.contains(Signal::SIGSEGV) && !signals.contains(Signal::SIGABRT));
    }

    #[test]
    fn the_runtime_ignores_sigpipe_and_that_is_seen() {
        let changed = changed_dispositions();
        assert!(changed.contains(&libc::SIGPIPE));
        assert!(!changed.contains(&libc::SIGTERM));
    }
}
