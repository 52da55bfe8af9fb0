//! Messages between two processes of ours, each whole or not at all, with descriptors: a pair of connected sockets of
//! type `SOCK_SEQPACKET` (unix(7)).

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, Shutdown, SockFlag, SockType, getsockopt,
    recvmsg, sendmsg, shutdown, socketpair, sockopt,
};

/// How many descriptors may come with a message.
pub const MOST_DESCRIPTORS: usize = 4;
/// The longest message, in bytes: that with the longest path and the longest name fits.
pub const LONGEST_MESSAGE: usize = 16 << 10;

/// One end. It never blocks, and is closed by an exec.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// What came.
#[derive(Debug)]
pub enum Received {
    /// A message: so many bytes of the buffer, and the descriptors that came along.
    Message(usize, Vec<OwnedFd>),
    /// The other end is closed.
    End,
    /// Nothing yet.
    Nothing,
}

impl Channel {
    /// Two connected ends.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOBUFS`.
    pub fn pair() -> Result<(Self, Self), Errno> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        Ok((Self(ours), Self(theirs)))
    }

    /// An end that was inherited.
    ///
    /// # Errors
    /// `ENOTSOCK` or `EPROTOTYPE` for what is no end of a channel.
    pub fn inherited(descriptor: OwnedFd) -> Result<Self, Errno> {
        if getsockopt(&descriptor, sockopt::SockType)? != SockType::SeqPacket {
            return Err(Errno::EPROTOTYPE);
        }
        fcntl(descriptor.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self(descriptor))
    }

    /// Sends a message, with at most [`MOST_DESCRIPTORS`] descriptors; the other end gets duplicates.
    ///
    /// # Errors
    /// `EAGAIN` when the other end has not fetched what was sent before; wait until this one can be written to.
    /// `EPIPE` or `ECONNRESET` when it is gone. `ETOOMANYREFS` when too many descriptors are on their way.
    pub fn send(&self, message: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let numbers: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&numbers)];
        let control = if numbers.is_empty() { &[][..] } else { &rights };
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        sendmsg::<()>(self.0.as_raw_fd(), &[IoSlice::new(message)], control, flags, None).map(drop)
    }

    /// Tells the other end that nothing more comes: it receives what was sent, and then [`Received::End`]. What it sends
    /// still comes here.
    ///
    /// # Errors
    /// `ENOTCONN` when it is gone.
    pub fn finish(&self) -> Result<(), Errno> {
        shutdown(self.0.as_raw_fd(), Shutdown::Write)
    }

    /// Receives the next message.
    ///
    /// # Errors
    /// `EMSGSIZE` for a message that the buffer has no room for, or that lost descriptors because there was no room
    /// for those; it is gone.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Received, Errno> {
        let mut space = cmsg_space!([RawFd; MOST_DESCRIPTORS]);
        let mut parts = [IoSliceMut::new(buffer)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
        let message = match recvmsg::<()>(self.0.as_raw_fd(), &mut parts, Some(&mut space), flags) {
            Ok(message) => message,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Received::Nothing),
            Err(Errno::ECONNRESET) => return Ok(Received::End),
            Err(errno) => return Err(errno),
        };
        let mut descriptors = Vec::new();
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(numbers) = control {
                // SAFETY: the kernel has just made them for us, and nobody else knows of them.
                descriptors.extend(numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }));
            }
        }
        if message.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC) {
            return Err(Errno::EMSGSIZE);
        }
        match message.bytes {
            // Ours never have no bytes.
            0 => Ok(Received::End),
            bytes => Ok(Received::Message(bytes, descriptors)),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use nix::unistd::{pipe, write};

    use super::*;

    fn received(channel: &Channel) -> (Vec<u8>, Vec<OwnedFd>) {
        let mut buffer = [0; LONGEST_MESSAGE];
        let Received::Message(length, descriptors) = channel.receive(&mut buffer).unwrap() else { panic!() };
        (buffer[..length].to_vec(), descriptors)
    }

    #[test]
    fn messages_are_kept_apart_and_carry_descriptors() {
        let (here, there) = Channel::pair().unwrap();
        assert!(matches!(there.receive(&mut [0; 8]), Ok(Received::Nothing)));
        let (reader, writer) = pipe().unwrap();
        write(&writer, b"through").unwrap();
        drop(writer);
        here.send(b"one", &[reader.as_fd(), here.as_fd()]).unwrap();
        here.send(b"two", &[]).unwrap();
        let (bytes, mut descriptors) = received(&there);
        assert_eq!((bytes.as_slice(), descriptors.len()), (&b"one"[..], 2));
        let mut text = String::new();
        File::from(descriptors.remove(0)).read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
        assert_eq!(received(&there).0, b"two");
        drop((here, descriptors));
        assert!(matches!(there.receive(&mut [0; 8]), Ok(Received::End)));
        assert_eq!(there.send(b"nobody", &[]), Err(Errno::EPIPE));
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_gone() {
        let (here, there) = Channel::pair().unwrap();
        here.send(b"too long", &[]).unwrap();
        here.send(b"fits", &[]).unwrap();
        assert_eq!(there.receive(&mut [0; 4]).unwrap_err(), Errno::EMSGSIZE);
        assert!(matches!(there.receive(&mut [0; 4]), Ok(Received::Message(4, _))));
    }

    #[test]
    fn an_end_that_is_not_read_is_full_at_some_time() {
        let (here, _there) = Channel::pair().unwrap();
        let full = (0..10_000).find_map(|_| here.send(&[7; 1000], &[]).err());
        assert_eq!(full, Some(Errno::EAGAIN));
    }

    #[test]
    fn an_end_that_says_no_more_can_still_be_told() {
        let (here, there) = Channel::pair().unwrap();
        here.send(b"last", &[]).unwrap();
        here.finish().unwrap();
        assert_eq!(received(&there).0, b"last");
        assert!(matches!(there.receive(&mut [0; 8]), Ok(Received::End)));
        there.send(b"answer", &[]).unwrap();
        assert_eq!(received(&here).0, b"answer");
    }

    #[test]
    fn only_an_end_is_taken_for_one() {
        let (here, there) = Channel::pair().unwrap();
        let inherited = Channel::inherited(there.0).unwrap();
        here.send(b"x", &[]).unwrap();
        assert_eq!(received(&inherited).0, b"x");
        let (reader, _writer) = pipe().unwrap();
        assert_eq!(Channel::inherited(reader).unwrap_err(), Errno::ENOTSOCK);
    }
}
