//! `procnanny init`: the first process of a container, or any other that is to look after one command. It forwards
//! every signal, reaps every orphan, and ends as the command did.
//!
//! One thread, no descriptor that is watched, no timer but for `--stop-timeout`: the loop sleeps in the kernel until
//! there is a signal. Nothing here knows of the supervisor, and nothing depends on `/proc` or on a file system that can
//! be written to.
//!
//! | file | what is there |
//! | --- | --- |
//! | `options` | what it can be told |
//! | `relay` | from a signal that arrived to the one that is sent on |
//! | `launch` | starting the command, and what is said when that fails |
//! | `job` | the command as the shell's job: the terminal, being stopped and continued |
//! | `report` | one line on standard error |

mod job;
mod launch;
pub mod options;
pub mod relay;
mod report;

use crate::sys::clock::monotonic;
use crate::sys::fork::Spawned;
use crate::sys::process::{self, Pid};
use crate::sys::signals::{Received, signal_name};
use crate::sys::wait::{Change, Ending, next_change};
use crate::sys::{errno, fork, inbox, text, wait};
use job::{Job, Place};
use libc::{SIGCHLD, SIGCONT, SIGKILL, SIGPIPE, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
use nix::errno::Errno;
use options::{Adoption, Leftovers, OnOrphan, Options, Scope};
use report::Reporter;
use std::fmt;
use std::os::fd::AsFd;
use std::time::Duration;

/// How long an exec may take until it is given up on for the sake of memory: signals that come meanwhile wait for it.
const SETTLING: Duration = Duration::from_millis(20);

/// What keeps an init from beginning, or from going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitError {
    /// What was tried, and what to do about it.
    pub what: String,
    /// The system's answer.
    pub errno: Errno,
}

impl fmt::Display for InitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.what, errno::words(self.errno))
    }
}

impl std::error::Error for InitError {}

fn failed<'a>(what: &'a str) -> impl FnOnce(Errno) -> InitError + 'a {
    move |errno| InitError { what: what.to_string(), errno }
}

/// Holds back every signal until [`run`] receives it: to be called before anything else is done, and before there are
/// threads.
///
/// # Errors
/// None is known.
pub fn hold_signals() -> Result<(), InitError> {
    inbox::block_everything().map_err(failed("cannot block signals"))
}

/// Runs the command and looks after it, until it has ended. The exit code that tells how is returned.
///
/// # Errors
/// What keeps it from beginning. That the command cannot be executed is no error, but one of its endings.
pub fn run(options: &Options) -> Result<u8, InitError> {
    let reporter = Reporter::new(options.verbosity);
    if let Some(signal) = options.parent_death {
        process::set_parent_death_signal(signal)
            .map_err(failed("cannot ask for a signal when the parent ends"))?;
    }
    adopt(options.adoption, reporter)?;
    let place = Place::new(options.isolation);
    let spawned = launch::launch(options, &place)?;
    let job = Job::new(spawned.pid, place);
    reporter.detail(|| format!("process {} is to be {:?}", spawned.pid, options.command_name()));
    // The program has begun; what is left to do is little. Until its exec the command runs our code.
    fork::settle(spawned.status.as_fd(), SETTLING);
    text::give_back();
    let ending = Init { options, reporter, job, kill_at: None }.serve()?;
    reporter.detail(|| format!("process {} {}", spawned.pid, ended_how(ending)));
    explain(options, &spawned, reporter);
    Ok(options.successes.code_of(ending))
}

/// Orphans come to us by themselves if we are the first process of a pid namespace.
fn adopt(adoption: Adoption, reporter: Reporter) -> Result<(), InitError> {
    if Pid::own().get() == 1 {
        return Ok(());
    }
    match adoption {
        Adoption::Always => process::become_subreaper().map_err(failed("cannot become a subreaper")),
        Adoption::AsFirstProcess => {
            reporter.warn(|| {
                "not process 1, and no subreaper: orphans go to another process; -s makes it one".to_string()
            });
            Ok(())
        }
    }
}

/// Says why the command was not executed, if it was not.
fn explain(options: &Options, spawned: &Spawned, reporter: Reporter) {
    if let Some(sentence) = launch::failure(options, spawned) {
        reporter.error(&sentence);
    }
}

fn ended_how(ending: Ending) -> String {
    match ending {
        Ending::Exited(code) => format!("exited with code {code}"),
        Ending::Killed { signal, .. } => format!("was killed by {}", signal_name(signal)),
    }
}

