//! What the loop knows of itself in numbers: counted as it goes, and told when somebody asks for `metrics`.

use super::Supervisor;
use crate::api::metrics::Inside;
use crate::core::histogram::Histogram;
use crate::core::moment::Moment;
use crate::sys::limits::{self, Limit};
use crate::sys::{clock, usage};
use std::time::Duration;

/// What is counted.
#[derive(Debug, Default)]
pub struct Meter {
    turns: Histogram,
    wakeups: u64,
    /// Requests received.
    pub requests: u64,
    /// Events handed to sockets.
    pub published: u64,
}

impl Meter {
    /// A turn that began at `began` is over.
    pub fn turn_ends(&mut self, began: Moment) {
        self.turns.count(Moment(clock::monotonic()).since(began));
    }

    /// The loop is about to wait. Whatever ends a wait without a time-out is a wake-up.
    pub fn count_wait(&mut self, timeout: Option<Duration>) {
        self.wakeups += u64::from(timeout.is_none());
    }
}

impl Supervisor {
    /// What is known at this moment beside the facts of `info`.
    pub fn inside(&self) -> Inside {
        let most = limits::get(Limit::OpenFiles).ok().map(|limit| limit.soft);
        Inside {
            turns: self.meter.turns,
            wakeups: self.meter.wakeups,
            requests: self.meter.requests,
            events: self.ring.latest().0,
            held: self.ring.held(),
            published: self.meter.published,
            subscribers: self.publisher.subscribers(),
            queues: [
                ("operations", self.operations.len()),
                ("waiters", self.waiters.len()),
                ("surveys", self.surveys.len()),
                ("outboxes", self.outboxes.len()),
            ],
            unfetched: self.outboxes.bytes(),
            descriptors: usage::own_descriptors().ok(),
            most_descriptors: most,
        }
    }
}
