//! The memory of events: the latest ones, each with its number, as far back as the bound allows.

use super::event::{Event, What};
use super::ids::Seq;
use std::collections::VecDeque;

/// How many events are held unless told otherwise.
pub const DEFAULT_CAPACITY: usize = 4096;

/// The latest events of this run of the supervisor. Their numbers have no gap.
#[derive(Debug)]
pub struct Ring {
    events: VecDeque<Event>,
    capacity: usize,
    latest: u64,
}

impl Ring {
    /// An empty ring that holds at most `capacity` events (one at the least).
    pub fn new(capacity: usize) -> Self {
        Self { events: VecDeque::new(), capacity: capacity.max(1), latest: 0 }
    }

    /// Holds at most so many from now on (one at the least); of those that are held, the oldest go.
    pub fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity.max(1);
        let surplus = self.events.len().saturating_sub(self.capacity);
        self.events.drain(..surplus);
        self.events.shrink_to(self.capacity);
    }

    /// Numbers an event and keeps it, in place of the oldest if the ring is full.
    pub fn push(&mut self, time: f64, what: What) -> Seq {
        if self.events.len() == self.capacity {
            self.events.pop_front();
        }
        self.latest += 1;
        let seq = Seq(self.latest);
        self.events.push_back(Event { seq, time, what });
        seq
    }

    /// The events after number `after`, at most `limit`, oldest first.
    pub fn since(&self, after: Seq, limit: usize) -> impl ExactSizeIterator<Item = &Event> {
        let skipped = usize::try_from(after.0.saturating_sub(self.forgotten())).unwrap_or(usize::MAX);
        let first = skipped.min(self.events.len());
        let count = limit.min(self.events.len() - first);
        self.events.range(first..first + count)
    }

    /// The number of the oldest event that is held; 0 before there was any.
    pub fn oldest(&self) -> Seq {
        self.events.front().map_or(Seq(0), |event| event.seq)
    }

    /// How many are held.
    pub fn held(&self) -> usize {
        self.events.len()
    }

    /// The number of the latest event; 0 before there was any.
    pub fn latest(&self) -> Seq {
        Seq(self.latest)
    }

    /// The latest event.
    pub fn last(&self) -> Option<&Event> {
        self.events.back()
    }

    fn forgotten(&self) -> u64 {
        self.oldest().0.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::SupervisorChange;
    use super::*;

    fn ring(capacity: usize, events: u64) -> Ring {
        let mut ring = Ring::new(capacity);
        for number in 1..=events {
            assert_eq!(ring.push(0.0, What::Supervisor(SupervisorChange::Started)), Seq(number));
        }
        ring
    }

    fn numbers(ring: &Ring, after: u64, limit: usize) -> Vec<u64> {
        ring.since(Seq(after), limit).map(|event| event.seq.0).collect()
    }

    #[test]
    fn an_empty_ring_has_nothing() {
        let ring = ring(4, 0);
        assert_eq!((ring.oldest(), ring.latest()), (Seq(0), Seq(0)));
        assert_eq!(numbers(&ring, 0, 10), []);
        assert_eq!(numbers(&ring, 10, 10), []);
    }

    #[test]
    fn since_is_exclusive_and_limited() {
        let ring = ring(8, 5);
        assert_eq!(numbers(&ring, 0, 10), [1, 2, 3, 4, 5]);
        assert_eq!(numbers(&ring, 2, 2), [3, 4]);
        assert_eq!(numbers(&ring, 5, 2), []);
        assert_eq!(numbers(&ring, u64::MAX, 2), []);
    }

    #[test]
    fn a_smaller_ring_holds_the_latest_and_a_larger_one_more() {
        let mut ring = ring(8, 5);
        ring.set_capacity(2);
        assert_eq!(numbers(&ring, 0, 10), [4, 5]);
        ring.push(0.0, What::Supervisor(SupervisorChange::Started));
        assert_eq!(numbers(&ring, 0, 10), [5, 6]);
        ring.set_capacity(3);
        ring.push(0.0, What::Supervisor(SupervisorChange::Started));
        assert_eq!(numbers(&ring, 0, 10), [5, 6, 7]);
    }

    #[test]
    fn the_oldest_go_first() {
        let ring = ring(3, 10);
        assert_eq!((ring.oldest(), ring.latest()), (Seq(8), Seq(10)));
        assert_eq!(numbers(&ring, 0, 10), [8, 9, 10]);
        assert_eq!(numbers(&ring, 8, 10), [9, 10]);
    }
}
