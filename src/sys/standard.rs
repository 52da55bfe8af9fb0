//! Standard input, output and error: that they are there before anything else is.

use std::ffi::CStr;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU8, Ordering};

use libc::c_int;
use nix::errno::Errno;

const STANDARD: [RawFd; 3] = [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO];

/// Those that were closed, a bit each.
static WERE_CLOSED: AtomicU8 = AtomicU8::new(0);

/// Opens `/dev/null` in place of each of standard input, output and error that is closed. Without that the next file
/// or socket to be opened would get its number, and whatever is printed would go there. Where there is no `/dev/null`,
/// as in an empty root, it is the root directory, which can neither be read from nor written to.
///
/// To be called before anything is opened and before there are threads. Async-signal-safe.
///
/// # Errors
/// When neither can be opened.
pub fn ensure() -> Result<(), Errno> {
    for descriptor in STANDARD {
        // SAFETY: only numbers.
        if Errno::result(unsafe { libc::fcntl(descriptor, libc::F_GETFD) }) == Err(Errno::EBADF) {
            // As all below it are open by now, this gets that very number.
            open(c"/dev/null", libc::O_RDWR).or_else(|_| open(c"/", libc::O_RDONLY | libc::O_DIRECTORY))?;
            WERE_CLOSED.fetch_or(1 << descriptor, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Opens this in place of those standard descriptors that were closed when the program began, for reading and writing:
/// the console of a machine, which was not there yet. It does not become the terminal of our session.
///
/// # Errors
/// When it cannot be opened. Then they are as they were.
pub fn open_what_was_closed(path: &CStr) -> Result<(), Errno> {
    let closed = WERE_CLOSED.load(Ordering::Relaxed);
    for descriptor in STANDARD.into_iter().filter(|descriptor| closed & (1 << descriptor) != 0) {
        // SAFETY: a valid string that outlives the call; then only numbers, of which the first is ours alone.
        unsafe {
            let opened = Errno::result(libc::open(path.as_ptr(), libc::O_RDWR | libc::O_NOCTTY))?;
            let placed = Errno::result(libc::dup2(opened, descriptor));
            libc::close(opened);
            placed?;
        }
    }
    Ok(())
}

fn open(path: &CStr, flags: c_int) -> Result<(), Errno> {
    // SAFETY: a valid string that outlives the call. The descriptor is meant to stay open for good.
    Errno::result(unsafe { libc::open(path.as_ptr(), flags) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::test_support::in_child;
    use super::super::wait::Ending;
    use super::*;

    #[test]
    fn closed_standard_descriptors_are_opened() {
        let ended = in_child(|| {
            // SAFETY: only numbers. The child is about to end.
            let is_open = |descriptor| unsafe { libc::fcntl(descriptor, libc::F_GETFD) } == 0;
            // SAFETY: as above.
            unsafe {
                libc::close(0);
                libc::close(2);
            }
            let done = ensure().is_ok() && is_open(0) && is_open(1) && is_open(2);
            // What takes their place takes the place of these two alone.
            if !done || open_what_was_closed(c"/dev/zero").is_err() {
                return 1;
            }
            let mut byte = [1];
            // SAFETY: as above; there is room for what is read.
            let read = unsafe { libc::read(0, byte.as_mut_ptr().cast(), 1) };
            i32::from(!(read == 1 && byte == [0] && is_open(1) && is_open(2)))
        });
        assert_eq!(ended, Ending::Exited(0));
    }
}
