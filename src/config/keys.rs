//! The settings of a program: one row each, from which `create`, `update`, `methods`, the command line and the man
//! page take name, type, default and meaning.

use super::accounts;
use super::convert::{self, Expected};
use crate::core::nearest::nearest;
use crate::core::program::{
    Autostart, IoPriority, Leftovers, MAX_INSTANCES, Output, Restart, Settings, StopScope,
};
use crate::sys::signals;
use crate::wire::value::Value;
use std::fmt;

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

const RESTART: [(&str, Restart); 3] =
    [("always", Restart::Always), ("on-failure", Restart::OnFailure), ("never", Restart::Never)];
const SCOPE: [(&str, StopScope); 2] = [("group", StopScope::Group), ("process", StopScope::Process)];
const OUTPUT: [(&str, Output); 2] = [("inherit", Output::Inherit), ("null", Output::Null)];

/// All settings, in the order in which they are documented.
pub const KEYS: &[Key] = &[
    Key {
        names: &["command"],
        kind: Kind::Text,
        default: "none; it has to be given",
        scope: Scope::NextStart,
        doc: "What to execute. Without a slash it is looked up in the program's PATH.",
        set: |s, v| convert::non_empty(v).map(|text| s.process.command = text.to_string()),
        get: |s| Value::from(s.process.command.as_str()),
    },
    Key {
        names: &["args"],
        kind: Kind::Texts,
        default: "[]",
        scope: Scope::NextStart,
        doc: "Its arguments.",
        set: |s, v| convert::texts(v).map(|texts| s.process.args = texts),
        get: |s| texts(&s.process.args),
    },
    Key {
        names: &["instances"],
        kind: Kind::Integer,
        default: "1",
        scope: Scope::AtOnce,
        doc: "How many instances there are: 0 to 100000.",
        set: |s, v| convert::count(v, MAX_INSTANCES).map(|count| s.instances = count),
        get: |s| Value::from(s.instances),
    },
    Key {
        names: &["description"],
        kind: Kind::Text,
        default: "\"\"",
        scope: Scope::AtOnce,
        doc: "What it is for, in words.",
        set: |s, v| convert::text(v).map(|text| s.description = text.to_string()),
        get: |s| Value::from(s.description.as_str()),
    },
    Key {
        names: &["autostart"],
        kind: Kind::Boolean,
        default: "true",
        scope: Scope::AtOnce,
        doc: "Whether it is wanted up as soon as it is known.",
        set: |s, v| {
            let up = convert::boolean(v)?;
            s.autostart = if up { Autostart::Up } else { Autostart::Down };
            Ok(())
        },
        get: |s| Value::from(s.autostart == Autostart::Up),
    },
    Key {
        names: &["restart"],
        kind: Kind::Text,
        default: "\"always\"",
        scope: Scope::AtOnce,
        doc: "When it is started again after it ended by itself: \"always\", \"on-failure\" or \"never\".",
        set: |s, v| convert::choice(v, &RESTART).map(|restart| s.policy.restart = restart),
        get: |s| convert::word(s.policy.restart, &RESTART),
    },
    Key {
        names: &["restart_delay"],
        kind: Kind::Duration,
        default: "0",
        scope: Scope::AtOnce,
        doc: "How long to wait before a restart that follows an exit from running.",
        set: |s, v| convert::duration(v).map(|delay| s.policy.restart_delay = delay),
        get: |s| convert::seconds(s.policy.restart_delay),
    },
    Key {
        names: &["minimum_run_duration"],
        kind: Kind::Duration,
        default: "5",
        scope: Scope::AtOnce,
        doc: "How long it has to run to count as healthy; an exit before that is a flap. 0: healthy as soon as it is executed.",
        set: |s, v| convert::duration(v).map(|duration| s.policy.minimum_run_duration = duration),
        get: |s| convert::seconds(s.policy.minimum_run_duration),
    },
    Key {
        names: &["flap_max"],
        kind: Kind::Integer,
        default: "5",
        scope: Scope::AtOnce,
        doc: "How many flaps in a row are ordinary; with more it is held in backoff between starts.",
        set: |s, v| convert::count(v, u32::MAX).map(|count| s.policy.flap_max = count),
        get: |s| Value::from(s.policy.flap_max),
    },
    Key {
        names: &["backoff_min"],
        kind: Kind::Duration,
        default: "0.5",
        scope: Scope::AtOnce,
        doc: "The delay after the first flap; doubled with each further one. 0: no delays. A run shorter than this is a flap whatever it had reached.",
        set: |s, v| convert::duration(v).map(|delay| s.policy.backoff_min = delay),
        get: |s| convert::seconds(s.policy.backoff_min),
    },
    Key {
        names: &["backoff_max"],
        kind: Kind::Duration,
        default: "60",
        scope: Scope::AtOnce,
        doc: "The longest delay after a flap.",
        set: |s, v| convert::duration(v).map(|delay| s.policy.backoff_max = delay),
        get: |s| convert::seconds(s.policy.backoff_max),
    },
    Key {
        names: &["give_up_after"],
        kind: Kind::Integer,
        default: "0",
        scope: Scope::AtOnce,
        doc: "After how many flaps in a row it is failed and stays so until somebody acts. 0: never.",
        set: |s, v| convert::count(v, u32::MAX).map(|count| s.policy.give_up_after = count),
        get: |s| Value::from(s.policy.give_up_after),
    },
    Key {
        names: &["success_exit_codes"],
        kind: Kind::Integers,
        default: "[0]",
        scope: Scope::AtOnce,
        doc: "The exit codes, 0 to 255, that are no failure.",
        set: |s, v| exit_codes(v).map(|codes| s.policy.success_exit_codes = codes),
        get: |s| Value::Array(s.policy.success_exit_codes.iter().map(|code| Value::from(*code)).collect()),
    },
    Key {
        names: &["stop_signal"],
        kind: Kind::NameOrNumber,
        default: "\"TERM\"",
        scope: Scope::AtOnce,
        doc: "The signal that asks it to end, by name or number.",
        set: |s, v| signal(v).map(|signal| s.stop.signal = signal),
        get: |s| Value::from(signals::signal_name(s.stop.signal)),
    },
    Key {
        names: &["stop_timeout"],
        kind: Kind::Duration,
        default: "10",
        scope: Scope::AtOnce,
        doc: "How long after that it is killed.",
        set: |s, v| convert::duration(v).map(|timeout| s.stop.timeout = timeout),
        get: |s| convert::seconds(s.stop.timeout),
    },
    Key {
        names: &["stop_scope"],
        kind: Kind::Text,
        default: "\"group\"",
        scope: Scope::AtOnce,
        doc: "What the stop signal goes to: its process \"group\", or its main \"process\" alone.",
        set: |s, v| convert::choice(v, &SCOPE).map(|scope| s.stop.scope = scope),
        get: |s| convert::word(s.stop.scope, &SCOPE),
    },
    Key {
        names: &["kill_leftovers"],
        kind: Kind::Boolean,
        default: "true",
        scope: Scope::AtOnce,
        doc: "Whether what is left of its process group is killed when its main process has ended.",
        set: |s, v| {
            let kill = convert::boolean(v)?;
            s.stop.leftovers = if kill { Leftovers::Kill } else { Leftovers::Leave };
            Ok(())
        },
        get: |s| Value::from(s.stop.leftovers == Leftovers::Kill),
    },
    Key {
        names: &["env"],
        kind: Kind::Table,
        default: "{}",
        scope: Scope::NextStart,
        doc: "Environment variables, over those of the supervisor.",
        set: |s, v| convert::table(v).map(|table| s.process.env = table),
        get: |s| {
            let entry =
                |(name, value): &(String, String)| (Value::from(name.as_str()), Value::from(value.as_str()));
            Value::Map(s.process.env.iter().map(entry).collect())
        },
    },
    Key {
        names: &["directory"],
        kind: Kind::Text,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "The working directory.",
        set: |s, v| convert::non_empty(v).map(|text| s.process.directory = Some(text.to_string())),
        get: |s| s.process.directory.as_deref().map_or(Value::Nil, Value::from),
    },
    Key {
        names: &["user", "uid"],
        kind: Kind::NameOrNumber,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "The user to run as, with that user's groups; a name of /etc/passwd or a number.",
        set: |s, v| accounts::user(&name_or_number(v, "a user")?).map(|user| s.process.user = Some(user)),
        get: |s| s.process.user.as_ref().map_or(Value::Nil, |user| Value::from(user.identity.given.as_str())),
    },
    Key {
        names: &["group", "gid"],
        kind: Kind::NameOrNumber,
        default: "the login group of the user",
        scope: Scope::NextStart,
        doc: "The group to run as; a name of /etc/group or a number.",
        set: |s, v| {
            accounts::group(&name_or_number(v, "a group")?).map(|group| s.process.group = Some(group))
        },
        get: |s| s.process.group.as_ref().map_or(Value::Nil, |group| Value::from(group.given.as_str())),
    },
    Key {
        names: &["nice"],
        kind: Kind::Integer,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "Its niceness: -20 (most urgent) to 19.",
        set: |s, v| {
            let nice = convert::integer(v, -20, 19)?;
            s.process.nice = i32::try_from(nice).ok();
            Ok(())
        },
        get: |s| s.process.nice.map_or(Value::Nil, Value::from),
    },
    Key {
        names: &["ionice"],
        kind: Kind::NameOrNumber,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "Its disk priority: \"idle\", \"best-effort/0\" to \"best-effort/7\", \"realtime/0\" to \"realtime/7\", or a level.",
        set: |s, v| convert::io_priority(v).map(|priority| s.process.ionice = Some(priority)),
        get: |s| s.process.ionice.map_or(Value::Nil, io_priority),
    },
    Key {
        names: &["stdout"],
        kind: Kind::Text,
        default: "\"inherit\"",
        scope: Scope::NextStart,
        doc: "Where its standard output goes: \"inherit\" (to the supervisor's) or \"null\".",
        set: |s, v| convert::choice(v, &OUTPUT).map(|output| s.process.stdout = output),
        get: |s| convert::word(s.process.stdout, &OUTPUT),
    },
    Key {
        names: &["stderr"],
        kind: Kind::Text,
        default: "\"inherit\"",
        scope: Scope::NextStart,
        doc: "Where its standard error goes: \"inherit\" (to the supervisor's) or \"null\".",
        set: |s, v| convert::choice(v, &OUTPUT).map(|output| s.process.stderr = output),
        get: |s| convert::word(s.process.stderr, &OUTPUT),
    },
];

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
        }
    }
}

