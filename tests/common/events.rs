//! Events as they come: by long polls of `events`, which miss nothing, or from the stream itself.

use super::client::Client;
use super::{DEADLINE, Row};
use crate::args;
use procnanny::wire::msgpack::decode;
use procnanny::wire::value::Value;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Where events come from, in order.
pub trait EventSource {
    /// The next event, if one comes within `time`.
    fn next_within(&mut self, time: Duration) -> Option<Value>;

    /// The next event that `wanted` chooses; others are passed over.
    #[track_caller]
    fn expect(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let begun = Instant::now();
        let mut passed = Vec::new();
        loop {
            match self.next_within(DEADLINE.saturating_sub(begun.elapsed())) {
                Some(event) if wanted(&event) => return event,
                Some(event) => passed.push(event),
                None => panic!("no event: {what}; passed over: {passed:#?}"),
            }
        }
    }

    /// The next edge of an instance.
    #[track_caller]
    fn next_edge(&mut self, program: &str, instance: i64) -> Value {
        self.expect(&format!("an edge of {program}/{instance}"), |event| is_edge_of(event, program, instance))
    }

    /// The next edges of an instance lead to exactly these states; they are returned.
    #[track_caller]
    fn expect_states(&mut self, program: &str, instance: i64, states: &[&str]) -> Vec<Row> {
        let mut edges: Vec<Row> = Vec::new();
        for state in states {
            let edge = Row::of(&self.next_edge(program, instance));
            edges.push(edge);
            let seen: Vec<&str> = edges.iter().map(|edge| edge.state.as_str()).collect();
            assert_eq!(seen.last(), Some(state), "{program}/{instance}: expected {states:?}, saw {seen:?}");
        }
        edges
    }

    /// Passes over edges of an instance until one leads to `state`.
    #[track_caller]
    fn until_state(&mut self, program: &str, instance: i64, state: &str) -> Row {
        Row::of(&self.expect(&format!("{program}/{instance} -> {state}"), |event| {
            is_edge_of(event, program, instance) && event.get("state").and_then(Value::text) == Some(state)
        }))
    }

    /// The next event with this `event` word, whatever it is about.
    #[track_caller]
    fn expect_event(&mut self, word: &str) -> Value {
        self.expect(word, |event| event.get("event").and_then(Value::text) == Some(word))
    }
}

fn is_edge_of(event: &Value, program: &str, instance: i64) -> bool {
    event.get("state").is_some()
        && event.get("program").and_then(Value::text) == Some(program)
        && event.get("instance").and_then(Value::as_i64) == Some(instance)
}

/// Events from the supervisor's memory, by long polls: every event after the moment this was made.
pub struct EventLog {
    client: Client,
    since: i64,
    held: VecDeque<Value>,
}

impl EventLog {
    /// Everything that happens from now on.
    pub fn from_now(mut client: Client) -> Self {
        let reply = client.call("events", args!["limit" => 1]);
        let since = reply.get("latest").and_then(Value::as_i64).unwrap();
        Self { client, since, held: VecDeque::new() }
    }

    /// Everything that is still held, and what happens from now on.
    pub fn from_the_oldest(client: Client) -> Self {
        Self { client, since: 0, held: VecDeque::new() }
    }
}

impl EventSource for EventLog {
    fn next_within(&mut self, time: Duration) -> Option<Value> {
        if self.held.is_empty() {
            let arguments = args!["since" => self.since, "timeout" => time.as_secs_f64()];
            let reply = self.client.call("events", arguments);
            self.held.extend(reply.get("events").and_then(Value::as_array).unwrap().iter().cloned());
            let latest = self.held.back().and_then(|event| event.get("seq")?.as_i64());
            self.since = latest.unwrap_or(self.since);
        }
        self.held.pop_front()
    }
}

/// Events from the stream: a SUB socket.
pub struct Subscriber {
    socket: zmq::Socket,
}

impl Subscriber {
    /// Subscribes to topics, and returns when the supervisor knows of it: events from then on are all received.
    pub fn connect(endpoint: &str, topics: &[&str], client: &mut Client) -> Self {
        let subscriber = Self::connect_unknown(endpoint, topics);
        subscriber.wait_until_known(topics, client);
        subscriber
    }

    /// Subscribes to topics, and does not wait until the supervisor knows.
    pub fn connect_unknown(endpoint: &str, topics: &[&str]) -> Self {
        let socket = zmq::Context::new().socket(zmq::SUB).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_reconnect_ivl(10).unwrap();
        for topic in topics {
            socket.set_subscribe(topic.as_bytes()).unwrap();
        }
        socket.connect(endpoint).unwrap();
        Self { socket }
    }

    /// The socket.
    pub fn socket(&self) -> &zmq::Socket {
        &self.socket
    }

    /// The next event with its topic, if one comes within `time`.
    pub fn next_with_topic(&self, time: Duration) -> Option<(String, Value)> {
        let millis = i64::try_from(time.as_millis()).unwrap();
        if self.socket.poll(zmq::POLLIN, millis).unwrap() == 0 {
            return None;
        }
        let frames = self.socket.recv_multipart(0).unwrap();
        let [topic, event] = frames.as_slice() else { panic!("an event has two frames: {frames:?}") };
        Some((String::from_utf8(topic.clone()).unwrap(), decode(event).unwrap()))
    }

    /// Subscriptions are not acknowledged: changes a program without instances until its events arrive.
    fn wait_until_known(&self, topics: &[&str], client: &mut Client) {
        const PROBE: &str = "subscription probe";
        let word_of = |event: &Value| event.get("event").and_then(Value::text).map(str::to_string);
        self.socket.set_subscribe(b"supervisor").unwrap();
        client.call("create", args!["program" => PROBE, "command" => "true", "instances" => 0]);
        let begun = Instant::now();
        let mut round = 0;
        while self.next_with_topic(Duration::from_millis(20)).is_none() {
            assert!(begun.elapsed() < DEADLINE, "the subscription does not get through");
            round += 1;
            client.call("update", args!["program" => PROBE, "description" => format!("round {round}")]);
        }
        client.call("remove", args!["program" => PROBE]);
        while self.next_with_topic(DEADLINE).and_then(|(_, event)| word_of(&event)).unwrap() != "removed" {}
        // Subscriptions are counted: this takes away ours, and leaves one that was asked for.
        self.socket.set_unsubscribe(b"supervisor").unwrap();
        assert!(!topics.is_empty(), "a subscriber has at least one topic");
    }
}

impl EventSource for Subscriber {
    fn next_within(&mut self, time: Duration) -> Option<Value> {
        self.next_with_topic(time).map(|(_, event)| event)
    }
}
