//! The first round of a supervisor: from its beginning until each instance that is wanted up then has come to something,
//! be it that it runs, has ended, has failed once, or waits for what has.

use super::ids::{InstanceKey, ProgramId};
use super::state::StateName;
use std::collections::HashSet;

/// The first round, kept as instances change, so that nothing is ever gone through for it.
#[derive(Debug, Default)]
pub struct FirstRound {
    unsettled: HashSet<InstanceKey>,
    /// Programs that wait for what has failed. What they wait for may still come, but nobody is kept waiting for that.
    in_vain: HashSet<ProgramId>,
}

impl FirstRound {
    /// One of these instances.
    pub fn of(wanted: impl Iterator<Item = InstanceKey>) -> Self {
        Self { unsettled: wanted.collect(), in_vain: HashSet::new() }
    }

    /// Whether it is over. Then it stays so.
    pub fn is_over(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// An instance has come to something, or is not wanted any more.
    pub fn settle(&mut self, key: InstanceKey) {
        self.unsettled.remove(&key);
        if self.unsettled.is_empty() {
            // Nothing is remembered for nothing.
            *self = Self::default();
        }
    }

    /// An instance has taken an edge to a state.
    pub fn see_edge(&mut self, key: InstanceKey, state: StateName) {
        match state {
            StateName::Running | StateName::Exited | StateName::Backoff | StateName::Failed => {
                self.settle(key);
            }
            StateName::Waiting if self.in_vain.contains(&key.program) => self.settle(key),
            StateName::New | StateName::Waiting | StateName::Starting | StateName::Stopping => {}
        }
    }

    /// A program waits in vain: for what has failed. Whether that is new.
    pub fn waits_in_vain(&mut self, program: ProgramId) -> bool {
        !self.is_over() && self.in_vain.insert(program)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::InstanceIndex;
    use super::*;

    fn key(program: u32) -> InstanceKey {
        InstanceKey { program: ProgramId(program), index: InstanceIndex(0) }
    }

    #[test]
    fn it_is_over_when_each_has_come_to_something() {
        let ends = [StateName::Running, StateName::Exited, StateName::Backoff, StateName::Failed];
        let mut round = FirstRound::of((0..6).map(key));
        for state in [StateName::Starting, StateName::Waiting, StateName::Stopping, StateName::New] {
            (0..6).for_each(|program| round.see_edge(key(program), state));
        }
        for (program, state) in (0..).zip(ends) {
            assert!(!round.is_over());
            round.see_edge(key(program), state);
        }
        round.settle(key(4));
        // What others need that has failed.
        assert!(round.waits_in_vain(ProgramId(5)) && !round.waits_in_vain(ProgramId(5)));
        assert!(!round.is_over());
        round.see_edge(key(5), StateName::Waiting);
        assert!(round.is_over() && !round.waits_in_vain(ProgramId(5)));
    }

    #[test]
    fn it_is_over_where_nothing_is_wanted() {
        assert!(FirstRound::of(std::iter::empty()).is_over());
    }
}
