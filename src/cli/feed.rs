//! The events of a supervisor, in order and each once, for as long as somebody wants them: over its end, too.
//!
//! The stream is subscribed to first and what is held is asked for then, so that nothing falls between. A stream that
//! is quiet is asked after now and then: the last event before the quiet may be the one that was missed.

use super::client::{self, Call, Client};
use super::endpoint::{Endpoint, Presence};
use super::exit::Failure;
use super::keys::Keys;
use super::sequencer::{Sequencer, Verdict};
use super::signals::Signals;
use crate::wire::msgpack;
use crate::wire::value::Value;
use std::collections::VecDeque;
use std::fmt;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};
use zmq::{POLLIN, PollEvents, PollItem};

/// How long the stream may be quiet before it is asked whether anything is missing.
const QUIET: Duration = Duration::from_secs(2);
/// The same where there is no stream to be had.
const WITHOUT_STREAM: Duration = Duration::from_millis(500);
/// How soon it is asked for the first time after subscribing, which takes a moment that nobody is told of.
const SUBSCRIBED: Duration = Duration::from_millis(200);
/// How often it is looked whether the supervisor is back.
const LOOK: Duration = Duration::from_millis(250);
/// How many events are asked for at once.
const PAGE: u32 = 1000;
/// The longest event that is taken, in bytes.
const MAX_EVENT: i64 = 1 << 20;
/// How many events wait in libzmq for us; with more, there is a gap, and it is filled.
const QUEUE: i32 = 10_000;

/// What there is to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// An event.
    Event(Value),
    /// So many events are no longer held.
    Lost(u64),
    /// The number to begin after was never reached: from here on it is everything that is held.
    Beyond,
    /// The supervisor is another one, with this run.
    NewRun(String),
    /// The supervisor is gone, or does not answer, in these words.
    Gone(String),
    /// There is a supervisor again.
    Back,
}

/// How long events are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Up to those that are there now. That the supervisor ends is an error.
    Held,
    /// Whatever comes. That the supervisor ends is news.
    Everything,
}

/// The events of a supervisor.
pub struct Feed {
    endpoint: Endpoint,
    line: Option<Line>,
    sequencer: Sequencer,
    signals: Signals,
    ask_at: Instant,
    news: VecDeque<News>,
    reach: Reach,
}

/// What there is as long as there is a supervisor.
struct Line {
    client: Client,
    stream: Option<zmq::Socket>,
}

impl Feed {
    /// Subscribes, if it is to go on, and asks for what is held after an event; see [`Sequencer::new`].
    ///
    /// # Errors
    /// No supervisor, or one that refuses.
    pub fn open(client: Client, since: Option<u64>, reach: Reach, signals: Signals) -> Result<Self, Failure> {
        let endpoint = client.endpoint().clone();
        let line = Some(Line::open(client, reach, &signals)?);
        let (sequencer, news) = (Sequencer::new(since), VecDeque::new());
        let ask_at = Instant::now();
        let mut feed = Self { endpoint, line, sequencer, signals, ask_at, news, reach: Reach::Held };
        feed.fill()?;
        feed.reach = reach;
        feed.ask_at = Instant::now() + SUBSCRIBED;
        Ok(feed)
    }

