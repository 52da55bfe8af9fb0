//! `accept` and `accept4` for the whole program: they never fail for want of descriptors.
//!
//! libzmq aborts the process when its ipc listener's accept(2) fails with `EMFILE`, `ENOMEM` or `ENOBUFS`
//! (`ipc_listener.cpp`), so that anybody who may connect could end the supervisor by connecting often enough. For
//! other transports, and for `ENFILE`, it tries again at once, for ever, as the listener stays readable. Hence these
//! two functions, which the linker takes for libzmq in place of the C library's. A libzmq that is a shared library gets
//! them as well: linkers export what a library that they link to refers to, and the program's own symbols come before
//! those of all libraries. (`nm -D` shows both; the tests of crowds, which `.ci/run` runs with such a libzmq too, count.)
//!
//! Until [`guard`] is called they do what the C library's do. From then on a connection that there is no room for is
//! accepted into a descriptor kept in reserve, and closed at once. So the queue gets shorter, nobody spins, the
//! client sees the end of its connection, and the caller is told `ECONNABORTED`: the client has gone, try the next.
//!
//! They are called by libzmq's threads, beside ours. All that is shared is atomic.

use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use libc::{c_int, sockaddr, socklen_t};
use nix::errno::Errno;

use super::limits::{self, Limit};

/// The state of [`RESERVE`] before [`guard`].
const OFF: c_int = -2;
/// The state of [`RESERVE`] while it is in use, or could not be opened again.
const MISSING: c_int = -1;
/// How long a caller is held when even the reserve did not help, so that it does not spin.
const PAUSE: Duration = Duration::from_millis(10);

/// A descriptor kept for refusing, or one of the two states above.
static RESERVE: AtomicI32 = AtomicI32::new(OFF);
/// Accepted connections have to be below this.
static CEILING: AtomicI32 = AtomicI32::new(c_int::MAX);
/// How many connections were refused.
static REFUSED: AtomicU32 = AtomicU32::new(0);

/// From now on refuses connections that there are no descriptors for, and those that would take the last `headroom`
/// ones (at most half of all): these stay for what the supervisor opens itself. To be called once, after the limit of
/// open files was raised, and before anything listens.
///
/// # Errors
/// What getrlimit(2) or the opening of the root directory says.
pub fn guard(headroom: u32) -> Result<(), Errno> {
    let limit = limits::get(Limit::OpenFiles)?.soft;
    let ceiling = limit - u64::from(headroom).min(limit / 2);
    CEILING.store(c_int::try_from(ceiling).unwrap_or(c_int::MAX), Ordering::Relaxed);
    let reserve = open_reserve()?;
    let previous = RESERVE.swap(reserve, Ordering::AcqRel);
    if previous >= 0 {
        close(previous);
    }
    Ok(())
}

/// How many connections were refused up to now. Begins anew at zero after 2^32.
#[must_use]
pub fn refused_connections() -> u32 {
    REFUSED.load(Ordering::Relaxed)
}

/// accept(2), for whoever links to it.
///
/// # Safety
/// As the C library's: `length` and `address` are null, or `address` points to so many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn accept(socket: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int {
    const NO_FLAGS: c_int = 0;
    // SAFETY: the caller keeps to the contract of accept4(2), which without flags is that of accept(2).
    unsafe { accept4(socket, address, length, NO_FLAGS) }
}

/// accept4(2), for whoever links to it.
///
/// # Safety
/// As the C library's: `length` and `address` are null, or `address` points to so many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn accept4(
    socket: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller keeps to the contract of accept4(2).
    let accepted = unsafe { system_accept(socket, address, length, flags) };
    let outcome = if RESERVE.load(Ordering::Acquire) == OFF { accepted } else { judge(socket, accepted) };
    outcome.unwrap_or_else(|errno| {
        errno.set();
        -1
    })
}

