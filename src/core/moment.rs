//! Points in time on the monotonic clock. The core never reads a clock: it is told the time.

use std::time::Duration;

/// A point on CLOCK_MONOTONIC (clock_gettime(2)): setting the wall clock moves none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub Duration);

impl Moment {
    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub fn since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment that comes `delay` later, or the last one that can be told.
    pub fn after(self, delay: Duration) -> Moment {
        Moment(self.0.saturating_add(delay))
    }
}
