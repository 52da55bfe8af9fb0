//! What an instance printed between two moments, out of the memory that is shared with the logger.

use super::Capture;
use crate::core::ids::InstanceKey;
use crate::core::log::{OutputSource, StreamId, TAIL};

/// How much was printed to each stream of an instance by some moment, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Printed([Option<(StreamId, u64)>; 2]);

/// What was printed between two moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Between {
    /// It is not known yet: the logger has not come to the end of it.
    NotYet,
    /// The last of it; nothing where nothing was printed, or where it is not held any more.
    Known(Vec<u8>),
}

impl Printed {
    /// Whether there are no streams at all.
    pub fn is_nothing(&self) -> bool {
        self.0 == [None, None]
    }

    /// How much was printed to a stream by then; nothing to one that was another.
    fn to(&self, source: OutputSource, id: StreamId) -> u64 {
        let stream = self.0.get(source as usize).copied().flatten();
        stream.filter(|(known, _)| *known == id).map_or(0, |(_, printed)| printed)
    }
}

impl Capture {
    /// How much an instance has printed by now. What its pipes hold is counted, so that this costs a look at each.
    pub fn printed_by_now(&self, key: InstanceKey) -> Printed {
        Printed(OutputSource::ALL.map(|source| {
            let id = self.streams.id_of(key, source)?;
            Some((id, self.printed(id)))
        }))
    }

    /// The last bytes that an instance printed between two moments to its standard error or, if that is nothing, to its
    /// standard output: so many at the most.
    pub fn last_between(&self, key: InstanceKey, from: &Printed, to: &Printed, most: usize) -> Between {
        for source in [OutputSource::Stderr, OutputSource::Stdout] {
            let Some(id) = self.streams.id_of(key, source) else { continue };
            let (begin, end) = (from.to(source, id), to.to(source, id));
            if end <= begin {
                continue;
            }
            let taken = self.taken(id);
            if taken < end {
                return Between::NotYet;
            }
            let said = self.cut(id, begin, end, taken, most);
            if !said.is_empty() {
                return Between::Known(said);
            }
        }
        Between::Known(Vec::new())
    }

    /// The bytes from `begin` to `end` of a stream, so many of the last at the most, as far as they are held.
    fn cut(&self, id: StreamId, begin: u64, end: u64, taken: u64, most: usize) -> Vec<u8> {
        let begin = begin.max(end.saturating_sub(most as u64));
        let wanted = usize::try_from(taken.saturating_sub(begin)).unwrap_or(TAIL);
        let tail = self.shared.as_ref().and_then(|shared| shared.memory.tail(id.0, wanted.min(TAIL)).ok());
        let Some(tail) = tail else { return Vec::new() };
        let place = |at: u64| {
            usize::try_from(at.saturating_sub(tail.offset)).unwrap_or(usize::MAX).min(tail.data.len())
        };
        tail.data.get(place(begin)..place(end)).unwrap_or_default().to_vec()
    }
}
