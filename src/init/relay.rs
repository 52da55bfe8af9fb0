//! From a signal that arrived to the one that is sent on.

use libc::c_int;

/// One more than the highest signal that there is on any architecture of Linux.
const SIGNALS: usize = 129;

/// What each signal becomes on its way: itself, unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewrites([Option<Rewrite>; SIGNALS]);

/// What becomes of a signal that does not stay what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// It is another one.
    To(c_int),
    /// It is not sent on.
    Drop,
}

impl Default for Rewrites {
    fn default() -> Self {
        Self([None; SIGNALS])
    }
}

/// Why a signal cannot be rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unforwardable {
    /// SIGKILL and SIGSTOP act at once; nobody sees them arrive.
    NeverSeen,
    /// SIGCHLD is about our own children.
    Own,
    /// There is no such signal.
    Unknown,
}

/// Whether a signal is one that is sent on when it arrives.
///
/// # Errors
/// Why it is not.
pub fn forwardable(signal: c_int) -> Result<(), Unforwardable> {
    match signal {
        libc::SIGKILL | libc::SIGSTOP => Err(Unforwardable::NeverSeen),
        libc::SIGCHLD => Err(Unforwardable::Own),
        _ if signal < 1 || signal > libc::SIGRTMAX() => Err(Unforwardable::Unknown),
        _ => Ok(()),
    }
}

impl Rewrites {
    /// Has a signal that arrives become something else; the last word on it counts.
    ///
    /// # Errors
    /// When it is none that is sent on.
    pub fn set(&mut self, from: c_int, rewrite: Rewrite) -> Result<(), Unforwardable> {
        forwardable(from)?;
        let place = usize::try_from(from).ok().and_then(|index| self.0.get_mut(index));
        *place.ok_or(Unforwardable::Unknown)? = Some(rewrite);
        Ok(())
    }

    /// What is sent on; `None` if nothing is.
    #[must_use]
    pub fn apply(&self, signal: c_int) -> Option<c_int> {
        let rewrite = usize::try_from(signal).ok().and_then(|index| self.0.get(index).copied().flatten());
        match rewrite {
            None => Some(signal),
            Some(Rewrite::To(other)) => Some(other),
            Some(Rewrite::Drop) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_themselves_unless_told_otherwise() {
        let mut rewrites = Rewrites::default();
        rewrites.set(libc::SIGTERM, Rewrite::To(libc::SIGINT)).unwrap();
        rewrites.set(libc::SIGTERM, Rewrite::To(libc::SIGQUIT)).unwrap();
        rewrites.set(libc::SIGRTMAX(), Rewrite::Drop).unwrap();
        for signal in 1..libc::SIGRTMAX() {
            let expected = if signal == libc::SIGTERM { libc::SIGQUIT } else { signal };
            assert_eq!(rewrites.apply(signal), Some(expected));
        }
        assert_eq!(rewrites.apply(libc::SIGRTMAX()), None);
        // It is not rewritten once more.
        rewrites.set(libc::SIGQUIT, Rewrite::Drop).unwrap();
        assert_eq!(rewrites.apply(libc::SIGTERM), Some(libc::SIGQUIT));
        assert_eq!(rewrites.apply(-1), Some(-1));
    }

    #[test]
    fn what_never_arrives_cannot_be_rewritten() {
        for (signal, why) in [
            (libc::SIGKILL, Unforwardable::NeverSeen),
            (libc::SIGSTOP, Unforwardable::NeverSeen),
            (libc::SIGCHLD, Unforwardable::Own),
            (0, Unforwardable::Unknown),
            (-1, Unforwardable::Unknown),
            (200, Unforwardable::Unknown),
        ] {
            assert_eq!(Rewrites::default().set(signal, Rewrite::Drop), Err(why), "{signal}");
        }
    }
}
