//! An input goes through the table, and what the table decides is done: state first, then effects, then the world
//! is told. Effects never call the table; what follows from them is an input that waits its turn.

use super::history::Remains;
use super::readiness::extension;
use super::{Due, Follow, Supervisor};
use crate::core::asker::Asker;
use crate::core::event::{StateEvent, What};
use crate::core::exits::DeathCause;
use crate::core::fleet::Fleet;
use crate::core::hook::Occasions;
use crate::core::ids::InstanceKey;
use crate::core::instance::{ArmedTimer, Change, Execution, Instance, Stop};
use crate::core::moment::Moment;
use crate::core::policy;
use crate::core::program::Program;
use crate::core::state::{Effect, HealthyWhen, Input, State, StateName, Timer};
use crate::core::table::{self, Terms};
use crate::sys::signals::signal_name;
use std::rc::Rc;
use std::time::Duration;

impl Supervisor {
    /// Feeds an input and all that follows from it.
    pub fn feed(&mut self, key: InstanceKey, input: Input) {
        self.feed_all(key, Follow::Input(input));
    }

    /// As [`Supervisor::feed`], of what somebody asked for.
    pub fn feed_for(&mut self, key: InstanceKey, input: Input, asker: Option<Rc<Asker>>) {
        match asker {
            Some(asker) => self.feed_all(key, Follow::Asked(input, asker)),
            None => self.feed(key, input),
        }
    }

    fn feed_all(&mut self, key: InstanceKey, first: Follow) {
        self.inputs.push_back((key, first));
        while let Some((key, follow)) = self.inputs.pop_front() {
            match follow {
                Follow::Input(input) => self.step(key, input, None),
                Follow::Asked(input, asker) => self.step(key, input, Some(asker)),
                Follow::AttemptFailed(words) => {
                    let input = self.attempt_ended(key, words, Duration::ZERO, None, Remains::NONE);
                    self.step(key, input, None);
                }
            }
        }
    }

    fn step(&mut self, key: InstanceKey, input: Input, asker: Option<Rc<Asker>>) {
        let now = self.now;
        let requirements = self.fleet.requirements(key.program);
        let Some(program) = self.fleet.program_mut(key.program) else { return };
        let healthy = program.settings.healthy_when();
        let Some(instance) = program.instances.get_mut(&key.index) else { return };
        let terms = Terms { requirements, healthy };
        let step = table::step(instance.state, instance.admin, input, terms);
        let left = instance.state.name() != step.state.name();
        self.ends.see_admin(instance.admin, step.admin);
        let admin = instance.admin;
        let change = instance.apply(step, now);
        if let Change::Edge { from } = change {
            instance.note(from, input, asker);
        }
        // The health of a process matters as long as it is to run.
        let is_to_run = matches!(step.state.name(), StateName::Starting | StateName::Running);
        let watch_ends = left && !is_to_run && program.settings.health.is_on();
        if left && instance.timer.take().is_some() {
            self.deadlines.cancel(Due::Instance(key));
        }
        if watch_ends {
            self.end_watch(key);
        }
        if left {
            self.awaits_no_more(key);
        }
        self.manager_sees_admin(key, admin, step.admin);
        let mut removed = None;
        for effect in step.effects.into_iter().flatten() {
            match effect {
                Effect::Remove => removed = Some(key),
                other => self.carry_out(key, other, input),
            }
        }
        let ripple = self.fleet.observe(key);
        self.tell(key, change, input);
        self.release_cgroup_at_rest(key);
        self.surroundings_change(ripple);
        if let Some(key) = removed {
            self.give_up(key);
        }
    }

    fn carry_out(&mut self, key: InstanceKey, effect: Effect, input: Input) {
        match effect {
            Effect::Spawn => self.spawn(key),
            Effect::SendStop => self.send_stop(key),
            Effect::Kill => {
                let why = if input == Input::StopTimeout { Stop::TimedOut } else { Stop::Asked };
                self.kill(key, why);
            }
            Effect::Arm(timer) => self.arm(key, timer),
            Effect::Disarm => {
                self.deadlines.cancel(Due::Instance(key));
                if let Some(instance) = self.fleet.instance_mut(key) {
                    instance.timer = None;
                }
            }
            Effect::AwaitRequirements => self.await_requirements(key),
            Effect::ForgetFlaps => {
                if let Some(instance) = self.fleet.instance_mut(key) {
                    instance.flap_count = 0;
                }
            }
            Effect::Forget => {
                if let Some(instance) = self.fleet.instance_mut(key) {
                    instance.forget();
                }
                self.histories.forget(key);
            }
            // Done by the caller, when the last edge has been told.
            Effect::Remove => {}
        }
    }

