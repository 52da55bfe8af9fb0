//! What a request asks for: a closed list. Nothing from the wire names anything that is not listed here.

pub use crate::core::access::Access;
use crate::core::fleet::Selection;
use crate::core::ids::Seq;
use crate::core::log::OutputSource;
use crate::core::program::Settings;
use crate::core::signal_meaning::After;
use crate::core::state::StateName;
use crate::wire::value::Value;
use std::time::Duration;

/// A request that was understood.
#[derive(Clone, Debug)]
pub enum Request {
    /// `status`.
    Status(Selection, Usage),
    /// `list`.
    List(Selection, Usage),
    /// `start`, `stop`, `restart`, `once`, `kill`, `reset`, `signal`, `transition`.
    Command {
        /// Which.
        command: Command,
        /// Of what.
        selection: Selection,
        /// When to answer.
        answer: Answer,
    },
    /// `restart` with `rolling`.
    Roll {
        /// Of what.
        selection: Selection,
        /// How many instances at a time.
        parallel: u32,
        /// When to answer.
        answer: Answer,
    },
    /// `create`.
    Create {
        /// The name.
        program: String,
        /// The settings, checked.
        settings: Box<Settings>,
        /// Whether it is wanted up now.
        start: Starting,
    },
    /// `update`.
    Update {
        /// The name.
        program: String,
        /// The settings to change, by name, in the order given.
        changes: Vec<(String, Value)>,
        /// Whether what needs it is restarted.
        restart: Restarting,
    },
    /// `scale`.
    Scale {
        /// The name.
        program: String,
        /// How many instances there are to be.
        instances: u32,
        /// When to answer.
        answer: Answer,
    },
    /// `remove`.
    Remove {
        /// The name.
        program: String,
        /// Whether what runs is stopped first.
        force: Force,
        /// When to answer.
        answer: Answer,
    },
    /// `reload`.
    Reload(Mode),
    /// `wait`.
    Wait {
        /// For what.
        selection: Selection,
        /// To be in which state.
        state: StateName,
        /// How long at the most.
        timeout: Duration,
    },
    /// `events`.
    Events {
        /// Events after this one.
        since: Seq,
        /// The run of the supervisor that `since` is of, if the client said so.
        run: Option<String>,
        /// How many at the most.
        limit: usize,
        /// How long to wait for one if there is none.
        timeout: Duration,
    },
    /// `tail`.
    Tail {
        /// Of which program.
        program: String,
        /// Of which of its instances.
        instance: u32,
        /// Of which of its streams.
        source: OutputSource,
        /// How many bytes at the most.
        bytes: usize,
    },
    /// `reopen`.
    Reopen,
    /// `history`.
    History {
        /// Of what.
        selection: Selection,
        /// How many runs of each instance at the most.
        limit: usize,
    },
    /// `why`.
    Why(Selection),
    /// `info`.
    Info,
    /// `metrics`.
    Metrics(Usage),
    /// `methods`.
    Methods,
    /// `shutdown`.
    Shutdown {
        /// How long stopping may take before everything is killed; the supervisor's own unless given.
        timeout: Option<Duration>,
        /// What becomes of the machine then.
        then: Option<After>,
    },
    /// `dance`.
    Dance,
}

/// What can be done to instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Wanted up.
    Start,
    /// Wanted down.
    Stop,
    /// A new process.
    Restart,
    /// Wanted until it exits.
    Once,
    /// SIGKILL.
    Kill,
    /// Flaps forgiven.
    Reset,
    /// A signal, by its number.
    Signal(i32),
    /// Moved to a state.
    Transition(StateName),
}

/// Whether a reply tells what processes use, for which each has to be looked at in `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// It does.
    Told,
    /// It does not.
    LeftOut,
}

/// When to answer a request that takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// At once, saying what is on its way.
    AtOnce,
    /// When it is so, or when this time is over.
    WhenDone(Duration),
}

/// Whether a program is wanted up as soon as it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starting {
    /// It is.
    Now,
    /// It is down until somebody asks.
    Later,
}

/// Whether `update` restarts what runs with old settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restarting {
    /// One instance at a time, the next when it is running.
    Rolling,
    /// Not.
    Not,
}

/// Whether `reload` changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    ForReal,
    /// It only says what it would do.
    DryRun,
}

/// Whether `remove` stops what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It does.
    Stop,
    /// It refuses.
    Refuse,
}
