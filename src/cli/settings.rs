//! The settings of a program, as `create` and `update` take them: `--KEY VALUE`, `--KEY=VALUE` or `KEY=VALUE`, for
//! every row of the table of settings.
//!
//! What a value may be is the supervisor's business: here words become values of the right type, no more.

use super::render::text;
use crate::config::keys::{self, Key, Kind};
use crate::config::units;
use crate::core::nearest::nearest;
use crate::wire::json;
use crate::wire::value::Value;
use argh::{ArgsInfo, CommandInfo, CommandInfoWithArgs, EarlyExit, FromArgs, SubCommand};
use std::fmt::Write;

/// `create NAME [settings] -- COMMAND ARGS`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateCommand {
    /// The program.
    pub name: String,
    /// Its settings.
    pub settings: Vec<(String, Value)>,
}

/// `update NAME settings [--restart]`.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateCommand {
    /// The program.
    pub name: String,
    /// The settings to change.
    pub settings: Vec<(String, Value)>,
    /// Whether what needs it is restarted.
    pub restart: Restart,
}

/// Whether what needs it is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Now, one instance at a time.
    Now,
    /// When somebody does it.
    Later,
}

/// What a command line of either kind says.
#[derive(Debug, Default)]
struct Given {
    name: Option<String>,
    /// Values by the names of their settings, in the order given, joined where a setting was given again.
    settings: Vec<(&'static Key, Value)>,
    /// Whether `--restart` was there without a value.
    restarts: bool,
}

/// Whether `--restart` may stand alone, as a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RestartSwitch {
    Allowed,
    None,
}

/// The values of the setting `restart`, which part it from the switch of the same name.
const RESTART_VALUES: [&str; 3] = ["always", "on-failure", "never"];

impl FromArgs for CreateCommand {
    fn from_args(_: &[&str], arguments: &[&str]) -> Result<Self, EarlyExit> {
        if asks_for_help(arguments) {
            return Err(help(CREATE_HELP));
        }
        let given = Given::read(arguments, RestartSwitch::None)?;
        let name = given.name.clone().ok_or("a name for the program is missing".to_string())?;
        if !given.settings.iter().any(|(key, _)| key.name() == "command") {
            return Err("what to execute is missing: write it after --, or as command=COMMAND"
                .to_string()
                .into());
        }
        Ok(Self { name, settings: given.settings() })
    }
}

impl FromArgs for UpdateCommand {
    fn from_args(_: &[&str], arguments: &[&str]) -> Result<Self, EarlyExit> {
        if asks_for_help(arguments) {
            return Err(help(UPDATE_HELP));
        }
        let given = Given::read(arguments, RestartSwitch::Allowed)?;
        let name = given.name.clone().ok_or("the name of the program is missing".to_string())?;
        if given.settings.is_empty() && !given.restarts {
            return Err("there is nothing to change: name a setting, as in instances=2".to_string().into());
        }
        let restart = if given.restarts { Restart::Now } else { Restart::Later };
        Ok(Self { name, settings: given.settings(), restart })
    }
}

impl SubCommand for CreateCommand {
    const COMMAND: &'static CommandInfo =
        &CommandInfo { name: "create", short: &'\0', description: "make a program known, and start it" };
}

impl SubCommand for UpdateCommand {
    const COMMAND: &'static CommandInfo =
        &CommandInfo { name: "update", short: &'\0', description: "change settings of a program" };
}

/// Their settings are in the table of those, and not here.
impl ArgsInfo for CreateCommand {
    fn get_args_info() -> CommandInfoWithArgs {
        super::arguments::without_arguments(Self::COMMAND)
    }
}

impl ArgsInfo for UpdateCommand {
    fn get_args_info() -> CommandInfoWithArgs {
        super::arguments::without_arguments(Self::COMMAND)
    }
}

impl Given {
    fn read(arguments: &[&str], switch: RestartSwitch) -> Result<Self, String> {
        let mut given = Self::default();
        let mut words = arguments.iter().copied().peekable();
        while let Some(word) = words.next() {
            if word == "--" {
                given.command_line(&words.map(str::to_string).collect::<Vec<_>>())?;
                break;
            }
            let Some(option) = word.strip_prefix("--") else {
                given.word(word)?;
                continue;
            };
            if let Some((name, value)) = option.split_once('=') {
                given.set(name, value)?;
                continue;
            }
            let is_switch = option == "restart" && switch == RestartSwitch::Allowed;
            if is_switch && words.peek().is_none_or(|next| !RESTART_VALUES.contains(next)) {
                given.restarts = true;
                continue;
            }
            known(option)?;
            match words.next() {
                Some("--") | None => return Err(format!("--{option} needs a value")),
                Some(value) => given.set(option, value)?,
            }
        }
        Ok(given)
    }

