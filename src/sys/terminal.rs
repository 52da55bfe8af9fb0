//! What a terminal says of itself, and which process group has its turn on it; see ioctl_tty(2), tcgetpgrp(3).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

use super::process::Pid;

/// The size of a terminal in characters; zeros stand for unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    /// From left to right.
    pub columns: u16,
    /// From top to bottom.
    pub lines: u16,
}

/// Asks a terminal for its size: ioctl_tty(2), `TIOCGWINSZ`.
///
/// # Errors
/// `ENOTTY` for what is no terminal.
pub fn window_size(terminal: impl AsFd) -> Result<WindowSize, Errno> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is borrowed and thus open; the request writes one winsize, for which there is room.
    let result = unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    Errno::result(result).map(|_| WindowSize { columns: size.ws_col, lines: size.ws_row })
}

/// The terminal that controls our session: one of the standard descriptors if it is that, else as `/dev/tty`; `None`
/// if there is none. A descriptor of its own, close-on-exec.
#[must_use]
pub fn controlling() -> Option<OwnedFd> {
    const FIRST_OTHER: RawFd = 3;
    const STANDARD: [RawFd; 3] = [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO];
    // SAFETY: only numbers. The call fails for whatever is not this very terminal.
    let is_it = |descriptor: &RawFd| unsafe { libc::tcgetpgrp(*descriptor) } >= 0;
    let descriptor = match STANDARD.into_iter().find(is_it) {
        // SAFETY: only numbers.
        Some(standard) => unsafe { libc::fcntl(standard, libc::F_DUPFD_CLOEXEC, FIRST_OTHER) },
        // SAFETY: a constant string.
        None => unsafe { libc::open(c"/dev/tty".as_ptr(), libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC) },
    };
    // SAFETY: it has just been made, and nobody else knows of it.
    (descriptor >= 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Standard input, which is a terminal or not. (That of the standard library brings a buffer with it.)
#[must_use]
pub fn standard_input() -> BorrowedFd<'static> {
    // SAFETY: it is opened before a program begins and never closed, as the standard library presumes too.
    unsafe { BorrowedFd::borrow_raw(libc::STDIN_FILENO) }
}

/// The process group in the foreground of the terminal that controls our session. `None` if there is none, or one of a
/// pid namespace outside of ours.
///
/// # Errors
/// `ENOTTY` for what is not that terminal.
pub fn foreground(terminal: impl AsFd) -> Result<Option<Pid>, Errno> {
    // SAFETY: the descriptor is borrowed and thus open.
    Errno::result(unsafe { libc::tcgetpgrp(terminal.as_fd().as_raw_fd()) }).map(Pid::new)
}

/// Puts a process group of our session in the foreground. To be called while SIGTTOU is blocked: otherwise who is in
/// the background is stopped by it.
///
/// # Errors
/// `ENOTTY` for what is not the terminal of our session, `EPERM` and `ESRCH` for what is no group of it.
pub fn set_foreground(terminal: impl AsFd, group: Pid) -> Result<(), Errno> {
    // SAFETY: only numbers; the descriptor is borrowed and thus open.
    Errno::result(unsafe { libc::tcsetpgrp(terminal.as_fd().as_raw_fd(), group.get()) }).map(drop)
}

/// Gives up the terminal that controls our session. If we are its leader it controls the session no more, and another
/// session can take it; whoever is in the foreground is sent SIGHUP and SIGCONT, which may be ourselves.
///
/// # Errors
/// `ENOTTY` for what is not that terminal.
pub fn give_up(terminal: impl AsFd) -> Result<(), Errno> {
    // SAFETY: the descriptor is borrowed and thus open.
    Errno::result(unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCNOTTY) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn what_is_no_terminal_has_no_size() {
        let null = File::open("/dev/null").unwrap();
        assert_eq!(window_size(&null), Err(Errno::ENOTTY));
        assert_eq!(foreground(&null), Err(Errno::ENOTTY));
        assert_eq!(set_foreground(&null, Pid::own()), Err(Errno::ENOTTY));
        assert_eq!(give_up(&null), Err(Errno::ENOTTY));
    }
}
