//! How a program is stopped.

use super::{Key, Kind, Scope, signal, texts};
use crate::config::convert;
use crate::core::program::{Leftovers, StopScope};
use crate::sys::signals;
use crate::wire::value::Value;

const SCOPE: [(&str, StopScope); 2] = [("group", StopScope::Group), ("process", StopScope::Process)];

/// The settings of this family.
pub const KEYS: &[Key] = &[
    Key {
        names: &["stop_signal"],
        kind: Kind::NameOrNumber,
        default: "\"TERM\"",
        scope: Scope::AtOnce,
        doc: "The signal that asks it to end, by name or number.",
        set: |s, v| signal(v).map(|signal| s.stop.signal = signal),
        get: |s| Value::from(signals::signal_name(s.stop.signal)),
    },
    Key {
        names: &["stop_command"],
        kind: Kind::Words,
        default: "none",
        scope: Scope::AtOnce,
        doc: "A command, with its arguments, that is to make it end, in place of the signal; it runs as the program does, with PROCNANNY_PID in its environment, and should return when the program has ended. If it fails, or a second after it succeeded to no effect, the signal follows.",
        set: |s, v| convert::words(v).map(|words| s.stop.command = words),
        get: |s| if s.stop.command.is_empty() { Value::Nil } else { texts(&s.stop.command) },
    },
    Key {
        names: &["stop_timeout"],
        kind: Kind::Duration,
        default: "10",
        scope: Scope::AtOnce,
        doc: "How long after that it is killed.",
        set: |s, v| convert::duration(v).map(|timeout| s.stop.timeout = timeout),
        get: |s| convert::seconds(s.stop.timeout),
    },
    Key {
        names: &["stop_scope"],
        kind: Kind::Text,
        default: "\"group\"",
        scope: Scope::AtOnce,
        doc: "What the stop signal goes to: its process \"group\", or its main \"process\" alone.",
        set: |s, v| convert::choice(v, &SCOPE).map(|scope| s.stop.scope = scope),
        get: |s| convert::word(s.stop.scope, &SCOPE),
    },
    Key {
        names: &["kill_leftovers"],
        kind: Kind::Boolean,
        default: "true",
        scope: Scope::AtOnce,
        doc: "Whether what is left of its process group is killed when its main process has ended.",
        set: |s, v| {
            let kill = convert::boolean(v)?;
            s.stop.leftovers = if kill { Leftovers::Kill } else { Leftovers::Leave };
            Ok(())
        },
        get: |s| Value::from(s.stop.leftovers == Leftovers::Kill),
    },
];
