//! Asking a process to end, and making it: the stop signal, or `stop_command` in its place, and SIGKILL.
//!
//! A stop command is a child beside the process that it is to end, and is killed when the stop is over.

use super::children::{Outcome, Patience, Purpose};
use super::spawn::step_words;
use super::{Due, Supervisor};
use crate::core::health::Ailment;
use crate::core::ids::InstanceKey;
use crate::core::instance::{Execution, Instance, Stop};
use crate::core::program::StopScope;
use crate::sys::fork;
use crate::sys::process::{self, Pid, signal_group, signal_process};
use std::time::Duration;

/// How long a process may take to end after its stop command did, without having failed.
const GRACE: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Asks the process of an instance to end.
    pub fn send_stop(&mut self, key: InstanceKey) {
        self.mark_stop(key, Stop::Asked);
        if self.is_hung(key) {
            // No orderly end can be expected of it; a core dump, or what else it has for this, tells what it hung in.
            return self.ask_to_end(key, Some(libc::SIGABRT));
        }
        match self.begin_stop_command(key) {
            Ok(true) => {}
            Ok(false) => self.send_stop_signal(key),
            Err(words) => self.stop_command_failed(key, words),
        }
    }

    /// Starts the stop command; `Ok(false)` if there is none, or nobody yet whom it could end.
    fn begin_stop_command(&mut self, key: InstanceKey) -> Result<bool, String> {
        let Some(program) = self.fleet.program(key.program) else { return Ok(false) };
        let run = program.instances.get(&key.index).and_then(|instance| instance.run.as_ref());
        let executed = run.filter(|run| run.execution == Execution::Done);
        let Some(pid) = executed.and_then(|run| Pid::new(run.pid.raw())) else { return Ok(false) };
        let not_executed = |words: String| format!("was not executed: {words}");
        let outputs = self.capture.outputs(key, &program.settings.process, &self.launch);
        let plan = self.launch.stop_plan(program, key.index, self.host, pid, outputs);
        let Some(plan) = plan.map_err(|error| not_executed(error.to_string()))? else { return Ok(false) };
        let spawned = fork::spawn(plan).map_err(|error| not_executed(step_words(error, None)))?;
        self.take_charge(Purpose::Stop(key), spawned, Patience::WhileNeeded);
        Ok(true)
    }

    /// The stop command of an instance has ended, and the stop is not over.
    pub fn stop_command_ended(&mut self, key: InstanceKey, outcome: Outcome) {
        match outcome {
            Outcome::Exited(0) => self.deadlines.arm(Due::StopCommand(key), self.now.after(GRACE)),
            Outcome::Exited(_) | Outcome::Killed(_) | Outcome::TimedOut | Outcome::NotExecuted(_) => {
                let words = outcome.words(self.stop_command_of(key));
                self.stop_command_failed(key, words);
            }
        }
    }

    fn stop_command_of(&self, key: InstanceKey) -> Option<&str> {
        self.fleet.program(key.program)?.settings.stop.command.first().map(String::as_str)
    }

    /// The process still runs some time after its stop command has ended.
    pub fn stop_command_had_no_effect(&mut self, key: InstanceKey) {
        self.stop_command_failed(key, "ended without effect".to_string());
    }

    /// The signal follows, and why is on record.
    fn stop_command_failed(&mut self, key: InstanceKey, words: String) {
        self.end_stop_command(key);
        if let Some(run) = self.fleet.instance_mut(key).and_then(|instance| instance.run.as_mut()) {
            run.stop_note = Some(format!("its stop_command {words}").into_boxed_str());
        }
        self.send_stop_signal(key);
    }

    /// The stop of an instance needs its command no more.
    pub fn end_stop_command(&mut self, key: InstanceKey) {
        self.deadlines.cancel(Due::StopCommand(key));
        self.abandon_child(Purpose::Stop(key));
    }

    fn send_stop_signal(&self, key: InstanceKey) {
        self.ask_to_end(key, None);
    }

    /// Sends a signal, in general `stop_signal`, to those that it is for.
    fn ask_to_end(&self, key: InstanceKey, signal: Option<i32>) {
        let Some(program) = self.fleet.program(key.program) else { return };
        let Some(pid) = program.instances.get(&key.index).and_then(process_of) else { return };
        // A stopped process sees the signal only when it goes on.
        for signal in [signal.unwrap_or(program.settings.stop.signal), libc::SIGCONT] {
            match program.settings.stop.scope {
                StopScope::Group => signal_group(pid, signal),
                StopScope::Process => signal_process(pid, signal),
            }
        }
    }

    /// Whether an instance is stopped because it does not work any more.
    fn is_hung(&self, key: InstanceKey) -> bool {
        let run = self.fleet.instance(key).and_then(|instance| instance.run.as_ref());
        let ailment = run.and_then(|run| run.ailment.as_deref());
        matches!(ailment, Some(Ailment::Silent(_) | Ailment::Broken))
    }

    /// Kills the process of an instance, its group, and its cgroup if it has one.
    pub fn kill(&mut self, key: InstanceKey, why: Stop) {
        self.end_stop_command(key);
        self.mark_stop(key, why);
        if let Some(pid) = self.fleet.instance(key).and_then(process_of) {
            signal_group(pid, libc::SIGKILL);
            self.kill_cgroup(key);
        }
    }

    /// Sends a signal to the main process of an instance.
    ///
    /// # Errors
    /// The system's words. An instance without a process is `Ok(false)`.
    pub fn signal(&self, key: InstanceKey, signal: i32) -> Result<bool, nix::errno::Errno> {
        let Some(pid) = self.fleet.instance(key).and_then(process_of) else { return Ok(false) };
        process::kill(pid, signal).map(|()| true)
    }

    /// Puts on record that the end of the present run is asked for.
    fn mark_stop(&mut self, key: InstanceKey, why: Stop) {
        if let Some(run) = self.fleet.instance_mut(key).and_then(|instance| instance.run.as_mut()) {
            run.stop = why;
        }
    }
}

/// The process of an instance, which is not reaped yet: a run is taken from its instance in the same breath as its
/// process is reaped.
fn process_of(instance: &Instance) -> Option<Pid> {
    Pid::new(instance.pid()?.raw())
}
