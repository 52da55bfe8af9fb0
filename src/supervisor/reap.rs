//! The end of a process: signals are received, children seen, their leftovers killed, and then they are reaped.

use super::cgroups::Memory;
use super::history::Remains;
use super::turn::Pending;
use super::{Supervisor, shutdown};
use crate::core::asker::Asker;
use crate::core::ids::InstanceKey;
use crate::core::instance::{Cause, Execution, LastRun, Run, Stop};
use crate::core::policy::{self, Ending};
use crate::core::program::Leftovers;
use crate::core::signal_meaning::{Order, meaning};
use crate::core::state::{Input, Verdict};
use crate::sys::{process, signals, wait};
use std::rc::Rc;
use std::time::Duration;

/// How a process ended, and what is left of it.
#[derive(Clone, Copy, Debug)]
struct End {
    ending: Ending,
    memory: Memory,
    remains: Remains,
}

/// How many signals are received in a turn.
const SIGNALS_A_TURN: usize = 64;
/// How many children are reaped in a turn.
const CHILDREN_A_TURN: usize = 256;

impl Supervisor {
    /// Receives signals that have arrived; what a flood leaves is received in the next turn.
    pub fn receive_signals(&mut self) {
        for _ in 0..SIGNALS_A_TURN {
            let Ok(Some(received)) = self.signals.receive() else { return };
            match meaning(self.role, received.signal, signals::first_real_time()) {
                Order::ChildrenEnded => self.backlog.children = Pending::Maybe,
                Order::ShutDown(after) => {
                    self.after = after;
                    self.on_behalf_of_sender(received, |this| {
                        this.begin_shutdown(shutdown::Asked::BySignal, None);
                    });
                }
                Order::Reload => self.on_behalf_of_sender(received, Self::reload_by_signal),
                Order::ReopenLogs => self.reopen_logs(),
                Order::BindEndpoints => self.bind_endpoints_anew(),
                // Blocked so that they do no harm.
                Order::Nothing => {}
            }
        }
    }

    /// Reaps children until none is left, or until the turn has done its share. SIGCHLD is only a hint: signals of
    /// one kind are merged while they wait (signal(7)).
    pub fn reap(&mut self) {
        if self.backlog.children == Pending::Nothing {
            return;
        }
        for _ in 0..CHILDREN_A_TURN {
            if self.has_heard_enough() {
                return;
            }
            match wait::peek_any() {
                Ok(Some(ended)) => self.bury(ended),
                Ok(None) | Err(_) => {
                    self.backlog.children = Pending::Nothing;
                    return;
                }
            }
        }
    }

    /// A child has ended and is not reaped yet, so its id, and that of its group, are nobody else's.
    fn bury(&mut self, ended: wait::Ended) {
        self.rest_sees_end(ended.pid);
        self.strays.see_end(ended.pid);
        let Some(key) = self.processes.get(&ended.pid).copied() else {
            if !self.bury_child(ended) && !self.bury_logger(ended) {
                // An orphan that was handed to us, or something that a library started.
                let _ = wait::reap(ended.pid);
            }
            return;
        };
        // As long as it is known whose process it is.
        self.hear_last_words(key);
        self.processes.remove(&ended.pid);
        self.end_stop_command(key);
        // The pipe tells whether this was a program or an attempt, and its answer is there by now.
        self.finish_exec(ended.pid);
        if self.fleet.program(key.program).is_some_and(|it| it.settings.stop.leftovers == Leftovers::Kill) {
            // Nobody left to kill is the ordinary case.
            let _ = process::kill_group(ended.pid, libc::SIGKILL);
            self.kill_cgroup(key);
        }
        let memory = self.memory_of_cgroup(key);
        let reaped = wait::reap(ended.pid).ok().flatten();
        let ending = match ended.ending {
            wait::Ending::Exited(code) => Ending::Exited(code),
            wait::Ending::Killed { signal, .. } => Ending::Killed(signal),
        };
        let end = End { ending, memory, remains: Remains::of(ended.ending, reaped) };
        self.run_ended(key, end);
    }

