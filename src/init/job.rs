//! The command as the job of a shell: it has the terminal when we have it, is stopped and we with it, and goes on when
//! we do. See credentials(7), "Sessions and process groups", and the job control of POSIX.
//!
//! The command is in a process group of its own, so that a key such as Ctrl-C reaches it once: from the terminal, and
//! not from us again. The shell knows nothing of that group; it deals with ours. So we pass the terminal on whenever
//! we are given it, and stop ourselves whenever the command was stopped by one of the terminal's signals.

use super::options::{Isolation, Scope};
use super::report::Reporter;
use crate::sys::inbox::{self, Stopped};
use crate::sys::plan::Membership;
use crate::sys::process::{self, Pid};
use crate::sys::signals::signal_name;
use crate::sys::terminal;
use libc::{SIGCONT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU};
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// Where the command is to be.
#[derive(Debug)]
pub enum Place {
    /// In a process group, and in the foreground of this terminal if our own was.
    Group {
        /// The terminal of our session.
        terminal: Option<OwnedFd>,
        /// Whether our group had it when we began.
        turn: Turn,
    },
    /// In a session, with the terminal that is standard input, if any.
    Session,
}

/// Whose turn it is on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Ours, or the command's through us.
    Ours,
    /// That of another job.
    Others,
}

impl Place {
    /// Looks at the terminal, if there is one; for a session, gives it up.
    pub fn new(isolation: Isolation) -> Self {
        match isolation {
            Isolation::Group => {
                let terminal = terminal::controlling();
                let turn = terminal.as_ref().map_or(Turn::Others, whose_turn);
                Self::Group { terminal, turn }
            }
            Isolation::Session => {
                give_up_terminal();
                Self::Session
            }
        }
    }

    /// As a new process is told.
    pub fn membership(&self) -> Membership<'_> {
        match self {
            Self::Group { terminal: Some(terminal), turn: Turn::Ours } => {
                Membership::OwnGroupInForeground(terminal.as_fd())
            }
            Self::Group { .. } => Membership::OwnGroup,
            Self::Session => Membership::OwnSessionOn(terminal::standard_input()),
        }
    }

    /// Whether it is a group of our session.
    pub fn is_group(&self) -> bool {
        match self {
            Self::Group { .. } => true,
            Self::Session => false,
        }
    }
}

/// Ours if our group is in the foreground. Groups of another pid namespace, as we and our caller may be in, cannot be
/// told apart.
fn whose_turn(terminal: &OwnedFd) -> Turn {
    match terminal::foreground(terminal) {
        Ok(group) if group == process::own_group() => Turn::Ours,
        Ok(_) | Err(_) => Turn::Others,
    }
}

/// Leaves the terminal to the session of the command. As its leader we are sent SIGHUP and SIGCONT for that, which are
/// not meant for the command; unless they had come before.
fn give_up_terminal() {
    let signals = [SIGHUP, SIGCONT];
    let waiting = signals.map(inbox::is_waiting);
    let is_leader = process::is_session_leader();
    if terminal::give_up(terminal::standard_input()).is_err() || !is_leader {
        return;
    }
    for (signal, waited) in signals.into_iter().zip(waiting) {
        if !waited {
            inbox::discard(signal);
        }
    }
}

/// The command's process, and how it stands with the terminal.
#[derive(Debug)]
pub struct Job {
    child: Pid,
    place: Place,
    /// What we passed on to have it stop, until it goes on.
    asked_to_stop: Option<Asked>,
    /// Whether it is stopped, as far as we know.
    phase: Phase,
}

/// A signal that was to stop the command, as it arrived and as it was sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    received: i32,
    sent: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    Stopped,
}

impl Job {
    /// The job of a process that was just started there.
    pub fn new(child: Pid, place: Place) -> Self {
        Self { child, place, asked_to_stop: None, phase: Phase::Running }
    }

    /// The command's process, and leader of its group.
    pub fn child(&self) -> Pid {
        self.child
    }

    /// SIGTSTP, SIGTTIN or SIGTTOU is passed on to the command, perhaps as another signal: if it stops by that, it is
    /// what was wanted.
    pub fn stop_was_asked_for(&mut self, received: i32, sent: i32) {
        self.asked_to_stop = Some(Asked { received, sent });
    }

    /// SIGCONT is passed on: takes the terminal along if it is our turn. Where the signal is to go is returned: what was
    /// stopped by the terminal was stopped as a group.
    pub fn go_on(&mut self, scope: Scope) -> Scope {
        self.hand_over();
        self.asked_to_stop = None;
        match std::mem::replace(&mut self.phase, Phase::Running) {
            Phase::Running => scope,
            Phase::Stopped => Scope::Group,
        }
    }

    /// The command was stopped. By the terminal, or by what we passed on: then we stop as well, until somebody has us
    /// go on. By anything else: that is between the two.
    ///
    /// # Errors
    /// None is known.
    pub fn stopped(&mut self, by: i32, reporter: Reporter) -> Result<(), Errno> {
        let signal = match by {
            // It wanted the terminal, and we have it: a shell gave it to us while the command ran in the background.
            SIGTTIN | SIGTTOU if self.hand_over() == Turn::Ours => {
                self.resume();
                return Ok(());
            }
            _ => match self.asked_to_stop {
                Some(asked) if asked.sent == by => asked.received,
                _ if matches!(by, SIGTSTP | SIGTTIN | SIGTTOU) => by,
                _ => return Ok(()),
            },
        };
        self.phase = Phase::Stopped;
        self.take_back();
        reporter.detail(|| {
            format!("process {} was stopped, and so are we, by {}", self.child, signal_name(signal))
        });
        match inbox::stop(signal)? {
            // Our SIGCONT is still to be received, and does the rest.
            Stopped::Continued => {}
            // Nobody is there who could have it go on, which is why such a group is never stopped by the terminal. But
            // who had us pass on the signal can as well have us pass on SIGCONT.
            Stopped::Refused if signal == SIGTSTP && self.asked_to_stop.is_none() => self.resume(),
            Stopped::Refused => {}
        }
        Ok(())
    }

    /// The command has ended: the terminal is ours again, if it was its.
    pub fn conclude(&self) {
        self.take_back();
    }

    fn resume(&mut self) {
        self.hand_over();
        self.phase = Phase::Running;
        // It is stopped, so it is there.
        let _ = process::kill_group(self.child, SIGCONT);
    }

    fn terminal(&self) -> Option<&OwnedFd> {
        match &self.place {
            Place::Group { terminal, .. } => terminal.as_ref(),
            Place::Session => None,
        }
    }

    /// Gives the command the terminal, if it is our turn, and if it can be given it: the command may have left its group,
    /// or the terminal may have gone.
    fn hand_over(&self) -> Turn {
        match self.terminal() {
            Some(terminal)
                if whose_turn(terminal) == Turn::Ours
                    && terminal::set_foreground(terminal, self.child).is_ok() =>
            {
                Turn::Ours
            }
            _ => Turn::Others,
        }
    }

    /// Takes the terminal from the command, if it has it. A group outside of our pid namespace cannot be given it.
    fn take_back(&self) {
        if let Some(terminal) = self.terminal()
            && terminal::foreground(terminal) == Ok(Some(self.child))
            && let Some(own) = process::own_group()
        {
            let _ = terminal::set_foreground(terminal, own);
        }
    }
}