/// What the caller gets to see of this outcome.
fn judge(socket: c_int, accepted: Result<c_int, Errno>) -> Result<c_int, Errno> {
    match accepted {
        Ok(connection) if connection < CEILING.load(Ordering::Relaxed) && has_reserve() => Ok(connection),
        Ok(connection) => {
            refuse(connection);
            // The descriptor that this has freed may be what the reserve lacks.
            has_reserve();
            Err(Errno::ECONNABORTED)
        }
        Err(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS) => {
            match refuse_next(socket) {
                Ok(()) => Err(Errno::ECONNABORTED),
                // That there are no descriptors is found out before that there is nothing to accept.
                Err(Errno::EAGAIN) => Err(Errno::EAGAIN),
                Err(_) => {
                    thread::sleep(PAUSE);
                    Err(Errno::ECONNABORTED)
                }
            }
        }
        Err(errno) => Err(errno),
    }
}

/// Takes the next connection from the queue into the place of the reserve, and refuses it. `EAGAIN` if there is none.
fn refuse_next(socket: c_int) -> Result<(), Errno> {
    let reserve = RESERVE.swap(MISSING, Ordering::AcqRel);
    if reserve >= 0 {
        close(reserve);
    }
    // The listener may be one that blocks.
    let outcome = if is_readable(socket) {
        // SAFETY: no address is asked for.
        unsafe { system_accept(socket, ptr::null_mut(), ptr::null_mut(), libc::SOCK_CLOEXEC) }.map(refuse)
    } else {
        Err(Errno::EAGAIN)
    };
    has_reserve();
    outcome
}

fn refuse(connection: c_int) {
    close(connection);
    REFUSED.fetch_add(1, Ordering::Relaxed);
}

/// Whether the reserve is there; if it is missing, tries to open it again.
fn has_reserve() -> bool {
    if RESERVE.load(Ordering::Acquire) != MISSING {
        return true;
    }
    let Ok(reserve) = open_reserve() else { return false };
    if RESERVE.compare_exchange(MISSING, reserve, Ordering::AcqRel, Ordering::Acquire).is_err() {
        // Another thread was faster.
        close(reserve);
    }
    true
}

fn open_reserve() -> Result<c_int, Errno> {
    // What is always there.
    // SAFETY: a constant string. Who gets the number sees to its being closed.
    Errno::result(unsafe { libc::open(c"/".as_ptr(), libc::O_PATH | libc::O_CLOEXEC) })
}

fn close(descriptor: c_int) {
    // SAFETY: the callers hand over a descriptor that is theirs alone. It is gone whatever close(2) says.
    unsafe { libc::close(descriptor) };
}

fn is_readable(socket: c_int) -> bool {
    const AT_ONCE: c_int = 0;
    let mut poll = libc::pollfd { fd: socket, events: libc::POLLIN, revents: 0 };
    // SAFETY: one structure, and its number is one.
    unsafe { libc::poll(&raw mut poll, 1, AT_ONCE) == 1 && poll.revents & libc::POLLIN != 0 }
}

