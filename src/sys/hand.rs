//! What the logger has in hand: bytes that are out of a stream's pipe and not yet where they go, and how far that has
//! come. It lies in memory that outlives the logger, so that the next one can go on where a killed one was.
//!
//! Only one process has this at a time: a logger is started after its predecessor was reaped.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

/// How many bytes of a stream can be in hand.
pub const BUFFER: usize = 272 << 10;
/// How many bytes of text made from them there can be at a time.
pub const TEXT: usize = 64 << 10;

/// Room for the notes, a multiple of every page size there is.
const NOTES: usize = 64 << 10;
/// All of it, in bytes.
pub(super) const SIZE: usize = NOTES + BUFFER + TEXT;

/// How far it has come. In which order these are set is told where they are set, in [`crate::logger`].
#[derive(Debug)]
#[repr(C)]
pub struct Notes {
    /// The number of the stream, plus 1; 0 when nothing is in hand.
    pub stream: Note,
    /// How many bytes at the beginning of the buffer had been taken before.
    pub held: Note,
    /// How many bytes of the stream had been taken before.
    pub taken: Note,
    /// How many bytes went into the work pipe.
    pub moved: Note,
    /// When, in microseconds since 1970.
    pub time: Note,
    /// The write under way: how many bytes it has, 0 when there is none.
    pub length: Note,
    /// Where they are: 0 in the buffer, 1 in the text.
    pub area: Note,
    /// Where they begin there.
    pub from: Note,
    /// Where in the buffer that begins which the text was made of.
    pub base: Note,
    /// How many bytes stand before each line of the text, or 0.
    pub decoration: Note,
    /// 1 if the text begins at a line's start.
    pub starts: Note,
    /// How many bytes of the buffer the text, or that which is written of the buffer, stands for.
    pub source: Note,
    /// How many bytes of the stream had been written before.
    pub written: Note,
    /// Of how many dropped bytes the file tells when this is written.
    pub marked: Note,
    /// The size of the file before.
    pub size: Note,
    /// Which file: its inode and its device.
    pub inode: Note,
    /// As above.
    pub device: Note,
}

/// One number. What is set later is never seen without what was set before.
#[derive(Debug)]
#[repr(transparent)]
pub struct Note(AtomicU64);

impl Note {
    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Sets it.
    pub fn set(&self, number: u64) {
        self.0.store(number, Ordering::Release);
    }
}

/// What is in hand, mapped.
#[derive(Debug)]
pub struct Hand(NonNull<u8>);

/// Its parts.
#[derive(Debug)]
pub struct Parts<'a> {
    /// How far it has come.
    pub notes: &'a Notes,
    /// The bytes.
    pub buffer: &'a mut [u8],
    /// Text made of them.
    pub text: &'a mut [u8],
}

impl Hand {
    /// Maps it; `offset` bytes into a file that is large enough.
    pub(super) fn map(file: BorrowedFd<'_>, offset: usize) -> Result<Self, Errno> {
        let offset = libc::off_t::try_from(offset).map_err(|_| Errno::EINVAL)?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses; the file was found to be large enough.
        let address = unsafe {
            libc::mmap(std::ptr::null_mut(), SIZE, protection, libc::MAP_SHARED, file.as_raw_fd(), offset)
        };
        if address == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        NonNull::new(address.cast()).map(Self).ok_or(Errno::ENOMEM)
    }

    /// The notes alone.
    pub fn notes(&self) -> &Notes {
        // SAFETY: the mapping lives as long as `self`, is aligned to a page, and larger than the structure. All of it is
        // atomic, and any pattern of bits is a value.
        unsafe { self.0.cast().as_ref() }
    }

    /// All parts.
    pub fn parts(&mut self) -> Parts<'_> {
        // SAFETY: three parts of one mapping that do not overlap and lie within it. It lives as long as `self`, which is
        // borrowed for as long as the parts are; no other process touches the bytes, as the module says.
        unsafe {
            let buffer = slice::from_raw_parts_mut(self.0.add(NOTES).as_ptr(), BUFFER);
            let text = slice::from_raw_parts_mut(self.0.add(NOTES + BUFFER).as_ptr(), TEXT);
            Parts { notes: self.0.cast().as_ref(), buffer, text }
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        // SAFETY: the whole of a mapping that is ours; references into it do not outlive `self`.
        unsafe { libc::munmap(self.0.as_ptr().cast(), SIZE) };
    }
}
