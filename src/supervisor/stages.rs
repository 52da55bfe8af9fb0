//! Stops in the reverse order of requirements: a program is told to stop when no process is left of those, among what
//! is to be stopped, that need it. What does not need each other stops at the same time.
//!
//! What is held back is known by its program, so that an edge of any other instance costs a look into an empty map.

use super::operations::{GoalKind, Operation, Order};
use super::{Follow, Supervisor};
use crate::core::asker::Asker;
use crate::core::ids::{InstanceIndex, InstanceKey, ProgramId};
use crate::core::state::{Input, StateName};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::rc::Rc;

/// A stop in stages. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct StopId(u64);

/// Stops in stages that are under way.
#[derive(Debug, Default)]
pub struct Stages {
    begun: u64,
    stops: HashMap<StopId, Stop>,
    /// The stops that look at a program.
    by_program: HashMap<ProgramId, Vec<StopId>>,
    /// Instances that are still to be told, and what. A later command takes one out.
    held: HashMap<InstanceKey, Held>,
}

/// What an instance is still to be told.
#[derive(Clone, Debug)]
struct Held {
    stop: StopId,
    input: Input,
    /// Who asked for it.
    asker: Option<Rc<Asker>>,
}

/// The programs of a stop that have not ended yet.
type Stop = HashMap<ProgramId, Stage>;

/// A program that is to stop.
#[derive(Debug, Default)]
struct Stage {
    /// How many programs have to end before it is told.
    before: usize,
    /// The programs that wait for its end.
    after: BTreeSet<ProgramId>,
    /// Its instances whose process has not ended yet.
    left: HashSet<InstanceIndex>,
    /// Those of them that are still to be told.
    held: BTreeSet<InstanceIndex>,
}

/// What of a stop begins at once, and what is held back.
#[derive(Debug, Default)]
pub struct Plan {
    /// To be carried out now.
    pub now: VecDeque<(InstanceKey, Order)>,
    /// What will be told to stop later.
    pub held: Vec<InstanceKey>,
}

/// What becomes of an instance that was to be told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Its process ends by something else.
    Stops,
    /// It is to go on, perhaps with a new process.
    GoesOn,
}

impl Stages {
    /// Whether a program is part of a stop that is under way.
    pub fn are_stopping(&self, program: ProgramId) -> bool {
        self.by_program.contains_key(&program)
    }

    /// Lets all stops go.
    pub fn clear(&mut self) {
        *self = Self { begun: self.begun, ..Self::default() };
    }
}

impl Supervisor {
    /// Parts the orders of a stop into those that are given at once and those that are held back.
    ///
    /// Those that are bound to what stops are part of the order, though nobody named them: they stop first, and then
    /// wait.
    pub fn plan_stop(&mut self, orders: VecDeque<(InstanceKey, Order)>) -> Plan {
        if self.fleet.needs().is_empty() {
            return Plan { now: orders, held: Vec::new() };
        }
        let mut orders = orders;
        let bound = self.bound_to_stop(&orders);
        orders.extend(bound.into_iter().map(|key| {
            let order = Order::Feed(Input::RequirementsLost, GoalKind::Nothing);
            (key, order)
        }));
        let programs: BTreeSet<ProgramId> = orders.iter().map(|(key, _)| key.program).collect();
        let mut stop = stop_of(&self.fleet.needs().needs_among(&programs));
        let (mut plan, mut held) = (Plan::default(), Vec::new());
        for (key, order) in orders {
            let runs = self.fleet.instance(key).is_some_and(|it| it.state.name().has_process());
            let Some(stage) = stop.get_mut(&key.program).filter(|_| runs) else {
                plan.now.push_back((key, order));
                continue;
            };
            stage.left.insert(key.index);
            match order {
                Order::Feed(input, _) if stage.before > 0 => {
                    stage.held.insert(key.index);
                    held.push((key, input));
                }
                Order::Feed(..) | Order::Signal(_) => plan.now.push_back((key, order)),
            }
        }
        let is_stopped = |(key, input): &(InstanceKey, Input)| (*input == Input::Down).then_some(*key);
        plan.held = held.iter().filter_map(is_stopped).collect();
        if !held.is_empty() {
            self.begin_stages(stop, held);
        }
        plan
    }

