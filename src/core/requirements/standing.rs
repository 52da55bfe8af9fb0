//! What an instance is to those who need its program, and how many instances of a program are what.

use super::Condition;
use crate::core::instance::{Cause, Instance};
use crate::core::state::{AdminState, Sequel, State};

/// What an instance is to those who need its program: its state, and whether it will come out of it by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Never started, and not about to be.
    New,
    /// Waits for what it requires itself.
    Waiting,
    /// Is starting.
    Starting,
    /// Is running.
    Running,
    /// Is stopping, and will be started again.
    Restarting,
    /// Is stopping for longer.
    Stopping,
    /// Has ended, and will be started again.
    Due,
    /// Has ended, and stays so.
    Ended,
    /// Has ended with a failure, and stays so.
    Broken,
    /// Has ended with success, and will be started again.
    Repeating,
    /// Has ended with success, and stays so.
    Completed,
    /// Flaps.
    Backoff,
    /// Was given up.
    Failed,
}

/// How near an instance is to what is needed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// It is so.
    There,
    /// It will be so if nothing goes wrong.
    Coming,
    /// As [`Distance::Coming`] if what it requires itself comes.
    Waiting,
    /// It will not be so unless somebody acts.
    Away,
    /// It was to be so, and has failed.
    Failed,
}

impl Standing {
    /// All of them, in the order of their numbers.
    pub const ALL: [Standing; 13] = [
        Standing::New,
        Standing::Waiting,
        Standing::Starting,
        Standing::Running,
        Standing::Restarting,
        Standing::Stopping,
        Standing::Due,
        Standing::Ended,
        Standing::Broken,
        Standing::Repeating,
        Standing::Completed,
        Standing::Backoff,
        Standing::Failed,
    ];

    /// That of an instance; `None` for one that is about to be gone, and does not count.
    pub fn of(instance: &Instance) -> Option<Self> {
        let is_wanted = instance.admin != AdminState::Down;
        Some(match instance.state {
            State::New => Standing::New,
            State::Waiting(_) => Standing::Waiting,
            State::Starting(_) => Standing::Starting,
            State::Running => Standing::Running,
            State::Stopping(sequel) => match sequel {
                Sequel::Start | Sequel::StartNow(_) => Standing::Restarting,
                Sequel::Exited if instance.admin == AdminState::Up => Standing::Restarting,
                // It will wait for the same as one that waits already.
                Sequel::Waiting => Standing::Waiting,
                Sequel::Exited | Sequel::Backoff | Sequel::Failed | Sequel::New => Standing::Stopping,
                Sequel::Gone => return None,
            },
            State::Exited => {
                let cause = instance.last.as_ref().map(|last| &last.cause);
                match (cause, is_wanted) {
                    (Some(Cause::Finished), true) => Standing::Repeating,
                    (Some(Cause::Finished), false) => Standing::Completed,
                    (_, true) => Standing::Due,
                    (Some(Cause::Failed | Cause::SpawnFailed(_)), false) => Standing::Broken,
                    (_, false) => Standing::Ended,
                }
            }
            State::Backoff => Standing::Backoff,
            State::Failed => Standing::Failed,
        })
    }

    /// How near it is to a condition.
    pub fn distance(self, condition: Condition) -> Distance {
        match (self, condition) {
            (Standing::Running, Condition::Running) => Distance::There,
            (Standing::Completed | Standing::Repeating, Condition::Completed) => Distance::There,
            (Standing::Starting | Standing::Restarting | Standing::Due, _) => Distance::Coming,
            (Standing::Running, Condition::Completed) => Distance::Coming,
            (Standing::Repeating, Condition::Running) => Distance::Coming,
            (Standing::Waiting, _) => Distance::Waiting,
            (Standing::Completed, Condition::Running) => Distance::Away,
            (Standing::New | Standing::Stopping | Standing::Ended, _) => Distance::Away,
            (Standing::Broken | Standing::Backoff | Standing::Failed, _) => Distance::Failed,
        }
    }

    /// What people are told of it, to follow "is".
    pub fn words(self) -> &'static str {
        match self {
            Standing::New | Standing::Ended | Standing::Completed => "down",
            Standing::Broken => "down after a failure",
            Standing::Waiting => "waiting",
            Standing::Starting => "starting",
            Standing::Running => "running",
            Standing::Restarting => "restarting",
            Standing::Stopping => "stopping",
            Standing::Due | Standing::Repeating => "about to start again",
            Standing::Backoff => "in backoff",
            Standing::Failed => "failed",
        }
    }
}

/// How many instances stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally([u32; Standing::ALL.len()]);

impl Tally {
    /// One more.
    pub fn add(&mut self, standing: Standing) {
        if let Some(count) = self.0.get_mut(standing as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// One less.
    pub fn take(&mut self, standing: Standing) {
        if let Some(count) = self.0.get_mut(standing as usize) {
            *count = count.saturating_sub(1);
        }
    }

    /// The standings that occur, and how many instances have each.
    pub fn counts(&self) -> impl Iterator<Item = (Standing, u32)> {
        Standing::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// How many are at a distance from a condition.
    pub fn at(&self, distance: Distance, condition: Condition) -> u32 {
        let there = self.counts().filter(|(standing, _)| standing.distance(condition) == distance);
        there.map(|(_, count)| count).sum()
    }

    /// How many there are.
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_counted_by_their_numbers() {
        for (number, standing) in Standing::ALL.into_iter().enumerate() {
            assert_eq!(standing as usize, number);
        }
        let mut tally = Tally::default();
        for standing in [Standing::Running, Standing::Failed, Standing::Running] {
            tally.add(standing);
        }
        tally.take(Standing::Failed);
        assert_eq!(tally.counts().collect::<Vec<_>>(), [(Standing::Running, 2)]);
        assert_eq!(tally.at(Distance::There, Condition::Running), 2);
        assert_eq!(tally.at(Distance::Coming, Condition::Completed), 2);
    }
}
