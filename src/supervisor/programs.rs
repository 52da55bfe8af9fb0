//! Programs created, changed, scaled and removed.

use super::operations::{GoalKind, Operation, Order};
use super::reload::starting;
use super::rolling::{Rolling, Which};
use super::sockets::PassedSocket;
use super::{Due, Supervisor};
use crate::api::reply::{ApiError, Code, Reply};
use crate::api::request::{Force, Restarting, Starting};
use crate::config::keys;
use crate::core::event::{ProgramChange, What};
use crate::core::fleet::GivenUp;
use crate::core::ids::{InstanceIndex, InstanceKey, ProgramId};
use crate::core::instance::Instance;
use crate::core::order;
use crate::core::program::{Fate, Origin, Program, Settings};
use crate::core::requirements::Needs;
use crate::core::requirements::check;
use crate::core::state::{AdminState, Input, StateName};
use crate::wire::value::Value;
use std::collections::VecDeque;

/// A program that is to become known.
#[derive(Debug)]
pub struct NewProgram {
    /// Its name, which is free.
    pub name: String,
    /// Its settings, checked.
    pub settings: Settings,
    /// The sockets that they name.
    pub sockets: Vec<PassedSocket>,
    /// Who makes it known.
    pub origin: Origin,
}

impl Supervisor {
    /// Makes a program known, and wants it up if that is asked for.
    ///
    /// # Errors
    /// A name that is taken, requirements that cannot be met, and a socket that cannot be had.
    pub fn create(&mut self, name: &str, settings: Settings, start: Starting) -> Result<(), ApiError> {
        if let Some(program) = self.fleet.id_of(name).and_then(|id| self.fleet.program(id)) {
            let why = match program.fate {
                Fate::Stays => "update it, or remove it first",
                Fate::Leaving => "it is being removed; wait until it has stopped",
            };
            return Err(ApiError::new(Code::Exists, format!("There is a program '{name}' already: {why}")));
        }
        self.check_needs(name, &settings.needs)?;
        let sockets = self.open_sockets(&[], name, &settings.process)?;
        let id = self.add(NewProgram { name: name.to_string(), settings, sockets, origin: Origin::Request });
        if start == Starting::Now {
            self.operate(Operation::start(self.fleet.keys_of(id), &self.fleet));
        }
        Ok(())
    }

    /// Makes several programs known, of which all was checked, and wants those up that start by themselves: what is
    /// needed first.
    pub fn add_all(&mut self, programs: impl Iterator<Item = NewProgram>) {
        let mut wanted = Vec::new();
        for program in programs {
            let start = starting(&program.settings);
            let id = self.add(program);
            match start {
                Starting::Now => wanted.extend(self.fleet.keys_of(id)),
                Starting::Later => {}
            }
        }
        self.operate(Operation::start(wanted, &self.fleet));
    }

    /// Makes a program known, of which all was checked.
    fn add(&mut self, program: NewProgram) -> ProgramId {
        let NewProgram { name, settings, sockets, origin } = program;
        let id = self.fleet.create(&name, settings, origin, self.now);
        self.keep_sockets(id, sockets);
        self.choose_hooks(id);
        let ripple = self.fleet.link(id);
        self.surroundings_change(ripple);
        self.publish_program(id, ProgramChange::Created);
        id
    }

    /// Checks what a program is to need of those that are there.
    fn check_needs(&self, name: &str, needs: &Needs) -> Result<(), ApiError> {
        let program = |name: &str| self.fleet.id_of(name).and_then(|id| self.fleet.program(id));
        let staying = |name: &str| program(name).filter(|program| program.fate == Fate::Stays);
        let find = |name: &str| staying(name).map(|program| (&*program.name, &program.settings.needs));
        match check::check_one(name, needs, find, || self.fleet.names()) {
            Some(mistake) => Err(ApiError::argument(mistake.to_string())),
            None => Ok(()),
        }
    }

    /// Changes settings of a program. Policy takes effect at once, the rest with the next start.
    ///
    /// # Errors
    /// No such program, and everything about the settings; then nothing has changed.
    pub fn update(
        &mut self,
        name: &str,
        changes: &[(String, Value)],
        restart: Restarting,
    ) -> Result<Reply, ApiError> {
        let id = self.staying(name)?;
        let Some(program) = self.fleet.program(id) else { return Err(self.no_such_program(name)) };
        let mut settings = program.settings.clone();
        let wrong = |error: keys::SettingError| ApiError::argument(error.to_string());
        for (key, value) in changes {
            keys::apply(&mut settings, key, value).map_err(wrong)?;
        }
        keys::check(&settings).map_err(wrong)?;
        if settings.needs != program.settings.needs {
            self.check_needs(name, &settings.needs)?;
        }
        let sockets = self.open_sockets(&[id], name, &settings.process)?;
        self.give_settings(id, settings, sockets);
        let outdated = self.outdated(id);
        let mut reply = Reply::new();
        reply.entry("updated", name);
        let writer = reply.body_of("restart_needed");
        writer.array(outdated.len());
        for index in &outdated {
            writer.uint(u64::from(index.0));
        }
        match restart {
            Restarting::Rolling => self.roll_outdated(id),
            Restarting::Not => {}
        }
        Ok(reply)
    }

