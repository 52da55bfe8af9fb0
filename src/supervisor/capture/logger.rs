//! The process of the logger: started when the first stream is there, started again when it dies, and waited for at
//! the end. It is known by its process id alone, so that its end is never taken for that of an instance.

use super::streams::Streams;
use crate::core::event::{SupervisorChange, What};
use crate::core::moment::Moment;
use crate::supervisor::shutdown::Phase;
use crate::supervisor::source::Source;
use crate::supervisor::spawn::step_words;
use crate::supervisor::turn::Pending;
use crate::supervisor::{Due, Supervisor};
use crate::sys::channel::Channel;
use crate::sys::errno::words;
use crate::sys::fork::{self, ExecStatus};
use crate::sys::process::{self, Pid};
use crate::sys::signals::signal_name;
use crate::sys::wait::{self, Ending};
use crate::wire::log_channel::{OutputEndpoint, ToLogger};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// A logger that died sooner than this died quickly.
const QUICK: Duration = Duration::from_secs(1);
/// So many may die quickly, one after another, until the next one has to wait.
const QUICK_DEATHS: u32 = 5;
/// How long it then waits.
const DELAY: Duration = Duration::from_secs(1);

/// The logger.
#[derive(Debug)]
pub struct Logger {
    /// How many were started: the number of the present one.
    begun: u64,
    process: Option<Process>,
    endpoint: Option<OutputEndpoint>,
    /// The endpoint as it was bound, once it was.
    pub(super) bound: Option<String>,
    quick_deaths: u32,
    /// How the last one ended, until the next one was started.
    ended: Option<String>,
    /// Something about it is amiss, and that was told.
    pub(super) is_amiss: bool,
    /// It is to open all files anew, and was not told so yet.
    pub(super) reopens: bool,
    /// Whether it is to bind its socket anew.
    pub(super) binding: Binding,
}

/// What was asked of a logger by whoever wants the endpoints to be bound anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// Nothing.
    NotAsked,
    /// It is to be told so.
    ToBeTold,
    /// It was told so; whether that worked is awaited.
    Told,
}

/// A logger that was not reaped yet.
#[derive(Debug)]
struct Process {
    pid: Pid,
    /// The pipe that tells whether it was executed.
    status: OwnedFd,
    began: Moment,
    /// Nothing once it is closed, on either side.
    channel: Option<Channel>,
    takes: Takes,
}

/// Whether a logger can be told anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// It can.
    More,
    /// Not for now: it has not fetched what it was told before.
    NoMore,
    /// It was told that nothing more comes.
    Told,
}

impl Logger {
    /// None yet.
    pub fn new(endpoint: Option<OutputEndpoint>) -> Self {
        Self {
            begun: 0,
            process: None,
            endpoint,
            bound: None,
            quick_deaths: 0,
            ended: None,
            is_amiss: false,
            reopens: false,
            binding: Binding::NotAsked,
        }
    }

    /// Where output is published, if it is.
    pub fn address(&self) -> Option<&str> {
        let asked = self.endpoint.as_ref().map(|endpoint| endpoint.address.as_str());
        self.bound.as_deref().or(asked)
    }

    /// Its process, if there is one.
    pub fn pid(&self) -> Option<Pid> {
        self.process.as_ref().map(|process| process.pid)
    }

    /// When it was started, if there is one.
    pub(super) fn began(&self) -> Option<Moment> {
        self.process.as_ref().map(|process| process.began)
    }

    /// The token of its channel.
    pub(super) fn source(&self) -> Source {
        Source::Logger(self.begun)
    }

    /// The way to it, as long as there is one.
    pub(super) fn channel(&self) -> Option<&Channel> {
        self.process.as_ref()?.channel.as_ref()
    }

    /// Whether there is one that can be told something.
    pub(super) fn listens(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.channel.is_some() && process.takes == Takes::More)
    }

    /// Notes whether it takes more; what was noted before is returned.
    pub(super) fn takes(&mut self, takes: Takes) -> Option<Takes> {
        let process = self.process.as_mut().filter(|process| process.takes != Takes::Told)?;
        Some(std::mem::replace(&mut process.takes, takes))
    }

    /// Tells it that nothing more comes. It can still be heard.
    pub(super) fn say_no_more(&mut self) {
        if let Some(process) = &mut self.process {
            process.takes = Takes::Told;
            process.channel.as_ref().map(Channel::finish);
        }
    }

    /// Has it bind its socket anew.
    pub fn ask_to_bind(&mut self) {
        self.binding = if self.process.is_some() { Binding::ToBeTold } else { Binding::NotAsked };
    }

    /// What it is to be told for that; nothing where it does not publish.
    pub(super) fn to_bind(&self) -> Option<ToLogger> {
        Some(ToLogger::Bind { output: self.endpoint.clone()? })
    }

    /// Has it open all files anew. One that is started later does that by itself.
    pub fn ask_to_reopen(&mut self) {
        self.reopens = self.process.is_some();
    }
}

