//! A file of the configuration: read within bounds, and the places in it.

use super::error::{FileError, Place};
use crate::config::bounded::{self, ReadError};
use crate::sys::errno;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The most that a file may hold: some ten thousand programs, each with all its settings.
const LARGEST: u64 = 4 << 20;

/// The most characters of a line that an error shows.
const LONGEST_LINE: usize = 160;

/// A file that was read.
pub struct Source {
    /// Its path, as it was found.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// Why it cannot be read, in words; where it is not UTF-8, the place of it.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let bytes = bounded::read(path, LARGEST).map_err(|error| FileError::of(path, words(&error)))?;
        String::from_utf8(bytes).map(|text| Self { path: path.to_path_buf(), text }).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let source = Self {
                path: path.to_path_buf(),
                text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
            };
            FileError::at(&source, at..at, "here is a byte that is not UTF-8, expected text in UTF-8")
        })
    }

    /// Where a span of bytes is. It may begin at the end of the file.
    pub fn place(&self, span: Range<usize>) -> Place {
        let start = floor(&self.text, span.start);
        let before = self.text.get(..start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = self.text.get(line_start..).unwrap_or("");
        let line = rest.split('\n').next().unwrap_or("").trim_end_matches('\r');
        let column = characters(self.text.get(line_start..start).unwrap_or(""));
        // A place that goes on over several lines is marked to the end of its first.
        let end = floor(&self.text, span.end).clamp(start, (line_start + line.len()).max(start));
        let width = characters(self.text.get(start..end).unwrap_or("")).max(1);
        let (text, shown_before) = window(line, column);
        let room = LONGEST_LINE.saturating_sub(shown_before).max(1);
        Place {
            line: 1 + before.matches('\n').count(),
            column: column + 1,
            text,
            before: shown_before,
            width: width.min(room),
        }
    }
}

/// The part of a line that is shown, and how many characters of it come before the column.
fn window(line: &str, column: usize) -> (String, usize) {
    if characters(line) <= LONGEST_LINE {
        return (line.to_string(), column);
    }
    let skipped = column.saturating_sub(LONGEST_LINE / 2);
    (line.chars().skip(skipped).take(LONGEST_LINE).collect(), column - skipped)
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

/// The nearest beginning of a character at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn words(error: &ReadError) -> String {
    match error {
        ReadError::TooLarge(size) => format!(
            "has {size} bytes, a configuration has at most {LARGEST}; part it into several with 'include'"
        ),
        ReadError::Directory => "is a directory, expected a file".to_string(),
        ReadError::NotRegular => "is no regular file".to_string(),
        ReadError::Io(error) => format!("cannot be read: {}", errno::io_words(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { path: "x.toml".into(), text: text.to_string() }
    }

    fn place(text: &str, span: Range<usize>) -> (usize, usize, String, usize, usize) {
        let place = source(text).place(span);
        (place.line, place.column, place.text, place.before, place.width)
    }

    #[test]
    fn places_are_counted_in_characters_from_one() {
        assert_eq!(place("a = 1\r\nbö = 2\r\n", 7..10), (2, 1, "bö = 2".to_string(), 0, 2));
        assert_eq!(place("ä = ü\n", 5..7), (1, 5, "ä = ü".to_string(), 4, 1));
        assert_eq!(place("", 0..0), (1, 1, String::new(), 0, 1));
        assert_eq!(place("a\n", 2..2), (2, 1, String::new(), 0, 1));
        assert_eq!(place("a", 7..9), (1, 2, "a".to_string(), 1, 1));
        assert_eq!(place("ab = [\n1\n]", 5..10), (1, 6, "ab = [".to_string(), 5, 1));
        // In the middle of a character.
        assert_eq!(place("ä", 1..1).1, 1);
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let line = format!("{}X{}", "a".repeat(1000), "b".repeat(100_000));
        let place = source(&line).place(1000..90_000);
        assert_eq!((place.line, place.column, place.text.len()), (1, 1001, LONGEST_LINE));
        assert_eq!(place.text.chars().nth(place.before), Some('X'));
        assert_eq!(place.before + place.width, LONGEST_LINE);
    }
}
