//! How an instance comes to be known as healthy, and stays so.

use super::{Key, Kind, Scope, SettingError};
use crate::config::convert::{self, Expected};
use crate::core::program::Settings;
use crate::core::settings::Readiness;
use crate::wire::value::Value;
use std::time::Duration;

/// The numbers that a readiness descriptor may have. Those below are the standard streams, which have settings of
/// their own; and up to the highest, every program may have a descriptor: the usual soft limit of open files is 1024.
const DESCRIPTORS: std::ops::RangeInclusive<i32> = 3..=1023;

/// The settings of this family.
pub const KEYS: &[Key] = &[
    Key {
        names: &["readiness"],
        kind: Kind::Text,
        default: "\"delay\"",
        scope: Scope::NextStart,
        doc: "What makes it running: \"delay\", that it has lasted minimum_run_duration; \"notify\", that it says READY=1 on $NOTIFY_SOCKET, as systemd has it; \"fd:N\", that it writes a newline to descriptor N, 3 to 1023, as s6 has it.",
        set: |s, v| readiness(v).map(|readiness| s.process.readiness = readiness),
        get: |s| match s.process.readiness {
            Readiness::Delay => Value::from("delay"),
            Readiness::Notify => Value::from("notify"),
            Readiness::Descriptor(number) => Value::from(format!("fd:{number}")),
        },
    },
    Key {
        names: &["start_timeout"],
        kind: Kind::Duration,
        default: "0",
        scope: Scope::AtOnce,
        doc: "How long it may take to say that it is ready, where readiness is \"notify\" or \"fd:N\"; then it is stopped, and that is a flap. 0: as long as it likes.",
        set: |s, v| convert::duration(v).map(|timeout| s.policy.start_timeout = timeout),
        get: |s| convert::seconds(s.policy.start_timeout),
    },
    Key {
        names: &["watchdog"],
        kind: Kind::Duration,
        default: "0",
        scope: Scope::NextStart,
        doc: "How often it has to say WATCHDOG=1 once it is running, where readiness is \"notify\"; else it gets SIGABRT in place of the stop signal, and has failed. 0: never.",
        set: |s, v| convert::duration(v).map(|timeout| s.process.watchdog = timeout),
        get: |s| convert::seconds(s.process.watchdog),
    },
];

fn readiness(value: &Value) -> Result<Readiness, Expected> {
    let descriptor =
        |text: &str| text.strip_prefix("fd:")?.parse().ok().filter(|it| DESCRIPTORS.contains(it));
    let known = match value.text() {
        Some("delay") => Some(Readiness::Delay),
        Some("notify") => Some(Readiness::Notify),
        Some(text) => descriptor(text).map(Readiness::Descriptor),
        None => None,
    };
    known.ok_or_else(|| {
        let (first, last) = (DESCRIPTORS.start(), DESCRIPTORS.end());
        format!("\"delay\", \"notify\" or \"fd:N\" with a descriptor from {first} to {last}")
    })
}

/// Checks that nothing is set that could have no effect.
///
/// # Errors
/// What would have none.
pub fn check(settings: &Settings) -> Result<(), SettingError> {
    let useless = |name: &str, needs: &str| {
        let sentence = format!("'{name}' has no effect without {needs}");
        Err(SettingError::Together(sentence))
    };
    let readiness = settings.process.readiness;
    if settings.policy.start_timeout > Duration::ZERO && readiness == Readiness::Delay {
        return useless("start_timeout", "readiness \"notify\" or \"fd:N\"");
    }
    if settings.process.watchdog > Duration::ZERO && readiness != Readiness::Notify {
        return useless("watchdog", "readiness \"notify\"");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    fn set(readiness: &str) -> Result<Settings, String> {
        let mut settings = Settings::default();
        let value = Value::from(readiness);
        keys::apply(&mut settings, "readiness", &value).map(|()| settings).map_err(|error| error.to_string())
    }

    #[test]
    fn readiness_is_a_word_or_a_descriptor() {
        for (text, expected) in [
            ("delay", Readiness::Delay),
            ("notify", Readiness::Notify),
            ("fd:3", Readiness::Descriptor(3)),
            ("fd:1023", Readiness::Descriptor(1023)),
        ] {
            let settings = set(text).unwrap();
            assert_eq!(settings.process.readiness, expected);
            let key = keys::find("readiness").unwrap();
            assert_eq!(key.get(&settings), Value::from(text));
        }
        for text in ["fd:2", "fd:1024", "fd:-1", "fd:", "fd", "fd:x", "Notify", ""] {
            let expected = format!(
                "'readiness' is \"{text}\", expected \"delay\", \"notify\" or \"fd:N\" with a descriptor from 3 to 1023"
            );
            assert_eq!(set(text).unwrap_err(), expected);
        }
    }

    #[test]
    fn what_could_have_no_effect_is_refused() {
        let together = |readiness, name| {
            let mut settings = set(readiness).unwrap();
            keys::apply(&mut settings, name, &Value::Int(5)).unwrap();
            check(&settings).map_err(|error| error.to_string())
        };
        assert!(
            together("delay", "start_timeout")
                .unwrap_err()
                .starts_with("'start_timeout' has no effect without readiness")
        );
        assert!(together("delay", "watchdog").is_err());
        assert!(
            together("fd:3", "watchdog")
                .unwrap_err()
                .starts_with("'watchdog' has no effect without readiness \"notify\"")
        );
        for (readiness, name) in
            [("fd:3", "start_timeout"), ("notify", "start_timeout"), ("notify", "watchdog")]
        {
            assert_eq!(together(readiness, name), Ok(()), "{readiness} {name}");
        }
    }
}
