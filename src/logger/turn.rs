//! The loop. What the supervisor says comes first, then what is due, then output: of each stream that has some, as much
//! as fits in hand once, in the order in which the kernel takes turns.

use super::link::LinkState;
use super::publish::{Output, Pending, Wanted};
use super::store::{MOST_TAKEN, Store};
use super::streams::{Reading, Room, Stream, Told, prefix_of};
use super::{Due, Logger, LoggerError};
use crate::core::log::{StreamId, TAIL};
use crate::core::moment::Moment;
use crate::sys::clock;
use crate::sys::errno::words;
use crate::sys::log_memory::{LogMemory, MOST_STREAMS};
use crate::sys::poll::Ready;
use crate::sys::splice::set_room;
use crate::sys::zmq_options;
use crate::wire::log_channel::{FromLogger, OutputEndpoint, Route, ToLogger};
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// How many messages of the supervisor are handled in a turn.
const MESSAGES_A_TURN: usize = 256;
/// How many deadlines are handled in a turn.
const DEADLINES_A_TURN: usize = 256;
/// How long a stream that was in hand may take to be opened again, until others are read.
const LEFT_OVER: Duration = Duration::from_secs(1);
/// How long after the supervisor took no more it is tried again.
const LINK_RETRY: Duration = Duration::from_millis(20);

/// What an epoll token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Link,
    Timer,
    Socket,
    Stream(StreamId),
}

impl Source {
    fn pack(self) -> u64 {
        match self {
            Source::Link => 0,
            Source::Timer => 1,
            Source::Socket => 2,
            Source::Stream(stream) => u64::from(stream.0) << 8 | 3,
        }
    }

    fn unpack(token: u64) -> Option<Self> {
        match (token & 0xff, u32::try_from(token >> 8).ok()?) {
            (0, 0) => Some(Source::Link),
            (1, 0) => Some(Source::Timer),
            (2, 0) => Some(Source::Socket),
            (3, stream) => Some(Source::Stream(StreamId(stream))),
            _ => None,
        }
    }
}

impl Logger {
    /// Adds the descriptors that are there from the beginning to the poller.
    pub(super) fn watch(&self) -> Result<(), Errno> {
        self.poller.add(self.link.descriptor(), Source::Link.pack())?;
        self.poller.add(self.timer.as_fd(), Source::Timer.pack())
    }

    /// The loop, until there is neither a supervisor nor a stream.
    pub(super) fn run(mut self) -> Result<(), LoggerError> {
        let mut messages = Pending::Nothing;
        let mut ready = std::mem::replace(&mut self.ready, Ready::with_capacity(1));
        while self.link.state() == LinkState::Open || !self.streams.is_empty() {
            self.arm_timer();
            let due = self.deadlines.next().is_some_and(|at| at <= self.now);
            let timeout = (due || messages == Pending::Maybe).then_some(Duration::ZERO);
            self.poller
                .wait(&mut ready, timeout)
                .map_err(|errno| LoggerError(format!("cannot wait for events: {}", words(errno))))?;
            self.now = Moment(clock::monotonic());
            let is_ready = |source| ready.tokens().any(|token| Source::unpack(token) == Some(source));
            if is_ready(Source::Link) {
                self.listen()?;
            }
            if is_ready(Source::Timer) {
                // Nothing is lost if this fails: deadlines are looked at in every turn.
                let _ = self.timer.acknowledge();
                self.armed_at = None;
            }
            self.fire_deadlines();
            for token in ready.tokens() {
                if let Some(Source::Stream(stream)) = Source::unpack(token) {
                    self.read_stream(stream);
                }
            }
            messages = self.serve(messages == Pending::Maybe || is_ready(Source::Socket));
        }
        Ok(())
    }

    /// Sets the timer to the next deadline, if that is another than it is set to.
    fn arm_timer(&mut self) {
        if self.link.is_waiting() && !self.deadlines.is_armed(Due::Link) {
            self.deadlines.arm(Due::Link, self.now.after(LINK_RETRY));
        }
        let next = self.deadlines.next();
        if next != self.armed_at && self.timer.arm(next.map(|at| at.0)).is_ok() {
            self.armed_at = next;
        }
    }

