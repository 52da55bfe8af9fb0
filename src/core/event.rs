//! What happened, as it is kept and told: one value an event, small, without the bytes of any message.

use super::asker::Asker;
use super::exits::DeathCause;
use super::hook::{Hook, Pattern};
use super::ids::{InstanceIndex, Pid, Seq};
use super::log::OutputSource;
use super::state::{AdminState, StateName};
use std::rc::Rc;
use std::sync::Arc;

/// A numbered event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its number in this run of the supervisor.
    pub seq: Seq,
    /// When, in seconds since 1970.
    pub time: f64,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// An instance took an edge.
    State(Box<StateEvent>),
    /// The admin state of an instance changed, and no edge was taken.
    Admin {
        /// The program.
        program: Arc<str>,
        /// Which of its instances.
        index: InstanceIndex,
        /// What it was.
        from: AdminState,
        /// What it is.
        admin: AdminState,
    },
    /// A program was created, changed or removed.
    Program {
        /// Its name.
        program: Arc<str>,
        /// What was done to it.
        change: ProgramChange,
    },
    /// A hook has ended.
    Hook(Box<HookEvent>),
    /// Something about the supervisor itself.
    Supervisor(SupervisorChange),
}

/// An edge that an instance took, with what was true right after it.
#[derive(Clone, Debug)]
pub struct StateEvent {
    /// The program.
    pub program: Arc<str>,
    /// Which of its instances.
    pub index: InstanceIndex,
    /// The state it came from.
    pub from: StateName,
    /// The state it is in.
    pub state: StateName,
    /// What the operator wants.
    pub admin: AdminState,
    /// Its process, if it has one.
    pub pid: Option<Pid>,
    /// Exit code of the last process that ended.
    pub exitcode: i32,
    /// Signal that ended the last process, or 0.
    pub exitsignal: i32,
    /// Seconds that the present run has lasted, or the run that this edge ended.
    pub duration: f64,
    /// Starts until now.
    pub start_count: u32,
    /// Flaps in a row.
    pub flap_count: u32,
    /// Why, as a sentence.
    pub reason: Option<Box<str>>,
    /// Why the run ended that this edge ended.
    pub cause: Option<DeathCause>,
    /// Who asked for this edge; of one that ended a run, who asked for that end.
    pub asked_by: Option<Rc<Asker>>,
}

/// A hook that was run for an instance, and has ended.
#[derive(Clone, Debug)]
pub struct HookEvent {
    /// The program.
    pub program: Arc<str>,
    /// Which of its instances.
    pub index: InstanceIndex,
    /// What was run.
    pub hook: Arc<Hook>,
    /// Which of its patterns matched.
    pub on: Pattern,
    /// The event that it was run for.
    pub of: Seq,
    /// Its process, if it had one.
    pub pid: Option<Pid>,
    /// How it ended.
    pub ending: HookEnding,
    /// How long it took, in seconds.
    pub duration: f64,
}

/// How a hook ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookEnding {
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it.
    Killed(i32),
    /// It took too long and was killed.
    TimedOut,
    /// It was never executed; a sentence that names the step and the system's words.
    NotExecuted(Box<str>),
}

/// What was done to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramChange {
    /// It is known from now on.
    Created,
    /// Its settings changed.
    Updated,
    /// The number of its instances changed.
    Scaled {
        /// How many are wanted now.
        instances: u32,
    },
    /// It and its instances are gone.
    Removed,
    /// A rolling restart stopped half-way, because an instance did not come to be running.
    RestartHalted {
        /// That instance.
        instance: InstanceIndex,
    },
}

