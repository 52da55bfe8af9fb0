//! Who needs whom, and whether what is needed is there.
//!
//! What one instance does costs its program's dependants, and more only where their own prospects change by it; a
//! program that nobody needs costs nothing. Invariant: the programs have no cycle, see [`super::check`].

use super::standing::{Distance, Standing, Tally};
use super::{Bond, Condition, Needs, Strength};
use crate::core::ids::{InstanceIndex, InstanceKey, ProgramId};
use crate::core::program::{Fate, Program};
use crate::core::table::Requirements;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

/// What programs need, and who needs them.
#[derive(Debug, Default)]
pub struct Graph {
    /// Programs that need something.
    needing: HashMap<ProgramId, Needing>,
    /// Programs that somebody needs.
    needed: HashMap<ProgramId, Needed>,
    /// Names that somebody needs and nobody has, with those who do.
    absent: HashMap<String, BTreeSet<ProgramId>>,
}

#[derive(Debug)]
struct Needing {
    links: Vec<Link>,
    bond: Bond,
}

/// That a program needs another one.
#[derive(Debug)]
struct Link {
    name: String,
    /// The program of that name, if there is one.
    program: Option<ProgramId>,
    condition: Condition,
    strength: Strength,
}

#[derive(Debug)]
struct Needed {
    dependants: BTreeSet<ProgramId>,
    /// Its instances that are there to stay.
    standings: HashMap<InstanceIndex, Standing>,
    tally: Tally,
    /// Instances that run and are to stop as soon as others have.
    departing: BTreeSet<InstanceIndex>,
    fate: Fate,
    prospects: Prospects,
}

/// How near a program is to each condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prospects {
    running: Prospect,
    completed: Prospect,
}

/// How near a program is to a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prospect {
    outlook: Outlook,
    under_way: UnderWay,
}

/// Whether any instances are on their way to a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnderWay {
    Some,
    None,
}

/// What those who require a program can expect, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outlook {
    /// The condition holds.
    There,
    /// It will hold if nothing goes wrong.
    Coming,
    /// It will not hold unless somebody acts.
    Absent,
    /// It was to hold, and something has failed.
    Failed,
}

/// What a change does to those who need the program it is of.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ripple {
    /// Programs for which it may look otherwise now.
    pub judged: BTreeSet<ProgramId>,
    /// Programs that are bound to what has gone away.
    pub lost: BTreeSet<ProgramId>,
}

impl Prospect {
    /// That of a program that is not there.
    const NONE: Prospect = Prospect { outlook: Outlook::Absent, under_way: UnderWay::None };
}

impl Graph {
    /// Whether no program needs another.
    pub fn is_empty(&self) -> bool {
        self.needing.is_empty()
    }

