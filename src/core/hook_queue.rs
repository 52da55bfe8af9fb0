//! Hooks that wait to be run: bounded in all, bounded for each hook, and in the order of events for each instance.
//!
//! Invariants: of one hook and one instance at most one is under way, and they begin in the order in which they came;
//! of one hook at most `concurrency` are under way, and [`MOST_RUNNING`] in all; no operation but [`HookQueue::forget`] and [`HookQueue::clear`]
//! takes longer the more wait. Hooks take turns, and of one hook its instances do, so that none starves another.

use super::hook::HookId;
use super::ids::InstanceKey;
use std::collections::{HashMap, VecDeque};

/// How many may wait, over all hooks.
pub const CAPACITY: usize = 1024;
/// How many may be under way, over all hooks: each is a process, and a descriptor that a program may need to start.
pub const MOST_RUNNING: usize = 128;

/// Everything that waits, and what is under way.
#[derive(Debug)]
pub struct HookQueue<T> {
    hooks: HashMap<HookId, Hook<T>>,
    /// Hooks of which one more can begin, each once.
    turns: VecDeque<HookId>,
    waiting: usize,
    running: usize,
}

/// What waits of one hook, and what is under way.
#[derive(Debug)]
struct Hook<T> {
    concurrency: u32,
    running: u32,
    lanes: HashMap<InstanceKey, Lane<T>>,
    /// Instances of which something waits and nothing is under way, each once.
    turns: VecDeque<InstanceKey>,
    listing: Listing,
}

/// What waits of one hook for one instance.
#[derive(Debug)]
struct Lane<T> {
    waiting: VecDeque<T>,
    occupancy: Occupancy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Occupancy {
    Free,
    Busy,
}

/// Whether a hook is among those whose turn it will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listing {
    Listed,
    Unlisted,
}

/// There is no room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// What is to begin.
#[derive(Debug, PartialEq, Eq)]
pub struct Next<T> {
    /// Of which hook.
    pub hook: HookId,
    /// For which instance.
    pub instance: InstanceKey,
    /// What was put in.
    pub item: T,
}

impl<T> Default for HookQueue<T> {
    fn default() -> Self {
        Self { hooks: HashMap::new(), turns: VecDeque::new(), waiting: 0, running: 0 }
    }
}

impl<T> HookQueue<T> {
    /// Puts one in. `concurrency` is that of the hook.
    ///
    /// # Errors
    /// [`CAPACITY`] wait already.
    pub fn push(
        &mut self,
        hook: HookId,
        concurrency: u32,
        instance: InstanceKey,
        item: T,
    ) -> Result<(), Full> {
        if self.waiting >= CAPACITY {
            return Err(Full);
        }
        self.waiting += 1;
        let of_hook = self.hooks.entry(hook).or_insert_with(|| Hook::new(concurrency));
        let lane = of_hook.lanes.entry(instance).or_insert_with(Lane::new);
        if lane.waiting.is_empty() && lane.occupancy == Occupancy::Free {
            of_hook.turns.push_back(instance);
        }
        lane.waiting.push_back(item);
        self.list(hook);
        Ok(())
    }

    /// Takes out what is to begin now, if anything can. It is under way until [`HookQueue::ended`].
    pub fn begin(&mut self) -> Option<Next<T>> {
        let hook = if self.running < MOST_RUNNING { self.turns.pop_front()? } else { return None };
        let of_hook = self.hooks.get_mut(&hook)?;
        of_hook.listing = Listing::Unlisted;
        let instance = of_hook.turns.pop_front()?;
        let lane = of_hook.lanes.get_mut(&instance)?;
        let item = lane.waiting.pop_front()?;
        lane.occupancy = Occupancy::Busy;
        of_hook.running += 1;
        self.waiting -= 1;
        self.running += 1;
        self.list(hook);
        Some(Next { hook, instance, item })
    }

