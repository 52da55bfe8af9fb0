//! The configuration read again, and put into effect: the plan first, then the doing, and nothing at all if anything is
//! wrong.

use super::Supervisor;
use super::operations::{GoalKind, Operation, Order};
use super::programs::NewProgram;
use super::shutdown::Phase;
use super::sockets::PassedSocket;
use crate::api::reload::{self, Changes, HookChanges, Steps};
use crate::api::reply::Reply;
use crate::api::request::{Force, Mode, Starting};
use crate::config::file::{self, Configuration, FileError, FileErrors, FileProgram, Location};
use crate::config::plan::{self, Changed, Effect, Plan};
use crate::config::supervisor::Overrides;
use crate::core::asker::Wish;
use crate::core::event::{SupervisorChange, What};
use crate::core::ids::{InstanceIndex, InstanceKey, ProgramId};
use crate::core::instance::Instance;
use crate::core::program::{Autostart, Fate, Origin, Program, Settings};
use crate::core::requirements::check::{self, Fault};
use crate::core::state::{AdminState, Input, StateName};
use crate::sys::note::note;
use std::collections::HashMap;
use std::sync::Arc;

/// The longest text of a mistake in an event, in characters.
const LONGEST_ERROR: usize = 500;

/// Where the configuration came from, and comes from again.
#[derive(Debug)]
pub struct Configured {
    /// Where it is.
    pub location: Location,
    /// What the command line says in place of it.
    pub overrides: Overrides,
    /// How many files there were when it was last read.
    pub files: usize,
}

impl Supervisor {
    /// Reads everything again, and changes what changed; or only says what would be done.
    ///
    /// # Errors
    /// All that is wrong; then nothing is changed.
    pub fn reload(&mut self, mode: Mode) -> Result<Reply, FileErrors> {
        self.reload_and_tell(mode).map(|changes| reload::reply(&changes))
    }

    /// Reads everything again because of a signal; whoever sent it reads on standard error what came of it.
    pub fn reload_by_signal(&mut self) {
        if self.phase != Phase::Serving {
            return;
        }
        match self.reload_and_tell(Mode::ForReal) {
            Ok(changes) => note(&done(&changes)),
            Err(errors) => note(&refused(&errors)),
        }
    }

    fn reload_and_tell(&mut self, mode: Mode) -> Result<Changes, FileErrors> {
        if mode == Mode::ForReal {
            self.tell_manager_of_reload();
        }
        let outcome = self.read_again().and_then(|configuration| self.put_into_effect(configuration, mode));
        let what = match &outcome {
            Ok(changes) => SupervisorChange::Reloaded {
                added: changes.added.len(),
                changed: changes.changed.len(),
                removed: changes.removed.len(),
                unchanged: changes.unchanged,
            },
            Err(errors) => {
                let first = errors.told.first().map(ToString::to_string).unwrap_or_default();
                let error: String = first.chars().take(LONGEST_ERROR).collect();
                SupervisorChange::ReloadFailed { error: error.into(), errors: errors.count() }
            }
        };
        match mode {
            Mode::ForReal => {
                self.publish(What::Supervisor(what));
                self.tell_manager_of_reloaded(outcome.as_ref().err().map(FileErrors::count));
            }
            Mode::DryRun => {}
        }
        outcome
    }

    /// Reads the configuration, and holds it against the programs that came from elsewhere.
    fn read_again(&self) -> Result<Configuration, FileErrors> {
        let configuration = file::load(&self.configured.location)?;
        if let Location::Default(path) = &self.configured.location
            && self.configured.files > 0
            && configuration.files == 0
        {
            let sentence = "is not there any more; an empty file is a configuration without programs";
            return Err(FileErrors::from(FileError::of(path, sentence)));
        }
        let mut errors = FileErrors::default();
        for program in &configuration.programs {
            if let Some(sentence) = self.collision(program) {
                errors.add(|| program.header.error(sentence));
            }
        }
        if errors.count() == 0 {
            self.check_needs_of_others(&configuration, &mut errors);
        }
        if errors.count() == 0 { Ok(configuration) } else { Err(errors) }
    }

    /// Why a program of a file cannot be: there is another one of its name.
    fn collision(&self, program: &FileProgram) -> Option<String> {
        let name = &program.name;
        let other = self.fleet.id_of(name).and_then(|id| self.fleet.program(id))?;
        match (other.fate, other.origin) {
            (Fate::Leaving, _) => Some(format!(
                "program '{name}' was removed and has not stopped yet; reload again when it has"
            )),
            (Fate::Stays, Origin::File) => None,
            (Fate::Stays, Origin::CommandLine) => Some(taken_by_option(name)),
            (Fate::Stays, Origin::Request) => Some(format!(
                "program '{name}' was made with 'create' too; 'procnanny remove' that one, or name one of them otherwise"
            )),
        }
    }

