//! Mistakes in what programs need of each other: names that nobody has, and cycles, in which each would wait for the
//! next for ever.

use super::{Needs, Strength};
use crate::core::nearest::nearest;
use crate::core::program::Settings;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// A mistake, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The program whose settings it is in.
    pub program: String,
    /// The setting: that of [`Strength::as_str`].
    pub setting: Strength,
    /// Which element of the setting, from 0.
    pub element: usize,
    /// What is wrong about it.
    pub fault: Fault,
}

/// What can be wrong about a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no program of that name.
    Unknown {
        /// The name.
        name: String,
        /// The nearest that there is.
        near: Option<String>,
    },
    /// The program would wait for itself: each of these needs the next, and the last is the first.
    Cycle(Vec<String>),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let setting = self.setting.as_str();
        match &self.fault {
            Fault::Unknown { name, near: None } => {
                write!(f, "'{setting}' names '{name}', and there is no such program")
            }
            Fault::Unknown { name, near: Some(near) } => {
                write!(f, "'{setting}' names '{name}', and there is no such program; did you mean '{near}'?")
            }
            Fault::Cycle(names) => {
                let cycle = names.join(" -> ");
                write!(f, "'{setting}' makes a cycle, in which nothing could start: {cycle}")
            }
        }
    }
}

/// All mistakes in a set of programs that are to be together: those of a configuration, with those that were there
/// before and stay.
///
/// What is wanted need not exist. Each cycle is told once, at the first of its programs that is come upon in order of
/// names.
pub fn check_all<'a>(programs: impl IntoIterator<Item = (&'a str, &'a Settings)>) -> Vec<Mistake> {
    let programs: BTreeMap<&str, &Needs> =
        programs.into_iter().map(|(name, settings)| (name, &settings.needs)).collect();
    let find = |name: &str| programs.get_key_value(name).map(|(name, needs)| (*name, *needs));
    let mut mistakes = Vec::new();
    let mut walk = Walk::default();
    for (name, needs) in &programs {
        mistakes.extend(unknown(name, needs, |name| find(name).is_some(), || programs.keys().copied()));
        walk.from(name, needs, &find, &mut mistakes);
    }
    mistakes
}

/// The first mistake that a program would bring to those that are there, with these needs in place of any that it had.
///
/// `find` knows the others by name, and `names` are all of them.
pub fn check_one<'a, N: Iterator<Item = &'a str>>(
    name: &'a str,
    needs: &'a Needs,
    find: impl Fn(&str) -> Option<(&'a str, &'a Needs)>,
    names: impl Fn() -> N,
) -> Option<Mistake> {
    let find = |other: &str| if other == name { Some((name, needs)) } else { find(other) };
    if let Some(mistake) = unknown(name, needs, |other| find(other).is_some(), names).next() {
        return Some(mistake);
    }
    let mut mistakes = Vec::new();
    Walk::default().from(name, needs, &find, &mut mistakes);
    mistakes.into_iter().next()
}

/// Requirements that nobody can meet.
fn unknown<'a, 'n, N: Iterator<Item = &'a str>>(
    program: &'n str,
    needs: &'n Needs,
    is_known: impl Fn(&str) -> bool + 'n,
    names: impl Fn() -> N + 'n,
) -> impl Iterator<Item = Mistake> + 'n {
    let required = needs.requires.iter().enumerate();
    let missing = required.filter(move |(_, requirement)| !is_known(&requirement.program));
    missing.map(move |(element, requirement)| {
        let name = requirement.program.clone();
        let near = nearest(&name, names()).map(str::to_string);
        let fault = Fault::Unknown { name, near };
        Mistake { program: program.to_string(), setting: Strength::Requires, element, fault }
    })
}

/// A walk through programs by what they need, each once.
#[derive(Default)]
struct Walk<'a> {
    seen: HashMap<&'a str, Mark>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// The walk has come through it and is somewhere behind it.
    Under,
    /// All that it needs was seen.
    Done,
}

/// A program that the walk has come through.
struct Place<'a> {
    name: &'a str,
    needs: &'a Needs,
    /// How many of its requirements were looked at.
    looked_at: usize,
}

impl<'a> Walk<'a> {
    /// Walks on from a program. Without recursion, since a chain may be longer than a stack is deep.
    fn from(
        &mut self,
        name: &'a str,
        needs: &'a Needs,
        find: &impl Fn(&str) -> Option<(&'a str, &'a Needs)>,
        mistakes: &mut Vec<Mistake>,
    ) {
        if self.seen.contains_key(name) {
            return;
        }
        let mut path = vec![Place { name, needs, looked_at: 0 }];
        self.seen.insert(name, Mark::Under);
        while let Some(place) = path.last_mut() {
            let Some((_, requirement)) = place.needs.get(place.looked_at) else {
                self.seen.insert(place.name, Mark::Done);
                path.pop();
                continue;
            };
            place.looked_at += 1;
            let Some((next, needs)) = find(&requirement.program) else { continue };
            match self.seen.get(next) {
                Some(Mark::Done) => {}
                Some(Mark::Under) => mistakes.extend(cycle(&path, next)),
                None => {
                    self.seen.insert(next, Mark::Under);
                    path.push(Place { name: next, needs, looked_at: 0 });
                }
            }
        }
    }
}

