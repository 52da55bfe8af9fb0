//! One line on the console.

use crate::sys::errno::words;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::Write;
use std::os::fd::AsFd;

/// Says it, unless the console does not take it at once: a terminal that was told to hold (Ctrl-S) must not hold up a
/// machine.
pub fn say(sentence: &str) {
    let mut console = std::io::stderr();
    let mut ready = [PollFd::new(console.as_fd(), PollFlags::POLLOUT)];
    if poll(&mut ready, PollTimeout::ZERO).is_ok_and(|count| count > 0) {
        let plain: String = sentence.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        // There is nowhere left to tell that this failed.
        let _ = console.write_all(format!("procnanny: {plain}\n").as_bytes());
    }
}

/// What could not be done, and why.
pub fn cannot(what: &str, errno: Errno) -> String {
    format!("cannot {what}: {}", words(errno))
}
