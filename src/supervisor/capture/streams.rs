//! Which instance has which streams, and what the logger is still to be told of each. Nothing in here talks to it.
//!
//! Invariants: a number is given to one stream at a time, and again only when the logger has let go of it; a stream
//! waits to be told of at most once, so that what waits is bounded by the number of streams.

use super::Totals;
use crate::core::ids::InstanceKey;
use crate::core::log::{OutputSource, StreamId};
use crate::core::program::Output;
use crate::sys::log_memory::{LogMemory, MOST_STREAMS};
use crate::sys::pipe::{self, Pipe};
use crate::wire::log_channel::Route;
use nix::errno::Errno;
use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;

/// How many markers wait for one stream while the logger does not listen; of more, the oldest are given up.
const MOST_MARKERS: usize = 32;

/// All streams.
#[derive(Debug, Default)]
pub struct Streams {
    /// By their numbers.
    streams: Vec<Option<Stream>>,
    free: Vec<StreamId>,
    by_instance: HashMap<InstanceKey, [Option<StreamId>; 2]>,
    /// Those of which there is something to be told.
    untold: VecDeque<StreamId>,
    /// What became of the output of streams that are no more.
    former: Totals,
}

#[derive(Debug)]
struct Stream {
    owner: Owner,
    /// The setting that it was opened by.
    output: Output,
    reader: OwnedFd,
    /// Nothing once no process of ours is given it any more.
    writer: Option<OwnedFd>,
    told: Told,
    is_untold: bool,
    markers: VecDeque<Marker>,
    /// Why it cannot be written, as long as it cannot.
    trouble: Option<Box<str>>,
}

/// A line among the output of a stream that is none of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// What it says.
    pub words: String,
    /// After how many bytes it stands.
    pub after: u64,
}

/// Whose a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// That of an instance.
    Instance(InstanceKey, OutputSource),
    /// That of one which does not use it any more, as the logger knows it. A process may still hold it.
    Former(Box<Route>),
}

/// What the logger was told of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing.
    Nothing,
    /// That it is there.
    Open,
    /// That it is there, and something that does not hold any more.
    Outdated,
    /// That nothing more comes of us.
    Closed,
}

/// What the logger is to be told of a stream next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// That it is there.
    Open,
    /// That it goes elsewhere, or otherwise.
    Change,
    /// A marker.
    Mark(Marker),
    /// That nothing more comes of us.
    Close,
}

impl Stream {
    fn next(&self) -> Option<Say> {
        match (self.told, self.markers.front(), &self.owner) {
            (Told::Nothing, ..) => Some(Say::Open),
            (Told::Outdated, ..) => Some(Say::Change),
            (Told::Open, Some(marker), _) => Some(Say::Mark(marker.clone())),
            (Told::Open, None, Owner::Former(_)) => Some(Say::Close),
            (Told::Open, None, Owner::Instance(..)) | (Told::Closed, ..) => None,
        }
    }
}

