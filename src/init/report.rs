//! One line on standard error.

use super::options::Verbosity;
use crate::sys::note::note;

/// Says what the verbosity asks for, and never waits for whoever reads it: what cannot be written at once is not said.
#[derive(Debug, Clone, Copy)]
pub struct Reporter(Verbosity);

impl Reporter {
    /// One that says so much.
    pub fn new(verbosity: Verbosity) -> Self {
        Self(verbosity)
    }

    /// Why nothing was executed.
    pub fn error(self, sentence: &str) {
        note(sentence);
    }

    /// What went wrong on the way.
    pub fn warn(self, sentence: impl FnOnce() -> String) {
        if self.0 >= Verbosity::Warnings {
            note(&sentence());
        }
    }

    /// What is done.
    pub fn detail(self, sentence: impl FnOnce() -> String) {
        if self.0 >= Verbosity::Everything {
            note(&sentence());
        }
    }
}
