//! Those that are needed before those that need them, and the other way round.

use super::graph::Graph;
use crate::core::ids::ProgramId;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

impl Graph {
    /// How many programs stand one behind the other below each of these, by what they need: 0 for one that needs
    /// nothing. In the order of these numbers, everything comes after all that it needs.
    pub fn depths(&self, programs: &BTreeSet<ProgramId>) -> HashMap<ProgramId, u32> {
        let mut depths: HashMap<ProgramId, u32> = HashMap::new();
        for program in programs {
            // Without recursion, since a chain may be longer than a stack is deep.
            let mut path = vec![*program];
            let mut under_way = HashSet::from([*program]);
            while let Some(id) = path.last().copied() {
                // What is under way already would be a cycle, and is not walked for ever.
                let is_new = |needed: &ProgramId| !depths.contains_key(needed) && !under_way.contains(needed);
                let unknown = self.needs_of(id).find(is_new);
                if let Some(needed) = unknown.filter(|_| !depths.contains_key(&id)) {
                    path.push(needed);
                    under_way.insert(needed);
                    continue;
                }
                let below = self.needs_of(id).filter_map(|needed| depths.get(&needed)).max();
                depths.insert(id, below.map_or(0, |depth| depth + 1));
                path.pop();
            }
        }
        depths
    }

    /// For each of these programs, those among them that it needs: itself, or through programs that are not among
    /// them.
    pub fn needs_among(&self, programs: &BTreeSet<ProgramId>) -> BTreeMap<ProgramId, BTreeSet<ProgramId>> {
        programs.iter().map(|program| (*program, self.nearest_needs(*program, programs))).collect()
    }

    fn nearest_needs(&self, program: ProgramId, among: &BTreeSet<ProgramId>) -> BTreeSet<ProgramId> {
        let (mut found, mut seen) = (BTreeSet::new(), HashSet::new());
        let mut left: Vec<ProgramId> = self.needs_of(program).collect();
        while let Some(needed) = left.pop() {
            if among.contains(&needed) {
                found.insert(needed);
            } else if seen.insert(needed) {
                left.extend(self.needs_of(needed));
            }
        }
        found
    }
}
