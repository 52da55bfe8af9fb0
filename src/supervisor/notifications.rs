//! What processes say on the socket of systemd's protocol: heard a bounded number a turn, and when a process has ended,
//! before that is made known, so that what it said last still counts.
//!
//! The kernel says who has sent a datagram. That is to be the main process of an instance, one of its session, or one of
//! its descendants; whose it is takes a look-up, a system call, and at the worst as many as its tree is deep. What comes
//! from anybody else is dropped and counted. So is what was sent by a descendant that ended, and was reaped, before it
//! was heard: nothing tells any more whose it was. Who sends `BARRIER=1` behind it and waits, as systemd-notify(1) does,
//! is still there.

use super::turn::Pending;
use super::{Due, Supervisor};
use crate::core::health::Ailment;
use crate::core::ids::InstanceKey;
use crate::core::readiness::{Activity, Announcements};
use crate::core::state::{Input, StateName, Timer};
use crate::sys::notify::{Datagram, Size};
use crate::sys::process::{self, Pid};
use crate::wire::notify::{self, Field};
use std::time::Duration;

/// How many datagrams are heard at once: more than a socket holds (unix(7), `max_dgram_qlen`: 10, and 512 where systemd
/// raised it), so that all of those are among them that were sent before.
const DATAGRAMS_AT_ONCE: usize = 600;
/// How many datagrams are heard in a turn before no further end of a process is looked at in it.
const DATAGRAMS_A_TURN: usize = 4 * DATAGRAMS_AT_ONCE;
/// How many parents of senders are looked up for those. Strangers must not make us read all of `/proc`.
const PARENTS_AT_ONCE: usize = 256;

/// What is left for finding out who the senders are.
#[derive(Debug)]
struct Search {
    parents_left: usize,
    /// The latest sender that was nobody's: the next datagram is often from the same.
    stranger: Option<Pid>,
}

impl Supervisor {
    /// Hears what has been said, if anything may have been. To be called once a turn.
    pub fn hear(&mut self) {
        self.voices.heard = None;
        if self.backlog.notifications == Pending::Maybe {
            self.receive_notifications();
        }
    }

    /// Hears what was said before this turn began, unless that was done in it already.
    pub fn hear_before_judging(&mut self) {
        if self.voices.heard.is_none() {
            self.receive_notifications();
        }
    }

    /// The process of an instance has ended and is not reaped yet: what it said before that still counts.
    pub fn hear_last_words(&mut self, key: InstanceKey) {
        match self.fleet.instance(key).and_then(|instance| instance.announcements()) {
            None => {}
            Some(said) if said.is_by_notify() => self.receive_notifications(),
            Some(_) => self.hear_last_newline(key),
        }
    }

    /// Whether so much was said in this turn that others have to come to their own.
    pub fn has_heard_enough(&self) -> bool {
        self.voices.heard.is_some_and(|heard| heard >= DATAGRAMS_A_TURN)
    }

    /// Hears what has been said up to now.
    fn receive_notifications(&mut self) {
        if self.voices.socket.is_none() {
            return;
        }
        let mut room = [0; notify::LONGEST];
        let mut search = Search { parents_left: PARENTS_AT_ONCE, stranger: None };
        let heard_before = self.voices.heard.unwrap_or(0);
        self.backlog.notifications = Pending::Nothing;
        for heard in 0..DATAGRAMS_AT_ONCE {
            self.voices.heard = Some(heard_before + heard);
            let Some(socket) = &self.voices.socket else { return };
            // What cannot be received now is signalled again.
            let Ok(Some(datagram)) = socket.receive(&mut room) else { return };
            let sender = self.sender_of(&datagram, &mut search);
            match (sender, datagram.size, room.get(..datagram.length)) {
                (Some(key), Size::Whole, Some(bytes)) => {
                    self.learn_of_exec_of(key);
                    notify::fields(bytes).for_each(|field| self.announced(key, field));
                }
                _ => self.voices.dropped += 1,
            }
            // The descriptors that came along are closed here, and with that a barrier is taken away.
        }
        self.voices.heard = Some(heard_before + DATAGRAMS_AT_ONCE);
        self.backlog.notifications = Pending::Maybe;
    }

    /// The instance that a datagram comes from, if it is one whose program is to say something.
    fn sender_of(&self, datagram: &Datagram, search: &mut Search) -> Option<InstanceKey> {
        let sender = datagram.sender?;
        let key = self.owner_of(sender, search)?;
        self.fleet.instance(key)?.announcements().filter(|said| said.is_by_notify())?;
        Some(key)
    }