    /// The instances of programs that are bound to what is to be stopped, and are not themselves to be stopped.
    fn bound_to_stop(&self, orders: &VecDeque<(InstanceKey, Order)>) -> Vec<InstanceKey> {
        let ordered: BTreeSet<ProgramId> = orders.iter().map(|(key, _)| key.program).collect();
        let mut bound = BTreeSet::new();
        let mut left: Vec<ProgramId> = ordered.iter().copied().collect();
        while let Some(id) = left.pop() {
            let with_it = self.fleet.needs().stop_with(id);
            left.extend(with_it.iter().filter(|program| bound.insert(**program)));
        }
        let programs = bound.difference(&ordered).filter_map(|id| self.fleet.program(*id));
        programs
            .flat_map(|program| {
                let running = program.staying().filter(|(_, instance)| instance.run.is_some());
                running.map(|(index, _)| InstanceKey { program: program.id, index })
            })
            .collect()
    }

    fn begin_stages(&mut self, stop: Stop, held: Vec<(InstanceKey, Input)>) {
        self.stages.begun += 1;
        let id = StopId(self.stages.begun);
        for (key, input) in held {
            self.release(key, Fate::Stops);
            let asker = self.operation_asker();
            self.stages.held.insert(key, Held { stop: id, input, asker });
            // Those that stop before it are not to start again because it still runs.
            let ripple = self.fleet.departs(key);
            self.surroundings_change(ripple);
        }
        for program in stop.keys() {
            self.stages.by_program.entry(*program).or_default().push(id);
        }
        let programs: Vec<ProgramId> = stop.keys().copied().collect();
        self.stages.stops.insert(id, stop);
        for program in programs {
            self.end_stage(id, program);
        }
    }

    /// A command is given to an instance: it has to do with nothing that it was to be told later.
    pub fn release_for(&mut self, key: InstanceKey, input: Input) {
        if let Some(fate) = fate(input) {
            self.release(key, fate);
        }
    }

    fn release(&mut self, key: InstanceKey, fate: Fate) {
        let Some(Held { stop: id, .. }) = self.stages.held.remove(&key) else { return };
        let stage = self.stages.stops.get_mut(&id).and_then(|stop| stop.get_mut(&key.program));
        let Some(stage) = stage else { return };
        stage.held.remove(&key.index);
        match fate {
            Fate::Stops => {}
            Fate::GoesOn => {
                stage.left.remove(&key.index);
                let ripple = self.fleet.stays(key);
                self.surroundings_change(ripple);
                self.end_stage(id, key.program);
            }
        }
    }

    /// An instance was killed. If it was to be told to stop later, it is told now, so that it does not start again.
    pub fn stop_if_held(&mut self, key: InstanceKey) {
        if let Some(Held { input, asker, .. }) = self.stages.held.get(&key).cloned() {
            self.release(key, Fate::Stops);
            self.feed_for(key, input, asker);
        }
    }

    /// Nothing is held back any more.
    pub fn release_all(&mut self) {
        let held = std::mem::take(&mut self.stages.held);
        self.stages.clear();
        self.tell_to_stop(held.into_iter().collect());
    }

    /// An instance took an edge: if its process has ended, those that were waiting for that may stop.
    pub fn stages_see_edge(&mut self, key: InstanceKey, from: StateName, to: StateName) {
        if !self.stages.by_program.contains_key(&key.program) {
            return;
        }
        let ended = from.has_process() && (!to.has_process() || from == StateName::Stopping);
        if ended && let Some(Held { input, asker, .. }) = self.process_ended_in_stages(key) {
            // It has ended before it was told to, and is not to begin anew. Before anything else that follows.
            self.inputs.push_front((key, asker.map_or(Follow::Input(input), |it| Follow::Asked(input, it))));
        }
    }

