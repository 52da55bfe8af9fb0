//! Who started the supervisor, if that is a service manager that wants to be told how it is: the other side of what
//! `notifications` is to programs (sd_notify(3)).
//!
//! It is told that the supervisor is ready when the first round is over ([`FirstRound`]), how its instances are (at most
//! once a second, and only when that has changed), when it reads its configuration again and when it ends; and, if it
//! asks for that, that the loop still turns. Nothing of this waits: what there is no room for is sent later, and only of
//! statuses and of signs of life the next one will do.

use super::shutdown::Phase;
use super::{Due, Supervisor};
use crate::core::first_round::FirstRound;
use crate::core::ids::InstanceKey;
use crate::core::moment::Moment;
use crate::core::state::{AdminState, StateName};
use crate::core::summary::{Counts, Summary};
use crate::sys::clock;
use crate::sys::errno::io_words;
use crate::sys::manager_socket::{ManagerSocket, SendError};
use crate::sys::note::note;
use crate::sys::process::Pid;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::time::Duration;

/// What is between us and who started us. A program that took it for its own would speak to that one in our name.
pub const VARIABLES: [&str; 3] = [SOCKET, WATCHDOG_USEC, WATCHDOG_PID];
const SOCKET: &str = "NOTIFY_SOCKET";
const WATCHDOG_USEC: &str = "WATCHDOG_USEC";
const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// How often the status is told at most.
const STATUS: Duration = Duration::from_secs(1);
/// When it is tried again to send what there was no room for; doubled with each try.
const FIRST_TRY: Duration = Duration::from_millis(50);
/// How long at most until it is tried again.
const SLOWEST_TRY: Duration = Duration::from_secs(8);
/// How often it is tried to reach a socket where nobody listens: for somewhat more than a minute.
const TRIES: u32 = 15;
/// How many messages wait at the most; of more the oldest has been overtaken.
const MOST_WAITING: usize = 16;

/// The service manager.
#[derive(Debug)]
pub struct Manager {
    socket: ManagerSocket,
    stage: Stage,
    /// Not over until each instance has come to something.
    pub round: FirstRound,
    counts: Counts,
    /// What it has to be told, in this order.
    waiting: VecDeque<String>,
    /// When it can be told something again that it did not take before.
    try_at: Option<Moment>,
    tries: u32,
    complained: Complained,
    status: Status,
    told: String,
    told_at: Option<Moment>,
    /// How often it wants a sign of life.
    watchdog: Option<Duration>,
}

/// What the manager knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Starting,
    Ready,
    Stopping,
}

/// Whether it was said that the manager cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Complained {
    Yes,
    No,
}

/// Whether the manager knows how the instances are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Told,
    Changed,
}

impl Manager {
    /// The one that our environment tells of. One that cannot be told anything is said on standard error.
    pub fn of_environment() -> Option<Box<Self>> {
        let variable = |name: &str| std::env::var_os(name).filter(|text| !text.is_empty());
        let address = variable(SOCKET)?;
        match ManagerSocket::new(&address) {
            Ok(socket) => Some(Box::new(Self::new(socket, watchdog(variable)))),
            Err(why) => {
                let address = address.to_string_lossy();
                note(&format!(
                    "NOTIFY_SOCKET is {address}: {why}; who started procnanny is not told that it is ready"
                ));
                None
            }
        }
    }

    fn new(socket: ManagerSocket, watchdog: Option<Duration>) -> Self {
        Self {
            socket,
            stage: Stage::Starting,
            round: FirstRound::default(),
            counts: Counts::default(),
            waiting: VecDeque::new(),
            try_at: None,
            tries: 0,
            complained: Complained::No,
            status: Status::Changed,
            told: String::new(),
            told_at: None,
            watchdog,
        }
    }

    /// Whether the first round goes on.
    pub fn is_in_first_round(&self) -> bool {
        self.stage == Stage::Starting && !self.round.is_over()
    }

    /// Has it told something that must not be lost, with a status.
    fn queue(&mut self, words: &str, status: String, now: Moment) {
        if self.waiting.len() == MOST_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(format!("{words}\nSTATUS={status}"));
        (self.status, self.told, self.told_at) = (Status::Told, status, Some(now));
    }

    /// When the status can be told, if there is one to be told.
    fn status_at(&self, now: Moment) -> Option<Moment> {
        let at = self.told_at.map_or(now, |at| at.after(STATUS));
        (self.status == Status::Changed).then_some(at)
    }

