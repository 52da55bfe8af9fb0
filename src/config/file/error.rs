//! What is wrong with a configuration, and where: for all mistakes at once.

use super::source::Source;
use crate::core::order;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// The most errors that are told one by one: nobody reads more, and a file of garbage could have any number.
const MOST: usize = 100;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file.
    pub file: PathBuf,
    /// Where in it; `None` for what is wrong with the file as a whole.
    pub place: Option<Place>,
    /// What is wrong, and what would have been right.
    pub message: String,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its line, from 1.
    pub line: usize,
    /// Its column, in characters, from 1.
    pub column: usize,
    /// The line itself; of a very long one, the part around the place.
    pub text: String,
    /// How many characters of `text` come before the place.
    pub before: usize,
    /// How many characters of `text` are the place, at least 1.
    pub width: usize,
}

/// All mistakes of a configuration: at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileErrors {
    /// The first ones, in the order of files and lines.
    pub told: Vec<FileError>,
    /// How many more there are.
    pub more: usize,
}

impl FileError {
    /// About a part of a file.
    pub fn at(source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { file: source.path.clone(), place: Some(source.place(span)), message: message.into() }
    }

    /// About a file as a whole.
    pub fn of(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self { file: file.into(), place: None, message: message.into() }
    }
}

impl FileErrors {
    /// Adds one. It is made only if it will be told.
    pub fn add(&mut self, error: impl FnOnce() -> FileError) {
        if self.told.len() < MOST {
            self.told.push(error());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Puts those from a number on, which are of one file, in the order of its lines.
    pub fn sort_from(&mut self, first: usize) {
        let of_one_file = self.told.get_mut(first..).unwrap_or_default();
        order::sort_by_key(of_one_file, |error| error.place.as_ref().map(|place| (place.line, place.column)));
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.told.len().saturating_add(self.more)
    }
}

impl From<FileError> for FileErrors {
    fn from(error: FileError) -> Self {
        Self { told: vec![error], more: 0 }
    }
}

/// As compilers have it, on one line: `FILE:LINE:COLUMN: what is wrong`.
impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(place) = &self.place {
            write!(f, "{}:{}:", place.line, place.column)?;
        }
        write!(f, " {}", self.message)
    }
}