    /// The next piece of news, if there is one.
    pub fn next(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// What asks to end.
    pub fn signals(&mut self) -> &mut Signals {
        &mut self.signals
    }

    /// Asks something else on the same connection; `None` as long as there is no supervisor.
    ///
    /// # Errors
    /// A refusal.
    pub fn request(&mut self, call: &Call) -> Result<Option<Value>, Failure> {
        let Some(line) = &mut self.line else { return Ok(None) };
        match line.client.request(call) {
            Ok(reply) => Ok(Some(reply)),
            Err(failure) => self.survive(failure).map(|()| None),
        }
    }

    /// Waits for events, signals and what else is given, at most this long, and takes what has come. Returns which of
    /// the others are ready.
    ///
    /// # Errors
    /// A refusal; the end of the supervisor is news and no error.
    pub fn wait(&mut self, others: &[(RawFd, PollEvents)], timeout: Duration) -> Result<Vec<bool>, Failure> {
        let until_asked = self.ask_at.saturating_duration_since(Instant::now());
        let ready = {
            let stream = self.line.as_ref().and_then(|line| line.stream.as_ref());
            let others = others.iter().map(|(descriptor, events)| PollItem::from_fd(*descriptor, *events));
            let mut items: Vec<PollItem<'_>> = others.collect();
            let given = items.len();
            items.push(PollItem::from_fd(self.signals.descriptor(), POLLIN));
            items.extend(stream.map(|stream| stream.as_poll_item(POLLIN)));
            items.extend(self.line.as_ref().map(|line| line.client.line_item()));
            client::poll(&mut items, timeout.min(until_asked))?;
            items.iter().take(given).map(|item| !item.get_revents().is_empty()).collect()
        };
        self.signals.clear();
        // Before its end is noticed: what was published last is there already.
        self.take_stream()?;
        if let Some(Err(failure)) = self.line.as_mut().map(|line| line.client.notice_end()) {
            self.survive(failure)?;
        }
        if Instant::now() >= self.ask_at {
            if self.line.is_some() { self.fill()? } else { self.look()? }
        }
        Ok(ready)
    }

    /// Takes what the stream has brought.
    fn take_stream(&mut self) -> Result<(), Failure> {
        while let Some(event) = self.line.as_ref().and_then(|line| line.stream.as_ref()).and_then(receive) {
            let run = event.get("run").and_then(Value::text);
            let verdict = match (run, event.get("seq").and_then(Value::as_u64)) {
                (Some(run), Some(seq)) => self.sequencer.offer(run, seq),
                // What is not numbered cannot be missed either.
                (Some(_) | None, Some(_) | None) => Verdict::Next,
            };
            match verdict {
                Verdict::Next => self.news.push_back(News::Event(event)),
                Verdict::Known => {}
                Verdict::Ask => return self.fill(),
            }
            self.ask_at = Instant::now() + QUIET;
        }
        Ok(())
    }

    /// Asks for what is missing.
    fn fill(&mut self) -> Result<(), Failure> {
        loop {
            let Some(line) = &mut self.line else { return Ok(()) };
            let quiet = if line.stream.is_some() { QUIET } else { WITHOUT_STREAM };
            let mut call = Call::new("events").with("since", self.sequencer.last()).with("limit", PAGE);
            if let Some(run) = self.sequencer.run() {
                call = call.with("run", run);
            }
            self.ask_at = Instant::now() + quiet;
            let reply = match line.client.request(&call) {
                Ok(reply) => reply,
                Err(failure) => return self.survive(failure),
            };
            if !self.take_answer(&reply) {
                return Ok(());
            }
        }
    }

    /// Takes an answer to `events`; whether there is more to ask for.
    fn take_answer(&mut self, reply: &Value) -> bool {
        let number = |key: &str| reply.get(key).and_then(Value::as_u64).unwrap_or(0);
        let run = reply.get("run").and_then(Value::text).unwrap_or("");
        let events = reply.get("events").and_then(Value::as_array).unwrap_or_default();
        let seq = |event: &Value| event.get("seq").and_then(Value::as_u64);
        let brought = events.iter().filter_map(seq).max();
        let filled = self.sequencer.fill(run, number("oldest"), number("latest"), brought);
        if filled.new_run {
            self.news.push_back(News::NewRun(run.to_string()));
        }
        if filled.beyond {
            self.news.push_back(News::Beyond);
            return filled.more;
        }
        if filled.lost > 0 {
            self.news.push_back(News::Lost(filled.lost));
        }
        let new = events.iter().filter(|event| seq(event).is_some_and(|seq| seq > filled.known));
        self.news.extend(new.cloned().map(News::Event));
        filled.more
    }

    /// Makes news of the end of the supervisor. Everything else stays an error.
    fn survive(&mut self, failure: Failure) -> Result<(), Failure> {
        if self.reach == Reach::Held {
            return Err(failure);
        }
        match failure {
            Failure::NoSupervisor(_) | Failure::NotInTime(_) | Failure::Failed(_) => {
                self.line = None;
                self.ask_at = Instant::now() + LOOK;
                self.news.push_back(News::Gone(failure.to_string()));
                Ok(())
            }
            Failure::Usage(_)
            | Failure::NoSuch(_)
            | Failure::Refused(_)
            | Failure::Output(_)
            | Failure::Interrupted => Err(failure),
        }
    }

    /// Looks whether there is a supervisor again.
    fn look(&mut self) -> Result<(), Failure> {
        self.ask_at = Instant::now() + LOOK;
        if !matches!(self.endpoint.probe(), Ok(Presence::There)) {
            return Ok(());
        }
        let line =
            Client::connect(&self.endpoint).and_then(|client| Line::open(client, self.reach, &self.signals));
        match line {
            Ok(line) => {
                self.line = Some(line);
                self.news.push_back(News::Back);
                self.fill()?;
                self.ask_at = self.ask_at.min(Instant::now() + SUBSCRIBED);
                Ok(())
            }
            Err(Failure::Refused(refusal)) => Err(Failure::Refused(refusal)),
            Err(Failure::Interrupted) => Err(Failure::Interrupted),
            // It went as it came: the next look will tell.
            Err(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Line {
    fn open(mut client: Client, reach: Reach, signals: &Signals) -> Result<Self, Failure> {
        client.interrupted_by(signals.ended_flag());
        if reach == Reach::Held {
            return Ok(Self { client, stream: None });
        }
        let info = client.request(&Call::new("info"))?;
        // Everything: only without gaps of our own making can a gap be seen.
        let subscribed = |endpoint| subscribe(&endpoint, &[String::new()]);
        let stream = endpoint_of("events", &info, client.endpoint()).map(subscribed).transpose()?;
        Ok(Self { client, stream })
    }
}

/// The number of the latest event that there is.
///
/// # Errors
/// Those of [`Client::request`].
pub fn latest(client: &mut Client) -> Result<u64, Failure> {
    // After the greatest number there is none, and the reply says how far it got.
    let reply = client.request(&Call::new("events").with("since", i64::MAX))?;
    let latest = reply.get("latest").and_then(Value::as_u64);
    latest.ok_or_else(|| {
        Failure::Failed("the reply to 'events' has no 'latest', which is of no use".to_string())
    })
}

/// The endpoint to subscribe at for what one of the sockets publishes: one that is reached in the same way as the one for requests, if there is one that
/// answers.
pub fn endpoint_of(socket: &str, info: &Value, asked_at: &Endpoint) -> Option<Endpoint> {
    let endpoints = info.get("endpoints").and_then(Value::as_array).unwrap_or_default();
    let of_socket =
        endpoints.iter().filter(|entry| entry.get("socket").and_then(Value::text) == Some(socket));
    let mut usable: Vec<Endpoint> = of_socket
        .filter_map(|entry| Endpoint::parse(entry.get("endpoint")?.text()?).ok())
        .filter(|endpoint| matches!(endpoint.probe(), Ok(Presence::There)))
        .collect();
    usable.sort_by_key(|endpoint| endpoint.is_network() != asked_at.is_network());
    usable.into_iter().next()
}

/// Subscribes to topics at an endpoint.
///
/// # Errors
/// The endpoint and the system's words.
pub fn subscribe(endpoint: &Endpoint, topics: &[String]) -> Result<zmq::Socket, Failure> {
    let keys = Keys::of_environment(endpoint)?;
    let subscribed = || -> Result<zmq::Socket, zmq::Error> {
        let socket = zmq::Context::new().socket(zmq::SUB)?;
        socket.set_linger(0)?;
        socket.set_maxmsgsize(MAX_EVENT)?;
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

/// The next message of a stream; what is none is passed over.
pub fn receive(stream: &zmq::Socket) -> Option<Value> {
    loop {
        let frames = stream.recv_multipart(zmq::DONTWAIT).ok()?;
        let event = frames.get(1).and_then(|frame| msgpack::decode(frame).ok());
        if let Some(event) = event.filter(|event| event.as_map().is_some()) {
            return Some(event);
        }
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
