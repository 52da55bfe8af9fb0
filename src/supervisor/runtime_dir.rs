//! The directory of sockets and the lock: made if need be, checked to be ours alone, locked, and cleaned up.

use super::SupervisorError;
use crate::config::runtime_dir::default_runtime_dir;
use crate::sys::lock::{LockError, LockFile, lock_exclusive};
use crate::sys::process::own_effective_uid;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What can be done where nothing can be written.
const ELSEWHERE: &str =
    "name another directory with --runtime-dir, or do without one and without requests: --no-rpc";

/// The file that is locked.
const LOCK: &str = "lock";

/// A directory that is ours and locked; when dropped, the sockets in it are removed.
#[derive(Debug)]
pub struct RuntimeDir {
    path: PathBuf,
    sockets: Vec<PathBuf>,
    lock: LockFile,
}

impl RuntimeDir {
    /// Takes the directory for this supervisor.
    ///
    /// # Errors
    /// A directory that cannot be made, that others can write to, or that another supervisor has.
    pub fn claim(asked: Option<PathBuf>) -> Result<Self, SupervisorError> {
        let path = asked.unwrap_or_else(default_runtime_dir);
        let path = std::path::absolute(&path).unwrap_or(path);
        // Without a slash at the end, behind which lstat(2) would follow a link.
        let path: PathBuf = path.components().collect();
        make(&path)?;
        let lock = lock(&path)?;
        Ok(Self { path, sockets: Vec::new(), lock })
    }

    /// Takes the directory once more, if it is not the one any more that was taken: removed, replaced or mounted over.
    ///
    /// # Errors
    /// As for [`RuntimeDir::claim`]; then it is as it was, and nothing is to be made in it.
    pub fn claim_anew(&mut self) -> Result<(), SupervisorError> {
        make(&self.path)?;
        if self.lock.is_at(&self.path.join(LOCK)) {
            return check(&self.path);
        }
        self.lock = lock(&self.path)?;
        Ok(())
    }

    /// Its path, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a socket on the list of what is removed at the end.
    pub fn owns(&mut self, socket: &Path) {
        self.sockets.push(socket.to_path_buf());
    }
}

impl Drop for RuntimeDir {
    fn drop(&mut self) {
        // The lock file stays: to remove it would let a third supervisor lock another file of the same name.
        for socket in &self.sockets {
            let _ = fs::remove_file(socket);
        }
    }
}

/// Locks a directory that is ours alone.
fn lock(path: &Path) -> Result<LockFile, SupervisorError> {
    check(path)?;
    lock_exclusive(&path.join(LOCK)).map_err(|error| match error {
        LockError::Held { .. } => {
            SupervisorError(format!("another supervisor has {}; name another --runtime-dir", path.display()))
        }
        LockError::Io { .. } => SupervisorError(format!("{error}; {ELSEWHERE}")),
    })
}

fn make(path: &Path) -> Result<(), SupervisorError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            let path = path.display();
            Err(SupervisorError(format!("cannot make the runtime directory {path}: {error}; {ELSEWHERE}")))
        }
    }
}

/// Whoever can write to the directory can put another socket in the place of ours.
fn check(path: &Path) -> Result<(), SupervisorError> {
    let refused = |why: String| SupervisorError(format!("runtime directory {}: {why}", path.display()));
    let found = fs::symlink_metadata(path).map_err(|error| refused(error.to_string()))?;
    if !found.is_dir() {
        return Err(refused("is not a directory (a symbolic link is not followed)".to_string()));
    }
    if found.uid() != own_effective_uid() {
        return Err(refused(format!("belongs to user {}, not to us", found.uid())));
    }
    if found.mode() & 0o022 != 0 {
        let mode = found.mode() & 0o7777;
        return Err(refused(format!("others can write to it (mode {mode:04o}); take that away: chmod go-w")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("procnanny-unit-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    fn refusal(path: &Path) -> String {
        RuntimeDir::claim(Some(path.to_path_buf())).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn one_supervisor_a_directory_and_nothing_left_but_the_lock() {
        let path = scratch("claim");
        let mut claimed = RuntimeDir::claim(Some(path.clone())).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(refusal(&path).contains("another supervisor"));
        let socket = path.join("rpc");
        fs::write(&socket, "").unwrap();
        claimed.owns(&socket);
        drop(claimed);
        assert!(!socket.exists());
        assert!(RuntimeDir::claim(Some(path.clone())).is_ok());
        fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_directory_that_is_not_ours_alone_is_refused() {
        let path = scratch("shared");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(refusal(&path).contains("others can write to it (mode 0777)"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let link = scratch("link");
        let _ = fs::remove_file(&link);
        symlink(&path, &link).unwrap();
        assert!(refusal(&link).contains("symbolic link"));
        assert!(refusal(&path.join("a/b")).contains("cannot make"));
        fs::remove_file(&link).unwrap();
        fs::remove_dir(&path).unwrap();
    }
}
