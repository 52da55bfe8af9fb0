//! What a subscriber may cost: who wants more is disconnected, alone, and that is an event.

use crate::args;
use crate::common::{EventSource, Supervisor, eventually_true, sleeper};
use crate::wire::{Bystanders, array, text};

/// A subscriber without bounds of its own, which does not come back when it is disconnected.
struct Greedy {
    socket: zmq::Socket,
}

impl Greedy {
    fn connect(supervisor: &Supervisor) -> Self {
        let socket = zmq::Context::new().socket(zmq::SUB).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_reconnect_ivl(-1).unwrap();
        socket.set_sndhwm(0).unwrap();
        socket.connect(&supervisor.endpoint("events")).unwrap();
        Self { socket }
    }

    fn subscribe(&mut self, topics: impl IntoIterator<Item = String>) {
        for topic in topics {
            self.socket.set_subscribe(topic.as_bytes()).unwrap();
        }
    }
}

/// A subscriber that asks for too much is dropped, and another is served as before.
#[track_caller]
fn is_dropped(topics: impl IntoIterator<Item = String>) {
    let mut supervisor = Supervisor::start();
    let bystanders = Bystanders::of(&mut supervisor);
    let mut modest = supervisor.subscriber(&["supervisor"]);
    let mut greedy = Greedy::connect(&supervisor);
    greedy.subscribe(topics);
    let event = modest.expect_event("subscriber_dropped");
    assert_eq!(text(&event, "endpoint"), supervisor.endpoint("events"));
    assert_eq!(event.as_map().unwrap().len(), 5, "nothing else: {event:?}");

    supervisor.call("create", args!["program" => "after", "command" => "true", "instances" => 0]);
    modest.expect_event("created");
    bystanders.check(&mut supervisor, 8);
    assert_eq!(greedy.socket.poll(zmq::POLLIN, 0).unwrap(), 0, "it gets nothing any more");
}

#[test]
fn a_subscriber_to_a_hundred_thousand_topics_is_dropped() {
    is_dropped((0..100_000).map(|number| format!("state/program {number}/")));
}

#[test]
fn a_subscriber_to_a_very_long_topic_is_dropped() {
    is_dropped(["x".repeat(4000)]);
}

#[test]
fn one_byte_and_one_topic_too_many_are_too_many() {
    is_dropped(["x".repeat(257)]);
    is_dropped((0..=1000).map(|number| number.to_string()));
}

/// Both what it may have and what took its place are there, and nothing is counted twice.
#[test]
fn what_a_subscriber_may_have_it_keeps() {
    const MAX: usize = 1000;
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let mut stream = Greedy::connect(&supervisor);
    let mut arrives = |stream: &Greedy| {
        eventually_true("the last subscription arrives", || {
            supervisor.call("update", args!["program" => "web", "description" => "x"]);
            stream.socket.poll(zmq::POLLIN, 5).unwrap() > 0
        });
        while stream.socket.poll(zmq::POLLIN, 0).unwrap() > 0 {
            stream.socket.recv_multipart(0).unwrap();
        }
    };
    let mut topics: Vec<String> = (0..MAX - 2).map(|number| format!("state/{number}/")).collect();
    topics.extend(["x".repeat(256), "supervisor".to_string()]);
    stream.subscribe(topics.clone());
    arrives(&stream);
    for topic in &topics {
        stream.socket.set_unsubscribe(topic.as_bytes()).unwrap();
    }
    stream.subscribe((1..MAX).map(|number| format!("admin/{number}/")).chain(["supervisor".to_string()]));
    arrives(&stream);
    let reply = supervisor.call("events", args!["limit" => 10_000]);
    assert_eq!(
        array(&reply, "events").iter().find(|event| text(event, "event") == "subscriber_dropped"),
        None
    );
}

#[test]
fn a_subscriber_that_never_reads_costs_a_bounded_amount() {
    const EDGES: usize = 50_000;
    const INSTANCES: i64 = 500;
    let mut supervisor = Supervisor::start();
    let bystanders = Bystanders::of(&mut supervisor);
    let name = "x".repeat(128);
    supervisor.create(&name, &sleeper().with("start", false).with("instances", INSTANCES));
    let lazy = supervisor.subscriber(&["state/"]);
    for round in 0..EDGES / 500 {
        let state = ["failed", "exited"][round % 2];
        supervisor.command("transition", args!["program" => name.as_str(), "state" => state]);
    }
    drop(lazy);
    bystanders.check(&mut supervisor, 8);
}
