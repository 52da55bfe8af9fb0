//! From a value of the wire or of a file to a typed setting, and back. What does not fit is answered with what
//! would have fitted.

use super::units;
use crate::core::program::IoPriority;
use crate::core::settings::Scheduler;
use crate::wire::value::Value;
use std::time::Duration;

/// What would have been right, to follow "expected".
pub type Expected = String;

/// A part of what was given, as an error shows it: in quotes, short, and without what a terminal would act on.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let escaped = text.escape_debug().to_string();
    match escaped.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("'{}…'", escaped.get(..cut).unwrap_or("")),
        None => format!("'{escaped}'"),
    }
}

/// A string. Binary that is UTF-8 is one too, since some clients send nothing else.
pub fn text(value: &Value) -> Result<&str, Expected> {
    let text = value.text().ok_or("a string")?;
    if text.contains('\0') { Err("a string without a NUL byte".to_string()) } else { Ok(text) }
}

/// A string of which a path or a command can be made.
pub fn non_empty(value: &Value) -> Result<&str, Expected> {
    let text = text(value).map_err(|_| "a non-empty string")?;
    if text.is_empty() { Err("a non-empty string".to_string()) } else { Ok(text) }
}

/// The path of something, from the root.
pub fn absolute_path(value: &Value) -> Result<&str, Expected> {
    let path = text(value).ok().filter(|path| path.starts_with('/'));
    path.ok_or_else(|| "an absolute path".to_string())
}

/// An array of strings.
pub fn texts(value: &Value) -> Result<Vec<String>, Expected> {
    let items = value.as_array().ok_or("an array of strings")?;
    let texts = items.iter().map(|item| text(item).map(str::to_string)).collect::<Result<_, _>>();
    texts.map_err(|_| "an array of strings without NUL bytes".to_string())
}

/// Names and what they are set to.
pub fn table(value: &Value) -> Result<Vec<(String, String)>, Expected> {
    let expected = || "a table of strings, with names that are not empty and have no '='".to_string();
    let entries = value.as_map().ok_or_else(expected)?;
    let entry = |(name, value): &(Value, Value)| {
        let name = text(name).ok().filter(|name| !name.is_empty() && !name.contains('='))?;
        Some((name.to_string(), scalar(value)?))
    };
    entries.iter().map(|pair| entry(pair).ok_or_else(expected)).collect()
}

/// A string, or a number as a person would write it: `PORT = 8080` is what people write.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.to_string()),
        Value::Uint(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Str(_) | Value::Bin(_) => text(value).ok().map(str::to_string),
        Value::Nil | Value::Bool(_) | Value::Array(_) | Value::Map(_) | Value::Ext(..) => None,
    }
}

/// A whole number within bounds, both included.
pub fn integer(value: &Value, min: i64, max: i64) -> Result<i64, Expected> {
    let number = value.as_i64().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("a whole number from {min} to {max}"))
}

/// A whole number from 0 up to a bound.
pub fn count(value: &Value, max: u32) -> Result<u32, Expected> {
    let number = integer(value, 0, i64::from(max))?;
    u32::try_from(number).map_err(|_| format!("a whole number from 0 to {max}"))
}

/// True or false.
pub fn boolean(value: &Value) -> Result<bool, Expected> {
    value.as_bool().ok_or_else(|| "true or false".to_string())
}

/// A number of seconds, or a string with a unit.
pub fn duration(value: &Value) -> Result<Duration, Expected> {
    let expected = |_| "a duration: a number of seconds, or \"500ms\", \"10s\", \"5m\", \"2h\"".to_string();
    match value.as_f64() {
        Some(seconds) => units::duration_from_number(seconds).map_err(expected),
        None => units::parse_duration(value.text().unwrap_or("")).map_err(expected),
    }
}

/// A number of bytes, or a string with a unit.
pub fn size(value: &Value) -> Result<u64, Expected> {
    let expected = || "a size: a number of bytes, or \"64K\", \"10M\", \"1G\"".to_string();
    match value.text() {
        Some(text) => units::parse_size(text).map_err(|_| expected()),
        None => value.as_u64().ok_or_else(expected),
    }
}

