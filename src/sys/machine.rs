//! What the first process of a machine asks the kernel for, and nobody else does.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::{c_char, c_int, c_short};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::process::Pid;

/// Brings up the loopback interface, which then has its addresses; nothing where it is up already. See netdevice(7).
///
/// # Errors
/// `ENODEV` and `EAFNOSUPPORT` from a kernel without it, `EPERM` without `CAP_NET_ADMIN`.
pub fn bring_up_loopback() -> Result<(), Errno> {
    // IFF_UP, in the type that it has here.
    const UP: c_short = 1;
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: zeros are a valid `ifreq`, which the first call completes and the second one reads; the member that is
    // used is the one that these requests are about.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (place, byte) in request.ifr_name.iter_mut().zip(b"lo") {
            *place = c_char::from_ne_bytes([*byte]);
        }
        Errno::result(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request))?;
        if request.ifr_ifru.ifru_flags & UP == 0 {
            request.ifr_ifru.ifru_flags |= UP;
            Errno::result(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request))?;
        }
    }
    Ok(())
}

/// Whether a terminal is one of the machine's own screen and keyboard, and no line to somewhere: ioctl_console(2),
/// `KDGKBTYPE`.
#[must_use]
pub fn is_virtual_terminal(terminal: impl AsFd) -> bool {
    const KDGKBTYPE: c_int = 0x4B33;
    let mut kind: c_char = 0;
    // SAFETY: the descriptor is borrowed and thus open; the request writes one byte. (Its number has another type in
    // each C library.)
    unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), KDGKBTYPE as _, &raw mut kind) == 0 }
}

/// Stops swapping to a file or device: swapoff(2).
///
/// # Errors
/// `ENOMEM` when there is no room for what was swapped out.
pub fn swap_off(path: &Path) -> Result<(), Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: a valid string that outlives the call.
    Errno::result(unsafe { libc::swapoff(path.as_ptr()) }).map(drop)
}

/// Sends a signal to every process of our pid namespace but ourselves (kill(2), -1), and SIGCONT, so that one that was
/// stopped sees it. Anybody but its first process is refused: it would be others that are told.
///
/// # Errors
/// `EPERM` if we are not the first process, `ESRCH` if there is no other.
pub fn signal_everyone(signal: i32) -> Result<(), Errno> {
    if Pid::own().get() != 1 {
        return Err(Errno::EPERM);
    }
    // SAFETY: only numbers.
    Errno::result(unsafe { libc::kill(-1, signal) })?;
    // SAFETY: only numbers. That everybody has ended by now is no error.
    let _ = unsafe { libc::kill(-1, libc::SIGCONT) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn others_are_refused() {
        assert_eq!(signal_everyone(libc::SIGCONT), Err(Errno::EPERM));
        assert!(!is_virtual_terminal(File::open("/dev/null").unwrap()));
        assert!(swap_off(Path::new("/nonexistent/swap")).is_err());
        assert_eq!(swap_off(Path::new("a\0b")), Err(Errno::EINVAL));
    }

    #[test]
    fn the_loopback_interface_is_up_or_we_may_not_touch_it() {
        assert!(matches!(bring_up_loopback(), Ok(()) | Err(Errno::EPERM)));
    }
}
