//! Health checks: now and then a command is run that says by its exit code how an instance is. One that is not in
//! health is given up on. Only a program that has such a command, or a limit of its memory, costs anything here.

use super::children::{Outcome, Patience, Purpose};
use super::{Due, Supervisor};
use crate::core::asker::{Asker, Wish};
use crate::core::health::{Ailment, Standing};
use crate::core::ids::InstanceKey;
use crate::core::instance::{Execution, Run};
use crate::core::moment::Moment;
use crate::core::policy;
use crate::core::state::{Input, StateName};
use crate::sys::fork;
use crate::sys::process::Pid;

impl Supervisor {
    /// The program of an instance was executed: its health is watched from now on, as far as that is asked for.
    pub fn begin_watch(&mut self, key: InstanceKey) {
        let Some(program) = self.fleet.program(key.program) else { return };
        let policy = &program.settings.health;
        let (has_check, has_limit) = (policy.check.is_some(), policy.memory_limit.is_some());
        if !policy.is_on() || self.watched(key).is_none() {
            return;
        }
        if has_check {
            if let Some(run) = self.run_mut(key) {
                run.health.get_or_insert_default();
            }
            self.await_health_check(key);
        }
        if has_limit {
            self.watch_memory(key);
        }
    }

    /// The process of an instance was told to stop, or has ended: its health matters no more.
    pub fn end_watch(&mut self, key: InstanceKey) {
        self.deadlines.cancel(Due::HealthCheck(key));
        self.abandon_child(Purpose::Health(key));
        self.ignore_memory(key);
    }

    /// The settings by which an instance is watched were changed: they hold at once, for the process that it has.
    pub fn renew_watch(&mut self, key: InstanceKey) {
        self.end_watch(key);
        let program = self.fleet.program(key.program);
        let has_check = program.is_some_and(|program| program.settings.health.check.is_some());
        if !has_check && let Some(run) = self.run_mut(key) {
            run.health = None;
        }
        self.begin_watch(key);
    }

    /// Gives up on the process of an instance, which is stopped. What follows is what would have followed its exit.
    pub fn give_up_on(&mut self, key: InstanceKey, ailment: Ailment) {
        if self.watched(key).is_none() {
            return;
        }
        let input = match ailment {
            Ailment::NotReady(_) => Input::StartTimeout(self.judge_start_timeout(key)),
            Ailment::Check { .. } | Ailment::Memory { .. } | Ailment::Silent(_) | Ailment::Broken => {
                Input::Unhealthy(self.judge_unhealthy(key))
            }
        };
        let what = match ailment {
            Ailment::NotReady(_) => Wish::StartTimeout,
            Ailment::Check { .. } => Wish::HealthCheck,
            Ailment::Memory { .. } => Wish::MemoryLimit,
            Ailment::Silent(_) | Ailment::Broken => Wish::Watchdog,
        };
        if let Some(run) = self.run_mut(key) {
            run.ailment = Some(Box::new(ailment));
        }
        self.feed_for(key, input, Some(Asker::inside(what)));
    }

    /// The process of an instance, as long as it is to run and its program was executed.
    pub fn watched(&self, key: InstanceKey) -> Option<&Run> {
        let instance = self.fleet.instance(key)?;
        match instance.state.name() {
            StateName::Starting | StateName::Running => {}
            StateName::New
            | StateName::Waiting
            | StateName::Stopping
            | StateName::Exited
            | StateName::Backoff
            | StateName::Failed => return None,
        }
        instance.run.as_ref().filter(|run| run.execution == Execution::Done)
    }

    fn run_mut(&mut self, key: InstanceKey) -> Option<&mut Run> {
        self.fleet.instance_mut(key)?.run.as_mut()
    }

    /// The next check comes after the interval; not of all instances in the same moment, though they may have been
    /// started in one.
    fn await_health_check(&mut self, key: InstanceKey) {
        let jitter = self.random();
        let Some(program) = self.fleet.program(key.program) else { return };
        let Some(check) = &program.settings.health.check else { return };
        let at = self.now.after(policy::spread(check.interval, jitter));
        self.deadlines.arm(Due::HealthCheck(key), at);
    }

    /// A health check is due.
    pub fn begin_health_check(&mut self, key: InstanceKey) {
        let Some(pid) = self.watched(key).and_then(|run| Pid::new(run.pid.raw())) else { return };
        let Some(program) = self.fleet.program(key.program) else { return };
        let Some(check) = program.settings.health.check.as_deref() else { return };
        let patience = Patience::AtMost(check.timeout);
        let plan = match self.launch.health_plan(program, key.index, self.host, check, pid) {
            Ok(plan) => plan,
            Err(error) => {
                return self.health_check_failed(key, format!("was not executed: {error}"), self.now);
            }
        };
        match fork::spawn(plan) {
            Ok(spawned) => self.take_charge(Purpose::Health(key), spawned, patience),
            // No process or no descriptor is left for it: that says nothing of the program.
            Err(_) => self.await_health_check(key),
        }
    }

    /// The health check of an instance has ended that began at this time, and is still asked for.
    pub fn health_check_ended(&mut self, key: InstanceKey, outcome: Outcome, begun: Moment) {
        match outcome {
            Outcome::Exited(0) => {
                if let Some(record) = self.run_mut(key).and_then(|run| run.health.as_mut()) {
                    record.succeeded();
                }
                self.await_health_check(key);
            }
            Outcome::Exited(_) | Outcome::Killed(_) | Outcome::TimedOut | Outcome::NotExecuted(_) => {
                let check =
                    self.fleet.program(key.program).and_then(|it| it.settings.health.check.as_deref());
                let words = outcome.words(check.map(|check| check.command.as_str()));
                self.health_check_failed(key, words, begun);
            }
        }
    }

    fn health_check_failed(&mut self, key: InstanceKey, words: String, begun: Moment) {
        let Some(program) = self.fleet.program_mut(key.program) else { return };
        let Some(check) = program.settings.health.check.as_deref() else { return };
        let run = program.instances.get_mut(&key.index).and_then(|instance| instance.run.as_mut());
        let Some((started, record)) = run.and_then(|run| Some((run.started, run.health.as_mut()?))) else {
            return;
        };
        record.failed(check, begun.since(started));
        let (standing, failures) = (record.standing, record.failures);
        match standing {
            Standing::Starting | Standing::Healthy => self.await_health_check(key),
            Standing::Unhealthy => {
                self.give_up_on(key, Ailment::Check { words: words.into_boxed_str(), failures });
            }
        }
    }
}
