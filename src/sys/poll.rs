//! Waiting for many descriptors at once: epoll(7), level-triggered, for reading, and where that is asked for also until
//! more can be written.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

/// What a descriptor is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// That it can be read, as [`Poller::add`] has it.
    Read,
    /// That, and that it can be written.
    ReadAndWrite,
}

/// A set of descriptors to wait for.
#[derive(Debug)]
pub struct Poller(Epoll);

impl Poller {
    /// Makes an empty one, close-on-exec.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> Result<Self, Errno> {
        Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map(Self)
    }

    /// Watches a descriptor: when it can be read, is at its end or has failed, `token` is ready.
    ///
    /// One that is closed goes by itself, unless a duplicate of it is still open, as in a child before its exec. So
    /// [`remove`](Self::remove) it first.
    ///
    /// # Errors
    /// `EEXIST` if it is watched already; `EPERM` for what is always ready, as a file or a directory; `ENOMEM`;
    /// `ENOSPC` beyond `/proc/sys/fs/epoll/max_user_watches`.
    pub fn add(&self, descriptor: BorrowedFd<'_>, token: u64) -> Result<(), Errno> {
        self.0.add(descriptor, EpollEvent::new(EpollFlags::EPOLLIN, token))
    }

    /// Watches a descriptor that is watched already for something else.
    ///
    /// # Errors
    /// `ENOENT` if it is not watched.
    pub fn change(&self, descriptor: BorrowedFd<'_>, token: u64, interest: Interest) -> Result<(), Errno> {
        let flags = match interest {
            Interest::Read => EpollFlags::EPOLLIN,
            Interest::ReadAndWrite => EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT,
        };
        self.0.modify(descriptor, &mut EpollEvent::new(flags, token))
    }

    /// Watches a descriptor no more. A readiness that was already seen by `wait` is not taken back.
    ///
    /// # Errors
    /// `ENOENT` if it is not watched.
    pub fn remove(&self, descriptor: BorrowedFd<'_>) -> Result<(), Errno> {
        self.0.delete(descriptor)
    }

    /// Waits until something is ready or the time is up, without end if `None`. What is ready replaces what `ready`
    /// held. It may be nothing, also before the time is up, when a signal arrived. More than `ready` can hold comes
    /// with the next call; the kernel takes turns, so that nothing is left out for ever.
    ///
    /// # Errors
    /// None is known.
    pub fn wait(&self, ready: &mut Ready, timeout: Option<Duration>) -> Result<(), Errno> {
        ready.length = 0;
        match self.0.wait(&mut ready.events, milliseconds(timeout)) {
            Ok(length) => {
                ready.length = length;
                Ok(())
            }
            Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

/// Rounded up, so that a loop does not spin through the last part of a millisecond.
fn milliseconds(timeout: Option<Duration>) -> EpollTimeout {
    timeout.map_or(EpollTimeout::NONE, |timeout| {
        let milliseconds = timeout.as_nanos().div_ceil(1_000_000);
        EpollTimeout::try_from(milliseconds).unwrap_or(EpollTimeout::MAX)
    })
}

/// What is ready: a buffer that is filled by [`Poller::wait`] and never grows.
#[derive(Debug)]
pub struct Ready {
    events: Vec<EpollEvent>,
    length: usize,
}

impl Ready {
    /// Room for so many at a time, at least one.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { events: vec![EpollEvent::empty(); capacity.max(1)], length: 0 }
    }

    /// The tokens of what is ready.
    pub fn tokens(&self) -> impl Iterator<Item = u64> + '_ {
        self.events.iter().take(self.length).map(EpollEvent::data)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use nix::unistd::{pipe, write};

    use super::*;

    #[test]
    fn tells_what_can_be_read_until_it_is_read() {
        let poller = Poller::new().unwrap();
        let mut ready = Ready::with_capacity(1);
        let (first, to_first) = pipe().unwrap();
        let (second, to_second) = pipe().unwrap();
        poller.add(first.as_fd(), u64::MAX).unwrap();
        poller.add(second.as_fd(), 7).unwrap();
        assert_eq!(poller.add(second.as_fd(), 8), Err(Errno::EEXIST));

        poller.wait(&mut ready, Some(Duration::ZERO)).unwrap();
        assert_eq!(ready.tokens().count(), 0);

        write(&to_first, b"x").unwrap();
        write(&to_second, b"x").unwrap();
        let mut seen = Vec::new();
        for _ in 0..4 {
            poller.wait(&mut ready, None).unwrap();
            seen.extend(ready.tokens());
        }
        seen.sort_unstable();
        assert_eq!(seen, [7, 7, u64::MAX, u64::MAX]);

        poller.remove(second.as_fd()).unwrap();
        assert_eq!(poller.remove(second.as_fd()), Err(Errno::ENOENT));
        poller.wait(&mut ready, None).unwrap();
        assert_eq!(ready.tokens().collect::<Vec<_>>(), [u64::MAX]);
    }

    #[test]
    fn tells_what_can_be_written_where_that_is_asked_for() {
        let poller = Poller::new().unwrap();
        let mut ready = Ready::with_capacity(1);
        let mut is_ready = || {
            poller.wait(&mut ready, Some(Duration::ZERO)).unwrap();
            ready.tokens().next()
        };
        let (end, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        poller.add(end.as_fd(), 7).unwrap();
        assert_eq!(is_ready(), None);
        poller.change(end.as_fd(), 7, Interest::ReadAndWrite).unwrap();
        assert_eq!(is_ready(), Some(7));
        poller.change(end.as_fd(), 7, Interest::Read).unwrap();
        assert_eq!(is_ready(), None);
    }

    #[test]
    fn part_of_a_millisecond_is_a_whole_one() {
        assert_eq!(milliseconds(Some(Duration::from_nanos(1))), EpollTimeout::from(1u8));
        assert_eq!(milliseconds(Some(Duration::ZERO)), EpollTimeout::ZERO);
        assert_eq!(milliseconds(Some(Duration::MAX)), EpollTimeout::MAX);
        assert_eq!(milliseconds(None), EpollTimeout::NONE);
    }
}
