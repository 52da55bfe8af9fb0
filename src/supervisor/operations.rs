//! Commands to instances: fed one after another, a bounded number a turn, and answered when all were fed, or when
//! what they ask for has come to be.

use super::rpc::Caller;
use super::waiters::{Goal, Target};
use super::{Due, Supervisor};
use crate::api::reply::{ApiError, Code};
use crate::api::request::{Answer, Command};
use crate::api::results::{Changed, Row};
use crate::core::ids::{InstanceIndex, InstanceKey};
use crate::core::state::{AdminState, Input, State, StateName};
use std::collections::VecDeque;
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
    answer: Option<(Caller, Answer)>,
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
    pub fn new(command: Command, keys: Vec<InstanceKey>) -> Self {
        Self::orders(keys.into_iter().map(|key| (key, order(command))).collect())
    }

    /// An order for each of several instances.
    pub fn orders(left: VecDeque<(InstanceKey, Order)>) -> Self {
        Self { left, done: Vec::new(), answer: None }
    }

    /// With somebody to answer to.
    pub fn answering(self, caller: &Caller, answer: Answer) -> Self {
        Self { answer: Some((caller.clone(), answer)), ..self }
    }
}

impl Supervisor {
    /// Carries an operation out, as far as the turn allows; the rest follows in later turns, in the order of asking.
    ///
    /// # Errors
    /// `busy` when too many wait already.
    pub fn operate(&mut self, operation: Operation) -> Result<(), ApiError> {
        if self.operations.len() >= MAX_OPERATIONS {
            return Err(ApiError::new(
                Code::Busy,
                "Too many commands are waiting to be carried out; ask again",
            ));
        }
        self.operations.push_back(operation);
        if self.operations.len() == 1 {
            self.run_operations();
        }
        Ok(())
    }

    /// Goes on with the operations that wait.
    pub fn run_operations(&mut self) {
        for _ in 0..INSTANCES_A_TURN {
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

    fn finish_operation(&mut self) {
        let Some(operation) = self.operations.pop_front() else { return };
        match operation.answer {
            None => {}
            Some((caller, Answer::AtOnce)) => {
                let rows: Vec<Row> = operation.done.iter().map(|target| self.row(target)).collect();
                let reply = self.results(&rows);
                self.answer(&caller, reply);
            }
            Some((caller, Answer::WhenDone(timeout))) => {
                if let Err(error) = self.wait_for_goals(&caller, operation.done, timeout) {
                    self.refuse(&caller, &error);
                }
            }
        }
    }

    fn carry_out_order(&mut self, key: InstanceKey, order: Order) -> Option<Target> {
        let program = self.fleet.program(key.program)?.name.clone();
        let before = self.seen(key)?;
        let (changed, goal) = match order {
            Order::Feed(input, kind) => {
                self.feed(key, input);
                let changed = self.seen(key) != Some(before);
                (changed, self.goal(key, kind, before))
            }
            Order::Signal(signal) => (self.signal(key, signal).unwrap_or(false), Goal::Reached),
        };
        let changed = if changed { Changed::Yes } else { Changed::No };
        Some(Target { key, program, changed, goal })
    }

    /// What is asked for, judged against what is now.
    fn goal(&self, key: InstanceKey, kind: GoalKind, before: Seen) -> Goal {
        let Some(instance) = self.fleet.instance(key) else { return Goal::Reached };
        let name = instance.state.name();
        let reached = match kind {
            GoalKind::Nothing => true,
            // At rest right after a start: it has failed already.
            GoalKind::Running | GoalKind::In(StateName::Running) => match name {
                StateName::Running | StateName::Exited | StateName::Backoff | StateName::Failed => true,
                StateName::New | StateName::Waiting | StateName::Starting | StateName::Stopping => false,
            },
            GoalKind::Stopped => !name.has_process(),
            GoalKind::ProcessEnded => {
                before.pid.is_none() || instance.pid().map(|pid| pid.raw()) != before.pid
            }
            GoalKind::In(StateName::Stopping) => name == StateName::Stopping || name == StateName::Exited,
            GoalKind::In(state) => name == state,
            GoalKind::Gone => false,
        };
        if reached { Goal::Reached } else { Goal::Awaited(kind) }
    }

    /// A row for a target as it is now; for one that has gone, as it was at the end.
    pub fn row(&self, target: &Target) -> Row {
        match self.fleet.instance(target.key) {
            Some(instance) => Row::new(&target.program, target.key.index, instance, target.changed),
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
