//! Commands to instances: fed one after another, a bounded number a turn, and answered when all were fed, or when
//! what they ask for has come to be.

use super::rpc::{Caller, Kept};
use super::waiters::{self, Target};
use super::{Due, Supervisor};
use crate::api::reply::{ApiError, Code, Reply};
use crate::api::request::{Answer, Command};
use crate::api::results::{self, Changed, Row};
use crate::core::asker::{Asker, Wish};
use crate::core::fleet::Fleet;
use crate::core::ids::{InstanceIndex, InstanceKey};
use crate::core::instance::Signalled;
use crate::core::order;
use crate::core::requirements::graph::Outlook;
use crate::core::state::{AdminState, Input, State, StateName};
use crate::sys::errno::words;
use crate::sys::signals::signal_name;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// How many instances are commanded in a turn; a start costs a fork.
const INSTANCES_A_TURN: usize = 64;
/// How many operations may wait for their turn.
const MAX_OPERATIONS: usize = 1024;

/// A command to several instances.
#[derive(Debug)]
pub struct Operation {
    left: VecDeque<(InstanceKey, Order)>,
    done: Vec<Target>,
    /// What has not come to be yet of what was ordered. Edges between the turns of an operation count too.
    awaited: HashMap<InstanceKey, GoalKind>,
    /// The first thing that the system refused.
    refused: Option<String>,
    answer: Option<(Kept, Answer)>,
    sequence: Sequence,
    /// Who asked for it.
    asker: Option<Rc<Asker>>,
}

/// In which order instances are commanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sequence {
    /// As they were given.
    AsGiven,
    /// A stop: those that need others before those that they need. To be planned when its turn has come.
    DependantsFirst,
    /// Those that are needed before those that need them; or what was left of a stop when it was planned.
    Rearranged,
}

/// What is to be done to one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// An input of the table, and what a caller waits for after it.
    Feed(Input, GoalKind),
    /// A signal to its main process.
    Signal(i32),
}

/// What a caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoalKind {
    /// Nothing: it is done.
    Nothing,
    /// A run of it is healthy.
    Running,
    /// It has no process.
    Stopped,
    /// The process that it has now has ended.
    ProcessEnded,
    /// It is in a state.
    In(StateName),
    /// Its slot is given up.
    Gone,
}

impl Operation {
    /// A command to instances.
    ///
    /// What is started is started in the order in which it needs each other, so that what is needed is on its way when
    /// that is looked at; what is stopped, in the reverse order.
    pub fn new(command: Command, mut keys: Vec<InstanceKey>, fleet: &Fleet) -> Self {
        let sequence = match command {
            _ if fleet.needs().is_empty() => Sequence::AsGiven,
            Command::Start | Command::Restart | Command::Once => {
                fleet.needed_first(&mut keys);
                Sequence::Rearranged
            }
            Command::Stop => Sequence::DependantsFirst,
            Command::Kill | Command::Reset | Command::Signal(_) | Command::Transition(_) => Sequence::AsGiven,
        };
        Self { sequence, ..Self::orders(keys.into_iter().map(|key| (key, order(command))).collect()) }
    }

    /// A start of instances that nobody waits for, what is needed first.
    pub fn start(mut keys: Vec<InstanceKey>, fleet: &Fleet) -> Self {
        fleet.needed_first(&mut keys);
        Self::orders(keys.into_iter().map(|key| (key, Order::Feed(Input::Up, GoalKind::Nothing))).collect())
    }

    /// A stop of instances, in the reverse order of what they need.
    pub fn stop(keys: impl Iterator<Item = InstanceKey>) -> Self {
        let orders = keys.map(|key| (key, Order::Feed(Input::Down, GoalKind::Nothing))).collect();
        Self { sequence: Sequence::DependantsFirst, ..Self::orders(orders) }
    }

    /// An order for each of several instances.
    pub fn orders(left: VecDeque<(InstanceKey, Order)>) -> Self {
        let sequence = Sequence::AsGiven;
        let (done, awaited) = (Vec::new(), HashMap::new());
        Self { left, done, awaited, refused: None, answer: None, sequence, asker: None }
    }