impl Streams {
    /// Makes a stream.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`; `ENOSPC` when there are as many as there can be.
    pub fn open(&mut self, key: InstanceKey, source: OutputSource, output: Output) -> Result<(), Errno> {
        let Pipe { reader, writer } = pipe::new()?;
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                let next = u32::try_from(self.streams.len()).ok().filter(|next| *next < MOST_STREAMS);
                let next = next.ok_or(Errno::ENOSPC)?;
                self.streams.push(None);
                StreamId(next)
            }
        };
        let stream = Stream {
            owner: Owner::Instance(key, source),
            output,
            reader,
            writer: Some(writer),
            told: Told::Nothing,
            is_untold: false,
            markers: VecDeque::new(),
            trouble: None,
        };
        if let Some(place) = self.streams.get_mut(id.0 as usize) {
            *place = Some(stream);
        }
        if let Some(place) = self.by_instance.entry(key).or_default().get_mut(source as usize) {
            *place = Some(id);
        }
        self.has_news(id);
        Ok(())
    }

    /// The stream of an instance; `None` if it has none.
    pub fn id_of(&self, key: InstanceKey, source: OutputSource) -> Option<StreamId> {
        self.by_instance.get(&key)?.get(source as usize).copied().flatten()
    }

    /// All of them.
    pub fn ids(&self) -> impl Iterator<Item = StreamId> {
        (0..).map(StreamId).zip(&self.streams).filter(|(_, stream)| stream.is_some()).map(|(id, _)| id)
    }

    fn get(&self, id: StreamId) -> Option<&Stream> {
        self.streams.get(id.0 as usize)?.as_ref()
    }

    fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.streams.get_mut(id.0 as usize)?.as_mut()
    }

    /// Whose a stream is.
    pub fn owner(&self, id: StreamId) -> Option<&Owner> {
        self.get(id).map(|stream| &stream.owner)
    }

    /// The setting that a stream was opened by.
    pub fn output(&self, id: StreamId) -> Option<&Output> {
        self.get(id).map(|stream| &stream.output)
    }

    /// The end that the logger reads.
    pub fn reader(&self, id: StreamId) -> Option<BorrowedFd<'_>> {
        self.get(id).map(|stream| stream.reader.as_fd())
    }

    /// The end that processes of an instance are given.
    pub fn writer(&self, key: InstanceKey, source: OutputSource) -> Option<BorrowedFd<'_>> {
        self.get(self.id_of(key, source)?)?.writer.as_ref().map(AsFd::as_fd)
    }

    /// Notes why a stream cannot be written, or that it can; what was noted before is returned.
    pub fn set_trouble(&mut self, id: StreamId, trouble: Option<Box<str>>) -> Option<Box<str>> {
        let stream = self.get_mut(id)?;
        std::mem::replace(&mut stream.trouble, trouble)
    }

    /// Why a stream cannot be written, as long as it cannot.
    pub fn trouble(&self, id: StreamId) -> Option<&str> {
        self.get(id)?.trouble.as_deref()
    }

    /// A stream is opened by another setting from now on, if it is another.
    pub fn redirect(&mut self, id: StreamId, output: &Output) {
        let Some(stream) = self.get_mut(id).filter(|stream| stream.output != *output) else { return };
        stream.output = output.clone();
        self.outdate(id);
    }

    /// What the logger was told of a stream does not hold any more.
    pub fn outdate(&mut self, id: StreamId) {
        let Some(stream) = self.get_mut(id) else { return };
        if stream.told == Told::Open {
            stream.told = Told::Outdated;
            self.has_news(id);
        }
    }

    /// Has a line written among the output of a stream.
    pub fn mark(&mut self, id: StreamId, marker: Marker) {
        let Some(stream) = self.get_mut(id) else { return };
        if stream.markers.len() >= MOST_MARKERS {
            stream.markers.pop_front();
        }
        stream.markers.push_back(marker);
        self.has_news(id);
    }

    /// An instance does not use a stream any more. The reading end is kept until the logger has let go of it: should it
    /// die before that, the next one reads on.
    pub fn close(&mut self, id: StreamId, route: Route) {
        let Some(stream) = self.get_mut(id) else { return };
        stream.writer = None;
        let owner = std::mem::replace(&mut stream.owner, Owner::Former(Box::new(route)));
        if let Owner::Instance(key, source) = owner
            && let Some(pair) = self.by_instance.get_mut(&key)
        {
            if let Some(place) = pair.get_mut(source as usize) {
                *place = None;
            }
            if *pair == [None, None] {
                self.by_instance.remove(&key);
            }
        }
        self.has_news(id);
    }

    /// No process is given any stream any more: the writing ends go, so that the pipes have an end.
    pub fn close_writers(&mut self) {
        self.streams.iter_mut().flatten().for_each(|stream| stream.writer = None);
    }

    /// The logger has let go of a stream.
    pub fn closed(&mut self, id: StreamId, memory: &LogMemory) {
        let Some(Stream { owner: Owner::Former(_), told: Told::Closed, .. }) = self.get(id) else { return };
        if let Some(place) = self.streams.get_mut(id.0 as usize) {
            *place = None;
        }
        if let Some(counters) = memory.counters(id.0) {
            self.former.taken += counters.taken.load(Ordering::Relaxed);
            self.former.written += counters.written.load(Ordering::Relaxed);
            self.former.dropped += counters.dropped.load(Ordering::Relaxed);
        }
        memory.clear(id.0);
        self.free.push(id);
    }

    /// What became of the output of streams that are no more.
    pub fn former(&self) -> Totals {
        self.former
    }

    /// The logger is another one: it knows nothing.
    pub fn untell(&mut self) {
        let ids: Vec<StreamId> = self.ids().collect();
        for id in ids {
            if let Some(stream) = self.get_mut(id) {
                stream.told = Told::Nothing;
            }
            self.has_news(id);
        }
    }

    fn has_news(&mut self, id: StreamId) {
        let Some(stream) = self.get_mut(id).filter(|stream| !stream.is_untold) else { return };
        stream.is_untold = true;
        self.untold.push_back(id);
    }

    /// Whether the logger is to be told anything.
    pub fn have_news(&self) -> bool {
        !self.untold.is_empty()
    }

    /// What the logger is to be told next.
    pub fn news(&mut self) -> Option<(StreamId, Say)> {
        loop {
            let id = *self.untold.front()?;
            match self.get(id).and_then(Stream::next) {
                Some(say) => return Some((id, say)),
                None => {
                    self.untold.pop_front();
                    if let Some(stream) = self.get_mut(id) {
                        stream.is_untold = false;
                    }
                }
            }
        }
    }

    /// The logger was told this.
    pub fn said(&mut self, id: StreamId, say: &Say) {
        let Some(stream) = self.get_mut(id) else { return };
        match say {
            Say::Open | Say::Change => stream.told = Told::Open,
            Say::Close => stream.told = Told::Closed,
            Say::Mark(_) => {
                stream.markers.pop_front();
                if stream.markers.is_empty() {
                    // Most have none; an empty one takes no memory.
                    stream.markers = VecDeque::new();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::{InstanceIndex, ProgramId};
    use crate::core::log::LogPolicy;
    use crate::wire::log_channel::Sink;

    const STDOUT: OutputSource = OutputSource::Stdout;

    fn key(index: u32) -> InstanceKey {
        InstanceKey { program: ProgramId(1), index: InstanceIndex(index) }
    }

    fn route() -> Route {
        let (program, policy) = ("web".to_string(), LogPolicy::default());
        Route { program, instance: 0, source: STDOUT, sink: Sink::Memory, policy }
    }

    fn marker(words: &str) -> Marker {
        Marker { words: words.to_string(), after: 0 }
    }

    fn opened(streams: &mut Streams, index: u32) -> StreamId {
        streams.open(key(index), STDOUT, Output::Log).unwrap();
        streams.id_of(key(index), STDOUT).unwrap()
    }

    /// All that there is to tell, told.
    fn told(streams: &mut Streams) -> Vec<(StreamId, Say)> {
        let next = |streams: &mut Streams| {
            let (id, say) = streams.news()?;
            streams.said(id, &say);
            Some((id, say))
        };
        std::iter::from_fn(|| next(streams)).collect()
    }

    #[test]
    fn a_stream_is_opened_changed_marked_and_closed_in_this_order() {
        let mut streams = Streams::default();
        let id = opened(&mut streams, 0);
        streams.mark(id, marker("started"));
        assert_eq!(told(&mut streams), [(id, Say::Open), (id, Say::Mark(marker("started")))]);
        assert!(!streams.have_news());
        streams.redirect(id, &Output::Log);
        assert_eq!(told(&mut streams), [], "it is the same");
        streams.redirect(id, &Output::Path("/x".to_string()));
        streams.outdate(id);
        assert_eq!(told(&mut streams), [(id, Say::Change)]);
        streams.mark(id, marker("ended"));
        streams.close(id, route());
        assert_eq!(streams.id_of(key(0), STDOUT), None);
        assert_eq!(told(&mut streams), [(id, Say::Mark(marker("ended"))), (id, Say::Close)]);
        assert_eq!(streams.owner(id), Some(&Owner::Former(Box::new(route()))));
    }

    #[test]
    fn a_number_is_free_only_when_the_logger_has_let_go_of_it() {
        let memory = LogMemory::create(16).unwrap();
        let mut streams = Streams::default();
        let first = opened(&mut streams, 0);
        told(&mut streams);
        streams.closed(first, &memory);
        assert_eq!(streams.id_of(key(0), STDOUT), Some(first), "nobody has closed it");
        streams.close(first, route());
        streams.closed(first, &memory);
        let second = opened(&mut streams, 0);
        assert_ne!(second, first, "the logger does not know yet that it is closed");
        told(&mut streams);
        memory.append(first.0, b"12345").unwrap();
        streams.closed(first, &memory);
        streams.closed(first, &memory);
        assert_eq!(streams.former(), Totals { taken: 5, ..Totals::default() });
        assert_eq!(opened(&mut streams, 1), first);
        assert_eq!(memory.tail(first.0, 16).unwrap().data, b"");
        assert_ne!(opened(&mut streams, 2), first);
    }

    #[test]
    fn another_logger_is_told_everything_anew() {
        let mut streams = Streams::default();
        let (open, closing) = (opened(&mut streams, 0), opened(&mut streams, 1));
        told(&mut streams);
        streams.close(closing, route());
        told(&mut streams);
        streams.untell();
        let expected = [(open, Say::Open), (closing, Say::Open), (closing, Say::Close)];
        assert_eq!(told(&mut streams), expected);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut streams = Streams::default();
        let id = opened(&mut streams, 0);
        for number in 0..10_000 {
            streams.mark(id, marker(&number.to_string()));
            streams.outdate(id);
        }
        assert_eq!(streams.untold.len(), 1);
        let told = told(&mut streams);
        assert_eq!(told.len(), 1 + MOST_MARKERS);
        assert_eq!(told.last(), Some(&(id, Say::Mark(marker("9999")))));
    }
}