/// The loop, and what it needs.
struct Init<'a> {
    options: &'a Options,
    reporter: Reporter,
    job: Job,
    /// When the command is killed, on the monotonic clock.
    kill_at: Option<Duration>,
}

impl Init<'_> {
    /// Serves until the command has ended.
    fn serve(&mut self) -> Result<Ending, InitError> {
        loop {
            let wait = self.kill_at.map(|at| at.saturating_sub(monotonic()));
            if let Some(received) = inbox::next(wait).map_err(failed("cannot wait for signals"))? {
                self.receive(received);
            }
            if self.kill_at.is_some_and(|at| at <= monotonic()) {
                self.kill();
            }
            // After each signal, and not only after SIGCHLD: a flood of signals with lower numbers comes before it.
            if let Some(ending) = self.reap()? {
                self.job.conclude();
                return Ok(ending);
            }
        }
    }

    fn receive(&mut self, received: Received) {
        match received {
            Received { signal: SIGCHLD, .. } => {}
            // Our own, from writing to a standard error that nobody reads.
            Received { signal: SIGPIPE, pid, .. } if pid == Some(Pid::own()) => {}
            Received { signal, .. } => self.forward(signal),
        }
    }

    /// Sends on a signal that arrived, or what it is rewritten to.
    fn forward(&mut self, received: i32) {
        let name = || signal_name(received);
        let Some(signal) = self.options.rewrites.apply(received) else {
            self.reporter.detail(|| format!("{} is dropped", name()));
            return;
        };
        if received == SIGTERM || signal == SIGTERM {
            let at = self.options.stop_timeout.map(|timeout| monotonic().saturating_add(timeout));
            self.kill_at = self.kill_at.or(at);
        }
        let scope = match received {
            SIGTSTP | SIGTTIN | SIGTTOU => {
                self.job.stop_was_asked_for(received, signal);
                self.options.scope
            }
            SIGCONT => self.job.go_on(self.options.scope),
            _ => self.options.scope,
        };
        self.send(signal, scope);
    }

    fn send(&self, signal: i32, scope: Scope) {
        let child = self.job.child();
        let sent = match scope {
            // It has no group yet if it is about to make a session of its own.
            Scope::Group => match process::kill_group(child, signal) {
                Err(Errno::ESRCH) => process::kill(child, signal),
                outcome => outcome,
            },
            Scope::Child => process::kill(child, signal),
        };
        match sent {
            Ok(()) => self.reporter.detail(|| format!("sent {} to {child}", signal_name(signal))),
            Err(errno) => self.reporter.warn(|| {
                format!("cannot send {} to process {child}: {}", signal_name(signal), errno::words(errno))
            }),
        }
    }

    /// The time that the command had to end after SIGTERM is over.
    fn kill(&mut self) {
        self.kill_at = None;
        self.reporter.warn(|| format!("process {} has not ended in time, and is killed", self.job.child()));
        self.send(SIGKILL, Scope::Group);
        // It may be in another group by now.
        self.send(SIGKILL, Scope::Child);
    }

    /// Reaps all that have ended; how the command did, if it did.
    fn reap(&mut self) -> Result<Option<Ending>, InitError> {
        self.terminate_leftovers()?;
        let mut ending = None;
        while let Some((pid, change)) = next_change().map_err(failed("cannot wait for children"))? {
            match change {
                Change::Ended(how) if pid == self.job.child() => ending = Some(how),
                Change::Ended(how) => self.tell_of_orphan(pid, how),
                Change::Stopped(signal) if pid == self.job.child() && ending.is_none() => {
                    self.job.stopped(signal, self.reporter).map_err(failed("cannot stop"))?;
                }
                Change::Stopped(_) => {}
            }
        }
        Ok(ending)
    }

    /// If the command has ended, and the rest of its group is to end with it. As long as it is not reaped, nobody else
    /// can have the number of its group.
    fn terminate_leftovers(&self) -> Result<(), InitError> {
        match self.options.leftovers {
            Leftovers::Leave => {}
            Leftovers::Terminate => {
                let ended = wait::peek(self.job.child()).map_err(failed("cannot wait for the command"))?;
                if ended.is_some() {
                    self.send(SIGTERM, Scope::Group);
                }
            }
        }
        Ok(())
    }

    fn tell_of_orphan(&self, pid: Pid, ending: Ending) {
        let sentence = || format!("reaped orphan {pid}, which {}", ended_how(ending));
        match self.options.on_orphan {
            OnOrphan::Warn => self.reporter.warn(sentence),
            OnOrphan::Silent => self.reporter.detail(sentence),
        }
    }
}
