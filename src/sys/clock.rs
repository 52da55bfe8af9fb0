//! The two clocks: one for deadlines, one for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// Time since a fixed point in the past (`CLOCK_MONOTONIC`: the start of the machine, times of suspension left out).
/// It never jumps. Deadlines are points on it; see [`Timer`](super::timer::Timer).
#[must_use]
pub fn monotonic() -> Duration {
    // clock_gettime(2) only fails for a clock that does not exist, and this one always does.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}

/// Seconds since 1970-01-01 00:00:00 UTC. It jumps when somebody sets it: for display only.
#[must_use]
pub fn wall() -> f64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_go_on() {
        let earlier = monotonic();
        assert!(earlier > Duration::ZERO);
        assert!(monotonic() >= earlier);
        // The year 2020, and the year 2200.
        assert!(wall() > 1_577_836_800.0 && wall() < 7_258_118_400.0);
    }
}
