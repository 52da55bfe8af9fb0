//! What is due next: deadlines in order of time, each with a key that says whose it is.
//!
//! A cancelled deadline is taken out at once, so there is never a stale one to recognise, and the number held is
//! the number armed.

use super::moment::Moment;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Deadlines, at most one a key.
#[derive(Debug)]
pub struct Deadlines<K> {
    /// The number parts deadlines of the same moment, first armed first.
    by_time: BTreeMap<(Moment, u64), K>,
    by_key: HashMap<K, (Moment, u64)>,
    armed: u64,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_time: BTreeMap::new(), by_key: HashMap::new(), armed: 0 }
    }
}

impl<K: Copy + Eq + Hash> Deadlines<K> {
    /// Sets the deadline of `key`, in place of the one it had.
    pub fn arm(&mut self, key: K, at: Moment) {
        self.cancel(key);
        self.armed += 1;
        self.by_time.insert((at, self.armed), key);
        self.by_key.insert(key, (at, self.armed));
    }

    /// Takes the deadline of `key` away, if it has one.
    pub fn cancel(&mut self, key: K) {
        if let Some(place) = self.by_key.remove(&key) {
            self.by_time.remove(&place);
        }
    }

    /// Whether `key` has a deadline.
    pub fn is_armed(&self, key: K) -> bool {
        self.by_key.contains_key(&key)
    }

    /// When the deadline of `key` is, if it has one.
    pub fn at(&self, key: K) -> Option<Moment> {
        self.by_key.get(&key).map(|(at, _)| *at)
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Moment> {
        self.by_time.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes out the earliest one that is due at `now`.
    pub fn pop_due(&mut self, now: Moment) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(millis: u64) -> Moment {
        Moment(Duration::from_millis(millis))
    }

    #[test]
    fn they_come_in_order_of_time_and_then_of_arming() {
        let mut deadlines = Deadlines::default();
        deadlines.arm("late", at(30));
        deadlines.arm("first", at(10));
        deadlines.arm("second", at(10));
        assert_eq!(deadlines.next(), Some(at(10)));
        assert_eq!(deadlines.pop_due(at(9)), None);
        assert_eq!(deadlines.pop_due(at(10)), Some("first"));
        assert_eq!(deadlines.pop_due(at(10)), Some("second"));
        assert_eq!(deadlines.pop_due(at(10)), None);
        assert_eq!(deadlines.pop_due(at(99)), Some("late"));
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn arming_again_replaces_and_cancelling_removes() {
        let mut deadlines = Deadlines::default();
        deadlines.arm(1, at(10));
        deadlines.arm(1, at(50));
        deadlines.arm(2, at(20));
        deadlines.cancel(2);
        deadlines.cancel(3);
        assert!(deadlines.is_armed(1) && !deadlines.is_armed(2));
        assert_eq!(deadlines.pop_due(at(49)), None);
        assert_eq!(deadlines.pop_due(at(50)), Some(1));
        assert!(deadlines.by_key.is_empty() && deadlines.by_time.is_empty());
    }
}
