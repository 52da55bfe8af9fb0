//! What is at its end for who reads it, and takes whatever is written: `/dev/null`, or what does as well where there is
//! none.

use std::fs::OpenOptions;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{c_void, socklen_t};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, Shutdown, SockFlag, SockType, shutdown, socketpair};

/// The descriptor, for others to have duplicates of.
#[derive(Debug)]
pub struct Null {
    descriptor: OwnedFd,
    /// What has to be open for it to work.
    _other: Option<OwnedFd>,
}

impl Null {
    /// Opens `/dev/null` or, where that cannot be opened, as in an empty root, makes a pair of connected sockets: who
    /// reads from the one finds that the other has nothing more to say, and what is written to it is dropped by a filter
    /// of the other, as if it had been received. (One write takes what a socket's buffer has room for, 208 KiB unless
    /// the system is set otherwise.)
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn open() -> Result<Self, Errno> {
        match OpenOptions::new().read(true).write(true).open("/dev/null") {
            Ok(file) => Ok(Self { descriptor: file.into(), _other: None }),
            Err(_) => Self::of_sockets(),
        }
    }

    fn of_sockets() -> Result<Self, Errno> {
        let (descriptor, other) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        drop_all(other.as_fd())?;
        shutdown(other.as_raw_fd(), Shutdown::Write)?;
        Ok(Self { descriptor, _other: Some(other) })
    }
}

impl AsFd for Null {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Has the kernel drop all that a socket would receive; whoever sends it is told that it was sent (socket(7),
/// `SO_ATTACH_FILTER`; unix_dgram_sendmsg in net/unix/af_unix.c).
fn drop_all(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    const RETURN_A_CONSTANT: u16 = 0x06;
    let mut program = [libc::sock_filter { code: RETURN_A_CONSTANT, jt: 0, jf: 0, k: 0 }];
    let filter = libc::sock_fprog { len: 1, filter: program.as_mut_ptr() };
    let size = socklen_t::try_from(size_of::<libc::sock_fprog>()).map_err(|_| Errno::EINVAL)?;
    let value = (&raw const filter).cast::<c_void>();
    // SAFETY: a pointer to a structure of that size, which points to as many instructions as it says. The kernel copies
    // both.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, value, size)
    };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};

    #[test]
    fn without_dev_null_it_is_the_same() {
        for null in [Null::open().unwrap(), Null::of_sockets().unwrap()] {
            let mut file = File::from(null.as_fd().try_clone_to_owned().unwrap());
            let block = [7; 64 << 10];
            // Many times what a socket has room for: nothing is kept, and nobody waits.
            for _ in 0..100 {
                assert_eq!(file.write(&block).unwrap(), block.len());
            }
            for _ in 0..2 {
                assert_eq!(file.read(&mut [0; 10]).unwrap(), 0, "its end");
            }
        }
    }
}