    fn fire_deadlines(&mut self) {
        for _ in 0..DEADLINES_A_TURN {
            let Some(due) = self.deadlines.pop_due(self.now) else { return };
            match due {
                Due::Retry(stream) => self.retry(stream),
                Due::TellDropped(stream) => self.tell_dropped(stream),
                Due::Link => self.link.flush(),
                Due::LeftOver => self.give_up_left_over(),
            }
        }
    }

    /// Receives subscriptions, if there may be any.
    fn serve(&mut self, woken: bool) -> Pending {
        match &mut self.output {
            Some(output) if woken || output.has_sent() => output.receive(),
            Some(_) | None => Pending::Nothing,
        }
    }

    /// Does what the supervisor says.
    fn listen(&mut self) -> Result<(), LoggerError> {
        for _ in 0..MESSAGES_A_TURN {
            let Some((message, mut descriptors)) = self.link.receive() else { break };
            match message {
                ToLogger::Begin { output } => self.begin(descriptors, output)?,
                ToLogger::Open { stream, route } => {
                    if let Some(pipe) = descriptors.pop() {
                        self.open(stream, route, pipe);
                    }
                }
                ToLogger::Change { stream, route } => self.change(stream, route),
                // Its end comes out of its pipe.
                ToLogger::Close { .. } => {}
                ToLogger::Mark { stream, words, after } => self.mark(stream, words, after),
                ToLogger::Reopen => self.reopen(),
                ToLogger::Bind { output } => self.bind_anew(&output),
            }
        }
        if self.link.state() == LinkState::Ended {
            // If it fails, it is not watched any more.
            let _ = self.poller.remove(self.link.descriptor());
        }
        Ok(())
    }

    fn begin(
        &mut self,
        descriptors: Vec<OwnedFd>,
        endpoint: Option<OutputEndpoint>,
    ) -> Result<(), LoggerError> {
        let Ok([counters, tails, reader, writer]) = <[OwnedFd; 4]>::try_from(descriptors) else {
            return Ok(());
        };
        if self.store.is_some() {
            return Ok(());
        }
        let failed =
            |errno| LoggerError(format!("cannot share memory with the supervisor: {}", words(errno)));
        let memory = LogMemory::shared(counters, tails, TAIL).map_err(failed)?;
        // What it has room for goes through it at once; less is slower, and no more than that.
        let _ = set_room(writer.as_fd(), 4 * MOST_TAKEN).or_else(|_| set_room(writer.as_fd(), MOST_TAKEN));
        let store = Store::new(memory, [reader, writer]).map_err(failed)?;
        self.waiting = store.left_over();
        if self.waiting.is_some() {
            self.deadlines.arm(Due::LeftOver, self.now.after(LEFT_OVER));
        }
        self.store = Some(store);
        if let Some(endpoint) = endpoint {
            self.bind(&endpoint);
        }
        Ok(())
    }

    /// Publishes output at an endpoint from now on.
    fn bind(&mut self, endpoint: &OutputEndpoint) {
        let outcome = Output::bind(endpoint).and_then(|output| {
            let watched = zmq_options::watch(&self.poller, output.socket().socket(), Source::Socket.pack());
            watched.map_err(words).map(|()| output)
        });
        match outcome {
            Ok(output) => {
                self.link.tell(&FromLogger::Bound { address: output.socket().address().to_string() });
                self.output = Some(output);
            }
            Err(words) => self.link.tell(&FromLogger::NotBound { words }),
        }
    }

    /// Sees to it that output is published where it is to be.
    fn bind_anew(&mut self, endpoint: &OutputEndpoint) {
        match self.output.as_mut().map(Output::renew) {
            None => self.bind(endpoint),
            Some(Ok(_)) => self.link.tell(&FromLogger::Bound { address: endpoint.address.clone() }),
            Some(Err(words)) => self.link.tell(&FromLogger::NotBound { words }),
        }
    }

