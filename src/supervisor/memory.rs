//! Memory limits: the resident set of those that have a limit is looked at now and then, all of them by one timer,
//! which is there only as long as one of them has a process.

use super::{Due, Supervisor};
use crate::core::health::{Ailment, LOOKS_ABOVE};
use crate::core::ids::InstanceKey;
use crate::sys::process::{self, Pid};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

/// How often each is looked at.
const PERIOD: Duration = Duration::from_secs(5);
/// How many are looked at in a turn; a look takes the kernel some microseconds.
const LOOKS_A_TURN: usize = 64;
/// How soon the next ones are looked at, so that others have their turn.
const PAUSE: Duration = Duration::from_millis(1);

/// Those that have a limit, and a process.
#[derive(Debug, Default)]
pub struct MemoryWatch {
    /// At how many looks in a row each was above its limit.
    above: BTreeMap<InstanceKey, u32>,
    /// Where a round goes on that takes several turns.
    next: Option<InstanceKey>,
}

impl MemoryWatch {
    /// Those whose turn it is.
    fn due(&mut self) -> Vec<InstanceKey> {
        let from = self.next.take();
        let first = from.map_or(Bound::Unbounded, Bound::Included);
        let mut left = self.above.range((first, Bound::Unbounded)).map(|(key, _)| *key);
        let due = left.by_ref().take(LOOKS_A_TURN).collect();
        self.next = left.next();
        due
    }
}

impl Supervisor {
    /// Begins to look at the memory of an instance.
    pub fn watch_memory(&mut self, key: InstanceKey) {
        self.memory.above.insert(key, 0);
        if !self.deadlines.is_armed(Due::Memory) {
            self.deadlines.arm(Due::Memory, self.now.after(PERIOD));
        }
    }

    /// The memory of an instance, if it was looked at, is looked at no more.
    pub fn ignore_memory(&mut self, key: InstanceKey) {
        if self.memory.above.remove(&key).is_some() && self.memory.above.is_empty() {
            self.memory.next = None;
            self.deadlines.cancel(Due::Memory);
        }
    }

    /// Looks at all, or at the next of them if they are many.
    pub fn look_at_memory(&mut self) {
        for key in self.memory.due() {
            self.look_at_memory_of(key);
        }
        if !self.memory.above.is_empty() {
            let pause = if self.memory.next.is_some() { PAUSE } else { PERIOD };
            self.deadlines.arm(Due::Memory, self.now.after(pause));
        }
    }

    fn look_at_memory_of(&mut self, key: InstanceKey) {
        let program = self.fleet.program(key.program);
        let Some(limit) = program.and_then(|program| program.settings.health.memory_limit) else { return };
        // A run is that of a process that is not reaped yet, so its id is nobody else's.
        let Some(pid) = self.watched(key).and_then(|run| Pid::new(run.pid.raw())) else { return };
        let Some(above) = self.memory.above.get_mut(&key) else { return };
        // What cannot be seen is not above anything: that `/proc` is there was made sure of when the limit was set.
        let resident = process::resident_bytes(pid).unwrap_or(0);
        *above = if resident > limit { above.saturating_add(1) } else { 0 };
        if *above >= LOOKS_ABOVE {
            self.give_up_on(key, Ailment::Memory { resident, limit });
        }
    }
}
