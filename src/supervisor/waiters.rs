//! Replies that are given later: when instances have come to where somebody waits for them, when there is an event,
//! or when the time is over.
//!
//! An edge looks only at the waiters of its own instance, so waiting costs others nothing.

use super::operations::GoalKind;
use super::rpc::Kept;
use super::{Due, Supervisor};
use crate::api::events;
use crate::api::reply::{ApiError, Code, Reply};
use crate::api::results::{self, Changed};
use crate::core::ids::{InstanceKey, Seq};
use crate::core::state::StateName;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// A waiter. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterId(u64);

/// How many requests may wait at a time.
const MAX_WAITERS: usize = 4096;
/// For how many instances all of them together may wait.
const MAX_TARGETS: usize = 400_000;

/// All that wait.
#[derive(Debug, Default)]
pub struct Waiters {
    begun: u64,
    waiting: BTreeMap<WaiterId, Waiter>,
    by_instance: HashMap<InstanceKey, Vec<WaiterId>>,
    /// Those that wait for an event.
    polls: Vec<WaiterId>,
    targets: usize,
}

impl Waiters {
    /// How many requests wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[derive(Debug)]
struct Waiter {
    kept: Kept,
    what: Awaited,
}

#[derive(Debug)]
enum Awaited {
    /// Each target has, at some time, been where it is to be.
    Goals { targets: Vec<Target>, awaited: HashMap<InstanceKey, GoalKind> },
    /// All targets are in a state at the same time.
    State { targets: Vec<Target>, state: StateName, there: usize },
    /// A rolling restart of the targets is done, or has halted; it tells.
    Rolling { targets: Vec<Target> },
    /// There is an event.
    Event(LongPoll),
}

/// What somebody asked of one instance.
#[derive(Clone, Debug)]
pub struct Target {
    /// The instance.
    pub key: InstanceKey,
    /// The name of its program, which may be gone by the time of the answer.
    pub program: Arc<str>,
    /// Whether the command changed anything.
    pub changed: Changed,
}

/// A request for events that are not there yet.
#[derive(Clone, Copy, Debug)]
pub struct LongPoll {
    /// Events after this one.
    pub since: Seq,
    /// How many at the most.
    pub limit: usize,
}

impl Supervisor {
    /// Answers when every target has reached its goal, or can no longer.
    pub fn wait_for_goals(
        &mut self,
        kept: Kept,
        targets: Vec<Target>,
        awaited: HashMap<InstanceKey, GoalKind>,
        timeout: Duration,
    ) {
        if awaited.is_empty() {
            return self.answer_targets(kept, &targets);
        }
        let keys: Vec<InstanceKey> = awaited.keys().copied().collect();
        self.add_waiter(kept, Awaited::Goals { targets, awaited }, &keys, timeout);
    }

    /// Answers when all instances are in `state` at the same time.
    pub fn wait_for_state(&mut self, kept: Kept, keys: &[InstanceKey], state: StateName, timeout: Duration) {
        let in_state =
            |key: &InstanceKey| self.fleet.instance(*key).is_some_and(|it| it.state.name() == state);
        let there = keys.iter().filter(|key| in_state(key)).count();
        let target = |key: &InstanceKey| {
            let program = self.fleet.program(key.program)?.name.clone();
            Some(Target { key: *key, program, changed: Changed::No })
        };
        let targets: Vec<Target> = keys.iter().filter_map(target).collect();
        if there == targets.len() {
            return self.answer_targets(kept, &targets);
        }
        self.add_waiter(kept, Awaited::State { targets, state, there }, keys, timeout);
    }

    /// Answers when the rolling restart of these targets says so; `None` if nobody can wait any more.
    pub fn wait_for_rolling(
        &mut self,
        kept: Kept,
        targets: Vec<Target>,
        timeout: Duration,
    ) -> Option<WaiterId> {
        self.add_waiter(kept, Awaited::Rolling { targets }, &[], timeout)
    }

    /// Answers when there is an event.
    pub fn wait_for_events(&mut self, kept: Kept, poll: LongPoll, timeout: Duration) {
        self.add_waiter(kept, Awaited::Event(poll), &[], timeout);
    }

