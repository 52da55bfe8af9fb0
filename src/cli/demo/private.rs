//! A supervisor in a directory of its own, of which nothing is left in the end.

use super::super::client;
use super::super::endpoint::{Endpoint, Presence};
use super::super::exit::{Failure, words};
use super::super::signals::Signals;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind, PipeReader, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use zmq::{POLLIN, PollItem};

/// How long it may take to begin.
const BEGIN: Duration = Duration::from_secs(10);
/// How long it may take to end; its own limit is shorter.
const END: Duration = Duration::from_secs(12);
/// How often it is looked whether it has begun, or ended.
const LOOK: Duration = Duration::from_millis(10);
/// The longest path in which a directory with a socket has room: the path of a socket has at most 107 bytes.
const MAX_PARENT: usize = 60;
/// Of a line that has not ended, so many bytes are kept.
const MAX_LINE: usize = 4096;

/// A supervisor that ends with us.
#[derive(Debug)]
pub struct PrivateSupervisor {
    child: Child,
    output: PipeReader,
    /// What was read of a line that has not ended.
    unfinished: Vec<u8>,
    last_line: Option<String>,
    endpoint: Endpoint,
    // Dropped last: it is removed when nothing uses it any more.
    _directory: Directory,
}

impl PrivateSupervisor {
    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// Its own words, or the system's.
    pub fn start(signals: &mut Signals) -> Result<Self, Failure> {
        let failed =
            |error: io::Error| Failure::Failed(format!("cannot start a supervisor: {}", words(&error)));
        let directory = Directory::make()?;
        let (output, input) = io::pipe().map_err(failed)?;
        fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| failed(errno.into()))?;
        let child = Command::new("/proc/self/exe")
            .arg0("procnanny")
            .args(["run", "--parent", &std::process::id().to_string(), "--runtime-dir"])
            .arg(&directory.0)
            // A directory without a configuration in it, so that the user's own has no part in this.
            .arg(&directory.0)
            .stdin(Stdio::null())
            .stdout(input.try_clone().map_err(failed)?)
            .stderr(input)
            // So that Ctrl-C is ours to answer.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let endpoint = Endpoint::in_directory(&directory.0);
        let unfinished = Vec::new();
        let mut started =
            Self { child, output, unfinished, last_line: None, endpoint, _directory: directory };
        started.await_begin(signals)?;
        Ok(started)
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Ready when it or its programs have said something.
    pub fn descriptor(&self) -> RawFd {
        self.output.as_raw_fd()
    }

    /// The lines that it and its programs have said since this was last asked.
    pub fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = self.output.read(&mut bytes) {
            for byte in bytes.iter().take(count) {
                if *byte == b'\n' {
                    lines.push(String::from_utf8_lossy(&self.unfinished).into_owned());
                    self.unfinished.clear();
                } else if self.unfinished.len() < MAX_LINE {
                    self.unfinished.push(*byte);
                }
            }
        }
        if let Some(last) = lines.last() {
            self.last_line = Some(last.clone());
        }
        lines
    }

    /// The last thing that it said before it ended; `None` if it has not ended.
    pub fn last_words(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        self.lines();
        let said = self.last_line.take().unwrap_or_else(|| status.to_string());
        let said = said.strip_prefix("procnanny: ").unwrap_or(&said);
        Some(format!("the supervisor of the demo ended: {said}"))
    }

    /// Ends it, and waits until it has ended its programs.
    pub fn end(&mut self) {
        // Not reaped yet, so the number is still its own.
        if let (Ok(None), Ok(number)) = (self.child.try_wait(), i32::try_from(self.child.id())) {
            let _ = kill(Pid::from_raw(number), Signal::SIGTERM);
        }
        let deadline = Instant::now() + END;
        while let Ok(None) = self.child.try_wait() {
            // Read on, so that a pipe that is full keeps nobody from ending.
            self.lines();
            if Instant::now() >= deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(LOOK);
        }
    }

    fn await_begin(&mut self, signals: &mut Signals) -> Result<(), Failure> {
        let deadline = Instant::now() + BEGIN;
        loop {
            if matches!(self.endpoint.probe(), Ok(Presence::There)) {
                return Ok(());
            }
            if let Some(words) = self.last_words() {
                return Err(Failure::Failed(words));
            }
            if signals.ended() {
                return Err(Failure::Interrupted);
            }
            if Instant::now() >= deadline {
                return Err(Failure::NotInTime("the supervisor of the demo does not begin".to_string()));
            }
            client::poll(&mut [PollItem::from_fd(signals.descriptor(), POLLIN)], LOOK)?;
            signals.clear();
        }
    }
}

impl Drop for PrivateSupervisor {
    fn drop(&mut self) {
        self.end();
    }
}

/// A fresh directory that nobody else can enter; removed in the end.
#[derive(Debug)]
struct Directory(PathBuf);

impl Directory {
    /// Makes one where temporary files belong.
    fn make() -> Result<Self, Failure> {
        let usual = std::env::temp_dir();
        let has_room =
            usual.as_os_str().len() <= MAX_PARENT && usual.is_absolute() && usual.to_str().is_some();
        let parent = if has_room { &usual } else { Path::new("/tmp") };
        Self::make_in(parent).map_err(|error| {
            let (parent, words) = (parent.display(), words(&error));
            Failure::Failed(format!(
                "cannot make a directory in {parent}: {words}; name another place in $TMPDIR"
            ))
        })
    }

    fn make_in(parent: &Path) -> io::Result<Self> {
        for number in 0..100 {
            let path = parent.join(format!("procnanny-demo-{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                // Somebody else's, or left over: not to be trusted.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::from(ErrorKind::AlreadyExists))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed is left over, and nobody is left to be told.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_is_fresh_private_and_removed() {
        let (first, second) = (Directory::make().unwrap(), Directory::make().unwrap());
        assert_ne!(first.0, second.0);
        assert_eq!(fs::metadata(&first.0).unwrap().permissions().mode() & 0o777, 0o700);
        let path = first.0.clone();
        fs::write(path.join("rpc"), "").unwrap();
        drop(first);
        assert!(!path.exists() && second.0.exists());
        assert!(Directory::make_in(Path::new("/nonexistent")).is_err());
    }
}