    fn open(&mut self, id: StreamId, route: Route, pipe: OwnedFd) {
        if id.0 >= MOST_STREAMS || self.store.is_none() {
            return;
        }
        if self.streams.contains_key(&id) {
            return self.change(id, route);
        }
        let stream = Stream {
            pipe,
            prefix: prefix_of(&route),
            outlet: self.outlets.join(&route.sink),
            route,
            reading: Reading::Paused,
            room: Room::Usual,
            told: Told::Fine,
            wanted: Wanted::default(),
            markers: Vec::new(),
        };
        self.streams.insert(id, stream);
        if self.waiting == Some(id) {
            self.go_on(id);
        } else {
            self.begin_writing(id);
        }
    }

    /// Opens what a stream is written to, and writes what is held of it; then it is read.
    fn begin_writing(&mut self, id: StreamId) {
        if self.waiting.is_some() {
            return;
        }
        let Some(stream) = self.streams.get(&id) else { return };
        let outlet = stream.outlet.and_then(|outlet| self.outlets.get(outlet));
        let prepared = outlet.map_or(Ok(()), |outlet| {
            // Whatever failed before, it is tried now.
            outlet.trouble = None;
            outlet.prepare(self.now).map(drop)
        });
        match prepared {
            Ok(()) => self.retry(id),
            Err(failure) => self.it_failed(id, failure),
        }
    }

    fn change(&mut self, id: StreamId, route: Route) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.prefix = prefix_of(&route);
        let old = std::mem::replace(&mut stream.route, route);
        if old.sink != stream.route.sink {
            // Joined before the other is left: what both have in common stays open.
            let outlet = self.outlets.join(&stream.route.sink);
            if let Some(left) = std::mem::replace(&mut stream.outlet, outlet) {
                self.outlets.leave(left);
            }
        }
        self.begin_writing(id);
    }

    /// Opens all files anew.
    fn reopen(&mut self) {
        for outlet in self.outlets.all() {
            outlet.close();
        }
        let ids: Vec<StreamId> = self.streams.keys().copied().collect();
        for id in ids {
            self.begin_writing(id);
        }
    }

    /// A stream that a killed logger had in hand keeps none from being read any more.
    pub(super) fn read_all(&mut self) {
        self.waiting = None;
        self.deadlines.cancel(Due::LeftOver);
        let ids: Vec<StreamId> = self.streams.keys().copied().collect();
        for id in ids {
            self.begin_writing(id);
        }
    }

    /// Has a stream watched that is paused.
    pub(super) fn start_reading(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if stream.reading == Reading::Paused {
            let watched = self.poller.add(stream.pipe.as_fd(), Source::Stream(id).pack());
            // What cannot be watched is nothing that comes to an end by itself.
            stream.reading = if watched.is_ok() { Reading::On } else { Reading::Ended };
        }
    }

    /// Has a stream watched no more.
    pub(super) fn stop_reading(&mut self, id: StreamId, reading: Reading) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if stream.reading == Reading::On {
            // If it fails, it is not watched.
            let _ = self.poller.remove(stream.pipe.as_fd());
        }
        stream.reading = reading;
    }

    /// Lets go of a stream that has come to its end, once all of it is settled.
    pub(super) fn close_if_ended(&mut self, id: StreamId) {
        let is_ended = self.streams.get(&id).is_some_and(|stream| stream.reading == Reading::Ended);
        if !is_ended || self.store.as_ref().is_some_and(|store| store.unsettled(id) > 0) {
            return;
        }
        self.tell_dropped(id);
        let Some(stream) = self.streams.remove(&id) else { return };
        if let Some(outlet) = stream.outlet {
            self.outlets.leave(outlet);
        }
        self.enlarged -= usize::from(stream.room == Room::Enlarged);
        self.deadlines.cancel(Due::Retry(id));
        self.deadlines.cancel(Due::TellDropped(id));
        self.link.tell(&FromLogger::Closed { stream: id });
    }
}