    /// Restarts the instances of a program that run with old settings, one at a time.
    pub fn roll_outdated(&mut self, id: ProgramId) {
        let keys = self.outdated(id).into_iter().map(|index| InstanceKey { program: id, index });
        self.roll(Rolling::new(keys.collect(), 1, Which::Outdated));
    }

    /// Gives a program other needs, checked.
    pub fn rewire(&mut self, id: ProgramId, needs: &Needs) {
        let Some(program) = self.fleet.program_mut(id).filter(|program| program.settings.needs != *needs)
        else {
            return;
        };
        program.settings.needs = needs.clone();
        let ripple = self.fleet.link(id);
        self.surroundings_change(ripple);
    }

    /// Gives a program other settings, checked, and the sockets that they name. Policy takes effect at once, the
    /// number of instances too.
    pub fn give_settings(&mut self, id: ProgramId, settings: Settings, sockets: Vec<PassedSocket>) {
        self.rewire(id, &settings.needs);
        let Some(program) = self.fleet.program_mut(id) else { return };
        let name = program.name.clone();
        let wanted = settings.instances;
        if settings.process != program.settings.process {
            program.revision = program.revision.wrapping_add(1);
        }
        let watched_anew = settings.health != program.settings.health;
        let hooked_anew = settings.hooks != program.settings.hooks;
        let scaled = wanted != program.settings.instances;
        let logged_otherwise = settings.log != program.settings.log;
        // The number of instances is changed by what also starts and stops them.
        program.settings = Settings { instances: program.settings.instances, ..settings };
        let keys: Vec<InstanceKey> =
            program.instances.keys().map(|index| InstanceKey { program: id, index: *index }).collect();
        self.keep_sockets(id, sockets);
        if hooked_anew {
            self.choose_hooks(id);
        }
        self.publish_program(id, ProgramChange::Updated);
        for key in &keys {
            self.rearm(*key);
            if watched_anew {
                self.renew_watch(*key);
            }
        }
        if logged_otherwise {
            self.output_changed(&keys);
        }
        if scaled && let Ok(operation) = self.scale(&name, wanted) {
            self.operate(operation);
        }
    }

    /// The instances that run with old settings, and are to go on running.
    pub fn outdated(&self, id: ProgramId) -> Vec<InstanceIndex> {
        let Some(program) = self.fleet.program(id) else { return Vec::new() };
        let is_old = |instance: &Instance| {
            let runs = instance.run.as_ref().is_some_and(|run| run.revision != program.revision);
            runs && instance.admin != AdminState::Down
        };
        // Those beyond the number that is wanted are on their way out.
        let wanted = program.staying().filter(|(index, _)| index.0 < program.settings.instances);
        wanted.filter(|(_, instance)| is_old(instance)).map(|(index, _)| index).collect()
    }

    /// Changes the number of instances of a program. What is returned starts the new ones and ends the surplus.
    ///
    /// New ones are wanted up if the program is; where it had none to tell, as `autostart` says.
    ///
    /// # Errors
    /// No such program, and more instances than its terminal is for.
    pub fn scale(&mut self, name: &str, instances: u32) -> Result<Operation, ApiError> {
        let id = self.staying(name)?;
        let now = self.now;
        let Some(program) = self.fleet.program_mut(id) else { return Err(self.no_such_program(name)) };
        keys::check_terminals(&program.settings.process, instances)
            .map_err(|error| ApiError::argument(error.to_string()))?;
        let up = program.wants_more(program.settings.autostart);
        let changed = program.settings.instances != instances;
        program.settings.instances = instances;
        let surplus: Vec<InstanceIndex> =
            program.instances.keys().copied().filter(|index| index.0 >= instances).collect();
        let missing = add_missing(program, now);
        for index in &missing.added {
            let ripple = self.fleet.observe(InstanceKey { program: id, index: *index });
            self.surroundings_change(ripple);
        }
        if changed {
            self.publish_program(id, ProgramChange::Scaled { instances });
        }
        let (begin, goal) = if up {
            (Input::Up, GoalKind::Running)
        } else {
            (Input::To(StateName::Stopping), GoalKind::Nothing)
        };
        let mut orders_of_all = orders(id, missing.back.into_iter(), begin, goal);
        if up {
            orders_of_all.extend(orders(id, missing.added.into_iter(), Input::Up, GoalKind::Running));
        }
        // The highest numbers go first.
        orders_of_all.extend(orders(id, surplus.into_iter().rev(), Input::Remove, GoalKind::Gone));
        Ok(Operation::orders(orders_of_all))
    }

