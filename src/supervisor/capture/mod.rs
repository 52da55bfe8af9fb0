//! What programs print: it goes through pipes that the supervisor keeps, to the logger, which reads it.
//!
//! | file | what is there |
//! | --- | --- |
//! | `streams` | which instance has which streams, and what the logger is still to be told of them |
//! | `routes` | where the output of a stream goes, by the settings of its program |
//! | `logger` | the process of the logger: started when it is needed, started again when it dies, waited for at the end |
//! | `talk` | what is said to the logger, and what it says |
//! | `between` | what an instance printed between two moments |
//! | `tail` | `tail`: the latest bytes, out of the memory that is shared with the logger |
//!
//! The supervisor never reads a byte of it. It keeps both ends of every pipe, so that a restart of a program costs no
//! system call, the end of the logger loses nothing, and a program is never told that nobody reads.

mod between;
mod logger;
mod routes;
mod streams;
mod tail;
mod talk;

use super::Supervisor;
use super::launch::{Launch, Outputs};
use crate::core::ids::{InstanceKey, Pid};
use crate::core::log::{OutputSource, StreamId, Written};
use crate::core::program::{Output, ProcessSettings};
use crate::sys::errno::words;
use crate::sys::hand::Hand;
use crate::sys::log_memory::LogMemory;
use crate::sys::pipe::{self, Pipe, unread};
use crate::sys::plan::ChildDescriptor;
use crate::wire::log_channel::OutputEndpoint;
pub use between::{Between, Printed};
use logger::Logger;
pub use routes::Places;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use streams::{Marker, Streams};
use tail::Tails;

/// All about captured output.
#[derive(Debug)]
pub struct Capture {
    places: Places,
    streams: Streams,
    shared: Option<Shared>,
    logger: Logger,
    tails: Tails,
}

/// What belongs to the supervisor and the logger alike, and outlives every logger.
#[derive(Debug)]
struct Shared {
    memory: LogMemory,
    /// What the logger has in hand, to look at.
    hand: Hand,
    /// Both ends of the pipe that output goes through in the logger.
    work: (OwnedFd, OwnedFd),
}

/// What became of all captured output, in bytes, since the supervisor began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Taken out of the pipes.
    pub taken: u64,
    /// Of these, written to where they go.
    pub written: u64,
    /// Of these, dropped.
    pub dropped: u64,
}

/// How often it is looked how much was printed, while the logger takes it.
const LOOKS: u32 = 4;

impl Capture {
    /// Nothing captured yet. Without an endpoint, it will not be published.
    pub fn new(places: Places, endpoint: Option<OutputEndpoint>) -> Self {
        Self {
            places,
            streams: Streams::default(),
            shared: None,
            logger: Logger::new(endpoint),
            tails: Tails::default(),
        }
    }

    /// Where output is published, as soon as there is any; `None` if nowhere.
    pub fn address(&self) -> Option<&str> {
        self.logger.address()
    }

    /// The process of the logger, if there is one.
    pub fn logger_pid(&self) -> Option<i32> {
        self.logger.pid().map(crate::sys::process::Pid::get)
    }

    /// What became of all captured output.
    pub fn totals(&self) -> Totals {
        let counters = self.streams.ids().filter_map(|id| self.shared.as_ref()?.memory.counters(id.0));
        counters.fold(self.streams.former(), |totals, counters| Totals {
            taken: totals.taken + counters.taken.load(Ordering::Relaxed),
            written: totals.written + counters.written.load(Ordering::Relaxed),
            dropped: totals.dropped + counters.dropped.load(Ordering::Relaxed),
        })
    }

    /// The descriptors that a process of an instance is given as its output.
    pub fn outputs<'a>(
        &'a self,
        key: InstanceKey,
        settings: &ProcessSettings,
        launch: &'a Launch,
    ) -> Outputs<'a> {
        let null = ChildDescriptor::From(launch.null.as_fd());
        let stream = |source| Some(ChildDescriptor::From(self.streams.writer(key, source)?));
        let stdout = stream(OutputSource::Stdout);
        let stderr = stream(OutputSource::Stderr);
        Outputs {
            stdout: stdout.unwrap_or(match settings.stdout {
                Output::Inherit => ChildDescriptor::Inherit,
                Output::Null | Output::Log | Output::Stdout | Output::Path(_) => null,
            }),
            stderr: stderr.unwrap_or(match (&settings.stderr, &settings.stdout) {
                (Output::Inherit, _) => ChildDescriptor::Inherit,
                (Output::Stdout, Output::Inherit) => {
                    stdout.unwrap_or(ChildDescriptor::From(launch.stdout.as_fd()))
                }
                (Output::Stdout, _) => stdout.unwrap_or(null),
                (Output::Null | Output::Log | Output::Path(_), _) => null,
            }),
        }
    }

    /// Has the logger bind the socket for output anew. One that is started later binds it anyway.
    pub fn bind_output_anew(&mut self) {
        self.logger.ask_to_bind();
    }

    /// How many bytes of a stream were taken by the logger.
    fn taken(&self, id: StreamId) -> u64 {
        let counters = self.shared.as_ref().and_then(|shared| shared.memory.counters(id.0));
        counters.map_or(0, |counters| counters.taken.load(Ordering::Acquire))
    }

    /// How many bytes were printed to a stream, counted as taken or not.
    fn printed(&self, id: StreamId) -> u64 {
        let mut out = self.out_of_pipe(id);
        for _ in 0..LOOKS {
            let in_pipe = self.streams.reader(id).and_then(|reader| unread(reader).ok()).unwrap_or(0);
            // Were any taken out meanwhile, they were counted twice or not at all.
            match self.out_of_pipe(id) {
                same if same == out => return out + in_pipe,
                other => out = other,
            }
        }
        out
    }

    /// How many bytes were taken out of the pipe of a stream, be they counted yet or still in the logger's hand.
    fn out_of_pipe(&self, id: StreamId) -> u64 {
        let taken = self.taken(id);
        let Some(Shared { hand, work, .. }) = &self.shared else { return taken };
        let notes = hand.notes();
        if notes.stream.get() != u64::from(id.0) + 1 {
            return taken;
        }
        let in_hand = notes.moved.get().max(unread(work.0.as_fd()).unwrap_or(0));
        taken.max(notes.taken.get() + in_hand)
    }

    fn shared(&mut self) -> Result<&Shared, String> {
        if self.shared.is_none() {
            self.shared = Some(Shared::make().map_err(words)?);
        }
        self.shared.as_ref().ok_or_else(String::new)
    }
}

