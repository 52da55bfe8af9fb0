//! What is known of the supervisor and its instances: read in whole now and then, kept up to date by events, so that
//! nobody has to be asked whenever something happens. Time is given, in seconds from a beginning of ours.

use super::runs::{Run, Runs};
use crate::cli::render::instances::{ending, integer, text, told_reason};
use crate::core::state::{AdminState, StateName};
use crate::wire::value::Value;
use std::collections::BTreeMap;

/// The shortest time, in seconds, over which it is told how much there was of something.
const SHORTEST: f64 = 0.3;

/// Which instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// The program.
    pub program: String,
    /// Which of its instances.
    pub instance: u64,
}

/// An instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its state: a name, as another version may have others.
    pub state: String,
    /// What is wanted of it.
    pub admin: String,
    /// Its process; 0 for none.
    pub pid: i64,
    /// When that began.
    pub began: Option<f64>,
    /// How many processes there were.
    pub starts: i64,
    /// How many flaps in a row.
    pub flaps: i64,
    /// When it starts, if it is delayed.
    pub starts_at: Option<f64>,
    /// How its last process ended; nothing if none has.
    pub last_exit: String,
    /// Why it is in its state, as far as the columns do not tell.
    pub reason: String,
    /// What its process uses, as it was last read.
    pub usage: Option<Usage>,
    /// The share of one processor that it uses, in percent.
    pub cpu: Option<f64>,
    /// Its last runs, as far as they are known.
    pub runs: Runs,
    /// Whether the runs before we looked were asked for.
    pub past: Asked,
    /// Whether it was asked how long a delay is, which no event tells.
    pub delay: Asked,
}

/// Whether something was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// Not yet.
    #[default]
    No,
    /// It was.
    Yes,
}

/// What a process uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Whose it is.
    pid: i64,
    /// Processor seconds.
    cpu: f64,
    /// Resident bytes.
    pub memory: u64,
    /// When it was read.
    at: f64,
}

/// The supervisor itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Own {
    /// When it began.
    pub began: f64,
    /// What it uses.
    pub usage: Option<Usage>,
    /// The share of one processor that it uses, in percent.
    pub cpu: Option<f64>,
    /// How many events there were a second, from one reading to the next.
    pub event_rate: f64,
    /// When it was read last.
    read_at: Option<f64>,
    /// Up to which event they were counted then.
    counted: Option<u64>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The instances.
    pub rows: BTreeMap<Id, Row>,
    /// The supervisor.
    pub own: Own,
    latest: u64,
}

/// What an event means for what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It tells all there is to know.
    All,
    /// Everything has to be asked anew.
    Something,
    /// It is about the supervisor or something that is not shown.
    Nothing,
}

impl Id {
    /// What a row or an event is about, if that is one instance.
    pub fn of(told: &Value) -> Option<Self> {
        let program = told.get("program").and_then(Value::text)?.to_string();
        Some(Self { program, instance: told.get("instance").and_then(Value::as_u64)? })
    }

    /// `PROGRAM/INSTANCE`, as a selector has it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.program, self.instance)
    }
}

impl Model {
    /// Takes a reply to `list` with all there is: what is not in it is gone.
    pub fn take_all(&mut self, reply: &Value, now: f64) {
        let mut old = std::mem::take(&mut self.rows);
        for told in reply.get("instances").and_then(Value::as_array).unwrap_or_default() {
            let Some(id) = Id::of(told) else { continue };
            let mut row = old.remove(&id).unwrap_or_else(|| Row::new(told));
            row.take(told, now);
            self.rows.insert(id, row);
        }
    }

    /// Takes a reply to `list` with some of them.
    pub fn take_some(&mut self, reply: &Value, now: f64) {
        for told in reply.get("instances").and_then(Value::as_array).unwrap_or_default() {
            if let Some(row) = Id::of(told).and_then(|id| self.rows.get_mut(&id)) {
                row.take(told, now);
            }
        }
    }

    /// Takes a reply to `history`.
    pub fn take_history(&mut self, reply: &Value) {
        for told in reply.get("history").and_then(Value::as_array).unwrap_or_default() {
            if let Some(row) = Id::of(told).and_then(|id| self.rows.get_mut(&id)) {
                row.runs = Runs::of_history(told);
            }
        }
    }

    /// Takes a reply to `info`.
    pub fn take_info(&mut self, reply: &Value, now: f64) {
        let own = &mut self.own;
        own.began = now - float(reply, "uptime");
        // Two that are close together tell of nothing but the clock's grain.
        if own.read_at.is_some_and(|before| now - before < SHORTEST) {
            return;
        }
        let usage = Usage::of(reply, now);
        own.cpu = percentage(own.usage, usage);
        own.usage = usage;
        if let (Some(before), Some(counted)) = (own.read_at, own.counted) {
            let events = u32::try_from(self.latest.saturating_sub(counted)).unwrap_or(u32::MAX);
            own.event_rate = f64::from(events) / (now - before);
        }
        own.counted = Some(self.latest);
        own.read_at = Some(now);
    }