    /// Arms the timer of an instance. One that would have fired already fires in this turn.
    fn arm(&mut self, key: InstanceKey, timer: Timer) {
        let jitter = self.random();
        let now = self.now;
        let Some(program) = self.fleet.program_mut(key.program) else { return };
        let Some(instance) = program.instances.get_mut(&key.index) else { return };
        let policy = &program.settings.policy;
        let started = instance.run.as_ref().map_or(now, |run| run.started);
        let at = match timer {
            Timer::Healthy => started.after(policy.minimum_run_duration),
            Timer::Settled => started.after(policy.backoff_min),
            Timer::StopTimeout => {
                // The time that it asked for to start is none to stop.
                if let Some(said) = instance.announcements_mut() {
                    said.extended = None;
                }
                now.after(program.settings.stop.timeout)
            }
            Timer::RestartDelay => now.after(policy.restart_delay),
            Timer::BackoffDelay => now.after(policy::backoff_delay(policy, instance.flap_count, jitter)),
            Timer::StartTimeout if policy.start_timeout.is_zero() => return,
            Timer::StartTimeout => started.after(policy.start_timeout).max(extension(instance)),
        };
        if timer == Timer::RestartDelay && at <= now {
            // A run that lasted is followed at once. One that did not has a backoff delay, so this comes to an end.
            self.inputs.push_back((key, Follow::Input(Input::Retry)));
            return;
        }
        if timer == Timer::Settled && at <= now {
            // It has run long enough already: no need to wake up for it.
            instance.flap_count = 0;
            return;
        }
        instance.timer = Some(ArmedTimer { timer, at });
        self.deadlines.arm(Due::Instance(key), at);
    }

    /// Moves the armed timer of an instance to where its present policy has it.
    pub fn rearm(&mut self, key: InstanceKey) {
        let Some(program) = self.fleet.program_mut(key.program) else { return };
        let Some(instance) = program.instances.get_mut(&key.index) else { return };
        let policy = &program.settings.policy;
        let Some(timer) = instance.timer.map(|armed| armed.timer).or_else(|| start_timer(instance)) else {
            return;
        };
        let started = instance.run.as_ref().map_or(instance.since, |run| run.started);
        let at = match timer {
            Timer::Healthy => started.after(policy.minimum_run_duration),
            Timer::Settled => started.after(policy.backoff_min),
            Timer::StopTimeout => {
                instance.since.after(program.settings.stop.timeout).max(extension(instance))
            }
            Timer::RestartDelay => instance.since.after(policy.restart_delay),
            // In the middle of the spread: the herd was parted when the delay began.
            Timer::BackoffDelay => {
                instance.since.after(policy::backoff_delay(policy, instance.flap_count, 2048))
            }
            Timer::StartTimeout if policy.start_timeout.is_zero() => {
                instance.timer = None;
                return self.deadlines.cancel(Due::Instance(key));
            }
            Timer::StartTimeout => started.after(policy.start_timeout).max(extension(instance)),
        };
        instance.timer = Some(ArmedTimer { timer, at });
        self.deadlines.arm(Due::Instance(key), at);
    }

    /// Tells the world what differs.
    fn tell(&mut self, key: InstanceKey, change: Change, input: Input) {
        let Some(program) = self.fleet.program(key.program) else { return };
        let Some(instance) = program.instances.get(&key.index) else { return };
        match change {
            Change::Nothing => {}
            Change::Admin { from } => {
                let (program, admin) = (program.name.clone(), instance.admin);
                self.publish(What::Admin { program, index: key.index, from, admin });
            }
            Change::Edge { from } => {
                let state = instance.state.name();
                self.ends.see_edge(key, instance, input);
                let event = state_event(&self.fleet, program, key, instance, from, input, self.now);
                let concerned = self.hooks_concerned(key, Occasions::edge(from, state), input);
                self.publish(What::State(Box::new(event)));
                self.say_unasked(key, state, input);
                self.queue_hooks(key, concerned);
                self.edge_taken(key, from, state);
            }
        }
    }

    fn edge_taken(&mut self, key: InstanceKey, from: StateName, state: StateName) {
        self.watchdog_sees_edge(key, state);
        self.operation_sees_edge(key, from, state);
        self.stages_see_edge(key, from, state);
        self.waiters_see_edge(key, from, state);
        self.rolling_sees_edge(key, state);
        self.manager_sees_edge(key, from, state);
    }

    /// A number that differs from the last: Marsaglia's xorshift, quite enough to part a herd.
    pub fn random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }
}

/// The timer of an instance that could take its time to start up to now.
fn start_timer(instance: &Instance) -> Option<Timer> {
    let is_executed = instance.run.as_ref().is_some_and(|run| run.execution == Execution::Done);
    (is_executed && instance.state == State::Starting(HealthyWhen::Notified)).then_some(Timer::StartTimeout)
}

fn state_event(
    fleet: &Fleet,
    program: &Program,
    key: InstanceKey,
    instance: &Instance,
    from: StateName,
    input: Input,
    now: Moment,
) -> StateEvent {
    let ended = matches!(input, Input::Exited(_) | Input::SpawnFailed(_));
    let ending = instance.last.as_ref().filter(|_| ended);
    let duration = ending.map_or_else(|| instance.duration(now), |last| last.duration);
    StateEvent {
        program: program.name.clone(),
        index: key.index,
        from,
        state: instance.state.name(),
        admin: instance.admin,
        pid: instance.pid(),
        exitcode: instance.exitcode(),
        exitsignal: instance.exitsignal(),
        duration: duration.as_secs_f64(),
        start_count: instance.start_count,
        flap_count: instance.flap_count,
        reason: fleet.reason(program, instance, signal_name).map(String::into_boxed_str),
        cause: ending.map(DeathCause::of),
        asked_by: instance.led.as_ref().and_then(|led| led.asked_by.clone()),
    }
}
