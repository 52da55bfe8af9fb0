//! Moving bytes from one pipe to another without looking at them, and making a pipe larger.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use libc::c_int;
use nix::errno::Errno;

/// Moves up to `most` bytes from one pipe to another, and returns how many; 0 at the end of the first. What is moved is
/// out of the one and in the other at the same time, whenever the process is killed: splice(2).
///
/// # Errors
/// `EAGAIN` when there is nothing to move, or no room for it, whether the pipes block or not. `EINVAL` for what are no
/// pipes.
pub fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: usize) -> Result<usize, Errno> {
    let flags = libc::SPLICE_F_NONBLOCK | libc::SPLICE_F_MOVE;
    // SAFETY: both descriptors are borrowed and thus open; pipes have no positions.
    let moved = unsafe {
        libc::splice(from.as_raw_fd(), ptr::null_mut(), to.as_raw_fd(), ptr::null_mut(), most, flags)
    };
    Errno::result(moved).map(isize::unsigned_abs)
}

/// Gives a pipe room for so many bytes, and returns for how many it has now: `F_SETPIPE_SZ`, pipe(7).
///
/// # Errors
/// `EPERM` beyond what an unprivileged user may have in one pipe or in all, `EBUSY` when more is in it, `ENOMEM`.
pub fn set_room(pipe: BorrowedFd<'_>, bytes: usize) -> Result<usize, Errno> {
    let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    // SAFETY: the descriptor is borrowed and thus open; only numbers.
    let room = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, bytes) };
    Errno::result(room).map(|room| usize::try_from(room).unwrap_or(0))
}

/// Whether a descriptor takes at least a little now without blocking: a pipe or a terminal that is not full.
#[must_use]
pub fn is_writable(descriptor: BorrowedFd<'_>) -> bool {
    const AT_ONCE: c_int = 0;
    let mut poll = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: one structure, and its number is one.
    unsafe { libc::poll(&raw mut poll, 1, AT_ONCE) == 1 }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use nix::unistd::{pipe, read, write};

    use super::*;

    #[test]
    fn what_is_moved_is_no_longer_where_it_was() {
        let (from, to_from) = pipe().unwrap();
        let (to, into) = pipe().unwrap();
        assert_eq!(splice(from.as_fd(), into.as_fd(), 10), Err(Errno::EAGAIN));
        write(&to_from, b"hello").unwrap();
        assert_eq!(splice(from.as_fd(), into.as_fd(), 2), Ok(2));
        assert_eq!(splice(from.as_fd(), into.as_fd(), 10), Ok(3));
        drop(to_from);
        assert_eq!(splice(from.as_fd(), into.as_fd(), 10), Ok(0));
        let mut buffer = [0; 10];
        assert_eq!(read(&to, &mut buffer), Ok(5));
        assert_eq!(&buffer[..5], b"hello");
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(splice(one.as_fd(), other.as_fd(), 10), Err(Errno::EINVAL));
    }

    #[test]
    fn a_pipe_has_the_room_it_was_given() {
        let (_reader, writer) = pipe().unwrap();
        assert_eq!(set_room(writer.as_fd(), 128 << 10), Ok(128 << 10));
        assert!(is_writable(writer.as_fd()));
        write(&writer, &[0; 128 << 10]).unwrap();
        assert!(!is_writable(writer.as_fd()));
        assert_eq!(set_room(writer.as_fd(), 4096), Err(Errno::EBUSY));
    }
}
