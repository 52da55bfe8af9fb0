//! The logger.

mod link;
mod outlet;
mod publish;
mod session;
mod store;
mod streams;
mod trouble;
mod turn;

use crate::core::deadlines::Deadlines;
use crate::core::log::StreamId;
use crate::core::moment::Moment;
use crate::sys::channel::Channel;
use crate::sys::errno::words;
use crate::sys::poll::{Poller, Ready};
use crate::sys::timer::Timer;
use crate::sys::{accept, clock, limits, process, signals, standard};
use nix::errno::Errno;
use std::fmt;
use std::io;
use std::os::fd::AsFd;

/// Why the logger could not begin, or had to end: a sentence.
#[derive(Debug)]
pub struct LoggerError(pub String);

impl fmt::Display for LoggerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoggerError {}

/// How many ready descriptors one turn takes up.
const READY_A_TURN: usize = 64;

/// Keeps what programs print, until nobody is left who could print anything, and no supervisor either.
///
/// Standard input is the channel to the supervisor. To be called in the main thread before any other thread exists.
///
/// # Errors
/// What keeps it from beginning.
pub fn run() -> Result<(), LoggerError> {
    let step =
        |what: &'static str| move |errno: Errno| LoggerError(format!("cannot {what}: {}", words(errno)));
    let input = io::stdin().as_fd().try_clone_to_owned();
    let channel = input.ok().and_then(|input| Channel::inherited(input).ok()).ok_or_else(|| {
        LoggerError(
            "the logger is started by the supervisor when it is needed; see 'procnanny run'".to_string(),
        )
    })?;
    standard::ensure().map_err(step("open /dev/null in place of a closed stream"))?;
    process::limit_malloc_arenas();
    // A limit that cannot be raised is still a limit that one can live with.
    let _ = limits::raise_open_files();
    // Before the threads of libzmq exist: they are to inherit the mask.
    signals::block_all().map_err(step("block signals"))?;
    // Half of all descriptors stay for streams and files.
    accept::guard(u32::MAX).map_err(step("reserve a descriptor"))?;
    let logger = Logger {
        link: link::Link::new(channel),
        store: None,
        output: None,
        streams: streams::Streams::default(),
        outlets: streams::Outlets::default(),
        enlarged: 0,
        waiting: None,
        deadlines: Deadlines::default(),
        armed_at: None,
        now: Moment(clock::monotonic()),
        poller: Poller::new().map_err(step("open an epoll descriptor"))?,
        ready: Ready::with_capacity(READY_A_TURN),
        timer: Timer::new().map_err(step("open a timer"))?,
    };
    logger.watch().map_err(step("watch descriptors"))?;
    logger.run()
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Due {
    /// Another try to write what a stream has.
    Retry(StreamId),
    /// The supervisor can be told again how much of a stream was dropped.
    TellDropped(StreamId),
    /// Another try to send the supervisor what it did not take.
    Link,
    /// The stream that a killed logger had in hand was not opened again.
    LeftOver,
}

/// Everything the loop owns.
struct Logger {
    link: link::Link,
    /// There once the supervisor has sent it.
    store: Option<store::Store>,
    output: Option<publish::Output>,
    streams: streams::Streams,
    outlets: streams::Outlets,
    /// How many pipes were made larger.
    enlarged: usize,
    /// The stream that a killed logger had in hand: until it is gone on with, no other is read.
    waiting: Option<StreamId>,
    deadlines: Deadlines<Due>,
    armed_at: Option<Moment>,
    /// The time of the present turn.
    now: Moment,
    poller: Poller,
    ready: Ready,
    timer: Timer,
}
