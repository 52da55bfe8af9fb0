//! When the supervisor is ready, for a service manager that waits for that: the first round, as its instances come to
//! something.

use super::Supervisor;
use crate::core::first_round::FirstRound;
use crate::core::ids::{InstanceKey, ProgramId};
use crate::core::instance::Instance;
use crate::core::program::{Autostart, Program};
use crate::core::requirements::graph::Outlook;
use crate::core::requirements::standing::Standing;
use crate::core::state::StateName;

impl Supervisor {
    /// Begins the first round: with all instances that are wanted up.
    pub fn begin_first_round(&mut self) {
        let Some(manager) = &mut self.manager else { return };
        let starts = |program: &&Program| program.settings.autostart == Autostart::Up;
        let needs = self.fleet.needs();
        let keys = self.fleet.programs().filter(starts).flat_map(|program| {
            // Some have been started by now, and may have come to something.
            let in_vain = needs.hope(program.id) >= Outlook::Absent;
            let is_unsettled = move |it: &Instance| match it.state.name() {
                StateName::New | StateName::Starting => true,
                StateName::Waiting => !in_vain,
                StateName::Running
                | StateName::Stopping
                | StateName::Exited
                | StateName::Backoff
                | StateName::Failed => false,
            };
            let unsettled = program.instances.iter().filter(move |(_, it)| is_unsettled(it));
            unsettled.map(|(index, _)| InstanceKey { program: program.id, index: *index })
        });
        manager.round = FirstRound::of(keys);
    }

    /// An instance has taken an edge; if it failed, that is one thing more that nobody is kept waiting for.
    pub fn first_round_sees_edge(&mut self, key: InstanceKey) {
        let standing = self.fleet.instance(key).and_then(Standing::of);
        if let Some(Standing::Due | Standing::Broken | Standing::Backoff | Standing::Failed) = standing {
            self.first_round_goes_on_without(key.program);
        }
    }

    /// A program has failed, if only once: nobody is kept waiting for those that wait for it, and for those that wait
    /// for them. Each program is marked once.
    fn first_round_goes_on_without(&mut self, failed: ProgramId) {
        let Some(manager) = &mut self.manager else { return };
        let mut failed = vec![failed];
        while let Some(program) = failed.pop() {
            for waiting in self.fleet.needs().required_by(program) {
                if manager.round.waits_in_vain(waiting) {
                    self.surroundings.awaiting_of(waiting).for_each(|key| manager.round.settle(key));
                    failed.push(waiting);
                }
            }
        }
    }

    /// An instance waits for what will not come by itself.
    pub fn first_round_sees_no_start(&mut self, key: InstanceKey) {
        if let Some(manager) = &mut self.manager {
            manager.round.settle(key);
        }
    }

    /// Whether it matters if what is waited for will come: the first round goes on.
    pub fn is_in_first_round(&self) -> bool {
        self.manager.as_ref().is_some_and(|manager| manager.is_in_first_round())
    }

    /// An instance begins to wait for what it requires.
    pub fn first_round_sees_waiting(&mut self, key: InstanceKey) {
        if self.is_in_first_round() && self.fleet.needs().hope(key.program) >= Outlook::Absent {
            self.first_round_sees_no_start(key);
        }
    }
}
