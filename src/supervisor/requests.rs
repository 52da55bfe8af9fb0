//! Requests carried out: those that only look, here; those that change something, in `operations` and `programs`.

use super::operations::Operation;
use super::rolling::{Rolling, Which};
use super::rpc::Caller;
use super::shutdown::{Asked, Phase};
use super::surveys::Report;
use super::{Supervisor, waiters};
use crate::api::info::{self, Facts};
use crate::api::reply::{ApiError, Code, Reply};
use crate::api::request::{Command, Request, Usage};
use crate::api::status::View;
use crate::api::{self, events};
use crate::core::fleet::{Purpose, SelectError, Selection};
use crate::core::glob;
use crate::core::ids::{InstanceKey, Seq};
use crate::core::nearest::nearest;
use crate::core::program::Program;
use crate::sys::process::{self, Pid};
use crate::sys::{accept, clock};
use std::time::Duration;

impl Supervisor {
    /// Carries a request out. What is answered later is answered elsewhere.
    ///
    /// # Errors
    /// What the caller is to be told instead.
    pub fn handle(&mut self, caller: &Caller, request: Request) -> Result<(), ApiError> {
        match request {
            Request::Status(selection, usage) => {
                let keys = self.select(&selection, Purpose::Read)?;
                self.look_for_strays();
                if usage == Usage::Told {
                    return self.survey(caller, keys, Report::Status(selection));
                }
                let reply = self.view().status(&keys, &self.empty_programs(&selection));
                self.answer(caller, reply);
            }
            Request::List(selection, usage) => {
                let keys = self.select(&selection, Purpose::Read)?;
                self.look_for_strays();
                if usage == Usage::Told {
                    return self.survey(caller, keys, Report::List);
                }
                let reply = self.view().list(&keys);
                self.answer(caller, reply);
            }
            Request::Metrics(usage) => {
                let keys = self.fleet.keys().collect();
                self.survey(caller, keys, Report::Metrics(usage, Box::default()))?;
            }
            Request::Command { command, selection, answer } => {
                let keys = self.select(&selection, purpose(command))?;
                self.refuse_while_stopping(command)?;
                self.refuse_without_process(command, &keys)?;
                self.operate_for(caller, answer, |this| Ok(Operation::new(command, keys, &this.fleet)))?;
            }
            Request::Roll { selection, parallel, answer } => {
                let mut keys = self.select(&selection, Purpose::Change)?;
                self.refuse_changes_while_stopping()?;
                self.fleet.needed_first(&mut keys);
                self.roll_for(caller, answer, Rolling::new(keys, parallel, Which::Wanted))?;
            }
            Request::Create { program, settings, start } => {
                self.refuse_changes_while_stopping()?;
                self.create(&program, *settings, start)?;
                let mut reply = Reply::new();
                reply.entry("created", &program);
                self.answer(caller, reply);
            }
            Request::Update { program, changes, restart } => {
                self.refuse_changes_while_stopping()?;
                let reply = self.update(&program, &changes, restart)?;
                self.answer(caller, reply);
            }
            Request::Scale { program, instances, answer } => {
                self.refuse_changes_while_stopping()?;
                self.operate_for(caller, answer, |this| this.scale(&program, instances))?;
            }
            Request::Remove { program, force, answer } => {
                self.operate_for(caller, answer, |this| this.remove(&program, force))?;
                self.forget_if_empty(&program);
            }
            Request::Reload(mode) => {
                self.refuse_changes_while_stopping()?;
                let reply = self
                    .reload(mode)
                    .unwrap_or_else(|errors| api::reload::refusal(&errors, caller.request.as_deref()));
                self.answer(caller, reply);
            }
            Request::Wait { selection, state, timeout } => {
                let keys = self.select(&selection, Purpose::Read)?;
                let kept = self.keep(caller)?;
                self.wait_for_state(kept, &keys, state, timeout);
            }
            Request::Events { since, run, limit, timeout } => {
                let since = events::since_in_run(since, run.as_deref(), &self.run);
                self.tell_events(caller, since, limit, timeout)?;
            }
            Request::Tail { program, instance, source, bytes } => {
                self.tail(caller, (&program, instance), source, bytes)?;
            }
            Request::Reopen => {
                self.reopen_logs();
                let mut reply = Reply::new();
                reply.entry("reopened", true);
                self.answer(caller, reply);
            }
            Request::History { selection, limit } => self.tell_history(caller, &selection, limit)?,
            Request::Why(selection) => self.tell_why(caller, &selection)?,
            Request::Info => {
                self.look_for_strays();
                let reply = self.info();
                self.answer(caller, reply);
            }
            Request::Methods => self.answer(caller, info::methods()),
            Request::Shutdown { timeout, then } => {
                self.follow_with(then)?;
                let mut reply = Reply::new();
                reply.entry("stopping", true);
                reply.entry("timeout", timeout.unwrap_or(self.settings.shutdown_timeout).as_secs_f64());
                self.answer(caller, reply);
                self.begin_shutdown(Asked::ByRequest, timeout);
            }
            Request::Dance => {
                let mut reply = Reply::new();
                reply.entry("danced", true);
                self.answer(caller, reply);
            }
        }
        Ok(())
    }

