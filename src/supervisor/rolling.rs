//! Restarting instance after instance: the next when the one before is running. When one does not get there, the
//! rest are left as they are, and an event says so.

use super::Supervisor;
use crate::core::event::ProgramChange;
use crate::core::ids::{InstanceIndex, InstanceKey, ProgramId};
use crate::core::state::{AdminState, Input, StateName};
use std::collections::VecDeque;

/// A rolling restart of a program.
#[derive(Debug)]
pub struct Rolling {
    program: ProgramId,
    left: VecDeque<InstanceIndex>,
    current: Option<InstanceIndex>,
}

impl Rolling {
    /// A restart of these instances, in this order.
    pub fn new(program: ProgramId, instances: Vec<InstanceIndex>) -> Self {
        Self { program, left: instances.into(), current: None }
    }
}

impl Supervisor {
    /// Begins a rolling restart, in place of one of the same program that is under way.
    pub fn roll(&mut self, rolling: Rolling) {
        let program = rolling.program;
        self.rolling.insert(program, rolling);
        self.roll_on(program);
    }

    /// Restarts the next instance that still runs with old settings.
    fn roll_on(&mut self, id: ProgramId) {
        while let Some(rolling) = self.rolling.get_mut(&id) {
            let Some(index) = rolling.left.pop_front() else {
                self.rolling.remove(&id);
                return;
            };
            rolling.current = Some(index);
            let key = InstanceKey { program: id, index };
            let revision = self.fleet.program(id).map(|program| program.revision);
            let wanted = self.fleet.instance(key).filter(|instance| instance.admin != AdminState::Down);
            let run = wanted.and_then(|instance| instance.run.as_ref());
            // One that was stopped, or restarted by somebody else meanwhile, needs nothing.
            if run.is_some_and(|run| Some(run.revision) != revision) {
                self.feed(key, Input::Restart);
                return;
            }
        }
    }

    /// An instance took an edge: a restart that waits for it goes on, or halts.
    pub fn rolling_sees_edge(&mut self, key: InstanceKey, state: StateName) {
        let Some(rolling) = self.rolling.get(&key.program) else { return };
        if rolling.current != Some(key.index) {
            return;
        }
        match state {
            StateName::Running => self.rolled.push(key.program),
            StateName::Stopping | StateName::Starting | StateName::Waiting => {}
            StateName::New | StateName::Exited | StateName::Backoff | StateName::Failed => {
                self.rolling.remove(&key.program);
                self.publish_program(key.program, ProgramChange::RestartHalted { instance: key.index });
            }
        }
    }

    /// Goes on with the restarts whose instance is running now.
    pub fn go_on_rolling(&mut self) {
        while let Some(program) = self.rolled.pop() {
            self.roll_on(program);
        }
    }
}
