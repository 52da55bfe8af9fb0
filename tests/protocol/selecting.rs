//! Selecting: names, PROGRAM/INSTANCE, globs, arrays of those, and numbers of instances.

use crate::args;
use crate::common::{Row, Supervisor, eventually_true, shell, sleeper, strings};
use procnanny::wire::value::Value;

/// `db` × 1, `web` × 3 and `web 2` × 2, none of them running.
fn three_programs() -> Supervisor {
    let mut supervisor = Supervisor::start();
    for (name, instances) in [("web", 3), ("web 2", 2), ("db", 1)] {
        supervisor.create(name, &sleeper().with("instances", instances).with("start", false));
    }
    supervisor
}

fn places(rows: &[Row]) -> String {
    let places: Vec<String> = rows.iter().map(|row| format!("{}/{}", row.program, row.instance)).collect();
    places.join(" ")
}

/// What is selected, or the code of the refusal.
#[track_caller]
fn selected(supervisor: &mut Supervisor, method: &str, arguments: &[(&str, Value)]) -> String {
    let reply = supervisor.client().ask(method, arguments);
    let key = if method == "list" { "instances" } else { "results" };
    match reply.get("code").and_then(Value::text) {
        Some(code) => code.to_string(),
        None => places(&crate::common::client::rows(&reply, key)),
    }
}

const EVERYTHING: &str = "db/0 web/0 web/1 web/2 web 2/0 web 2/1";

fn numbers(numbers: &[i64]) -> Value {
    Value::Array(numbers.iter().map(|number| Value::Int(*number)).collect())
}

#[test]
fn names_globs_and_arrays_select_the_same_for_all_methods() {
    let mut supervisor = three_programs();
    let cases = [
        (Value::from("web"), "web/0 web/1 web/2"),
        (Value::from("web 2"), "web 2/0 web 2/1"),
        (Value::from("web/1"), "web/1"),
        (Value::from("web/*"), "web/0 web/1 web/2"),
        (Value::from("web 2/1"), "web 2/1"),
        (Value::from("web*"), "web/0 web/1 web/2 web 2/0 web 2/1"),
        (Value::from("web*/1"), "web/1 web 2/1"),
        (Value::from("*/2"), "web/2"),
        (Value::from("*"), EVERYTHING),
        (Value::from("?b"), "db/0"),
        (Value::from("[!d]*"), "web/0 web/1 web/2 web 2/0 web 2/1"),
        (Value::from("[d-e]?"), "db/0"),
        (strings(&["web/2", "db", "web/0", "web/2", "d*"]), "db/0 web/0 web/2"),
        (strings(&["web 2", "web 2/0"]), "web 2/0 web 2/1"),
    ];
    for (program, expected) in cases {
        // Both change nothing here, so that the cases do not depend on each other.
        for method in ["list", "kill"] {
            assert_eq!(
                selected(&mut supervisor, method, args!["program" => program.clone()]),
                expected,
                "{method} {program:?}"
            );
        }
    }
    assert_eq!(selected(&mut supervisor, "list", &[]), EVERYTHING);
}

#[test]
fn numbers_of_instances_hold_for_all_that_is_named_without_one() {
    let mut supervisor = three_programs();
    let cases = [
        (Value::from("web"), Value::Int(1), "web/1"),
        (Value::from("web"), numbers(&[2, 0, 2]), "web/0 web/2"),
        (Value::from("web*"), numbers(&[1]), "web/1 web 2/1"),
        (Value::from("web*"), numbers(&[2, 7]), "web/2"),
        (strings(&["web", "web 2/0"]), Value::Int(1), "web/1 web 2/0"),
        (strings(&["web", "db"]), numbers(&[0]), "db/0 web/0"),
        (Value::from("web"), Value::Int(3), "no-such-instance"),
        (Value::from("web"), numbers(&[0, 3]), "no-such-instance"),
        (strings(&["web", "db"]), Value::Int(1), "no-such-instance"),
        (Value::from("web/3"), Value::Nil, "no-such-instance"),
        (Value::from("web/4294967295"), Value::Nil, "no-such-instance"),
        (Value::from("web/4294967296"), Value::Nil, "no-such-program"),
    ];
    for (program, instance, expected) in cases {
        for method in ["list", "kill"] {
            let arguments = args!["program" => program.clone(), "instance" => instance.clone()];
            assert_eq!(
                selected(&mut supervisor, method, arguments),
                expected,
                "{method} {program:?} {instance:?}"
            );
        }
    }
    assert_eq!(selected(&mut supervisor, "list", args!["instance" => 1]), "web/1 web 2/1");
}