impl Supervisor {
    /// Makes the streams that the next process of an instance is to have, closes those that it is not to have any more,
    /// and redirects those that go elsewhere.
    ///
    /// # Errors
    /// The stream that could not be made, and the system's words.
    pub fn prepare_output(&mut self, key: InstanceKey) -> Result<(), Box<str>> {
        for source in OutputSource::ALL {
            let Some(program) = self.fleet.program(key.program) else { return Ok(()) };
            let output = program.settings.process.output(source);
            let on_terminal = program.settings.process.tty.is_some();
            let captured = !on_terminal && self.capture.places.captures(output);
            match (self.capture.streams.id_of(key, source), captured) {
                (None, false) => {}
                (Some(id), true) => self.capture.streams.redirect(id, output),
                (Some(_), false) => self.close_stream(key, source),
                (None, true) => {
                    let failed = |words: String| format!("{}: {words}", source.as_str()).into_boxed_str();
                    let output = output.clone();
                    self.capture.shared().map_err(failed)?;
                    let opened = self.capture.streams.open(key, source, output);
                    opened.map_err(|errno| failed(words(errno)))?;
                }
            }
        }
        // Before there is a process: what it prints comes after, however fast it and the logger are.
        self.mark(key, || "starts".to_string());
        Ok(())
    }

    /// A process of an instance began.
    pub fn output_begins(&mut self, key: InstanceKey, pid: Pid) {
        for source in OutputSource::ALL {
            let id = self.capture.streams.id_of(key, source);
            let memory = self.capture.shared.as_ref().map(|shared| &shared.memory);
            if let Some(counters) = id.zip(memory).and_then(|(id, memory)| memory.counters(id.0)) {
                counters.pid.store(pid.raw(), Ordering::Relaxed);
            }
        }
    }

    /// A process of an instance has ended, or could not be started; its instance knows how.
    pub fn output_ends(&mut self, key: InstanceKey, pid: Option<Pid>) {
        let ending = self.fleet.instance(key).and_then(|it| it.ending(crate::sys::signals::signal_name));
        if let Some(ending) = ending {
            self.mark(key, || match pid {
                Some(pid) => format!("{ending}, pid {pid}"),
                None => ending,
            });
        }
    }

    /// Has a line written to the files of an instance, if that is asked for.
    fn mark(&mut self, key: InstanceKey, words: impl FnOnce() -> String) {
        let Some(program) = self.fleet.program(key.program).filter(|_| self.is_marked(key)) else { return };
        let Capture { places, streams, .. } = &mut self.capture;
        let route = |source| {
            let id = streams.id_of(key, source)?;
            Some((id, routes::sink(program, key.index, source, streams.output(id)?, places, self.host)))
        };
        let [stdout, stderr] = OutputSource::ALL.map(route);
        let is_apart = match (&stdout, &stderr) {
            (Some((_, stdout)), Some((_, stderr))) => stdout != stderr,
            _ => true,
        };
        // One line, where both go to the same file.
        let marked = stdout.into_iter().chain(stderr.filter(|_| is_apart));
        let words = words();
        let ids: Vec<StreamId> = marked.map(|(id, _)| id).collect();
        for id in ids {
            let after = self.capture.printed(id);
            self.capture.streams.mark(id, Marker { words: words.clone(), after });
        }
        // Before the logger finds what was printed since.
        self.talk_to_logger();
    }

    fn is_marked(&self, key: InstanceKey) -> bool {
        let program = self.fleet.program(key.program);
        program.is_some_and(|program| program.settings.log.policy.markers == Written::Yes)
    }

    /// The slot of an instance is given up, and with it its streams.
    pub fn release_output(&mut self, key: InstanceKey) {
        for source in OutputSource::ALL {
            self.close_stream(key, source);
        }
    }

    /// The settings of a log were changed: the logger is told of it for each stream of these instances.
    pub fn output_changed(&mut self, keys: &[InstanceKey]) {
        for key in keys {
            for source in OutputSource::ALL {
                if let Some(id) = self.capture.streams.id_of(*key, source) {
                    self.capture.streams.outdate(id);
                }
            }
        }
        // Before whoever asked for it hears that it is done.
        self.talk_to_logger();
    }

    /// Has all files opened anew by their names.
    pub fn reopen_logs(&mut self) {
        self.capture.logger.ask_to_reopen();
    }

    fn close_stream(&mut self, key: InstanceKey, source: OutputSource) {
        let Some(id) = self.capture.streams.id_of(key, source) else { return };
        let Some(route) = self.route(id) else { return };
        self.capture.streams.close(id, route);
    }
}

impl Shared {
    fn make() -> Result<Self, nix::errno::Errno> {
        let memory = LogMemory::create(crate::core::log::TAIL)?;
        let hand = memory.hand()?;
        let Pipe { reader, writer } = pipe::new()?;
        Ok(Self { memory, hand, work: (reader, writer) })
    }
}
