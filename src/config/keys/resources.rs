//! How much of the machine a process gets.

use super::{Key, Kind, Scope};
use crate::config::convert;
use crate::core::program::IoPriority;
use crate::wire::value::Value;

/// The settings of this family.
pub const KEYS: &[Key] = &[
    Key {
        names: &["nice"],
        kind: Kind::Integer,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "Its niceness: -20 (most urgent) to 19.",
        set: |s, v| {
            let nice = convert::integer(v, -20, 19)?;
            s.process.nice = i32::try_from(nice).ok();
            Ok(())
        },
        get: |s| s.process.nice.map_or(Value::Nil, Value::from),
    },
    Key {
        names: &["ionice"],
        kind: Kind::NameOrNumber,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "Its disk priority: \"idle\", \"best-effort/0\" to \"best-effort/7\", \"realtime/0\" to \"realtime/7\", or a level.",
        set: |s, v| convert::io_priority(v).map(|priority| s.process.ionice = Some(priority)),
        get: |s| s.process.ionice.map_or(Value::Nil, io_priority),
    },
];

fn io_priority(priority: IoPriority) -> Value {
    match priority {
        IoPriority::Idle => Value::from("idle"),
        IoPriority::BestEffort(level) => Value::from(format!("best-effort/{level}")),
        IoPriority::Realtime(level) => Value::from(format!("realtime/{level}")),
    }
}