    /// Takes on what a program needs, in place of what it needed. `find` knows programs by name.
    pub fn link<'a>(
        &mut self,
        id: ProgramId,
        needs: &Needs,
        find: impl Fn(&str) -> Option<&'a Program>,
    ) -> Ripple {
        self.unlink(id);
        let links = needs.iter().map(|(strength, requirement)| {
            let program = find(&requirement.program).map(|program| program.id);
            let name = requirement.program.clone();
            Link { name, program, condition: requirement.condition, strength }
        });
        let links: Vec<Link> = links.collect();
        for link in &links {
            match find(&link.name) {
                Some(program) => self.needed_by(program, id),
                None => drop(self.absent.entry(link.name.clone()).or_default().insert(id)),
            }
        }
        if !links.is_empty() {
            self.needing.insert(id, Needing { links, bond: needs.bond });
        }
        let mut ripple = self.spread(id);
        ripple.judged.insert(id);
        ripple
    }

    /// Forgets what a program needs.
    fn unlink(&mut self, id: ProgramId) {
        let Some(needing) = self.needing.remove(&id) else { return };
        for link in needing.links {
            if let Some(program) = link.program
                && let Some(needed) = self.needed.get_mut(&program)
            {
                needed.dependants.remove(&id);
                if needed.dependants.is_empty() {
                    self.needed.remove(&program);
                }
            }
            if let Some(dependants) = self.absent.get_mut(&link.name) {
                dependants.remove(&id);
                if dependants.is_empty() {
                    self.absent.remove(&link.name);
                }
            }
        }
    }

    /// Counts the instances of a program that somebody needs from now on.
    fn needed_by(&mut self, program: &Program, dependant: ProgramId) {
        if let Some(needed) = self.needed.get_mut(&program.id) {
            needed.dependants.insert(dependant);
            return;
        }
        let mut tally = Tally::default();
        let standing = |(index, instance)| Some((index, Standing::of(instance)?));
        let standings: HashMap<InstanceIndex, Standing> = program.staying().filter_map(standing).collect();
        standings.values().for_each(|standing| tally.add(*standing));
        let (fate, departing) = (program.fate, BTreeSet::new());
        let prospects = self.prospects(program.id, tally, fate);
        let dependants = BTreeSet::from([dependant]);
        self.needed.insert(program.id, Needed { dependants, standings, tally, departing, fate, prospects });
    }

    /// A program is there that may have been needed before.
    pub fn arrived(&mut self, program: &Program) -> Ripple {
        let Some(dependants) = self.absent.remove(&*program.name) else { return Ripple::default() };
        for dependant in &dependants {
            self.retarget(*dependant, &program.name, Some(program.id));
            self.needed_by(program, *dependant);
        }
        let mut ripple = self.spread_from(dependants.clone());
        ripple.judged.extend(dependants);
        ripple
    }

    /// A program is being removed.
    pub fn leaves(&mut self, id: ProgramId) -> Ripple {
        let Some(needed) = self.needed.get_mut(&id) else { return Ripple::default() };
        needed.fate = Fate::Leaving;
        let mut ripple = self.spread(id);
        ripple.lost = self.bound_to(id, |_| true);
        ripple
    }

    /// An instance runs and is to stop when others have: nobody is to start because of it any more. This holds until
    /// its state changes, or until [`Graph::stays`].
    pub fn departs(&mut self, key: InstanceKey) -> Ripple {
        let Some(needed) = self.needed.get_mut(&key.program) else { return Ripple::default() };
        needed.departing.insert(key.index);
        self.spread(key.program)
    }

    /// An instance that was to stop is to go on.
    pub fn stays(&mut self, key: InstanceKey) -> Ripple {
        let Some(needed) = self.needed.get_mut(&key.program) else { return Ripple::default() };
        needed.departing.remove(&key.index);
        self.spread(key.program)
    }

    /// A program is gone.
    pub fn gone(&mut self, id: ProgramId, name: &str) -> Ripple {
        self.unlink(id);
        let Some(needed) = self.needed.remove(&id) else { return Ripple::default() };
        for dependant in &needed.dependants {
            self.retarget(*dependant, name, None);
        }
        self.absent.insert(name.to_string(), needed.dependants.clone());
        let mut ripple = self.spread_from(needed.dependants.clone());
        ripple.judged.extend(needed.dependants);
        ripple
    }

    fn retarget(&mut self, dependant: ProgramId, name: &str, program: Option<ProgramId>) {
        let links = self.needing.get_mut(&dependant).map(|needing| &mut needing.links);
        for link in links.into_iter().flatten().filter(|link| link.name == name) {
            link.program = program;
        }
    }

    /// Takes on where an instance stands; `None` for one that does not count any more.
    pub fn observe(&mut self, key: InstanceKey, standing: Option<Standing>) -> Ripple {
        let Some(needed) = self.needed.get_mut(&key.program) else { return Ripple::default() };
        let before = match standing {
            Some(standing) => needed.standings.insert(key.index, standing),
            None => needed.standings.remove(&key.index),
        };
        if before == standing {
            return Ripple::default();
        }
        needed.departing.remove(&key.index);
        before.into_iter().for_each(|standing| needed.tally.take(standing));
        standing.into_iter().for_each(|standing| needed.tally.add(standing));
        let mut ripple = self.spread(key.program);
        if let (Some(before), Some(now)) = (before, standing) {
            let was_there = |standing: Standing, c| standing.distance(c) == Distance::There;
            ripple.lost = self.bound_to(key.program, |c| was_there(before, c) && !was_there(now, c));
        }
        ripple
    }

    /// Programs that are bound to one that they require under one of these conditions.
    fn bound_to(&self, id: ProgramId, is_lost: impl Fn(Condition) -> bool) -> BTreeSet<ProgramId> {
        let Some(needed) = self.needed.get(&id) else { return BTreeSet::new() };
        let is_bound = |dependant: &&ProgramId| {
            let needing = self.needing.get(dependant).filter(|needing| needing.bond == Bond::Bound);
            let mut links = needing.into_iter().flat_map(|needing| &needing.links);
            links.any(|link| {
                link.program == Some(id) && link.strength == Strength::Requires && is_lost(link.condition)
            })
        };
        needed.dependants.iter().filter(is_bound).copied().collect()
    }

    /// The programs that have to stop when one of the instances of a program does.
    pub fn stop_with(&self, id: ProgramId) -> BTreeSet<ProgramId> {
        self.bound_to(id, |condition| condition == Condition::Running)
    }

    /// Those that need a program, or need those whose own prospects change with it.
    fn spread(&mut self, id: ProgramId) -> Ripple {
        self.spread_from(BTreeSet::from([id]))
    }

    fn spread_from(&mut self, mut changed: BTreeSet<ProgramId>) -> Ripple {
        let mut ripple = Ripple::default();
        while let Some(id) = changed.pop_first() {
            let Some(needed) = self.needed.get(&id) else { continue };
            let mut prospects = self.prospects(id, needed.tally, needed.fate);
            if !needed.departing.is_empty() {
                prospects.running = Prospect::NONE;
            }
            let Some(needed) = self.needed.get_mut(&id).filter(|needed| needed.prospects != prospects) else {
                continue;
            };
            needed.prospects = prospects;
            ripple.judged.extend(&needed.dependants);
            changed.extend(&needed.dependants);
        }
        ripple
    }

    fn prospects(&self, id: ProgramId, tally: Tally, fate: Fate) -> Prospects {
        // Only those that wait themselves depend on what others do.
        let waits = tally.at(Distance::Waiting, Condition::Running) > 0;
        let hope = if waits { self.hope(id) } else { Outlook::There };
        let prospect = |condition| prospect(tally, fate, condition, hope);
        Prospects { running: prospect(Condition::Running), completed: prospect(Condition::Completed) }
    }

    /// What a program can expect of all that it requires: the worst of it.
    pub fn hope(&self, id: ProgramId) -> Outlook {
        let links = self.needing.get(&id).map(|needing| &needing.links);
        let required = links.into_iter().flatten().filter(|link| link.strength == Strength::Requires);
        required.map(|link| self.prospect_of(link).outlook).max().unwrap_or(Outlook::There)
    }

    /// Whether a program may start.
    pub fn requirements_of(&self, id: ProgramId) -> Requirements {
        match self.missing(id) {
            Some(_) => Requirements::Missing,
            None => Requirements::Met,
        }
    }

    /// The first thing that a program has to wait for.
    fn missing(&self, id: ProgramId) -> Option<&Link> {
        let is_missing = |link: &&Link| {
            let prospect = self.prospect_of(link);
            match link.strength {
                Strength::Requires => prospect.outlook != Outlook::There,
                Strength::Wants => prospect.under_way == UnderWay::Some,
            }
        };
        self.needing.get(&id)?.links.iter().find(is_missing)
    }

    /// The name of the first thing that a program has to wait for.
    pub fn missing_of(&self, id: ProgramId) -> Option<&str> {
        self.missing(id).map(|link| link.name.as_str())
    }

    fn prospect_of(&self, link: &Link) -> Prospect {
        let needed = link.program.and_then(|program| self.needed.get(&program));
        let Some(needed) = needed else { return Prospect::NONE };
        match link.condition {
            Condition::Running => needed.prospects.running,
            Condition::Completed => needed.prospects.completed,
        }
    }

    /// Why a program has to wait, as a sentence: the first that it waits for, and what that is doing.
    pub fn why_not(&self, id: ProgramId) -> Option<String> {
        let link = self.missing(id)?;
        let what = match link.condition {
            Condition::Running => format!("waits for {}", link.name),
            Condition::Completed => format!("waits for {} to complete", link.name),
        };
        let Some(needed) = link.program.and_then(|program| self.needed.get(&program)) else {
            return Some(format!("{what}, but there is no such program"));
        };
        if needed.fate == Fate::Leaving {
            return Some(format!("{what}, which is being removed"));
        }
        if !needed.departing.is_empty() {
            return Some(format!("{what}, which is to stop"));
        }
        Some(format!("{what}, {}", doing(needed.tally, link.condition)))
    }

    /// The programs that require one, as opposed to those that want it.
    pub fn required_by(&self, id: ProgramId) -> Vec<ProgramId> {
        let dependants = self.needed.get(&id).map(|needed| &needed.dependants);
        let requires = |dependant: &&ProgramId| {
            let links = self.needing.get(dependant).map(|needing| &needing.links);
            let mut links = links.into_iter().flatten();
            links.any(|link| link.program == Some(id) && link.strength == Strength::Requires)
        };
        dependants.into_iter().flatten().filter(requires).copied().collect()
    }

    /// The programs that one needs, in any way.
    pub fn needs_of(&self, id: ProgramId) -> impl Iterator<Item = ProgramId> {
        let links = self.needing.get(&id).map(|needing| &needing.links);
        links.into_iter().flatten().filter_map(|link| link.program)
    }
}

