//! What a process finds around it: variables, directories, the mask of its files.

use super::{Key, Kind, Scope, texts};
use crate::config::convert::{self, Expected};
use crate::config::env_file;
use crate::core::settings::InheritEnv;
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
        names: &["env_file"],
        kind: Kind::TextOrTexts,
        default: "none",
        scope: Scope::NextStart,
        doc: "Files of environment variables, with lines of the form KEY=VALUE, over those of the supervisor. They are read when this is set or reloaded, and not with each start.",
        set: |s, v| env_file::read(v).map(|files| s.process.env_files = files),
        get: |s| {
            if s.process.env_files.is_empty() { Value::Nil } else { env_file::to_value(&s.process.env_files) }
        },
    },
    Key {
        names: &["inherit_env"],
        kind: Kind::BooleanOrTexts,
        default: "true",
        scope: Scope::NextStart,
        doc: "Whether it gets the environment of the supervisor: all of it, nothing, or the variables of these names.",
        set: |s, v| inherit_env(v).map(|inherit| s.process.inherit_env = inherit),
        get: |s| match &s.process.inherit_env {
            InheritEnv::All => Value::from(true),
            InheritEnv::Nothing => Value::from(false),
            InheritEnv::Only(names) => texts(names),
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
        names: &["chroot"],
        kind: Kind::Text,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "The root directory, an absolute path. `command`, and `directory` (by default the new root), are looked up below it.",
        set: |s, v| convert::absolute_path(v).map(|path| s.process.chroot = Some(path.to_string())),
        get: |s| s.process.chroot.as_deref().map_or(Value::Nil, Value::from),
    },
    Key {
        names: &["umask"],
        kind: Kind::Text,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "The permissions that files it makes do not get, in octal: \"0022\".",
        set: |s, v| convert::mask(v).map(|mask| s.process.umask = Some(mask)),
        get: |s| s.process.umask.map_or(Value::Nil, |mask| Value::from(format!("{mask:04o}"))),
    },
];

fn inherit_env(value: &Value) -> Result<InheritEnv, Expected> {
    match value.as_bool() {
        Some(true) => Ok(InheritEnv::All),
        Some(false) => Ok(InheritEnv::Nothing),
        None => {
            let names = convert::texts(value).ok();
            let names =
                names.filter(|names| names.iter().all(|name| !name.is_empty() && !name.contains('=')));
            names
                .map(InheritEnv::Only)
                .ok_or_else(|| "true, false or an array of names of variables".to_string())
        }
    }
}
