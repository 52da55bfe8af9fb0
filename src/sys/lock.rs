//! A lock that belongs to one process at a time and goes with it, however it ends: flock(2) on a file.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// The lock, held until this is dropped. The file stays where it is.
#[derive(Debug)]
pub struct LockFile {
    file: Flock<File>,
}

impl LockFile {
    /// Whether this is the file of that path, and so the one that keeps others out.
    #[must_use]
    pub fn is_at(&self, path: &Path) -> bool {
        let identity = |found: Metadata| (found.dev(), found.ino());
        let at_path = fs::symlink_metadata(path).map(identity);
        at_path.is_ok_and(|found| self.file.metadata().map(identity).is_ok_and(|ours| ours == found))
    }
}

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// Another process has it.
    Held {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be opened or locked.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said. `ELOOP`: it is a symbolic link, which is refused.
        source: io::Error,
    },
}

impl fmt::Display for LockError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { path } => write!(formatter, "{} is locked by another process", path.display()),
            Self::Io { path, source } => write!(formatter, "cannot lock {}: {source}", path.display()),
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Held { .. } => None,
            Self::Io { source, .. } => Some(source),
        }
    }
}

/// Locks the file of this path, without waiting. It is made if it is not there, for its owner alone; what it holds
/// stays as it is. The lock is not inherited by what we execute.
///
/// # Errors
/// See [`LockError`].
pub fn lock_exclusive(path: &Path) -> Result<LockFile, LockError> {
    const OWNER_ONLY: u32 = 0o600;
    let failed = |source| LockError::Io { path: path.to_owned(), source };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(OWNER_ONLY)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)
        .map_err(failed)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(file) => Ok(LockFile { file }),
        Err((_, Errno::EWOULDBLOCK)) => Err(LockError::Held { path: path.to_owned() }),
        Err((_, errno)) => Err(failed(errno.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn one_at_a_time_and_no_symbolic_links() {
        let directory = std::env::temp_dir().join(format!("procnanny-lock-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let path = directory.join("lock");

        let lock = lock_exclusive(&path).unwrap();
        assert!(matches!(lock_exclusive(&path), Err(LockError::Held { .. })));
        assert!(lock.is_at(&path) && !lock.is_at(&directory) && !lock.is_at(&directory.join("other")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(lock);
        fs::write(&path, "kept").unwrap();
        drop(lock_exclusive(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");

        let link = directory.join("link");
        symlink(&path, &link).unwrap();
        match lock_exclusive(&link) {
            Err(LockError::Io { source, .. }) => assert_eq!(source.raw_os_error(), Some(libc::ELOOP)),
            other => panic!("{other:?}"),
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}
