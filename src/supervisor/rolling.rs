//! Restarting instance after instance: the next when the one before is running. When one does not get there, the
//! rest are left as they are, and an event says so.

use super::Supervisor;
use super::rpc::Caller;
use super::waiters::{Target, WaiterId};
use crate::api::reply::{ApiError, Code, Reply};
use crate::api::request::Answer;
use crate::api::results::{self, Changed};
use crate::core::asker::{Asker, Wish};
use crate::core::event::ProgramChange;
use crate::core::ids::InstanceKey;
use crate::core::order;
use crate::core::requirements::graph::Outlook;
use crate::core::requirements::standing::Standing;
use crate::core::state::{AdminState, Input, State, StateName};
use crate::sys::signals::signal_name;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

/// How many instances one rolling restart begins with in a turn; a start costs a fork.
const INSTANCES_A_TURN: usize = 64;

/// A rolling restart of instances, of one program or several.
#[derive(Debug)]
pub struct Rolling {
    left: VecDeque<InstanceKey>,
    /// Those that were told to restart and are not running yet.
    current: BTreeSet<InstanceKey>,
    /// How many of these there may be.
    parallel: usize,
    which: Which,
    waiter: Option<WaiterId>,
    /// Who asked for it.
    asker: Option<Rc<Asker>>,
}

/// Which of the instances of a rolling restart are restarted when it is their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All that are wanted up. What is down stays so, and what waits for what it requires goes on waiting.
    Wanted,
    /// Those that run with settings that have changed since.
    Outdated,
}

/// A rolling restart under way. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct RollingId(u64);

/// Rolling restarts that are under way.
#[derive(Debug, Default)]
pub struct Rollings {
    begun: u64,
    under_way: HashMap<RollingId, Rolling>,
    /// Which of them an instance belongs to: the latest that named it.
    members: HashMap<InstanceKey, RollingId>,
    /// Those that can go on.
    ready: BTreeSet<RollingId>,
}

impl Rolling {
    /// A restart of these instances in this order, at most `parallel` of them at a time, and at least one.
    pub fn new(instances: Vec<InstanceKey>, parallel: u32, which: Which) -> Self {
        let parallel = usize::try_from(parallel).unwrap_or(usize::MAX).max(1);
        Self { left: instances.into(), current: BTreeSet::new(), parallel, which, waiter: None, asker: None }
    }
}

impl Rollings {
    /// Whether any can go on without anything happening.
    pub fn can_go_on(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether there are any.
    pub fn are_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Calls all of them off.
    pub fn clear(&mut self) {
        *self = Self { begun: self.begun, ..Self::default() };
    }

    /// The one that waits for an instance to run.
    fn waiting_for(&self, key: InstanceKey) -> Option<RollingId> {
        let id = *self.members.get(&key)?;
        self.under_way.get(&id)?.current.contains(&key).then_some(id)
    }

    /// One need no longer wait for an instance.
    fn got_there(&mut self, id: RollingId, key: InstanceKey) {
        self.members.remove(&key);
        if let Some(rolling) = self.under_way.get_mut(&id) {
            rolling.current.remove(&key);
            self.ready.insert(id);
        }
    }
}

impl Supervisor {
    /// Begins a rolling restart. An instance that belongs to another one that is under way is left to this one.
    pub fn roll(&mut self, mut rolling: Rolling) {
        rolling.asker = Some(self.asker_for(Wish::RollingRestart));
        self.rollings.begun += 1;
        let id = RollingId(self.rollings.begun);
        for key in &rolling.left {
            if let Some(other) = self.rollings.waiting_for(*key) {
                self.rollings.got_there(other, *key);
            }
            self.rollings.members.insert(*key, id);
        }
        self.rollings.under_way.insert(id, rolling);
        self.roll_on(id);
    }

    /// Begins a rolling restart that somebody asked for, and answers at once, or when it is done or has halted.
    ///
    /// # Errors
    /// `busy` when too many requests wait already; then nothing was begun.
    pub fn roll_for(
        &mut self,
        caller: &Caller,
        answer: Answer,
        mut rolling: Rolling,
    ) -> Result<(), ApiError> {
        let mut targets: Vec<Target> = rolling.left.iter().filter_map(|key| self.target(*key)).collect();
        order::sort_by(&mut targets, |a, b| (&a.program, a.key.index).cmp(&(&b.program, b.key.index)));
        match answer {
            Answer::AtOnce => {
                self.roll(rolling);
                let mut reply = Reply::new();
                results::write(&mut reply, &self.rows(&targets));
                self.answer(caller, reply);
            }
            Answer::WhenDone(timeout) => {
                let kept = self.keep(caller)?;
                let Some(waiter) = self.wait_for_rolling(kept, targets, timeout) else { return Ok(()) };
                rolling.waiter = Some(waiter);
                self.roll(rolling);
            }
        }
        Ok(())
    }

