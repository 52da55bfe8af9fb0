//! The tables of a file: `[supervisor]`, `[program.NAME]`, `[[hook]]`, and nothing else.

use super::error::{FileError, FileErrors};
use super::source::Source;
use super::value::{Entry, at_fault, entries, to_value};
use super::{FileProgram, Header};
use crate::config::convert::quoted;
use crate::config::hooks::{Draft, Owner};
use crate::config::keys::{self, SettingError};
use crate::config::supervisor::{self, Reachable, SupervisorSettings};
use crate::core::hook::Hook;
use crate::core::nearest::nearest;
use crate::core::program::{Settings, name_error};
use crate::wire::value::Value;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What may stand at the top of a file.
const TOP: [&str; 4] = ["include", "supervisor", "program", "hook"];

/// What the files read so far hold.
#[derive(Debug, Default)]
pub struct Tables {
    /// The settings of the supervisor.
    pub supervisor: SupervisorSettings,
    /// All programs, in the order of the files.
    pub programs: Vec<FileProgram>,
    /// The hooks that belong to no program, in the order of the files.
    pub hooks: Vec<Arc<Hook>>,
    by_name: HashMap<String, usize>,
    /// Where each setting of the supervisor stands.
    set_at: HashMap<&'static str, Header>,
}

impl Tables {
    /// Takes up what a file holds, and tells what is wrong with it.
    pub fn read(&mut self, source: &Rc<Source>, document: &DeTable<'_>, errors: &mut FileErrors) {
        for (key, value) in entries(document) {
            match &**key.get_ref() {
                // Read already.
                "include" => {}
                "supervisor" => self.read_supervisor(source, value, errors),
                "program" => self.read_programs(source, value, errors),
                "hook" => self.read_hooks(source, value, errors),
                other => errors.add(|| {
                    let near =
                        nearest(other, TOP.into_iter()).map(|near| format!("; did you mean '{near}'?"));
                    let near = near.unwrap_or_else(|| {
                        ", only [supervisor], [program.NAME], [[hook]] and include".to_string()
                    });
                    FileError::at(
                        source,
                        key.span(),
                        format!("there is no {} at the top of a file{near}", quoted(other)),
                    )
                }),
            }
        }
    }

    fn read_supervisor(
        &mut self,
        source: &Rc<Source>,
        value: &Spanned<DeValue<'_>>,
        errors: &mut FileErrors,
    ) {
        let Some(table) = table(source, value, "'supervisor' is a table: [supervisor]", errors) else {
            return;
        };
        for (key, value) in entries(table) {
            let name = &**key.get_ref();
            let here = Header { source: source.clone(), span: key.span() };
            if let Some(row) = supervisor::find(name)
                && let Some(other) = self.set_at.insert(row.name, here.clone())
            {
                errors.add(|| here.error(format!("'{name}' is set in {} too", other.as_text())));
            }
            let applied = setting(
                (key, value),
                |value| supervisor::apply(&mut self.supervisor, name, value),
                |value| supervisor::apply(&mut SupervisorSettings::default(), name, value).is_ok(),
            );
            if let Err((span, message)) = applied {
                errors.add(|| FileError::at(source, span, message));
            }
        }
    }

    /// Tells what has no meaning beside what else is set.
    pub fn check_supervisor(&self, errors: &mut FileErrors) {
        if self.supervisor.reachable == Reachable::Yes {
            return;
        }
        for name in self.supervisor.of_reach() {
            if let Some(header) = self.set_at.get(name).filter(|_| name != "rpc") {
                let sentence = format!("'{name}' has no meaning with rpc = false; take one of them away");
                errors.add(|| header.error(sentence));
            }
        }
    }

    fn read_programs(&mut self, source: &Rc<Source>, value: &Spanned<DeValue<'_>>, errors: &mut FileErrors) {
        let expected = "'program' is a table of programs, each with a name: [program.NAME]";
        let Some(programs) = table(source, value, expected, errors) else { return };
        for (key, value) in entries(programs) {
            let name = &**key.get_ref();
            let expected = "a program is a table of settings: [program.NAME]";
            let Some(settings) = table(source, value, expected, errors) else { continue };
            if let Some(error) = name_error(name) {
                errors.add(|| FileError::at(source, key.span(), error));
                continue;
            }
            let header = Header { source: source.clone(), span: header_of(source, value, key.span()) };
            if let Some(other) = self.by_name.get(name).and_then(|index| self.programs.get(*index)) {
                let sentence = format!("program '{name}' is in {} already", other.header.as_text());
                errors.add(|| FileError::at(source, key.span(), sentence));
                continue;
            }
            // With its mistakes, too: another one of its name is one more.
            let settings = read_settings(source, name, settings, &header, errors).unwrap_or_default();
            self.by_name.insert(name.to_string(), self.programs.len());
            self.programs.push(FileProgram { name: name.to_string(), settings, header });
        }
    }

