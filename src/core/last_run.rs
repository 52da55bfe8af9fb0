//! How a run of an instance ended, and the words for it.

use super::asker::Asker;
use super::health::Ailment;
use super::policy::Ending;
use std::rc::Rc;
use std::time::Duration;

/// A run that ended.
#[derive(Clone, Debug)]
pub struct LastRun {
    /// How it ended.
    pub ending: Ending,
    /// How long it lasted.
    pub duration: Duration,
    /// Why it ended.
    pub cause: Cause,
    /// See [`super::instance::Run::stop_note`].
    pub stop_note: Option<Box<str>>,
    /// Who asked for its end, if anybody did.
    pub asked_by: Option<Rc<Asker>>,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It ended by itself and that was no failure.
    Finished,
    /// It ended by itself and that was a failure.
    Failed,
    /// The kernel killed it because there was no memory.
    OutOfMemory,
    /// It was asked to end.
    Stopped,
    /// It was asked to end, did not, and was killed.
    StopTimeout,
    /// It was asked to end because it was not in health.
    Unhealthy(Box<Ailment>),
    /// It was never executed; a sentence that names the step and the system's words.
    SpawnFailed(Box<str>),
}

impl LastRun {
    /// How it ended, in words, where these say more than [`plain_sentence`].
    pub fn own_sentence(&self) -> Option<String> {
        match (&self.cause, &self.stop_note) {
            (Cause::SpawnFailed(words), _) => Some(words.to_string()),
            (Cause::Unhealthy(ailment), None) => Some(ailment.to_string()),
            (Cause::Unhealthy(ailment), Some(note)) => Some(format!("{ailment}; {note}")),
            (Cause::StopTimeout, Some(note)) => Some(format!("{STOP_TIMEOUT}; {note}")),
            (Cause::Stopped, Some(note)) => Some(format!("{STOPPED}; {note}")),
            (Cause::StopTimeout | Cause::Stopped, None)
            | (Cause::Finished | Cause::Failed | Cause::OutOfMemory, _) => None,
        }
    }
}

const STOPPED: &str = "stopped";
const STOP_TIMEOUT: &str = "did not stop in time and was killed";

/// How a run ended, in words that follow from the way it ended.
pub fn plain_sentence(
    cause: &Cause,
    ending: Ending,
    seconds: f64,
    signal_name: impl Fn(i32) -> String,
) -> String {
    match (cause, ending) {
        (Cause::Stopped, _) => STOPPED.to_string(),
        (Cause::StopTimeout, _) => STOP_TIMEOUT.to_string(),
        (Cause::OutOfMemory, _) => format!("killed by the kernel, out of memory, after {seconds:.1} s"),
        (_, Ending::Exited(code)) => format!("exited with code {code} after {seconds:.1} s"),
        (_, Ending::Killed(signal)) => {
            format!("killed by signal {signal} ({}) after {seconds:.1} s", signal_name(signal))
        }
        (_, Ending::NotExecuted) => "was not executed".to_string(),
    }
}
