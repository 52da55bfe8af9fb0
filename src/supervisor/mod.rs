//! The shell around the core: it owns the descriptors, feeds the table and carries out what the table decides.
//!
//! | file | what is there |
//! | --- | --- |
//! | `setup` | from nothing to a supervisor that serves: signals, limits, lock, sockets, in this order |
//! | `turn` | the loop: what is ready, what is due, what is asked, each a bounded amount a turn |
//! | `source` | what an epoll token stands for |
//! | `effects` | an input goes through the table, and its effects are carried out |
//! | `launch`, `environment`, `spawn`, `reap` | the plan, the beginning and the end of a process |
//! | `readiness`, `notifications` | how processes say that they are ready, how they are, that they still work |
//! | `manager`, `first_round` | who started the supervisor, and is told how it is, and when it is ready |
//! | `strays` | processes that have left their instance |
//! | `stopping` | the stop signal, the stop command, SIGKILL |
//! | `children` | stop commands and what else runs beside the instances for a moment |
//! | `health`, `memory` | what runs and is not in health is given up on: by a command, by its memory |
//! | `hooks` | commands that are run when something happens |
//! | `cgroups` | the cgroups of instances |
//! | `capture` | what programs print, and the logger that reads it |
//! | `sockets` | the sockets of programs, opened for them and passed to them |
//! | `reach` | where the supervisor can be reached: its endpoints, if it has any |
//! | `runtime_dir` | where clients connect, checked before anything is bound |
//! | `zap` | who is let in over CURVE |
//! | `rpc`, `outbox` | requests in, replies out, and clients that do not fetch them |
//! | `asking` | who asks for what is done |
//! | `history`, `last_words` | what is remembered of runs that ended, and what they said last |
//! | `requests`, `operations`, `programs` | requests carried out: reading, commanding, changing programs |
//! | `surveys` | replies for which many processes have to be looked at, some in each turn |
//! | `metrics` | what the loop knows of itself in numbers |
//! | `waiters` | replies that are given later |
//! | `rolling` | restarts, one instance at a time |
//! | `reload` | the configuration read again, and put into effect |
//! | `exit_when` | when the supervisor ends by itself, and with what |
//! | `requirements`, `stages` | starts when what is required is there, stops in the reverse order |
//! | `publish` | events out, and who subscribes to what |
//! | `shutdown` | the end |
//! | `rest` | what else is below us at the end |
//! | `unasked` | what is said there because nobody can ask |

mod asking;
mod capture;
mod cgroups;
mod children;
mod effects;
mod environment;
mod exit_when;
mod first_round;
mod health;
mod history;
mod hooks;
mod last_words;
mod launch;
mod manager;
mod memory;
mod metrics;
mod notifications;
mod operations;
mod outbox;
mod programs;
mod publish;
mod reach;
mod readiness;
mod reap;
mod reload;
mod requests;
mod requirements;
mod rest;
mod rolling;
mod rpc;
mod runtime_dir;
mod setup;
mod shutdown;
mod sockets;
mod source;
mod spawn;
mod stages;
mod stopping;
mod strays;
mod surveys;
mod turn;
mod unasked;
mod waiters;
mod zap;

use crate::api::host::Host;
use crate::config::file::{Configuration, Location};
use crate::config::supervisor::{Overrides, SupervisorSettings};
use crate::core::asker::Asker;
use crate::core::deadlines::Deadlines;
use crate::core::fleet::Fleet;
use crate::core::history::Histories;
use crate::core::ids::InstanceKey;
use crate::core::log::Written;
use crate::core::moment::Moment;
use crate::core::program::Settings;
use crate::core::ring::Ring;
use crate::core::signal_meaning::{After, Role};
use crate::core::state::Input;
use crate::sys::poll::{Poller, Ready};
use crate::sys::process::Pid;
use crate::sys::signals::SignalDescriptor;
use crate::sys::timer::Timer;
pub use reload::taken_by_option;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::rc::Rc;

/// What `run` was told.
#[derive(Debug)]
pub struct Options {
    /// Where the configuration is, to be read again with a reload.
    pub location: Location,
    /// The configuration as it is now.
    pub configuration: Configuration,
    /// What the command line says in place of it.
    pub overrides: Overrides,
    /// Whether lines of programs that go to our own output say whose they are.
    pub console_prefix: Written,
    /// Programs of the command line.
    pub programs: Vec<(String, Settings)>,
    /// What signals mean to it, and whether a machine can be asked of it.
    pub role: Role,
}

/// How a supervisor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub code: u8,
    /// What it was asked to be followed by.
    pub after: After,
}

