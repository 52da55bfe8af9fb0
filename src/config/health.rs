//! `health`: a command that says whether an instance is in health, and when it is asked.

use super::convert::{self, Expected, quoted};
use crate::core::health::HealthCheck;
use crate::core::nearest::nearest;
use crate::wire::value::Value;
use std::time::Duration;

const NAMES: [&str; 6] = ["command", "args", "interval", "timeout", "retries", "start_period"];

/// The shortest interval and timeout: a process is started for each check.
const SHORTEST: Duration = Duration::from_millis(100);

/// Reads the whole table; an empty one is no check.
pub fn read(value: &Value) -> Result<Option<Box<HealthCheck>>, Expected> {
    let table = || "a table, such as { command = \"/usr/bin/check\", interval = \"30s\" }".to_string();
    let entries = value.as_map().ok_or_else(table)?;
    if entries.is_empty() {
        return Ok(None);
    }
    let mut check = HealthCheck {
        command: String::new(),
        args: Vec::new(),
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(30),
        retries: 3,
        start_period: Duration::ZERO,
    };
    for (name, value) in entries {
        let name = name.text().ok_or_else(table)?;
        set(&mut check, name, value)?;
    }
    if check.command.is_empty() {
        return Err(format!("a 'command' in it; {{}} is no check, {}", table()));
    }
    Ok(Some(Box::new(check)))
}

fn set(check: &mut HealthCheck, name: &str, value: &Value) -> Result<(), Expected> {
    let of = |expected: Expected| format!("'health.{name}' to be {expected}");
    match name {
        "command" => check.command = convert::non_empty(value).map_err(of)?.to_string(),
        "args" => check.args = convert::texts(value).map_err(of)?,
        "interval" => check.interval = at_least_the_shortest(value).map_err(of)?,
        "timeout" => check.timeout = at_least_the_shortest(value).map_err(of)?,
        "retries" => {
            let retries = convert::integer(value, 1, i64::from(u32::MAX)).map_err(of)?;
            check.retries = u32::try_from(retries).unwrap_or(u32::MAX);
        }
        "start_period" => check.start_period = convert::duration(value).map_err(of)?,
        other => return Err(unknown(other)),
    }
    Ok(())
}

fn at_least_the_shortest(value: &Value) -> Result<Duration, Expected> {
    let duration = convert::duration(value)?;
    if duration < SHORTEST { Err("a duration of at least \"100ms\"".to_string()) } else { Ok(duration) }
}

fn unknown(name: &str) -> Expected {
    let known = NAMES.join(", ");
    match nearest(name, NAMES.into_iter()) {
        Some(near) => format!("only {known} in it; there is no {}, did you mean '{near}'?", quoted(name)),
        None => format!("only {known} in it; there is no {}", quoted(name)),
    }
}

/// The table as a value, with all that it stands for.
pub fn to_value(check: &HealthCheck) -> Value {
    let args = check.args.iter().map(|arg| Value::from(arg.as_str())).collect();
    Value::map([
        ("command", Value::from(check.command.as_str())),
        ("args", Value::Array(args)),
        ("interval", convert::seconds(check.interval)),
        ("timeout", convert::seconds(check.timeout)),
        ("retries", Value::from(check.retries)),
        ("start_period", convert::seconds(check.start_period)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(entries: &[(&str, Value)]) -> String {
        read(&Value::map(entries.iter().cloned())).unwrap_err()
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let check = read(&Value::map([("command", Value::from("check"))])).unwrap().unwrap();
        assert_eq!((check.interval, check.timeout), (Duration::from_secs(30), Duration::from_secs(30)));
        assert_eq!((check.retries, check.start_period), (3, Duration::ZERO));
        assert_eq!(read(&to_value(&check)), Ok(Some(check)));
        assert_eq!(read(&Value::Map(Vec::new())), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        let with = |name, value: Value| error(&[("command", Value::from("x")), (name, value)]);
        assert!(error(&[("interval", Value::Int(1))]).starts_with("a 'command' in it"));
        assert_eq!(error(&[("command", Value::from(""))]), "'health.command' to be a non-empty string");
        assert!(with("retrys", Value::Int(1)).contains("did you mean 'retries'?"));
        assert!(with("retries", Value::Int(0)).starts_with("'health.retries' to be a whole number from 1"));
        for name in ["interval", "timeout"] {
            let least = format!("'health.{name}' to be a duration of at least \"100ms\"");
            assert_eq!(with(name, Value::Float(0.05)), least);
            assert!(with(name, Value::from("soon")).contains("to be a duration: a number of seconds"));
        }
        assert!(with("args", Value::from("a b")).starts_with("'health.args' to be an array of strings"));
        assert!(read(&Value::from("check")).unwrap_err().starts_with("a table, such as"));
    }
}