    /// Removes a program. What is returned ends its instances, and with the last of them it is forgotten.
    ///
    /// # Errors
    /// No such program, or one that runs and is not to be stopped.
    pub fn remove(&mut self, name: &str, force: Force) -> Result<Operation, ApiError> {
        let id = self.fleet.id_of(name).ok_or_else(|| self.no_such_program(name))?;
        let Some(program) = self.fleet.program_mut(id) else { return Err(self.no_such_program(name)) };
        let refuses = force == Force::Refuse && program.fate == Fate::Stays;
        let runs = program.is_active() || program.instances.values().any(|instance| instance.run.is_some());
        if refuses {
            self.refuse_if_required(id, name)?;
        }
        if refuses && runs {
            return Err(ApiError::new(
                Code::Busy,
                format!("Program '{name}' runs: stop it first, or force its removal"),
            ));
        }
        let ripple = self.fleet.leave(id);
        self.surroundings_change(ripple);
        let Some(program) = self.fleet.program(id) else { return Err(self.no_such_program(name)) };
        let indices: Vec<InstanceIndex> = program.instances.keys().copied().collect();
        if indices.is_empty() {
            // There is nobody to take them along; and the answer says that they are closed.
            self.sockets.remove(&id);
        }
        Ok(Operation::orders(orders(id, indices.into_iter(), Input::Remove, GoalKind::Gone)))
    }

    /// Refuses to remove a program that others require.
    fn refuse_if_required(&self, id: ProgramId, name: &str) -> Result<(), ApiError> {
        let programs = self.fleet.needs().required_by(id);
        let programs = programs.into_iter().filter_map(|id| self.fleet.program(id));
        let staying = programs.filter(|program| program.fate == Fate::Stays);
        let mut names: Vec<String> = staying.map(|program| format!("'{}'", program.name)).collect();
        order::sort(&mut names);
        let (who, verb) = match names.as_slice() {
            [] => return Ok(()),
            [one] => (one.clone(), "requires"),
            [first, second] => (format!("{first} and {second}"), "require"),
            [first, rest @ ..] => (format!("{first} and {} others", rest.len()), "require"),
        };
        let sentence = format!("{who} {verb} program '{name}': change that first, or force its removal");
        Err(ApiError::new(Code::Busy, sentence))
    }

    /// Forgets a program that leaves and has no instance that would take it along.
    pub fn forget_if_empty(&mut self, name: &str) {
        let Some(program) = self.fleet.id_of(name).and_then(|id| self.fleet.program(id)) else { return };
        if program.fate == Fate::Leaving && program.instances.is_empty() {
            let id = program.id;
            let given_up = self.fleet.remove_program(id);
            self.sockets.remove(&id);
            self.tell_given_up(given_up);
        }
    }

    /// Gives up a slot, and with the last one of a program that leaves, the program.
    pub fn give_up(&mut self, key: InstanceKey) {
        self.deadlines.cancel(Due::Instance(key));
        self.release_cgroup(key);
        self.ends.forget(key);
        if let Some(state) = self.fleet.instance(key).map(|instance| instance.state.name()) {
            self.manager_forgets(key, state);
        }
        self.release_output(key);
        self.histories.forget(key);
        self.last_words.forget(key);
        let given_up = self.fleet.remove_instance(key);
        if given_up.program.is_some() {
            // Before anybody is told that it is gone.
            self.sockets.remove(&key.program);
        }
        self.operation_sees_end(key);
        self.stages_see_end(key);
        self.waiters_see_end(key);
        self.tell_given_up(given_up);
    }

    fn tell_given_up(&mut self, given_up: GivenUp) {
        if let Some(program) = given_up.program {
            self.publish(What::Program { program, change: ProgramChange::Removed });
        }
        self.surroundings_change(given_up.ripple);
    }

    /// A program that is there to stay.
    fn staying(&self, name: &str) -> Result<ProgramId, ApiError> {
        let program = self.fleet.id_of(name).and_then(|id| self.fleet.program(id));
        let program = program.ok_or_else(|| self.no_such_program(name))?;
        match program.fate {
            Fate::Stays => Ok(program.id),
            Fate::Leaving => {
                let sentence = format!("Program '{name}' is being removed; wait until it has stopped");
                Err(ApiError::new(Code::Busy, sentence))
            }
        }
    }

    /// Publishes what became of a program.
    pub fn publish_program(&mut self, id: ProgramId, change: ProgramChange) {
        if let Some(program) = self.fleet.program(id).map(|program| program.name.clone()) {
            self.publish(What::Program { program, change });
        }
    }
}

/// The slots that a program lacked.
struct Missing {
    /// Slots that are new.
    added: Vec<InstanceIndex>,
    /// Slots that were leaving, and are wanted again.
    back: Vec<InstanceIndex>,
}

fn add_missing(program: &mut Program, now: crate::core::moment::Moment) -> Missing {
    let mut missing = Missing { added: Vec::new(), back: Vec::new() };
    for index in (0..program.settings.instances).map(InstanceIndex) {
        match program.instances.get(&index) {
            Some(instance) if instance.is_leaving() => missing.back.push(index),
            Some(_) => {}
            None => {
                program.instances.insert(index, Instance::new(now));
                missing.added.push(index);
            }
        }
    }
    missing
}

fn orders(
    program: ProgramId,
    indices: impl Iterator<Item = InstanceIndex>,
    input: Input,
    goal: GoalKind,
) -> VecDeque<(InstanceKey, Order)> {
    indices.map(|index| (InstanceKey { program, index }, Order::Feed(input, goal))).collect()
}
