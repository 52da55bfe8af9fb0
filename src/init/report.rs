//! One line on standard error.

use super::options::Verbosity;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::Write;
use std::os::fd::AsFd;

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
        say(sentence);
    }

    /// What went wrong on the way.
    pub fn warn(self, sentence: impl FnOnce() -> String) {
        if self.0 >= Verbosity::Warnings {
            say(&sentence());
        }
    }

    /// What is done.
    pub fn detail(self, sentence: impl FnOnce() -> String) {
        if self.0 >= Verbosity::Everything {
            say(&sentence());
        }
    }
}

fn say(sentence: &str) {
    let mut standard_error = std::io::stderr();
    let mut ready = [PollFd::new(standard_error.as_fd(), PollFlags::POLLOUT)];
    // A pipe is ready when there is room for PIPE_BUF bytes at least: pipe(7).
    let is_ready = poll(&mut ready, PollTimeout::ZERO).is_ok_and(|count| count > 0);
    if is_ready {
        // With one call, so that lines of several processes do not mix. There is nowhere to tell that it failed.
        let _ = standard_error.write_all(format!("procnanny: {sentence}\n").as_bytes());
    }
}
