//! The settings of a program: one row each, in a file for each family, from which `create`, `update`, `methods`, the command line and the man
//! page take name, type, default and meaning.

mod environment;
mod health;
mod hooks;
mod identity;
mod program;
mod readiness;
mod requirements;
mod resources;
mod restart;
mod sockets;
mod stop;
mod streams;

use super::cgroup;
use super::convert::{self, Expected};
use crate::core::nearest::nearest;
use crate::core::program::Settings;
use crate::sys::{process, signals};
use crate::wire::value::Value;
use std::fmt;
pub use streams::check_terminals;

/// A setting.
#[derive(Debug)]
pub struct Key {
    /// Its name, and other names that are accepted.
    pub names: &'static [&'static str],
    /// What it holds.
    pub kind: Kind,
    /// What it is unless it is set, as a person writes it.
    pub default: &'static str,
    /// What a change of it touches.
    pub scope: Scope,
    /// What it means, in a sentence.
    pub doc: &'static str,
    set: fn(&mut Settings, &Value) -> Result<(), Expected>,
    get: fn(&Settings) -> Value,
}

/// What a setting holds, for those who read a value from words, and for documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// An array of strings.
    Texts,
    /// A table of strings.
    Table,
    /// A whole number.
    Integer,
    /// An array of whole numbers.
    Integers,
    /// True or false.
    Boolean,
    /// A number of seconds, or a string with a unit.
    Duration,
    /// A name or a number.
    NameOrNumber,
    /// An array of names or numbers.
    NamesOrNumbers,
    /// A string, or an array of strings.
    TextOrTexts,
    /// A command and its arguments: a string to be split, or an array of strings.
    Words,
    /// True, false or an array of strings.
    BooleanOrTexts,
    /// A table of resource limits.
    Limits,
    /// A number of bytes, or a string with a unit.
    Size,
    /// A table that describes a health check.
    Health,
    /// The table `log`.
    Log,
    /// An array of tables that describe hooks.
    Hooks,
}

/// What a change of a setting touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// It takes effect at once.
    AtOnce,
    /// It is fixed when a process starts.
    NextStart,
}

/// Why a setting was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingError {
    /// There is no such setting; the nearest that there is.
    Unknown(String, Option<&'static str>),
    /// It holds something else.
    Wrong {
        /// The setting.
        name: String,
        /// What would have been right.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Settings that do not go together: a sentence.
    Together(String),
}

/// All settings by family, in the order in which they are documented.
const FAMILIES: [&[Key]; 12] = [
    program::KEYS,
    restart::KEYS,
    readiness::KEYS,
    stop::KEYS,
    requirements::KEYS,
    environment::KEYS,
    identity::KEYS,
    resources::KEYS,
    streams::KEYS,
    health::KEYS,
    sockets::KEYS,
    hooks::KEYS,
];

/// All settings, in the order in which they are documented.
pub fn all() -> impl Iterator<Item = &'static Key> + Clone {
    FAMILIES.into_iter().flatten()
}

impl Key {
    /// The name that it is documented under.
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or("")
    }

    /// What it is set to; nil where a default that depends on the host applies.
    pub fn get(&self, settings: &Settings) -> Value {
        (self.get)(settings)
    }
}

impl Kind {
    /// The type, as people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Text => "string",
            Kind::Texts => "array of strings",
            Kind::Table => "table of strings",
            Kind::Integer => "integer",
            Kind::Integers => "array of integers",
            Kind::Boolean => "boolean",
            Kind::Duration => "duration",
            Kind::NameOrNumber => "string or integer",
            Kind::NamesOrNumbers => "array of strings or integers",
            Kind::TextOrTexts | Kind::Words => "string or array of strings",
            Kind::BooleanOrTexts => "boolean or array of strings",
            Kind::Limits => "table of limits",
            Kind::Size => "size",
            Kind::Health => "table of a health check",
            Kind::Log => "table",
            Kind::Hooks => "array of hooks",
        }
    }
}

/// The setting of that name.
pub fn find(name: &str) -> Option<&'static Key> {
    all().find(|key| key.names.contains(&name))
}

/// Sets one setting.
///
/// # Errors
/// An unknown name, or a value that does not fit.
pub fn apply(settings: &mut Settings, name: &str, value: &Value) -> Result<(), SettingError> {
    let Some(key) = find(name) else {
        let names = all().flat_map(|key| key.names.iter().copied());
        return Err(SettingError::Unknown(name.to_string(), nearest(name, names)));
    };
    (key.set)(settings, value).map_err(|expected| SettingError::Wrong {
        name: name.to_string(),
        expected,
        found: match key.kind {
            // Variables may be secrets, and errors are read by more than those who may read the file.
            Kind::Table => format!("of type {}", value.type_name()),
            _ => shown(value),
        },
    })
}

/// Checks what no setting can check alone.
///
/// # Errors
/// Settings that do not go together.
pub fn check(settings: &Settings) -> Result<(), SettingError> {
    if settings.process.command.is_empty() {
        return Err(SettingError::Together("Message is missing 'command' field".to_string()));
    }
    if let Some(user) = &settings.process.user
        && user.account.is_none()
        && settings.process.group.is_none()
    {
        let id = user.identity.id;
        let sentence = format!("user {id} has no entry in /etc/passwd, so 'group' has to be given too");
        return Err(SettingError::Together(sentence));
    }
    readiness::check(settings)?;
    streams::check(settings)?;
    sockets::check(settings)?;
    if let Some(entries) = &settings.process.cgroup {
        let sentence = |why: String| SettingError::Together(format!("'cgroup' cannot be had: {why}"));
        cgroup::check(entries).map_err(sentence)?;
    }
    if settings.health.memory_limit.is_some() {
        let sentence = |error| {
            SettingError::Together(format!(
                "'memory_limit' cannot be had: processes are not seen in /proc: {error}"
            ))
        };
        process::check_proc().map_err(sentence)?;
    }
    Ok(())
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingError::Unknown(name, None) => write!(f, "there is no setting '{name}'"),
            SettingError::Unknown(name, Some(near)) => {
                write!(f, "there is no setting '{name}'; did you mean '{near}'?")
            }
            SettingError::Wrong { name, expected, found } => {
                write!(f, "'{name}' is {found}, expected {expected}")
            }
            SettingError::Together(sentence) => f.write_str(sentence),
        }
    }
}

/// A value as an error shows it: short, and without what a terminal would act on.
pub fn shown(value: &Value) -> String {
    let text = crate::wire::json::to_string(value);
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or("")),
        None => text,
    }
}

fn texts(texts: &[String]) -> Value {
    Value::Array(texts.iter().map(|text| Value::from(text.as_str())).collect())
}

/// A signal by name or number.
///
/// # Errors
/// What would have been right.
pub fn signal(value: &Value) -> Result<i32, Expected> {
    let given = name_or_number(value, "a signal")?;
    signals::signal_number(&given).ok_or_else(|| {
        "the name or number of a signal, such as \"TERM\", \"SIGUSR1\", \"RTMIN+3\" or 15".to_string()
    })
}

/// A name, or a number as text.
///
/// # Errors
/// What would have been right.
pub fn name_or_number(value: &Value, what: &str) -> Result<String, Expected> {
    if let Some(number) = value.as_u64() {
        return Ok(number.to_string());
    }
    let text = convert::non_empty(value).map_err(|_| format!("the name or number of {what}"))?;
    Ok(text.to_string())
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
