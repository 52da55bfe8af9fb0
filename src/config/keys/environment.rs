//! What a process finds around it: variables and directories.

use super::{Key, Kind, Scope};
use crate::config::convert;
use crate::wire::value::Value;

/// The settings of this family.
pub const KEYS: &[Key] = &[
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
];
