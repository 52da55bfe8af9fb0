//! One slot of a program: its state, its counters, its present run and what is known of the last.

use super::asker::Asker;
use super::exits::Exits;
use super::health::{Ailment, Record};
use super::ids::Pid;
use super::last_run::plain_sentence;
pub use super::last_run::{Cause, LastRun};
use super::moment::Moment;
use super::policy::{self, EndedRun, Ending, Reached};
use super::program::RestartPolicy;
use super::readiness::Announcements;
use super::state::{AdminState, Effect, Input, State, StateName, Timer, Verdict};
use super::table::Step;
use std::rc::Rc;
use std::time::Duration;

/// One slot of a program.
#[derive(Debug)]
pub struct Instance {
    /// What it is.
    pub state: State,
    /// What the operator wants.
    pub admin: AdminState,
    /// Since when it is in its state.
    pub since: Moment,
    /// How many processes were started, failed attempts included.
    pub start_count: u32,
    /// How many flaps in a row.
    pub flap_count: u32,
    /// Its process, if it has one.
    pub run: Option<Run>,
    /// When its latest process was started, in seconds since 1970.
    pub start_time: Option<f64>,
    /// Its last process that ended.
    pub last: Option<LastRun>,
    /// How often its runs ended, and why.
    pub exits: Exits,
    /// Its timer, if one is armed.
    pub timer: Option<ArmedTimer>,
    /// Whether it flapped when it took its last edge.
    flapped: bool,
    /// What led to the state that it is in; `None` before its first edge.
    pub led: Option<Led>,
}

/// What led along an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Led {
    /// The state that it came from.
    pub from: StateName,
    /// What happened.
    pub input: Input,
    /// Who asked for it, if it was asked for.
    pub asked_by: Option<Rc<Asker>>,
}

/// A process.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its id, which is also that of its session and its process group.
    pub pid: Pid,
    /// When it was started.
    pub started: Moment,
    /// The [`super::program::Program::revision`] it was started from.
    pub revision: u32,
    /// What became of its execution.
    pub execution: Execution,
    /// What was done to end it.
    pub stop: Stop,
    /// What did not go as it should when it was told to stop, to follow "stopped;".
    pub stop_note: Option<Box<str>>,
    /// What its health checks have said, if it has any.
    pub health: Option<Record>,
    /// Why it was given up on.
    pub ailment: Option<Box<Ailment>>,
    /// What it has said of itself, if it has a way to.
    pub announcements: Option<Box<Announcements>>,
    /// How far it has come.
    pub reached: Reached,
    /// Who asked for its end first, if anybody did.
    pub asked_by: Option<Rc<Asker>>,
    /// The last signal that it was sent by request.
    pub signalled: Option<Box<Signalled>>,
}

/// A signal that was sent by request.
#[derive(Clone, Debug)]
pub struct Signalled {
    /// Its number.
    pub signal: i32,
    /// Who asked for it.
    pub asked_by: Rc<Asker>,
}

/// What is known of the execution of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Execution {
    /// The new process has not come to it yet.
    Pending,
    /// It runs.
    Done,
    /// It failed; a sentence that names the step and the system's words.
    Failed(Box<str>),
}

/// What was done to end a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing.
    NotAsked,
    /// It was told to stop, or killed on request.
    Asked,
    /// It did not heed in `stop_timeout` and was killed.
    TimedOut,
}

/// A timer that is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArmedTimer {
    /// Which one.
    pub timer: Timer,
    /// When it fires.
    pub at: Moment,
}

/// What differs after a step from before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing that anybody sees.
    Nothing,
    /// The admin state alone.
    Admin {
        /// What it was before.
        from: AdminState,
    },
    /// An edge was taken, if only from a state to itself.
    Edge {
        /// The state that it came from.
        from: StateName,
    },
}

impl Instance {
    /// A slot that has never run and is not wanted.
    pub fn new(now: Moment) -> Self {
        Self {
            state: State::New,
            admin: AdminState::Down,
            since: now,
            start_count: 0,
            flap_count: 0,
            run: None,
            start_time: None,
            last: None,
            exits: Exits::default(),
            timer: None,
            flapped: false,
            led: None,
        }
    }

    /// Takes on what the table decided, and says what differs. The effects are the shell's.
    pub fn apply(&mut self, step: Step, now: Moment) -> Change {
        let (from, from_admin) = (self.state.name(), self.admin);
        self.state = step.state;
        self.admin = step.admin;
        let to = step.state.name();
        if to == StateName::Running
            && let Some(run) = &mut self.run
        {
            run.reached = Reached::Running;
        }
        let begun_anew = step.effects.contains(&Some(Effect::Arm(Timer::BackoffDelay))) && from == to;
        if from != to || begun_anew {
            self.since = now;
            return Change::Edge { from };
        }
        if from_admin != step.admin { Change::Admin { from: from_admin } } else { Change::Nothing }
    }

