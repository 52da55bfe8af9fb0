//! `log`: what becomes of output that is captured, as a table in which each entry has its default.

use super::convert::{self, Expected, quoted};
use super::units;
use crate::core::log::{LogPolicy, LogSettings, OnFull, Written};
use crate::core::nearest::nearest;
use crate::wire::value::Value;

/// The entries of the table.
const NAMES: [&str; 7] = ["file", "max_size", "keep", "timestamp", "prefix", "on_full", "markers"];

const ON_FULL: [(&str, OnFull); 2] = [("drop", OnFull::Drop), ("block", OnFull::Block)];

/// The most rotated files that may be kept: each rotation renames all of them.
const MOST_KEPT: u32 = 1000;

/// A file smaller than this would be rotated with nearly every line.
const SMALLEST_FILE: u64 = 1024;

/// Reads the whole table. What is left out has its default, whatever it was before.
pub fn read(value: &Value) -> Result<LogSettings, Expected> {
    let table = || "a table, such as { max_size = \"10M\", keep = 5 }".to_string();
    let mut settings = LogSettings::default();
    for (name, value) in value.as_map().ok_or_else(table)? {
        let name = known(name.text().ok_or_else(table)?)?;
        set(&mut settings, name, value).map_err(|expected| format!("'log.{name}' to be {expected}"))?;
    }
    Ok(settings)
}

fn known(name: &str) -> Result<&'static str, Expected> {
    let found = NAMES.into_iter().find(|known| *known == name);
    found.ok_or_else(|| match nearest(name, NAMES.into_iter()) {
        Some(near) => format!("entries of 'log'; there is no {}, did you mean '{near}'?", quoted(name)),
        None => format!("entries of 'log' ({}); there is no {}", NAMES.join(", "), quoted(name)),
    })
}

fn set(settings: &mut LogSettings, name: &str, value: &Value) -> Result<(), Expected> {
    let LogSettings { file, policy } = settings;
    match name {
        "file" => *file = Some(convert::absolute_path(value)?.to_string()),
        "max_size" => policy.max_size = max_size(value)?,
        "keep" => policy.keep = convert::count(value, MOST_KEPT)?,
        "timestamp" => policy.timestamp = written(value)?,
        "prefix" => policy.prefix = written(value)?,
        "markers" => policy.markers = written(value)?,
        "on_full" => policy.on_full = convert::choice(value, &ON_FULL)?,
        // All of `NAMES` are above.
        _ => {}
    }
    Ok(())
}

fn max_size(value: &Value) -> Result<u64, Expected> {
    let size = match value.text() {
        Some(text) => units::parse_size(text).ok(),
        None => value.as_u64(),
    };
    size.filter(|size| *size == 0 || *size >= SMALLEST_FILE)
        .ok_or_else(|| format!("a size such as \"10M\", {SMALLEST_FILE} bytes at least, or 0 for no bound"))
}

fn written(value: &Value) -> Result<Written, Expected> {
    convert::boolean(value).map(|yes| if yes { Written::Yes } else { Written::No })
}

/// The table as a value, with every entry that has one.
pub fn to_value(settings: &LogSettings) -> Value {
    let LogPolicy { max_size, keep, timestamp, prefix, markers, on_full } = settings.policy;
    let is = |written: Written| Value::from(written == Written::Yes);
    let file = settings.file.as_deref().map(|file| ("file", Value::from(file)));
    Value::map(file.into_iter().chain([
        ("max_size", Value::from(max_size)),
        ("keep", Value::from(keep)),
        ("timestamp", is(timestamp)),
        ("prefix", is(prefix)),
        ("on_full", convert::word(on_full, &ON_FULL)),
        ("markers", is(markers)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: impl Into<Value>) -> Result<LogSettings, String> {
        read(&Value::map([(name, value.into())]))
    }

    #[test]
    fn entries_are_read_and_the_rest_has_its_default() {
        let defaults = LogSettings::default();
        assert_eq!(read(&Value::Map(Vec::new())), Ok(defaults.clone()));
        let with = |policy: LogPolicy| Ok(LogSettings { policy, ..defaults.clone() });
        let policy = LogPolicy::default();
        assert_eq!(one("max_size", "64K"), with(LogPolicy { max_size: 64 << 10, ..policy }));
        assert_eq!(one("max_size", 0), with(LogPolicy { max_size: 0, ..policy }));
        assert_eq!(one("keep", 0), with(LogPolicy { keep: 0, ..policy }));
        assert_eq!(one("timestamp", true), with(LogPolicy { timestamp: Written::Yes, ..policy }));
        assert_eq!(one("prefix", true), with(LogPolicy { prefix: Written::Yes, ..policy }));
        assert_eq!(one("markers", true), with(LogPolicy { markers: Written::Yes, ..policy }));
        assert_eq!(one("on_full", "block"), with(LogPolicy { on_full: OnFull::Block, ..policy }));
        assert_eq!(one("file", "/x/%n.log").unwrap().file.as_deref(), Some("/x/%n.log"));
    }

    #[test]
    fn what_is_given_back_is_taken() {
        let policy = LogPolicy {
            max_size: 4096,
            keep: 1,
            timestamp: Written::Yes,
            prefix: Written::Yes,
            markers: Written::Yes,
            on_full: OnFull::Block,
        };
        for settings in [LogSettings::default(), LogSettings { file: Some("/x".to_string()), policy }] {
            assert_eq!(read(&to_value(&settings)), Ok(settings));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(
            one("maxsize", 1).unwrap_err(),
            "entries of 'log'; there is no 'maxsize', did you mean 'max_size'?"
        );
        assert!(one("colour", 1).unwrap_err().contains("(file, max_size, keep, "));
        assert!(one("file", "x.log").unwrap_err().starts_with("'log.file' to be an absolute path"));
        assert!(one("keep", -1).unwrap_err().starts_with("'log.keep' to be a whole number"));
        assert!(one("on_full", "wait").unwrap_err().contains("\"drop\" or \"block\""));
        for wrong in [Value::from("10X"), Value::from(-1), Value::from(1), Value::Nil, Value::from("")] {
            assert!(one("max_size", wrong).unwrap_err().starts_with("'log.max_size' to be a size"));
        }
        assert!(one("timestamp", "yes").unwrap_err().contains("true or false"));
        assert!(read(&Value::from("x.log")).unwrap_err().starts_with("a table"));
    }
}
