//! Kinds of values, and the words that may stand for them: from the tables of what they name, and from the supervisor.

use super::Shell;
use super::grammar::{Answer, Context, Words};
use super::running::Program;
use crate::api::methods::{METHODS, TakesSettings};
use crate::config::endpoint::OPTIONS as ENDPOINT_OPTIONS;
use crate::config::keys::{self, Key, Kind};
use crate::core::access::Access;
use crate::core::log::OutputSource;
use crate::core::program::Settings;
use crate::core::state::StateName;
use crate::sys::limits::Limit;
use crate::sys::signals;
use crate::wire::value::Value;
use std::fs;

/// The kind of a value.
#[derive(Clone, Copy, Debug)]
pub enum Slot {
    /// Whatever it is, nobody can guess it.
    Nothing,
    /// Instances.
    Selector,
    /// The name of a program.
    Program,
    /// The names of programs, with commas between.
    Programs,
    /// Where a supervisor listens.
    Endpoint,
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A signal.
    Signal,
    /// A state of an instance.
    State,
    /// One of the streams of a process.
    Source,
    /// An event.
    Event,
    /// A method of the API.
    Method,
    /// `KEY=VALUE` for a method.
    Argument,
    /// A shell.
    Shell,
    /// True or false.
    Boolean,
    /// An entry of /etc/passwd.
    User,
    /// An entry of /etc/group.
    Group,
    /// `NAME=` of a limit.
    Limit,
    /// One of the words that the documentation of a setting names.
    Setting(&'static Key),
}

impl Slot {
    /// That of an argument of this name.
    pub fn of_positional(name: &str) -> Self {
        match name {
            "sel" => Slot::Selector,
            "name" => Slot::Program,
            "path" => Slot::File,
            "signal" => Slot::Signal,
            "state" => Slot::State,
            "method" => Slot::Method,
            "key=value" => Slot::Argument,
            "shell" => Slot::Shell,
            _ => Slot::Nothing,
        }
    }

    /// That of an option's value, by the name that the help has for it.
    pub fn of_value(name: &str) -> Self {
        match name {
            "endpoint" => Slot::Endpoint,
            "dir" => Slot::Directory,
            "file" | "path" => Slot::File,
            "source" => Slot::Source,
            "seq" => Slot::Event,
            "signal" | "SIGNAL" => Slot::Signal,
            _ => Slot::Nothing,
        }
    }

    /// That of a setting's value.
    pub fn of_setting(name: &str) -> Self {
        let Some(key) = keys::find(&name.replace('-', "_")) else { return Slot::Nothing };
        match (key.name(), key.kind) {
            ("user", _) => Slot::User,
            ("group" | "groups", _) => Slot::Group,
            ("directory" | "chroot", _) => Slot::Directory,
            ("env_file", _) => Slot::File,
            ("stop_signal", _) => Slot::Signal,
            ("requires" | "wants", _) => Slot::Programs,
            (_, Kind::Boolean | Kind::BooleanOrTexts) => Slot::Boolean,
            (_, Kind::Limits) => Slot::Limit,
            (_, Kind::Text | Kind::NameOrNumber) => Slot::Setting(key),
            (
                _,
                Kind::Texts
                | Kind::Table
                | Kind::Integer
                | Kind::Integers
                | Kind::Duration
                | Kind::NamesOrNumbers
                | Kind::TextOrTexts
                | Kind::Words
                | Kind::Size
                | Kind::Health
                | Kind::Log
                | Kind::Hooks,
            ) => Slot::Nothing,
        }
    }

    /// What may stand there, after `prefix` in the same word, where this much of it is there.
    pub fn answer(self, prefix: &str, typed: &str, context: &Context<'_>) -> Answer {
        let mut words = Words::after(prefix);
        match self {
            Slot::Nothing => {}
            Slot::Selector => selectors(&mut words, typed, context),
            Slot::Program => programs(&mut words, &context.programs()),
            Slot::Programs => {
                words.prefix.push_str(up_to_last_comma(typed));
                programs(&mut words, &context.programs());
            }
            Slot::Endpoint => return endpoint(prefix, typed),
            Slot::File => return Answer::Files { prefix: prefix.to_string() },
            Slot::Directory => return Answer::Directories { prefix: prefix.to_string() },
            Slot::Signal => (1..=31).for_each(|signal| words.add(&signals::signal_name(signal), "")),
            Slot::State => words.add_all(&StateName::ALL.map(StateName::as_str)),
            Slot::Source => words.add_all(&OutputSource::ALL.map(OutputSource::as_str)),
            Slot::Event => words.add("now", "none that are held"),
            Slot::Method => METHODS.iter().for_each(|method| words.add(method.name, method.doc)),
            Slot::Argument => return argument(prefix, typed, context),
            Slot::Shell => words.add_all(&Shell::ALL.map(Shell::as_str)),
            Slot::Boolean => words.add_all(&["true", "false"]),
            Slot::User => entries(&mut words, "/etc/passwd"),
            Slot::Group => {
                words.prefix.push_str(up_to_last_comma(typed));
                entries(&mut words, "/etc/group");
            }
            Slot::Limit => Limit::ALL.iter().for_each(|limit| words.add_begun(limit.name(), "")),
            Slot::Setting(_) if typed.starts_with('/') => {
                return Answer::Files { prefix: prefix.to_string() };
            }
            Slot::Setting(key) => words_of(&mut words, key),
        }
        Answer::Words(words)
    }
}

impl Context<'_> {
    fn programs(&self) -> Vec<Program> {
        (self.running)(self.rpc)
    }
}

