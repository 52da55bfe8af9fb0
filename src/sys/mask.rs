//! Sets of signals as the kernel has them, with the two or three real-time ones that C libraries keep for themselves
//! and leave out of whatever they are given (sigprocmask(3), nptl(7)).

use libc::c_int;
use nix::errno::Errno;

use super::raw::call;

/// The size of the kernel's set in bytes: 128 signals on MIPS, 64 everywhere else.
pub(super) const SET_SIZE: usize =
    if cfg!(any(target_arch = "mips", target_arch = "mips64")) { 16 } else { 8 };

const BITS: usize = usize::BITS as usize;
const WORDS: usize = 128 / BITS;

/// A set of signals. The kernel's words are as long as a pointer, the lowest signals first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mask([usize; WORDS]);

impl Mask {
    /// No signal.
    pub(super) const EMPTY: Self = Self([0; WORDS]);
    /// Every signal. SIGKILL and SIGSTOP cannot be blocked, and saying so is no error.
    pub(super) const ALL: Self = Self([usize::MAX; WORDS]);

    /// What the calling thread blocks from now on. Async-signal-safe.
    pub(super) fn set(self) -> Result<(), Errno> {
        self.swap().map(drop)
    }

    /// As [`Mask::set`]; what it blocked until now is returned.
    pub(super) fn swap(self) -> Result<Self, Errno> {
        let mut before = Self::EMPTY;
        let (new, old) = (&raw const self.0, &raw mut before.0);
        // SAFETY: both point to at least as much memory as the size says, for the length of the call.
        unsafe { call!(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, new, old, SET_SIZE) }.map(|_| before)
    }

    /// The signals that wait to be received by the calling thread.
    pub(super) fn pending() -> Result<Self, Errno> {
        let mut pending = Self::EMPTY;
        // SAFETY: it points to at least as much memory as the size says, for the length of the call.
        unsafe { call!(libc::SYS_rt_sigpending, &raw mut pending.0, SET_SIZE) }.map(|_| pending)
    }

    /// The same without one signal.
    pub(super) fn without(mut self, signal: c_int) -> Self {
        if let Some((word, bit)) = self.place(signal) {
            *word &= !bit;
        }
        self
    }

    /// Whether a signal is among them.
    pub(super) fn contains(mut self, signal: c_int) -> bool {
        self.place(signal).is_some_and(|(word, bit)| *word & bit != 0)
    }

    /// The word and the bit in it that stand for a signal.
    fn place(&mut self, signal: c_int) -> Option<(&mut usize, usize)> {
        let index = usize::try_from(signal).ok()?.checked_sub(1)?;
        Some((self.0.get_mut(index / BITS)?, 1 << (index % BITS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_what_the_kernel_has() {
        let mask = std::thread::spawn(|| {
            Mask::ALL.without(12).set().unwrap();
            Mask::EMPTY.swap().unwrap()
        });
        let mask = mask.join().unwrap();
        assert!(mask.contains(1) && !mask.contains(12) && mask.contains(33) && mask.contains(64));
        assert!(!mask.contains(libc::SIGKILL), "{mask:?}");
        assert!(!mask.contains(0) && !mask.contains(1000) && !mask.contains(-1));
    }

    #[test]
    fn what_is_pending_is_seen() {
        let pending = std::thread::spawn(|| {
            Mask::ALL.set().unwrap();
            // SAFETY: raises a signal that this thread blocks.
            unsafe { libc::raise(libc::SIGRTMAX()) };
            Mask::pending().unwrap()
        });
        let pending = pending.join().unwrap();
        assert!(pending.contains(libc::SIGRTMAX()) && !pending.contains(libc::SIGTERM), "{pending:?}");
    }
}
