//! Pipes from a process that may write when it likes to one that never waits for it (pipe(7)).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::c_int;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd;

/// A pipe, close-on-exec.
#[derive(Debug)]
pub struct Pipe {
    /// The end that is read with [`read`].
    pub reader: OwnedFd,
    /// The end that is written to. Writing waits for room, as most programs expect.
    pub writer: OwnedFd,
}

/// What there was to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing at the moment.
    Nothing,
    /// Nothing, and there will be nothing more: all writing ends are closed.
    End,
}

/// Makes a pipe.
///
/// # Errors
/// `EMFILE`, `ENFILE`.
pub fn new() -> Result<Pipe, Errno> {
    let (reader, writer) = unistd::pipe2(OFlag::O_CLOEXEC)?;
    // A new pipe has no other flags that could get lost.
    fcntl(reader.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(Pipe { reader, writer })
}

/// Reads what is there, as far as there is room, without waiting.
///
/// # Errors
/// None is known.
pub fn read(reader: BorrowedFd<'_>, room: &mut [u8]) -> Result<Read, Errno> {
    match unistd::read(reader, room) {
        Ok(0) => Ok(Read::End),
        Ok(length) => Ok(Read::Bytes(length)),
        Err(Errno::EAGAIN | Errno::EINTR) => Ok(Read::Nothing),
        Err(errno) => Err(errno),
    }
}

/// How many bytes are in a pipe, not yet read: `FIONREAD`, pipe(7).
///
/// # Errors
/// `ENOTTY` for what is no pipe.
pub fn unread(pipe: BorrowedFd<'_>) -> Result<u64, Errno> {
    let mut bytes: c_int = 0;
    // SAFETY: the descriptor is borrowed and thus open; the request writes one int, for which there is room.
    let result = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut bytes) };
    Errno::result(result).map(|_| u64::from(bytes.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_never_waits() {
        let Pipe { reader, writer } = new().unwrap();
        let mut room = [0; 3];
        let mut next = || read(reader.as_fd(), &mut room);
        assert_eq!(next(), Ok(Read::Nothing));
        unistd::write(&writer, b"abcd").unwrap();
        assert_eq!((next(), next(), next()), (Ok(Read::Bytes(3)), Ok(Read::Bytes(1)), Ok(Read::Nothing)));
        drop(writer);
        assert_eq!(next(), Ok(Read::End));
    }

    #[test]
    fn what_is_not_read_is_counted() {
        let Pipe { reader, writer } = new().unwrap();
        assert_eq!(unread(reader.as_fd()), Ok(0));
        unistd::write(&writer, b"hello").unwrap();
        assert_eq!(unread(reader.as_fd()), Ok(5));
        let mut buffer = [0; 3];
        assert_eq!(unistd::read(&reader, &mut buffer), Ok(3));
        assert_eq!(unread(reader.as_fd()), Ok(2));
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(unread(file.as_fd()), Err(Errno::ENOTTY));
    }

    #[test]
    fn only_the_reading_end_does_not_block() {
        let Pipe { reader, writer } = new().unwrap();
        assert_eq!(unistd::read(&reader, &mut [0]), Err(Errno::EAGAIN));
        let flags = |end: &OwnedFd| fcntl(end.as_fd(), FcntlArg::F_GETFL).unwrap();
        assert_eq!(flags(&writer) & OFlag::O_NONBLOCK.bits(), 0);
    }
}
