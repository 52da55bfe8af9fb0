//! A directory of our own, and the ends of processes: nothing stays behind, whether a run ends well, fails, or is
//! interrupted.

use crate::Outcome;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, getppid};
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io, process, thread};

/// How long a process may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often it is looked at meanwhile.
pub const LOOK: Duration = Duration::from_millis(2);

/// A directory that is removed at the end.
#[derive(Debug)]
pub struct Workspace {
    path: PathBuf,
    used: AtomicUsize,
}

impl Workspace {
    /// Makes it, also removed on SIGINT and SIGTERM. To be called before there are other threads.
    pub fn new() -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("procnanny-bench-{}", process::id()));
        fs::create_dir(&path)?;
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        signals.thread_block()?;
        let to_remove = path.clone();
        thread::spawn(move || {
            if let Ok(signal) = signals.wait() {
                // What runs ends when we do: see `end_with_parent`.
                let _ = fs::remove_dir_all(&to_remove);
                process::exit(128 + signal as i32);
            }
        });
        Ok(Self { path, used: AtomicUsize::new(0) })
    }

    /// A path in it that nobody has used.
    pub fn fresh(&self) -> PathBuf {
        self.path.join(self.used.fetch_add(1, Ordering::Relaxed).to_string())
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Has the kernel kill the calling process when the thread that started it ends, and unblocks the signals that are
/// blocked there.
pub fn end_with_parent(parent: &str) -> Outcome<()> {
    SigSet::empty().thread_set_mask()?;
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // It may have ended before that.
    if getppid().to_string() == parent { Ok(()) } else { Err("the parent has gone".into()) }
}

/// Ends a process: SIGTERM, and SIGKILL for whoever does not heed it. With a negative target, for a whole group.
pub fn end(process: &mut Child, target: Pid) {
    let _ = kill(target, Signal::SIGTERM);
    let deadline = Instant::now() + PATIENCE;
    while let Ok(None) = process.try_wait() {
        if Instant::now() > deadline {
            let _ = kill(target, Signal::SIGKILL);
            let _ = process.wait();
            return;
        }
        thread::sleep(LOOK);
    }
}

/// The id of a process of ours.
pub fn pid_of(process: &Child) -> io::Result<Pid> {
    i32::try_from(process.id()).map(Pid::from_raw).map_err(io::Error::other)
}