    /// Makes somebody wait; whoever cannot, as too many wait already, is told so.
    fn add_waiter(
        &mut self,
        kept: Kept,
        what: Awaited,
        keys: &[InstanceKey],
        timeout: Duration,
    ) -> Option<WaiterId> {
        let waiters = &mut self.waiters;
        let targets = match &what {
            Awaited::Rolling { targets } => targets.len(),
            Awaited::Goals { .. } | Awaited::State { .. } | Awaited::Event(_) => keys.len(),
        };
        if waiters.waiting.len() >= MAX_WAITERS || waiters.targets + targets > MAX_TARGETS {
            let error = ApiError::new(Code::Busy, "Too many requests are waiting; ask again without waiting");
            let caller = self.recall(kept);
            self.refuse(&caller, &error);
            return None;
        }
        waiters.begun += 1;
        let id = WaiterId(waiters.begun);
        waiters.targets += targets;
        for key in keys {
            waiters.by_instance.entry(*key).or_default().push(id);
        }
        if let Awaited::Event(_) = what {
            waiters.polls.push(id);
        }
        waiters.waiting.insert(id, Waiter { kept, what });
        self.deadlines.arm(Due::Waiter(id), self.now.after(timeout));
        Some(id)
    }

    /// Tells all that wait that nothing more will come.
    pub fn refuse_all_that_wait(&mut self) {
        self.waiters.by_instance.clear();
        for waiter in std::mem::take(&mut self.waiters.waiting).into_values() {
            self.refuse_kept(waiter.kept);
        }
    }

    /// Takes a waiter out, and everything that points to it.
    fn take_waiter(&mut self, id: WaiterId) -> Option<Waiter> {
        let waiter = self.waiters.waiting.remove(&id)?;
        self.deadlines.cancel(Due::Waiter(id));
        let targets = match &waiter.what {
            Awaited::Goals { targets, .. } | Awaited::State { targets, .. } => targets.as_slice(),
            Awaited::Rolling { targets } => {
                self.waiters.targets = self.waiters.targets.saturating_sub(targets.len());
                &[]
            }
            Awaited::Event(_) => &[],
        };
        let waiters = &mut self.waiters;
        for target in targets {
            let Some(ids) = waiters.by_instance.get_mut(&target.key) else { continue };
            let before = ids.len();
            ids.retain(|other| *other != id);
            waiters.targets = waiters.targets.saturating_sub(before - ids.len());
            if ids.is_empty() {
                waiters.by_instance.remove(&target.key);
            }
        }
        Some(waiter)
    }

    /// An instance took an edge: whoever waits for it may be answered.
    pub fn waiters_see_edge(&mut self, key: InstanceKey, from: StateName, to: StateName) {
        let Some(ids) = self.waiters.by_instance.get(&key) else { return };
        for id in ids.clone() {
            let Some(waiter) = self.waiters.waiting.get_mut(&id) else { continue };
            let answered = match &mut waiter.what {
                Awaited::Goals { awaited, .. } => {
                    if awaited.get(&key).is_some_and(|kind| is_decided(*kind, from, to)) {
                        awaited.remove(&key);
                    }
                    awaited.is_empty()
                }
                Awaited::State { targets, state, there } => {
                    *there = there.saturating_sub(usize::from(from == *state)) + usize::from(to == *state);
                    *there == targets.len()
                }
                Awaited::Rolling { .. } | Awaited::Event(_) => false,
            };
            if answered {
                self.answer_waiter(id);
            }
        }
    }

    /// Whether somebody waits for what becomes of instances.
    pub fn anybody_waits(&self) -> bool {
        !self.waiters.by_instance.is_empty()
    }

    /// An instance waits for something that has failed: whoever wants to see it running is told so.
    pub fn waiters_see_no_start(&mut self, key: InstanceKey) {
        let Some(ids) = self.waiters.by_instance.get(&key) else { return };
        for id in ids.clone() {
            let Some(waiter) = self.waiters.waiting.get_mut(&id) else { continue };
            let Awaited::Goals { awaited, .. } = &mut waiter.what else { continue };
            if awaited.get(&key).is_some_and(|kind| is_start(*kind)) {
                awaited.remove(&key);
                if awaited.is_empty() {
                    self.answer_waiter(id);
                }
            }
        }
    }

    /// The slot of an instance was given up: nobody need wait for it any longer.
    pub fn waiters_see_end(&mut self, key: InstanceKey) {
        let Some(ids) = self.waiters.by_instance.get(&key) else { return };
        for id in ids.clone() {
            let Some(waiter) = self.waiters.waiting.get_mut(&id) else { continue };
            let answered = match &mut waiter.what {
                Awaited::Goals { awaited, .. } => {
                    awaited.remove(&key);
                    awaited.is_empty()
                }
                // What is gone will never be in the state: that is for the time-out to say.
                Awaited::State { .. } | Awaited::Rolling { .. } | Awaited::Event(_) => false,
            };
            if answered {
                self.answer_waiter(id);
            }
        }
    }

