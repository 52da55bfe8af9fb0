//! Hooks: commands that are run when something happens.
//!
//! An event only puts what it concerns into a queue. The loop begins one at a time, after everything else that a turn
//! has to do for the instances themselves; they end as all short children do. So whatever a hook does, nobody waits
//! for it but the hooks after it of the same instance.

use super::children::{Outcome, Patience, Purpose};
use super::launch::HookLaunch;
use super::shutdown::Phase;
use super::spawn::step_words;
use super::{Due, Supervisor};
use crate::api::hook;
use crate::api::info::HookCounts;
use crate::api::reload::HookChanges;
use crate::core::event::{Event, HookEnding, HookEvent, SupervisorChange, What};
use crate::core::glob;
use crate::core::hook::{BoundHook, Hook, HookId, Occasions, Pattern, ProgramHooks};
use crate::core::hook_queue::{Full, HookQueue, Next};
use crate::core::ids::{InstanceKey, Pid as InstancePid, ProgramId};
use crate::core::moment::Moment;
use crate::core::state::Input;
use crate::sys::fork;
use crate::sys::memory_file::memory_file;
use crate::sys::process::Pid;
use crate::sys::step::{Step, StepError};
use std::collections::HashMap;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// So long hooks that are dropped are counted before it is told.
const TELL_DROPPED: Duration = Duration::from_secs(1);

/// All hooks: what is to be run, what waits, and what is under way.
#[derive(Debug, Default)]
pub struct Hooks {
    /// Those that belong to no program.
    general: Vec<BoundHook>,
    /// How many ids were given.
    made: u32,
    queue: HookQueue<Firing>,
    running: HashMap<HookRun, Running>,
    /// How many were begun.
    begun: u64,
    run: u64,
    failed: u64,
    dropped: u64,
    /// How many of those that were dropped were told.
    told: u64,
}

/// One run of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HookRun(u64);

/// A hook that an event concerns, and which of its patterns matched.
#[derive(Debug)]
pub struct Concerned {
    id: HookId,
    hook: Arc<Hook>,
    on: Pattern,
}

/// A hook that is to be run for an event.
#[derive(Debug)]
struct Firing {
    hook: Arc<Hook>,
    on: Pattern,
    event: Rc<Event>,
}

/// A hook that is under way.
#[derive(Debug)]
struct Running {
    id: HookId,
    instance: InstanceKey,
    firing: Firing,
    pid: Pid,
}

impl Concerned {
    fn all(hooks: &ProgramHooks, happened: Occasions) -> Vec<Self> {
        let concerned = hooks.matching(happened);
        concerned.map(|(bound, on)| Self { id: bound.id, hook: bound.hook.clone(), on }).collect()
    }
}

impl Hooks {
    /// Whether one more can begin now.
    pub fn can_begin(&self) -> bool {
        self.queue.can_begin()
    }

    /// Whether none waits and none is under way.
    pub fn are_done(&self) -> bool {
        self.queue.waiting() == 0 && self.queue.running() == 0
    }

    /// What became of them.
    pub fn counts(&self) -> HookCounts {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        HookCounts {
            queued: count(self.queue.waiting()),
            running: count(self.queue.running()),
            run: self.run,
            failed: self.failed,
            dropped: self.dropped,
        }
    }

    /// The hook as it is already, with all that waits for it, or under a new id.
    fn bind(&mut self, hook: &Arc<Hook>, before: &mut Vec<BoundHook>) -> BoundHook {
        match before.iter().position(|bound| bound.hook == *hook) {
            Some(place) => before.swap_remove(place),
            None => {
                self.made = self.made.wrapping_add(1);
                BoundHook::new(HookId(self.made), hook.clone())
            }
        }
    }
}

