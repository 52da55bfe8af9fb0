//! Where output comes from: what is held by `tail`, and what comes over the stream of output.
//!
//! The stream is subscribed to first and what is held is asked for then, so that nothing falls between. A stream that is
//! quiet is asked after now and then: the last piece before the quiet may be the one that was missed. When the logger
//! dies, nothing is noticed but a gap, which is filled.

use super::place::{Place, Verdict};
use super::printer::Whose;
use crate::cli::client::{Call, Client};
use crate::cli::exit::Failure;
use crate::cli::filter::Filter;
use crate::cli::signals::Signals;
use crate::cli::uplink::{Gone, QUIET, SUBSCRIBED, Uplink, WITHOUT_STREAM};
use crate::core::log::OutputSource;
use crate::wire::value::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::RawFd;
use std::time::Duration;
use zmq::PollEvents;

/// For so many streams that are asked after; for more it may be quiet longer.
const FEW: u32 = 64;

/// More bytes than are held of any stream.
const ALL: u32 = u32::MAX;

/// A stream of output.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Of {
    /// The program.
    pub program: String,
    /// Which of its instances.
    pub instance: u32,
    /// Which of its streams.
    pub source: OutputSource,
}

/// What there is to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Something was printed.
    Output {
        /// By whom.
        of: Of,
        /// What.
        data: Vec<u8>,
    },
    /// So many bytes are no longer held.
    Missed {
        /// Of what.
        of: Of,
        /// How many.
        bytes: u64,
    },
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

/// The output of several instances.
pub struct Follower {
    uplink: Uplink<News>,
    selectors: Vec<String>,
    filter: Filter,
    sources: Vec<OutputSource>,
    /// The run of the supervisor.
    run: String,
    places: BTreeMap<Of, Place>,
}

impl Follower {
    /// Finds out which instances there are.
    ///
    /// # Errors
    /// Nothing that was named, no supervisor.
    pub fn open(
        client: Client,
        selectors: &[String],
        sources: Vec<OutputSource>,
        signals: Signals,
    ) -> Result<Self, Failure> {
        let mut follower = Self {
            uplink: Uplink::new(client, signals),
            selectors: selectors.to_vec(),
            filter: Filter::new(selectors),
            sources,
            run: String::new(),
            places: BTreeMap::new(),
        };
        // Before anything is read: what is read is of this run.
        follower.run = follower.uplink.ask(&Call::new("info"))?.as_ref().map(run_of).unwrap_or_default();
        follower.find_instances()?;
        if follower.places.is_empty() {
            let names = follower.selectors.join(", ");
            return Err(Failure::NoSuch(format!(
                "there is no instance of {names}; 'procnanny status' lists what there is"
            )));
        }
        Ok(follower)
    }

    /// Whether the output is of more than one instance, or may come to be.
    pub fn shows_several(&self) -> Whose {
        let mut instances: Vec<_> = self.places.keys().map(|of| (&of.program, of.instance)).collect();
        instances.dedup();
        if instances.len() > 1 { Whose::Said } else { Whose::Known }
    }

    /// The next piece of news, if there is one.
    pub fn next(&mut self) -> Option<News> {
        self.uplink.next()
    }

    /// Whether somebody asked to end.
    pub fn is_told_to_end(&self) -> bool {
        self.uplink.is_told_to_end()
    }

