//! All programs: found by name or id, and selected by what a request names.

use super::glob;
use super::ids::{InstanceIndex, InstanceKey, ProgramId};
use super::instance::Instance;
use super::moment::Moment;
use super::program::{Fate, Origin, Program, Settings};
use super::requirements::graph::{Graph, Ripple};
use super::requirements::standing::Standing;
use super::state::StateName;
use super::table::Requirements;
use crate::core::order;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// All programs.
#[derive(Debug, Default)]
pub struct Fleet {
    by_name: BTreeMap<Arc<str>, ProgramId>,
    programs: HashMap<ProgramId, Program>,
    created: u32,
    needs: Graph,
}

/// What a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Programs by name or glob, each with one of its instances (`web/0`) or all; nothing named is everything.
    pub programs: Vec<(String, Option<u32>)>,
    /// Numbers of instances, in order, for all that is named; nothing is all of them.
    pub instances: Vec<u32>,
}

/// What a selection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look: a glob may match nothing.
    Read,
    /// To stop or signal: a glob has to match, and what is leaving already is included.
    End,
    /// To start or change: a glob has to match, and what is leaving already is left out.
    Change,
}

/// What was given up with a slot or a program.
#[derive(Debug, Default)]
pub struct GivenUp {
    /// The name of the program, if it is gone.
    pub program: Option<Arc<str>>,
    /// What it does to those who need it.
    pub ripple: Ripple,
}

/// Why a selection selects nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectError {
    /// No program of that name, or none that the glob matches.
    NoSuchProgram(String),
    /// The program has no such instance.
    NoSuchInstance(String, u32),
    /// The program is being removed.
    Leaving(String),
}

impl Fleet {
    /// Adds a program whose slots are new and not wanted. The name must not be taken: see [`Fleet::id_of`].
    pub fn create(&mut self, name: &str, settings: Settings, origin: Origin, now: Moment) -> ProgramId {
        self.created += 1;
        let id = ProgramId(self.created);
        let name: Arc<str> = name.into();
        let instances = (0..settings.instances).map(|n| (InstanceIndex(n), Instance::new(now))).collect();
        self.by_name.insert(name.clone(), id);
        let (revision, fate, bound) = (0, Fate::Stays, Vec::new());
        let program = Program { id, name, settings, revision, instances, fate, origin, bound, hooks: None };
        self.programs.insert(id, program);
        id
    }

    /// What programs need of each other.
    pub fn needs(&self) -> &Graph {
        &self.needs
    }

    /// Takes on what a program needs by its settings, as they are now, and that it is there for others to need.
    ///
    /// To be called when a program was created, and when what it needs was changed; before that the settings have
    /// to have been checked, see [`super::requirements::check`].
    pub fn link(&mut self, id: ProgramId) -> Ripple {
        let Some(program) = self.programs.get(&id) else { return Ripple::default() };
        let mut ripple = self.needs.arrived(program);
        let find = |name: &str| self.by_name.get(name).and_then(|id| self.programs.get(id));
        let linked = self.needs.link(id, &program.settings.needs, find);
        ripple.judged.extend(linked.judged);
        ripple
    }

    /// Marks a program as one that goes when its last instance has gone.
    pub fn leave(&mut self, id: ProgramId) -> Ripple {
        let Some(program) = self.programs.get_mut(&id) else { return Ripple::default() };
        program.fate = Fate::Leaving;
        self.needs.leaves(id)
    }

    /// Takes on where an instance stands now, for those who need its program. To be called after every change of its
    /// state, and for every new slot.
    pub fn observe(&mut self, key: InstanceKey) -> Ripple {
        if self.needs.is_empty() {
            return Ripple::default();
        }
        let standing = self.instance(key).and_then(Standing::of);
        self.needs.observe(key, standing)
    }

    /// Takes on that an instance is to stop when others have, see [`Graph::departs`].
    pub fn departs(&mut self, key: InstanceKey) -> Ripple {
        self.needs.departs(key)
    }