/// Why the supervisor could not begin, or had to end: a sentence.
#[derive(Debug)]
pub struct SupervisorError(pub String);

impl fmt::Display for SupervisorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SupervisorError {}

/// A supervisor that has begun, and serves as soon as it is let.
#[derive(Debug)]
pub struct Begun(Supervisor);

impl Begun {
    /// Supervises until it is told to stop, or ends by itself, and everything has stopped.
    ///
    /// # Errors
    /// When it cannot go on. Once it serves, it ends only because it is told to.
    pub fn run(self) -> Result<Ended, SupervisorError> {
        self.0.run()
    }
}

/// Begins to supervise.
///
/// To be called in the main thread before any other thread exists: it blocks the signals that all threads of
/// libzmq are to inherit as blocked.
///
/// # Errors
/// What keeps it from beginning.
pub fn begin(options: Options) -> Result<Begun, SupervisorError> {
    setup::begin(options).map(Begun)
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Due {
    /// The timer of an instance.
    Instance(InstanceKey),
    /// A reply that was to wait no longer than this.
    Waiter(waiters::WaiterId),
    /// The stop command of an instance ended a while ago.
    StopCommand(InstanceKey),
    /// A health check of an instance.
    HealthCheck(InstanceKey),
    /// A look at the memory of those that have a limit.
    Memory,
    /// A short child has taken as long as it may.
    Child(Pid),
    /// An instance has to have said that it still works.
    Watchdog(InstanceKey),
    /// It is to be told how many hooks were dropped.
    HooksDropped,
    /// Another try to remove cgroups.
    Cgroups,
    /// Another logger may be started.
    Logger,
    /// Another try to tell the logger something.
    LoggerFull,
    /// Answers to `tail` wait for the logger.
    Tails,
    /// Another try to hand a client what it has not fetched yet.
    Outboxes,
    /// Another try to tell who started us something, or another status.
    Manager,
    /// Who started us is to see that the loop still turns.
    ManagerWatchdog,
    /// The last second of the shutdown begins.
    LastSecond,
    /// Another look for what runs said last.
    LastWords,
    /// Another search for what is left below us.
    Rest,
    /// The shutdown has taken as long as it may.
    Shutdown,
}

/// What follows from an effect.
#[derive(Clone, Debug)]
enum Follow {
    /// An input.
    Input(Input),
    /// An input that somebody asked for.
    Asked(Input, Rc<Asker>),
    /// There was not even a process; why, in words.
    AttemptFailed(Box<str>),
}

/// Everything the loop owns.
struct Supervisor {
    fleet: Fleet,
    ring: Ring,
    /// The id of this run of the supervisor.
    run: String,
    began: Moment,
    /// The time of the present turn.
    now: Moment,
    host: Host,
    settings: SupervisorSettings,
    configured: reload::Configured,
    ends: exit_when::Ends,
    launch: launch::Launch,
    processes: HashMap<Pid, InstanceKey>,
    starts: spawn::Starts,
    voices: readiness::Voices,
    /// Who started us, if that one wants to be told how we are.
    manager: Option<Box<manager::Manager>>,
    children: children::Children,
    memory: memory::MemoryWatch,
    hooks: hooks::Hooks,
    cgroups: cgroups::Cgroups,
    capture: capture::Capture,
    sockets: sockets::Sockets,
    histories: Histories,
    last_words: last_words::LastWords,
    asking: asking::Asking,
    /// What follows from effects, fed before anything else.
    inputs: VecDeque<(InstanceKey, Follow)>,
    operations: VecDeque<operations::Operation>,
    surveys: surveys::Surveys,
    meter: metrics::Meter,
    waiters: waiters::Waiters,
    /// What is kept for later answers, in bytes.
    kept_bytes: usize,
    rollings: rolling::Rollings,
    surroundings: requirements::Surroundings,
    stages: stages::Stages,
    deadlines: Deadlines<Due>,
    armed_at: Option<Moment>,
    poller: Poller,
    ready: Ready,
    timer: Timer,
    signals: SignalDescriptor,
    rpc: Vec<rpc::RpcSocket>,
    outboxes: outbox::Outboxes,
    publisher: publish::Publisher,
    zap: Option<zap::Zap>,
    phase: shutdown::Phase,
    rest: rest::Rest,
    strays: strays::Strays,
    role: Role,
    /// What follows the end, as it was asked for last.
    after: After,
    backlog: turn::Backlog,
    random: u32,
    // Dropped last: the sockets' files are removed and the lock is let go when all else is done.
    reach: Option<reach::Reach>,
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("run", &self.run)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