    /// What was under way has ended.
    pub fn ended(&mut self, hook: HookId, instance: InstanceKey) {
        let Some(of_hook) = self.hooks.get_mut(&hook) else { return };
        let Some(lane) = of_hook.lanes.get_mut(&instance) else { return };
        if lane.occupancy == Occupancy::Free {
            return;
        }
        lane.occupancy = Occupancy::Free;
        if lane.waiting.is_empty() {
            of_hook.lanes.remove(&instance);
        } else {
            of_hook.turns.push_back(instance);
        }
        of_hook.running -= 1;
        self.running -= 1;
        if of_hook.lanes.is_empty() {
            self.hooks.remove(&hook);
        }
        self.list(hook);
    }

    /// Throws away what waits of a hook, and says how many that were. What is under way goes on.
    pub fn forget(&mut self, hook: HookId) -> usize {
        let Some(of_hook) = self.hooks.get_mut(&hook) else { return 0 };
        let thrown: usize = of_hook.lanes.values().map(|lane| lane.waiting.len()).sum();
        of_hook.lanes.retain(|_, lane| lane.occupancy == Occupancy::Busy);
        of_hook.lanes.values_mut().for_each(|lane| lane.waiting.clear());
        of_hook.turns.clear();
        of_hook.listing = Listing::Unlisted;
        if of_hook.lanes.is_empty() {
            self.hooks.remove(&hook);
        }
        self.turns.retain(|other| *other != hook);
        self.waiting -= thrown;
        thrown
    }

    /// Throws away all that waits, and says how many that were.
    pub fn clear(&mut self) -> usize {
        let all: Vec<HookId> = self.hooks.keys().copied().collect();
        all.into_iter().map(|hook| self.forget(hook)).sum()
    }

    /// Whether anything can begin now.
    pub fn can_begin(&self) -> bool {
        !self.turns.is_empty() && self.running < MOST_RUNNING
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many are under way.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Gives a hook a turn, if one more of it can begin.
    fn list(&mut self, hook: HookId) {
        let Some(of_hook) = self.hooks.get_mut(&hook) else { return };
        let can_begin = !of_hook.turns.is_empty() && of_hook.running < of_hook.concurrency;
        if can_begin && of_hook.listing == Listing::Unlisted {
            of_hook.listing = Listing::Listed;
            self.turns.push_back(hook);
        }
    }
}

impl<T> Hook<T> {
    fn new(concurrency: u32) -> Self {
        let (lanes, turns) = (HashMap::new(), VecDeque::new());
        Self { concurrency: concurrency.max(1), running: 0, lanes, turns, listing: Listing::Unlisted }
    }
}

impl<T> Lane<T> {
    fn new() -> Self {
        Self { waiting: VecDeque::new(), occupancy: Occupancy::Free }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::{InstanceIndex, ProgramId};
    use super::*;
    use proptest::prelude::*;

    fn key(index: u32) -> InstanceKey {
        InstanceKey { program: ProgramId(1), index: InstanceIndex(index) }
    }

    fn queue(items: &[(u32, u32, u32)], concurrency: u32) -> HookQueue<u32> {
        let mut queue = HookQueue::default();
        for (hook, instance, item) in items {
            queue.push(HookId(*hook), concurrency, key(*instance), *item).unwrap();
        }
        queue
    }

    fn begin_all(queue: &mut HookQueue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.begin()).map(|next| next.item).collect()
    }

    #[test]
    fn of_one_instance_they_follow_one_another() {
        let mut queue = queue(&[(1, 0, 1), (1, 0, 2), (1, 1, 3), (1, 0, 4)], 4);
        assert_eq!(begin_all(&mut queue), [1, 3]);
        assert_eq!((queue.waiting(), queue.running(), queue.can_begin()), (2, 2, false));
        queue.ended(HookId(1), key(1));
        assert_eq!(begin_all(&mut queue), []);
        queue.ended(HookId(1), key(0));
        assert_eq!(begin_all(&mut queue), [2]);
        queue.ended(HookId(1), key(0));
        assert_eq!(begin_all(&mut queue), [4]);
        queue.ended(HookId(1), key(0));
        assert_eq!((queue.waiting(), queue.running(), queue.hooks.len()), (0, 0, 0));
    }

