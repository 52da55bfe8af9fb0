//! What a reload changes: the programs of the files as they were and as they are now, compared. Pure.

use super::keys::{self, Scope};
use crate::core::program::Settings;
use std::collections::BTreeMap;

/// What a reload changes.
#[derive(Debug, Default, PartialEq)]
pub struct Plan<'a> {
    /// Programs that are new, in the order of the files.
    pub added: Vec<(&'a str, &'a Settings)>,
    /// Programs that are not the same any more, in the order of the files.
    pub changed: Vec<Changed<'a>>,
    /// Programs that are in no file any more, in order of their names.
    pub removed: Vec<&'a str>,
    /// How many programs are as they were.
    pub unchanged: usize,
}

/// A program that is not the same any more.
#[derive(Debug, PartialEq)]
pub struct Changed<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its settings from now on.
    pub settings: &'a Settings,
    /// The names of the settings that differ, in the order in which they are documented.
    pub keys: Vec<&'static str>,
    /// What its processes notice.
    pub effect: Effect,
    /// How many instances it had and is to have, if that differs.
    pub scaled: Option<(u32, u32)>,
}

/// What the processes of a program notice of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: only their number changes.
    None,
    /// Policy that applies to them as they are.
    InPlace,
    /// Something that is fixed when a process starts.
    Restart,
}

/// Compares. `old` are the programs that came from files, in any order.
pub fn plan<'a>(
    old: impl Iterator<Item = (&'a str, &'a Settings)>,
    new: impl Iterator<Item = (&'a str, &'a Settings)>,
) -> Plan<'a> {
    let mut left: BTreeMap<&str, &Settings> = old.collect();
    let mut plan = Plan::default();
    for (name, settings) in new {
        match left.remove(name) {
            None => plan.added.push((name, settings)),
            Some(before) if before == settings => plan.unchanged += 1,
            Some(before) => plan.changed.push(Changed::new(name, before, settings)),
        }
    }
    plan.removed = left.into_keys().collect();
    plan
}

impl<'a> Changed<'a> {
    fn new(name: &'a str, before: &Settings, settings: &'a Settings) -> Self {
        let scaled =
            (before.instances != settings.instances).then_some((before.instances, settings.instances));
        let with_their_number = Settings { instances: before.instances, ..settings.clone() };
        let effect = if before.process != settings.process {
            Effect::Restart
        } else if *before != with_their_number {
            Effect::InPlace
        } else {
            Effect::None
        };
        Self { name, settings, keys: differing(before, settings, effect), effect, scaled }
    }
}

/// The names of the settings that differ.
fn differing(before: &Settings, settings: &Settings, effect: Effect) -> Vec<&'static str> {
    let differs = |key: &&keys::Key| key.get(before) != key.get(settings);
    let mut names: Vec<&str> = keys::all().filter(differs).map(keys::Key::name).collect();
    let is_fixed = |name: &&str| keys::find(name).is_some_and(|key| key.scope == Scope::NextStart);
    if effect == Effect::Restart && !names.iter().any(is_fixed) {
        // They read the same, but what they stand for has changed: a file of variables, the groups of a user.
        if before.process.env_files != settings.process.env_files {
            names.push("env_file");
        }
        if before.process.user != settings.process.user {
            names.push("user");
        }
        if before.process.group != settings.process.group {
            names.push("group");
        }
        if before.process.groups != settings.process.groups {
            names.push("groups");
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::program::Account;
    use crate::wire::value::Value;

    fn settings(given: &[(&str, Value)]) -> Settings {
        let mut settings = Settings::default();
        keys::apply(&mut settings, "command", &Value::from("x")).unwrap();
        for (name, value) in given {
            keys::apply(&mut settings, name, value).unwrap();
        }
        settings
    }

    fn one(old: &Settings, new: &Settings) -> (Vec<&'static str>, Effect, Option<(u32, u32)>) {
        let mut plan = plan([("web", old)].into_iter(), [("web", new)].into_iter());
        assert_eq!((plan.added.len(), plan.removed.len(), plan.unchanged), (0, 0, 0));
        let changed = plan.changed.remove(0);
        assert_eq!((changed.name, changed.settings), ("web", new));
        (changed.keys, changed.effect, changed.scaled)
    }

    #[test]
    fn programs_come_go_and_stay() {
        let (a, b) = (settings(&[]), settings(&[("nice", Value::Int(1))]));
        let old = [("web", &a), ("db", &a), ("old", &a), ("gone", &a)];
        let new = [("new", &a), ("db", &a), ("web", &b)];
        let plan = plan(old.into_iter(), new.into_iter());
        assert_eq!(plan.added, [("new", &a)]);
        assert_eq!(plan.removed, ["gone", "old"]);
        assert_eq!(plan.changed.iter().map(|changed| changed.name).collect::<Vec<_>>(), ["web"]);
        assert_eq!(plan.unchanged, 1);
    }

    #[test]
    fn what_a_change_touches_is_told_apart() {
        let plain = settings(&[]);
        let scaled = settings(&[("instances", Value::Int(3))]);
        assert_eq!(one(&plain, &scaled), (vec!["instances"], Effect::None, Some((1, 3))));
        let policy = settings(&[("stop_timeout", Value::Int(3)), ("description", Value::from("x"))]);
        assert_eq!(one(&plain, &policy), (vec!["description", "stop_timeout"], Effect::InPlace, None));
        assert_eq!(one(&policy, &plain).1, Effect::InPlace, "back to the default");
        let process = settings(&[("nice", Value::Int(3)), ("instances", Value::Int(0))]);
        assert_eq!(one(&plain, &process), (vec!["instances", "nice"], Effect::Restart, Some((1, 0))));
    }

    #[test]
    fn what_stands_behind_a_name_counts_too() {
        let user = settings(&[("user", Value::from("root"))]);
        let mut other = user.clone();
        if let Some(user) = &mut other.process.user {
            user.account = Some(Account { groups: vec![0, 4711], ..Account::default() });
        }
        assert_eq!(one(&user, &other), (vec!["user"], Effect::Restart, None));
    }
}
