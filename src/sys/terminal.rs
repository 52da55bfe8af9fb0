//! What a terminal says of itself.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn what_is_no_terminal_has_no_size() {
        assert_eq!(window_size(File::open("/dev/null").unwrap()), Err(Errno::ENOTTY));
    }
}