    /// Takes on that it is to go on.
    pub fn stays(&mut self, key: InstanceKey) -> Ripple {
        self.needs.stays(key)
    }

    /// Whether an instance of a program may start.
    pub fn requirements(&self, id: ProgramId) -> Requirements {
        self.needs.requirements_of(id)
    }

    /// Why an instance is in its state, as a sentence; `None` when there is nothing to explain.
    pub fn reason(
        &self,
        program: &Program,
        instance: &Instance,
        signal_name: impl Fn(i32) -> String,
    ) -> Option<String> {
        let waits = instance.state.name() == StateName::Waiting;
        let missing = if waits { self.needs.why_not(program.id) } else { None };
        missing.or_else(|| instance.reason(signal_name))
    }

    /// Puts instances in the order in which their programs need each other: what is needed comes first. Otherwise
    /// they stay in the order that they are in.
    pub fn needed_first(&self, keys: &mut [InstanceKey]) {
        if self.needs.is_empty() {
            return;
        }
        let programs: BTreeSet<ProgramId> = keys.iter().map(|key| key.program).collect();
        let depths = self.needs.depths(&programs);
        order::sort_by_key(keys, |key| depths.get(&key.program));
    }

    /// Gives up a slot; and with the last one of a program that leaves, the program.
    pub fn remove_instance(&mut self, key: InstanceKey) -> GivenUp {
        let Some(program) = self.programs.get_mut(&key.program) else { return GivenUp::default() };
        program.instances.remove(&key.index);
        if program.fate == Fate::Leaving && program.instances.is_empty() {
            return self.remove_program(key.program);
        }
        GivenUp { program: None, ripple: self.needs.observe(key, None) }
    }

    /// Forgets a program.
    pub fn remove_program(&mut self, id: ProgramId) -> GivenUp {
        let Some(program) = self.programs.remove(&id) else { return GivenUp::default() };
        self.by_name.remove(&program.name);
        let ripple = self.needs.gone(id, &program.name);
        GivenUp { program: Some(program.name), ripple }
    }

    /// The program of that name.
    pub fn id_of(&self, name: &str) -> Option<ProgramId> {
        self.by_name.get(name).copied()
    }

    /// A program.
    pub fn program(&self, id: ProgramId) -> Option<&Program> {
        self.programs.get(&id)
    }

    /// A program, to change it.
    pub fn program_mut(&mut self, id: ProgramId) -> Option<&mut Program> {
        self.programs.get_mut(&id)
    }

    /// An instance.
    pub fn instance(&self, key: InstanceKey) -> Option<&Instance> {
        self.programs.get(&key.program)?.instances.get(&key.index)
    }

    /// An instance, to change it.
    pub fn instance_mut(&mut self, key: InstanceKey) -> Option<&mut Instance> {
        self.programs.get_mut(&key.program)?.instances.get_mut(&key.index)
    }

