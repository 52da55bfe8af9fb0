//! Standard input, output and error, and what becomes of output that is captured.

use super::{Key, Kind, Scope, SettingError};
use crate::config::convert::{self, Expected};
use crate::config::log;
use crate::core::program::{Output, ProcessSettings, Settings};
use crate::core::settings::StandardInput;
use crate::wire::value::Value;

/// The word for nothing.
const NULL: &str = "null";
/// The words for where output goes beside that.
const LOG: &str = "log";
const INHERIT: &str = "inherit";
/// For standard error alone.
const STDOUT: &str = "stdout";

/// The settings of this family.
pub const KEYS: &[Key] = &[
    Key {
        names: &["tty"],
        kind: Kind::Text,
        default: "none",
        scope: Scope::NextStart,
        doc: "The terminal of its session, an absolute path with %n, %i, %u and %g in it: its standard input, output and error, taken from whoever has it, with the modes of a fresh terminal. For a getty or a shell on a console; nothing of it is captured.",
        set: |s, v| convert::absolute_path(v).map(|path| s.process.tty = Some(path.to_string())),
        get: |s| s.process.tty.as_deref().map_or(Value::Nil, Value::from),
    },
    Key {
        names: &["stdin"],
        kind: Kind::Text,
        default: "\"null\"",
        scope: Scope::NextStart,
        doc: "Where its standard input comes from: \"null\" (it is at its end), or an absolute path, opened as the user of the supervisor. A FIFO is waited for until somebody writes to it.",
        set: |s, v| stdin(v).map(|stdin| s.process.stdin = stdin),
        get: |s| match &s.process.stdin {
            StandardInput::Null => Value::from(NULL),
            StandardInput::Path(path) => Value::from(path.as_str()),
        },
    },
    Key {
        names: &["stdout"],
        kind: Kind::Text,
        default: "\"log\"",
        scope: Scope::NextStart,
        doc: "Where its standard output goes: \"log\" (to its log file, or where there is none to memory alone: the last 16 KiB), \"inherit\" (to the supervisor's), \"null\", or the absolute path of a file, treated as a log file; with %n, %i, %s, %u and %g in it.",
        set: |s, v| stdout(v).map(|output| s.process.stdout = output),
        get: |s| output(&s.process.stdout),
    },
    Key {
        names: &["stderr"],
        kind: Kind::Text,
        default: "\"log\"",
        scope: Scope::NextStart,
        doc: "Where its standard error goes: as 'stdout', and \"stdout\": to where its standard output goes, in the order in which it writes.",
        set: |s, v| stderr(v).map(|output| s.process.stderr = output),
        get: |s| output(&s.process.stderr),
    },
    Key {
        names: &["log"],
        kind: Kind::Log,
        default: "{ max_size = \"10M\", keep = 5, timestamp = false, prefix = false, on_full = \"drop\", markers = false }",
        scope: Scope::AtOnce,
        doc: "How output that goes to a file is kept: file (an absolute path with %n, %i, %s for stdout or stderr, %u and %g; default LOG_DIR/NAME.INSTANCE.SOURCE.log, without a log directory none), max_size (the file is rotated before it would be larger; 0: never), keep (how many rotated files), timestamp and prefix (the time, and PROGRAM/INSTANCE, before each line), on_full (what cannot be written is dropped and counted, or with \"block\" the program waits), markers (a line at the start and at the end of each run).",
        set: |s, v| log::read(v).map(|settings| s.log = settings),
        get: |s| log::to_value(&s.log),
    },
];

/// Checks that a terminal is all that a process reads and writes, and that no two processes have it.
///
/// # Errors
/// What goes elsewhere, and one terminal for several instances.
pub fn check(settings: &Settings) -> Result<(), SettingError> {
    let ProcessSettings { tty: Some(_), stdin, stdout, stderr, .. } = &settings.process else {
        return Ok(());
    };
    for (name, is_default) in [
        ("stdin", *stdin == StandardInput::default()),
        ("stdout", *stdout == Output::default()),
        ("stderr", *stderr == Output::default()),
    ] {
        if !is_default {
            let sentence = format!("'{name}' cannot be set beside 'tty', which is its {name}");
            return Err(SettingError::Together(sentence));
        }
    }
    check_terminals(&settings.process, settings.instances)
}

/// Checks that so many instances do not get in each other's way.
///
/// # Errors
/// One terminal for several.
pub fn check_terminals(settings: &ProcessSettings, instances: u32) -> Result<(), SettingError> {
    match &settings.tty {
        Some(tty) if instances > 1 && !tty.contains("%i") => Err(SettingError::Together(format!(
            "'tty' {tty} can be that of one instance alone; with %i in it, each has another"
        ))),
        Some(_) | None => Ok(()),
    }
}

fn stdout(value: &Value) -> Result<Output, Expected> {
    match value.text() {
        Some(LOG) => Ok(Output::Log),
        Some(INHERIT) => Ok(Output::Inherit),
        Some(NULL) => Ok(Output::Null),
        Some(_) | None => {
            let path = convert::absolute_path(value);
            let path = path.map_err(|path| format!("\"{LOG}\", \"{INHERIT}\", \"{NULL}\" or {path}"))?;
            Ok(Output::Path(path.to_string()))
        }
    }
}

fn stderr(value: &Value) -> Result<Output, Expected> {
    if value.text() == Some(STDOUT) {
        return Ok(Output::Stdout);
    }
    stdout(value).map_err(|expected| format!("\"{STDOUT}\", {expected}"))
}

fn output(output: &Output) -> Value {
    Value::from(match output {
        Output::Log => LOG,
        Output::Inherit => INHERIT,
        Output::Null => NULL,
        Output::Stdout => STDOUT,
        Output::Path(path) => path,
    })
}

fn stdin(value: &Value) -> Result<StandardInput, Expected> {
    if value.text() == Some(NULL) {
        return Ok(StandardInput::Null);
    }
    let path = convert::absolute_path(value).map_err(|expected| format!("\"{NULL}\" or {expected}"))?;
    Ok(StandardInput::Path(path.to_string()))
}