    fn target(&self, key: InstanceKey) -> Option<Target> {
        let program = self.fleet.program(key.program)?.name.clone();
        let changed = if self.is_to_restart(key, Which::Wanted) { Changed::Yes } else { Changed::No };
        Some(Target { key, program, changed })
    }

    /// Restarts the next instances, as many as may be under way.
    fn roll_on(&mut self, id: RollingId) {
        for _ in 0..INSTANCES_A_TURN {
            let Some(rolling) = self.rollings.under_way.get_mut(&id) else { return };
            if rolling.current.len() >= rolling.parallel {
                return;
            }
            let Some(key) = rolling.left.pop_front() else {
                if rolling.current.is_empty() {
                    self.finish_rolling(id);
                }
                return;
            };
            if self.rollings.members.get(&key) != Some(&id) {
                // A later one has taken it over.
                continue;
            }
            let (which, asker) = (rolling.which, rolling.asker.clone());
            if !self.is_to_restart(key, which) {
                self.rollings.members.remove(&key);
                continue;
            }
            if let Some(rolling) = self.rollings.under_way.get_mut(&id) {
                rolling.current.insert(key);
            }
            self.feed_for(key, Input::Restart, asker);
        }
        self.rollings.ready.insert(id);
    }

    fn is_to_restart(&self, key: InstanceKey, which: Which) -> bool {
        let Some(program) = self.fleet.program(key.program) else { return false };
        let Some(instance) = program.instances.get(&key.index) else { return false };
        match which {
            _ if instance.is_leaving() => false,
            Which::Wanted => {
                instance.admin != AdminState::Down && !matches!(instance.state, State::Waiting(_))
            }
            // One that was stopped, or restarted by somebody else meanwhile, needs nothing.
            Which::Outdated => {
                let runs = instance.run.as_ref().is_some_and(|run| run.revision != program.revision);
                runs && instance.admin != AdminState::Down
            }
        }
    }

    /// An instance took an edge: a restart that waits for it goes on, or halts.
    pub fn rolling_sees_edge(&mut self, key: InstanceKey, state: StateName) {
        let Some(id) = self.rollings.waiting_for(key) else { return };
        match state {
            StateName::Running => self.rollings.got_there(id, key),
            StateName::Stopping | StateName::Starting => {}
            StateName::Waiting if self.fleet.needs().hope(key.program) < Outlook::Absent => {}
            // What is to do its work and end has done so.
            StateName::Exited if self.has_completed(key) => self.rollings.got_there(id, key),
            StateName::Waiting
            | StateName::New
            | StateName::Exited
            | StateName::Backoff
            | StateName::Failed => {
                self.halt_rolling(id, key);
            }
        }
    }

    fn has_completed(&self, key: InstanceKey) -> bool {
        self.fleet.instance(key).and_then(Standing::of) == Some(Standing::Completed)
    }

    /// An instance waits for something that will not come by itself.
    pub fn rolling_sees_no_start(&mut self, key: InstanceKey) {
        if let Some(id) = self.rollings.waiting_for(key) {
            self.halt_rolling(id, key);
        }
    }

    /// The slot of an instance is to be given up.
    pub fn rolling_sees_end(&mut self, key: InstanceKey) {
        if let Some(id) = self.rollings.waiting_for(key) {
            self.rollings.got_there(id, key);
        }
    }

    /// Goes on with the restarts that can.
    pub fn go_on_rolling(&mut self) {
        for id in std::mem::take(&mut self.rollings.ready) {
            self.roll_on(id);
        }
    }

    fn finish_rolling(&mut self, id: RollingId) {
        let Some(rolling) = self.rollings.under_way.remove(&id) else { return };
        if let Some(waiter) = rolling.waiter {
            self.answer_waiter(waiter);
        }
    }

    /// One has not come to run: the others are left as they are.
    fn halt_rolling(&mut self, id: RollingId, key: InstanceKey) {
        let Some(rolling) = self.rollings.under_way.remove(&id) else { return };
        self.rollings.members.retain(|_, of| *of != id);
        self.publish_program(key.program, ProgramChange::RestartHalted { instance: key.index });
        if let Some(waiter) = rolling.waiter {
            let sentence = self.why_halted(key, rolling.left.len());
            self.refuse_waiter(waiter, &ApiError::new(Code::Failed, sentence));
        }
    }

    fn why_halted(&self, key: InstanceKey, left: usize) -> String {
        let Some(program) = self.fleet.program(key.program) else { return String::new() };
        let (name, instance) = (&program.name, program.instances.get(&key.index));
        let reason = instance.and_then(|instance| self.fleet.reason(program, instance, signal_name));
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let state = instance.map_or("gone", |instance| instance.state.name().as_str());
        let rest = match left {
            0 => "it was the last".to_string(),
            1 => "1 instance was left as it is".to_string(),
            left => format!("{left} instances were left as they are"),
        };
        format!("The rolling restart halted at {name}/{}, which is {state}{reason}; {rest}", key.index)
    }
}
