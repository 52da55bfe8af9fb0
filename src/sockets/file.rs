//! The file of a socket, which may be removed, replaced or mounted over while the socket listens; and how it is made
//! again.

use super::{Admission, bind};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file of a socket that is bound.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    mode: u32,
    group: Option<u32>,
    /// Which file it is: its device, and its number there, which no other has as long as somebody listens.
    identity: Option<(u64, u64)>,
}

/// What became of a socket that was to have its file again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Its file is in its place.
    NoNeed,
    /// It has another one.
    Done,
}

impl SocketFile {
    /// One that was just made.
    pub(super) fn made(path: &str, mode: u32, group: Option<u32>) -> Self {
        let path = PathBuf::from(path);
        let identity = identity(&path);
        Self { path, mode, group, identity }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sees to it that the socket can be reached by its path again. Where it cannot, it is bound once more: to unbind it
    /// would end the connections that it has, and what it listened at is reached by nobody. That costs a descriptor.
    ///
    /// # Errors
    /// The system's words.
    pub fn renew(&mut self, socket: &mut zmq::Socket) -> Result<Renewal, String> {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            return Ok(Renewal::NoNeed);
        }
        let address = format!("ipc://{}", self.path.display());
        let bound = bind(socket, &address, Admission::File { mode: self.mode, group: self.group })?;
        self.identity = bound.file.and_then(|file| file.identity);
        Ok(Renewal::Done)
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}
