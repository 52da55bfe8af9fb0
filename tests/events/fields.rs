//! The fields of every kind of event, type by type.

use crate::args;
use crate::common::{DEADLINE, EventSource, Subscriber, Supervisor, shell, sleeper};
use crate::wire::{integer, text};
use procnanny::wire::value::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// Names and types of the entries of a map, in order of their names.
fn types(event: &Value) -> Vec<(&str, &str)> {
    let entries = event.as_map().expect("an event is a map");
    let mut types: Vec<(&str, &str)> =
        entries.iter().map(|(name, value)| (name.text().unwrap(), value.type_name())).collect();
    types.sort_unstable();
    types
}

/// The types that all events have, and these.
fn common_and(own: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let common = [("event", "string"), ("time", "float"), ("seq", "integer"), ("run", "string")];
    let mut types = [&common[..], own].concat();
    types.sort_unstable();
    types
}

/// The next event under a topic.
#[track_caller]
fn next_of(subscriber: &Subscriber, topic: &str, word: &str) -> Value {
    loop {
        let (found, event) =
            subscriber.next_with_topic(DEADLINE).unwrap_or_else(|| panic!("no {word} of {topic}"));
        if found == topic && text(&event, "event") == word {
            return event;
        }
    }
}

#[test]
fn an_edge_is_told_with_what_is_true_after_it() {
    let mut supervisor = Supervisor::start();
    let stream = supervisor.subscriber(&["state/"]);
    let run = text(&supervisor.call("info", &[]), "run").to_string();
    supervisor.create_running("hello world", &sleeper());
    let state_types = |reason, cause, asked_by| {
        common_and(&[
            ("program", "string"),
            ("instance", "integer"),
            ("from", "string"),
            ("state", "string"),
            ("admin_state", "string"),
            ("pid", "integer"),
            ("exitcode", "integer"),
            ("exitsignal", "integer"),
            ("duration", "float"),
            ("start_count", "integer"),
            ("flap_count", "integer"),
            ("reason", reason),
            ("cause", cause),
            ("asked_by", asked_by),
        ])
    };
    let starting = next_of(&stream, "state/hello world/0", "starting");
    assert_eq!(types(&starting), state_types("nil", "nil", "map"));
    assert_eq!((text(&starting, "from"), text(&starting, "state")), ("new", "starting"));
    assert_eq!((text(&starting, "program"), integer(&starting, "instance")), ("hello world", 0));
    assert_eq!((text(&starting, "admin_state"), text(&starting, "run")), ("up", run.as_str()));
    assert_eq!(integer(&starting, "start_count"), 1);
    let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
        - starting.get("time").and_then(Value::as_f64).unwrap();
    assert!((0.0..60.0).contains(&age), "{age}");

    let running = next_of(&stream, "state/hello world/0", "running");
    assert_eq!(text(&running, "from"), "starting");
    let pid = supervisor.row("hello world", 0).pid;
    assert_eq!(integer(&running, "pid"), i64::from(pid));

    supervisor.command("signal", args!["program" => "hello world", "signal" => "KILL"]);
    let exited = next_of(&stream, "state/hello world/0", "exited");
    assert_eq!(types(&exited), state_types("string", "string", "map"));
    assert_eq!(
        (integer(&exited, "exitcode"), integer(&exited, "exitsignal"), integer(&exited, "pid")),
        (-1, 9, 0)
    );
    assert_eq!(text(&exited, "cause"), "signal");
    assert!(text(&exited, "reason").starts_with("killed by signal 9 (KILL) after"));
    let ran = exited.get("duration").and_then(Value::as_f64).unwrap();
    let again = next_of(&stream, "state/hello world/0", "starting");
    assert!(
        ran > 0.0 && again.get("duration").and_then(Value::as_f64).unwrap() < ran,
        "that of the run it ended"
    );
    assert_eq!((text(&again, "from"), integer(&again, "start_count")), ("exited", 2));
}