    /// Checks that programs which came from elsewhere still have what they require, and make no cycle with those of the
    /// files. What these need of each other was checked when they were read.
    fn check_needs_of_others(&self, configuration: &Configuration, errors: &mut FileErrors) {
        let staying = self.fleet.programs().filter(|program| program.fate == Fate::Stays);
        let others: Vec<&Program> = staying.filter(|program| program.origin != Origin::File).collect();
        if others.iter().all(|program| program.settings.needs.is_empty()) {
            return;
        }
        let programs = configuration.programs.iter();
        let new = programs.clone().map(|program| (program.name.as_str(), &program.settings));
        let old = others.iter().map(|program| (&*program.name, &program.settings));
        for mistake in check::check_all(new.chain(old)) {
            if let Fault::Unknown { name, .. } = &mistake.fault
                && self.fleet.id_of(name).is_none()
            {
                // It was missing before.
                continue;
            }
            let (name, mut at) = (&mistake.program, programs.clone());
            let sentence = format!("program '{name}' is still there: {mistake}");
            errors.add(|| match at.find(|program| program.name == *name) {
                Some(program) => program.header.error(mistake.to_string()),
                None => FileError::of(self.configured.location.path(), sentence),
            });
        }
    }

    fn put_into_effect(&mut self, configuration: Configuration, mode: Mode) -> Result<Changes, FileErrors> {
        let settings = configuration.supervisor.overridden_by(&self.configured.overrides);
        let old = self.fleet.programs().filter(|program| program.origin == Origin::File);
        let old = old.filter(|program| program.fate == Fate::Stays);
        let new = configuration.programs.iter().map(|program| (program.name.as_str(), &program.settings));
        let plan = plan::plan(old.map(|program| (&*program.name, &program.settings)), new);
        let mut changes = self.changes(&plan);
        changes.restart_needed = self.settings.restart_needed(&settings);
        changes.hooks = self.general_hook_changes(&configuration.hooks);
        if mode == Mode::ForReal {
            let sockets = self.open_planned(&plan, &configuration.programs)?;
            let todo = Todo::of(&plan);
            // Before anything happens to the programs.
            self.set_general_hooks(&configuration.hooks);
            self.because_of(Wish::Reload, |this| this.carry_out_plan(todo, sockets));
            self.histories.set_most(settings.run_history);
            self.ring.set_capacity(settings.event_history);
            self.settings.adopt(&settings);
            self.configured.files = configuration.files;
        }
        Ok(changes)
    }

    /// Opens the sockets of all programs that a plan adds or changes, before anything is done: the one thing that can
    /// fail. A program that has another name now takes over those of the one that goes.
    fn open_planned(
        &self,
        plan: &Plan<'_>,
        programs: &[FileProgram],
    ) -> Result<HashMap<String, Vec<PassedSocket>>, FileErrors> {
        let going: Vec<ProgramId> = plan.removed.iter().filter_map(|name| self.fleet.id_of(name)).collect();
        let changed = plan.changed.iter().map(|changed| (changed.name, changed.settings));
        let mut opened = HashMap::new();
        let mut errors = FileErrors::default();
        for (name, settings) in changed.chain(plan.added.iter().copied()) {
            let holders: Vec<ProgramId> =
                self.fleet.id_of(name).into_iter().chain(going.iter().copied()).collect();
            match self.open_sockets(&holders, name, &settings.process) {
                Ok(sockets) => drop(opened.insert(name.to_string(), sockets)),
                Err(error) => {
                    if let Some(program) = programs.iter().find(|program| program.name == name) {
                        errors.add(|| program.header.error(error.sentence));
                    }
                }
            }
        }
        if errors.count() == 0 { Ok(opened) } else { Err(errors) }
    }

    /// What a plan does, in names and numbers.
    fn changes(&self, plan: &Plan<'_>) -> Changes {
        let mut changes = Changes { unchanged: plan.unchanged, ..Changes::default() };
        for name in &plan.removed {
            let Some(program) = self.known(name) else { continue };
            changes.removed.push(program.name.clone());
            let running = program.staying().filter(|(_, instance)| instance.run.is_some());
            changes.steps.stop.extend(running.map(|(index, _)| (program.name.clone(), index.0)));
        }
        for changed in &plan.changed {
            let Some(program) = self.known(changed.name) else { continue };
            changes.changed.push((program.name.clone(), changed.keys.clone()));
            add_steps(&mut changes.steps, program, changed);
        }
        for (name, settings) in &plan.added {
            let name: Arc<str> = Arc::from(*name);
            if settings.autostart == Autostart::Up {
                changes.steps.start.extend((0..settings.instances).map(|index| (name.clone(), index)));
            }
            changes.added.push(name);
        }
        changes
    }

    fn known(&self, name: &str) -> Option<&Program> {
        self.fleet.id_of(name).and_then(|id| self.fleet.program(id))
    }

