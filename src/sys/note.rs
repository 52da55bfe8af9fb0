//! A line on standard error, for whoever has nobody else to tell and must not wait for being read.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Write};
use std::os::fd::AsFd;

/// The most bytes that a pipe takes without waiting once it says that it takes any: PIPE_BUF of pipe(7).
const MOST: usize = 4096;

/// Writes one line, whatever is in the sentence, with one call, so that lines of several processes do not mix. Where
/// standard error is a pipe that nobody reads, or a terminal that was told to hold (Ctrl-S), nothing is written.
pub fn note(sentence: &str) {
    let plain: String = sentence.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = format!("procnanny: {plain}");
    if let Some((cut, _)) = line.char_indices().find(|(at, c)| at + c.len_utf8() >= MOST) {
        line.truncate(cut);
    }
    line.push('\n');
    let mut stream = io::stderr();
    let mut ready = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
    if poll(&mut ready, PollTimeout::ZERO) == Ok(1) {
        // There is nowhere left to tell that this failed.
        let _ = stream.write_all(line.as_bytes());
    }
}
