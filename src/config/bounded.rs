//! Files of settings, read without ever waiting and without ever filling the memory.

use crate::sys::errno;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Why a file was not read.
#[derive(Debug)]
pub enum ReadError {
    /// It has so many bytes, which is too many.
    TooLarge(u64),
    /// It is a directory.
    Directory,
    /// It is a FIFO, a socket or a device.
    NotRegular,
    /// The system's words.
    Io(io::Error),
}

/// Reads a regular file of at most so many bytes; of a larger one, nothing.
///
/// # Errors
/// Why it was not read.
pub fn read(path: &Path, largest: u64) -> Result<Vec<u8>, ReadError> {
    // To open a FIFO would wait for a writer.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(ReadError::Io)?;
    let metadata = file.metadata().map_err(ReadError::Io)?;
    if metadata.is_dir() {
        return Err(ReadError::Directory);
    }
    if !metadata.is_file() {
        return Err(ReadError::NotRegular);
    }
    if metadata.len() > largest {
        return Err(ReadError::TooLarge(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // It may grow meanwhile, and files of /proc do not tell their size.
    file.take(largest + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= largest => Ok(bytes),
        Ok(length) => Err(ReadError::TooLarge(length)),
        Err(_) => Err(ReadError::TooLarge(u64::MAX)),
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::TooLarge(size) => write!(f, "it is too large, with {size} bytes"),
            ReadError::Directory => f.write_str("it is a directory"),
            ReadError::NotRegular => f.write_str("it is not a regular file"),
            ReadError::Io(error) => f.write_str(&errno::io_words(error)),
        }
    }
}

impl std::error::Error for ReadError {}