    #[test]
    fn of_one_hook_no_more_than_so_many_are_under_way_and_others_take_turns() {
        let mut queue = queue(&[(1, 0, 1), (1, 1, 2), (1, 2, 3), (2, 0, 4)], 2);
        assert_eq!(begin_all(&mut queue), [1, 4, 2]);
        queue.ended(HookId(1), key(1));
        assert_eq!(begin_all(&mut queue), [3]);
        // What did not begin does not end.
        queue.ended(HookId(1), key(1));
        queue.ended(HookId(7), key(1));
        assert_eq!(queue.running(), 3);
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut queue = HookQueue::default();
        let capacity = u32::try_from(CAPACITY).unwrap();
        for item in 0..capacity {
            queue.push(HookId(item % 3), 4, key(item), item).unwrap();
        }
        assert_eq!(queue.push(HookId(9), 4, key(0), 0), Err(Full));
        queue.begin().unwrap();
        queue.push(HookId(9), 4, key(0), 0).unwrap();
        assert_eq!(queue.clear(), CAPACITY);
        assert_eq!((queue.waiting(), queue.running(), queue.can_begin()), (0, 1, false));
    }

    #[test]
    fn in_all_no_more_than_so_many_are_under_way() {
        let mut queue = HookQueue::default();
        let most = u32::try_from(MOST_RUNNING).unwrap();
        for item in 0..most + 2 {
            queue.push(HookId(item), 1, key(0), item).unwrap();
        }
        assert_eq!(begin_all(&mut queue).len(), MOST_RUNNING);
        assert!(!queue.can_begin());
        queue.ended(HookId(7), key(0));
        assert!(queue.can_begin());
        assert_eq!(begin_all(&mut queue), [most]);
    }

    #[test]
    fn what_waits_is_forgotten_and_what_is_under_way_is_not() {
        let mut queue = queue(&[(1, 0, 1), (1, 0, 2), (1, 1, 3), (2, 0, 4)], 1);
        assert_eq!(queue.begin().unwrap().item, 1);
        assert_eq!((queue.forget(HookId(1)), queue.waiting(), queue.running()), (2, 1, 1));
        assert_eq!(begin_all(&mut queue), [4]);
        // Of the same id, it still counts who is under way.
        queue.push(HookId(1), 1, key(5), 5).unwrap();
        assert_eq!(begin_all(&mut queue), []);
        queue.ended(HookId(1), key(0));
        assert_eq!(begin_all(&mut queue), [5]);
        assert_eq!(queue.forget(HookId(3)), 0);
    }

    proptest! {
        #[test]
        fn whatever_happens_nothing_is_lost_or_out_of_order(
            steps in proptest::collection::vec((0_u32..4, 0_u32..3, 0_u32..3), 0..200)
        ) {
            let mut queue = HookQueue::default();
            let mut begun: HashMap<(HookId, InstanceKey), Vec<u32>> = HashMap::new();
            let mut put: HashMap<(HookId, InstanceKey), Vec<u32>> = HashMap::new();
            let mut under_way: Vec<(HookId, InstanceKey)> = Vec::new();
            for (number, (what, hook, instance)) in (0..).zip(steps) {
                match what {
                    0 | 1 => {
                        queue.push(HookId(hook), 2, key(instance), number).unwrap();
                        put.entry((HookId(hook), key(instance))).or_default().push(number);
                    }
                    2 => if let Some(next) = queue.begin() {
                        prop_assert!(!under_way.contains(&(next.hook, next.instance)));
                        under_way.push((next.hook, next.instance));
                        prop_assert!(under_way.iter().filter(|(hook, _)| *hook == next.hook).count() <= 2);
                        begun.entry((next.hook, next.instance)).or_default().push(next.item);
                    },
                    _ => if let Some((hook, instance)) = under_way.pop() {
                        queue.ended(hook, instance);
                    },
                }
                prop_assert_eq!(queue.running(), under_way.len());
            }
            loop {
                while let Some(next) = queue.begin() {
                    under_way.push((next.hook, next.instance));
                    begun.entry((next.hook, next.instance)).or_default().push(next.item);
                }
                let Some((hook, instance)) = under_way.pop() else { break };
                queue.ended(hook, instance);
            }
            prop_assert_eq!(begun, put);
            prop_assert_eq!((queue.waiting(), queue.running(), queue.hooks.len()), (0, 0, 0));
        }
    }
}
