//! Arguments of the wrong type, unknown, misspelt or out of range: of every method, as `methods` describes it.

use crate::args;
use crate::supervised;
use crate::wire::{Argument, methods};
use procnanny::wire::value::Value;

const PROGRAM: &str = "bystander";

/// A value of each kind that some argument might not take.
fn samples() -> Vec<(&'static str, Value)> {
    let nested = Value::Array(vec![Value::Map(vec![(Value::from("x"), Value::Nil)])]);
    vec![
        ("boolean", Value::Bool(true)),
        ("integer", Value::Int(-7)),
        ("huge", Value::Uint(u64::MAX)),
        ("float", Value::Float(0.5)),
        ("float", Value::Float(f64::NAN)),
        ("float", Value::Float(f64::NEG_INFINITY)),
        ("float", Value::Float(1e300)),
        ("text", Value::from("\u{1b}[2J no such thing")),
        ("text", Value::from("")),
        ("text", Value::from("x".repeat(100_000))),
        ("text", Value::from("a\0b")),
        ("binary", Value::Bin(vec![0xff, 0xfe])),
        ("array", Value::Array(vec![])),
        ("array", nested),
        ("array", Value::Array(vec![Value::Int(-7), Value::Float(0.5)])),
        ("map", Value::Map(vec![(Value::Int(1), Value::Int(2))])),
        ("map", Value::Map(vec![(Value::from("A=B"), Value::from("x"))])),
        ("map", Value::Map(vec![(Value::from("A"), Value::Array(vec![]))])),
        ("extension", Value::Ext(5, vec![1, 2, 3])),
    ]
}

/// Whether this sample is good for this argument after all.
fn is_right(argument: &Argument, sample: &str, value: &Value) -> bool {
    let kinds: Vec<&str> = argument.kind.split(" or ").collect();
    let empty = value.text() == Some("");
    let plain = value.text().is_some_and(|text| !text.contains('\0'));
    match sample {
        "boolean" => kinds.contains(&"boolean"),
        // Where a number has no smallest value of its own, -7 may be in range.
        "integer" => matches!(argument.name.as_str(), "nice" | "oom_score_adj"),
        "huge" => kinds.contains(&"size"),
        "float" => kinds.contains(&"duration") && value.as_f64() == Some(0.5),
        // Some text is free, some names something that does not exist, which is another error.
        "text" => match argument.name.as_str() {
            "description" | "run" => plain,
            "directory" | "command" | "stop_command" => plain && !empty,
            "program" => plain && !empty,
            _ => false,
        },
        "array" => {
            let may_be_empty = [
                "args",
                "success_exit_codes",
                "groups",
                "capabilities",
                "env_file",
                "inherit_env",
                "requires",
                "wants",
                "sockets",
                "hooks",
            ];
            may_be_empty.contains(&argument.name.as_str()) && value.as_array() == Some(&[])
        }
        _ => false,
    }
}

