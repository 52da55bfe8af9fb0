//! How far a stream of output was read. Pure: it decides which bytes of a piece are new, and how many are missing.
//!
//! Invariant: of one stream, every byte is let through at most once and in ascending order, and what is missing is
//! counted.

/// How far a stream was read: the number of the next byte; `None` before anything of it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place(Option<u64>);

/// What to do with a piece that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All but so many bytes at its beginning is new.
    New(usize),
    /// It was there before.
    Known,
    /// Something is missing before it, or it is of another stream: ask what is held, and this will be among it.
    Ask,
}

/// What is new in an answer to `tail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// All but so many bytes at its beginning.
    pub from: usize,
    /// So many bytes before it are no longer held.
    pub missed: u64,
}

impl Place {
    /// Judges a piece that was published.
    pub fn offer(&mut self, offset: u64, length: usize) -> Verdict {
        let end = offset.saturating_add(length as u64);
        match self.0 {
            // The beginning of a stream, where we are far into one: it is another one, of the same name.
            Some(next) if offset == 0 && next > end => Verdict::Ask,
            Some(next) if end <= next => Verdict::Known,
            Some(next) if offset <= next => {
                self.0 = Some(end);
                Verdict::New(usize::try_from(next - offset).unwrap_or(length))
            }
            Some(_) | None => Verdict::Ask,
        }
    }

    /// Judges what is held of it: the latest bytes, up to the present end.
    pub fn fill(&mut self, offset: u64, length: usize) -> Held {
        let end = offset.saturating_add(length as u64);
        let next = self.0.replace(end);
        match next {
            None => Held { from: 0, missed: 0 },
            // It has fewer bytes than were read of it: it is another one, of the same name.
            Some(next) if end < next => Held { from: 0, missed: offset },
            Some(next) if offset > next => Held { from: 0, missed: offset - next },
            Some(next) => Held { from: usize::try_from(next - offset).unwrap_or(length), missed: 0 },
        }
    }

    /// Forgets it, as when the supervisor is another one, whose streams begin anew.
    pub fn begin_anew(&mut self) {
        self.0 = Some(0);
    }

    /// Whether this is where it ends.
    pub fn is_at(&self, end: u64) -> bool {
        self.0 == Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(from: usize, missed: u64) -> Held {
        Held { from, missed }
    }

    #[test]
    fn in_order_and_each_byte_once() {
        let mut place = Place::default();
        assert_eq!(place.offer(100, 10), Verdict::Ask, "nothing is known before the first answer");
        assert_eq!(place.fill(90, 20), held(0, 0));
        assert_eq!(place.offer(100, 10), Verdict::Known);
        assert_eq!(place.offer(105, 10), Verdict::New(5));
        assert_eq!(place.offer(115, 10), Verdict::New(0));
        assert!(place.is_at(125));
    }

    #[test]
    fn a_gap_is_filled_or_counted() {
        let mut place = Place::default();
        place.fill(0, 100);
        assert_eq!(place.offer(120, 10), Verdict::Ask);
        assert_eq!(place.fill(80, 50), held(20, 0));
        assert_eq!(place.offer(200, 10), Verdict::Ask);
        assert_eq!(place.fill(190, 20), held(0, 60));
        assert_eq!(place.fill(190, 20), held(20, 0));
    }

    #[test]
    fn another_stream_begins_anew() {
        let mut place = Place::default();
        place.fill(900, 100);
        assert_eq!(place.offer(0, 10), Verdict::Ask);
        assert_eq!(place.fill(0, 10), held(0, 0));
        place.fill(900, 100);
        assert_eq!(place.fill(20, 30), held(0, 20), "its first bytes were missed");
        place.begin_anew();
        assert_eq!(place.fill(0, 5), held(0, 0));
    }
}
