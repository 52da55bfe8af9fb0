//! What a run said last: the end of what it had printed when it died, out of the memory that the logger fills.
//!
//! How much that is is known at the moment of its death, before the next run can print anything. The logger may not
//! have come to it by then; so it is looked again a few times, each time after twice as long, and given up in the end.
//! Nothing waits for it. A program whose output is not captured costs nothing here.

use super::capture::{Between, Printed};
use super::{Due, Supervisor};
use crate::core::history::{CertificateNumber, LAST_WORDS};
use crate::core::ids::InstanceKey;
use crate::core::moment::Moment;
use std::collections::HashMap;
use std::time::Duration;

/// How soon it is looked again the first time.
const FIRST_LOOK: Duration = Duration::from_millis(5);
/// How often it is looked: the last time some five seconds after the death, which gives a logger that died the time to
/// be replaced.
const MOST_LOOKS: u32 = 10;
/// How many runs may be waited for; of more, the last words are not known.
const MOST_AWAITED: usize = 4096;

/// Of which runs it is not known yet what they said last.
#[derive(Debug, Default)]
pub struct LastWords {
    /// How much each instance had printed when its last run died, which is where the next one begins.
    before: HashMap<InstanceKey, Printed>,
    awaited: Vec<Awaited>,
}

#[derive(Debug)]
struct Awaited {
    key: InstanceKey,
    number: CertificateNumber,
    from: Printed,
    to: Printed,
    looks: u32,
    next: Moment,
}

impl LastWords {
    /// The slot of an instance is given up, and with it its streams. What is still awaited of it comes to nothing.
    pub fn forget(&mut self, key: InstanceKey) {
        self.before.remove(&key);
    }
}

impl Supervisor {
    /// A run has died.
    pub fn await_last_words(&mut self, key: InstanceKey, number: CertificateNumber) {
        let to = self.capture.printed_by_now(key);
        if to.is_nothing() {
            return;
        }
        let from = self.last_words.before.insert(key, to).unwrap_or_default();
        if from == to {
            return;
        }
        let next = self.now.after(FIRST_LOOK);
        let awaited = Awaited { key, number, from, to, looks: 0, next };
        if !self.is_known(&awaited) && self.last_words.awaited.len() < MOST_AWAITED {
            self.last_words.awaited.push(awaited);
            if !self.deadlines.is_armed(Due::LastWords) {
                self.deadlines.arm(Due::LastWords, next);
            }
        }
    }

    /// Looks again.
    pub fn look_for_last_words(&mut self) {
        let mut left = Vec::new();
        for mut awaited in std::mem::take(&mut self.last_words.awaited) {
            if awaited.next <= self.now {
                if self.is_known(&awaited) {
                    continue;
                }
                awaited.looks += 1;
                awaited.next = self.now.after(FIRST_LOOK.saturating_mul(1 << awaited.looks));
            }
            if awaited.looks < MOST_LOOKS {
                left.push(awaited);
            }
        }
        if let Some(next) = left.iter().map(|awaited| awaited.next).min() {
            self.deadlines.arm(Due::LastWords, next);
        }
        self.last_words.awaited = left;
    }

    /// Keeps what a run said last, if that is known by now.
    fn is_known(&mut self, awaited: &Awaited) -> bool {
        let Awaited { key, number, from, to, .. } = awaited;
        match self.capture.last_between(*key, from, to, LAST_WORDS) {
            Between::NotYet => false,
            Between::Known(words) => {
                self.histories.keep_words(*key, *number, &words);
                true
            }
        }
    }
}
