//! Where a log file is cut: how much of what is to be written goes into the present file, and when the next one begins.
//!
//! No file grows beyond `max_size`. It ends at a line's end, unless a line is longer than `max_size`, which is cut
//! there. The end of a line that is not finished is not known yet: so close to the end of a file such a line is held back
//! until it is finished, or is longer than can be held; in the latter case it may be cut as well.

/// What a file is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    /// Its size, in bytes.
    pub size: u64,
    /// How large it may become; 0: without end.
    pub max_size: u64,
    /// Whether it ends within a line.
    pub line: LineState,
}

/// Where in its lines a text, or a file, is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineState {
    /// At the start of one.
    #[default]
    Start,
    /// Within one.
    Within,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// So many bytes are to be written, at least one.
    Write(usize),
    /// The file is to be rotated.
    Rotate,
    /// What is there is to be held until there is more of it.
    Hold,
}

/// How long an unfinished line may become before it is written as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding(pub usize);

impl Holding {
    /// Nothing is held: more of the line will not come.
    pub const NONE: Holding = Holding(0);
}

impl LineState {
    /// The state after these bytes.
    pub fn after(self, bytes: &[u8]) -> LineState {
        match bytes.last() {
            None => self,
            Some(b'\n') => LineState::Start,
            Some(_) => LineState::Within,
        }
    }
}

/// Decides about bytes that are to be written to a file; there must be some.
pub fn cut(file: FileState, bytes: &[u8], holding: Holding) -> Cut {
    if file.max_size == 0 {
        return Cut::Write(bytes.len());
    }
    let room = usize::try_from(file.max_size.saturating_sub(file.size)).unwrap_or(usize::MAX);
    let fitting = bytes.get(..room.min(bytes.len())).unwrap_or(bytes);
    let whole_lines = fitting.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if fitting.len() == bytes.len() {
        let unfinished = bytes.len() - whole_lines;
        // As long as the line can be held, it fits.
        if unfinished == 0 || room - whole_lines >= holding.0 {
            return Cut::Write(bytes.len());
        }
        return match (whole_lines, file.line) {
            (1.., _) => Cut::Write(whole_lines),
            // Its beginning is there already, or there is no place where more of it would fit.
            (0, LineState::Within) => Cut::Write(bytes.len()),
            (0, LineState::Start) if file.size == 0 || unfinished >= holding.0 => Cut::Write(bytes.len()),
            (0, LineState::Start) => Cut::Hold,
        };
    }
    match (whole_lines, file.line) {
        (1.., _) => Cut::Write(whole_lines),
        // The line goes into the next file, whole if it is not longer than that.
        (0, LineState::Start) if file.size > 0 => Cut::Rotate,
        (0, _) if room > 0 => Cut::Write(room),
        (0, _) => Cut::Rotate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOLDING: usize = 40;

    fn file(size: u64, line: LineState) -> FileState {
        FileState { size, max_size: 100, line }
    }

    #[test]
    fn whole_lines_that_fit_are_written() {
        let start = file(90, LineState::Start);
        assert_eq!(cut(start, b"123456789\n", Holding(HOLDING)), Cut::Write(10));
        assert_eq!(cut(start, b"1234567890\n", Holding(HOLDING)), Cut::Rotate);
        assert_eq!(cut(start, b"123\n4567890\n", Holding(HOLDING)), Cut::Write(4));
        assert_eq!(cut(file(100, LineState::Start), b"\n", Holding(HOLDING)), Cut::Rotate);
        let without_end = FileState { size: u64::MAX, max_size: 0, line: LineState::Start };
        assert_eq!(cut(without_end, b"123", Holding(HOLDING)), Cut::Write(3));
    }

    #[test]
    fn an_unfinished_line_is_written_where_the_rest_will_fit() {
        assert_eq!(cut(file(60, LineState::Start), b"123", Holding(HOLDING)), Cut::Write(3));
        assert_eq!(cut(file(61, LineState::Start), b"123", Holding(HOLDING)), Cut::Hold);
        assert_eq!(cut(file(61, LineState::Start), b"1\n23", Holding(HOLDING)), Cut::Write(2));
        assert_eq!(cut(file(61, LineState::Start), b"123", Holding::NONE), Cut::Write(3));
        assert_eq!(cut(file(61, LineState::Within), b"123", Holding(HOLDING)), Cut::Write(3));
    }

    #[test]
    fn a_line_longer_than_a_file_is_cut() {
        let long = [b'x'; 250];
        assert_eq!(cut(file(1, LineState::Start), &long, Holding(HOLDING)), Cut::Rotate);
        assert_eq!(cut(file(0, LineState::Start), &long, Holding(HOLDING)), Cut::Write(100));
        assert_eq!(cut(file(100, LineState::Within), &long, Holding(HOLDING)), Cut::Rotate);
        assert_eq!(cut(file(10, LineState::Within), &long, Holding(HOLDING)), Cut::Write(90));
        // One that is already too large, because `max_size` was.
        assert_eq!(cut(file(101, LineState::Start), b"x\n", Holding(HOLDING)), Cut::Rotate);
    }

    /// Writes pieces as the logger does; returns the files.
    fn written(pieces: &[Vec<u8>], max_size: u64, holding: Holding) -> Vec<Vec<u8>> {
        let mut files = vec![Vec::new()];
        let mut held = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            held.extend_from_slice(piece);
            let holding = if number + 1 == pieces.len() { Holding::NONE } else { holding };
            while !held.is_empty() {
                let file = files.last_mut().unwrap();
                let line = LineState::Start.after(file);
                let state = FileState { size: file.len() as u64, max_size, line };
                match cut(state, &held, holding) {
                    Cut::Write(bytes) => file.extend(held.drain(..bytes)),
                    Cut::Rotate => files.push(Vec::new()),
                    Cut::Hold => break,
                }
            }
            assert!(held.len() < holding.0.max(1));
        }
        files
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_file_is_too_large(
            pieces in prop::collection::vec(prop::collection::vec(prop::sample::select(b"abc\n".to_vec()), 0..60), 1..40),
            max_size in 1u64..80,
            holding in 0usize..50,
        ) {
            let files = written(&pieces, max_size, Holding(holding));
            prop_assert_eq!(files.concat(), pieces.concat());
            prop_assert!(files.iter().all(|file| file.len() as u64 <= max_size));
            prop_assert!(files.iter().rev().skip(1).all(|file| !file.is_empty()));
        }

        #[test]
        fn lines_that_can_be_held_are_not_cut(
            lines in prop::collection::vec(0usize..39, 1..60),
            cuts in prop::collection::vec(1usize..100, 1..60),
            max_size in 40u64..200,
        ) {
            let text: Vec<u8> = lines.iter().flat_map(|length| [vec![b'x'; *length], vec![b'\n']].concat()).collect();
            let mut pieces = Vec::new();
            let mut rest = &text[..];
            for length in cuts.iter().cycle() {
                let (piece, more) = rest.split_at((*length).min(rest.len()));
                pieces.push(piece.to_vec());
                rest = more;
                if rest.is_empty() {
                    break;
                }
            }
            let files = written(&pieces, max_size, Holding(HOLDING));
            prop_assert_eq!(files.concat(), text);
            prop_assert!(files.iter().all(|file| file.is_empty() || file.ends_with(b"\n")));
        }
    }
}
