//! How all instances are, in a sentence for people: counted as they change, so that nothing is gone through for it.

use super::state::StateName;
use std::fmt;

/// How many instances are in which state. Those that are `new` are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u32; StateName::ALL.len()]);

/// The sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many are in which state.
    pub counts: Counts,
    /// How many are wanted up.
    pub wanted: usize,
}

impl Counts {
    /// An instance goes from one state to another.
    pub fn see_edge(&mut self, from: StateName, to: StateName) {
        self.forget(from);
        if to != StateName::New
            && let Some(count) = self.0.get_mut(to as usize)
        {
            *count = count.saturating_add(1);
        }
    }

    /// An instance that was in this state is no more.
    pub fn forget(&mut self, state: StateName) {
        if state != StateName::New
            && let Some(count) = self.0.get_mut(state as usize)
        {
            *count = count.saturating_sub(1);
        }
    }

    /// How many are in this state.
    pub fn of(&self, state: StateName) -> u32 {
        self.0.get(state as usize).copied().unwrap_or(0)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const OTHERS: [(StateName, &str); 5] = [
            (StateName::Starting, "starting"),
            (StateName::Waiting, "waiting"),
            (StateName::Stopping, "stopping"),
            (StateName::Backoff, "in backoff"),
            (StateName::Failed, "failed"),
        ];
        match self.wanted {
            0 => f.write_str("nothing is wanted up")?,
            wanted => write!(f, "{} of {wanted} running", self.counts.of(StateName::Running))?,
        }
        for (state, words) in OTHERS {
            match self.counts.of(state) {
                0 => {}
                count => write!(f, ", {count} {words}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_counted_by_their_numbers() {
        for (number, state) in StateName::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, number);
        }
    }

    #[test]
    fn it_is_short_and_says_what_is_not_well() {
        let mut counts = Counts::default();
        let sentence = |counts, wanted| Summary { counts, wanted }.to_string();
        assert_eq!(sentence(counts, 0), "nothing is wanted up");
        for _ in 0..4 {
            counts.see_edge(StateName::New, StateName::Starting);
        }
        assert_eq!(sentence(counts, 4), "0 of 4 running, 4 starting");
        for _ in 0..3 {
            counts.see_edge(StateName::Starting, StateName::Running);
        }
        counts.see_edge(StateName::Starting, StateName::Backoff);
        counts.see_edge(StateName::Backoff, StateName::Backoff);
        assert_eq!(sentence(counts, 4), "3 of 4 running, 1 in backoff");
        counts.forget(StateName::Backoff);
        counts.forget(StateName::Running);
        counts.forget(StateName::New);
        assert_eq!(sentence(counts, 2), "2 of 2 running");
    }
}
