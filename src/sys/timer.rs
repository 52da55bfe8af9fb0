//! A timer as a descriptor, for the next deadline of the loop.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// The farthest deadline: 68 years after the machine's start, as many seconds as a 32-bit `time_t` can count.
const FARTHEST: Duration = Duration::from_secs(i32::MAX.unsigned_abs() as u64);
/// A point in time of zero would disarm the timer (timerfd_settime(2)).
const EARLIEST: Duration = Duration::from_nanos(1);

/// A timerfd on the clock of [`monotonic`](super::clock::monotonic), armed with points in time.
#[derive(Debug)]
pub struct Timer(TimerFd);

impl Timer {
    /// Makes one that is not armed. Non-blocking, close-on-exec.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> Result<Self, Errno> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).map(Self)
    }

    /// Becomes readable at this point in time, at once if it has passed; never, if `None`. Replaces what was set, and
    /// takes back a readiness that was not acknowledged.
    ///
    /// # Errors
    /// None is known.
    pub fn arm(&self, at: Option<Duration>) -> Result<(), Errno> {
        match at {
            Some(at) => {
                let at = TimeSpec::from_duration(at.clamp(EARLIEST, FARTHEST));
                self.0.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)
            }
            None => self.0.unset(),
        }
    }

    /// Takes note that it fired: it is not readable any more. Does nothing when it did not fire.
    ///
    /// # Errors
    /// None is known.
    pub fn acknowledge(&self) -> Result<(), Errno> {
        match self.0.wait() {
            Err(Errno::EAGAIN) => Ok(()),
            outcome => outcome,
        }
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::monotonic;
    use super::super::poll::{Poller, Ready};
    use super::*;

    #[test]
    fn fires_at_its_time_and_not_before() {
        let timer = Timer::new().unwrap();
        let poller = Poller::new().unwrap();
        poller.add(timer.as_fd(), 1).unwrap();
        let mut ready = Ready::with_capacity(4);

        timer.acknowledge().unwrap();
        let at = monotonic() + Duration::from_millis(20);
        timer.arm(Some(at)).unwrap();
        poller.wait(&mut ready, Some(Duration::from_secs(10))).unwrap();
        assert!(monotonic() >= at);
        assert_eq!(ready.tokens().collect::<Vec<_>>(), [1]);
        timer.acknowledge().unwrap();

        for (at, fires) in [
            (Some(Duration::ZERO), true),
            (None, false),
            (Some(Duration::MAX), false),
            (Some(monotonic() - Duration::from_nanos(1)), true),
        ] {
            timer.arm(at).unwrap();
            poller.wait(&mut ready, Some(Duration::from_millis(if fires { 10_000 } else { 1 }))).unwrap();
            assert_eq!(ready.tokens().count(), usize::from(fires), "{at:?}");
        }
    }
}