impl Supervisor {
    /// Starts a logger, if there is none and it is not to wait.
    pub(super) fn ensure_logger(&mut self) {
        if self.capture.logger.process.is_some() || self.deadlines.is_armed(Due::Logger) {
            return;
        }
        match self.start_logger() {
            Ok(pid) => {
                if let Some(reason) = self.capture.logger.ended.take() {
                    let reason = reason.into_boxed_str();
                    let change = SupervisorChange::LoggerRestarted { pid: pid.get(), reason };
                    self.publish(What::Supervisor(change));
                }
            }
            Err(reason) => {
                self.deadlines.arm(Due::Logger, self.now.after(DELAY));
                self.logger_is_amiss(format!("it could not be started: {reason}"));
            }
        }
    }

    fn start_logger(&mut self) -> Result<Pid, String> {
        let (ours, theirs) = Channel::pair().map_err(words)?;
        let begin = ToLogger::Begin { output: self.capture.logger.endpoint.clone() }.encode();
        {
            let shared = self.capture.shared().map_err(|words| format!("no memory for it: {words}"))?;
            let [counters, tails] = shared.memory.descriptors();
            let descriptors = [counters, tails, shared.work.0.as_fd(), shared.work.1.as_fd()];
            ours.send(&begin, &descriptors).map_err(words)?;
        }
        let token = Source::Logger(self.capture.logger.begun + 1).pack();
        self.poller.add(ours.as_fd(), token).map_err(words)?;
        let plan = self.launch.logger_plan(theirs.as_fd()).map_err(|error| error.to_string())?;
        let spawned = fork::spawn(plan).map_err(|error| step_words(error, None))?;
        let logger = &mut self.capture.logger;
        logger.begun += 1;
        logger.reopens = false;
        logger.binding = Binding::NotAsked;
        logger.process = Some(Process {
            pid: spawned.pid,
            status: spawned.status,
            began: self.now,
            channel: Some(ours),
            takes: Takes::More,
        });
        self.capture.streams.untell();
        Ok(spawned.pid)
    }

    /// A child has ended and is not reaped yet: reaps it and sees to a successor, if it is the logger.
    pub fn bury_logger(&mut self, ended: wait::Ended) -> bool {
        if self.capture.logger.pid() != Some(ended.pid) {
            return false;
        }
        // What it said last.
        while self.hear_logger() == Pending::Maybe {}
        let _ = wait::reap(ended.pid);
        let Some(process) = self.capture.logger.process.take() else { return true };
        let reason = match (fork::read_status(process.status.as_fd()), ended.ending) {
            (ExecStatus::Failed(error), _) => format!("was not executed: {}", step_words(error, None)),
            (_, Ending::Exited(code)) => format!("exited with code {code}"),
            (_, Ending::Killed { signal, .. }) => {
                format!("was killed by signal {signal} ({})", signal_name(signal))
            }
        };
        let logger = &mut self.capture.logger;
        let is_quick = self.now.since(process.began) < QUICK;
        logger.quick_deaths = if is_quick { logger.quick_deaths.saturating_add(1) } else { 0 };
        if logger.quick_deaths > QUICK_DEATHS {
            self.deadlines.arm(Due::Logger, self.now.after(DELAY));
            self.logger_is_amiss(format!("it {reason}, and dies again and again"));
        }
        self.capture.logger.ended = Some(reason);
        match (self.phase, ended.ending) {
            // All that came is written, and nothing more can come.
            (Phase::Logging, Ending::Exited(0)) => self.capture.streams = Streams::default(),
            _ => self.capture.streams.untell(),
        }
        true
    }

    /// Tells once that something about the logger is amiss, until it is well again.
    pub(super) fn logger_is_amiss(&mut self, reason: String) {
        if !std::mem::replace(&mut self.capture.logger.is_amiss, true) {
            let reason = reason.into_boxed_str();
            self.publish(What::Supervisor(SupervisorChange::LoggerFailed { reason }));
        }
    }

    /// The logger has closed its end. It ends; and if not, it is of no use, unless it is the last.
    pub(super) fn give_up_logger(&mut self) {
        let Some(process) = &mut self.capture.logger.process else { return };
        let Some(channel) = process.channel.take() else { return };
        // To close it is not enough while a child that is being forked holds a duplicate.
        let _ = self.poller.remove(channel.as_fd());
        if process.takes != Takes::Told {
            // It is not reaped yet, so that the id is nobody else's.
            let _ = process::kill(process.pid, libc::SIGKILL);
        }
    }

    /// All programs have ended: nothing more comes, and the logger is to write what is left and to end.
    pub fn finish_output(&mut self) {
        self.capture.streams.close_writers();
        // Should there be none, this is no time to wait.
        self.deadlines.cancel(Due::Logger);
    }

    /// Whether the logger has written everything, and has ended.
    pub fn output_is_finished(&self) -> bool {
        self.capture.logger.pid().is_none() && !self.capture.streams.have_news()
    }
}
