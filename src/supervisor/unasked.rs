//! Where nobody can ask, what went wrong with an instance is said on standard error: that it cannot be started, begins to
//! be held back because of its flaps, was given up, or has failed and is not started again. Each is said once, and not
//! with every try.

use super::Supervisor;
use crate::core::ids::InstanceKey;
use crate::core::instance::Instance;
use crate::core::last_run::Cause;
use crate::core::policy::Ending;
use crate::core::program::Program;
use crate::core::state::{AdminState, Input, StateName};
use crate::sys::note::note;
use crate::sys::signals::signal_name;

impl Supervisor {
    /// An instance has taken an edge to a state.
    pub fn say_unasked(&self, key: InstanceKey, state: StateName, input: Input) {
        if self.reach.is_some() {
            return;
        }
        let Some(program) = self.fleet.program(key.program) else { return };
        let Some(instance) = program.instances.get(&key.index) else { return };
        if is_news(program, instance, state, input)
            && let Some(reason) = self.fleet.reason(program, instance, signal_name)
        {
            note(&format!("{}/{}, now {}: {reason}", program.name, key.index.0, state.as_str()));
        }
    }
}

fn is_news(program: &Program, instance: &Instance, state: StateName, input: Input) -> bool {
    let first_flap_of_a_row = instance.flap_count <= 1;
    match (state, input) {
        (StateName::Failed, _) => true,
        (StateName::Backoff, _) => {
            instance.flap_count == program.settings.policy.flap_max.saturating_add(1)
                || first_flap_of_a_row && was_not_executed(instance)
        }
        (StateName::Exited, Input::SpawnFailed(_)) => first_flap_of_a_row,
        (StateName::Exited, Input::Exited(_)) => {
            let cause = instance.last.as_ref().map(|last| &last.cause);
            let has_failed = matches!(cause, Some(Cause::Failed | Cause::OutOfMemory | Cause::Unhealthy(_)));
            has_failed && instance.admin == AdminState::Down
        }
        (
            StateName::New
            | StateName::Waiting
            | StateName::Starting
            | StateName::Running
            | StateName::Stopping
            | StateName::Exited,
            _,
        ) => false,
    }
}

fn was_not_executed(instance: &Instance) -> bool {
    instance.last.as_ref().is_some_and(|last| last.ending == Ending::NotExecuted)
}
