//! The beginning of a process: it is forked from its plan, and later its exec-status pipe tells whether the program
//! was executed. The loop never waits for either.

use super::launch::Given;
use super::readiness::Voice;
use super::source::Source;
use super::{Follow, Supervisor};
use crate::core::ids::{InstanceKey, Pid as InstancePid};
use crate::core::instance::{Execution, Run, Stop};
use crate::core::policy::Reached;
use crate::core::program::ProcessSettings;
use crate::core::settings::{Capabilities, Readiness, StandardInput};
use crate::core::state::Input;
use crate::sys::fork::{self, ExecStatus};
use crate::sys::limits::UNLIMITED;
use crate::sys::process::Pid;
use crate::sys::step::{Step, StepError};
use crate::sys::{capabilities, clock, errno};
use nix::errno::Errno;
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};

/// Starts of which it is not known yet whether the program was executed.
#[derive(Debug, Default)]
pub struct Starts {
    begun: u64,
    pending: HashMap<u64, Start>,
    by_pid: HashMap<Pid, u64>,
}

#[derive(Debug)]
struct Start {
    key: InstanceKey,
    pid: Pid,
    status: OwnedFd,
}

impl Supervisor {
    /// Starts a process in a slot that has none. A failure is an input that follows.
    pub fn spawn(&mut self, key: InstanceKey) {
        let output = self.prepare_output(key);
        let cgroup = output.and_then(|()| self.prepare_cgroup(key));
        let voice = self.prepare_voice(key);
        let Some(program) = self.fleet.program(key.program) else { return };
        let revision = program.revision;
        let announcements = voice.as_ref().ok().and_then(Option::as_ref).map(Voice::announcements);
        let spawned = cgroup.and_then(|cgroup| {
            let voice = voice?;
            let given = Given {
                cgroup_procs: cgroup,
                voice: voice.as_ref(),
                outputs: self.capture.outputs(key, &program.settings.process, &self.launch),
                sockets: self.sockets.get(&key.program),
            };
            let plan = self.launch.plan(program, key.index, self.host, given);
            let plan = plan.map_err(|error| format!("exec: {error}").into_boxed_str())?;
            fork::spawn(plan).map_err(|error| words(error, &program.settings.process))
        });
        let Some(instance) = self.fleet.instance_mut(key) else { return };
        instance.start_count = instance.start_count.saturating_add(1);
        instance.start_time = Some(clock::wall());
        match spawned {
            Ok(spawned) => {
                let Some(pid) = InstancePid::new(spawned.pid.get()) else { return };
                let (execution, stop) = (Execution::Pending, Stop::NotAsked);
                instance.run = Some(Run {
                    pid,
                    started: self.now,
                    revision,
                    execution,
                    stop,
                    stop_note: None,
                    health: None,
                    ailment: None,
                    announcements,
                    reached: Reached::Starting,
                    asked_by: None,
                    signalled: None,
                });
                self.processes.insert(spawned.pid, key);
                self.await_exec(Start { key, pid: spawned.pid, status: spawned.status });
                self.output_begins(key, pid);
            }
            Err(words) => {
                self.close_voice(key);
                self.inputs.push_back((key, Follow::AttemptFailed(words)));
            }
        }
    }

    fn await_exec(&mut self, start: Start) {
        self.starts.begun += 1;
        let number = self.starts.begun;
        // A pipe that cannot be watched is read when the process ends.
        let _ = self.poller.add(start.status.as_fd(), Source::Exec(number).pack());
        self.starts.by_pid.insert(start.pid, number);
        self.starts.pending.insert(number, start);
    }

    /// The exec-status pipe of a start is ready.
    pub fn read_exec_status(&mut self, number: u64) {
        let Some(start) = self.starts.pending.get(&number) else { return };
        let key = start.key;
        match fork::read_status(start.status.as_fd()) {
            ExecStatus::Pending => {}
            ExecStatus::Executed => {
                self.forget_start(number);
                self.execution_known(key, Execution::Done);
                self.begin_watch(key);
                self.feed(key, Input::Spawned);
            }
            ExecStatus::Failed(error) => {
                self.forget_start(number);
                if let Some(program) = self.fleet.program(key.program) {
                    let words = words(error, &program.settings.process);
                    self.execution_known(key, Execution::Failed(words));
                }
            }
            // Its end will tell.
            ExecStatus::Vanished => self.forget_start(number),
        }
    }

    /// The process of a start has ended: whatever its pipe says is final.
    pub fn finish_exec(&mut self, pid: Pid) {
        if let Some(number) = self.starts.by_pid.get(&pid).copied() {
            self.read_exec_status(number);
            self.forget_start(number);
        }
    }

    /// The process of a start is known to have come further than its exec, which is then to be known, too.
    pub fn learn_of_exec(&mut self, pid: Pid) {
        if let Some(number) = self.starts.by_pid.get(&pid).copied() {
            self.read_exec_status(number);
        }
    }

    fn execution_known(&mut self, key: InstanceKey, execution: Execution) {
        if let Some(run) = self.fleet.instance_mut(key).and_then(|instance| instance.run.as_mut()) {
            run.execution = execution;
        }
    }

    fn forget_start(&mut self, number: u64) {
        if let Some(start) = self.starts.pending.remove(&number) {
            self.starts.by_pid.remove(&start.pid);
            // To close it is not enough while a child that is being forked holds a duplicate.
            let _ = self.poller.remove(start.status.as_fd());
        }
    }
}

/// What a person reads who wants to know why nothing was started: the step, the system's words, and what it was
/// about.
fn words(error: StepError, settings: &ProcessSettings) -> Box<str> {
    let about = match error.step {
        Step::Exec => Some(settings.command.clone()),
        Step::Directory => settings.directory.clone(),
        Step::Chroot => settings.chroot.clone(),
        Step::Tty => settings.tty.clone(),
        Step::Stdin => match &settings.stdin {
            StandardInput::Path(path) => Some(path.clone()),
            StandardInput::Null => None,
        },
        Step::Limit(limit) => settings
            .limits
            .iter()
            .find(|set| set.name == limit.name())
            .map(|set| format!("soft {}, hard {}", bound(set.soft), bound(set.hard))),
        Step::Capabilities => settings.capabilities.and_then(lacking),
        // A number beyond the limit.
        Step::Pipe | Step::Descriptors if error.errno == Errno::EINVAL => match settings.readiness {
            Readiness::Descriptor(number) => {
                Some(format!("readiness fd:{number}, with fewer open files allowed to the supervisor"))
            }
            Readiness::Delay | Readiness::Notify => None,
        },
        _ => None,
    };
    step_words(error, about.as_deref()).into_boxed_str()
}

/// The step, the system's words, and what it was about.
pub fn step_words(error: StepError, about: Option<&str>) -> String {
    let (step, words) = (error.step, errno::words(error.errno));
    match about {
        Some(about) => format!("{step}: {words} ({about})"),
        None => format!("{step}: {words}"),
    }
}

fn bound(value: u64) -> String {
    if value == UNLIMITED { "unlimited".to_string() } else { value.to_string() }
}

/// What the supervisor cannot leave a program with, as it does not have it itself.
fn lacking(asked: Capabilities) -> Option<String> {
    let lacking = asked.0 & !capabilities::own_permitted().ok()?;
    let names: Vec<&str> = capabilities::names(lacking).collect();
    (!names.is_empty()).then(|| format!("the supervisor itself has no {}", names.join(", ")))
}
