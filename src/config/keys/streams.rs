//! Standard input, output and error.

use super::{Key, Kind, Scope};
use crate::config::convert;
use crate::core::program::Output;

const OUTPUT: [(&str, Output); 2] = [("inherit", Output::Inherit), ("null", Output::Null)];

/// The settings of this family.
pub const KEYS: &[Key] = &[
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
