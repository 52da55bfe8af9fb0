//! Standard input, output and error.

use super::{Key, Kind, Scope};
use crate::config::convert::{self, Expected};
use crate::core::program::Output;
use crate::core::settings::StandardInput;
use crate::wire::value::Value;

const OUTPUT: [(&str, Output); 2] = [("inherit", Output::Inherit), ("null", Output::Null)];

/// The word for nothing.
const NULL: &str = "null";

/// The settings of this family.
pub const KEYS: &[Key] = &[
    Key {
        names: &["stdin"],
        kind: Kind::Text,
        default: "\"null\"",
        scope: Scope::NextStart,
        doc: "Where its standard input comes from: \"null\" (it is at its end), or an absolute path, opened as the user of the supervisor. A FIFO is waited for until somebody writes to it.",
        set: |s, v| stdin(v).map(|stdin| s.process.stdin = stdin),
        get: |s| match &s.process.stdin {
            StandardInput::Null => Value::from(NULL),
            StandardInput::Path(path) => Value::from(path.as_str()),
        },
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

fn stdin(value: &Value) -> Result<StandardInput, Expected> {
    if value.text() == Some(NULL) {
        return Ok(StandardInput::Null);
    }
    let path = convert::absolute_path(value).map_err(|expected| format!("\"{NULL}\" or {expected}"))?;
    Ok(StandardInput::Path(path.to_string()))
}
