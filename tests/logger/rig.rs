//! The supervisor's part of the logger: the channel, the memory that both share, and both ends of each pipe.

use crate::common::{DEADLINE, Scratch, eventually, within};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use procnanny::core::log::{LogPolicy, OutputSource, StreamId, TAIL};
use procnanny::sys::channel::{Channel, LONGEST_MESSAGE, Received};
use procnanny::sys::log_memory::LogMemory;
use procnanny::sys::pipe::{self, Pipe};
use procnanny::wire::log_channel::{FromLogger, OutputEndpoint, Route, Sink, ToLogger};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A logger, and all that a supervisor has of it.
pub struct Rig {
    pub scratch: Scratch,
    pub memory: LogMemory,
    work: (OwnedFd, OwnedFd),
    /// The reading end of each, and the writing end until it is let go.
    streams: BTreeMap<StreamId, (Route, OwnedFd, Option<OwnedFd>)>,
    channel: Option<Channel>,
    pub process: Child,
    stdout: Option<OwnedFd>,
    /// What it said, and nobody has asked for yet.
    said: Vec<FromLogger>,
    number: u32,
}

/// The counters of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub taken: u64,
    pub written: u64,
    pub dropped: u64,
}

/// A route to a file, with the settings that there are unless others are given.
pub fn to_file(path: &Path) -> Route {
    route(Sink::File(path.to_str().unwrap().to_string()))
}

/// A route to anywhere.
pub fn route(sink: Sink) -> Route {
    let policy = LogPolicy::default();
    Route { program: "web".to_string(), instance: 0, source: OutputSource::Stdout, sink, policy }
}

impl Rig {
    pub fn new() -> Self {
        Self::with_stdout(None)
    }

    /// One whose first logger is run by another program, whose command line this begins.
    pub fn under(wrapper: &[&str]) -> Self {
        Self::build(None, wrapper)
    }

    /// With this as its standard output.
    pub fn with_stdout(stdout: Option<OwnedFd>) -> Self {
        Self::build(stdout, &[])
    }

    fn build(stdout: Option<OwnedFd>, wrapper: &[&str]) -> Self {
        let scratch = Scratch::new();
        let memory = LogMemory::create(TAIL).unwrap();
        let (streams, said) = Default::default();
        let Pipe { reader, writer } = pipe::new().unwrap();
        let work = (reader, writer);
        let (process, channel) = spawn(stdout.as_ref(), wrapper);
        let mut rig =
            Self { scratch, memory, work, streams, channel: Some(channel), process, stdout, said, number: 0 };
        rig.begin();
        rig
    }

    /// The address that output is published at.
    pub fn endpoint(&self) -> String {
        format!("ipc://{}", self.scratch.text("output"))
    }

    fn begin(&mut self) {
        let output = OutputEndpoint { address: self.endpoint(), mode: Some(0o600) };
        let [counters, tails] = self.memory.descriptors();
        let descriptors = [counters, tails, self.work.0.as_fd(), self.work.1.as_fd()];
        let channel = self.channel.as_ref().unwrap();
        send(channel, &ToLogger::Begin { output: Some(output) }, &descriptors);
        for (stream, (route, reader, writer)) in &self.streams {
            let message = ToLogger::Open { stream: *stream, route: route.clone() };
            send(channel, &message, &[reader.as_fd()]);
            if writer.is_none() {
                send(channel, &ToLogger::Close { stream: *stream }, &[]);
            }
        }
    }

    /// Kills it, at once, and starts another that goes on.
    pub fn kill_and_start_anew(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let (process, channel) = spawn(self.stdout.as_ref(), &[]);
        self.process = process;
        self.channel = Some(channel);
        self.begin();
    }

    /// Opens a stream.
    pub fn open(&mut self, route: Route) -> StreamId {
        let stream = StreamId(self.number);
        self.number += 1;
        let Pipe { reader, writer } = pipe::new().unwrap();
        self.memory.clear(stream.0);
        let message = ToLogger::Open { stream, route: route.clone() };
        send(self.channel.as_ref().unwrap(), &message, &[reader.as_fd()]);
        self.streams.insert(stream, (route, reader, Some(writer)));
        stream
    }

    /// A writing end, as a program has it.
    pub fn writer(&self, stream: StreamId) -> File {
        File::from(self.streams[&stream].2.as_ref().unwrap().try_clone().unwrap())
    }