    /// The slot of an instance was given up.
    pub fn stages_see_end(&mut self, key: InstanceKey) {
        self.process_ended_in_stages(key);
    }

    /// Returns what it was still to be told.
    fn process_ended_in_stages(&mut self, key: InstanceKey) -> Option<Held> {
        let held = self.stages.held.remove(&key);
        for id in self.stages.by_program.get(&key.program).cloned().unwrap_or_default() {
            if let Some(stage) = self.stages.stops.get_mut(&id).and_then(|stop| stop.get_mut(&key.program)) {
                stage.left.remove(&key.index);
                stage.held.remove(&key.index);
            }
            self.end_stage(id, key.program);
        }
        held
    }

    /// Goes on to the next programs of a stop, if this one has ended.
    fn end_stage(&mut self, id: StopId, program: ProgramId) {
        let mut ended = vec![program];
        let mut told = Vec::new();
        let Some(stop) = self.stages.stops.get_mut(&id) else { return };
        while let Some(program) = ended.pop() {
            if stop.get(&program).is_none_or(|stage| stage.before > 0 || !stage.left.is_empty()) {
                continue;
            }
            let Some(stage) = stop.remove(&program) else { continue };
            forget(&mut self.stages.by_program, program, id);
            for program in stage.after {
                let Some(next) = stop.get_mut(&program) else { continue };
                next.before = next.before.saturating_sub(1);
                if next.before == 0 {
                    let held = std::mem::take(&mut next.held);
                    told.extend(held.into_iter().map(|index| InstanceKey { program, index }));
                    ended.push(program);
                }
            }
        }
        if stop.is_empty() {
            self.stages.stops.remove(&id);
        }
        let held = &mut self.stages.held;
        let told = told.into_iter().filter_map(|key| Some((key, held.remove(&key)?))).collect();
        self.tell_to_stop(told);
    }

    fn tell_to_stop(&mut self, told: Vec<(InstanceKey, Held)>) {
        // Nearly always one stop, and so one who asked for it.
        for same in told.chunk_by(|(_, a), (_, b)| a.stop == b.stop) {
            let order =
                |(key, held): &(InstanceKey, Held)| (*key, Order::Feed(held.input, GoalKind::Nothing));
            let operation = Operation::orders(same.iter().map(order).collect());
            let asker = same.first().and_then(|(_, held)| held.asker.clone());
            // Not begun here: it may be in the middle of a step.
            self.operations.push_back(operation.asked_by(asker));
        }
    }
}

/// What a command means for an instance that is to be told to stop later; `None` if it is told all the same.
fn fate(input: Input) -> Option<Fate> {
    match input {
        Input::Kill | Input::Reset => None,
        Input::Up | Input::Once | Input::Restart | Input::To(StateName::Starting | StateName::Running) => {
            Some(Fate::GoesOn)
        }
        _ => Some(Fate::Stops),
    }
}

/// The stages of programs, each with those that it needs.
fn stop_of(needs: &BTreeMap<ProgramId, BTreeSet<ProgramId>>) -> Stop {
    let mut stop: Stop = needs.keys().map(|program| (*program, Stage::default())).collect();
    for (program, needed) in needs {
        for other in needed {
            stop.entry(*other).or_default().before += 1;
        }
        stop.entry(*program).or_default().after.clone_from(needed);
    }
    stop
}

fn forget(by_program: &mut HashMap<ProgramId, Vec<StopId>>, program: ProgramId, id: StopId) {
    let Some(ids) = by_program.get_mut(&program) else { return };
    ids.retain(|other| *other != id);
    if ids.is_empty() {
        by_program.remove(&program);
    }
}
