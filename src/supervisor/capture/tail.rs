//! `tail`: the latest bytes of a stream, out of the memory that is shared with the logger; so it works while the logger
//! hangs.
//!
//! What a program printed last may still be in its pipe when it is asked for: then the answer waits for the logger to
//! take it, but not for long.

use super::Capture;
use crate::api::reply::{ApiError, Code, Reply};
use crate::core::ids::{InstanceIndex, InstanceKey};
use crate::core::log::OutputSource;
use crate::core::moment::Moment;
use crate::core::program::{Output, Program};
use crate::supervisor::rpc::{Caller, Kept};
use crate::supervisor::{Due, Supervisor};
use crate::sys::errno::words;
use crate::sys::log_memory::Tail;
use std::time::Duration;

/// How long an answer waits for what is still in the pipe.
const PATIENCE: Duration = Duration::from_millis(100);
/// The same for a logger that may not have come to it yet, counted from when it was started.
const BEGINNING: Duration = Duration::from_secs(1);
/// How soon it is looked again.
const LOOK: Duration = Duration::from_millis(2);
/// How many answers may wait; more are given at once.
const MOST: usize = 64;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of which instance.
    pub key: InstanceKey,
    /// Which of its streams.
    pub source: OutputSource,
    /// How many bytes at the most.
    pub bytes: usize,
}

/// Answers that wait.
#[derive(Debug, Default)]
pub struct Tails(Vec<Waiting>);

#[derive(Debug)]
struct Waiting {
    kept: Kept,
    wanted: Wanted,
    until: Moment,
    /// How much is to have been taken out of the pipe.
    goal: u64,
}

impl Supervisor {
    /// Answers with the latest bytes of a stream.
    ///
    /// # Errors
    /// No such instance, and one whose output is not captured.
    pub fn tail(
        &mut self,
        caller: &Caller,
        (program, instance): (&str, u32),
        source: OutputSource,
        bytes: usize,
    ) -> Result<(), ApiError> {
        let found = self.fleet.id_of(program).and_then(|id| self.fleet.program(id));
        let found = found.ok_or_else(|| self.no_such_program(program))?;
        let key = InstanceKey { program: found.id, index: InstanceIndex(instance) };
        if !found.instances.contains_key(&key.index) {
            let sentence = format!("Program '{program}' has no instance {instance}");
            return Err(ApiError::new(Code::NoSuchInstance, sentence));
        }
        let wanted = Wanted { key, source, bytes };
        if self.capture.streams.id_of(key, source).is_none() && !self.capture.is_captured(found, source) {
            return Err(ApiError::new(Code::Failed, not_captured(found, source)));
        }
        match self.capture.to_be_taken(wanted) {
            Some(goal) if self.capture.tails.0.len() < MOST && self.capture.logger_pid().is_some() => {
                let kept = self.keep(caller)?;
                let beginning = self.capture.logger.began().map_or(self.now, |began| began.after(BEGINNING));
                let until = self.now.after(PATIENCE).max(beginning);
                self.capture.tails.0.push(Waiting { kept, wanted, until, goal });
                if !self.deadlines.is_armed(Due::Tails) {
                    self.deadlines.arm(Due::Tails, self.now.after(LOOK));
                }
            }
            Some(_) | None => {
                let reply = self.capture.reply(wanted)?;
                self.answer(caller, reply);
            }
        }
        Ok(())
    }

    /// Gives the answers for which it is time.
    pub fn answer_tails(&mut self) {
        for waiting in std::mem::take(&mut self.capture.tails.0) {
            let is_there = self.capture.taken_of(waiting.wanted) >= waiting.goal;
            // Its slot may have been given up, or be another's by now.
            let is_due = waiting.until <= self.now || self.fleet.instance(waiting.wanted.key).is_none();
            if !is_there && !is_due {
                self.capture.tails.0.push(waiting);
                continue;
            }
            let caller = self.recall(waiting.kept);
            match self.capture.reply(waiting.wanted) {
                Ok(reply) => self.answer(&caller, reply),
                Err(error) => self.refuse(&caller, &error),
            }
        }
        if !self.capture.tails.0.is_empty() {
            self.deadlines.arm(Due::Tails, self.now.after(LOOK));
        }
    }

    /// Gives all answers now, whatever is still in the pipes.
    pub fn answer_all_tails(&mut self) {
        self.capture.tails.0.iter_mut().for_each(|waiting| waiting.until = self.now);
        self.answer_tails();
    }
}

impl Capture {
    fn is_captured(&self, program: &Program, source: OutputSource) -> bool {
        self.places.captures(program.settings.process.output(source))
    }

    /// How much will have been taken when all was that is printed by now; `None` if it is.
    fn to_be_taken(&self, wanted: Wanted) -> Option<u64> {
        let id = self.streams.id_of(wanted.key, wanted.source)?;
        let printed = self.printed(id);
        (printed > self.taken(id)).then_some(printed)
    }

    fn taken_of(&self, wanted: Wanted) -> u64 {
        self.streams.id_of(wanted.key, wanted.source).map_or(0, |id| self.taken(id))
    }

    fn reply(&self, wanted: Wanted) -> Result<Reply, ApiError> {
        let id = self.streams.id_of(wanted.key, wanted.source);
        let tail = match id.zip(self.shared.as_ref()) {
            Some((id, shared)) => shared.memory.tail(id.0, wanted.bytes),
            // It was never started.
            None => Ok(Tail { offset: 0, data: Vec::new() }),
        };
        let failed =
            |errno| ApiError::new(Code::Failed, format!("cannot read what it printed: {}", words(errno)));
        let Tail { offset, data } = tail.map_err(failed)?;
        let mut reply = Reply::new();
        reply.body_of("data").bin(&data);
        reply.entry("offset", offset);
        Ok(reply)
    }
}

/// Why there is nothing to be shown, and which setting would change that.
fn not_captured(program: &Program, source: OutputSource) -> String {
    let (name, output) = (&program.name, program.settings.process.output(source));
    let source = source.as_str();
    match output {
        Output::Stdout => {
            format!(
                "stderr of '{name}' goes to where its stdout goes: ask for stdout, or set stderr to \"log\""
            )
        }
        Output::Null => {
            format!("{source} of '{name}' is thrown away: set {source} to \"log\" to have it kept")
        }
        Output::Inherit | Output::Log | Output::Path(_) => {
            format!("{source} of '{name}' goes to the supervisor's: set {source} to \"log\" to have it kept")
        }
    }
}
