//! A terminal taken by a new process for its own: what a getty does before it asks for a name.
//!
//! All of it is for the child between fork and exec, so only functions are called that are safe there
//! (signal-safety(7)). They leave their errors in errno, so that this is never done in memory that is shared with the
//! parent: see `OwnPlan::may_share_memory`.

use std::ffi::CStr;
use std::os::fd::RawFd;

use libc::{c_int, tcflag_t, termios};
use nix::errno::Errno;

/// Takes a terminal: it controls our session from now on, whoever had it before. To be called by the leader of a
/// session without a terminal, while all signals are blocked.
///
/// Whoever may do so (vhangup(2), `CAP_SYS_TTY_CONFIG`) first has it hung up, so that nothing that an earlier session
/// left behind reads what is typed from now on. Its modes become those of a terminal that nobody has changed: a
/// program that was killed may have left it raw. Speed and size of a character stay.
///
/// # Errors
/// What opening it says, `ENOTTY` for what is no terminal, and `EPERM` where another session has it and we are not
/// privileged to take it.
pub(super) fn take(path: &CStr) -> Result<RawFd, Errno> {
    let mut terminal = open(path)?;
    control(terminal)?;
    // SAFETY: no arguments.
    if unsafe { libc::vhangup() } == 0 {
        // Our own descriptor is of no use any more, either. It is closed last, as a terminal that nobody has open tells
        // the other end of its line so.
        let hung_up = std::mem::replace(&mut terminal, open(path)?);
        // SAFETY: the descriptor is ours, and not used after this.
        unsafe { libc::close(hung_up) };
        forget_hangup();
        control(terminal)?;
    }
    make_sane(terminal);
    // SAFETY: only numbers. It was opened without waiting for a carrier; whoever reads is to wait.
    unsafe { libc::fcntl(terminal, libc::F_SETFL, libc::O_RDWR) };
    Ok(terminal)
}

fn open(path: &CStr) -> Result<RawFd, Errno> {
    const FLAGS: c_int = libc::O_RDWR | libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_CLOEXEC;
    // SAFETY: a valid string that outlives the call.
    Errno::result(unsafe { libc::open(path.as_ptr(), FLAGS) })
}

/// Makes it the terminal of our session; ioctl_tty(2), `TIOCSCTTY`.
fn control(terminal: RawFd) -> Result<(), Errno> {
    const TAKE_IT_FROM_OTHERS: c_int = 1;
    // SAFETY: only numbers.
    Errno::result(unsafe { libc::ioctl(terminal, libc::TIOCSCTTY, TAKE_IT_FROM_OTHERS) }).map(drop)
}

/// The hanging up has sent us SIGHUP, which waits for being unblocked. What is ignored does not wait.
fn forget_hangup() {
    for disposition in [libc::SIG_IGN, libc::SIG_DFL] {
        // SAFETY: no handler is named, and the signal is one that the C library leaves to its user.
        unsafe { libc::signal(libc::SIGHUP, disposition) };
    }
}

/// Sets the modes that a shell expects; as busybox's init does. That it cannot be done is no reason not to go on.
fn make_sane(terminal: RawFd) {
    // SAFETY: zeros are a valid structure, which the first call fills and the second one reads.
    unsafe {
        let mut modes: termios = std::mem::zeroed();
        if libc::tcgetattr(terminal, &raw mut modes) == 0 {
            set_sane(&mut modes);
            libc::tcsetattr(terminal, libc::TCSANOW, &raw const modes);
        }
    }
}