    /// Tells what waits, as far as it is taken.
    fn flush(&mut self, now: Moment) {
        while let Some(message) = self.waiting.front() {
            match self.socket.send(message) {
                Ok(()) => {
                    self.waiting.pop_front();
                    (self.tries, self.try_at) = (0, None);
                }
                Err(error) => {
                    self.failed(error, now);
                    return;
                }
            }
        }
    }

    /// Something was not taken: there will be another try, unless nobody listens for too long.
    fn failed(&mut self, error: SendError, now: Moment) {
        let delay = FIRST_TRY.saturating_mul(1 << self.tries.min(16)).min(SLOWEST_TRY);
        self.tries = self.tries.saturating_add(1);
        self.try_at = Some(now.after(delay));
        if let SendError::Unreachable(error) = error {
            self.complain(&error);
            if self.tries >= TRIES {
                self.waiting.clear();
                (self.tries, self.try_at) = (0, None);
            }
        }
    }

    /// Says once that it cannot be reached.
    fn complain(&mut self, error: &io::Error) {
        if self.complained == Complained::No {
            self.complained = Complained::Yes;
            let words = io_words(error);
            note(&format!(
                "NOTIFY_SOCKET cannot be reached: {words}; who started procnanny is not told how it is"
            ));
        }
    }
}

/// How often a sign of life is wanted from this process: sd_watchdog_enabled(3).
fn watchdog(variable: impl Fn(&str) -> Option<OsString>) -> Option<Duration> {
    let number = |text: OsString| OsStr::to_str(&text).and_then(|text| text.parse::<u64>().ok());
    let time = variable(WATCHDOG_USEC).and_then(number).filter(|time| *time > 0)?;
    let is_ours = variable(WATCHDOG_PID)
        .is_none_or(|text| number(text).and_then(|pid| i32::try_from(pid).ok()) == Some(Pid::own().get()));
    is_ours.then_some(Duration::from_micros(time))
}

impl Supervisor {
    /// All is there to begin with: who started us is to be told what comes of it.
    pub fn begin_with_manager(&mut self) {
        self.begin_first_round();
        if let Some(manager) = &mut self.manager {
            // Not that nothing runs yet.
            manager.told_at = Some(self.now);
        }
        self.show_manager_life();
    }

    /// Tells the manager what there is to be told. To be called when all that belongs together has happened; where
    /// nothing has, this costs nothing.
    pub fn talk_to_manager(&mut self) {
        let (phase, now) = (self.phase, self.now);
        let Some(manager) = &mut self.manager else { return };
        let is_ready = manager.stage == Stage::Starting && manager.round.is_over();
        let status_at = manager.status_at(now);
        if is_ready && phase == Phase::Serving {
            manager.stage = Stage::Ready;
            self.queue_for_manager("READY=1");
        } else if status_at.is_some_and(|at| at <= now) {
            self.tell_manager_status();
        }
        let Some(manager) = &mut self.manager else { return };
        if manager.try_at.is_none_or(|at| at <= now) {
            manager.flush(now);
        }
        let again = manager.try_at.filter(|_| !manager.waiting.is_empty());
        let next = again.into_iter().chain(manager.status_at(now)).min();
        match next {
            Some(at) if self.deadlines.at(Due::Manager) != Some(at) => self.deadlines.arm(Due::Manager, at),
            Some(_) => {}
            None => self.deadlines.cancel(Due::Manager),
        }
    }

    fn queue_for_manager(&mut self, words: &str) {
        let status = self.status_for_manager();
        if let Some(manager) = &mut self.manager {
            manager.queue(words, status, self.now);
        }
    }

    /// How the instances are, if that is another than the manager knows. One that it does not take is told later, as it
    /// is by then.
    fn tell_manager_status(&mut self) {
        let status = self.status_for_manager();
        let Some(manager) = &mut self.manager else { return };
        manager.told_at = Some(self.now);
        if !manager.waiting.is_empty() {
            return;
        }
        manager.status = Status::Told;
        if manager.told == status {
            return;
        }
        match manager.socket.send(&format!("STATUS={status}")) {
            Ok(()) => manager.told = status,
            Err(SendError::Full) => manager.status = Status::Changed,
            Err(SendError::Unreachable(error)) => manager.complain(&error),
        }
    }

