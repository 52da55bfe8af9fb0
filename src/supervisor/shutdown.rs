//! The end: all programs are stopped, then the rest of what is below us, what does not heed is killed in time, and then
//! the loop ends.

use super::operations::Operation;
use super::{Due, Supervisor};
use crate::api::reply::{ApiError, Code};
use crate::core::asker::Wish;
use crate::core::event::{SupervisorChange, What};
use crate::core::ids::InstanceKey;
use crate::core::instance::Instance;
use crate::core::signal_meaning::{After, Role};
use crate::core::state::Input;
use std::time::Duration;

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not at all.
    Serving,
    /// Everything was told to stop.
    Stopping,
    /// Somebody is in a hurry: what has not stopped soon is killed.
    Hurrying,
    /// What is left was killed.
    Killing,
    /// Nobody is left but the logger, and it writes what was said last.
    Logging,
    /// Nothing is left.
    Done,
}

/// Who asked for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A signal; the second one hurries, the third kills.
    BySignal,
    /// A request; a second one changes nothing but the time it may take.
    ByRequest,
}

/// How long what was killed may take to be gone. Only a process that is stuck in the kernel takes longer, and waiting
/// does not help against that.
const KILLED: Duration = Duration::from_secs(1);
/// How long the logger may take for what programs said last. Then it goes on without us.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long stopping may go on once somebody is in a hurry.
const HURRY: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Begins to end, or hurries.
    pub fn begin_shutdown(&mut self, asked: Asked, timeout: Option<Duration>) {
        match (self.phase, asked) {
            (Phase::Serving, _) => {
                self.phase = Phase::Stopping;
                self.publish(What::Supervisor(SupervisorChange::Stopping));
                self.tell_manager_of_end();
                self.arm_shutdown(timeout.unwrap_or(self.settings.shutdown_timeout));
                self.stop_everything();
            }
            (Phase::Stopping, Asked::BySignal) => {
                self.phase = Phase::Hurrying;
                self.arm_shutdown(HURRY);
            }
            (Phase::Stopping, Asked::ByRequest) => {
                if let Some(timeout) = timeout {
                    self.arm_shutdown(timeout);
                }
            }
            (Phase::Hurrying | Phase::Logging, Asked::BySignal) => self.shutdown_timed_out(),
            (Phase::Hurrying | Phase::Logging, Asked::ByRequest) | (Phase::Killing | Phase::Done, _) => {}
        }
    }

    /// What is to follow the end, if it is more than an exit.
    ///
    /// # Errors
    /// For who is not the first process of a machine.
    pub fn follow_with(&mut self, then: Option<After>) -> Result<(), ApiError> {
        let Some(after) = then else { return Ok(()) };
        match self.role {
            Role::Machine => self.after = after,
            Role::Supervisor => {
                let sentence = "This supervisor is not that of a machine, which would run with --boot: \
                                'then' cannot be had";
                return Err(ApiError::new(Code::Failed, sentence));
            }
        }
        Ok(())
    }

    /// Nothing is killed without having been told to stop: what waits for others to stop is told in the last second.
    fn arm_shutdown(&mut self, timeout: Duration) {
        self.deadlines.arm(Due::Shutdown, self.now.after(timeout));
        self.deadlines.arm(Due::LastSecond, self.now.after(timeout.saturating_sub(HURRY)));
    }

    /// The last second begins.
    pub fn last_second(&mut self) {
        self.release_all();
        self.tell_rest();
    }

    fn stop_everything(&mut self) {
        // Nothing that was asked for before is begun any more.
        self.call_off_operations();
        self.stages.clear();
        self.rollings.clear();
        let everything: Vec<InstanceKey> = self.fleet.keys().collect();
        let asker = self.asker_for(Wish::Shutdown);
        self.asking.shutdown = Some(asker.clone());
        self.operations.push_back(Operation::stop(everything.into_iter()).asked_by(Some(asker)));
    }

    /// Kills what has not stopped; and does not wait for ever for what cannot be killed.
    pub fn shutdown_timed_out(&mut self) {
        match self.phase {
            Phase::Serving | Phase::Stopping | Phase::Hurrying => self.phase = Phase::Killing,
            Phase::Killing | Phase::Logging | Phase::Done => {
                self.phase = Phase::Done;
                return;
            }
        }
        self.deadlines.arm(Due::Shutdown, self.now.after(KILLED));
        self.call_off_operations();
        self.stages.clear();
        self.end_hooks();
        let left: Vec<InstanceKey> = self.fleet.keys().collect();
        for key in left {
            // Those that were not told to stop yet are not started again.
            let asker = self.asking.shutdown.clone();
            self.feed_for(key, Input::Down, asker.clone());
            if self.fleet.instance(key).is_some_and(has_process) {
                self.feed_for(key, Input::Kill, asker);
            }
        }
        self.kill_rest();
    }

    /// Ends the loop when nothing is left to stop.
    pub fn go_on_with_shutdown(&mut self) {
        match self.phase {
            Phase::Serving | Phase::Done => {}
            Phase::Stopping | Phase::Hurrying | Phase::Killing => {
                let stopped = self.operations.is_empty() && self.processes.is_empty();
                // What happened last has hooks, too.
                let hooked = self.hooks.are_done();
                if stopped && hooked && self.children.are_done() && self.cgroups.are_settled() {
                    self.tell_rest();
                    if self.rest_is_gone() {
                        self.finish_logging();
                    }
                }
            }
            Phase::Logging => {
                if self.output_is_finished() {
                    if self.rest_is_gone() {
                        self.phase = Phase::Done;
                    } else {
                        self.resume_shutdown();
                    }
                }
            }
        }
    }

    fn finish_logging(&mut self) {
        self.will_resume_shutdown();
        if self.phase != Phase::Killing {
            self.deadlines.arm(Due::Shutdown, self.now.after(LAST_WORDS));
        }
        self.phase = Phase::Logging;
        self.finish_output();
        self.go_on_with_shutdown();
    }
}

fn has_process(instance: &Instance) -> bool {
    instance.state.name().has_process()
}