#[test]
fn a_change_of_what_is_wanted_without_an_edge_is_told_too() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let stream = supervisor.subscriber(&["admin/"]);
    supervisor.command("once", args!["program" => "web"]);
    supervisor.command("once", args!["program" => "web"]);
    supervisor.command("start", args!["program" => "web"]);
    let mut changes = Vec::new();
    for _ in 0..2 {
        let event = next_of(&stream, "admin/web/0", "admin");
        let own =
            [("program", "string"), ("instance", "integer"), ("from", "string"), ("admin_state", "string")];
        assert_eq!(types(&event), common_and(&own));
        assert_eq!((text(&event, "program"), integer(&event, "instance")), ("web", 0));
        changes.push(format!("{} -> {}", text(&event, "from"), text(&event, "admin_state")));
    }
    assert_eq!(changes, ["up -> once", "once -> up"]);
}

#[test]
fn a_delay_that_begins_anew_is_an_edge_to_itself() {
    let mut supervisor = Supervisor::start();
    supervisor
        .create("web", &sleeper().with("start", false).with("backoff_min", 100).with("backoff_max", 100));
    let stream = supervisor.subscriber(&["state/web/"]);
    for from in ["new", "backoff"] {
        supervisor.command("transition", args!["program" => "web", "state" => "backoff"]);
        let event = next_of(&stream, "state/web/0", "backoff");
        assert_eq!((text(&event, "from"), text(&event, "state")), (from, "backoff"));
    }
}

#[test]
fn what_becomes_of_programs_is_told() {
    let mut supervisor = Supervisor::start();
    let stream = supervisor.subscriber(&["supervisor"]);
    supervisor.create("web", &sleeper().with("start", false));
    supervisor.call("update", args!["program" => "web", "flap_max" => 1]);
    supervisor.command("scale", args!["program" => "web", "instances" => 3]);
    supervisor.command("remove", args!["program" => "web"]);
    for (word, own) in [
        ("created", &[("program", "string")][..]),
        ("updated", &[("program", "string")]),
        ("scaled", &[("program", "string"), ("instances", "integer")]),
        ("removed", &[("program", "string")]),
    ] {
        let event = next_of(&stream, "supervisor", word);
        assert_eq!(types(&event), common_and(own));
        assert_eq!(text(&event, "program"), "web");
        assert!(word != "scaled" || integer(&event, "instances") == 3);
    }
}

#[test]
fn a_rolling_restart_that_halts_is_told() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 2));
    let stream = supervisor.subscriber(&["supervisor"]);
    supervisor.call("update", args!["program" => "web", "command" => "/nonexistent/x", "restart" => true]);
    let event = next_of(&stream, "supervisor", "restart_halted");
    assert_eq!(types(&event), common_and(&[("program", "string"), ("instance", "integer")]));
    assert_eq!((text(&event, "program"), integer(&event, "instance")), ("web", 0));
    assert_eq!(supervisor.row("web", 1).state, "running", "the others are left as they are");
}

#[test]
fn the_first_and_the_last_event_are_of_the_supervisor() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let events = supervisor.call("events", args!["limit" => 1]);
    let first = &events.get("events").and_then(Value::as_array).unwrap()[0];
    assert_eq!(types(first), common_and(&[]));
    assert_eq!((text(first, "event"), integer(first, "seq")), ("started", 1));

    let mut stream = supervisor.subscriber(&[""]);
    supervisor.call("shutdown", &[]);
    let stopping = stream.expect_event("stopping");
    assert_eq!(types(&stopping), common_and(&[]));
    stream.until_state("web", 0, "exited");
}

#[test]
fn flaps_are_counted_in_events() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let settings = shell("exit 4").with("flap_max", 1).with("backoff_min", 0.02).with("give_up_after", 3);
    supervisor.create("web", &settings);
    let states = ["starting", "exited", "starting", "backoff", "starting", "failed"];
    let edges = events.expect_states("web", 0, &states);
    let flaps: Vec<i64> = edges.iter().map(|edge| edge.flap_count).collect();
    assert_eq!(flaps, [0, 1, 1, 2, 2, 3]);
    assert!(edges[5].reason().starts_with("held after 3 flaps in a row: exited with code 4"));
    assert!(edges[1..].iter().all(|edge| edge.exitcode == 4));
}
