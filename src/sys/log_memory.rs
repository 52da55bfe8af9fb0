//! The memory that the supervisor and the logger share: for each captured stream its counters, and the latest bytes.
//!
//! It belongs to neither process, so that a logger that is killed takes no account with it, and so that the supervisor
//! can show what a program printed while the logger hangs on a slow disk. It consists of two files in memory
//! (memfd_create(2)) that are as large as they can ever get from the start; what was never touched takes no room.
//!
//! Of the counters each has one writer, and so needs no more than being whole. Of the latest bytes the logger is the only
//! writer; a reader finds out by the counters what was written over while it read.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering, fence};

use nix::errno::Errno;
use nix::sys::uio::{pread, pwrite};
use nix::unistd::ftruncate;

use super::hand::{self, Hand};

/// How many streams there can be.
pub const MOST_STREAMS: u32 = 1 << 18;

/// The counters of a stream. Bytes are counted since the stream was first opened in this run of the supervisor.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct StreamCounters {
    /// The process whose output it is, or 0; written by the supervisor.
    pub pid: AtomicI32,
    /// Bytes that were taken out of the pipe, and are among the latest bytes.
    pub taken: AtomicU64,
    /// Of these, bytes that were written to where they go.
    pub written: AtomicU64,
    /// Of these, bytes that were dropped.
    pub dropped: AtomicU64,
    /// Of the dropped ones, how many are told of where the others were written to.
    pub marked: AtomicU64,
    /// Of the dropped ones, how many the supervisor was told of.
    pub told: AtomicU64,
    /// Up to where the latest bytes are being written over.
    begun: AtomicU64,
}

/// Some of the latest bytes of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The number of the first byte, counted as [`StreamCounters::taken`] counts.
    pub offset: u64,
    /// The bytes.
    pub data: Vec<u8>,
}

/// The memory, in one of the processes that share it.
#[derive(Debug)]
pub struct LogMemory {
    counters: OwnedFd,
    tails: OwnedFd,
    mapped: Mapping,
    tail: usize,
}

#[derive(Debug)]
struct Mapping(NonNull<StreamCounters>);

// SAFETY: the pointer leads to memory that any thread may read and write, as all of it is atomic.
unsafe impl Send for Mapping {}

const COUNTERS_SIZE: usize = MOST_STREAMS as usize * size_of::<StreamCounters>();

impl LogMemory {
    /// Makes it, with room for so many of the latest bytes of each stream.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`; `EFBIG` under a limit on the size of files.
    pub fn create(tail: usize) -> Result<Self, Errno> {
        let counters = in_memory((COUNTERS_SIZE + hand::SIZE) as u64)?;
        let tails = in_memory(u64::from(MOST_STREAMS) * tail as u64)?;
        Self::shared(counters, tails, tail)
    }

    /// That of another process, by the descriptors that it has sent.
    ///
    /// # Errors
    /// `ENOMEM`, and `EINVAL` for what is no such memory.
    pub fn shared(counters: OwnedFd, tails: OwnedFd, tail: usize) -> Result<Self, Errno> {
        let size = nix::sys::stat::fstat(counters.as_fd())?.st_size;
        if u64::try_from(size).ok().is_none_or(|size| size < (COUNTERS_SIZE + hand::SIZE) as u64) || tail == 0
        {
            return Err(Errno::EINVAL);
        }
        let mapped = map(&counters)?;
        Ok(Self { counters, tails, mapped, tail })
    }

