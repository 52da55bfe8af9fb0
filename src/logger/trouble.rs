//! Output that cannot be written: it is dropped or waits, the supervisor is told, and it is tried again.

use super::outlet::{Failure, Trouble};
use super::store::Settled;
use super::streams::{Reading, Told};
use super::{Due, Logger};
use crate::core::log::{OnFull, StreamId, TAIL};
use crate::wire::log_channel::FromLogger;
use nix::errno::Errno;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long a pipe or a terminal may take nothing before it counts as one that nobody reads.
const PATIENCE: Duration = Duration::from_secs(1);
/// The shortest time between two tries to write to one.
const SOON: Duration = Duration::from_millis(5);
/// How long after the supervisor was told how much was dropped it is told again.
const TELL: Duration = Duration::from_secs(1);

/// What is done with what cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Drop,
    Wait,
}

impl Logger {
    /// What a stream had was written, but for what is held on purpose.
    pub(super) fn it_worked(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if let Some(outlet) = stream.outlet.and_then(|outlet| self.outlets.get(outlet)) {
            outlet.trouble = None;
        }
        if stream.told == Told::Trouble && self.link.has_room() {
            stream.told = Told::Fine;
            self.deadlines.cancel(Due::Retry(id));
            self.tell_dropped(id);
            self.link.tell(&FromLogger::Recovered { stream: id });
        }
        self.start_reading(id);
    }

    /// What a stream had could not be written, or has failed so lately that it was not tried.
    pub(super) fn it_failed(&mut self, id: StreamId, failure: Failure) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let Some(outlet) = stream.outlet.and_then(|outlet| self.outlets.get(outlet)) else { return };
        let is_full = failure.errno == Errno::EAGAIN;
        let full_for = if is_full { now.since(*outlet.full_since.get_or_insert(now)) } else { PATIENCE };
        // A console that is closed stays closed.
        let is_gone = outlet.is_console() && failure.errno == Errno::EPIPE;
        let course = match stream.route.policy.on_full {
            _ if full_for < PATIENCE => Course::Wait,
            OnFull::Block if !is_gone => Course::Wait,
            OnFull::Block | OnFull::Drop => Course::Drop,
        };
        let next = if is_full && course == Course::Wait {
            // The longer it has taken nothing, the less often it is tried.
            now.after((full_for / 4).clamp(SOON, RETRY))
        } else {
            let known = outlet.trouble.map(|trouble| trouble.retry_at).filter(|at| *at > now);
            let retry_at = known.unwrap_or(now.after(RETRY));
            outlet.trouble = Some(Trouble { failure, retry_at });
            retry_at
        };
        self.deadlines.arm(Due::Retry(id), next);
        if full_for >= PATIENCE && stream.told == Told::Fine && self.link.has_room() {
            stream.told = Told::Trouble;
            let words = outlet.words(failure);
            self.link.tell(&FromLogger::Trouble { stream: id, words });
        }
        match course {
            Course::Wait => self.wait_with(id),
            Course::Drop => self.drop_in_hand(id),
        }
    }

    /// What is in hand of a stream is held; it is not read meanwhile.
    fn wait_with(&mut self, id: StreamId) {
        if let Some(store) = &mut self.store {
            // No more was taken than can be held, unless what it goes to has become another.
            store.settle_but(id, Settled::Dropped, TAIL);
        }
        if self.streams.get(&id).is_some_and(|stream| stream.reading == Reading::On) {
            self.stop_reading(id, Reading::Paused);
        }
    }

    fn drop_in_hand(&mut self, id: StreamId) {
        if let Some(store) = &mut self.store {
            store.settle_all(id, Settled::Dropped);
        }
        if !self.deadlines.is_armed(Due::TellDropped(id)) {
            self.tell_dropped(id);
        }
        self.start_reading(id);
    }

    /// Tells the supervisor how much was dropped since it was told last, if there was anything.
    pub(super) fn tell_dropped(&mut self, id: StreamId) {
        let Some(counters) = self.store.as_ref().and_then(|store| store.counters(id)) else { return };
        let dropped = counters.dropped.load(Ordering::Acquire);
        let bytes = dropped - counters.told.load(Ordering::Acquire).min(dropped);
        if bytes == 0 {
            return;
        }
        if self.link.has_room() {
            counters.told.store(dropped, Ordering::Release);
            self.link.tell(&FromLogger::Dropped { stream: id, bytes });
        }
        self.deadlines.arm(Due::TellDropped(id), self.now.after(TELL));
    }
}
