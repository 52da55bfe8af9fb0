//! What a program is called, what it executes and how often.

use super::{Key, Kind, Scope, texts};
use crate::config::convert;
use crate::core::program::{Autostart, MAX_INSTANCES};
use crate::wire::value::Value;

/// The settings of this family.
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
];