    /// What a selection selects.
    pub fn select(&self, selection: &Selection, purpose: Purpose) -> Result<Vec<InstanceKey>, ApiError> {
        self.fleet.select(selection, purpose).map_err(|error| self.select_error(error))
    }

    /// The error for a program that does not exist.
    pub fn no_such_program(&self, name: &str) -> ApiError {
        let near = nearest(name, self.fleet.names()).map(|near| format!("; did you mean '{near}'?"));
        let near = near.unwrap_or_default();
        ApiError::new(Code::NoSuchProgram, format!("There is no program '{}'{near}", name.escape_debug()))
    }

    fn select_error(&self, error: SelectError) -> ApiError {
        match error {
            SelectError::NoSuchProgram(name) if glob::is_pattern(&name) => {
                ApiError::new(Code::NoSuchProgram, format!("No program matches '{}'", name.escape_debug()))
            }
            SelectError::NoSuchProgram(name) => self.no_such_program(&name),
            SelectError::NoSuchInstance(name, number) => {
                ApiError::new(Code::NoSuchInstance, format!("Program '{name}' has no instance {number}"))
            }
            SelectError::Leaving(name) => ApiError::new(
                Code::Busy,
                format!("Program '{name}' is being removed; wait until it has stopped"),
            ),
        }
    }

    fn refuse_without_process(&self, command: Command, keys: &[InstanceKey]) -> Result<(), ApiError> {
        let Command::Signal(_) = command else { return Ok(()) };
        let running = |key: &&InstanceKey| self.fleet.instance(**key).is_some_and(|it| it.run.is_some());
        if keys.iter().any(|key| running(&key)) {
            return Ok(());
        }
        Err(ApiError::new(Code::NotRunning, "None of the selected instances has a process to signal"))
    }

    fn refuse_while_stopping(&self, command: Command) -> Result<(), ApiError> {
        match command {
            Command::Stop | Command::Kill | Command::Signal(_) => Ok(()),
            Command::Start | Command::Restart | Command::Once | Command::Reset | Command::Transition(_) => {
                self.refuse_changes_while_stopping()
            }
        }
    }

    fn refuse_changes_while_stopping(&self) -> Result<(), ApiError> {
        if self.phase == Phase::Serving {
            return Ok(());
        }
        Err(ApiError::new(Code::Busy, "The supervisor is shutting down"))
    }

    fn tell_events(
        &mut self,
        caller: &Caller,
        since: Seq,
        limit: usize,
        timeout: Duration,
    ) -> Result<(), ApiError> {
        if self.ring.latest() > since || timeout.is_zero() {
            let reply = events::reply(&self.ring, &self.run, since, limit);
            self.answer(caller, reply);
            return Ok(());
        }
        let kept = self.keep(caller)?;
        self.wait_for_events(kept, waiters::LongPoll { since, limit }, timeout);
        Ok(())
    }

    /// What `status` and `list` are made from.
    pub fn view(&self) -> View<'_> {
        let strays = self.strays.found().map(|found| &found.of_instances);
        View { fleet: &self.fleet, host: self.host, now: self.now, usages: None, strays }
    }

    /// Programs that are selected and have no instance to show.
    pub fn empty_programs(&self, selection: &Selection) -> Vec<&Program> {
        let named = |program: &Program| {
            let names = &selection.programs;
            names.is_empty() || names.iter().any(|(pattern, _)| glob::matches(pattern, &program.name))
        };
        let empty = self.fleet.programs().filter(|program| program.instances.is_empty());
        empty.filter(|program| named(program)).collect()
    }

    fn info(&self) -> Reply {
        info::info(&self.fleet, &self.facts())
    }

    /// What is known of the supervisor's own process.
    pub fn facts(&self) -> Facts<'_> {
        let usage = process::usage().ok();
        let (major, minor, patch) = zmq::version();
        let totals = self.capture.totals();
        Facts {
            pid: Pid::own().get(),
            uptime: crate::core::moment::Moment(clock::monotonic()).since(self.began),
            run: &self.run,
            zmq: format!("{major}.{minor}.{patch}"),
            cpu: usage.map(|usage| (usage.user_seconds, usage.system_seconds)),
            resident: usage.map(|usage| usage.resident_bytes),
            connections_refused: accept::refused_connections(),
            rpc: self.rpc.iter().map(|socket| (socket.address.clone(), socket.access)).collect(),
            events: self.publisher.addresses(),
            output: self.capture.address(),
            logger_pid: self.capture.logger_pid(),
            strays: self.strays.found().map(|found| found.of_nobody.as_slice()),
            captured: [
                ("output_taken", totals.taken),
                ("output_written", totals.written),
                ("output_dropped", totals.dropped),
            ],
            replies_dropped: self.outboxes.dropped,
            notifications_dropped: self.voices.dropped,
            hooks: self.hooks.counts(),
        }
    }
}

fn purpose(command: Command) -> Purpose {
    match command {
        Command::Stop | Command::Kill | Command::Signal(_) => Purpose::End,
        Command::Start | Command::Restart | Command::Once | Command::Reset | Command::Transition(_) => {
            Purpose::Change
        }
    }
}
