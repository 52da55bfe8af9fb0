//! Short children: what runs beside the instances for a moment, on behalf of one of them.
//!
//! Such a child is known by its own process id alone, so that its end is never taken for that of an instance. It leads
//! a session of its own, and when it has ended, took too long or is needed no more, its whole group is killed.

use super::hooks::HookRun;
use super::spawn::step_words;
use super::{Due, Supervisor};
use crate::core::ids::InstanceKey;
use crate::core::moment::Moment;
use crate::sys::fork::{self, ExecStatus, Spawned};
use crate::sys::process::{self, Pid};
use crate::sys::signals::signal_name;
use crate::sys::step::StepError;
use crate::sys::wait;
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// All short children.
#[derive(Debug, Default)]
pub struct Children {
    /// Those that were not reaped yet, also when nobody needs them any more.
    running: HashMap<Pid, Child>,
    /// Those whose end somebody waits for.
    awaited: HashMap<Purpose, Pid>,
}

/// What a child is for. There is at most one at a time for each purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To stop an instance.
    Stop(InstanceKey),
    /// To see whether an instance is in health.
    Health(InstanceKey),
    /// A hook, each time it is run.
    Hook(HookRun),
}

/// How long a child may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as somebody needs it.
    WhileNeeded,
    /// So long; then it is killed.
    AtMost(Duration),
}

/// What came of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ended by itself, with this code.
    Exited(i32),
    /// A signal ended it.
    Killed(i32),
    /// It took too long and was killed.
    TimedOut,
    /// Its program could not be executed.
    NotExecuted(StepError),
}

#[derive(Debug)]
struct Child {
    purpose: Purpose,
    /// The pipe that tells whether it was executed.
    status: OwnedFd,
    begun: Moment,
    pace: Pace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    InTime,
    TooSlow,
}

impl Children {
    /// Whether all have ended.
    pub fn are_done(&self) -> bool {
        self.running.is_empty()
    }
}

impl Outcome {
    /// What it did, to follow its name. `command` is what was to be executed.
    pub fn words(self, command: Option<&str>) -> String {
        match self {
            Outcome::Exited(code) => format!("exited with code {code}"),
            Outcome::Killed(signal) => format!("was killed by signal {signal} ({})", signal_name(signal)),
            Outcome::TimedOut => "took too long and was killed".to_string(),
            Outcome::NotExecuted(error) => format!("was not executed: {}", step_words(error, command)),
        }
    }
}

impl Children {
    /// Whether this is one that was not reaped yet.
    pub fn is_running(&self, pid: Pid) -> bool {
        self.running.contains_key(&pid)
    }
}

impl Supervisor {
    /// Takes charge of a child that was just forked, in place of the one that there may be for the same purpose.
    pub fn take_charge(&mut self, purpose: Purpose, spawned: Spawned, patience: Patience) {
        self.abandon_child(purpose);
        let child = Child { purpose, status: spawned.status, begun: self.now, pace: Pace::InTime };
        self.children.running.insert(spawned.pid, child);
        self.children.awaited.insert(purpose, spawned.pid);
        match patience {
            Patience::WhileNeeded => {}
            Patience::AtMost(time) => self.deadlines.arm(Due::Child(spawned.pid), self.now.after(time)),
        }
    }

    /// The child for this purpose, if there is one, is needed no more: it is killed, and nobody hears of its end.
    pub fn abandon_child(&mut self, purpose: Purpose) {
        let Some(pid) = self.children.awaited.remove(&purpose) else { return };
        self.deadlines.cancel(Due::Child(pid));
        // Not reaped yet, or it would not be awaited.
        process::signal_group(pid, libc::SIGKILL);
    }

    /// A child has taken as long as it may.
    pub fn child_timed_out(&mut self, pid: Pid) {
        let Some(child) = self.children.running.get_mut(&pid) else { return };
        child.pace = Pace::TooSlow;
        process::signal_group(pid, libc::SIGKILL);
    }

    /// A process has ended and is not reaped yet: reaps it and says what came of it, if it is such a child.
    pub fn bury_child(&mut self, ended: wait::Ended) -> bool {
        let pid = ended.pid;
        let Some(child) = self.children.running.remove(&pid) else { return false };
        // Nobody left to kill is the ordinary case.
        let _ = process::kill_group(pid, libc::SIGKILL);
        let _ = wait::reap(pid);
        if self.children.awaited.get(&child.purpose) != Some(&pid) {
            return true;
        }
        self.children.awaited.remove(&child.purpose);
        self.deadlines.cancel(Due::Child(pid));
        let outcome = outcome(&child, ended.ending);
        match child.purpose {
            Purpose::Stop(key) => self.stop_command_ended(key, outcome),
            Purpose::Health(key) => self.health_check_ended(key, outcome, child.begun),
            Purpose::Hook(run) => self.hook_ended(run, outcome, child.begun),
        }
        true
    }
}

fn outcome(child: &Child, ending: wait::Ending) -> Outcome {
    match (child.pace, fork::read_status(child.status.as_fd()), ending) {
        (Pace::TooSlow, _, _) => Outcome::TimedOut,
        (Pace::InTime, ExecStatus::Failed(error), _) => Outcome::NotExecuted(error),
        (Pace::InTime, _, wait::Ending::Exited(code)) => Outcome::Exited(code),
        (Pace::InTime, _, wait::Ending::Killed { signal, .. }) => Outcome::Killed(signal),
    }
}
