//! Signals to commands that run long: they end, or draw anew, in their own time, and clean up.

use super::exit::Failure;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::{flag, low_level::pipe};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The signals that were caught, and a descriptor that is ready when there is one.
#[derive(Debug)]
pub struct Signals {
    wake: UnixStream,
    ended: Arc<AtomicBool>,
    resized: Arc<AtomicBool>,
}

impl Signals {
    /// Catches INT, TERM and HUP, which ask to end, and WINCH, which says that the terminal has another size.
    ///
    /// # Errors
    /// The system's words.
    pub fn catch() -> Result<Self, Failure> {
        Self::try_catch().map_err(|error| Failure::Failed(format!("cannot catch signals: {error}")))
    }

    /// Catches nothing: for tests, in whose process signals are not ours.
    #[cfg(test)]
    pub fn none() -> Self {
        let (wake, written) = UnixStream::pair().unwrap();
        wake.set_nonblocking(true).unwrap();
        // Closed, it would be ready all the time.
        std::mem::forget(written);
        Self { wake, ended: Arc::default(), resized: Arc::default() }
    }

    fn try_catch() -> io::Result<Self> {
        let (wake, written) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let signals = Self { wake, ended: Arc::default(), resized: Arc::default() };
        // The flag first: when the pipe wakes somebody, it has to be set already.
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register(signal, signals.ended.clone())?;
            pipe::register(signal, written.try_clone()?)?;
        }
        flag::register(SIGWINCH, signals.resized.clone())?;
        pipe::register(SIGWINCH, written)?;
        Ok(signals)
    }

    /// To be waited for; ready when there was a signal.
    pub fn descriptor(&self) -> RawFd {
        self.wake.as_raw_fd()
    }

    /// Makes the descriptor wait for the next signal.
    pub fn clear(&mut self) {
        let mut bytes = [0; 64];
        // What is not read wakes once more; that is all.
        let _ = self.wake.read(&mut bytes);
    }

    /// Whether somebody asked to end.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// What becomes true when somebody asks to end.
    pub fn ended_flag(&self) -> Arc<AtomicBool> {
        self.ended.clone()
    }

    /// Whether the terminal has another size since this was last asked.
    pub fn take_resized(&self) -> bool {
        self.resized.swap(false, Ordering::Relaxed)
    }
}