    /// The same, asked for by somebody.
    pub fn asked_by(self, asker: Option<Rc<Asker>>) -> Self {
        Self { asker, ..self }
    }
}

impl Supervisor {
    /// Carries an operation out, as far as the turn allows; the rest follows in later turns, in the order of asking.
    pub fn operate(&mut self, mut operation: Operation) {
        operation.asker = operation.asker.or_else(|| self.asker());
        self.operations.push_back(operation);
        if self.operations.len() == 1 {
            self.run_operations();
        }
    }

    /// Carries out the operation that `prepare` makes, and answers the caller.
    ///
    /// # Errors
    /// Those of `prepare`, and `busy` when too many wait already; then `prepare` was not called.
    pub fn operate_for(
        &mut self,
        caller: &Caller,
        answer: Answer,
        prepare: impl FnOnce(&mut Self) -> Result<Operation, ApiError>,
    ) -> Result<(), ApiError> {
        if self.operations.len() >= MAX_OPERATIONS {
            let sentence = "Too many commands are waiting to be carried out; ask again";
            return Err(ApiError::new(Code::Busy, sentence));
        }
        let kept = self.keep(caller)?;
        match prepare(self) {
            Ok(operation) => {
                self.operate(Operation { answer: Some((kept, answer)), ..operation });
                Ok(())
            }
            Err(error) => {
                self.recall(kept);
                Err(error)
            }
        }
    }

    /// Calls off what has not been carried out, and says so to whoever asked.
    pub fn call_off_operations(&mut self) {
        for operation in std::mem::take(&mut self.operations) {
            if let Some((kept, _)) = operation.answer {
                self.refuse_kept(kept);
            }
        }
    }

    /// Tells a caller that nothing more will come of its request.
    pub fn refuse_kept(&mut self, kept: Kept) {
        let caller = self.recall(kept);
        self.refuse(&caller, &ApiError::new(Code::Busy, "The supervisor is shutting down"));
    }

    /// Goes on with the operations that wait.
    pub fn run_operations(&mut self) {
        for _ in 0..INSTANCES_A_TURN {
            self.plan_operation();
            let Some(operation) = self.operations.front_mut() else { return };
            let Some((key, order)) = operation.left.pop_front() else {
                self.finish_operation();
                continue;
            };
            let target = self.carry_out_order(key, order);
            if let (Some(target), Some(operation)) = (target, self.operations.front_mut()) {
                operation.done.push(target);
            }
        }
        if self.operations.front().is_some_and(|operation| operation.left.is_empty()) {
            self.finish_operation();
        }
    }

    /// Plans a stop whose turn has come: some of it may have to be held back until the rest is done.
    fn plan_operation(&mut self) {
        let Some(operation) = self.operations.front_mut() else { return };
        if operation.sequence != Sequence::DependantsFirst {
            return;
        }
        operation.sequence = Sequence::Rearranged;
        let orders = std::mem::take(&mut operation.left);
        let plan = self.plan_stop(orders);
        for key in plan.held {
            self.await_goal(key, GoalKind::Stopped);
            let Some(program) = self.fleet.program(key.program).map(|program| program.name.clone()) else {
                continue;
            };
            if let Some(operation) = self.operations.front_mut() {
                operation.done.push(Target { key, program, changed: Changed::Yes });
            }
        }
        if let Some(operation) = self.operations.front_mut() {
            operation.left = plan.now;
        }
    }