    /// The instance that a process belongs to. Those of which we have not seen the end keep their ids, and so do their
    /// sessions.
    fn owner_of(&self, pid: Pid, search: &mut Search) -> Option<InstanceKey> {
        let of = |pid: Pid| self.processes.get(&pid).copied();
        if let Some(key) = of(pid).or_else(|| of(process::session(pid)?)) {
            return Some(key);
        }
        if search.stranger == Some(pid) {
            return None;
        }
        let own = Pid::own();
        let mut parents =
            process::ancestors(pid).take(search.parents_left).take_while(|parent| *parent != own);
        let key = parents.find_map(|parent| {
            search.parents_left = search.parents_left.saturating_sub(1);
            of(parent)
        });
        if key.is_none() {
            search.stranger = Some(pid);
        }
        key
    }

    /// An instance that speaks has been executed, whichever of the two the loop learns of first.
    fn learn_of_exec_of(&mut self, key: InstanceKey) {
        let pid = self.fleet.instance(key).and_then(|instance| instance.pid());
        if let Some(pid) = pid.and_then(|pid| Pid::new(pid.raw())) {
            self.learn_of_exec(pid);
        }
    }

    /// The process of an instance has said something.
    fn announced(&mut self, key: InstanceKey, field: Field<'_>) {
        match field {
            Field::Ready => {
                self.change_activity(key, Activity::None);
                if self.state_of(key) == Some(StateName::Starting) {
                    self.feed(key, Input::Ready);
                }
            }
            Field::Reloading => self.change_activity(key, Activity::Reloading),
            Field::Stopping => {
                self.change_activity(key, Activity::Stopping);
                self.wind_watchdog(key);
            }
            Field::Status(words) => {
                if let Some(said) = self.announcements_mut(key) {
                    said.keep_status(words);
                }
            }
            Field::Alive => self.wind_watchdog(key),
            Field::Broken => self.give_up_on(key, Ailment::Broken),
            Field::ExtendTimeout(time) => self.extend_timeout(key, time),
        }
    }

    fn state_of(&self, key: InstanceKey) -> Option<StateName> {
        self.fleet.instance(key).map(|instance| instance.state.name())
    }

    fn change_activity(&mut self, key: InstanceKey, activity: Activity) {
        if let Some(said) = self.announcements_mut(key) {
            said.activity = activity;
        }
    }

    /// The time that an instance has to start, or to stop, ends no sooner than this time from now.
    fn extend_timeout(&mut self, key: InstanceKey, time: Duration) {
        let until = self.now.after(time);
        let Some(instance) = self.fleet.instance_mut(key) else { return };
        let is_bounded = match instance.timer.map(|armed| armed.timer) {
            Some(Timer::StartTimeout | Timer::StopTimeout) => true,
            // It may be armed in a moment, when the program is known to be executed.
            None => instance.state.name() == StateName::Starting,
            Some(Timer::Healthy | Timer::Settled | Timer::RestartDelay | Timer::BackoffDelay) => false,
        };
        let Some(said) = instance.announcements_mut().filter(|_| is_bounded) else { return };
        said.extended = Some(until);
        self.rearm(key);
    }

    /// An instance took an edge: its watchdog runs while it is `running`.
    pub fn watchdog_sees_edge(&mut self, key: InstanceKey, state: StateName) {
        let said = self.fleet.instance(key).and_then(|instance| instance.announcements());
        if said.and_then(Announcements::watchdog).is_none() {
            return;
        }
        if state == StateName::Running {
            self.wind_watchdog(key);
        } else {
            self.deadlines.cancel(Due::Watchdog(key));
        }
    }

    /// The watchdog of a running instance begins its time anew, if it has one.
    fn wind_watchdog(&mut self, key: InstanceKey) {
        if let Some(time) = self.watchdog_time(key) {
            self.deadlines.arm(Due::Watchdog(key), self.now.after(time));
        }
    }

    /// How long a running instance may be silent. One that says that it ends is given the time that it would have if it
    /// were told to.
    fn watchdog_time(&self, key: InstanceKey) -> Option<Duration> {
        let program = self.fleet.program(key.program)?;
        let instance = program.instances.get(&key.index)?;
        let said = instance.announcements().filter(|_| instance.state.name() == StateName::Running)?;
        let time = said.watchdog()?;
        match said.activity {
            Activity::Stopping => Some(time.max(program.settings.stop.timeout)),
            Activity::None | Activity::Reloading => Some(time),
        }
    }

    /// An instance was silent for too long, unless what it said last is only heard now.
    pub fn watchdog_ran_out(&mut self, key: InstanceKey) {
        self.hear_before_judging();
        if self.deadlines.is_armed(Due::Watchdog(key)) {
            return;
        }
        if let Some(time) = self.watchdog_time(key) {
            self.give_up_on(key, Ailment::Silent(time));
        }
    }
}