    /// Notes what led along an edge that was just taken, and who asked for it; if that asks its process to end, whose
    /// wish that is. An edge that ends a run was asked for by whoever asked for that end.
    pub fn note(&mut self, from: StateName, input: Input, asked_by: Option<Rc<Asker>>) {
        if self.state.name() == StateName::Stopping
            && let Some(run) = &mut self.run
        {
            run.asked_by.clone_from(&asked_by);
        }
        let ends = matches!(input, Input::Exited(_) | Input::SpawnFailed(_));
        let asked_by = match &self.last {
            Some(last) if ends => last.asked_by.clone(),
            Some(_) | None => asked_by,
        };
        self.led = Some(Led { from, input, asked_by });
    }

    /// What the policy says if the present run, or an attempt at one, ends in this way after this time, and the flap
    /// count from then on. An end that was asked for, in `stopping`, is not judged.
    pub fn judge(&self, policy: &RestartPolicy, ending: Ending, duration: Duration) -> (Verdict, u32) {
        if self.state.name() == StateName::Stopping {
            return (Verdict::Done, self.flap_count);
        }
        let run = EndedRun { ending, reached: self.reached(), duration };
        policy::judge(policy, self.admin, run, self.flap_count)
    }

    /// What its process says on how it does.
    pub fn status_text(&self) -> Option<&str> {
        self.announcements()?.status.as_deref()
    }

    /// What its process has said of itself, if it has one that can.
    pub fn announcements(&self) -> Option<&Announcements> {
        self.run.as_ref()?.announcements.as_deref()
    }

    /// As [`Instance::announcements`], to change it.
    pub fn announcements_mut(&mut self) -> Option<&mut Announcements> {
        self.run.as_mut()?.announcements.as_deref_mut()
    }

    /// Its process id, if it has a process.
    pub fn pid(&self) -> Option<Pid> {
        self.run.as_ref().map(|run| run.pid)
    }

    /// How long its present process has run; zero without one.
    pub fn duration(&self, now: Moment) -> Duration {
        self.run.as_ref().map_or(Duration::ZERO, |run| now.since(run.started))
    }

    /// How far the present run has come, judged by the state it is in.
    pub fn reached(&self) -> Reached {
        match self.state {
            State::Running => Reached::Running,
            State::New
            | State::Waiting(_)
            | State::Starting(_)
            | State::Stopping(_)
            | State::Exited
            | State::Backoff
            | State::Failed => Reached::Starting,
        }
    }

    /// Whether it flaps: more flaps in a row than its policy finds ordinary.
    pub fn is_flapping(&self, policy: &RestartPolicy) -> bool {
        self.flap_count > policy.flap_max
    }

    /// An edge was taken, with all that belongs to it: whether it is the one with which it begins to flap.
    pub fn begins_to_flap(&mut self, policy: &RestartPolicy) -> bool {
        let flaps = self.is_flapping(policy);
        let flapped = std::mem::replace(&mut self.flapped, flaps);
        flaps && !flapped
    }

    /// How long until the next start that is already decided; `None` when none is.
    pub fn retry_in(&self, now: Moment) -> Option<Duration> {
        let armed = self.timer?;
        match armed.timer {
            Timer::RestartDelay | Timer::BackoffDelay => Some(armed.at.since(now)),
            Timer::Healthy | Timer::Settled | Timer::StartTimeout | Timer::StopTimeout => None,
        }
    }

    /// The exit code of the last process that ended: -1 after a death by a signal, 127 (as a shell has it) when
    /// nothing could be executed, 0 before any has ended.
    pub fn exitcode(&self) -> i32 {
        match self.last.as_ref().map(|last| last.ending) {
            Some(Ending::Exited(code)) => code,
            Some(Ending::Killed(_)) => -1,
            Some(Ending::NotExecuted) => 127,
            None => 0,
        }
    }

    /// The signal that ended the last process, or 0.
    pub fn exitsignal(&self) -> i32 {
        match self.last.as_ref().map(|last| last.ending) {
            Some(Ending::Killed(signal)) => signal,
            Some(Ending::Exited(_) | Ending::NotExecuted) | None => 0,
        }
    }

    /// Forgets counters and history, as an instance that never ran.
    pub fn forget(&mut self) {
        self.start_count = 0;
        self.flap_count = 0;
        self.start_time = None;
        self.last = None;
        self.exits = Exits::default();
    }