/// The end of a path that has come back to one of its places.
fn cycle(path: &[Place<'_>], back_to: &str) -> Option<Mistake> {
    let begin = path.iter().position(|place| place.name == back_to)?;
    let round = path.get(begin..)?;
    let first = round.first()?;
    let taken = first.looked_at.checked_sub(1)?;
    let (setting, _) = first.needs.get(taken)?;
    let element = match setting {
        Strength::Requires => taken,
        Strength::Wants => taken - first.needs.requires.len(),
    };
    let names = round.iter().map(|place| place.name.to_string()).chain([back_to.to_string()]).collect();
    Some(Mistake { program: first.name.to_string(), setting, element, fault: Fault::Cycle(names) })
}

#[cfg(test)]
mod tests {
    use super::super::Requirement;
    use super::*;
    use proptest::prelude::*;

    fn needing(requires: &[&str], wants: &[&str]) -> Settings {
        let read = |texts: &[&str]| texts.iter().map(|text| Requirement::parse(text).unwrap()).collect();
        let mut settings = Settings::default();
        settings.needs.requires = read(requires);
        settings.needs.wants = read(wants);
        settings
    }

    fn sentences(programs: &[(&str, Settings)]) -> Vec<String> {
        let mistakes = check_all(programs.iter().map(|(name, settings)| (*name, settings)));
        mistakes.iter().map(|mistake| format!("{}: {mistake}", mistake.program)).collect()
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let programs = [
            ("web", needing(&["db", "dbb", "migrate:completed"], &["cache", "nobody"])),
            ("db", needing(&[], &[])),
            ("migrate", needing(&["db"], &[])),
            ("cache", needing(&["web"], &[])),
            ("self", needing(&["self"], &[])),
        ];
        assert_eq!(
            sentences(&programs),
            [
                "cache: 'requires' makes a cycle, in which nothing could start: cache -> web -> cache",
                "self: 'requires' makes a cycle, in which nothing could start: self -> self",
                "web: 'requires' names 'dbb', and there is no such program; did you mean 'db'?",
            ]
        );
        assert_eq!(sentences(&programs[1..3]), [""; 0]);
    }

    #[test]
    fn the_element_at_fault_is_told() {
        let programs =
            [("a", needing(&["c"], &["c", "b"])), ("b", needing(&["a"], &[])), ("c", needing(&[], &[]))];
        let mistakes = check_all(programs.iter().map(|(name, settings)| (*name, settings)));
        assert_eq!(mistakes.len(), 1);
        assert_eq!((mistakes[0].setting, mistakes[0].element), (Strength::Wants, 1));
        assert_eq!(mistakes[0].fault, Fault::Cycle(["a", "b", "a"].map(str::to_string).to_vec()));
    }

    #[test]
    fn one_program_is_checked_against_those_that_are_there() {
        let there = [("a", needing(&["b"], &[])), ("b", needing(&[], &["c"]))];
        fn sentence<'a>(there: &'a [(&str, Settings)], name: &'a str, settings: &'a Settings) -> String {
            let find = |name: &str| {
                let found = there.iter().find(|(known, _)| *known == name);
                found.map(|(name, settings)| (*name, &settings.needs))
            };
            let mistake = check_one(name, &settings.needs, find, || there.iter().map(|(name, _)| *name));
            mistake.map(|mistake| mistake.to_string()).unwrap_or_default()
        }
        let check = |name, settings: &Settings| sentence(&there, name, settings);
        assert_eq!(check("c", &needing(&[], &[])), "");
        let cycle = "'requires' makes a cycle, in which nothing could start: c -> a -> b -> c";
        assert_eq!(check("c", &needing(&["a"], &[])), cycle);
        assert!(check("b", &needing(&["a"], &[])).ends_with(": b -> a -> b"));
        assert_eq!(check("a", &needing(&[], &[])), "");
    }

    #[test]
    fn a_long_chain_is_no_deep_one() {
        let names: Vec<String> = (0..100_000).map(|number| format!("p{number}")).collect();
        let programs: Vec<(&str, Settings)> = (0..names.len())
            .map(|number| {
                let next = names.get(number + 1).map(String::as_str);
                (names[number].as_str(), needing(next.as_slice(), &[]))
            })
            .collect();
        assert_eq!(sentences(&programs), [""; 0]);
    }

    proptest! {
        /// A cycle is told exactly where programs cannot be put into an order; and what is told is one.
        #[test]
        fn cycles_are_found_where_there_is_no_order(edges in prop::collection::vec((0usize..8, 0usize..8), 0..16)) {
            let names: Vec<String> = (0..8).map(|number| format!("p{number}")).collect();
            let needs: Vec<Vec<&str>> = (0..8)
                .map(|from| edges.iter().filter(|edge| edge.0 == from).map(|edge| names[edge.1].as_str()).collect())
                .collect();
            let programs: Vec<(&str, Settings)> =
                (0..8).map(|number| (names[number].as_str(), needing(&needs[number], &[]))).collect();
            let mut left: Vec<usize> = (0..8).collect();
            while let Some(free) = left.iter().position(|from| !edges.iter().any(|(a, b)| a == from && left.contains(b))) {
                left.remove(free);
            }
            let mistakes = check_all(programs.iter().map(|(name, settings)| (*name, settings)));
            prop_assert_eq!(mistakes.is_empty(), left.is_empty());
            for mistake in mistakes {
                let Fault::Cycle(cycle) = mistake.fault else { panic!("all names are known") };
                prop_assert!(cycle.len() >= 2 && cycle.first() == cycle.last());
                for pair in cycle.windows(2) {
                    let from = names.iter().position(|name| *name == pair[0]).unwrap();
                    prop_assert!(needs[from].contains(&pair[1].as_str()));
                }
            }
        }
    }
}
