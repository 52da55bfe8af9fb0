//! The channel to the supervisor: what it says, and what it is told.

use crate::sys::channel::{Channel, LONGEST_MESSAGE, Received};
use crate::wire::log_channel::{FromLogger, ToLogger};
use nix::errno::Errno;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How many messages wait for the supervisor before it is told nothing more that can be told later.
const MOST_WAITING: usize = 4096;

/// The channel, and what waits to be sent.
#[derive(Debug)]
pub struct Link {
    channel: Channel,
    state: LinkState,
    waiting: VecDeque<Vec<u8>>,
    buffer: Box<[u8]>,
    complained: Complained,
}

/// Whether it was said that a message was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Complained {
    Yes,
    No,
}

/// Whether there is a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// There is.
    Open,
    /// It has gone.
    Ended,
}

impl Link {
    /// Over this channel.
    pub fn new(channel: Channel) -> Self {
        let buffer = vec![0; LONGEST_MESSAGE].into_boxed_slice();
        let (state, complained) = (LinkState::Open, Complained::No);
        Self { channel, state, waiting: VecDeque::new(), buffer, complained }
    }

    /// Whether there is a supervisor.
    pub fn state(&self) -> LinkState {
        self.state
    }

    /// Its descriptor, to be watched.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }

    /// The next message that is understood. `None` when there is no more, or the supervisor has gone.
    pub fn receive(&mut self) -> Option<(ToLogger, Vec<OwnedFd>)> {
        while self.state == LinkState::Open {
            match self.channel.receive(&mut self.buffer) {
                Ok(Received::Message(length, descriptors)) => {
                    let bytes = self.buffer.get(..length).unwrap_or_default();
                    if let Some(message) = ToLogger::decode(bytes) {
                        return Some((message, descriptors));
                    }
                }
                Ok(Received::Nothing) => return None,
                Err(Errno::EMSGSIZE) => self.complain(),
                Ok(Received::End) | Err(_) => self.end(),
            }
        }
        None
    }

    /// Says once that a message was lost. The supervisor sends none that are too long, so it lost its descriptors.
    fn complain(&mut self) {
        if self.complained == Complained::No {
            self.complained = Complained::Yes;
            let words = "procnanny: the logger has no descriptors left for more output; raise the limit of open files";
            // There is nowhere left to tell that this failed.
            let _ = writeln!(io::stderr(), "{words}");
        }
    }

    /// Whether something can be said that could also be said later.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < MOST_WAITING
    }

    /// Tells the supervisor something, at once or after what waits.
    pub fn tell(&mut self, message: &FromLogger) {
        if self.state == LinkState::Open {
            self.waiting.push_back(message.encode());
            self.flush();
        }
    }

    /// Sends what waits, as far as it is taken.
    pub fn flush(&mut self) {
        while let Some(message) = self.waiting.front() {
            match self.channel.send(message, &[]) {
                Ok(()) => drop(self.waiting.pop_front()),
                Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM | Errno::EINTR) => return,
                // What it has said is still to be read; that will be the end.
                Err(_) => self.waiting.clear(),
            }
        }
    }

    /// Whether something waits to be sent.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn end(&mut self) {
        self.state = LinkState::Ended;
        self.waiting.clear();
    }
}