impl Supervisor {
    /// Works out which hooks are for a program: its own, and general ones. What waits for one that it had and has no
    /// more is dropped.
    pub fn choose_hooks(&mut self, id: ProgramId) {
        let Some(program) = self.fleet.program_mut(id) else { return };
        let hooks = &mut self.hooks;
        let mut before = program.hooks.take().map_or_else(Vec::new, |before| before.into_hooks());
        let mut chosen: Vec<BoundHook> =
            program.settings.hooks.iter().map(|hook| hooks.bind(hook, &mut before)).collect();
        let general = hooks.general.iter().filter(|bound| glob::matches(&bound.hook.program, &program.name));
        chosen.extend(general.cloned());
        before.retain(|gone| chosen.iter().all(|bound| bound.id != gone.id));
        program.hooks = ProgramHooks::new(chosen);
        before.iter().for_each(|gone| self.drop_hook(gone.id));
    }

    /// What it would change if these were the hooks that belong to no program.
    pub fn general_hook_changes(&self, hooks: &[Arc<Hook>]) -> HookChanges {
        let old = || self.hooks.general.iter().map(|bound| &bound.hook);
        HookChanges {
            added: hooks.iter().filter(|hook| !old().any(|other| other == *hook)).count(),
            removed: old().filter(|hook| !hooks.contains(hook)).count(),
        }
    }

    /// Sets the hooks that belong to no program. Those that are the same as before go on with what waits for them.
    pub fn set_general_hooks(&mut self, hooks: &[Arc<Hook>]) {
        if self.hooks.general.iter().map(|bound| &bound.hook).eq(hooks) {
            return;
        }
        let mut before = std::mem::take(&mut self.hooks.general);
        let general = hooks.iter().map(|hook| self.hooks.bind(hook, &mut before)).collect();
        self.hooks.general = general;
        let programs: Vec<ProgramId> = self.fleet.programs().map(|program| program.id).collect();
        programs.into_iter().for_each(|id| self.choose_hooks(id));
    }

    /// The hooks that an edge concerns which an instance has just taken.
    pub fn hooks_concerned(&mut self, key: InstanceKey, edge: Occasions, input: Input) -> Vec<Concerned> {
        let Some(program) = self.fleet.program_mut(key.program) else { return Vec::new() };
        let policy = &program.settings.policy;
        let flaps = program.instances.get_mut(&key.index).is_some_and(|it| it.begins_to_flap(policy));
        let Some(hooks) = &program.hooks else { return Vec::new() };
        let mut happened = edge;
        if flaps {
            happened = happened.or(Occasions::FLAPPING);
        }
        if let Input::Unhealthy(_) = input {
            happened = happened.or(Occasions::UNHEALTHY);
        }
        Concerned::all(hooks, happened)
    }

    /// Output of an instance was dropped, and the event that says so was just published.
    pub fn queue_hooks_of_dropped_output(&mut self, key: InstanceKey) {
        let hooks = self.fleet.program(key.program).and_then(|program| program.hooks.as_ref());
        let concerned = hooks.map_or_else(Vec::new, |hooks| Concerned::all(hooks, Occasions::LOG_DROPPED));
        self.queue_hooks(key, concerned);
    }

    /// Hooks are to be run for the event that was just published.
    pub fn queue_hooks(&mut self, key: InstanceKey, concerned: Vec<Concerned>) {
        if concerned.is_empty() {
            return;
        }
        let Some(event) = self.ring.last() else { return };
        let event = Rc::new(event.clone());
        for Concerned { id, hook, on } in concerned {
            let concurrency = hook.concurrency;
            let firing = Firing { hook, on, event: event.clone() };
            let queued = match self.phase {
                Phase::Serving | Phase::Stopping | Phase::Hurrying => {
                    self.hooks.queue.push(id, concurrency, key, firing)
                }
                // There is no time left.
                Phase::Killing | Phase::Logging | Phase::Done => Err(Full),
            };
            if queued == Err(Full) {
                self.hooks_were_dropped(1);
            }
        }
    }

