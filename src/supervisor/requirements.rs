//! What programs need of each other, at work: those that wait are started when it is there, and those that are bound
//! are stopped when it goes away. A bounded number a turn, since a start costs a fork.

use super::{Follow, Supervisor};
use crate::core::asker::{Asker, Wish};
use crate::core::ids::{InstanceIndex, InstanceKey, ProgramId};
use crate::core::instance::Instance;
use crate::core::moment::Moment;
use crate::core::requirements::graph::{Outlook, Ripple};
use crate::core::state::{Input, State};
use crate::core::table::Requirements;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// How many instances are started or stopped in a turn for what they require.
const INSTANCES_A_TURN: usize = 64;

/// Those that wait for what they require, and what is left to do for them.
#[derive(Debug, Default)]
pub struct Surroundings {
    awaiting: HashMap<ProgramId, BTreeSet<InstanceIndex>>,
    /// Programs for which it may look otherwise now.
    judged: BTreeSet<ProgramId>,
    losses: VecDeque<Loss>,
}

/// That a program is bound to something that has gone away.
#[derive(Clone, Debug)]
struct Loss {
    program: ProgramId,
    /// The next of its instances to be told.
    next: InstanceIndex,
    /// Whatever was started after this did so because it was back.
    at: Moment,
    /// What has gone away.
    asker: Option<Rc<Asker>>,
}

impl Surroundings {
    /// Whether something is left to do.
    pub fn are_pending(&self) -> bool {
        !self.judged.is_empty() || !self.losses.is_empty()
    }

    /// The instances of a program that wait.
    pub fn awaiting_of(&self, program: ProgramId) -> impl Iterator<Item = InstanceKey> {
        let waiting = self.awaiting.get(&program).into_iter().flatten();
        waiting.map(move |index| InstanceKey { program, index: *index })
    }
}

impl Supervisor {
    /// An instance waits for what it requires: it will be told when that is there.
    pub fn await_requirements(&mut self, key: InstanceKey) {
        match self.fleet.requirements(key.program) {
            Requirements::Met => self.inputs.push_back((key, Follow::Input(Input::RequirementsMet))),
            Requirements::Missing => {
                self.surroundings.awaiting.entry(key.program).or_default().insert(key.index);
                self.first_round_sees_waiting(key);
            }
        }
    }

    /// An instance has left its state, and with it whatever it waited for.
    pub fn awaits_no_more(&mut self, key: InstanceKey) {
        let Some(waiting) = self.surroundings.awaiting.get_mut(&key.program) else { return };
        waiting.remove(&key.index);
        if waiting.is_empty() {
            self.surroundings.awaiting.remove(&key.program);
        }
    }

    /// Something has changed for those who need a program. What follows from it is done later in this turn, or in the
    /// next ones.
    pub fn surroundings_change(&mut self, ripple: Ripple) {
        let surroundings = &mut self.surroundings;
        let waits = |program: &ProgramId| surroundings.awaiting.contains_key(program);
        surroundings.judged.extend(ripple.judged.into_iter().filter(waits));
        for program in ripple.lost {
            let begun = |loss: &Loss| loss.program != program || loss.next > InstanceIndex(0);
            if surroundings.losses.iter().all(begun) {
                let lost = self.fleet.needs().missing_of(program).map(Arc::from);
                let asker = lost.map(|name| Asker::inside(Wish::Requirement(name)));
                surroundings.losses.push_back(Loss { program, next: InstanceIndex(0), at: self.now, asker });
            }
        }
    }

    /// Stops those that are bound to what has gone, and starts those that have what they were waiting for.
    pub fn go_on_with_requirements(&mut self) {
        let mut budget = INSTANCES_A_TURN;
        while budget > 0 {
            let Some(mut loss) = self.surroundings.losses.pop_front() else { break };
            budget -= 1;
            if let Some(index) = self.next_bound(&loss) {
                let key = InstanceKey { program: loss.program, index };
                self.feed_for(key, Input::RequirementsLost, loss.asker.clone());
                loss.next = InstanceIndex(index.0.saturating_add(1));
                self.surroundings.losses.push_front(loss);
            }
        }
        while budget > 0 {
            let Some(program) = self.surroundings.judged.pop_first() else { return };
            budget -= 1;
            if self.fleet.requirements(program) == Requirements::Missing {
                self.judge_hope(program);
            } else if let Some(index) = self.next_waiting(program) {
                self.feed(InstanceKey { program, index }, Input::RequirementsMet);
                self.surroundings.judged.insert(program);
            }
        }
    }

    /// The next instance that has to stop after a loss.
    fn next_bound(&self, loss: &Loss) -> Option<InstanceIndex> {
        let mut left = self.fleet.program(loss.program)?.instances.range(loss.next..);
        left.find(|(_, instance)| is_touched(instance, loss.at)).map(|(index, _)| *index)
    }

    /// Takes out the next instance that waits.
    fn next_waiting(&mut self, program: ProgramId) -> Option<InstanceIndex> {
        let index = self.surroundings.awaiting.get_mut(&program)?.pop_first()?;
        self.awaits_no_more(InstanceKey { program, index });
        Some(index)
    }

    /// Where what is missing has failed, whoever waits for a start is told so; and a rolling restart does not go on
    /// where it will not come by itself. The instances go on waiting.
    fn judge_hope(&mut self, program: ProgramId) {
        let anybody = self.anybody_waits()
            || !self.operations.is_empty()
            || self.rollings.are_under_way()
            || self.is_in_first_round();
        let hope = self.fleet.needs().hope(program);
        if !anybody || hope < Outlook::Absent {
            return;
        }
        let waiting = self.surroundings.awaiting.get(&program).cloned().unwrap_or_default();
        for index in waiting {
            let key = InstanceKey { program, index };
            self.rolling_sees_no_start(key);
            self.first_round_sees_no_start(key);
            if hope == Outlook::Failed {
                self.operation_sees_no_start(key);
                self.waiters_see_no_start(key);
            }
        }
    }
}

fn is_touched(instance: &Instance, at: Moment) -> bool {
    let runs = match instance.state {
        State::Starting(_) | State::Running => true,
        State::New
        | State::Waiting(_)
        | State::Stopping(_)
        | State::Exited
        | State::Backoff
        | State::Failed => false,
    };
    runs && instance.run.as_ref().is_some_and(|run| run.started <= at)
}
