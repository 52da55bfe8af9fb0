//! The way to a supervisor that may go and come back: a connection to ask over, a stream of what it publishes, when it is
//! asked the next time, and what there is to tell of all that.
//!
//! Invariant: that the supervisor goes is news, once, and no error; then it is looked for until it is back.

use super::client::{self, Call, Client};
use super::endpoint::{Endpoint, Presence};
use super::exit::Failure;
use super::keys::Keys;
use super::signals::Signals;
use crate::wire::msgpack;
use crate::wire::value::Value;
use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};
use zmq::{POLLIN, PollEvents, PollItem};

/// How long the stream may be quiet before it is asked whether anything is missing.
pub const QUIET: Duration = Duration::from_secs(2);
/// The same where there is no stream to be had.
pub const WITHOUT_STREAM: Duration = Duration::from_millis(500);
/// How soon it is asked for the first time after subscribing, which takes a moment that nobody is told of.
pub const SUBSCRIBED: Duration = Duration::from_millis(200);
/// How often it is looked whether the supervisor is back.
const LOOK: Duration = Duration::from_millis(250);
/// The longest message that is taken, in bytes.
const MAX_MESSAGE: i64 = 1 << 20;
/// How many messages wait in libzmq for us; with more, there is a gap, and it is filled.
const QUEUE: i32 = 10_000;

/// The supervisor is gone, or does not answer, in these words: which is news, whatever else is.
#[derive(Debug)]
pub struct Gone(pub String);

/// The way to a supervisor, with news of some kind.
pub struct Uplink<N> {
    endpoint: Endpoint,
    line: Option<Line>,
    signals: Signals,
    ask_at: Instant,
    news: VecDeque<N>,
}

/// What there is as long as there is a supervisor.
struct Line {
    client: Client,
    stream: Option<zmq::Socket>,
}

impl<N: From<Gone>> Uplink<N> {
    /// One over a connection, without a stream yet.
    pub fn new(mut client: Client, signals: Signals) -> Self {
        client.interrupted_by(signals.ended_flag());
        let endpoint = client.endpoint().clone();
        let line = Some(Line { client, stream: None });
        Self { endpoint, line, signals, ask_at: Instant::now(), news: VecDeque::new() }
    }

    /// Where the supervisor is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What asks to end.
    pub fn signals(&mut self) -> &mut Signals {
        &mut self.signals
    }

    /// Whether somebody asked to end.
    pub fn is_told_to_end(&self) -> bool {
        self.signals.ended()
    }

    /// The next piece of news, if there is one.
    pub fn next(&mut self) -> Option<N> {
        self.news.pop_front()
    }

    /// Adds a piece of news.
    pub fn tell(&mut self, news: N) {
        self.news.push_back(news);
    }

    /// Whether there is a supervisor, as far as is known.
    pub fn is_up(&self) -> bool {
        self.line.is_some()
    }

