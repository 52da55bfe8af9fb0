//! How often the runs of an instance ended, and why: a counter for each cause.

use super::asker::Wish;
use super::health::Ailment;
use super::last_run::{Cause, LastRun};
use super::policy::Ending;

/// Why a run ended, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeathCause {
    /// It ended by itself.
    Exit,
    /// A signal ended it that was not sent as a stop.
    Signal,
    /// The kernel killed it because there was no memory.
    OutOfMemory,
    /// It was asked to end.
    Stopped,
    /// It was asked to end, did not, and was killed.
    StopTimeout,
    /// It did not say in time that it is ready.
    StartTimeout,
    /// It did not say any more that it works, or said that it does not.
    Watchdog,
    /// Its health check failed.
    Unhealthy,
    /// Its memory stayed above the limit.
    MemoryLimit,
    /// It was never executed.
    SpawnFailed,
    /// It was asked to end because something that it requires went away.
    Requirement,
}

impl DeathCause {
    /// All of them.
    pub const ALL: [DeathCause; 11] = [
        DeathCause::Exit,
        DeathCause::Signal,
        DeathCause::OutOfMemory,
        DeathCause::Stopped,
        DeathCause::StopTimeout,
        DeathCause::StartTimeout,
        DeathCause::Watchdog,
        DeathCause::Unhealthy,
        DeathCause::MemoryLimit,
        DeathCause::SpawnFailed,
        DeathCause::Requirement,
    ];

    /// Why a run ended.
    pub fn of(last: &LastRun) -> Self {
        let by_requirement =
            || last.asked_by.as_ref().is_some_and(|asker| matches!(asker.what, Wish::Requirement(_)));
        match &last.cause {
            Cause::Finished | Cause::Failed => match last.ending {
                Ending::Exited(_) => DeathCause::Exit,
                Ending::Killed(_) => DeathCause::Signal,
                Ending::NotExecuted => DeathCause::SpawnFailed,
            },
            Cause::OutOfMemory => DeathCause::OutOfMemory,
            Cause::Stopped if by_requirement() => DeathCause::Requirement,
            Cause::Stopped => DeathCause::Stopped,
            Cause::StopTimeout => DeathCause::StopTimeout,
            Cause::Unhealthy(ailment) => match **ailment {
                Ailment::Check { .. } => DeathCause::Unhealthy,
                Ailment::Memory { .. } => DeathCause::MemoryLimit,
                Ailment::NotReady(_) => DeathCause::StartTimeout,
                Ailment::Silent(_) | Ailment::Broken => DeathCause::Watchdog,
            },
            Cause::SpawnFailed(_) => DeathCause::SpawnFailed,
        }
    }

    /// The word that people and the wire use.
    pub fn as_str(self) -> &'static str {
        match self {
            DeathCause::Exit => "exit",
            DeathCause::Signal => "signal",
            DeathCause::OutOfMemory => "oom",
            DeathCause::Stopped => "stopped",
            DeathCause::StopTimeout => "stop-timeout",
            DeathCause::StartTimeout => "start-timeout",
            DeathCause::Watchdog => "watchdog",
            DeathCause::Unhealthy => "unhealthy",
            DeathCause::MemoryLimit => "memory-limit",
            DeathCause::SpawnFailed => "spawn-failed",
            DeathCause::Requirement => "requirement",
        }
    }
}

/// How often runs ended, by cause. As long as none has, it takes a pointer's room.
#[derive(Clone, Debug, Default)]
pub struct Exits(Option<Box<[u32; DeathCause::ALL.len()]>>);

impl Exits {
    /// One more.
    pub fn count(&mut self, cause: DeathCause) {
        let counts = self.0.get_or_insert_default();
        for (known, count) in DeathCause::ALL.into_iter().zip(counts.iter_mut()) {
            if known == cause {
                *count = count.saturating_add(1);
            }
        }
    }

    /// The causes that there were, each with how often.
    pub fn iter(&self) -> impl Iterator<Item = (DeathCause, u32)> {
        let counts = self.0.iter().flat_map(|counts| counts.iter().copied());
        DeathCause::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn cause(cause: Cause, ending: Ending) -> &'static str {
        DeathCause::of(&LastRun { ending, duration: Duration::ZERO, cause, stop_note: None, asked_by: None })
            .as_str()
    }

    #[test]
    fn an_end_has_its_cause() {
        let unhealthy = |ailment| cause(Cause::Unhealthy(Box::new(ailment)), Ending::Killed(15));
        for (word, expected) in [
            (cause(Cause::Finished, Ending::Exited(0)), "exit"),
            (cause(Cause::Failed, Ending::Exited(1)), "exit"),
            (cause(Cause::Failed, Ending::Killed(11)), "signal"),
            (cause(Cause::Stopped, Ending::Exited(0)), "stopped"),
            (cause(Cause::Stopped, Ending::Killed(15)), "stopped"),
            (cause(Cause::StopTimeout, Ending::Killed(9)), "stop-timeout"),
            (cause(Cause::SpawnFailed("no".into()), Ending::NotExecuted), "spawn-failed"),
            (unhealthy(Ailment::Check { words: "failed".into(), failures: 3 }), "unhealthy"),
            (unhealthy(Ailment::Memory { resident: 2, limit: 1 }), "memory-limit"),
            (unhealthy(Ailment::NotReady(Duration::ZERO)), "start-timeout"),
            (unhealthy(Ailment::Silent(Duration::ZERO)), "watchdog"),
            (unhealthy(Ailment::Broken), "watchdog"),
        ] {
            assert_eq!(word, expected);
        }
    }

    #[test]
    fn each_cause_has_a_counter_and_what_never_happened_has_none() {
        let mut exits = Exits::default();
        assert_eq!(exits.iter().count(), 0);
        assert!(exits.0.is_none());
        for cause in DeathCause::ALL {
            exits.count(cause);
        }
        exits.count(DeathCause::Exit);
        let counted: Vec<_> = exits.iter().collect();
        assert_eq!(counted.len(), DeathCause::ALL.len());
        assert!(
            counted.iter().all(|(cause, count)| *count == if *cause == DeathCause::Exit { 2 } else { 1 })
        );
        let mut few = Exits::default();
        few.count(DeathCause::Watchdog);
        assert_eq!(few.iter().collect::<Vec<_>>(), [(DeathCause::Watchdog, 1)]);
    }
}