    /// All programs in order of their names.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.by_name.values().filter_map(|id| self.programs.get(id))
    }

    /// All names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(|name| &**name)
    }

    /// All instances, program by program in order of their names.
    pub fn keys(&self) -> impl Iterator<Item = InstanceKey> {
        self.programs().flat_map(|program| {
            program.instances.keys().map(|index| InstanceKey { program: program.id, index: *index })
        })
    }

    /// All instances of a program.
    pub fn keys_of(&self, id: ProgramId) -> Vec<InstanceKey> {
        let indices = self.program(id).into_iter().flat_map(|program| program.instances.keys());
        indices.map(|index| InstanceKey { program: id, index: *index }).collect()
    }

    /// How many instances there are.
    pub fn len(&self) -> usize {
        self.programs.values().map(|program| program.instances.len()).sum()
    }

    /// How many instances are in which state.
    pub fn counts(&self) -> [(StateName, u64); StateName::ALL.len()] {
        let mut counts = StateName::ALL.map(|state| (state, 0));
        for instance in self.programs.values().flat_map(|program| program.instances.values()) {
            let present = instance.state.name();
            counts.iter_mut().for_each(|(state, count)| *count += u64::from(*state == present));
        }
        counts
    }

    /// Whether there is no instance.
    pub fn is_empty(&self) -> bool {
        self.programs.values().all(|program| program.instances.is_empty())
    }

    /// What `selection` selects, in order of names and numbers, each once.
    ///
    /// # Errors
    /// A plain name or a number that does not exist; and, unless it is only to look, a glob that matches nothing.
    pub fn select(&self, selection: &Selection, purpose: Purpose) -> Result<Vec<InstanceKey>, SelectError> {
        if selection.programs.is_empty() {
            let everything = ("*".to_string(), None);
            return self.select_named(&[everything], &selection.instances, purpose);
        }
        self.select_named(&selection.programs, &selection.instances, purpose)
    }

    fn select_named(
        &self,
        named: &[(String, Option<u32>)],
        instances: &[u32],
        purpose: Purpose,
    ) -> Result<Vec<InstanceKey>, SelectError> {
        let mut selected = BTreeSet::new();
        for (pattern, one) in named {
            let wanted = one.as_ref().map_or(instances, std::slice::from_ref);
            for program in self.matching(pattern, purpose)? {
                let name = program.name.clone();
                self.pick(program, wanted, purpose, glob::is_pattern(pattern), |key| {
                    selected.insert((name.clone(), key.index, key.program));
                })?;
            }
        }
        Ok(selected.into_iter().map(|(_, index, program)| InstanceKey { program, index }).collect())
    }

    /// The programs that a name or a glob stands for.
    fn matching(&self, pattern: &str, purpose: Purpose) -> Result<Vec<&Program>, SelectError> {
        // A name that happens to look like a glob cannot exist, see `program::name_error`.
        if !glob::is_pattern(pattern) {
            let program = self.id_of(pattern).and_then(|id| self.program(id));
            let program = program.ok_or_else(|| SelectError::NoSuchProgram(pattern.to_string()))?;
            if program.fate == Fate::Leaving && purpose == Purpose::Change {
                return Err(SelectError::Leaving(pattern.to_string()));
            }
            return Ok(vec![program]);
        }
        let found: Vec<&Program> = self
            .programs()
            .filter(|program| glob::matches(pattern, &program.name))
            .filter(|program| program.fate == Fate::Stays || purpose != Purpose::Change)
            .collect();
        if found.is_empty() && purpose != Purpose::Read {
            return Err(SelectError::NoSuchProgram(pattern.to_string()));
        }
        Ok(found)
    }

    fn pick(
        &self,
        program: &Program,
        wanted: &[u32],
        purpose: Purpose,
        by_glob: bool,
        mut take: impl FnMut(InstanceKey),
    ) -> Result<(), SelectError> {
        let included = |instance: &Instance| purpose != Purpose::Change || !instance.is_leaving();
        let key = |index| InstanceKey { program: program.id, index };
        if wanted.is_empty() || by_glob {
            // Whatever a glob finds is fine, so what is there decides, and not the number of numbers.
            let is_wanted =
                |index: InstanceIndex| wanted.is_empty() || wanted.binary_search(&index.0).is_ok();
            let found = program.instances.iter().filter(|(index, it)| is_wanted(**index) && included(it));
            found.for_each(|(index, _)| take(key(*index)));
            return Ok(());
        }
        for number in wanted {
            let index = InstanceIndex(*number);
            if !program.instances.get(&index).is_some_and(included) {
                return Err(SelectError::NoSuchInstance(program.name.to_string(), *number));
            }
            take(key(index));
        }
        Ok(())
    }
}

impl Selection {
    /// Reads `PROGRAM`, `PROGRAM/INSTANCE` or a glob. What stands behind the slash is a number, or `*` for all.
    pub fn name(&mut self, text: &str) {
        let parted = text.rsplit_once('/').and_then(|(program, instance)| match instance {
            "*" => Some((program, None)),
            number => number.parse().ok().map(|number| (program, Some(number))),
        });
        let (program, instance) = parted.unwrap_or((text, None));
        self.programs.push((program.to_string(), instance));
    }
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