    fn finish_operation(&mut self) {
        let Some(mut operation) = self.operations.pop_front() else { return };
        let Some((kept, answer)) = operation.answer else { return };
        if operation.sequence == Sequence::Rearranged {
            order::sort_by(&mut operation.done, |a, b| {
                (&a.program, a.key.index).cmp(&(&b.program, b.key.index))
            });
        }
        if let Some(words) = operation.refused {
            let caller = self.recall(kept);
            let error = ApiError::new(Code::Failed, words);
            let mut reply = Reply::error(&error, caller.request.as_deref());
            results::write(&mut reply, &self.rows(&operation.done));
            return self.answer(&caller, reply);
        }
        match answer {
            Answer::AtOnce => self.answer_targets(kept, &operation.done),
            Answer::WhenDone(timeout) => {
                self.wait_for_goals(kept, operation.done, operation.awaited, timeout);
            }
        }
    }

    fn carry_out_order(&mut self, key: InstanceKey, order: Order) -> Option<Target> {
        let program = self.fleet.program(key.program)?.name.clone();
        let before = self.seen(key)?;
        let changed = match order {
            Order::Feed(input, kind) => {
                self.release_for(key, input);
                if input == Input::Remove {
                    self.rolling_sees_end(key);
                }
                // Before the input, since its goal may be passed on the way.
                self.await_goal(key, kind);
                self.feed_for(key, input, self.asker_of(key, input));
                if input == Input::Kill {
                    self.stop_if_held(key);
                }
                if self.is_reached(key, kind, before) {
                    self.goal_decided(key);
                }
                if input == Input::RequirementsLost {
                    // Nobody named it: it is bound to what was named.
                    return None;
                }
                self.seen(key) != Some(before)
            }
            Order::Signal(signal) => match self.signal(key, signal) {
                Ok(sent) => {
                    self.note_signal(key, signal);
                    sent
                }
                Err(errno) => {
                    self.system_refused(format!("{program}/{}: {}", key.index, words(errno)));
                    false
                }
            },
        };
        let changed = if changed { Changed::Yes } else { Changed::No };
        Some(Target { key, program, changed })
    }

    /// Who asks for what an instance is told: what is bound to that which stops is asked by that, on behalf of whoever
    /// stops it.
    fn asker_of(&self, key: InstanceKey, input: Input) -> Option<Rc<Asker>> {
        let asker = self.operation_asker();
        if input != Input::RequirementsLost {
            return asker;
        }
        let needed =
            self.fleet.needs().needs_of(key.program).find(|needed| self.stages.are_stopping(*needed));
        let Some(needed) = needed.and_then(|needed| self.fleet.program(needed)) else { return asker };
        let by = asker.and_then(|asker| asker.by.clone());
        Some(Rc::new(Asker { what: Wish::Requirement(needed.name.clone()), by }))
    }

    /// Who asked for the operation under way.
    pub fn operation_asker(&self) -> Option<Rc<Asker>> {
        self.operations.front()?.asker.clone()
    }

    /// A signal was sent: should the process end by it, it is known who wanted that.
    fn note_signal(&mut self, key: InstanceKey, signal: i32) {
        let Some(asked_by) = self.operation_asker() else { return };
        if let Some(run) = self.fleet.instance_mut(key).and_then(|instance| instance.run.as_mut()) {
            run.signalled = Some(Box::new(Signalled { signal, asked_by }));
        }
    }

    fn await_goal(&mut self, key: InstanceKey, kind: GoalKind) {
        if let Some(operation) = self.operations.front_mut()
            && let Some((_, Answer::WhenDone(_))) = operation.answer
        {
            operation.awaited.insert(key, kind);
        }
    }

    fn goal_decided(&mut self, key: InstanceKey) {
        if let Some(operation) = self.operations.front_mut() {
            operation.awaited.remove(&key);
        }
    }

    fn system_refused(&mut self, words: String) {
        if let Some(operation) = self.operations.front_mut() {
            operation.refused.get_or_insert(words);
        }
    }

    /// An instance took an edge: it may be what the operation under way asks for.
    pub fn operation_sees_edge(&mut self, key: InstanceKey, from: StateName, to: StateName) {
        if let Some(operation) = self.operations.front_mut()
            && operation.awaited.get(&key).is_some_and(|kind| waiters::is_decided(*kind, from, to))
        {
            operation.awaited.remove(&key);
        }
    }

