//! How often something took how long: a counter for each of a few classes of durations.

use std::time::Duration;

/// The longest duration of each class but the last, which has no bound.
pub const BOUNDS: [Duration; 10] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
];

/// Durations, counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Histogram {
    classes: [u64; BOUNDS.len() + 1],
    total: Duration,
    longest: Duration,
}

impl Histogram {
    /// One more.
    pub fn count(&mut self, time: Duration) {
        let class = BOUNDS.partition_point(|bound| *bound < time);
        if let Some(count) = self.classes.get_mut(class) {
            *count += 1;
        }
        self.total = self.total.saturating_add(time);
        self.longest = self.longest.max(time);
    }

    /// For each bound, how many took no longer; and at last, without a bound, how many there were.
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS.into_iter().map(Some).chain([None]);
        let sums = self.classes.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        bounds.zip(sums)
    }

    /// How many there were.
    pub fn len(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them together.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_class() {
        let mut histogram = Histogram::default();
        assert!(histogram.is_empty());
        let times = [0, 100, 101, 1_000_000, 1_000_001, 7_000_000];
        times.into_iter().for_each(|micros| histogram.count(Duration::from_micros(micros)));
        let sums: Vec<u64> = histogram.cumulative().map(|(_, sum)| sum).collect();
        assert_eq!(sums, [2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 6]);
        assert_eq!(histogram.cumulative().last(), Some((None, 6)));
        assert_eq!((histogram.len(), histogram.longest()), (6, Duration::from_secs(7)));
        assert_eq!(histogram.total(), Duration::from_micros(times.iter().sum()));
    }

    #[test]
    fn bounds_grow() {
        assert!(BOUNDS.is_sorted());
    }
}