    /// The name, or `KEY=VALUE`.
    fn word(&mut self, word: &str) -> Result<(), String> {
        if word.starts_with('-') && word.len() > 1 {
            return Err(format!("there is no option {word}"));
        }
        if self.name.is_none() {
            self.name = Some(word.to_string());
            return Ok(());
        }
        match word.split_once('=') {
            Some((name, value)) => self.set(name, value),
            None => Err(format!("'{word}' is no setting: write KEY=VALUE, and what to execute after --")),
        }
    }

    /// What stands after `--`.
    fn command_line(&mut self, words: &[String]) -> Result<(), String> {
        let Some((command, args)) = words.split_first() else {
            return Err("nothing stands after --; write what to execute there".to_string());
        };
        for (name, value) in [("command", Value::from(command.as_str())), ("args", texts(args))] {
            let Some(key) = keys::find(name) else { continue };
            if self.settings.iter().any(|(known, _)| known.name() == name) {
                return Err(format!("{name} is given twice: as a setting, and after --"));
            }
            self.settings.push((key, value));
        }
        Ok(())
    }

    fn set(&mut self, name: &str, word: &str) -> Result<(), String> {
        let (key, entry) = known(name)?;
        let value = match entry {
            Some(entry) => Value::map([(entry, entry_value(key.kind, word))]),
            None => {
                value(key, word).map_err(|expected| format!("{name} is '{word}', expected {expected}"))?
            }
        };
        match self.settings.iter_mut().find(|(known, _)| known.name() == key.name()) {
            Some((_, Value::Array(elements))) if let Value::Array(more) = value => elements.extend(more),
            Some((_, Value::Map(entries))) if let Value::Map(more) = value => entries.extend(more),
            Some(_) => return Err(format!("{name} is given twice")),
            None => self.settings.push((key, value)),
        }
        Ok(())
    }

    fn settings(self) -> Vec<(String, Value)> {
        self.settings.into_iter().map(|(key, value)| (key.name().to_string(), value)).collect()
    }
}

/// The setting of that name, and for `env.NAME` the entry of the table that is meant.
fn known(name: &str) -> Result<(&'static Key, Option<&str>), String> {
    let plain = name.replace('-', "_");
    if let Some(key) = keys::find(&plain) {
        return Ok((key, None));
    }
    if let Some((table, entry)) = name.split_once('.')
        && let Some(key) = keys::find(&table.replace('-', "_")).filter(|key| is_table(key.kind))
        && !entry.is_empty()
    {
        return Ok((key, Some(entry)));
    }
    let names = keys::all().flat_map(|key| key.names.iter().copied());
    Err(match nearest(&plain, names) {
        Some(near) => format!("there is no setting '{name}'; did you mean '{near}'?"),
        None => format!("there is no setting '{name}'"),
    })
}

/// A word as a value of the setting's type; or what would have been right.
fn value(key: &Key, word: &str) -> Result<Value, &'static str> {
    let number = || word.parse::<i64>().map(Value::Int);
    match key.kind {
        Kind::Text => Ok(Value::from(word)),
        Kind::NameOrNumber => Ok(number().unwrap_or_else(|_| Value::from(word))),
        Kind::Integer => number().map_err(|_| "a whole number"),
        Kind::Boolean => boolean(word).ok_or("true or false"),
        Kind::BooleanOrTexts => Ok(boolean(word).unwrap_or_else(|| array_or_list(word))),
        Kind::Words => Ok(array(word).unwrap_or_else(|| Value::from(word))),
        Kind::Duration => match units::parse_duration(word) {
            Ok(_) => Ok(Value::from(word)),
            Err(_) => Err("a duration: a number of seconds, or 500ms, 10s, 5m, 2h"),
        },
        Kind::Texts | Kind::NamesOrNumbers | Kind::TextOrTexts => Ok(array_or_list(word)),
        Kind::Integers => match array(word) {
            Some(array) => Ok(array),
            None => {
                let numbers: Result<Vec<i64>, _> =
                    list(word).iter().map(|number| number.trim().parse()).collect();
                let numbers = numbers.map_err(|_| "whole numbers with commas between")?;
                Ok(Value::Array(numbers.into_iter().map(Value::Int).collect()))
            }
        },
        Kind::Size => match units::parse_size(word) {
            Ok(_) => Ok(number().unwrap_or_else(|_| Value::from(word))),
            Err(_) => Err("a size: a number of bytes, or 64K, 10M, 1G"),
        },
        Kind::Hooks => match json::parse(word) {
            Ok(Value::Array(hooks)) => Ok(Value::Array(hooks)),
            // One alone; given again it goes on.
            Ok(Value::Map(hook)) => Ok(Value::Array(vec![Value::Map(hook)])),
            Ok(_) | Err(_) => Err("a hook as a JSON object, or an array of them"),
        },
        Kind::Table | Kind::Limits | Kind::Health | Kind::Log => match json::parse(word) {
            Ok(Value::Map(entries)) => Ok(Value::Map(entries)),
            Ok(_) | Err(_) => {
                let (name, value) = word.split_once('=').ok_or("NAME=VALUE, or a JSON object")?;
                Ok(Value::map([(name, entry_value(key.kind, value))]))
            }
        },
    }
}