    /// An instance waits for something that has failed: whoever wants to see it running need not wait.
    pub fn operation_sees_no_start(&mut self, key: InstanceKey) {
        if let Some(operation) = self.operations.front_mut()
            && operation.awaited.get(&key).is_some_and(|kind| waiters::is_start(*kind))
        {
            operation.awaited.remove(&key);
        }
    }

    /// The slot of an instance was given up.
    pub fn operation_sees_end(&mut self, key: InstanceKey) {
        self.goal_decided(key);
    }

    /// Whether what is asked for is so by now, edge or no edge.
    fn is_reached(&self, key: InstanceKey, kind: GoalKind, before: Seen) -> bool {
        let Some(instance) = self.fleet.instance(key) else { return true };
        let name = instance.state.name();
        match kind {
            GoalKind::Nothing => true,
            // At rest right after a start: it has failed already.
            GoalKind::Running | GoalKind::In(StateName::Running) => match name {
                StateName::Running | StateName::Exited | StateName::Backoff | StateName::Failed => true,
                // What it waits for has failed already.
                StateName::Waiting => self.fleet.needs().hope(key.program) == Outlook::Failed,
                StateName::New | StateName::Starting | StateName::Stopping => false,
            },
            GoalKind::Stopped => !name.has_process(),
            GoalKind::ProcessEnded => {
                before.pid.is_none() || instance.pid().map(|pid| pid.raw()) != before.pid
            }
            GoalKind::In(StateName::Stopping) => name == StateName::Stopping || name == StateName::Exited,
            GoalKind::In(state) => name == state,
            GoalKind::Gone => false,
        }
    }

    /// Rows for targets as they are now.
    pub fn rows(&self, targets: &[Target]) -> Vec<Row> {
        targets.iter().map(|target| self.row(target)).collect()
    }

    /// A row for a target as it is now; for one that has gone, as it was at the end.
    fn row(&self, target: &Target) -> Row {
        match self.fleet.instance(target.key) {
            Some(instance) => {
                let reason = self
                    .fleet
                    .program(target.key.program)
                    .and_then(|program| self.fleet.reason(program, instance, signal_name));
                Row::new(&target.program, target.key.index, instance, target.changed, reason)
            }
            None => gone(&target.program, target.key.index, target.changed),
        }
    }

    /// What a command may change, to tell whether it did.
    fn seen(&self, key: InstanceKey) -> Option<Seen> {
        let instance = self.fleet.instance(key)?;
        Some(Seen {
            state: instance.state,
            admin: instance.admin,
            pid: instance.pid().map(|pid| pid.raw()),
            flap_count: instance.flap_count,
            start_count: instance.start_count,
            timer_armed: self.deadlines.is_armed(Due::Instance(key)),
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
struct Seen {
    state: State,
    admin: AdminState,
    pid: Option<i32>,
    flap_count: u32,
    start_count: u32,
    timer_armed: bool,
}

fn gone(program: &Arc<str>, index: InstanceIndex, changed: Changed) -> Row {
    Row {
        program: program.clone(),
        index,
        state: StateName::Exited,
        admin: AdminState::Down,
        pid: None,
        changed,
        reason: Some("removed".to_string()),
        exitcode: 0,
        exitsignal: 0,
    }
}

fn order(command: Command) -> Order {
    match command {
        Command::Start => Order::Feed(Input::Up, GoalKind::Running),
        Command::Stop => Order::Feed(Input::Down, GoalKind::Stopped),
        Command::Restart => Order::Feed(Input::Restart, GoalKind::Running),
        Command::Once => Order::Feed(Input::Once, GoalKind::Running),
        Command::Kill => Order::Feed(Input::Kill, GoalKind::ProcessEnded),
        Command::Reset => Order::Feed(Input::Reset, GoalKind::Nothing),
        Command::Signal(signal) => Order::Signal(signal),
        Command::Transition(state) => Order::Feed(Input::To(state), GoalKind::In(state)),
    }
}