    /// What was checked before: none of this can fail.
    fn carry_out_plan(&mut self, todo: Todo, mut sockets: HashMap<String, Vec<PassedSocket>>) {
        // All at once and first, so that nothing is missed that nobody needs any more.
        for (name, settings, _) in &todo.changed {
            if let Some(id) = self.fleet.id_of(name) {
                self.rewire(id, &settings.needs);
            }
        }
        for name in todo.removed {
            if let Ok(operation) = self.remove(&name, Force::Stop) {
                self.operate(operation);
                self.forget_if_empty(&name);
            }
        }
        for (name, settings, effect) in todo.changed {
            let Some(id) = self.fleet.id_of(&name) else { continue };
            let sockets = sockets.remove(&name).unwrap_or_default();
            match effect {
                Effect::None => {
                    if let Ok(operation) = self.scale(&name, settings.instances) {
                        self.operate(operation);
                    }
                }
                Effect::InPlace => self.give_settings(id, settings, sockets),
                Effect::Restart => {
                    self.give_settings(id, settings, sockets);
                    self.release_held(id);
                    self.roll_outdated(id);
                }
            }
        }
        let added = todo.added.into_iter().map(|(name, settings)| {
            let sockets = sockets.remove(&name).unwrap_or_default();
            NewProgram { name, settings, sockets, origin: Origin::File }
        });
        self.add_all(added);
    }

    /// Starts what was held back because it flapped: it may be that which was mended.
    fn release_held(&mut self, id: ProgramId) {
        let Some(program) = self.fleet.program(id) else { return };
        let held =
            program.staying().filter(|(index, it)| index.0 < program.settings.instances && is_held(it));
        let order = |index: InstanceIndex| {
            (InstanceKey { program: id, index }, Order::Feed(Input::Reset, GoalKind::Nothing))
        };
        let orders = held.map(|(index, _)| order(index)).collect();
        self.operate(Operation::orders(orders));
    }
}

/// Whether a program is wanted up when it becomes known.
pub fn starting(settings: &Settings) -> Starting {
    match settings.autostart {
        Autostart::Up => Starting::Now,
        Autostart::Down => Starting::Later,
    }
}

/// What is wrong with a program of a file that the command line has too.
pub fn taken_by_option(name: &str) -> String {
    format!("program '{name}' is on the command line too, after --program; name one of them otherwise")
}

/// A plan that stands on its own, so that the programs it was made from can be changed.
#[derive(Debug)]
struct Todo {
    removed: Vec<String>,
    changed: Vec<(String, Settings, Effect)>,
    added: Vec<(String, Settings)>,
}

impl Todo {
    fn of(plan: &Plan<'_>) -> Self {
        Self {
            removed: plan.removed.iter().map(ToString::to_string).collect(),
            changed: plan
                .changed
                .iter()
                .map(|changed| (changed.name.to_string(), changed.settings.clone(), changed.effect))
                .collect(),
            added: plan
                .added
                .iter()
                .map(|(name, settings)| (name.to_string(), (*settings).clone()))
                .collect(),
        }
    }
}

/// What a change does to the instances of a program.
fn add_steps(steps: &mut Steps, program: &Program, changed: &Changed<'_>) {
    let count = changed.settings.instances;
    let wanted = program.wants_more(changed.settings.autostart);
    let row = |index: u32| (program.name.clone(), index);
    for (index, instance) in program.staying() {
        let runs = instance.run.is_some();
        match changed.effect {
            _ if index.0 >= count => {
                if runs {
                    steps.stop.push(row(index.0));
                }
            }
            Effect::Restart if runs && instance.admin != AdminState::Down => steps.restart.push(row(index.0)),
            Effect::Restart if is_held(instance) => steps.start.push(row(index.0)),
            Effect::InPlace if runs => steps.update.push(row(index.0)),
            Effect::Restart | Effect::InPlace | Effect::None => {}
        }
    }
    if wanted && changed.scaled.is_some() {
        let is_there = |index: &u32| {
            program.instances.get(&InstanceIndex(*index)).is_some_and(|instance| !instance.is_leaving())
        };
        steps.start.extend((0..count).filter(|index| !is_there(index)).map(row));
    }
}

/// Whether an instance is wanted up and held back because of its flaps.
fn is_held(instance: &Instance) -> bool {
    let holds = matches!(instance.state.name(), StateName::Backoff | StateName::Failed);
    holds && instance.admin != AdminState::Down
}

fn done(changes: &Changes) -> String {
    let mut sentence = format!(
        "reloaded: {} added, {} changed, {} removed, {} unchanged",
        changes.added.len(),
        changes.changed.len(),
        changes.removed.len(),
        changes.unchanged
    );
    let HookChanges { added, removed } = changes.hooks;
    if added + removed > 0 {
        sentence.push_str(&format!("; {added} hooks added, {removed} removed"));
    }
    if !changes.restart_needed.is_empty() {
        let names = changes.restart_needed.join(", ");
        sentence.push_str(&format!("; {names} in [supervisor] wait until it is started again"));
    }
    sentence
}

fn refused(errors: &FileErrors) -> String {
    let first = errors.told.first().map(ToString::to_string).unwrap_or_default();
    let rest = match errors.count().saturating_sub(1) {
        0 => String::new(),
        rest => format!(" (and {rest} more; 'procnanny reload --dry-run' shows them)"),
    };
    format!("not reloaded, nothing was changed: {first}{rest}")
}
