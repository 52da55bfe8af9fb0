//! `exit_when`: the supervisor ends when its programs have, with an exit code that tells how.

use super::Supervisor;
use super::shutdown::{Asked, Phase};
use crate::config::supervisor::ExitWhen;
use crate::core::ids::InstanceKey;
use crate::core::instance::{Cause, Instance};
use crate::core::state::{AdminState, Input, StateName};
use std::collections::HashMap;

/// What there is to know of instances for it, kept as they change, so that nothing is ever gone through for it.
#[derive(Debug, Default)]
pub struct Ends {
    /// How many instances are wanted up.
    wanted: usize,
    /// Whether any ever was: a supervisor that has not begun is not done.
    begun: Begun,
    /// The exit codes of instances that have failed for good, as long as they are not up again.
    failed: HashMap<InstanceKey, u8>,
    /// The last of them to fail.
    last_failed: Option<InstanceKey>,
    /// What the supervisor ends with.
    exit_code: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Begun {
    #[default]
    No,
    Yes,
}

impl Ends {
    /// What the supervisor ends with: 0 unless it ends by itself.
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// How many instances are wanted up.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// The admin state of an instance is set.
    pub fn see_admin(&mut self, from: AdminState, to: AdminState) {
        match (from, to) {
            (AdminState::Down, AdminState::Up | AdminState::Once) => {
                self.wanted += 1;
                self.begun = Begun::Yes;
            }
            (AdminState::Up | AdminState::Once, AdminState::Down) => {
                self.wanted = self.wanted.saturating_sub(1);
            }
            (AdminState::Down, AdminState::Down)
            | (AdminState::Up | AdminState::Once, AdminState::Up | AdminState::Once) => {}
        }
    }

    /// An instance took an edge.
    pub fn see_edge(&mut self, key: InstanceKey, instance: &Instance, input: Input) {
        if let Some(code) = failure(instance, input) {
            self.failed.insert(key, code);
            self.last_failed = Some(key);
        } else if instance.admin != AdminState::Down {
            self.failed.remove(&key);
        }
    }

    /// The slot of an instance was given up.
    pub fn forget(&mut self, key: InstanceKey) {
        self.failed.remove(&key);
    }

    /// The exit code of what failed: of the last to do so.
    fn failure(&self) -> Option<u8> {
        let last = self.last_failed.and_then(|key| self.failed.get(&key));
        last.or_else(|| self.failed.iter().min_by_key(|(key, _)| **key).map(|(_, code)| code)).copied()
    }
}

/// The exit code of an instance that has just failed for good; `None` for any other.
fn failure(instance: &Instance, input: Input) -> Option<u8> {
    let has_ended = matches!(input, Input::Exited(_) | Input::SpawnFailed(_));
    let ended_by_failure = instance.last.as_ref().is_some_and(|last| match last.cause {
        Cause::Failed | Cause::OutOfMemory | Cause::SpawnFailed(_) | Cause::Unhealthy(_) => true,
        Cause::Finished | Cause::Stopped | Cause::StopTimeout => false,
    });
    let for_good = match instance.state.name() {
        StateName::Failed => true,
        // One that was stopped while it waited for its next start has not failed just now.
        StateName::Exited => has_ended && ended_by_failure && instance.admin == AdminState::Down,
        StateName::New
        | StateName::Waiting
        | StateName::Starting
        | StateName::Running
        | StateName::Stopping
        | StateName::Backoff => false,
    };
    for_good.then(|| exit_code(instance.exitcode(), instance.exitsignal()))
}

/// As a shell has it: 128 and the signal. What failed is never 0, whatever it counts as success.
fn exit_code(code: i32, signal: i32) -> u8 {
    let told = if signal > 0 { signal.saturating_add(128) } else { code };
    u8::try_from(told).ok().filter(|code| *code != 0).unwrap_or(1)
}

impl Supervisor {
    /// Begins to end if there is nothing left to stay for. To be asked at the end of a turn, when all that belongs
    /// together has happened.
    pub fn end_if_done(&mut self) {
        if self.phase != Phase::Serving {
            return;
        }
        let code = match self.settings.exit_when {
            ExitWhen::Never => None,
            ExitWhen::AllDone => {
                let is_done = self.ends.begun == Begun::Yes && self.ends.wanted == 0;
                // What was ordered and not carried out yet may want something up.
                (is_done && self.operations.is_empty()).then(|| self.ends.failure().unwrap_or(0))
            }
            ExitWhen::AnyFailed => self.ends.failure(),
        };
        if let Some(code) = code {
            self.ends.exit_code = code;
            self.begin_shutdown(Asked::ByRequest, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_a_shell() {
        assert_eq!(exit_code(3, 0), 3);
        assert_eq!(exit_code(-1, 15), 143);
        assert_eq!(exit_code(0, 0), 1);
        assert_eq!(exit_code(127, 0), 127);
        assert_eq!(exit_code(-1, 0), 1);
    }

    #[test]
    fn those_that_are_wanted_are_counted() {
        let mut ends = Ends::default();
        ends.see_admin(AdminState::Down, AdminState::Up);
        ends.see_admin(AdminState::Up, AdminState::Once);
        ends.see_admin(AdminState::Down, AdminState::Once);
        assert_eq!((ends.wanted, ends.begun), (2, Begun::Yes));
        ends.see_admin(AdminState::Once, AdminState::Down);
        ends.see_admin(AdminState::Down, AdminState::Down);
        assert_eq!(ends.wanted, 1);
    }
}