    /// Writes to a stream, all of it.
    pub fn write(&self, stream: StreamId, bytes: impl AsRef<[u8]>) {
        self.writer(stream).write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a message.
    pub fn say(&self, message: &ToLogger) {
        send(self.channel.as_ref().unwrap(), message, &[]);
    }

    /// Sends bytes that need not be a message, and descriptors.
    pub fn send_raw(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) {
        eventually("the logger takes a message", DEADLINE, || {
            self.channel.as_ref().unwrap().send(bytes, descriptors).ok()
        });
    }

    /// Changes where a stream goes.
    pub fn change(&mut self, stream: StreamId, route: Route) {
        self.say(&ToLogger::Change { stream, route: route.clone() });
        self.streams.get_mut(&stream).unwrap().0 = route;
    }

    /// Lets go of a stream; returns when the logger has done so as well.
    pub fn close(&mut self, stream: StreamId) {
        self.let_go(stream);
        self.expect_said(&FromLogger::Closed { stream });
        self.streams.remove(&stream);
    }

    /// As [`close`](Self::close), where the logger may be killed meanwhile; then another one does it.
    #[track_caller]
    pub fn close_or_die(&mut self, stream: StreamId) -> bool {
        self.let_go(stream);
        let closed = FromLogger::Closed { stream };
        let is_dead = eventually("it lets go, or dies", DEADLINE, || {
            let is_dead = !self.is_running();
            self.listen();
            (is_dead || self.said.contains(&closed)).then_some(is_dead)
        });
        if !self.said.contains(&closed) {
            self.kill_and_start_anew();
            self.expect_said(&closed);
        }
        is_dead
    }

    /// Lets go of a stream.
    pub fn let_go(&mut self, stream: StreamId) {
        self.streams.get_mut(&stream).unwrap().2 = None;
        self.say(&ToLogger::Close { stream });
    }

    /// Goes away, as a supervisor that is killed.
    pub fn abandon(&mut self) {
        self.channel = None;
        self.streams.clear();
    }

    /// Waits until it ends.
    pub fn ended(&mut self) -> ExitStatus {
        eventually("the logger ends", DEADLINE, || self.process.try_wait().unwrap())
    }

    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// The counters of a stream.
    pub fn counts(&self, stream: StreamId) -> Counts {
        let counters = self.memory.counters(stream.0).unwrap();
        let [taken, written, dropped] = [&counters.taken, &counters.written, &counters.dropped]
            .map(|counter| counter.load(Ordering::SeqCst));
        Counts { taken, written, dropped }
    }

    /// Waits until so many bytes were taken and are settled.
    #[track_caller]
    pub fn settled(&self, stream: StreamId, bytes: u64) -> Counts {
        let mut counts = self.counts(stream);
        let reached = within(DEADLINE, || {
            counts = self.counts(stream);
            (counts.taken == bytes && counts.written + counts.dropped == bytes).then_some(counts)
        });
        reached.unwrap_or_else(|| panic!("{bytes} bytes are not settled: {counts:?}"))
    }

    fn listen(&mut self) {
        let mut buffer = [0; LONGEST_MESSAGE];
        let Some(channel) = &self.channel else { return };
        while let Ok(Received::Message(length, _)) = channel.receive(&mut buffer) {
            self.said.push(FromLogger::decode(&buffer[..length]).expect("a message that is known"));
        }
    }

    /// Waits for a message that is like this; all before it stay to be asked for.
    #[track_caller]
    pub fn said<T>(&mut self, what: &str, like: impl Fn(&FromLogger) -> Option<T>) -> T {
        let found = within(DEADLINE, || {
            self.listen();
            let at = self.said.iter().position(|message| like(message).is_some())?;
            like(&self.said.remove(at))
        });
        found.unwrap_or_else(|| panic!("{what} was not said, but {:?}", self.said))
    }

    #[track_caller]
    pub fn expect_said(&mut self, message: &FromLogger) {
        self.said(&format!("{message:?}"), |said| (said == message).then_some(()));
    }

    /// Everything that it has said and nobody has asked for.
    pub fn all_said(&mut self) -> Vec<FromLogger> {
        self.listen();
        std::mem::take(&mut self.said)
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.process.id()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        assert!(crate::common::proc::send(self.pid(), signal));
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(stdout: Option<&OwnedFd>, wrapper: &[&str]) -> (Child, Channel) {
    let (ours, theirs) = Channel::pair().unwrap();
    let words = [wrapper, &[env!("CARGO_BIN_EXE_procnanny"), "logger"]].concat();
    let mut command = Command::new(words[0]);
    // The paths that cargo sets make the loader look in many places, which takes long under a tracer.
    command
        .env_remove("LD_LIBRARY_PATH")
        .args(&words[1..])
        .stdin(theirs.as_fd().try_clone_to_owned().unwrap());
    if let Some(stdout) = stdout {
        command.stdout(Stdio::from(stdout.try_clone().unwrap()));
    }
    (command.spawn().unwrap(), ours)
}

fn send(channel: &Channel, message: &ToLogger, descriptors: &[BorrowedFd<'_>]) {
    let taken = || match channel.send(&message.encode(), descriptors) {
        // One that is dead is told nothing.
        Ok(()) | Err(Errno::EPIPE | Errno::ECONNRESET) => Some(()),
        Err(_) => None,
    };
    eventually("the logger takes a message", DEADLINE, taken);
}

/// The rotated files of a log, oldest first, and the present one.
pub fn files(path: &Path) -> Vec<PathBuf> {
    let numbered = |number: u32| PathBuf::from(format!("{}.{number}", path.display()));
    let mut files: Vec<PathBuf> = (1..).map(numbered).take_while(|path| path.exists()).collect();
    files.reverse();
    files.push(path.to_path_buf());
    files
}

/// All that is in them.
pub fn content(path: &Path) -> Vec<u8> {
    files(path).iter().flat_map(|path| fs::read(path).unwrap_or_default()).collect()
}

/// Waits until a file has this content.
#[track_caller]
pub fn expect_content(path: &Path, expected: impl AsRef<[u8]>) {
    let mut last = Vec::new();
    let reached = within(DEADLINE, || {
        last = content(path);
        (last == expected.as_ref()).then_some(())
    });
    let shown = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
    assert!(
        reached.is_some(),
        "{}: expected {:?}, found {:?}",
        path.display(),
        shown(expected.as_ref()),
        shown(&last)
    );
}

/// A moment that is long enough for what should not happen to be seen in most runs, should it happen.
pub fn a_while() {
    std::thread::sleep(Duration::from_millis(30));
}
