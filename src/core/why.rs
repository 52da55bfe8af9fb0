//! Why an instance is in its state and what happens next: asked of the table and the policy themselves, on a copy, so
//! that an answer is what would really happen.

use super::instance::{Execution, Instance};
use super::policy::{self, Ending};
use super::program::{RestartPolicy, Settings};
use super::settings::Readiness;
use super::state::{AdminState, Effect, HealthyWhen, Input, State, StateName, Timer, Verdict};
use super::table::{Requirements, Step, Terms, step};
use std::time::Duration;

/// What is known of an instance that asks what happens next.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The settings of its program.
    pub settings: &'a Settings,
    /// The instance.
    pub instance: &'a Instance,
    /// Whether all that it requires is there.
    pub requirements: Requirements,
}

/// What follows something that happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// The state right after.
    pub state: StateName,
    /// The admin state right after.
    pub admin: AdminState,
    /// What comes then.
    pub then: Then,
}

/// What comes when a state was reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Then {
    /// Nothing by itself.
    Rests,
    /// A start after this time.
    Starts(Duration),
    /// A start as soon as what it requires is there.
    Waits,
    /// Its process is told to stop, which takes at most this long.
    Stops(Duration),
    /// The slot is given up.
    Gone,
}

/// What would follow if the process of an instance ended now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prospect {
    /// How it would have ended.
    pub ending: Ending,
    /// What the policy says of that; an end that was asked for is not judged.
    pub verdict: Option<Verdict>,
    /// Flaps in a row from then on.
    pub flap_count: u32,
    /// What follows.
    pub outlook: Outlook,
}

/// What would follow if the process ended now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IfItDied {
    /// It has none.
    NoProcess,
    /// The same, however it ended.
    Anyhow(Prospect),
    /// It depends.
    Depends {
        /// With an exit code that stands for success.
        success: Prospect,
        /// With a failure.
        failure: Prospect,
    },
}

/// What an instance waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WaitsFor {
    /// Nothing: it is as it is to be.
    Nothing,
    /// Its program to be executed.
    Execution,
    /// Its process to have lived through this time.
    Lasting(Duration),
    /// Its process to say that it is ready, in its way.
    Readiness(Readiness),
    /// Its process to end.
    Exit,
    /// What it requires.
    Requirements,
    /// A delay before the next start.
    Delay,
    /// Somebody who starts it.
    Operator,
}

/// What makes the flaps of an instance forgiven and forgotten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Forgiveness {
    /// There are none.
    NothingToForgive,
    /// In so long, if its present process lives on.
    In(Duration),
    /// A run that comes to be `running` and has lasted so long.
    ByRun(Duration),
}