#[test]
fn values_of_the_wrong_type_are_refused_by_the_name_of_their_argument() {
    let (mut supervisor, bystanders) = supervised();
    let mut client = supervisor.client();
    let mut refused = 0;
    for method in methods(&mut client) {
        for argument in &method.arguments {
            for (sample, value) in samples() {
                if is_right(argument, sample, &value) {
                    continue;
                }
                let mut arguments = method.minimal(if method.name == "create" { "another" } else { PROGRAM });
                arguments.retain(|(name, _)| *name != argument.name);
                arguments.push((&argument.name, value.clone()));
                let refusal = client.refusal(&method.name, &arguments);
                let named = refusal.sentence.contains(&format!("'{}'", argument.name));
                assert_eq!(
                    refusal.code, "bad-argument",
                    "{} {arguments:?}: {}",
                    method.name, refusal.sentence
                );
                assert!(
                    named || argument.name == "program",
                    "{} {arguments:?}: {}",
                    method.name,
                    refusal.sentence
                );
                assert!(!refusal.sentence.contains(['\u{1b}', '\0']), "{}", refusal.sentence);
                assert!(
                    refusal.sentence.len() < 500,
                    "{} {}: {}",
                    method.name,
                    argument.name,
                    refusal.sentence.len()
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 1000, "{refused}");
    bystanders.check(&mut supervisor, 8);
}

/// One letter less, one more, two swapped: the nearest that there is, is named.
#[test]
fn misspelt_arguments_are_told_apart_from_known_ones() {
    let (mut supervisor, bystanders) = supervised();
    let mut client = supervisor.client();
    for method in methods(&mut client) {
        for argument in method.arguments.iter().filter(|argument| argument.name.len() > 4) {
            let name = &argument.name;
            let swapped = format!("{}{}{}", &name[1..2], &name[..1], &name[2..]);
            for misspelt in [name[..name.len() - 1].to_string(), format!("{name}x"), swapped] {
                let is_known = method.arguments.iter().any(|other| other.name == misspelt);
                if is_known || misspelt == *name {
                    continue;
                }
                let mut arguments = method.minimal(PROGRAM);
                arguments.push((&misspelt, Value::Int(1)));
                let refusal = client.refusal(&method.name, &arguments);
                let sentence = format!("There is no argument \"{misspelt}\"; did you mean '");
                assert!(refusal.sentence.starts_with(&sentence), "{}: {}", method.name, refusal.sentence);
            }
        }
    }
    bystanders.check(&mut supervisor, 8);
}

#[test]
fn unknown_methods_and_strange_names_are_refused() {
    let (mut supervisor, bystanders) = supervised();
    for method in
        ["", "Status", "status ", "statuss", "\u{0}", "\u{1b}", "../status", "none", &"x".repeat(100_000)]
    {
        let refused = supervisor.refusal(method, &[]);
        assert_eq!(
            (refused.code.as_str(), refused.sentence.as_str()),
            ("no-such-method", "No such method requested")
        );
    }
    for name in [
        "",
        "a/b",
        "a/0",
        "a\nb",
        "a\u{7f}b",
        "a\u{9b}b",
        "*",
        "a?",
        "[",
        "-a",
        ".a",
        "..",
        "a\0b",
        &"x".repeat(129),
    ] {
        let arguments = args!["program" => name, "command" => "true", "start" => false];
        assert_eq!(supervisor.refusal("create", arguments).code, "bad-argument", "{name:?}");
    }
    for name in ["a b", "größe", "日本", "a]", "a-b.c", " ", "'", "\"", "%n", &"x".repeat(128)] {
        supervisor.call("create", args!["program" => name, "command" => "true", "start" => false]);
        assert_eq!(supervisor.rows(name).len(), 1, "{name:?}");
    }
    bystanders.check(&mut supervisor, 8);
}

#[test]
fn values_out_of_range_are_refused_and_those_at_the_edge_are_not() {
    let (mut supervisor, bystanders) = supervised();
    let edges: [(&str, &[i64], &[i64]); 9] = [
        ("instances", &[-1, 100_001, i64::MAX], &[0, 2]),
        ("nice", &[-21, 20, i64::MIN], &[-20, 19]),
        ("flap_max", &[-1, 1 << 32], &[0, (1 << 32) - 1]),
        ("give_up_after", &[-1, 1 << 32], &[0, (1 << 32) - 1]),
        ("restart_delay", &[-1, 315_360_001, i64::MAX], &[0, 315_360_000]),
        ("backoff_min", &[-1, i64::MIN], &[0]),
        ("stop_signal", &[0, -1, 65, 1000], &[1, 9, 64]),
        ("ionice", &[-1, 8], &[0, 7]),
        ("user", &[-1, 1 << 32], &[0]),
    ];
    for (name, bad, good) in edges {
        for value in bad {
            let refused =
                supervisor.refusal("create", args!["program" => "x", "command" => "x", name => *value]);
            assert_eq!(refused.code, "bad-argument", "{name} {value}");
            assert!(refused.sentence.contains(&format!("'{name}'")), "{refused:?}");
        }
        for value in good {
            let arguments = args!["program" => "x", "command" => "x", "start" => false, name => *value];
            supervisor.call("create", arguments);
            supervisor.call("remove", args!["program" => "x"]);
        }
    }
    for codes in [vec![Value::Int(256)], vec![Value::Int(-1)], vec![Value::from("0")]] {
        let arguments = args!["program" => "x", "command" => "x", "success_exit_codes" => codes];
        assert_eq!(supervisor.refusal("create", arguments).code, "bad-argument");
    }
    bystanders.check(&mut supervisor, 8);
}

/// What is refused changes nothing, also where other arguments of the request were right.
#[test]
fn a_refused_request_changes_nothing() {
    let (mut supervisor, bystanders) = supervised();
    let before = supervisor.call("status", args!["program" => PROGRAM]);
    let latest =
        |supervisor: &mut crate::common::Supervisor| supervisor.call("events", &[]).get("latest").cloned();
    let events = latest(&mut supervisor);
    let right_and_wrong = args!["program" => PROGRAM, "description" => "new", "instances" => 7, "nice" => 99];
    assert_eq!(supervisor.refusal("update", right_and_wrong).code, "bad-argument");
    let unknown = args!["program" => PROGRAM, "flap_max" => 1, "flap_min" => 1];
    assert_eq!(supervisor.refusal("update", unknown).code, "bad-argument");
    assert_eq!(
        supervisor.refusal("scale", args!["program" => PROGRAM, "instances" => 0, "wait" => 1]).code,
        "bad-argument"
    );
    let array = Value::Array(vec![Value::from(PROGRAM), Value::from("nobody")]);
    assert_eq!(supervisor.refusal("stop", args!["program" => array]).code, "no-such-program");
    assert_eq!(supervisor.refusal("shutdown", args!["timeout" => "never"]).code, "bad-argument");
    let after = supervisor.call("status", args!["program" => PROGRAM]);
    let settings = |reply: &Value| {
        let program = reply.get("programs").and_then(|programs| programs.get(PROGRAM)).unwrap();
        ["description", "command", "nice", "active"].map(|name| program.get(name).cloned())
    };
    assert_eq!(settings(&before), settings(&after));
    assert_eq!(latest(&mut supervisor), events, "and nothing is told");
    bystanders.check(&mut supervisor, 8);
}
