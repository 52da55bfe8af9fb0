//! What is remembered of runs that ended, and why instances are in their state.

use super::rpc::Caller;
use super::{Due, Supervisor};
use crate::api::reply::ApiError;
use crate::api::{history, why};
use crate::core::exits::DeathCause;
use crate::core::fleet::{Purpose, Selection};
use crate::core::history::{CoreDump, Facts, Usage};
use crate::core::ids::{InstanceKey, Pid};
use crate::core::instance::LastRun;
use crate::core::policy::Reached;
use crate::sys::{clock, wait};

/// What is left of a process that was reaped.
#[derive(Clone, Copy, Debug)]
pub struct Remains {
    /// Its id; `None` if there never was a process.
    pub pid: Option<Pid>,
    /// How far it had come.
    pub reached: Reached,
    /// Whether a core was dumped.
    pub core: CoreDump,
    /// What it has used.
    pub usage: Usage,
}

impl Remains {
    /// Of an attempt in which there was not even a process.
    pub const NONE: Remains = Remains {
        pid: None,
        reached: Reached::Starting,
        core: CoreDump::None,
        usage: Usage { user: std::time::Duration::ZERO, system: std::time::Duration::ZERO, max_resident: 0 },
    };

    /// Of a process that ended in this way and was reaped.
    pub fn of(ending: wait::Ending, reaped: Option<wait::Reaped>) -> Self {
        let usage = reaped.map(|reaped| reaped.usage).unwrap_or_default();
        let core = match ending {
            wait::Ending::Killed { core_dumped: true, .. } => CoreDump::Written,
            wait::Ending::Killed { core_dumped: false, .. } | wait::Ending::Exited(_) => CoreDump::None,
        };
        let wait::Usage { user, system, max_resident } = usage;
        Self { core, usage: Usage { user, system, max_resident }, ..Self::NONE }
    }
}

impl Supervisor {
    /// Remembers a run that ended.
    pub fn remember(&mut self, key: InstanceKey, last: LastRun, remains: Remains) {
        let Some(instance) = self.fleet.instance_mut(key) else { return };
        let end_time = clock::wall();
        let Remains { pid, reached, core, usage } = remains;
        let start_time = instance.start_time.unwrap_or(end_time);
        let number =
            self.histories.record(key, &last, &Facts { pid, start_time, end_time, core, reached, usage });
        instance.exits.count(DeathCause::of(&last));
        instance.last = Some(last);
        self.await_last_words(key, number);
        self.output_ends(key, pid);
    }

    /// The runs of instances that are remembered.
    ///
    /// # Errors
    /// No such program or instance.
    pub fn tell_history(
        &mut self,
        caller: &Caller,
        selection: &Selection,
        limit: usize,
    ) -> Result<(), ApiError> {
        let keys = self.select(selection, Purpose::Read)?;
        let reply = history::reply(&self.fleet, &self.histories, &keys, limit);
        self.answer(caller, reply);
        Ok(())
    }

    /// Why instances are in their state, and what happens next.
    ///
    /// # Errors
    /// No such program or instance.
    pub fn tell_why(&mut self, caller: &Caller, selection: &Selection) -> Result<(), ApiError> {
        let keys = self.select(selection, Purpose::Read)?;
        let others = |key: InstanceKey| {
            let named = [
                (Due::Watchdog(key), "watchdog"),
                (Due::HealthCheck(key), "health-check"),
                (Due::StopCommand(key), "stop-command"),
            ];
            named.into_iter().filter_map(|(due, name)| Some((name, self.deadlines.at(due)?))).collect()
        };
        let view = why::View { fleet: &self.fleet, histories: &self.histories, now: self.now };
        let reply = view.reply(&keys, others);
        self.answer(caller, reply);
        Ok(())
    }
}