    fn status_for_manager(&self) -> String {
        let counts = self.manager.as_ref().map(|manager| manager.counts).unwrap_or_default();
        match (self.phase, self.processes.len()) {
            (Phase::Serving, _) => Summary { counts, wanted: self.ends.wanted() }.to_string(),
            (_, 0) => "stopping".to_string(),
            (_, left) => format!("stopping, {left} left"),
        }
    }

    /// Shows the manager that the loop turns, if it asks for that, and again in half the time after which it would be
    /// alarmed.
    pub fn show_manager_life(&mut self) {
        let Some(manager) = &mut self.manager else { return };
        let Some(watchdog) = manager.watchdog else { return };
        // The next one will do, if this is not taken.
        let _ = manager.socket.send("WATCHDOG=1");
        self.deadlines.arm(Due::ManagerWatchdog, self.now.after(watchdog / 2));
    }

    /// An instance has taken an edge.
    pub fn manager_sees_edge(&mut self, key: InstanceKey, from: StateName, state: StateName) {
        let Some(manager) = &mut self.manager else { return };
        manager.counts.see_edge(from, state);
        manager.status = Status::Changed;
        if !manager.is_in_first_round() {
            return;
        }
        manager.round.see_edge(key, state);
        self.first_round_sees_edge(key);
    }

    /// The admin state of an instance is set.
    pub fn manager_sees_admin(&mut self, key: InstanceKey, from: AdminState, admin: AdminState) {
        let Some(manager) = self.manager.as_mut().filter(|_| from != admin) else { return };
        manager.status = Status::Changed;
        if admin == AdminState::Down {
            manager.round.settle(key);
        }
    }

    /// The slot of an instance, which was in this state, is given up.
    pub fn manager_forgets(&mut self, key: InstanceKey, state: StateName) {
        if let Some(manager) = &mut self.manager {
            manager.counts.forget(state);
            manager.round.settle(key);
            manager.status = Status::Changed;
        }
    }

    /// The configuration is about to be read again.
    pub fn tell_manager_of_reload(&mut self) {
        let now = self.now;
        let Some(manager) = self.manager.as_mut().filter(|manager| manager.stage == Stage::Ready) else {
            return;
        };
        // That it was after it was asked for it, the manager sees by the time.
        let words = format!("RELOADING=1\nMONOTONIC_USEC={}", clock::monotonic().as_micros());
        manager.queue(&words, "reading the configuration again".to_string(), now);
        manager.flush(now);
    }

    /// It was read, and put into effect; or there were mistakes in it.
    pub fn tell_manager_of_reloaded(&mut self, mistakes: Option<usize>) {
        let status = match mistakes {
            None => self.status_for_manager(),
            Some(1) => "not reloaded: 1 mistake in the configuration".to_string(),
            Some(count) => format!("not reloaded: {count} mistakes in the configuration"),
        };
        if let Some(manager) = self.manager.as_mut().filter(|manager| manager.stage == Stage::Ready) {
            manager.queue("READY=1", status, self.now);
        }
    }

    /// The end begins.
    pub fn tell_manager_of_end(&mut self) {
        if let Some(manager) = &mut self.manager {
            manager.stage = Stage::Stopping;
            // What was to be said before is not so any more.
            manager.waiting.clear();
            self.queue_for_manager("STOPPING=1");
        }
    }

    /// Says what is left to say, as far as it is taken.
    pub fn take_leave_of_manager(&mut self) {
        if let Some(manager) = &mut self.manager {
            manager.flush(self.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(usec: &str, pid: Option<String>) -> Option<Duration> {
        watchdog(|name| match name {
            WATCHDOG_USEC => Some(usec.into()),
            WATCHDOG_PID => pid.clone().map(OsString::from),
            _ => None,
        })
    }

    #[test]
    fn a_watchdog_is_answered_if_it_is_ours() {
        let own = Pid::own().to_string();
        assert_eq!(asked("500000", None), Some(Duration::from_millis(500)));
        assert_eq!(asked("500000", Some(own)), Some(Duration::from_millis(500)));
        for (usec, pid) in
            [("500000", Some("1")), ("500000", Some("x")), ("0", None), ("-1", None), ("soon", None)]
        {
            assert_eq!(asked(usec, pid.map(str::to_string)), None, "{usec} {pid:?}");
        }
    }
}