    /// Why it is in its state, as a sentence; `None` when there is nothing to explain.
    pub fn reason(&self, signal_name: impl Fn(i32) -> String) -> Option<String> {
        match self.state.name() {
            StateName::New => None,
            StateName::Waiting => Some("waits for what it requires".to_string()),
            StateName::Starting => {
                let said = self.announcements().and_then(Announcements::while_starting);
                said.or_else(|| self.failure(signal_name))
            }
            StateName::Running => self.announcements().and_then(Announcements::while_running),
            StateName::Stopping => self.ailment(),
            StateName::Exited | StateName::Backoff => self.ending(signal_name),
            StateName::Failed => Some(match self.ending(signal_name) {
                Some(ending) if self.flap_count == 1 => format!("held after a flap: {ending}"),
                Some(ending) if self.flap_count > 1 => {
                    format!("held after {} flaps in a row: {ending}", self.flap_count)
                }
                Some(ending) => format!("held in failed: {ending}"),
                None => "held in failed by request".to_string(),
            }),
        }
    }

    /// Why its present process was given up on.
    fn ailment(&self) -> Option<String> {
        self.run.as_ref()?.ailment.as_ref().map(ToString::to_string)
    }

    /// How the last run ended, if it failed.
    fn failure(&self, signal_name: impl Fn(i32) -> String) -> Option<String> {
        match self.last.as_ref()?.cause {
            Cause::Finished | Cause::Stopped | Cause::StopTimeout => None,
            Cause::Failed | Cause::OutOfMemory | Cause::Unhealthy(_) | Cause::SpawnFailed(_) => {
                self.ending(signal_name)
            }
        }
    }

    /// How the last run ended, in words.
    pub fn ending(&self, signal_name: impl Fn(i32) -> String) -> Option<String> {
        let last = self.last.as_ref()?;
        let plain = || plain_sentence(&last.cause, last.ending, last.duration.as_secs_f64(), signal_name);
        Some(last.own_sentence().unwrap_or_else(plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::state::{HealthyWhen, Input, Sequel};
    use crate::core::table::{Requirements, Terms, step};

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    fn feed(instance: &mut Instance, input: Input, now: Moment) -> Change {
        let terms = Terms { requirements: Requirements::Met, healthy: HealthyWhen::Lasted };
        instance.apply(step(instance.state, instance.admin, input, terms), now)
    }

    #[test]
    fn a_change_is_told_apart() {
        let mut instance = Instance::new(at(0));
        assert_eq!(feed(&mut instance, Input::Up, at(1)), Change::Edge { from: StateName::New });
        assert_eq!(feed(&mut instance, Input::Up, at(2)), Change::Nothing);
        assert_eq!(feed(&mut instance, Input::Down, at(3)), Change::Edge { from: StateName::Starting });
        assert_eq!(feed(&mut instance, Input::Up, at(4)), Change::Admin { from: AdminState::Down });
        assert_eq!(instance.state, State::Stopping(Sequel::Start));
        assert_eq!(instance.since, at(3));
    }

    #[test]
    fn backoff_begun_anew_is_an_edge() {
        let mut instance = Instance::new(at(0));
        feed(&mut instance, Input::To(StateName::Backoff), at(1));
        let change = feed(&mut instance, Input::To(StateName::Backoff), at(2));
        assert_eq!(change, Change::Edge { from: StateName::Backoff });
        assert_eq!(instance.since, at(2));
    }

    #[test]
    fn reasons_are_sentences() {
        let mut instance = Instance::new(at(0));
        let name = |signal: i32| format!("S{signal}");
        assert_eq!(instance.reason(name), None);
        instance.state = State::Exited;
        instance.last = Some(LastRun {
            ending: Ending::Killed(9),
            duration: Duration::from_millis(1500),
            cause: Cause::Failed,
            stop_note: None,
            asked_by: None,
        });
        assert_eq!(instance.reason(name).as_deref(), Some("killed by signal 9 (S9) after 1.5 s"));
        instance.state = State::Failed;
        instance.flap_count = 3;
        assert_eq!(
            instance.reason(name).as_deref(),
            Some("held after 3 flaps in a row: killed by signal 9 (S9) after 1.5 s")
        );
        instance.state = State::Running;
        assert_eq!(instance.reason(name), None);
        instance.state = State::Exited;
        instance.last = Some(LastRun {
            ending: Ending::Exited(0),
            duration: Duration::ZERO,
            cause: Cause::Stopped,
            stop_note: Some("its stop_command exited with code 3".into()),
            asked_by: None,
        });
        let expected = "stopped; its stop_command exited with code 3";
        assert_eq!(instance.reason(name).as_deref(), Some(expected));
    }
}
