//! What a logger has to do about what its predecessor had in hand when it was killed. Pure: from the notes of the one
//! that is gone, and from what the kernel says now, to what is left to do.

/// What is known of the bytes in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// How many bytes at the beginning of the buffer had been taken before.
    pub held: u64,
    /// How many bytes went into the work pipe, as far as that was noted; 0 may also mean that it was not.
    pub moved: u64,
    /// How many bytes are in the work pipe now.
    pub left: u64,
    /// How many bytes of the stream had been taken before.
    pub taken_before: u64,
    /// How many have been taken now.
    pub taken: u64,
    /// How many of these were written or dropped.
    pub settled: u64,
}

/// What is left to do, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// How many bytes went into the work pipe.
    pub moved: u64,
    /// Where in the buffer what is left in the pipe belongs.
    pub read_to: u64,
    /// Whether these bytes are still to be counted as taken, and put among the latest.
    pub counted: Counted,
    /// How many bytes of the buffer are written or dropped already.
    pub done: u64,
}

/// Whether bytes that came out of the pipe are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// They are.
    Yes,
    /// They are not.
    No,
}

/// Decides.
pub fn resume(found: Found) -> Resume {
    let moved = found.moved.max(found.left);
    Resume {
        moved,
        read_to: found.held + moved - found.left,
        counted: if found.taken == found.taken_before { Counted::No } else { Counted::Yes },
        // What is held is the last of what was taken: so many were settled when this was begun.
        done: (found.settled + found.held).saturating_sub(found.taken_before),
    }
}

/// How much of a write under way is in the file, whose size was noted before: nobody else appends to it, and a write
/// that is interrupted counts for what it has written. Of what is no regular file, or is another one by now, nothing is
/// known; then all of it is written again.
pub fn already_written(length: u64, size_before: u64, size_now: Option<u64>) -> u64 {
    size_now.map_or(0, |now| now.saturating_sub(size_before).min(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of which 1000 bytes were taken and 10 are held; 100 more come, of which 60 are written and 50 dropped.
    const BEFORE: Found =
        Found { held: 10, moved: 0, left: 0, taken_before: 1000, taken: 1000, settled: 990 };

    #[test]
    fn every_moment_leads_to_the_same_end() {
        let moments = [
            ("nothing was moved", BEFORE, (0, 10, Counted::No, 0)),
            ("moved, not noted", Found { left: 100, ..BEFORE }, (100, 10, Counted::No, 0)),
            ("noted", Found { moved: 100, left: 100, ..BEFORE }, (100, 10, Counted::No, 0)),
            ("read in part", Found { moved: 100, left: 30, ..BEFORE }, (100, 80, Counted::No, 0)),
            ("read", Found { moved: 100, ..BEFORE }, (100, 110, Counted::No, 0)),
            ("counted", Found { moved: 100, taken: 1100, ..BEFORE }, (100, 110, Counted::Yes, 0)),
            (
                "written in part",
                Found { moved: 100, taken: 1100, settled: 1050, ..BEFORE },
                (100, 110, Counted::Yes, 60),
            ),
            (
                "all settled",
                Found { moved: 100, taken: 1100, settled: 1100, ..BEFORE },
                (100, 110, Counted::Yes, 110),
            ),
        ];
        for (what, found, (moved, read_to, counted, done)) in moments {
            assert_eq!(resume(found), Resume { moved, read_to, counted, done }, "{what}");
        }
    }

    #[test]
    fn the_file_tells_how_much_was_written() {
        assert_eq!(already_written(10, 100, Some(100)), 0);
        assert_eq!(already_written(10, 100, Some(104)), 4);
        assert_eq!(already_written(10, 100, Some(110)), 10);
        // Somebody else wrote to it, or emptied it.
        assert_eq!(already_written(10, 100, Some(200)), 10);
        assert_eq!(already_written(10, 100, Some(0)), 0);
        assert_eq!(already_written(10, 100, None), 0);
    }
}
