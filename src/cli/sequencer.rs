//! The order of events from two sources: the stream, which is prompt but may have gaps, and `events`, which fills
//! them. Pure: it decides what is printed, what is known already and when to ask.
//!
//! Invariant: of one run of the supervisor every number is let through at most once and in ascending order, and what
//! is missing is counted.

/// What to do with an event of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one.
    Next,
    /// It was there before.
    Known,
    /// Something is missing before it, or it is of another run: ask, and this one will be among the answers.
    Ask,
}

/// What an answer to `events` brought, beside its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// The run is another than before.
    pub new_run: bool,
    /// The number to go on after was never reached in this run.
    pub beyond: bool,
    /// So many events are no longer held.
    pub lost: u64,
    /// Events up to this number are known already: they are not printed.
    pub known: u64,
    /// There is more to ask for.
    pub more: bool,
}

/// How far we are.
#[derive(Clone, Debug)]
pub struct Sequencer {
    run: Option<String>,
    last: u64,
    /// Whether everything from `last` on was asked for, so that what is not held counts as lost.
    counts_loss: bool,
}

impl Sequencer {
    /// Begins after an event; with `None` with the oldest that is held, whichever that is.
    pub fn new(since: Option<u64>) -> Self {
        Self { run: None, last: since.unwrap_or(0), counts_loss: since.is_some() }
    }

    /// The number of the last event.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The run that the last event is of.
    pub fn run(&self) -> Option<&str> {
        self.run.as_deref()
    }

    /// Judges an event of the stream.
    pub fn offer(&mut self, run: &str, seq: u64) -> Verdict {
        if self.run.as_deref() != Some(run) {
            return Verdict::Ask;
        }
        if seq <= self.last {
            return Verdict::Known;
        }
        if seq == self.last + 1 {
            self.last = seq;
            return Verdict::Next;
        }
        Verdict::Ask
    }

    /// Takes an answer into account: its run, the oldest and latest numbers that there are, and the last of those
    /// that came with it.
    pub fn fill(&mut self, run: &str, oldest: u64, latest: u64, brought: Option<u64>) -> Filled {
        let mut filled = Filled::default();
        if self.run.as_deref() != Some(run) {
            filled.new_run = self.run.is_some();
            if filled.new_run {
                self.last = 0;
                self.counts_loss = true;
            }
            self.run = Some(run.to_string());
        }
        if self.last > latest {
            // A number of an earlier run, as far as anybody can know.
            filled.beyond = true;
            filled.more = latest > 0;
            self.last = 0;
            self.counts_loss = false;
            return filled;
        }
        let first = self.last + 1;
        if self.counts_loss && oldest > first {
            filled.lost = oldest - first;
        }
        filled.known = self.last;
        match brought {
            Some(brought) if brought > self.last => self.last = brought,
            // It says that there is more and brings nothing: it is not asked for ever.
            Some(_) | None => self.last = latest,
        }
        self.counts_loss = true;
        filled.more = self.last < latest;
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with all events after `last`, as the supervisor gives it.
    fn answered(sequencer: &mut Sequencer, run: &str, oldest: u64, latest: u64, limit: u64) -> Filled {
        let of_run = sequencer.run().is_none_or(|known| known == run);
        let since = if of_run { sequencer.last() } else { 0 };
        let first = (since + 1).max(oldest);
        let brought = (first <= latest && latest > 0).then(|| latest.min(first + limit - 1));
        sequencer.fill(run, oldest, latest, brought)
    }

    #[test]
    fn in_order_and_each_once() {
        let mut sequencer = Sequencer::new(None);
        assert_eq!(sequencer.offer("a", 3), Verdict::Ask, "nothing is known before the first answer");
        assert_eq!(answered(&mut sequencer, "a", 1, 3, 100), Filled::default());
        assert_eq!(sequencer.offer("a", 3), Verdict::Known);
        assert_eq!(sequencer.offer("a", 4), Verdict::Next);
        assert_eq!(sequencer.offer("a", 4), Verdict::Known);
        assert_eq!(sequencer.offer("a", 6), Verdict::Ask);
        assert_eq!(answered(&mut sequencer, "a", 1, 7, 100), Filled { known: 4, ..Filled::default() });
        assert_eq!(sequencer.offer("a", 6), Verdict::Known);
        assert_eq!(sequencer.offer("a", 8), Verdict::Next);
    }

    #[test]
    fn answers_come_in_pages() {
        let mut sequencer = Sequencer::new(Some(10));
        assert_eq!(
            answered(&mut sequencer, "a", 1, 25, 10),
            Filled { known: 10, more: true, ..Filled::default() }
        );
        assert_eq!(answered(&mut sequencer, "a", 1, 25, 10), Filled { known: 20, ..Filled::default() });
        assert_eq!(sequencer.last(), 25);
    }

    #[test]
    fn what_is_lost_is_counted_where_it_was_asked_for() {
        let mut all_that_is_held = Sequencer::new(None);
        assert_eq!(answered(&mut all_that_is_held, "a", 50, 60, 100), Filled::default());
        // From then on everything is asked for.
        assert_eq!(answered(&mut all_that_is_held, "a", 71, 80, 100).lost, 10);

        let mut from_ten = Sequencer::new(Some(10));
        assert_eq!(answered(&mut from_ten, "a", 50, 60, 100).lost, 39);
        let mut from_the_first = Sequencer::new(Some(0));
        assert_eq!(answered(&mut from_the_first, "a", 1, 60, 100).lost, 0);
    }

    #[test]
    fn another_run_begins_anew() {
        let mut sequencer = Sequencer::new(None);
        answered(&mut sequencer, "a", 1, 40, 100);
        assert_eq!(sequencer.offer("b", 41), Verdict::Ask);
        let filled = answered(&mut sequencer, "b", 1, 5, 100);
        assert_eq!(filled, Filled { new_run: true, ..Filled::default() });
        assert_eq!(sequencer.offer("b", 6), Verdict::Next);
        assert_eq!(sequencer.offer("a", 41), Verdict::Ask, "a late one of the old run is not taken for ours");
    }

    #[test]
    fn a_number_from_an_earlier_run_leads_to_the_oldest() {
        let mut sequencer = Sequencer::new(Some(500));
        let filled = answered(&mut sequencer, "a", 1, 40, 100);
        assert!(filled.beyond && filled.more);
        assert_eq!(answered(&mut sequencer, "a", 1, 40, 100), Filled::default());
        assert_eq!(sequencer.last(), 40);
    }

    #[test]
    fn nothing_makes_it_ask_for_ever() {
        let mut sequencer = Sequencer::new(None);
        assert!(!sequencer.fill("a", 1, 9, None).more, "promised, and not brought");
        assert!(!sequencer.fill("a", 1, 9, Some(3)).more);
        assert_eq!(sequencer.last(), 9);
        let mut empty = Sequencer::new(Some(3));
        let filled = empty.fill("a", 0, 0, None);
        assert!(filled.beyond && !filled.more);
    }
}