    /// Whether what it publishes is listened to.
    pub fn has_stream(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.stream.is_some())
    }

    /// Has it asked so long from now.
    pub fn ask_in(&mut self, time: Duration) {
        self.ask_at = Instant::now() + time;
    }

    /// Has it asked so long from now, if that is sooner than it would be.
    pub fn ask_within(&mut self, time: Duration) {
        self.ask_at = self.ask_at.min(Instant::now() + time);
    }

    /// Whether it is to be asked now, or to be looked for.
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.ask_at && !self.is_told_to_end()
    }

    /// Asks something; `None` as long as there is no supervisor.
    ///
    /// # Errors
    /// Those of [`Client::request`].
    pub fn ask(&mut self, call: &Call) -> Result<Option<Value>, Failure> {
        self.line.as_mut().map(|line| line.client.request(call)).transpose()
    }

    /// Listens to what one of its sockets publishes of these topics, if there is such a socket that answers; `info` is
    /// what it says of itself.
    ///
    /// # Errors
    /// The endpoint and the system's words.
    pub fn listen(&mut self, socket: &str, info: &Value, topics: &[String]) -> Result<(), Failure> {
        let Some(line) = self.line.as_mut().filter(|line| line.stream.is_none()) else { return Ok(()) };
        let endpoint = endpoint_of(socket, info, &self.endpoint);
        line.stream = endpoint.map(|endpoint| subscribe(&endpoint, topics)).transpose()?;
        Ok(())
    }

    /// The next message of the stream; what is none is passed over.
    pub fn receive(&self) -> Option<Value> {
        let stream = self.line.as_ref()?.stream.as_ref()?;
        loop {
            let frames = stream.recv_multipart(zmq::DONTWAIT).ok()?;
            let message = frames.get(1).and_then(|frame| msgpack::decode(frame).ok());
            if let Some(message) = message.filter(|message| message.as_map().is_some()) {
                return Some(message);
            }
        }
    }

    /// Waits until something may have come over the line, one of `others` is ready, a signal has arrived, it is to be
    /// asked, or the time is over. Returns which of `others` are ready.
    ///
    /// # Errors
    /// None is known.
    pub fn wait(&mut self, others: &[(RawFd, PollEvents)], timeout: Duration) -> Result<Vec<bool>, Failure> {
        let until_asked = self.ask_at.saturating_duration_since(Instant::now());
        let stream = self.line.as_ref().and_then(|line| line.stream.as_ref());
        let others = others.iter().map(|(descriptor, events)| PollItem::from_fd(*descriptor, *events));
        let mut items: Vec<PollItem<'_>> = others.collect();
        let given = items.len();
        items.push(PollItem::from_fd(self.signals.descriptor(), POLLIN));
        items.extend(stream.map(|stream| stream.as_poll_item(POLLIN)));
        items.extend(self.line.as_ref().map(|line| line.client.line_item()));
        client::poll(&mut items, timeout.min(until_asked))?;
        let ready = items.iter().take(given).map(|item| !item.get_revents().is_empty()).collect();
        drop(items);
        self.signals.clear();
        Ok(ready)
    }

    /// Notices that the supervisor is gone. Not before the stream is read: what was published last is there already.
    ///
    /// # Errors
    /// Those of [`Uplink::survive`].
    pub fn notice_end(&mut self) -> Result<(), Failure> {
        match self.line.as_mut().map(|line| line.client.notice_end()) {
            Some(Err(failure)) => self.survive(failure),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Makes news of the end of the supervisor.
    ///
    /// # Errors
    /// Everything else.
    pub fn survive(&mut self, failure: Failure) -> Result<(), Failure> {
        match failure {
            Failure::NoSupervisor(_) | Failure::NotInTime(_) | Failure::Failed(_) => {
                if self.line.is_some() {
                    self.tell(Gone(failure.to_string()).into());
                }
                self.hang_up();
                Ok(())
            }
            Failure::Usage(_)
            | Failure::NoSuch(_)
            | Failure::Refused(_)
            | Failure::Output(_)
            | Failure::Interrupted => Err(failure),
        }
    }

    /// Takes the supervisor for gone, and has it looked for.
    pub fn hang_up(&mut self) {
        self.line = None;
        self.ask_in(LOOK);
    }

    /// Looks whether there is a supervisor again; whether there is, and then there is a connection without a stream.
    pub fn look(&mut self) -> bool {
        self.ask_in(LOOK);
        if !matches!(self.endpoint.probe(), Ok(Presence::There)) {
            return false;
        }
        let Ok(mut client) = Client::connect(&self.endpoint) else { return false };
        client.interrupted_by(self.signals.ended_flag());
        self.line = Some(Line { client, stream: None });
        true
    }
}

/// The endpoint to subscribe at for what one of the sockets publishes: one that is reached in the same way as the one for
/// requests, if there is one that answers.
fn endpoint_of(socket: &str, info: &Value, asked_at: &Endpoint) -> Option<Endpoint> {
    let endpoints = info.get("endpoints").and_then(Value::as_array).unwrap_or_default();
    let of_socket =
        endpoints.iter().filter(|entry| entry.get("socket").and_then(Value::text) == Some(socket));
    of_socket
        .filter_map(|entry| Endpoint::parse(entry.get("endpoint")?.text()?).ok())
        .filter(|endpoint| matches!(endpoint.probe(), Ok(Presence::There)))
        // The first of them.
        .min_by_key(|endpoint| endpoint.is_network() != asked_at.is_network())
}

/// Subscribes to topics at an endpoint.
fn subscribe(endpoint: &Endpoint, topics: &[String]) -> Result<zmq::Socket, Failure> {
    let keys = Keys::of_environment(endpoint)?;
    let subscribed = || -> Result<zmq::Socket, zmq::Error> {
        let socket = zmq::Context::new().socket(zmq::SUB)?;
        socket.set_linger(0)?;
        socket.set_maxmsgsize(MAX_MESSAGE)?;
        socket.set_rcvhwm(QUEUE)?;
        socket.set_ipv6(endpoint.is_network())?;
        for topic in topics {
            socket.set_subscribe(topic.as_bytes())?;
        }
        keys.iter().try_for_each(|keys| keys.give_to(&socket))?;
        socket.connect(endpoint.as_str())?;
        Ok(socket)
    };
    subscribed().map_err(|error| Failure::Failed(format!("cannot subscribe at {endpoint}: {error}")))
}
