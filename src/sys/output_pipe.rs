//! The pipe that a stream of output goes through, from a program to whoever reads it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::c_int;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

/// Makes one: the reading end, which never blocks, and the writing end, which does, for a program is not to be told to
/// try again. Both are closed by an exec.
///
/// # Errors
/// `EMFILE`, `ENFILE`.
pub fn make() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    // That is a property of each end, and not of the pipe: pipe(2).
    fcntl(reader.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((reader, writer))
}

/// How many bytes are in it, not yet read: `FIONREAD`, pipe(7).
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
    use nix::unistd::{read, write};

    #[test]
    fn what_is_not_read_is_counted() {
        let (reader, writer) = make().unwrap();
        assert_eq!(unread(reader.as_fd()), Ok(0));
        write(&writer, b"hello").unwrap();
        assert_eq!(unread(reader.as_fd()), Ok(5));
        let mut buffer = [0; 3];
        assert_eq!(read(&reader, &mut buffer), Ok(3));
        assert_eq!(unread(reader.as_fd()), Ok(2));
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(unread(file.as_fd()), Err(Errno::ENOTTY));
    }

    #[test]
    fn only_the_reading_end_does_not_block() {
        let (reader, writer) = make().unwrap();
        assert_eq!(read(&reader, &mut [0]), Err(Errno::EAGAIN));
        let flags = |end: &OwnedFd| fcntl(end.as_fd(), FcntlArg::F_GETFL).unwrap();
        assert_eq!(flags(&writer) & OFlag::O_NONBLOCK.bits(), 0);
    }
}
