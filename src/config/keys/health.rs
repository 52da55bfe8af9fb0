//! When a process that runs is given up on.

use super::{Key, Kind, Scope};
use crate::config::{convert, health};
use crate::wire::value::Value;

/// The settings of this family.
pub const KEYS: &[Key] = &[
    Key {
        names: &["health"],
        kind: Kind::Health,
        default: "none",
        scope: Scope::AtOnce,
        doc: "A command that says by exit code 0 that it is in health: { command, args, interval = 30, timeout = 30, retries = 3, start_period = 0 }. It runs as the program does, with PROCNANNY_PID in its environment and without output. After so many failures in a row (what takes longer than timeout is killed and has failed too) it is restarted as restart says; failures within start_period of its start do not count, until one succeeded. {} is none.",
        set: |s, v| health::read(v).map(|check| s.health.check = check),
        get: |s| s.health.check.as_deref().map_or(Value::Nil, health::to_value),
    },
    Key {
        names: &["memory_limit"],
        kind: Kind::Size,
        default: "0",
        scope: Scope::AtOnce,
        doc: "It is restarted, as restart says, when the resident set of its main process stays above this: it is looked at every 5 seconds, and twice in a row has to be above. 0: no limit. For a limit that holds at any moment and for all its processes, see cgroup.",
        set: |s, v| {
            let limit = convert::size(v)?;
            s.health.memory_limit = (limit > 0).then_some(limit);
            Ok(())
        },
        get: |s| Value::from(s.health.memory_limit.unwrap_or(0)),
    },
];