    /// Both descriptors, counters first, as [`shared`](Self::shared) takes them.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.counters.as_fd(), self.tails.as_fd()]
    }

    /// The counters of a stream; `None` beyond [`MOST_STREAMS`].
    pub fn counters(&self, stream: u32) -> Option<&StreamCounters> {
        if stream >= MOST_STREAMS {
            return None;
        }
        // SAFETY: the mapping has room for so many, which lives as long as `self`. All of it is atomic, and any pattern
        // of bits is a value; others who write to it do so with the same type.
        Some(unsafe { self.mapped.0.add(stream as usize).as_ref() })
    }

    /// What the logger has in hand. For others than the logger only to be looked at: [`Hand::notes`].
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn hand(&self) -> Result<Hand, Errno> {
        Hand::map(self.counters.as_fd(), COUNTERS_SIZE)
    }

    /// Makes everything zero that is kept of a stream, before its number is used again. Its latest bytes need not be:
    /// there are none as long as none were taken.
    pub fn clear(&self, stream: u32) {
        let Some(counters) = self.counters(stream) else { return };
        counters.pid.store(0, Ordering::Relaxed);
        let StreamCounters { taken, written, dropped, marked, told, begun, .. } = counters;
        for counter in [taken, written, dropped, marked, told, begun] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// Adds bytes that were taken out of the pipe to the latest bytes, and counts them. For the logger alone.
    ///
    /// # Errors
    /// `ENOMEM` or `ENOSPC` when there is no memory for them; they are counted all the same.
    pub fn append(&self, stream: u32, bytes: &[u8]) -> Result<(), Errno> {
        let Some(counters) = self.counters(stream) else { return Err(Errno::EINVAL) };
        let taken = counters.taken.load(Ordering::Relaxed);
        let end = taken + bytes.len() as u64;
        counters.begun.store(end, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let last = &bytes[bytes.len().saturating_sub(self.tail)..];
        let written = self.write_around(stream, end - last.len() as u64, last);
        counters.taken.store(end, Ordering::Release);
        written
    }

    /// The latest bytes of a stream, so many at the most.
    ///
    /// # Errors
    /// None is known.
    pub fn tail(&self, stream: u32, most: usize) -> Result<Tail, Errno> {
        let Some(counters) = self.counters(stream) else { return Err(Errno::EINVAL) };
        let end = counters.taken.load(Ordering::Acquire);
        let length = (most.min(self.tail) as u64).min(end);
        let offset = end - length;
        let mut data = vec![0; usize::try_from(length).unwrap_or(0)];
        self.read_around(stream, offset, &mut data)?;
        fence(Ordering::SeqCst);
        // What the logger began to write over meanwhile is not what it was.
        let valid = counters.begun.load(Ordering::Relaxed).saturating_sub(self.tail as u64);
        let spoilt = usize::try_from(valid.saturating_sub(offset)).unwrap_or(usize::MAX).min(data.len());
        data.drain(..spoilt);
        Ok(Tail { offset: offset + spoilt as u64, data })
    }

    /// The very latest bytes of a stream, as many as the buffer has room for, or as there are; how many that is. For the
    /// logger alone, since nobody else knows that they are not being written over.
    ///
    /// # Errors
    /// None is known.
    pub fn latest(&self, stream: u32, buffer: &mut [u8]) -> Result<usize, Errno> {
        let Some(counters) = self.counters(stream) else { return Err(Errno::EINVAL) };
        let end = counters.taken.load(Ordering::Acquire);
        let length = (buffer.len().min(self.tail) as u64).min(end);
        let count = usize::try_from(length).unwrap_or(0);
        self.read_around(stream, end - length, buffer.get_mut(..count).unwrap_or_default())?;
        Ok(count)
    }

    /// Where in the file a byte of a stream is, and how many follow it before the room of the stream begins anew.
    fn place(&self, stream: u32, offset: u64) -> (i64, usize) {
        let within = offset % self.tail as u64;
        let at = u64::from(stream) * self.tail as u64 + within;
        (at.cast_signed(), self.tail - usize::try_from(within).unwrap_or(0))
    }

    fn write_around(&self, stream: u32, offset: u64, mut bytes: &[u8]) -> Result<(), Errno> {
        let mut offset = offset;
        while !bytes.is_empty() {
            let (at, room) = self.place(stream, offset);
            let written = pwrite(&self.tails, &bytes[..room.min(bytes.len())], at)?;
            offset += written as u64;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    fn read_around(&self, stream: u32, offset: u64, mut buffer: &mut [u8]) -> Result<(), Errno> {
        let mut offset = offset;
        while !buffer.is_empty() {
            let (at, room) = self.place(stream, offset);
            let part = room.min(buffer.len());
            let read = pread(&self.tails, &mut buffer[..part], at)?;
            if read == 0 {
                return Err(Errno::EINVAL);
            }
            offset += read as u64;
            buffer = &mut buffer[read..];
        }
        Ok(())
    }
}

fn in_memory(size: u64) -> Result<OwnedFd, Errno> {
    use nix::sys::memfd::{MFdFlags, memfd_create};
    let file = memfd_create(c"procnanny-log", MFdFlags::MFD_CLOEXEC)?;
    ftruncate(&file, i64::try_from(size).map_err(|_| Errno::EFBIG)?)?;
    Ok(file)
}

fn map(counters: &OwnedFd) -> Result<Mapping, Errno> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses; the file was found to be large enough.
    let address = unsafe {
        libc::mmap(std::ptr::null_mut(), COUNTERS_SIZE, protection, libc::MAP_SHARED, counters.as_raw_fd(), 0)
    };
    if address == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    NonNull::new(address.cast()).map(Mapping).ok_or(Errno::ENOMEM)
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the whole of a mapping that is ours; references into it do not outlive `self`.
        unsafe { libc::munmap(self.0.as_ptr().cast(), COUNTERS_SIZE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(tail: usize) -> (LogMemory, LogMemory) {
        let ours = LogMemory::create(tail).unwrap();
        let [counters, tails] = ours.descriptors().map(|descriptor| descriptor.try_clone_to_owned().unwrap());
        let theirs = LogMemory::shared(counters, tails, tail).unwrap();
        (ours, theirs)
    }

    fn shown(tail: &Tail) -> (u64, &str) {
        (tail.offset, std::str::from_utf8(&tail.data).unwrap())
    }

    #[test]
    fn one_writes_and_the_other_reads() {
        let (ours, theirs) = pair(8);
        assert_eq!(shown(&ours.tail(5, 100).unwrap()), (0, ""));
        theirs.append(5, b"abc").unwrap();
        theirs.append(5, b"").unwrap();
        assert_eq!(shown(&ours.tail(5, 100).unwrap()), (0, "abc"));
        theirs.append(5, b"defghij").unwrap();
        assert_eq!(shown(&ours.tail(5, 100).unwrap()), (2, "cdefghij"));
        assert_eq!(shown(&ours.tail(5, 3).unwrap()), (7, "hij"));
        theirs.append(5, b"0123456789ABCDEF").unwrap();
        assert_eq!(shown(&ours.tail(5, 100).unwrap()), (18, "89ABCDEF"));
        assert_eq!(ours.counters(5).unwrap().taken.load(Ordering::Relaxed), 26);
        // Neighbours have nothing of it.
        assert_eq!(shown(&ours.tail(4, 100).unwrap()), (0, ""));
        assert_eq!(shown(&ours.tail(6, 100).unwrap()), (0, ""));
    }

    #[test]
    fn the_last_stream_has_room_and_there_is_none_after_it() {
        let (ours, theirs) = pair(16);
        theirs.append(MOST_STREAMS - 1, b"last").unwrap();
        assert_eq!(shown(&ours.tail(MOST_STREAMS - 1, 4).unwrap()), (0, "last"));
        assert_eq!(ours.tail(MOST_STREAMS, 4), Err(Errno::EINVAL));
        assert_eq!(ours.append(MOST_STREAMS, b"x"), Err(Errno::EINVAL));
    }

    #[test]
    fn a_cleared_stream_is_as_new() {
        let (ours, theirs) = pair(8);
        theirs.append(0, b"0123456789").unwrap();
        ours.clear(0);
        theirs.append(0, b"new").unwrap();
        assert_eq!(shown(&ours.tail(0, 100).unwrap()), (0, "new"));
    }

    #[test]
    fn what_is_written_over_while_it_is_read_is_left_out() {
        let (ours, theirs) = pair(1 << 12);
        let writer = std::thread::spawn(move || {
            for number in 0..200_000u32 {
                theirs.append(0, format!("{number:07}\n").as_bytes()).unwrap();
            }
        });
        let mut looks = 0;
        while !writer.is_finished() {
            let tail = ours.tail(0, 1 << 12).unwrap();
            // Every line stands where its number says, so a byte of another round shows.
            let text = std::str::from_utf8(&tail.data).unwrap();
            let skipped = (8 - tail.offset % 8) % 8;
            let mut number = (tail.offset + skipped) / 8;
            for line in text.get(usize::try_from(skipped).unwrap()..).unwrap_or("").lines() {
                if line.len() == 7 {
                    assert_eq!(line.parse::<u64>().unwrap(), number);
                    number += 1;
                }
            }
            looks += 1;
        }
        writer.join().unwrap();
        assert!(looks > 0);
    }

    #[test]
    fn nothing_that_is_not_touched_takes_room() {
        let (ours, theirs) = pair(16 << 10);
        theirs.append(100_000, b"x").unwrap();
        let blocks = |descriptor: BorrowedFd<'_>| nix::sys::stat::fstat(descriptor).unwrap().st_blocks;
        let [counters, tails] = ours.descriptors();
        assert!(blocks(counters) + blocks(tails) <= 4 * 8, "in blocks of 512 bytes");
    }
}