    fn run_ended(&mut self, key: InstanceKey, mut end: End) {
        let now = self.now;
        let Some(run) = self.fleet.instance_mut(key).and_then(|instance| instance.run.take()) else { return };
        let duration = now.since(run.started);
        if run.announcements.is_some() {
            self.close_voice(key);
        }
        end.remains = Remains { pid: Some(run.pid), reached: run.reached, ..end.remains };
        match run.execution {
            Execution::Failed(words) => {
                let input = self.attempt_ended(key, words, duration, run.asked_by, end.remains);
                self.feed(key, input);
            }
            Execution::Pending | Execution::Done => self.process_ended(key, run, end, duration),
        }
    }

    fn process_ended(&mut self, key: InstanceKey, mut run: Run, end: End, duration: Duration) {
        let ending = end.ending;
        let Some(program) = self.fleet.program(key.program) else { return };
        let failed = policy::is_failure(&program.settings.policy, ending);
        let stop_note = stop_note(&mut run);
        let signalled = run.signalled.filter(|it| ending == Ending::Killed(it.signal));
        let asked_by = run.asked_by.or(signalled.map(|it| it.asked_by));
        let cause = match (run.ailment, run.stop) {
            (Some(ailment), _) => Cause::Unhealthy(ailment),
            (None, Stop::NotAsked)
                if end.memory == Memory::RanOut && ending == Ending::Killed(libc::SIGKILL) =>
            {
                Cause::OutOfMemory
            }
            (None, Stop::NotAsked) if failed => Cause::Failed,
            (None, Stop::NotAsked) => Cause::Finished,
            (None, Stop::Asked) => Cause::Stopped,
            (None, Stop::TimedOut) => Cause::StopTimeout,
        };
        let verdict = self.judge(key, ending, duration);
        self.remember(key, LastRun { ending, duration, cause, stop_note, asked_by }, end.remains);
        self.feed(key, Input::Exited(verdict));
    }

    /// An attempt to start ended without a program having been executed: a flap, whose reason is on record.
    pub fn attempt_ended(
        &mut self,
        key: InstanceKey,
        words: Box<str>,
        duration: Duration,
        asked_by: Option<Rc<Asker>>,
        remains: Remains,
    ) -> Input {
        let ending = Ending::NotExecuted;
        let verdict = self.judge(key, ending, duration);
        let cause = Cause::SpawnFailed(words);
        self.remember(key, LastRun { ending, duration, cause, stop_note: None, asked_by }, remains);
        Input::SpawnFailed(verdict)
    }

    /// What the policy says of the end of a run. An end that was asked for, in `stopping`, is not judged.
    fn judge(&mut self, key: InstanceKey, ending: Ending, duration: Duration) -> Verdict {
        let Some(program) = self.fleet.program_mut(key.program) else { return Verdict::Done };
        let Some(instance) = program.instances.get_mut(&key.index) else { return Verdict::Done };
        let (verdict, flaps) = instance.judge(&program.settings.policy, ending, duration);
        instance.flap_count = flaps;
        verdict
    }

    /// What the policy says of a process that did not say in time that it is ready.
    pub fn judge_start_timeout(&mut self, key: InstanceKey) -> Verdict {
        self.judge_present(key, Ending::NotExecuted)
    }

    /// What the policy says of a process that is not in health: what it says of one that a signal ended.
    pub fn judge_unhealthy(&mut self, key: InstanceKey) -> Verdict {
        self.judge_present(key, Ending::Killed(libc::SIGKILL))
    }

    /// What the policy would say if the present run ended now, in this way.
    fn judge_present(&mut self, key: InstanceKey, ending: Ending) -> Verdict {
        let duration =
            self.fleet.instance(key).map_or(Duration::ZERO, |instance| instance.duration(self.now));
        self.judge(key, ending, duration)
    }
}

/// What did not go as it should when it was told to stop. That it had to be killed is one such thing, where the cause of
/// the end is another.
fn stop_note(run: &mut Run) -> Option<Box<str>> {
    let note = run.stop_note.take();
    if run.ailment.is_none() || run.stop != Stop::TimedOut {
        return note;
    }
    const KILLED: &str = "it did not stop in time and was killed";
    Some(match note {
        Some(note) => format!("{KILLED}; {note}").into_boxed_str(),
        None => KILLED.into(),
    })
}