fn prospect(tally: Tally, fate: Fate, condition: Condition, hope: Outlook) -> Prospect {
    if fate == Fate::Leaving {
        return Prospect::NONE;
    }
    let at = |distance| tally.at(distance, condition);
    let (mut coming, mut away, mut failed) = (at(Distance::Coming), at(Distance::Away), at(Distance::Failed));
    let waiting = match hope {
        Outlook::There | Outlook::Coming => &mut coming,
        Outlook::Absent => &mut away,
        Outlook::Failed => &mut failed,
    };
    *waiting += at(Distance::Waiting);
    let outlook = match (failed, away, coming) {
        (0, 0, 0) => Outlook::There,
        (0, 0, _) => Outlook::Coming,
        (0, _, _) => Outlook::Absent,
        (_, _, _) => Outlook::Failed,
    };
    let under_way = if coming > 0 { UnderWay::Some } else { UnderWay::None };
    Prospect { outlook, under_way }
}

/// What the instances are doing that are waited for.
fn doing(tally: Tally, condition: Condition) -> String {
    let mut missing = tally.counts().filter(|(standing, _)| standing.distance(condition) != Distance::There);
    match (tally.total(), missing.next()) {
        (1, Some((standing, _))) => format!("which is {}", standing.words()),
        (total, first) => {
            let there = tally.at(Distance::There, condition);
            let so = match condition {
                Condition::Running => "running",
                Condition::Completed => "done",
            };
            let mut text = format!("of which {there} of {total} instances are {so}");
            for (standing, count) in first.into_iter().chain(missing) {
                // Writing into a string cannot fail.
                let _ = write!(text, ", {count} {}", standing.words());
            }
            text
        }
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