    /// Takes what is held, or the last lines of it.
    ///
    /// # Errors
    /// Nothing of it is captured.
    pub fn begin(&mut self, lines: Option<usize>) -> Result<(), Failure> {
        let mut refusals = Vec::new();
        let all: Vec<Of> = self.places.keys().cloned().collect();
        for of in all {
            match self.ask_tail(&of, ALL) {
                Ok(Some((offset, data))) => {
                    if let Some(place) = self.places.get_mut(&of) {
                        place.fill(offset, data.len());
                    }
                    let data = beginning(offset, data, lines);
                    self.uplink.tell(News::Output { of, data });
                }
                Ok(None) => {}
                // What is not captured is not shown; it may be at the next start.
                Err(Failure::Refused(refusal)) if refusal.code == "failed" => {
                    refusals.push(Failure::Refused(refusal));
                }
                Err(failure) => return Err(failure),
            }
        }
        if refusals.len() < self.places.len() {
            return Ok(());
        }
        match refusals.into_iter().next() {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    /// Subscribes to what comes.
    ///
    /// # Errors
    /// A refusal; the end of the supervisor is news and no error.
    pub fn subscribe(&mut self) -> Result<(), Failure> {
        self.uplink.ask_in(SUBSCRIBED);
        let subscribed = self.try_subscribe();
        subscribed.or_else(|failure| self.uplink.survive(failure))
    }

    fn try_subscribe(&mut self) -> Result<(), Failure> {
        let Some(info) = self.uplink.ask(&Call::new("info"))? else { return Ok(()) };
        let topics: Vec<String> = self.selectors.iter().map(|selector| topic(selector)).collect();
        self.uplink.listen("output", &info, &topics)?;
        let run = run_of(&info);
        if self.run != run {
            self.run = run;
            self.places.values_mut().for_each(Place::begin_anew);
        }
        Ok(())
    }

    /// Waits for news, for something to be read from one of `others`, for a signal, or until the time is over, and takes
    /// the news in. Returns which of `others` are ready.
    ///
    /// # Errors
    /// A refusal; the end of the supervisor is news and no error.
    pub fn wait(&mut self, others: &[(RawFd, PollEvents)], timeout: Duration) -> Result<Vec<bool>, Failure> {
        let ready = self.uplink.wait(others, timeout)?;
        self.take_stream()?;
        self.uplink.notice_end()?;
        if self.uplink.is_due() {
            if self.uplink.is_up() { self.look_after()? } else { self.look()? }
        }
        Ok(ready)
    }

    /// Takes what the stream has brought.
    fn take_stream(&mut self) -> Result<(), Failure> {
        while let Some(piece) = self.uplink.receive() {
            self.uplink.ask_in(self.quiet());
            let Some((of, offset, data)) = read(&piece) else { continue };
            if !self.filter.admits(&piece) || !self.sources.contains(&of.source) {
                continue;
            }
            let place = self.places.entry(of.clone()).or_insert_with(|| {
                // One that came to be since.
                let mut place = Place::default();
                place.begin_anew();
                place
            });
            match place.offer(offset, data.len()) {
                Verdict::New(from) => {
                    let data = data.get(from..).unwrap_or_default().to_vec();
                    self.uplink.tell(News::Output { of, data });
                }
                Verdict::Known => {}
                Verdict::Ask => self.fill(&of)?,
            }
        }
        Ok(())
    }

    /// Asks for what is held of a stream, and takes what is new.
    fn fill(&mut self, of: &Of) -> Result<(), Failure> {
        let (offset, data) = match self.ask_tail(of, ALL) {
            Ok(Some(held)) => held,
            Ok(None) => return Ok(()),
            // It is gone, or is not captured any more.
            Err(Failure::Refused(_)) => return Ok(()),
            Err(failure) => return self.uplink.survive(failure),
        };
        let Some(place) = self.places.get_mut(of) else { return Ok(()) };
        let held = place.fill(offset, data.len());
        if held.missed > 0 {
            self.uplink.tell(News::Missed { of: of.clone(), bytes: held.missed });
        }
        let new = data.get(held.from..).unwrap_or_default();
        if !new.is_empty() {
            self.uplink.tell(News::Output { of: of.clone(), data: new.to_vec() });
        }
        Ok(())
    }

    fn ask_tail(&mut self, of: &Of, bytes: u32) -> Result<Option<(u64, Vec<u8>)>, Failure> {
        let call = Call::new("tail")
            .with("program", of.program.as_str())
            .with("instance", of.instance)
            .with("source", of.source.as_str())
            .with("bytes", bytes);
        let Some(reply) = self.uplink.ask(&call)? else { return Ok(None) };
        let offset = reply.get("offset").and_then(Value::as_u64);
        let data = reply.get("data").and_then(Value::as_bytes);
        Ok(offset.zip(data).map(|(offset, data)| (offset, data.to_vec())))
    }

    /// It has been quiet for a while: looks whether anything was missed, and who is new.
    fn look_after(&mut self) -> Result<(), Failure> {
        let has_stream = self.uplink.has_stream();
        let looked = if has_stream { self.find_instances() } else { self.find_again() };
        match looked {
            Ok(()) => {}
            // All that was named is gone, and may come back.
            Err(Failure::Refused(refusal)) if refusal.code != "forbidden" => {}
            Err(failure) => return self.uplink.survive(failure),
        }
        self.uplink.ask_in(if has_stream { self.quiet() } else { WITHOUT_STREAM });
        let all: Vec<Of> = self.places.keys().cloned().collect();
        for of in &all {
            if !self.is_up_to_date(of)? {
                self.fill(of)?;
            }
        }
        Ok(())
    }

    /// Whether all was read that there is of a stream.
    fn is_up_to_date(&mut self, of: &Of) -> Result<bool, Failure> {
        match self.ask_tail(of, 0) {
            Ok(Some((end, _))) => Ok(self.places.get(of).is_some_and(|place| place.is_at(end))),
            // It is gone, or is not captured any more; or there is nobody who could be asked.
            Ok(None) | Err(Failure::Refused(_)) => Ok(true),
            Err(failure) => self.uplink.survive(failure).map(|()| true),
        }
    }

    fn find_again(&mut self) -> Result<(), Failure> {
        self.try_subscribe()?;
        self.find_instances()
    }

    /// Finds out which instances there are, and forgets those that are no more.
    fn find_instances(&mut self) -> Result<(), Failure> {
        let call = Call::new("list").selecting(&self.selectors);
        let Some(reply) = self.uplink.ask(&call)? else { return Ok(()) };
        let rows = reply.get("instances").and_then(Value::as_array).unwrap_or_default();
        let is_first = self.places.is_empty();
        let mut before = std::mem::take(&mut self.places);
        for (program, instance) in rows.iter().filter_map(named) {
            for source in &self.sources {
                let of = Of { program: program.clone(), instance, source: *source };
                let mut place = before.remove(&of).unwrap_or_default();
                if place == Place::default() && !is_first {
                    place.begin_anew();
                }
                self.places.insert(of, place);
            }
        }
        Ok(())
    }

    fn quiet(&self) -> Duration {
        let streams = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        QUIET * (streams / FEW).max(1)
    }

    /// Looks whether there is a supervisor again.
    fn look(&mut self) -> Result<(), Failure> {
        if !self.uplink.look() {
            return Ok(());
        }
        self.uplink.tell(News::Back);
        self.subscribe()
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("endpoint", self.uplink.endpoint()).finish_non_exhaustive()
    }
}

fn run_of(info: &Value) -> String {
    info.get("run").and_then(Value::text).unwrap_or("").to_string()
}

/// What is shown at the beginning: the last lines, or all; of a line whose beginning is not held any more nothing.
fn beginning(offset: u64, mut data: Vec<u8>, lines: Option<usize>) -> Vec<u8> {
    let newline = |byte: &u8| *byte == b'\n';
    if offset > 0 {
        let first = data.iter().position(newline).map_or(0, |at| at + 1);
        data.drain(..first);
    }
    let Some(lines) = lines else { return data };
    // The end of the last line parts no lines.
    let whole = data.strip_suffix(b"\n").unwrap_or(&data);
    let before =
        whole.iter().rev().enumerate().filter(|(_, byte)| newline(byte)).nth(lines.saturating_sub(1));
    let first = match (lines, before) {
        (0, _) => data.len(),
        (_, Some((from_the_end, _))) => whole.len() - from_the_end,
        (_, None) => 0,
    };
    data.split_off(first)
}

/// The topic to subscribe to for a selector: all that it may select begins with it.
fn topic(selector: &str) -> String {
    let literal = selector.split(['*', '?', '[']).next().unwrap_or("");
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let ends = match selector.rsplit_once('/') {
        Some((_, "*")) => "",
        Some((_, number)) if is_number(number) && literal == selector => "/",
        Some(_) => "",
        None if literal == selector => "/",
        None => "",
    };
    format!("output/{literal}{ends}")
}

/// Whose a piece is, the number of its first byte, and its bytes.
fn read(piece: &Value) -> Option<(Of, u64, &[u8])> {
    let (program, instance) = named(piece)?;
    let source = piece.get("source").and_then(Value::text).and_then(OutputSource::parse)?;
    let offset = piece.get("offset").and_then(Value::as_u64)?;
    Some((Of { program, instance, source }, offset, piece.get("data").and_then(Value::as_bytes)?))
}

fn named(row: &Value) -> Option<(String, u32)> {
    let program = row.get("program").and_then(Value::text)?.to_string();
    Some((program, row.get("instance").and_then(Value::as_u64)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(offset: u64, data: &str, lines: Option<usize>) -> String {
        String::from_utf8(beginning(offset, data.as_bytes().to_vec(), lines)).unwrap()
    }

    #[test]
    fn the_last_lines_are_whole() {
        assert_eq!(shown(0, "a\nb\nc\n", None), "a\nb\nc\n");
        assert_eq!(shown(7, "a\nb\nc", None), "b\nc");
        assert_eq!(shown(7, "no end", None), "no end");
        for (lines, expected) in [(0, ""), (1, "c\n"), (2, "b\nc\n"), (3, "a\nb\nc\n"), (9, "a\nb\nc\n")] {
            assert_eq!(shown(0, "a\nb\nc\n", Some(lines)), expected, "{lines}");
        }
        assert_eq!(shown(0, "a\nb", Some(1)), "b");
        assert_eq!(shown(0, "", Some(1)), "");
        assert_eq!(shown(0, "\n\n", Some(1)), "\n");
    }

    #[test]
    fn topics_admit_what_selectors_do() {
        for (selector, expected) in [
            ("web", "output/web/"),
            ("web/3", "output/web/3/"),
            ("web/*", "output/web/"),
            ("w*", "output/w"),
            ("w?b/3", "output/w"),
            ("*", "output/"),
        ] {
            assert_eq!(topic(selector), expected);
        }
    }
}