fn set_sane(modes: &mut termios) {
    const KEPT_OF_CONTROL: tcflag_t =
        libc::CBAUD | libc::CSIZE | libc::CSTOPB | libc::PARENB | libc::PARODD | libc::CRTSCTS;
    // No carrier is waited for: many a console has three wires.
    modes.c_cflag = modes.c_cflag & KEPT_OF_CONTROL | libc::CREAD | libc::HUPCL | libc::CLOCAL;
    modes.c_iflag = modes.c_iflag & libc::IUTF8 | libc::ICRNL | libc::IXON;
    modes.c_oflag = libc::OPOST | libc::ONLCR;
    modes.c_lflag = libc::ISIG
        | libc::ICANON
        | libc::IEXTEN
        | libc::ECHO
        | libc::ECHOE
        | libc::ECHOK
        | libc::ECHOCTL
        | libc::ECHOKE;
    const CTRL: u8 = 0x1f;
    const DELETE: u8 = 0x7f;
    for (place, key) in [
        (libc::VINTR, b'C' & CTRL),
        (libc::VQUIT, b'\\' & CTRL),
        (libc::VERASE, DELETE),
        (libc::VKILL, b'U' & CTRL),
        (libc::VEOF, b'D' & CTRL),
        (libc::VSTART, b'Q' & CTRL),
        (libc::VSTOP, b'S' & CTRL),
        (libc::VSUSP, b'Z' & CTRL),
        (libc::VREPRINT, b'R' & CTRL),
        (libc::VWERASE, b'W' & CTRL),
        (libc::VLNEXT, b'V' & CTRL),
        (libc::VEOL, 0),
        (libc::VEOL2, 0),
    ] {
        if let Some(place) = modes.c_cc.get_mut(place) {
            *place = key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::in_child;
    use super::super::wait::Ending;
    use super::*;
    use nix::pty::openpty;
    use std::os::fd::AsRawFd;

    #[test]
    fn what_is_no_terminal_is_refused() {
        assert_eq!(take(c"/dev/null"), Err(Errno::ENOTTY));
        assert_eq!(take(c"/nonexistent/tty"), Err(Errno::ENOENT));
    }

    /// Where a terminal cannot be hung up, or has a driver that keeps its modes then, nothing else makes them sane.
    #[test]
    fn raw_modes_become_sane_and_the_line_stays_as_it_is() {
        // SAFETY: zeros are a valid structure, and the calls change nothing else.
        let mut modes: termios = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        unsafe {
            libc::cfmakeraw(&raw mut modes);
            libc::cfsetspeed(&raw mut modes, libc::B115200);
        }
        modes.c_cflag |= libc::CRTSCTS;
        modes.c_iflag |= libc::IUTF8;
        set_sane(&mut modes);
        let line = libc::ISIG | libc::ICANON | libc::ECHO;
        assert_eq!(modes.c_lflag & line, line);
        assert_eq!(modes.c_oflag, libc::OPOST | libc::ONLCR);
        assert_eq!(modes.c_iflag, libc::IUTF8 | libc::ICRNL | libc::IXON);
        assert_eq!(modes.c_cflag & (libc::CSIZE | libc::CRTSCTS), libc::CS8 | libc::CRTSCTS);
        assert_eq!((modes.c_cc[libc::VINTR], modes.c_cc[libc::VEOF], modes.c_cc[libc::VERASE]), (3, 4, 127));
        // SAFETY: as above.
        assert_eq!(unsafe { libc::cfgetospeed(&raw const modes) }, libc::B115200);
    }

    #[test]
    fn a_terminal_is_ours_and_sane() {
        let pty = openpty(None, None).unwrap();
        let path = nix::unistd::ttyname(&pty.slave).unwrap();
        let path = std::ffi::CString::new(path.into_os_string().into_encoded_bytes()).unwrap();
        // SAFETY: valid structures; the descriptor is open.
        let before = unsafe {
            let mut modes: termios = std::mem::zeroed();
            assert_eq!(libc::tcgetattr(pty.slave.as_raw_fd(), &raw mut modes), 0);
            let before = modes;
            libc::cfmakeraw(&raw mut modes);
            modes.c_cc[libc::VINTR] = b'x';
            assert_eq!(libc::tcsetattr(pty.slave.as_raw_fd(), libc::TCSANOW, &raw const modes), 0);
            before
        };
        let ended = in_child(|| {
            // SAFETY: only system calls with numbers and valid structures. The child is about to end.
            unsafe {
                libc::setsid();
                if super::super::mask::Mask::ALL.set().is_err() {
                    return 1;
                }
                let Ok(terminal) = take(&path) else { return 2 };
                if super::super::inbox::is_waiting(libc::SIGHUP) {
                    return 3;
                }
                let mut modes: termios = std::mem::zeroed();
                if libc::tcgetattr(terminal, &raw mut modes) != 0 {
                    return 4;
                }
                let sane = modes.c_lflag & libc::ICANON != 0
                    && modes.c_cc[libc::VINTR] == before.c_cc[libc::VINTR]
                    && libc::cfgetospeed(&raw const modes) == libc::cfgetospeed(&raw const before);
                if !sane {
                    return 5;
                }
                i32::from(libc::tcgetsid(terminal) != libc::getpid()) * 6
            }
        });
        assert_eq!(ended, Ending::Exited(0));
    }
}
