//! What is run when something happens to a program.

use super::{Key, Kind, Scope};
use crate::config::hooks;

/// The settings of this family.
pub const KEYS: &[Key] = &[Key {
    names: &["hooks"],
    kind: Kind::Hooks,
    default: "none",
    scope: Scope::AtOnce,
    doc: "Commands that are run when something happens to it, as many as are given: each { on, command, args, user, timeout = 10, concurrency = 4 }. on is one or more of \"FROM->TO\", where * is any state, a state (\"failed\" is \"*->failed\"), \"flapping\", \"unhealthy\" and \"log_dropped\". The event is in the environment (PROCNANNY_EVENT, _FROM, _STATE, _EXITCODE, ...) and a JSON object on standard input. [] is none.",
    set: |s, v| hooks::read_all(v).map(|hooks| s.hooks = hooks),
    get: |s| hooks::to_value(&s.hooks),
}];
