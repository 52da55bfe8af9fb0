//! Who a process is and what it may.

use super::{Key, Kind, Scope, name_or_number};
use crate::config::accounts;
use crate::wire::value::Value;

/// The settings of this family.
pub const KEYS: &[Key] = &[
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
];