    /// Answers a waiter, if it still waits, with what its targets are now.
    pub fn answer_waiter(&mut self, id: WaiterId) {
        let Some(waiter) = self.take_waiter(id) else { return };
        if let Some(targets) = waiter.what.into_targets() {
            self.answer_targets(waiter.kept, &targets);
        }
    }

    /// Tells a waiter, if it still waits, what was wrong, and what its targets are now.
    pub fn refuse_waiter(&mut self, id: WaiterId, error: &ApiError) {
        let Some(waiter) = self.take_waiter(id) else { return };
        let caller = self.recall(waiter.kept);
        let mut reply = Reply::error(error, caller.request.as_deref());
        results::write(&mut reply, &self.rows(&waiter.what.into_targets().unwrap_or_default()));
        self.answer(&caller, reply);
    }

    /// Answers with what the targets are now.
    pub fn answer_targets(&mut self, kept: Kept, targets: &[Target]) {
        let caller = self.recall(kept);
        let mut reply = Reply::new();
        results::write(&mut reply, &self.rows(targets));
        self.answer(&caller, reply);
    }

    /// Answers all that wait for an event that is there now, and says whether there were any.
    pub fn answer_long_polls(&mut self) -> bool {
        let latest = self.ring.latest();
        let polls = std::mem::take(&mut self.waiters.polls);
        let mut answered = false;
        for id in polls {
            let poll = match self.waiters.waiting.get(&id).map(|waiter| &waiter.what) {
                Some(Awaited::Event(poll)) => *poll,
                Some(Awaited::Goals { .. } | Awaited::State { .. } | Awaited::Rolling { .. }) | None => {
                    continue;
                }
            };
            if poll.since >= latest {
                self.waiters.polls.push(id);
                continue;
            }
            if let Some(waiter) = self.take_waiter(id) {
                let caller = self.recall(waiter.kept);
                let reply = events::reply(&self.ring, &self.run, poll.since, poll.limit);
                self.answer(&caller, reply);
                answered = true;
            }
        }
        answered
    }

    /// The time of a waiter is over.
    pub fn waiter_timed_out(&mut self, id: WaiterId) {
        let Some(waiter) = self.waiters.waiting.get(&id) else { return };
        let Awaited::Event(poll) = waiter.what else {
            return self.refuse_waiter(id, &ApiError::new(Code::Timeout, "It did not happen in time"));
        };
        let Some(waiter) = self.take_waiter(id) else { return };
        let caller = self.recall(waiter.kept);
        let reply = events::reply(&self.ring, &self.run, poll.since, poll.limit);
        self.answer(&caller, reply);
    }
}

impl Awaited {
    fn into_targets(self) -> Option<Vec<Target>> {
        match self {
            Awaited::Goals { targets, .. }
            | Awaited::State { targets, .. }
            | Awaited::Rolling { targets } => Some(targets),
            Awaited::Event(_) => None,
        }
    }
}

/// Whether somebody waits for a start.
pub fn is_start(kind: GoalKind) -> bool {
    match kind {
        GoalKind::Running | GoalKind::In(StateName::Running) => true,
        GoalKind::Nothing | GoalKind::Stopped | GoalKind::ProcessEnded | GoalKind::In(_) | GoalKind::Gone => {
            false
        }
    }
}

/// Whether an edge decides what somebody waits for, either way: it is reached, or it will not be by itself.
pub fn is_decided(kind: GoalKind, from: StateName, to: StateName) -> bool {
    use StateName::{Backoff, Exited, Failed, New, Running, Starting, Stopping, Waiting};
    match kind {
        GoalKind::Nothing => true,
        // The first flap decides, too: that is what whoever asked for a start wants to hear of.
        GoalKind::Running | GoalKind::In(Running) => match to {
            Running | Exited | Backoff | Failed | New => true,
            Starting | Stopping | Waiting => false,
        },
        GoalKind::Stopped => !to.has_process(),
        GoalKind::ProcessEnded => from.has_process() && to != Stopping,
        GoalKind::In(state) => to == state,
        // The end of the slot decides, not an edge.
        GoalKind::Gone => false,
    }
}