/// One of a closed list of words.
pub fn choice<T: Copy>(value: &Value, words: &[(&'static str, T)]) -> Result<T, Expected> {
    let given = value.text().unwrap_or("");
    let found = words.iter().find(|(word, _)| *word == given).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| one_of(words.iter().map(|(word, _)| *word)))
}

/// The word for a member of a closed list.
pub fn word<T: Copy + PartialEq>(meaning: T, words: &[(&'static str, T)]) -> Value {
    words.iter().find(|(_, listed)| *listed == meaning).map_or(Value::Nil, |(word, _)| Value::from(*word))
}

/// `"a", "b" or "c"`.
pub fn one_of(words: impl Iterator<Item = &'static str>) -> String {
    let quoted: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// An I/O priority: `"idle"`, `"best-effort/0…7"`, `"realtime/0…7"`, or a level of the ordinary class.
pub fn io_priority(value: &Value) -> Result<IoPriority, Expected> {
    let expected = || "\"idle\", \"best-effort/N\", \"realtime/N\" or a level N from 0 to 7".to_string();
    let level = |number: i64| u8::try_from(number).ok().filter(|level| *level <= 7).ok_or_else(expected);
    if let Some(number) = value.as_i64() {
        return level(number).map(IoPriority::BestEffort);
    }
    let given = value.text().unwrap_or("");
    let (class, number) = given.split_once('/').unwrap_or((given, "4"));
    let number = number.parse().map_err(|_| expected())?;
    match (class, given.contains('/')) {
        ("idle", false) => Ok(IoPriority::Idle),
        ("best-effort", _) => level(number).map(IoPriority::BestEffort),
        ("realtime", _) => level(number).map(IoPriority::Realtime),
        (digits, false) => digits.parse().map_err(|_| expected()).and_then(level).map(IoPriority::BestEffort),
        (_, true) => Err(expected()),
    }
}

/// A scheduling policy: `"other"`, `"batch"`, `"idle"`, `"fifo/N"`, `"rr/N"`.
pub fn scheduler(value: &Value) -> Result<Scheduler, Expected> {
    let expected = || {
        "\"other\", \"batch\", \"idle\", \"fifo/N\" or \"rr/N\" with a priority N from 1 to 99".to_string()
    };
    let priority = |text: &str| text.parse().ok().filter(|priority| (1..=99).contains(priority));
    let given = value.text().unwrap_or("");
    let (policy, number) =
        given.split_once('/').map_or((given, None), |(policy, n)| (policy, Some(priority(n))));
    match (policy, number) {
        ("other", None) => Ok(Scheduler::Other),
        ("batch", None) => Ok(Scheduler::Batch),
        ("idle", None) => Ok(Scheduler::Idle),
        ("fifo", Some(Some(priority))) => Ok(Scheduler::Fifo(priority)),
        ("rr", Some(Some(priority))) => Ok(Scheduler::RoundRobin(priority)),
        _ => Err(expected()),
    }
}

/// A mask of permissions: octal digits, or a number.
pub fn mask(value: &Value) -> Result<u32, Expected> {
    const ALL: u32 = 0o777;
    let digits = |text: &str| {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        // Digits alone: a sign would be read as well.
        let octal = digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        if octal { u32::from_str_radix(digits, 8).ok() } else { None }
    };
    let mask = match value.as_u64() {
        Some(number) => u32::try_from(number).ok(),
        None => value.text().and_then(digits),
    };
    mask.filter(|mask| *mask <= ALL).ok_or_else(|| "a mask of permissions, such as \"0022\"".to_string())
}

/// A command and its arguments: an array as it is, a string split as a shell splits words.
pub fn words(value: &Value) -> Result<Vec<String>, Expected> {
    let expected = |why: String| {
        format!("a command with its arguments, as an array of strings or as a string of words{why}")
    };
    let words = match value.as_array() {
        Some(_) => texts(value).map_err(|_| expected(String::new()))?,
        None => {
            let text = text(value).map_err(|_| expected(String::new()))?;
            super::words::split(text).map_err(|error| expected(format!("; {error}")))?
        }
    };
    match words.first() {
        Some(command) if !command.is_empty() => Ok(words),
        Some(_) | None => Err(expected("; there is no command".to_string())),
    }
}

/// Seconds, whole where they are whole.
pub fn seconds(duration: Duration) -> Value {
    if duration.subsec_nanos() == 0 {
        return Value::from(duration.as_secs());
    }
    Value::Float(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_priorities() {
        let parsed = |text: &str| io_priority(&Value::from(text));
        assert_eq!(parsed("idle"), Ok(IoPriority::Idle));
        assert_eq!(parsed("best-effort/7"), Ok(IoPriority::BestEffort(7)));
        assert_eq!(parsed("best-effort"), Ok(IoPriority::BestEffort(4)));
        assert_eq!(parsed("realtime/0"), Ok(IoPriority::Realtime(0)));
        assert_eq!(parsed("3"), Ok(IoPriority::BestEffort(3)));
        assert_eq!(io_priority(&Value::Int(5)), Ok(IoPriority::BestEffort(5)));
        for wrong in ["", "idle/3", "best-effort/8", "realtime/-1", "realtime/", "8", "fast"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
        assert!(io_priority(&Value::Int(8)).is_err());
    }

    #[test]
    fn what_is_repeated_is_short_and_harmless() {
        assert_eq!(quoted("größe"), "'größe'");
        assert_eq!(quoted("a\u{1b}[2J'"), "'a\\u{1b}[2J\\''");
        let long = quoted(&"\0".repeat(1_000_000));
        assert!(long.chars().count() == 63 && long.ends_with("…'"), "{long}");
    }

    #[test]
    fn schedulers() {
        let parsed = |text: &str| scheduler(&Value::from(text));
        assert_eq!(parsed("other"), Ok(Scheduler::Other));
        assert_eq!(parsed("batch"), Ok(Scheduler::Batch));
        assert_eq!(parsed("idle"), Ok(Scheduler::Idle));
        assert_eq!(parsed("fifo/1"), Ok(Scheduler::Fifo(1)));
        assert_eq!(parsed("rr/99"), Ok(Scheduler::RoundRobin(99)));
        for wrong in ["", "fifo", "fifo/", "fifo/0", "rr/100", "rr/-1", "other/1", "idle/", "deadline"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn masks_are_octal() {
        for text in ["0022", "022", "22", "0o22"] {
            assert_eq!(mask(&Value::from(text)), Ok(0o22), "{text}");
        }
        assert_eq!(mask(&Value::Int(0o777)), Ok(0o777));
        for wrong in ["", "0o", "0888", "1000", "-1", "+7", "rwx"] {
            assert!(mask(&Value::from(wrong)).is_err(), "{wrong}");
        }
        assert!(mask(&Value::Int(0o1000)).is_err());
        assert!(mask(&Value::Int(-1)).is_err());
    }

    #[test]
    fn commands_are_split_or_taken_as_they_are() {
        let expected = ["nginx", "-s", "quit now"].map(str::to_string);
        assert_eq!(words(&Value::from("nginx -s 'quit now'")), Ok(expected.to_vec()));
        assert_eq!(
            words(&Value::Array(expected.map(Value::from).to_vec())),
            Ok(vec!["nginx".to_string(), "-s".to_string(), "quit now".to_string()])
        );
        assert!(words(&Value::from("a 'b")).unwrap_err().contains("never closed"));
        for wrong in
            [Value::from(""), Value::from(" "), Value::from("''"), Value::Array(vec![]), Value::Int(1)]
        {
            assert!(words(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn tables_take_numbers_but_no_strange_names() {
        let table_of = |name: &str, value: Value| table(&Value::Map(vec![(Value::from(name), value)]));
        let port = vec![("PORT".to_string(), "8080".to_string())];
        assert_eq!(table_of("PORT", Value::Int(8080)), Ok(port));
        assert!(table_of("A=B", Value::from("x")).is_err());
        assert!(table_of("", Value::from("x")).is_err());
        assert!(table_of("A", Value::from("x\0y")).is_err());
        assert!(table_of("A", Value::Bool(true)).is_err());
    }

    #[test]
    fn what_would_be_right_is_listed() {
        let words = [("always", 1), ("never", 2)];
        assert_eq!(choice(&Value::from("never"), &words), Ok(2));
        assert_eq!(choice(&Value::from("x"), &words), Err("\"always\" or \"never\"".to_string()));
        assert_eq!(integer(&Value::Int(9), 0, 8), Err("a whole number from 0 to 8".to_string()));
    }
}