    /// Begins one hook, if one can begin. Not two: a fork takes as long as all the rest of a turn, and who has died in
    /// the meantime waits for the next one.
    pub fn begin_hook(&mut self) {
        let Some(Next { hook: id, instance, item: firing }) = self.hooks.queue.begin() else { return };
        match self.spawn_hook(&firing) {
            Ok(spawned) => {
                self.hooks.begun += 1;
                let run = HookRun(self.hooks.begun);
                let patience = Patience::AtMost(firing.hook.timeout);
                self.hooks.running.insert(run, Running { id, instance, firing, pid: spawned.pid });
                self.take_charge(Purpose::Hook(run), spawned, patience);
            }
            Err(words) => {
                self.hooks.queue.ended(id, instance);
                self.tell_hook(&firing, None, HookEnding::NotExecuted(words), Duration::ZERO);
            }
        }
    }

    fn spawn_hook(&self, firing: &Firing) -> Result<fork::Spawned, Box<str>> {
        let words = |error| step_words(error, None).into_boxed_str();
        let document = hook::document(&firing.event, firing.on, &self.run);
        let stdin = memory_file(document.as_bytes())
            .map_err(|errno| words(StepError { step: Step::Stdin, errno }))?;
        let launch =
            HookLaunch { hook: &firing.hook, on: firing.on, event: &firing.event, stdin: stdin.as_fd() };
        let plan = self.launch.hook_plan(&launch, self.host);
        let plan = plan.map_err(|error| format!("exec: {error}").into_boxed_str())?;
        fork::spawn(plan).map_err(words)
    }

    /// A run of a hook has ended that began at this time.
    pub fn hook_ended(&mut self, run: HookRun, outcome: Outcome, begun: Moment) {
        let Some(running) = self.hooks.running.remove(&run) else { return };
        let Running { id, instance, firing, pid } = running;
        self.hooks.queue.ended(id, instance);
        let ending = match outcome {
            Outcome::Exited(code) => HookEnding::Exited(code),
            Outcome::Killed(signal) => HookEnding::Killed(signal),
            Outcome::TimedOut => HookEnding::TimedOut,
            Outcome::NotExecuted(error) => HookEnding::NotExecuted(
                step_words(error, Some(&firing.hook.process.command)).into_boxed_str(),
            ),
        };
        self.tell_hook(&firing, Some(pid), ending, self.now.since(begun));
    }

    /// Counts and publishes how a hook ended. Nothing waits for that event.
    fn tell_hook(&mut self, firing: &Firing, pid: Option<Pid>, ending: HookEnding, took: Duration) {
        let Some((program, index)) = hook::subject(&firing.event) else { return };
        let program = program.clone();
        self.hooks.run += 1;
        if ending != HookEnding::Exited(0) {
            self.hooks.failed += 1;
        }
        let event = HookEvent {
            program,
            index,
            hook: firing.hook.clone(),
            on: firing.on,
            of: firing.event.seq,
            pid: pid.and_then(|pid| InstancePid::new(pid.get())),
            ending,
            duration: took.as_secs_f64(),
        };
        self.publish(What::Hook(Box::new(event)));
    }

    /// No time is left: what waits is dropped, and what is under way is killed.
    pub fn end_hooks(&mut self) {
        let dropped = self.hooks.queue.clear();
        self.hooks_were_dropped(dropped);
        let pids: Vec<Pid> = self.hooks.running.values().map(|running| running.pid).collect();
        pids.into_iter().for_each(|pid| self.child_timed_out(pid));
    }

    fn drop_hook(&mut self, id: HookId) {
        let dropped = self.hooks.queue.forget(id);
        self.hooks_were_dropped(dropped);
    }

    /// It is told at once in the end, but not once for each.
    fn hooks_were_dropped(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        self.hooks.dropped += u64::try_from(count).unwrap_or(u64::MAX);
        if !self.deadlines.is_armed(Due::HooksDropped) {
            self.deadlines.arm(Due::HooksDropped, self.now.after(TELL_DROPPED));
        }
    }

    /// Tells how many were dropped since it was told last, if any were.
    pub fn tell_dropped_hooks(&mut self) {
        let count = self.hooks.dropped - self.hooks.told;
        if count > 0 {
            self.hooks.told = self.hooks.dropped;
            self.publish(What::Supervisor(SupervisorChange::HooksDropped { count }));
        }
    }
}
