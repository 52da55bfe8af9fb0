//! The logger: a process of its own that takes what programs print out of their pipes, keeps the latest of it in memory,
//! writes it to files, and publishes it. The supervisor never waits for it, nor for any disk.
//!
//! | file | what is there |
//! | --- | --- |
//! | `turn` | the loop: what the supervisor says, then what is due, then output |
//! | `link` | the channel to the supervisor |
//! | `streams` | the streams that are open, and what they are written to |
//! | `session` | one stream in hand: taken, published, delivered |
//! | `store`, `writing` | what is in hand, and how it gets into a file |
//! | `outlet`, `files` | a file by its name, or the console; opening and rotating |
//! | `trouble` | what cannot be written: dropped or held, told, tried again |
//! | `publish` | the output socket |
//!
//! What holds:
//!
//! - **Every byte is accounted for.** Of each stream, bytes taken = bytes written + bytes dropped + bytes held, at every
//!   moment, in counters that outlive the logger. Held are at most [`TAIL`](crate::core::log::TAIL) bytes, and they are
//!   the last of the latest bytes, which are kept anyway: so holding takes no memory, and survives a death.
//! - **A logger that is killed loses nothing and repeats nothing**, as far as regular files go. Only one stream is in
//!   hand at a time. Its bytes are moved (splice(2)) from its pipe into the work pipe, which the supervisor owns and
//!   nobody else writes to, then read into memory that both share ([`Hand`](crate::sys::hand::Hand)), counted as taken,
//!   and written. Each step leaves a trace that tells whether it was done:
//!
//!   | step | how the next logger knows |
//!   | --- | --- |
//!   | notes: what was held, how much had been taken; then the stream | there is a stream in the notes |
//!   | bytes are moved into the work pipe | they are in it (`FIONREAD`) |
//!   | note: how many | there is a number |
//!   | they are read into the buffer | they are no longer in the work pipe |
//!   | they are put among the latest bytes, and counted as taken | more has been taken than was noted |
//!   | notes: the file, its size, what is about to be written; then its length | there is a length |
//!   | write(2) | the file has grown, by so much |
//!   | they are counted as written (or, without the two steps before, as dropped) | the counters have their final values, which to store again changes nothing |
//!   | note: no length; at last, no stream | |
//!
//!   [`crate::core::in_hand`] decides from these what is left to do. So that a file's growth tells the truth, nobody else
//!   may append to it. Of a pipe or a device nothing is known; there at most 4096 bytes are written twice. A marker that
//!   was asked for and not written yet is lost.
//! - **Files are cut between lines** ([`crate::core::rotation`]) and never grow beyond `max_size`. A line that is longer is
//!   cut there. Close to the end of a file (within 16 KiB) an unfinished line is held until it is finished.
//! - **Streams that share a file, and the console, are written in whole lines**; an unfinished one is held, up to 16 KiB,
//!   until it is finished, marked or at its end.
//! - **What cannot be written is dropped or waits**, as `on_full` says. A pipe or a terminal counts as one that nobody
//!   reads when it took nothing for a second; until then its streams wait. All is tried again about once a second.
//! - **Every stream gets its turn**: each that has something to read is read once, as much as fits in hand, before any is
//!   read again. Streams that may have to wait are read 16 KiB at a time, since that is what can be held.
//! - **Nothing is done while nothing happens**; the timer runs only while something cannot be written or sent.
//! - **It ends** when the supervisor has gone, every stream is at its end, and all of them is written: no program gets
//!   SIGPIPE because a supervisor died.
//!
//! A disk that hangs (not one that is full) holds up the logger and with it every program whose pipe is full, but not the
//! supervisor. A log that is a symbolic link is written to, but not rotated.

mod files;
mod link;
mod outlet;
mod publish;
mod session;
mod store;
mod streams;
mod trouble;
mod turn;
mod writing;

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
    standard::ensure().map_err(step("open anything in place of a closed standard stream"))?;
    // Executed from a descriptor, it would be known by the number of that.
    process::set_own_name(c"procnanny");
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
