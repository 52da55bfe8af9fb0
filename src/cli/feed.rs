//! The events of a supervisor, in order and each once, for as long as somebody wants them: over its end, too.
//!
//! The stream is subscribed to first and what is held is asked for then, so that nothing falls between. A stream that
//! is quiet is asked after now and then: the last event before the quiet may be the one that was missed.

use super::client::{Call, Client};
use super::exit::Failure;
use super::sequencer::{Sequencer, Verdict};
use super::signals::Signals;
use super::uplink::{Gone, QUIET, SUBSCRIBED, Uplink, WITHOUT_STREAM};
use crate::wire::value::Value;
use std::fmt;
use std::os::fd::RawFd;
use std::time::Duration;
use zmq::PollEvents;

/// How many events are asked for at once.
const PAGE: u32 = 1000;

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

impl From<Gone> for News {
    fn from(gone: Gone) -> Self {
        News::Gone(gone.0)
    }
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
    uplink: Uplink<News>,
    sequencer: Sequencer,
    reach: Reach,
}

impl Feed {
    /// Subscribes, if it is to go on, and asks for what is held after an event; see [`Sequencer::new`].
    ///
    /// # Errors
    /// No supervisor, or one that refuses.
    pub fn open(client: Client, since: Option<u64>, reach: Reach, signals: Signals) -> Result<Self, Failure> {
        let uplink = Uplink::new(client, signals);
        let mut feed = Self { uplink, sequencer: Sequencer::new(since), reach };
        feed.subscribe()?;
        // Until then its end is an error.
        feed.reach = Reach::Held;
        feed.fill()?;
        feed.reach = reach;
        feed.uplink.ask_in(SUBSCRIBED);
        Ok(feed)
    }

    /// The next piece of news, if there is one.
    pub fn next(&mut self) -> Option<News> {
        self.uplink.next()
    }

    /// What asks to end.
    pub fn signals(&mut self) -> &mut Signals {
        self.uplink.signals()
    }

    /// Asks something else on the same connection; `None` as long as there is no supervisor.
    ///
    /// # Errors
    /// A refusal.
    pub fn request(&mut self, call: &Call) -> Result<Option<Value>, Failure> {
        let reply = self.uplink.ask(call);
        reply.or_else(|failure| self.survive(failure).map(|()| None))
    }

    /// Waits for events, signals and what else is given, at most this long, and takes what has come. Returns which of
    /// the others are ready.
    ///
    /// # Errors
    /// A refusal; the end of the supervisor is news and no error.
    pub fn wait(&mut self, others: &[(RawFd, PollEvents)], timeout: Duration) -> Result<Vec<bool>, Failure> {
        let ready = self.uplink.wait(others, timeout)?;
        self.take_stream()?;
        self.uplink.notice_end()?;
        if self.uplink.is_due() {
            if self.uplink.is_up() { self.fill()? } else { self.look()? }
        }
        Ok(ready)
    }

    fn subscribe(&mut self) -> Result<(), Failure> {
        if self.reach == Reach::Held {
            return Ok(());
        }
        let Some(info) = self.uplink.ask(&Call::new("info"))? else { return Ok(()) };
        // Everything: only without gaps of our own making can a gap be seen.
        self.uplink.listen("events", &info, &[String::new()])
    }

    /// Takes what the stream has brought.
    fn take_stream(&mut self) -> Result<(), Failure> {
        while let Some(event) = self.uplink.receive() {
            let run = event.get("run").and_then(Value::text);
            let verdict = match (run, event.get("seq").and_then(Value::as_u64)) {
                (Some(run), Some(seq)) => self.sequencer.offer(run, seq),
                // What is not numbered cannot be missed either.
                (Some(_) | None, Some(_) | None) => Verdict::Next,
            };
            match verdict {
                Verdict::Next => self.uplink.tell(News::Event(event)),
                Verdict::Known => {}
                Verdict::Ask => return self.fill(),
            }
            self.uplink.ask_in(QUIET);
        }
        Ok(())
    }

    /// Asks for what is missing.
    fn fill(&mut self) -> Result<(), Failure> {
        loop {
            let mut call = Call::new("events").with("since", self.sequencer.last()).with("limit", PAGE);
            if let Some(run) = self.sequencer.run() {
                call = call.with("run", run);
            }
            self.uplink.ask_in(if self.uplink.has_stream() { QUIET } else { WITHOUT_STREAM });
            match self.uplink.ask(&call) {
                Ok(Some(reply)) if self.take_answer(&reply) => {}
                Ok(Some(_) | None) => return Ok(()),
                Err(failure) => return self.survive(failure),
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
            self.uplink.tell(News::NewRun(run.to_string()));
        }
        if filled.beyond {
            self.uplink.tell(News::Beyond);
            return filled.more;
        }
        if filled.lost > 0 {
            self.uplink.tell(News::Lost(filled.lost));
        }
        for event in events.iter().filter(|event| seq(event).is_some_and(|seq| seq > filled.known)) {
            self.uplink.tell(News::Event(event.clone()));
        }
        filled.more
    }

    /// Makes news of the end of the supervisor. Everything else stays an error.
    fn survive(&mut self, failure: Failure) -> Result<(), Failure> {
        match self.reach {
            Reach::Held => Err(failure),
            Reach::Everything => self.uplink.survive(failure),
        }
    }

    /// Looks whether there is a supervisor again.
    fn look(&mut self) -> Result<(), Failure> {
        if !self.uplink.look() {
            return Ok(());
        }
        match self.subscribe() {
            Ok(()) => {
                self.uplink.tell(News::Back);
                self.fill()?;
                self.uplink.ask_within(SUBSCRIBED);
                Ok(())
            }
            Err(failure @ (Failure::Refused(_) | Failure::Interrupted)) => Err(failure),
            Err(_) => {
                // It went as it came: the next look will tell.
                self.uplink.hang_up();
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("endpoint", self.uplink.endpoint()).finish_non_exhaustive()
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

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