/// Programs; after a program and `/`, its instances. What was named already is left out.
fn selectors(words: &mut Words, typed: &str, context: &Context<'_>) {
    let all = context.programs();
    match typed.rsplit_once('/') {
        Some((name, _)) => {
            for (number, state) in
                all.iter().filter(|program| program.name == name).flat_map(|it| &it.instances)
            {
                words.add(&format!("{name}/{number}"), state);
            }
        }
        None => programs(words, &all),
    }
    words.candidates.retain(|candidate| !context.positionals.contains(&candidate.word.as_str()));
}

/// Programs, and how many of their instances are in which state.
fn programs(words: &mut Words, programs: &[Program]) {
    for program in programs {
        let mut meaning = String::new();
        for state in StateName::ALL.map(StateName::as_str) {
            let count = program.instances.iter().filter(|(_, other)| other == state).count();
            if count > 0 {
                let comma = if meaning.is_empty() { "" } else { ", " };
                meaning.push_str(&format!("{comma}{count} {state}"));
            }
        }
        words.add(&program.name, if meaning.is_empty() { "no instances" } else { &meaning });
    }
}

/// `ipc://PATH` or `tcp://HOST:PORT`, and what may be said of it after a comma.
fn endpoint(prefix: &str, typed: &str) -> Answer {
    let before = up_to_last_comma(typed);
    if before.is_empty() {
        if typed.starts_with("ipc://") {
            return Answer::Files { prefix: format!("{prefix}ipc://") };
        }
        let mut words = Words::after(prefix);
        words.add_all(&["ipc:///", "tcp://127.0.0.1:"]);
        return Answer::Words(words);
    }
    let mut words = Words::after(&format!("{prefix}{before}"));
    match typed.get(before.len()..).unwrap_or_default().split_once('=') {
        None => ENDPOINT_OPTIONS.iter().for_each(|name| words.add_begun(name, "")),
        Some((name, _)) => {
            words.prefix.push_str(&format!("{name}="));
            match name {
                "access" => words.add_all(&Access::ALL.map(|(word, _)| word)),
                "group" => entries(&mut words, "/etc/group"),
                "curve" | "clients" => return Answer::Files { prefix: words.prefix },
                _ => {}
            }
        }
    }
    Answer::Words(words)
}

/// `KEY=` of the method that was named, or a value after it.
fn argument(prefix: &str, typed: &str, context: &Context<'_>) -> Answer {
    let mut words = Words::after(prefix);
    let method = METHODS.iter().find(|method| context.positionals.first() == Some(&method.name));
    let Some(method) = method else { return Answer::Words(words) };
    let takes_settings = method.settings == TakesSettings::Yes;
    let Some((name, value)) = typed.split_once('=') else {
        method.arguments.iter().for_each(|argument| words.add_begun(argument.name, argument.doc));
        if takes_settings {
            keys::all().for_each(|key| words.add_begun(key.name(), key.doc));
        }
        return Answer::Words(words);
    };
    let own = method.arguments.iter().find(|argument| argument.name == name);
    let slot = match own.map(|argument| (argument.name, argument.kind)) {
        Some(("program", _)) => Slot::Selector,
        Some(("state", _)) => Slot::State,
        Some(("source", _)) => Slot::Source,
        Some(("signal", _)) => Slot::Signal,
        Some((_, "boolean")) => Slot::Boolean,
        None if takes_settings => Slot::of_setting(name),
        Some(_) | None => Slot::Nothing,
    };
    slot.answer(&format!("{prefix}{name}="), value, context)
}

/// The words that the documentation of a setting has in quotes, as far as the setting takes them.
fn words_of(words: &mut Words, key: &Key) {
    for (at, word) in key.doc.split('"').enumerate() {
        let is_word = at % 2 == 1 && word.starts_with(|first: char| first.is_ascii_lowercase());
        if is_word && keys::apply(&mut Settings::default(), key.name(), &Value::from(word)).is_ok() {
            words.add(word, "");
        }
    }
}

/// The names in /etc/passwd or /etc/group; see passwd(5).
fn entries(words: &mut Words, path: &str) {
    for line in fs::read(path).unwrap_or_default().split(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if let Ok(name) = std::str::from_utf8(name)
            && !name.is_empty()
        {
            words.add(name, "");
        }
    }
}

fn up_to_last_comma(text: &str) -> &str {
    text.get(..text.rfind(',').map_or(0, |at| at + 1)).unwrap_or_default()
}
