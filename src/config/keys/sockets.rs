//! Sockets that are opened for a program.

use super::{Key, Kind, Scope, SettingError, texts};
use crate::config::sockets;
use crate::core::program::Settings;
use crate::core::settings::Readiness;
use crate::core::sockets::FIRST_DESCRIPTOR;

/// The settings of this family.
pub const KEYS: &[Key] = &[Key {
    names: &["sockets"],
    kind: Kind::Texts,
    default: "[]",
    scope: Scope::NextStart,
    doc: "Sockets that are opened as soon as the program is known, kept over all restarts, and passed to all its processes by systemd's LISTEN_FDS: each tcp:HOST:PORT, udp:HOST:PORT (HOST is a numeric address, * for all, or localhost; port 0 is a free one, which status shows) or unix:PATH, with a name for LISTEN_FDNAMES before it if there is to be another than the program's, as in http=tcp:*:80.",
    set: |s, v| sockets::read(v).map(|sockets| s.process.sockets = sockets),
    get: |s| texts(&s.process.sockets.iter().map(ToString::to_string).collect::<Vec<_>>()),
}];

/// Checks that the numbers of the sockets are free.
///
/// # Errors
/// A readiness descriptor that is one of them.
pub fn check(settings: &Settings) -> Result<(), SettingError> {
    let Readiness::Descriptor(number) = settings.process.readiness else { return Ok(()) };
    let behind = (FIRST_DESCRIPTOR..).nth(settings.process.sockets.len()).unwrap_or(i32::MAX);
    if number >= behind {
        return Ok(());
    }
    let sentence = format!(
        "'readiness' is \"fd:{number}\", and the sockets take {FIRST_DESCRIPTOR} and on: take \"fd:{behind}\""
    );
    Err(SettingError::Together(sentence))
}