/// The setting of that name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.names.contains(&name))
}

/// Sets one setting.
///
/// # Errors
/// An unknown name, or a value that does not fit.
pub fn apply(settings: &mut Settings, name: &str, value: &Value) -> Result<(), SettingError> {
    let Some(key) = find(name) else {
        let names = KEYS.iter().flat_map(|key| key.names.iter().copied());
        return Err(SettingError::Unknown(name.to_string(), nearest(name, names)));
    };
    (key.set)(settings, value).map_err(|expected| SettingError::Wrong {
        name: name.to_string(),
        expected,
        found: shown(value),
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

fn exit_codes(value: &Value) -> Result<Vec<i32>, Expected> {
    let expected = || "an array of exit codes from 0 to 255".to_string();
    let items = value.as_array().ok_or_else(expected)?;
    let code = |item: &Value| convert::integer(item, 0, 255).ok().and_then(|code| i32::try_from(code).ok());
    items.iter().map(|item| code(item).ok_or_else(expected)).collect()
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

fn name_or_number(value: &Value, what: &str) -> Result<String, Expected> {
    if let Some(number) = value.as_u64() {
        return Ok(number.to_string());
    }
    let text = convert::non_empty(value).map_err(|_| format!("the name or number of {what}"))?;
    Ok(text.to_string())
}

fn io_priority(priority: IoPriority) -> Value {
    match priority {
        IoPriority::Idle => Value::from("idle"),
        IoPriority::BestEffort(level) => Value::from(format!("best-effort/{level}")),
        IoPriority::Realtime(level) => Value::from(format!("realtime/{level}")),
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