/// The system call itself.
///
/// # Safety
/// That of accept4(2).
unsafe fn system_accept(
    socket: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
    flags: c_int,
) -> Result<c_int, Errno> {
    // SAFETY: the caller keeps to the contract of accept4(2).
    let result = unsafe { libc::syscall(libc::SYS_accept4, socket, address, length, flags) };
    Errno::result(result).map(|descriptor| c_int::try_from(descriptor).unwrap_or(MISSING))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::super::limits::LimitValues;
    use super::super::test_support::in_child;
    use super::super::wait::Ending;
    use super::*;

    const CLIENTS: usize = 20;

    /// A listener with clients in its queue. The path is gone again.
    fn crowd(name: &str) -> (UnixListener, Vec<UnixStream>) {
        let path = std::env::temp_dir().join(format!("procnanny-accept-{name}-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let clients = (0..CLIENTS).map(|_| UnixStream::connect(&path).unwrap()).collect();
        std::fs::remove_file(&path).unwrap();
        (listener, clients)
    }

    /// Leaves room for so many descriptors more. Only for a child: it closes what other tests have open.
    fn leave_room(listener: &UnixListener, room: c_int) {
        // More than a test binary has open.
        const MOST: c_int = 4096;
        let listener = listener.as_raw_fd();
        (listener + 1..MOST).for_each(close);
        let lowest = loop {
            // SAFETY: only numbers. What is free below the listener is filled, so that the room is in one piece.
            let free = unsafe { libc::dup(0) };
            if free > listener || free < 0 {
                close(free);
                break free;
            }
        };
        let soft = u64::try_from(lowest + room).unwrap_or(0);
        let hard = limits::get(Limit::OpenFiles).map_or(soft, |values| values.hard);
        let _ = limits::set(Limit::OpenFiles, LimitValues { soft, hard });
    }

    /// As whoever links to it calls it.
    fn call(listener: &UnixListener) -> Result<c_int, Errno> {
        // SAFETY: no address is asked for.
        Errno::result(unsafe { libc::accept(listener.as_raw_fd(), ptr::null_mut(), ptr::null_mut()) })
    }

    /// Empties the queue: how many were accepted. `None` if there is an outcome that there should not be.
    fn accept_all(listener: &UnixListener) -> Option<usize> {
        let mut accepted = 0;
        for _ in 0..CLIENTS {
            match call(listener) {
                Ok(_) => accepted += 1,
                Err(Errno::ECONNABORTED) => {}
                Err(_) => return None,
            }
        }
        (call(listener) == Err(Errno::EAGAIN)).then_some(accepted)
    }

    #[test]
    fn the_linker_takes_ours() {
        assert_eq!(libc::accept as *const (), accept as *const ());
        assert_eq!(libc::accept4 as *const (), accept4 as *const ());
    }

    #[test]
    fn unguarded_it_is_the_system_call() {
        let (listener, _clients) = crowd("unguarded");
        let ended = in_child(|| {
            leave_room(&listener, 2);
            loop {
                match call(&listener) {
                    Ok(_) => {}
                    Err(Errno::EMFILE) => return 0,
                    Err(_) => return 1,
                }
            }
        });
        assert_eq!(ended, Ending::Exited(0));
    }

    #[test]
    fn what_there_is_no_room_for_is_refused() {
        let (listener, _clients) = crowd("refused");
        let ended = in_child(|| {
            leave_room(&listener, 5);
            if guard(0).is_err() {
                return 1;
            }
            let Some(accepted) = accept_all(&listener) else { return 2 };
            let refused = usize::try_from(refused_connections()).unwrap_or(0);
            // One of the five is the reserve.
            if accepted > 4 || accepted + refused != CLIENTS || RESERVE.load(Ordering::Relaxed) < 0 {
                3
            } else {
                0
            }
        });
        assert_eq!(ended, Ending::Exited(0));
    }

    #[test]
    fn clients_leave_the_headroom_alone() {
        let (listener, _clients) = crowd("headroom");
        let ended = in_child(|| {
            leave_room(&listener, 8);
            if guard(3).is_err() || accept_all(&listener).is_none_or(|accepted| accepted > 4) {
                return 1;
            }
            // SAFETY: only numbers.
            let ours = [(); 3].map(|()| unsafe { libc::dup(0) });
            i32::from(ours.iter().any(|descriptor| *descriptor < 0))
        });
        assert_eq!(ended, Ending::Exited(0));
    }

    #[test]
    fn a_lost_reserve_comes_back_before_anybody_is_let_in() {
        let (listener, _clients) = crowd("lost");
        let ended = in_child(|| {
            leave_room(&listener, 1);
            if guard(0).is_err() {
                return 1;
            }
            // Somebody else takes the place of the reserve.
            close(RESERVE.swap(MISSING, Ordering::Relaxed));
            // SAFETY: only numbers.
            let taken = unsafe { libc::dup(0) };
            if call(&listener) != Err(Errno::ECONNABORTED) || refused_connections() != 0 {
                return 2;
            }
            close(taken);
            if call(&listener) != Err(Errno::ECONNABORTED) || RESERVE.load(Ordering::Relaxed) != taken {
                return 3;
            }
            while call(&listener) == Err(Errno::ECONNABORTED) {}
            if refused_connections() == u32::try_from(CLIENTS).unwrap_or(0) { 0 } else { 4 }
        });
        assert_eq!(ended, Ending::Exited(0));
    }
}