impl Situation<'_> {
    fn terms(&self) -> Terms {
        Terms { requirements: self.requirements, healthy: self.settings.healthy_when() }
    }

    fn step(&self, input: Input) -> Step {
        step(self.instance.state, self.instance.admin, input, self.terms())
    }

    /// What would follow if its process ended now, after it has run for this time.
    pub fn if_it_died(&self, age: Duration) -> IfItDied {
        if self.instance.run.is_none() {
            return IfItDied::NoProcess;
        }
        let failure = self.prospect(failure(&self.settings.policy), age);
        let codes = &self.settings.policy.success_exit_codes;
        let Some(code) = codes.iter().copied().min() else { return IfItDied::Anyhow(failure) };
        let success = self.prospect(Ending::Exited(code), age);
        if (Prospect { ending: failure.ending, ..success }) == failure {
            return IfItDied::Anyhow(failure);
        }
        IfItDied::Depends { success, failure }
    }

    fn prospect(&self, ending: Ending, age: Duration) -> Prospect {
        let (verdict, flap_count) = self.instance.judge(&self.settings.policy, ending, age);
        let step = self.step(Input::Exited(verdict));
        let judged = self.instance.state.name() != StateName::Stopping;
        let outlook = self.outlook(step, flap_count);
        Prospect { ending, verdict: judged.then_some(verdict), flap_count, outlook }
    }

    /// What would follow if its timer fired now, after its process has run for this time.
    pub fn when_fired(&self, timer: Timer, age: Duration) -> Outlook {
        let policy = &self.settings.policy;
        match timer.input() {
            Some(input) => self.outlook(self.step(input), self.instance.flap_count),
            None => {
                let (verdict, flap_count) = self.instance.judge(policy, Ending::NotExecuted, age);
                self.outlook(self.step(Input::StartTimeout(verdict)), flap_count)
            }
        }
    }

    fn outlook(&self, step: Step, flap_count: u32) -> Outlook {
        let policy = &self.settings.policy;
        let mut then = Then::Rests;
        for effect in step.effects.into_iter().flatten() {
            match effect {
                Effect::Spawn => then = Then::Starts(Duration::ZERO),
                Effect::Arm(Timer::RestartDelay) => then = Then::Starts(policy.restart_delay),
                // In the middle of the spread.
                Effect::Arm(Timer::BackoffDelay) => {
                    then = Then::Starts(policy::backoff_delay(policy, flap_count, 2048));
                }
                Effect::AwaitRequirements => then = Then::Waits,
                Effect::SendStop => then = Then::Stops(self.settings.stop.timeout),
                Effect::Kill => then = Then::Stops(Duration::ZERO),
                Effect::Remove => then = Then::Gone,
                Effect::Arm(Timer::Healthy | Timer::Settled | Timer::StartTimeout | Timer::StopTimeout)
                | Effect::Disarm
                | Effect::ForgetFlaps
                | Effect::Forget => {}
            }
        }
        Outlook { state: step.state.name(), admin: step.admin, then }
    }

    /// What it waits for.
    pub fn waits_for(&self) -> WaitsFor {
        let instance = self.instance;
        match instance.state {
            State::Running => WaitsFor::Nothing,
            State::Waiting(_) => WaitsFor::Requirements,
            State::Starting(healthy) => {
                let executed = instance.run.as_ref().is_some_and(|run| run.execution == Execution::Done);
                match healthy {
                    _ if !executed => WaitsFor::Execution,
                    HealthyWhen::Lasted => WaitsFor::Lasting(self.settings.policy.minimum_run_duration),
                    HealthyWhen::Notified => WaitsFor::Readiness(self.settings.process.readiness),
                    HealthyWhen::Executed => WaitsFor::Execution,
                }
            }
            State::Stopping(_) => WaitsFor::Exit,
            State::New | State::Exited | State::Backoff | State::Failed => match instance.timer {
                Some(_) => WaitsFor::Delay,
                None => WaitsFor::Operator,
            },
        }
    }

    /// What forgives its flaps, if its process has run for this time.
    pub fn forgiveness(&self, age: Duration) -> Forgiveness {
        if self.instance.flap_count == 0 {
            return Forgiveness::NothingToForgive;
        }
        let needed = self.settings.policy.backoff_min;
        match self.instance.state {
            State::Running => Forgiveness::In(needed.saturating_sub(age)),
            State::New
            | State::Waiting(_)
            | State::Starting(_)
            | State::Stopping(_)
            | State::Exited
            | State::Backoff
            | State::Failed => Forgiveness::ByRun(needed),
        }
    }
}

/// An ending that counts as a failure: the smallest exit code that does.
fn failure(policy: &RestartPolicy) -> Ending {
    const CODES: std::ops::RangeInclusive<i32> = 1..=255;
    let code = CODES.into_iter().find(|code| !policy.success_exit_codes.contains(code));
    // Every code may stand for success; a signal never does. SIGKILL is 9 on every architecture: signal(7).
    code.map_or(Ending::Killed(9), Ending::Exited)
}

#[cfg(test)]
#[path = "why_tests.rs"]
mod tests;