    /// How many of the instances are in which state: the names in the order of the table, then others.
    pub fn states(&self) -> Vec<(&str, usize)> {
        let mut counts: Vec<(&str, usize)> =
            StateName::ALL.into_iter().map(|state| (state.as_str(), 0)).collect();
        for row in self.rows.values() {
            match counts.iter_mut().find(|(state, _)| *state == row.state) {
                Some((_, count)) => *count += 1,
                None => counts.push((&row.state, 1)),
            }
        }
        counts.retain(|(_, count)| *count > 0);
        counts
    }

    /// Begins to count events after this one.
    pub fn begin_after(&mut self, seq: u64) {
        self.latest = seq;
        self.own.counted = None;
        self.own.read_at = None;
        self.own.event_rate = 0.0;
    }

    /// Takes an event that is about something shown, or not.
    pub fn take_event(&mut self, event: &Value, is_shown: bool, now: f64) -> Told {
        if let Some(seq) = event.get("seq").and_then(Value::as_u64) {
            self.latest = seq;
        }
        if !is_shown || event.get("program").is_none() {
            // Whatever was read again may have changed everything.
            return if text(event, "event") == "reloaded" { Told::Something } else { Told::Nothing };
        }
        // What is done to a program as a whole is done to its instances, and to how many there are.
        let Some(id) = Id::of(event) else { return Told::Something };
        if event.get("admin_state").is_none() {
            return Told::Nothing;
        }
        let Some(row) = self.rows.get_mut(&id) else { return Told::Something };
        row.take_event(event, now);
        Told::All
    }
}

impl Row {
    fn new(told: &Value) -> Self {
        let mut row = Self::default();
        if let Some(run) = Run::of_row(told) {
            row.runs.push(run);
        }
        row
    }

    /// Takes a row of `list`.
    fn take(&mut self, told: &Value, now: f64) {
        self.state = text(told, "state").to_string();
        self.admin = text(told, "admin_state").to_string();
        self.take_process(integer(told, "pid"), now - float(told, "duration"));
        self.starts = integer(told, "start_count");
        self.flaps = integer(told, "flap_count");
        self.delay = Asked::Yes;
        self.starts_at = told.get("retry_in").and_then(Value::as_f64).map(|delay| now + delay);
        self.reason = told_reason(told).unwrap_or_default();
        let has_ended = told.get("last_duration").and_then(Value::as_f64).is_some();
        self.last_exit = if has_ended { ending(told) } else { String::new() };
        let usage = Usage::of(told, now).filter(|usage| usage.pid != 0);
        // Two that are close together tell of nothing but the clock's grain.
        if usage.is_none() || self.usage.is_none_or(|before| before.is_long_before(usage)) {
            self.cpu = percentage(self.usage, usage);
            self.usage = usage;
        }
    }

    /// Takes an edge, or a change of the admin state.
    fn take_event(&mut self, event: &Value, now: f64) {
        self.admin = text(event, "admin_state").to_string();
        if event.get("state").is_none() {
            return;
        }
        if let Some(run) = Run::of_event(event, self.uptime(now).unwrap_or(0.0)) {
            self.runs.push(run);
            self.last_exit = ending(event);
        }
        self.state = text(event, "state").to_string();
        self.take_process(integer(event, "pid"), now - float(event, "duration"));
        self.starts = integer(event, "start_count");
        self.flaps = integer(event, "flap_count");
        self.starts_at = None;
        self.delay = Asked::No;
        self.reason = told_reason(event).unwrap_or_default();
    }

    fn take_process(&mut self, pid: i64, began: f64) {
        if pid == 0 {
            self.began = None;
        } else if self.pid != pid || self.began.is_none() {
            // Once: what is read a little later would make it jump.
            self.began = Some(began);
        }
        if self.pid != pid {
            self.usage = None;
            self.cpu = None;
        }
        self.pid = pid;
    }

    /// How long its process has run, in seconds.
    pub fn uptime(&self, now: f64) -> Option<f64> {
        self.began.map(|began| (now - began).max(0.0))
    }

    /// Whether it has to be read to be known again: it may be delayed, for nobody knows how long.
    pub fn is_vague(&self) -> bool {
        self.pid == 0 && self.delay == Asked::No
    }

    /// Whether it rests although it is wanted up: it is delayed, or about to start.
    pub fn is_held(&self) -> bool {
        self.state == StateName::Exited.as_str() && self.admin == AdminState::Up.as_str()
    }
}

impl Usage {
    fn of(told: &Value, at: f64) -> Option<Self> {
        let seconds = |key: &str| told.get(key).and_then(Value::as_f64);
        let memory = told.get("memory").and_then(Value::as_u64)?;
        Some(Self {
            pid: integer(told, "pid"),
            cpu: seconds("cpu_user")? + seconds("cpu_system")?,
            memory,
            at,
        })
    }

    fn is_long_before(self, later: Option<Usage>) -> bool {
        later.is_none_or(|later| later.pid != self.pid || later.at - self.at >= SHORTEST)
    }
}

/// The share of a processor between two readings of the same process.
fn percentage(before: Option<Usage>, now: Option<Usage>) -> Option<f64> {
    let (before, now) = (before?, now?);
    let passed = now.at - before.at;
    (before.pid == now.pid && passed > 0.0).then(|| (now.cpu - before.cpu).max(0.0) / passed * 100.0)
}

fn float(of: &Value, key: &str) -> f64 {
    of.get(key).and_then(Value::as_f64).unwrap_or(0.0)
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
