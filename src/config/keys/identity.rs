//! Who a process is and what it may.

use super::{Key, Kind, Scope, name_or_number};
use crate::config::convert::{self, Expected};
use crate::config::{accounts, capabilities};
use crate::core::program::Identity;
use crate::core::settings::NewPrivileges;
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
    Key {
        names: &["groups"],
        kind: Kind::NamesOrNumbers,
        default: "those of the user",
        scope: Scope::NextStart,
        doc: "The supplementary groups, in place of those of the user; names of /etc/group or numbers.",
        set: |s, v| groups(v).map(|groups| s.process.groups = Some(groups)),
        get: |s| {
            let given = |group: &Identity| Value::from(group.given.as_str());
            s.process
                .groups
                .as_ref()
                .map_or(Value::Nil, |groups| Value::Array(groups.iter().map(given).collect()))
        },
    },
    Key {
        names: &["capabilities"],
        kind: Kind::Texts,
        default: "those of the user",
        scope: Scope::NextStart,
        doc: "The capabilities it keeps, such as [\"net_bind_service\"]: the bounding set is cut to them, and a user other than root gets them as ambient ones.",
        set: |s, v| capabilities::read(v).map(|set| s.process.capabilities = Some(set)),
        get: |s| s.process.capabilities.map_or(Value::Nil, capabilities::to_value),
    },
    Key {
        names: &["no_new_privileges"],
        kind: Kind::Boolean,
        default: "false",
        scope: Scope::NextStart,
        doc: "Whether set-user-id files and the like give it nothing.",
        set: |s, v| {
            let refused = convert::boolean(v)?;
            s.process.new_privileges = if refused { NewPrivileges::Refused } else { NewPrivileges::Allowed };
            Ok(())
        },
        get: |s| Value::from(s.process.new_privileges == NewPrivileges::Refused),
    },
];

fn groups(value: &Value) -> Result<Vec<Identity>, Expected> {
    /// Each name is looked up.
    const MOST: usize = 1024;
    let names = value.as_array().filter(|names| names.len() <= MOST);
    let names = names.ok_or_else(|| format!("an array of names or numbers of groups, at most {MOST}"))?;
    let group = |name: &Value| {
        let name = name_or_number(name, "each group")?;
        accounts::group(&name).map_err(|expected| format!("for {} {expected}", convert::quoted(&name)))
    };
    names.iter().map(group).collect()
}
