//! What follows an exit.

use super::{Key, Kind, Scope};
use crate::config::convert::{self, Expected};
use crate::core::program::Restart;
use crate::wire::value::Value;

const RESTART: [(&str, Restart); 3] =
    [("always", Restart::Always), ("on-failure", Restart::OnFailure), ("never", Restart::Never)];

/// The settings of this family.
pub const KEYS: &[Key] = &[
    Key {
        names: &["restart"],
        kind: Kind::Text,
        default: "\"always\"",
        scope: Scope::AtOnce,
        doc: "When it is started again after it ended by itself: \"always\", \"on-failure\" or \"never\".",
        set: |s, v| convert::choice(v, &RESTART).map(|restart| s.policy.restart = restart),
        get: |s| convert::word(s.policy.restart, &RESTART),
    },
    Key {
        names: &["restart_delay"],
        kind: Kind::Duration,
        default: "0",
        scope: Scope::AtOnce,
        doc: "How long to wait before a restart that follows an exit from running.",
        set: |s, v| convert::duration(v).map(|delay| s.policy.restart_delay = delay),
        get: |s| convert::seconds(s.policy.restart_delay),
    },
    Key {
        names: &["minimum_run_duration"],
        kind: Kind::Duration,
        default: "5",
        scope: Scope::AtOnce,
        doc: "How long it has to run to count as healthy; an exit before that is a flap. 0: healthy as soon as it is executed.",
        set: |s, v| convert::duration(v).map(|duration| s.policy.minimum_run_duration = duration),
        get: |s| convert::seconds(s.policy.minimum_run_duration),
    },
    Key {
        names: &["flap_max"],
        kind: Kind::Integer,
        default: "5",
        scope: Scope::AtOnce,
        doc: "How many flaps in a row are ordinary; with more it is held in backoff between starts.",
        set: |s, v| convert::count(v, u32::MAX).map(|count| s.policy.flap_max = count),
        get: |s| Value::from(s.policy.flap_max),
    },
    Key {
        names: &["backoff_min"],
        kind: Kind::Duration,
        default: "0.5",
        scope: Scope::AtOnce,
        doc: "The delay after the first flap; doubled with each further one. 0: no delays. A run shorter than this is a flap whatever it had reached.",
        set: |s, v| convert::duration(v).map(|delay| s.policy.backoff_min = delay),
        get: |s| convert::seconds(s.policy.backoff_min),
    },
    Key {
        names: &["backoff_max"],
        kind: Kind::Duration,
        default: "60",
        scope: Scope::AtOnce,
        doc: "The longest delay after a flap.",
        set: |s, v| convert::duration(v).map(|delay| s.policy.backoff_max = delay),
        get: |s| convert::seconds(s.policy.backoff_max),
    },
    Key {
        names: &["give_up_after"],
        kind: Kind::Integer,
        default: "0",
        scope: Scope::AtOnce,
        doc: "After how many flaps in a row it is failed and stays so until somebody acts. 0: never.",
        set: |s, v| convert::count(v, u32::MAX).map(|count| s.policy.give_up_after = count),
        get: |s| Value::from(s.policy.give_up_after),
    },
    Key {
        names: &["success_exit_codes"],
        kind: Kind::Integers,
        default: "[0]",
        scope: Scope::AtOnce,
        doc: "The exit codes, 0 to 255, that are no failure.",
        set: |s, v| exit_codes(v).map(|codes| s.policy.success_exit_codes = codes),
        get: |s| Value::Array(s.policy.success_exit_codes.iter().map(|code| Value::from(*code)).collect()),
    },
];

fn exit_codes(value: &Value) -> Result<Vec<i32>, Expected> {
    let expected = || "an array of exit codes from 0 to 255".to_string();
    let items = value.as_array().ok_or_else(expected)?;
    let code = |item: &Value| convert::integer(item, 0, 255).ok().and_then(|code| i32::try_from(code).ok());
    items.iter().map(|item| code(item).ok_or_else(expected)).collect()
}
