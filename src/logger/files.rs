//! Files by their names: opened with the directories that they need, and rotated.

use super::outlet::{Attempt, End, Failure, OpenFile, errno_of, identity_of, kind_of, size_of};
use crate::core::log::OutputSource;
use crate::core::rotation::LineState;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::sys::uio::pread;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// The permissions of a new file, before the umask.
const FILE_MODE: Mode = Mode::from_bits_truncate(0o640);
/// The permissions of a new directory, before the umask.
const DIRECTORY_MODE: u32 = 0o750;

/// Opens a file to append to it; makes it, and the directories that it is in, if it is not there. A FIFO that nobody
/// reads is an error, and no device or pipe makes us wait.
pub fn open_file(path: &str) -> Result<OpenFile, Failure> {
    let flags = OFlag::O_WRONLY
        | OFlag::O_APPEND
        | OFlag::O_CREAT
        | OFlag::O_NONBLOCK
        | OFlag::O_CLOEXEC
        | OFlag::O_NOCTTY;
    let opened = match open(path, flags, FILE_MODE) {
        Err(Errno::ENOENT) => {
            make_directory(path).map_err(|error| Attempt::MakeDirectory.failed(errno_of(&error)))?;
            open(path, flags, FILE_MODE)
        }
        opened => opened,
    };
    let descriptor = opened.map_err(|errno| Attempt::Open.failed(errno))?;
    let status = fstat(descriptor.as_fd()).map_err(|errno| Attempt::Look.failed(errno))?;
    let kind = kind_of(&status);
    let end = match size_of(kind, &status) {
        Some(size) if size > 0 => last_line(path, size),
        Some(_) | None => LineState::Start,
    };
    Ok(OpenFile { descriptor, kind, identity: identity_of(&status), end: End::Line(end), writer: None })
}

/// Opens our standard output or standard error once more: what is done to it must not change that of others.
pub fn open_console(source: OutputSource) -> Result<OpenFile, Errno> {
    let descriptor = match source {
        OutputSource::Stdout => io::stdout().as_fd().try_clone_to_owned(),
        OutputSource::Stderr => io::stderr().as_fd().try_clone_to_owned(),
    };
    let descriptor = descriptor.map_err(|error| errno_of(&error))?;
    let status = fstat(descriptor.as_fd())?;
    let (kind, identity) = (kind_of(&status), identity_of(&status));
    Ok(OpenFile { descriptor, kind, identity, end: End::Line(LineState::Start), writer: None })
}

/// Whether a file of this size ends within a line. One that cannot be read is taken for one that does not.
fn last_line(path: &str, size: u64) -> LineState {
    let mut byte = [b'\n'];
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    if let (Ok(file), Ok(at)) = (open(path, flags, Mode::empty()), i64::try_from(size - 1)) {
        // If it fails, the byte is still the end of a line.
        let _ = pread(file, &mut byte, at);
    }
    LineState::Start.after(&byte)
}

fn make_directory(path: &str) -> io::Result<()> {
    match Path::new(path).parent() {
        Some(directory) => DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory),
        None => Ok(()),
    }
}

/// The name of a rotated file.
pub fn numbered(path: &str, number: u32) -> String {
    format!("{path}.{number}")
}

/// Puts a file away as the newest of `keep` rotated ones, or removes it if none is kept.
///
/// A number that is missing takes what comes before it: so that what was interrupted is gone on with, and nothing is
/// renamed twice.
pub fn rotate(path: &str, keep: u32) -> io::Result<()> {
    if keep == 0 {
        return fs::remove_file(path);
    }
    let is_there = |number: u32| fs::symlink_metadata(numbered(path, number)).is_ok();
    let gap = (1..keep).find(|number| !is_there(*number)).unwrap_or(keep);
    for number in (1..gap).rev() {
        fs::rename(numbered(path, number), numbered(path, number + 1))?;
    }
    fs::rename(path, numbered(path, 1))?;
    // Those that were kept when more were.
    for number in (keep..u32::MAX).map(|number| number + 1) {
        if !is_there(number) {
            break;
        }
        fs::remove_file(numbered(path, number))?;
    }
    Ok(())
}
