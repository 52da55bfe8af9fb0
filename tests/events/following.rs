//! Topics, gaps, and how a subscriber that missed something finds it.

use crate::args;
use crate::common::{DEADLINE, Subscriber, Supervisor, eventually_true, sleeper};
use crate::wire::{array, integer, text};
use procnanny::wire::value::Value;
use std::collections::BTreeSet;
use std::time::Duration;

fn topics(stream: &Subscriber, count: usize) -> BTreeSet<String> {
    (0..count).map(|_| stream.next_with_topic(DEADLINE).expect("an event").0).collect()
}

fn set(topics: &[&str]) -> BTreeSet<String> {
    topics.iter().map(|topic| (*topic).to_string()).collect()
}

#[test]
fn topics_are_subscribed_to_by_how_they_begin() {
    let mut supervisor = Supervisor::start();
    for name in ["web", "web 2", "db"] {
        supervisor.create(name, &sleeper().with("start", false).with("instances", 2));
    }
    let one_instance = supervisor.subscriber(&["state/web/1"]);
    let one_program = supervisor.subscriber(&["state/web/"]);
    let by_prefix = supervisor.subscriber(&["state/web"]);
    let two = supervisor.subscriber(&["state/db/0", "admin/"]);
    supervisor.command("transition", args!["program" => "*", "state" => "backoff"]);
    supervisor.command("once", args!["program" => "db/1", "wait" => true]);
    supervisor.command("start", args!["program" => "db/1", "wait" => true]);
    assert_eq!(topics(&one_instance, 1), set(&["state/web/1"]));
    assert_eq!(topics(&one_program, 2), set(&["state/web/0", "state/web/1"]));
    assert_eq!(topics(&by_prefix, 4), set(&["state/web/0", "state/web/1", "state/web 2/0", "state/web 2/1"]));
    assert_eq!(topics(&two, 2), set(&["state/db/0", "admin/db/1"]));
}

#[test]
fn the_stream_and_the_memory_tell_the_same() {
    let mut supervisor = Supervisor::start();
    let stream = supervisor.subscriber(&[""]);
    let before = integer(&supervisor.call("events", args!["limit" => 1]), "latest");
    supervisor.create_running("web", &sleeper().with("instances", 3));
    supervisor.do_and_wait("restart", "web");
    supervisor.call("update", args!["program" => "web", "description" => "x"]);
    supervisor.call("remove", args!["program" => "web", "force" => true, "wait" => true]);
    let reply = supervisor.call("events", args!["since" => before]);
    let held = array(&reply, "events");
    assert!(held.len() > 15);
    for event in held {
        let (_, streamed) = stream.next_with_topic(DEADLINE).expect("as many events");
        assert_eq!(&streamed, event);
    }
    assert!(stream.next_with_topic(Duration::ZERO).is_none());
}

/// A subscriber that does not read misses what there is no room for. It sees that by `seq`, and asks for the rest.
#[test]
fn who_misses_events_sees_the_gap_and_finds_them() {
    const INSTANCES: i64 = 1500;
    let mut supervisor = Supervisor::start();
    let long_name = "x".repeat(128);
    let settings = sleeper().with("start", false).with("instances", INSTANCES).with("backoff_min", 300);
    supervisor.create(&long_name, &settings.with("backoff_max", 300));
    let slow = Subscriber::connect_unknown(&supervisor.endpoint("events"), &[]);
    slow.socket().set_rcvhwm(1).unwrap();
    slow.socket().set_rcvbuf(4096).unwrap();
    // These hold for connections from now on.
    slow.socket().disconnect(&supervisor.endpoint("events")).unwrap();
    slow.socket().connect(&supervisor.endpoint("events")).unwrap();
    slow.socket().set_subscribe(b"").unwrap();
    eventually_true("the subscription has arrived", || {
        supervisor.call("update", args!["program" => long_name.as_str(), "description" => "x"]);
        slow.socket().poll(zmq::POLLIN, 0).unwrap() > 0
    });
    let mut last = integer(&slow.next_with_topic(DEADLINE).unwrap().1, "seq");
    for state in ["backoff", "failed", "backoff"] {
        supervisor.command("transition", args!["program" => long_name.as_str(), "state" => state]);
    }
    // A last event, so that there is one after the gap.
    let gap = loop {
        match slow.next_with_topic(Duration::from_millis(100)) {
            Some((_, event)) if integer(&event, "seq") == last + 1 => last += 1,
            Some((_, event)) => break integer(&event, "seq"),
            None => {
                supervisor.call("update", args!["program" => long_name.as_str(), "description" => "x"]);
            }
        }
    };
    assert!(gap > last + 1, "{gap} after {last}");
    let reply = supervisor.call("events", args!["since" => last, "limit" => 10_000]);
    let found: Vec<i64> = array(&reply, "events").iter().map(|event| integer(event, "seq")).collect();
    let from = (last + 1).max(integer(&reply, "oldest"));
    assert_eq!(found, (from..=integer(&reply, "latest")).collect::<Vec<_>>());
    assert!(found.contains(&(gap - 1)), "what was missed is there");
}

#[test]
fn who_comes_back_finds_what_happened_meanwhile() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let first = supervisor.subscriber(&["state/"]);
    supervisor.command("transition", args!["program" => "web", "state" => "failed"]);
    let (_, event) = first.next_with_topic(DEADLINE).expect("an event");
    let (seq, run) = (integer(&event, "seq"), text(&event, "run").to_string());
    drop(first);
    supervisor.command("transition", args!["program" => "web", "state" => "exited"]);
    let _second = supervisor.subscriber(&["state/"]);
    let reply = supervisor.call("events", args!["since" => seq, "run" => run]);
    let missed = array(&reply, "events");
    assert_eq!(missed.first().and_then(|event| event.get("seq")), Some(&Value::Int(seq + 1)));
    assert_eq!(text(&missed[0], "state"), "exited");
}