#[test]
fn a_name_has_to_exist_and_a_glob_only_for_commands() {
    let mut supervisor = three_programs();
    let mut expect = |program: Value, reading: &str, commanding: &str| {
        for method in ["list", "start", "stop", "kill", "reset", "once", "restart"] {
            let expected = if method == "list" { reading } else { commanding };
            assert_eq!(
                selected(&mut supervisor, method, args!["program" => program.clone()]),
                expected,
                "{method} {program:?}"
            );
        }
    };
    expect(Value::from("we"), "no-such-program", "no-such-program");
    expect(strings(&["web", "nothing"]), "no-such-program", "no-such-program");
    expect(Value::from("x*"), "", "no-such-program");
    expect(strings(&["x*", "we"]), "no-such-program", "no-such-program");
    // Nothing was begun for those that were right.
    assert!(supervisor.rows("*").iter().all(|row| row.state == "new" && row.start_count == 0));

    let wait = args!["program" => "x*", "state" => "running"];
    assert_eq!(selected(&mut supervisor, "wait", wait), "", "nothing to wait for");
    let status = supervisor.call("status", args!["program" => "x*"]);
    assert_eq!(status.get("programs"), Some(&Value::Map(vec![])));
}

#[test]
fn what_is_no_selection_is_refused() {
    let mut supervisor = three_programs();
    let bad_programs = [
        Value::Int(1),
        Value::Bool(true),
        Value::from(""),
        Value::Array(vec![]),
        Value::Array(vec![Value::from("web"), Value::Int(1)]),
        Value::Array(vec![strings(&["web"])]),
        Value::from("x".repeat(257)),
        strings(&["web"; 1001]),
        strings(&["*"; 33]),
        Value::from("web\0"),
    ];
    for program in bad_programs {
        assert_eq!(
            selected(&mut supervisor, "list", args!["program" => program.clone()]),
            "bad-argument",
            "{program:?}"
        );
    }
    let bad_instances = [
        Value::Int(-1),
        Value::Int(1 << 32),
        Value::Uint(u64::MAX),
        Value::Float(1.0),
        Value::from("1"),
        Value::Array(vec![]),
        Value::Array(vec![Value::Int(0), Value::Nil]),
        numbers(&vec![0; 100_001]),
    ];
    for instance in bad_instances {
        let arguments = args!["program" => "web", "instance" => instance];
        assert_eq!(selected(&mut supervisor, "list", arguments), "bad-argument");
    }
    assert_eq!(
        selected(&mut supervisor, "list", args!["program" => strings(&["web"; 1000])]),
        "web/0 web/1 web/2"
    );
    let many = args!["program" => "web", "instance" => numbers(&vec![0; 100_000])];
    assert_eq!(selected(&mut supervisor, "list", many), "web/0");
}

/// What a request may name is bounded, and so is what it may cost: others are not held up.
#[test]
fn the_largest_selections_are_answered_in_time() {
    let mut supervisor = Supervisor::start();
    for number in 0..20 {
        let settings = sleeper().with("start", false).with("instances", 10);
        supervisor.create(&format!("program {number}"), &settings);
    }
    let all_numbers = numbers(&(0..100_000).collect::<Vec<_>>());
    let globs = args!["program" => strings(&["p*"; 32]), "instance" => all_numbers];
    assert_eq!(supervisor.client().list(globs).len(), 200);
    let names: Vec<String> =
        (0..1000).map(|number| format!("program {}/{}", number % 20, number % 10)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(supervisor.client().list(args!["program" => strings(&names)]).len(), 20);
}

#[test]
fn what_is_being_removed_can_be_ended_and_not_started() {
    let mut supervisor = Supervisor::start();
    let stubborn = shell("trap '' TERM; while :; do sleep 1; done").with("minimum_run_duration", 0);
    supervisor.create_running("web", &stubborn);
    // As soon as it heeds no signal.
    let pid = supervisor.row("web", 0).pid;
    eventually_true("it ignores TERM", || crate::common::proc::signal_mask(pid, "SigIgn") & (1 << 14) != 0);
    supervisor.command("remove", args!["program" => "web", "force" => true]);

    for method in ["start", "restart", "once", "reset"] {
        assert_eq!(selected(&mut supervisor, method, args!["program" => "web"]), "busy", "{method}");
        assert_eq!(
            selected(&mut supervisor, method, args!["program" => "w*"]),
            "no-such-program",
            "{method}"
        );
    }
    assert_eq!(selected(&mut supervisor, "scale", args!["program" => "web", "instances" => 2]), "busy");
    assert_eq!(selected(&mut supervisor, "update", args!["program" => "web", "nice" => 1]), "busy");
    assert_eq!(supervisor.create_refused("web", &stubborn).code, "exists");
    assert_eq!(selected(&mut supervisor, "list", args!["program" => "web"]), "web/0");
    assert_eq!(selected(&mut supervisor, "stop", args!["program" => "w*"]), "web/0");
    let arguments = args!["program" => "web", "wait" => true];
    assert_eq!(selected(&mut supervisor, "kill", arguments), "web/0");
    eventually_true("it is gone", || {
        selected(&mut supervisor, "list", args!["program" => "web"]) == "no-such-program"
    });
}