/// Something about the supervisor itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SupervisorChange {
    /// It serves from now on.
    Started,
    /// It stops all programs and then ends.
    Stopping,
    /// The configuration was read again and put into effect: how many programs were added, changed, removed, and left
    /// alone.
    Reloaded {
        /// New ones.
        added: usize,
        /// Others.
        changed: usize,
        /// Those that are stopped and forgotten.
        removed: usize,
        /// Those that nothing was done to.
        unchanged: usize,
    },
    /// The configuration was read again and is wrong, so nothing was changed.
    ReloadFailed {
        /// The first mistake.
        error: Box<str>,
        /// How many there are.
        errors: usize,
    },
    /// A client was disconnected because it did not read its replies.
    ClientDropped {
        /// The endpoint it had connected to.
        endpoint: Box<str>,
        /// How many replies were thrown away.
        replies: usize,
    },
    /// A subscriber was disconnected because it asked for more topics, or longer ones, than one may.
    SubscriberDropped {
        /// The endpoint it had connected to.
        endpoint: Box<str>,
    },
    /// Hooks were not run that were to be: too many waited, they were changed, or there was no time left.
    HooksDropped {
        /// How many.
        count: u64,
    },
    /// Something about captured output of an instance.
    Log(Box<LogEvent>),
    /// The logger has ended, and another one was started.
    LoggerRestarted {
        /// The process of the new one.
        pid: i32,
        /// How the last one ended.
        reason: Box<str>,
    },
    /// The logger could not be started, or cannot do all that it should. Told once, until it is well again.
    LoggerFailed {
        /// Why.
        reason: Box<str>,
    },
}

/// What happened to captured output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// The program.
    pub program: Arc<str>,
    /// Which of its instances.
    pub instance: InstanceIndex,
    /// Which of its streams.
    pub source: OutputSource,
    /// What.
    pub change: LogChange,
}

/// What happened to the output of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogChange {
    /// Some of it was dropped.
    Dropped {
        /// How many bytes since this was last told.
        bytes: u64,
        /// Why, if that is known.
        reason: Option<Box<str>>,
    },
    /// It cannot be written.
    Trouble {
        /// What was tried, on what, and the system's words.
        reason: Box<str>,
    },
    /// It can be written again.
    Recovered,
}

impl HookEnding {
    /// The exit code, as that of an instance: -1 after a death by a signal, 127 when nothing could be executed.
    pub fn exitcode(&self) -> i32 {
        match self {
            HookEnding::Exited(code) => *code,
            HookEnding::Killed(_) | HookEnding::TimedOut => -1,
            HookEnding::NotExecuted(_) => 127,
        }
    }

    /// The signal that ended it, or 0.
    pub fn exitsignal(&self) -> i32 {
        /// SIGKILL is 9 on every architecture that Linux runs on; see signal(7).
        const KILL: i32 = 9;
        match self {
            HookEnding::Killed(signal) => *signal,
            HookEnding::TimedOut => KILL,
            HookEnding::Exited(_) | HookEnding::NotExecuted(_) => 0,
        }
    }
}

impl ProgramChange {
    /// The word in the event.
    pub fn as_str(self) -> &'static str {
        match self {
            ProgramChange::Created => "created",
            ProgramChange::Updated => "updated",
            ProgramChange::Scaled { .. } => "scaled",
            ProgramChange::Removed => "removed",
            ProgramChange::RestartHalted { .. } => "restart_halted",
        }
    }
}

impl SupervisorChange {
    /// The word in the event.
    pub fn as_str(&self) -> &'static str {
        match self {
            SupervisorChange::Started => "started",
            SupervisorChange::Stopping => "stopping",
            SupervisorChange::Reloaded { .. } => "reloaded",
            SupervisorChange::ReloadFailed { .. } => "reload_failed",
            SupervisorChange::ClientDropped { .. } => "client_dropped",
            SupervisorChange::SubscriberDropped { .. } => "subscriber_dropped",
            SupervisorChange::Log(event) => match event.change {
                LogChange::Dropped { .. } => "log_dropped",
                LogChange::Trouble { .. } => "log_trouble",
                LogChange::Recovered => "log_recovered",
            },
            SupervisorChange::LoggerRestarted { .. } => "logger_restarted",
            SupervisorChange::LoggerFailed { .. } => "logger_failed",
            SupervisorChange::HooksDropped { .. } => "hooks_dropped",
        }
    }
}