/// Whether it has entries that can be set one by one.
fn is_table(kind: Kind) -> bool {
    match kind {
        Kind::Table | Kind::Limits | Kind::Health | Kind::Log => true,
        Kind::Text
        | Kind::Texts
        | Kind::Integer
        | Kind::Integers
        | Kind::Boolean
        | Kind::Duration
        | Kind::NameOrNumber
        | Kind::NamesOrNumbers
        | Kind::TextOrTexts
        | Kind::Words
        | Kind::BooleanOrTexts
        | Kind::Hooks
        | Kind::Size => false,
    }
}

/// A word as the value of one entry of a table. Only a health check and a log have entries that are no strings.
fn entry_value(kind: Kind, word: &str) -> Value {
    let typed = match kind {
        Kind::Health => {
            json::parse(word).ok().filter(|value| value.as_array().is_some() || value.as_f64().is_some())
        }
        Kind::Log => boolean(word).or_else(|| word.parse::<i64>().ok().map(Value::Int)),
        _ => None,
    };
    typed.unwrap_or_else(|| Value::from(word))
}

fn boolean(word: &str) -> Option<Value> {
    match word {
        "true" | "yes" | "on" => Some(Value::Bool(true)),
        "false" | "no" | "off" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn array_or_list(word: &str) -> Value {
    array(word).unwrap_or_else(|| texts(&list(word)))
}

/// A JSON array, if it is one.
fn array(word: &str) -> Option<Value> {
    json::parse(word).ok().filter(|value| value.as_array().is_some())
}

/// Words with commas between; nothing is no words.
fn list(word: &str) -> Vec<String> {
    if word.is_empty() { Vec::new() } else { word.split(',').map(str::to_string).collect() }
}

fn texts(words: &[String]) -> Value {
    Value::Array(words.iter().map(|word| Value::from(word.as_str())).collect())
}

fn asks_for_help(arguments: &[&str]) -> bool {
    let own = arguments.iter().take_while(|word| **word != "--");
    own.clone().any(|word| *word == "--help" || *word == "-h")
}

fn help(begin: &str) -> EarlyExit {
    EarlyExit { output: format!("{begin}\n{}", settings_help()), status: Ok(()) }
}

const CREATE_HELP: &str = "\
Usage: procnanny create <name> [<settings>] [-- <command> <args>]

make a program known, and start it

Options:
  -h, --help        display usage information

Examples:
  procnanny create web instances=3 nice=5 -- python3 -m http.server
  procnanny create job --restart never --env LEVEL=debug --user nobody -- /usr/local/bin/job
";

const UPDATE_HELP: &str = "\
Usage: procnanny update <name> [<settings>] [--restart] [-- <command> <args>]

change settings of a program; what is fixed when a process starts waits for the next start

Options:
  --restart         restart now what needs it, one instance at a time
  -h, --help        display usage information

Examples:
  procnanny update web stop_timeout=30s
  procnanny update web nice=5 --restart
";

/// The list of settings, from their table.
fn settings_help() -> String {
    let mut help = "\
Settings, as --KEY VALUE, --KEY=VALUE or KEY=VALUE, with _ or -. An array is JSON or has commas between;
given again it goes on. A table's entry is --env NAME=VALUE or env.NAME=VALUE.
"
    .to_string();
    for key in keys::all() {
        let others: String = key.names.iter().skip(1).map(|name| format!(", {name}")).collect();
        // Writing into a string cannot fail.
        let _ = writeln!(help, "  {}{others} ({}; default {})", key.name(), key.kind.as_str(), key.default);
        for line in text::wrap(key.doc, 92) {
            let _ = writeln!(help, "      {line}");
        }
    }
    help
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
