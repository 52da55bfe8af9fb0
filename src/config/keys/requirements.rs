//! What a program needs of others. Whether those are there is checked where all programs are known: see
//! [`crate::core::requirements::check`].

use super::{Key, Kind, Scope};
use crate::config::convert::{self, Expected};
use crate::core::requirements::{Bond, Requirement};
use crate::wire::value::Value;

/// How many others a program may name in one setting.
const MAX_REQUIREMENTS: usize = 1000;

/// The settings of this family.
pub const KEYS: &[Key] = &[
    Key {
        names: &["requires"],
        kind: Kind::Texts,
        default: "[]",
        scope: Scope::AtOnce,
        doc: "Programs that all have to be running before it starts; NAME:completed: that have to have ended with success. It is stopped before they are.",
        set: |s, v| requirements(v).map(|requires| s.needs.requires = requires),
        get: |s| names(&s.needs.requires),
    },
    Key {
        names: &["wants"],
        kind: Kind::Texts,
        default: "[]",
        scope: Scope::AtOnce,
        doc: "As requires, but what is missing, down, in backoff or failed is not waited for.",
        set: |s, v| requirements(v).map(|wants| s.needs.wants = wants),
        get: |s| names(&s.needs.wants),
    },
    Key {
        names: &["bound"],
        kind: Kind::Boolean,
        default: "false",
        scope: Scope::AtOnce,
        doc: "Whether it is stopped when one that it requires goes away, and started again when that is back.",
        set: |s, v| {
            s.needs.bond = if convert::boolean(v)? { Bond::Bound } else { Bond::Loose };
            Ok(())
        },
        get: |s| Value::from(s.needs.bond == Bond::Bound),
    },
];

fn requirements(value: &Value) -> Result<Vec<Requirement>, Expected> {
    let expected =
        |why: &str| format!("an array of names of programs, such as [\"db\", \"migrate:completed\"]{why}");
    let texts = convert::texts(value).map_err(|_| expected(""))?;
    if texts.len() > MAX_REQUIREMENTS {
        return Err(expected(&format!("; at most {MAX_REQUIREMENTS}")));
    }
    let parse = |text: &String| Requirement::parse(text).map_err(|error| expected(&format!("; {error}")));
    texts.iter().map(parse).collect()
}

fn names(requirements: &[Requirement]) -> Value {
    Value::Array(requirements.iter().map(|requirement| Value::from(requirement.to_string())).collect())
}
