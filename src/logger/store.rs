//! The bytes in hand, from a stream's pipe to where they go, so that a logger that is killed at any moment can be gone on
//! from: see the module's own page for the order of what is noted.

use super::outlet::Outlet;
use crate::core::in_hand::{self, Counted, Found};
use crate::core::lines::Timestamps;
use crate::core::log::{StreamId, TAIL};
use crate::core::moment::Moment;
use crate::sys::hand::{BUFFER, Hand};
use crate::sys::log_memory::{LogMemory, StreamCounters};
use crate::sys::pipe::unread;
use crate::sys::process::exit_now;
use crate::sys::splice::splice;
use nix::errno::Errno;
use nix::unistd::read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;

/// How much is taken out of a pipe at once.
pub const MOST_TAKEN: usize = BUFFER - TAIL;

/// Everything that what is in hand goes through.
#[derive(Debug)]
pub struct Store {
    pub(super) memory: LogMemory,
    pub(super) hand: Hand,
    /// The work pipe: the reading and the writing end.
    work: [OwnedFd; 2],
    /// How many bytes of the buffer are in use.
    pub(super) length: usize,
    pub(super) timestamps: Timestamps,
    /// What stands before each line.
    pub(super) decoration: Vec<u8>,
}

impl Store {
    /// With the memory and the pipe that the supervisor owns.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(memory: LogMemory, work: [OwnedFd; 2]) -> Result<Self, Errno> {
        let hand = memory.hand()?;
        let (timestamps, decoration) = Default::default();
        Ok(Self { memory, hand, work, length: 0, timestamps, decoration })
    }

    /// The counters of a stream.
    pub fn counters(&self, stream: StreamId) -> Option<&StreamCounters> {
        self.memory.counters(stream.0)
    }

    /// The stream that a killed logger had in hand.
    pub fn left_over(&self) -> Option<StreamId> {
        let stream = self.hand.notes().stream.get().checked_sub(1)?;
        u32::try_from(stream).ok().map(StreamId)
    }

    /// How many bytes were taken and neither written nor dropped.
    pub fn unsettled(&self, stream: StreamId) -> usize {
        let Some(counters) = self.counters(stream) else { return 0 };
        let unsettled = counters.taken.load(Ordering::Acquire).saturating_sub(settled(counters));
        usize::try_from(unsettled).unwrap_or(0)
    }

    /// Takes a stream in hand, with what is held of it.
    pub fn begin(&mut self, stream: StreamId) {
        let held = self.unsettled(stream).min(TAIL);
        let parts = self.hand.parts();
        let Some(counters) = self.memory.counters(stream.0) else { return };
        let place = parts.buffer.get_mut(..held).unwrap_or_default();
        // If it fails, the bytes are not what they were, which no error would mend.
        self.length = self.memory.latest(stream.0, place).unwrap_or(0);
        parts.notes.held.set(self.length as u64);
        parts.notes.taken.set(counters.taken.load(Ordering::Acquire));
        parts.notes.moved.set(0);
        parts.notes.length.set(0);
        parts.notes.time.set(now_micros());
        parts.notes.stream.set(u64::from(stream.0) + 1);
    }

    /// Lets go of it. What is not settled by now is held.
    pub fn end(&mut self) {
        self.hand.notes().stream.set(0);
    }

    /// Takes up to `most` bytes out of a stream's pipe: how many; 0 at its end.
    ///
    /// # Errors
    /// `EAGAIN` when there is nothing.
    pub fn fetch(&mut self, stream: StreamId, pipe: BorrowedFd<'_>, most: usize) -> Result<usize, Errno> {
        let moved = splice(pipe, self.work[1].as_fd(), most.min(BUFFER - self.length))?;
        self.hand.notes().moved.set(moved as u64);
        if self.read_work(moved).is_err() {
            // There is no memory for them. Nothing of another stream may come after them into the work pipe, so it is the
            // next logger that goes on with them.
            exit_now(1);
        }
        self.count(stream, moved);
        Ok(moved)
    }

    /// What was fetched last.
    pub fn fetched(&mut self, count: usize) -> &[u8] {
        let length = self.length;
        self.hand.parts().buffer.get(length - count..length).unwrap_or_default()
    }

    /// When it was fetched, in microseconds since 1970.
    pub fn time(&self) -> u64 {
        self.hand.notes().time.get()
    }

    /// Reads what is in the work pipe into the buffer.
    fn read_work(&mut self, bytes: usize) -> Result<(), Errno> {
        let mut left = bytes;
        while left > 0 {
            let room = self.hand.parts().buffer.get_mut(self.length..).unwrap_or_default();
            let count = read(&self.work[0], room)?;
            if count == 0 {
                break;
            }
            self.length += count;
            left = left.saturating_sub(count);
        }
        Ok(())
    }

    fn count(&mut self, stream: StreamId, moved: usize) {
        let length = self.length;
        let bytes = self.hand.parts().buffer.get(length - moved..length).unwrap_or_default();
        // Without memory for the latest bytes there are none, but they are counted.
        let _ = self.memory.append(stream.0, bytes);
    }

    /// Takes up what a killed logger had in hand.
    ///
    /// # Errors
    /// What reading the work pipe says.
    pub fn resume(
        &mut self,
        stream: StreamId,
        outlet: Option<&mut Outlet>,
        now: Moment,
    ) -> Result<(), Errno> {
        let left = unread(self.work[0].as_fd())?;
        let Some(counters) = self.memory.counters(stream.0) else { return Err(Errno::EINVAL) };
        let notes = self.hand.notes();
        let resume = in_hand::resume(Found {
            held: notes.held.get(),
            moved: notes.moved.get(),
            left,
            taken_before: notes.taken.get(),
            taken: counters.taken.load(Ordering::Acquire),
            settled: settled(counters),
        });
        notes.moved.set(resume.moved);
        self.length = usize::try_from(resume.read_to).unwrap_or(BUFFER).min(BUFFER);
        self.read_work(usize::try_from(left).unwrap_or(0))?;
        if resume.counted == Counted::No {
            self.count(stream, usize::try_from(resume.moved).unwrap_or(0).min(self.length));
        }
        if self.hand.notes().length.get() > 0 {
            self.resume_write(stream, outlet, now);
        }
        Ok(())
    }

    /// Settles all that is in hand.
    pub fn settle_all(&mut self, stream: StreamId, how: Settled) {
        self.settle_but(stream, how, 0);
    }

    /// Settles all that is in hand but for the last `held` bytes.
    pub fn settle_but(&mut self, stream: StreamId, how: Settled, held: usize) {
        let bytes = self.unsettled(stream).saturating_sub(held) as u64;
        let Some(counters) = self.counters(stream) else { return };
        let counter = match how {
            Settled::Written => &counters.written,
            Settled::Dropped => &counters.dropped,
        };
        counter.fetch_add(bytes, Ordering::AcqRel);
    }
}

/// What became of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// They are where they go.
    Written,
    /// They are lost.
    Dropped,
}

fn settled(counters: &StreamCounters) -> u64 {
    counters.written.load(Ordering::Acquire) + counters.dropped.load(Ordering::Acquire)
}

fn now_micros() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}
