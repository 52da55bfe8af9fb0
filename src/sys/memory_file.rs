//! A file that is nowhere but in memory, for a process to read.

use std::io::Write;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{Whence, lseek};

/// A file with this content, positioned at its beginning, which nobody can change (memfd_create(2)).
///
/// Unlike a pipe it takes any amount, whoever reads it and whenever, and needs nobody who writes it.
///
/// # Errors
/// `EMFILE`, `ENFILE`, `ENOMEM`.
pub fn memory_file(content: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    // That nobody can execute it has to be said where vm.memfd_noexec is 2; before Linux 6.3 it could not be said.
    let not_executable = MFdFlags::from_bits_retain(libc::MFD_NOEXEC_SEAL);
    let descriptor = match memfd_create(c"event", flags | not_executable) {
        Err(Errno::EINVAL) => memfd_create(c"event", flags),
        outcome => outcome,
    }?;
    let mut file = std::fs::File::from(descriptor);
    file.write_all(content).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
    let descriptor = OwnedFd::from(file);
    lseek(&descriptor, 0, Whence::SeekSet)?;
    let seals =
        SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
    fcntl(&descriptor, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Seek};

    #[test]
    fn it_is_read_from_the_beginning_and_cannot_be_changed() {
        // More than any pipe holds.
        let content = vec![b'x'; 3 << 20];
        let mut file = File::from(memory_file(&content).unwrap());
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == content);
        file.rewind().unwrap();
        assert_eq!(file.write(b"y").unwrap_err().raw_os_error(), Some(libc::EPERM));
        assert_eq!(file.set_len(0).unwrap_err().raw_os_error(), Some(libc::EPERM));
    }
}