    fn read_hooks(&mut self, source: &Source, value: &Spanned<DeValue<'_>>, errors: &mut FileErrors) {
        let expected = "'hook' is an array of tables, each of which begins with [[hook]]";
        let Some(items) = value.get_ref().as_array() else {
            return errors.add(|| FileError::at(source, value.span(), expected));
        };
        for item in items.iter() {
            let Some(hook) = table(source, item, expected, errors) else { continue };
            self.hooks.extend(read_hook(source, item, hook, errors).map(Arc::new));
        }
    }
}

/// A hook, if all is right with it.
fn read_hook(
    source: &Source,
    value: &Spanned<DeValue<'_>>,
    table: &DeTable<'_>,
    errors: &mut FileErrors,
) -> Option<Hook> {
    let mut draft = Draft::new(Owner::Supervisor);
    let mut wrong = 0;
    for entry in entries(table) {
        let key = &**entry.0.get_ref();
        let applied = setting(
            entry,
            |value| draft.set(key, value),
            |value| Draft::new(Owner::Supervisor).set(key, value).is_ok(),
        );
        if let Err((span, message)) = applied {
            wrong += 1;
            errors.add(|| FileError::at(source, span, message));
        }
    }
    if wrong > 0 {
        return None;
    }
    match draft.finish() {
        Ok(hook) => Some(hook),
        Err(error) => {
            errors.add(|| FileError::at(source, value.span(), error.to_string()));
            None
        }
    }
}

/// The settings of a program, if all is right with them.
fn read_settings(
    source: &Source,
    name: &str,
    table: &DeTable<'_>,
    header: &Header,
    errors: &mut FileErrors,
) -> Option<Settings> {
    let mut settings = Settings::default();
    let mut wrong = 0;
    for entry in entries(table) {
        let key = &**entry.0.get_ref();
        let applied = setting(
            entry,
            |value| keys::apply(&mut settings, key, value),
            |value| keys::apply(&mut Settings::default(), key, value).is_ok(),
        );
        if let Err((span, message)) = applied {
            wrong += 1;
            errors.add(|| FileError::at(source, span, message));
        }
    }
    // What is missing, or does not go together, may be a consequence.
    if wrong > 0 {
        return None;
    }
    if settings.process.command.is_empty() {
        errors.add(|| header.error(format!("program '{name}' has no 'command'")));
        return None;
    }
    match keys::check(&settings) {
        Ok(()) => Some(settings),
        Err(error) => {
            errors.add(|| header.error(error.to_string()));
            None
        }
    }
}

/// Sets one setting; or tells which part of the file is wrong, and what would have been right.
fn setting(
    (key, value): Entry<'_, '_>,
    apply: impl FnOnce(&Value) -> Result<(), SettingError>,
    is_accepted: impl Fn(&Value) -> bool,
) -> Result<(), (Range<usize>, String)> {
    let as_read = to_value(value).map_err(|(span, sentence)| (span, sentence.to_string()))?;
    apply(&as_read).map_err(|error| {
        let span = match error {
            SettingError::Unknown(..) => key.span(),
            SettingError::Wrong { .. } | SettingError::Together(_) => at_fault(value, &as_read, is_accepted),
        };
        (span, error.to_string())
    })
}

fn table<'a, 'i>(
    source: &Source,
    value: &'a Spanned<DeValue<'i>>,
    expected: &str,
    errors: &mut FileErrors,
) -> Option<&'a DeTable<'i>> {
    let table = value.get_ref().as_table();
    if table.is_none() {
        errors.add(|| FileError::at(source, value.span(), expected));
    }
    table
}

/// The header of a table where it has one, else its key.
fn header_of(source: &Source, value: &Spanned<DeValue<'_>>, key: Range<usize>) -> Range<usize> {
    let span = value.span();
    let has_header = source.text.get(span.clone()).is_some_and(|text| text.starts_with('['));
    if has_header { span } else { key }
}
