//! Whatever `create` takes can be written in a file, and means the same there; what it refuses, a file is refused for, in
//! the same words. For each setting there is: one that is added is held against this as well.

use super::common::Scratch;
use procnanny::config::file::{self, Location};
use procnanny::config::keys;
use procnanny::core::program::Settings;
use procnanny::wire::json;
use procnanny::wire::value::Value;
use std::fs;

/// Values of every type, among which each setting finds one that it takes.
const CANDIDATES: &[&str] = &[
    "0",
    "1",
    "7",
    "-1",
    "0.25",
    "true",
    "false",
    r#""""#,
    r#""x""#,
    r#""TERM""#,
    r#""10s""#,
    r#""64M""#,
    r#""always""#,
    r#""group""#,
    r#""process""#,
    r#""null""#,
    r#""inherit""#,
    r#""idle""#,
    r#""best-effort/3""#,
    r#""root""#,
    r#""/""#,
    r#""/etc/passwd""#,
    r#""0022""#,
    r#""delay""#,
    r#""größe \" \\ \t""#,
    "[]",
    r#"["a", "b"]"#,
    "[0, 3]",
    r#"["root"]"#,
    r#"["chown"]"#,
    "{}",
    r#"{"A": "b", "c": 1}"#,
    r#"{"nofile": 64, "core": "unlimited"}"#,
    r#"{"nofile": {"soft": 1, "hard": 2}}"#,
    r#"{"memory_max": "64M"}"#,
    r#"{"keep": 3}"#,
    r#"{"command": "true"}"#,
];

/// Beside candidates of every type, those that only one setting takes.
fn candidates(key: &str) -> Vec<Value> {
    let parsed = |text: &&str| json::parse(text).unwrap();
    let mut all: Vec<Value> = CANDIDATES.iter().map(parsed).collect();
    if key == "env_file" {
        all.push(Value::from("/etc/environment"));
        all.push(Value::from("/dev/null"));
    }
    all
}

#[test]
fn what_a_request_takes_a_file_takes() {
    let scratch = Scratch::new();
    fs::write(scratch.join("variables"), "A=b\n").unwrap();
    for key in keys::all() {
        for name in key.names {
            let mut values = candidates(name);
            values.push(Value::from(scratch.text("variables")));
            let taken = values.iter().filter(|value| agree(&scratch, name, value)).count();
            assert!(taken > 0, "'{name}' takes none of the candidates: add one that it takes");
        }
    }
}

/// Holds a request and a file against each other; whether both take the value.
fn agree(scratch: &Scratch, name: &str, value: &Value) -> bool {
    let mut by_request = Settings::default();
    let applied = keys::apply(&mut by_request, "command", &Value::from("x"))
        .and_then(|()| keys::apply(&mut by_request, name, value))
        .and_then(|()| keys::check(&by_request));
    let command = if name == "command" { "" } else { "command = 'x'\n" };
    fs::write(scratch.join("a.toml"), format!("[program.web]\n{command}{name} = {}\n", toml(value))).unwrap();
    match (applied, file::load(&Location::Given(scratch.join("a.toml")))) {
        (Ok(()), Ok(configuration)) => {
            assert_eq!(configuration.programs[0].settings, by_request, "{name} = {value:?}");
            true
        }
        (Err(refused), Err(errors)) => {
            let told = &errors.told[0].message;
            assert_eq!(*told, refused.to_string(), "{name} = {value:?}");
            false
        }
        // What a file has to hold together, such as programs that others require, is more than one setting.
        (Ok(()), Err(_)) => false,
        (Err(refused), Ok(_)) => panic!("{name} = {value:?} is refused in a request alone: {refused}"),
    }
}

/// A value as TOML writes it.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entry = |(key, value): &(Value, Value)| format!("{} = {}", toml(key), toml(value));
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        // Strings and numbers are written alike.
        other => json::to_string(other),
    }
}
