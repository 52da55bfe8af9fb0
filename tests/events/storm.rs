//! A storm of edges, and a subscriber that does not keep up with it: it has each event exactly once, for it asks for what
//! it has missed.

use crate::args;
use crate::common::{Launcher, Subscriber, Supervisor, sleeper};
use crate::wire::{array, integer};
use std::time::Duration;

/// How many edges there are at the least.
const EDGES: i64 = 10_000;
/// Of how many instances.
const INSTANCES: i64 = 250;

/// A subscriber with a tiny queue, and the events that it has.
struct Follower {
    stream: Subscriber,
    /// The number of the latest event that it has.
    last: i64,
    /// Numbers, in the order in which they came to it.
    had: Vec<i64>,
    /// How often it had to ask.
    gaps: usize,
}

impl Follower {
    fn of(supervisor: &Supervisor) -> Self {
        let stream = Subscriber::connect_unknown(&supervisor.endpoint("events"), &[]);
        stream.socket().set_rcvhwm(2).unwrap();
        stream.socket().set_rcvbuf(4096).unwrap();
        // These hold for connections from now on.
        stream.socket().disconnect(&supervisor.endpoint("events")).unwrap();
        stream.socket().connect(&supervisor.endpoint("events")).unwrap();
        stream.socket().set_subscribe(b"").unwrap();
        Self { stream, last: 0, had: Vec::new(), gaps: 0 }
    }

    /// Takes at most so many events from the stream, and asks for those that are missing before one.
    fn take(&mut self, supervisor: &mut Supervisor, most: usize, wait: Duration) {
        for _ in 0..most {
            let Some((_, event)) = self.stream.next_with_topic(wait) else { return };
            let seq = integer(&event, "seq");
            if seq > self.last + 1 {
                self.gaps += 1;
                self.ask(supervisor, seq - 1);
            }
            // What was asked for comes over the stream too, where it was still on its way.
            if seq == self.last + 1 {
                self.have(seq);
            }
        }
    }

    /// Asks for all events up to one.
    fn ask(&mut self, supervisor: &mut Supervisor, up_to: i64) {
        while self.last < up_to {
            let reply = supervisor.call("events", args!["since" => self.last, "limit" => 1000]);
            let found = array(&reply, "events");
            assert!(!found.is_empty() && integer(&reply, "oldest") <= self.last + 1, "{}", self.last);
            found.iter().for_each(|event| self.have(integer(event, "seq")));
        }
    }

    fn have(&mut self, seq: i64) {
        self.had.push(seq);
        self.last = seq;
    }
}

#[test]
fn ten_thousand_edges_come_once_each_to_a_subscriber_that_stalls() {
    let mut supervisor = Launcher::new().configuration("[supervisor]\nevent_history = 20000\n").start();
    let mut follower = Follower::of(&supervisor);
    let settings = sleeper().with("start", false).with("instances", INSTANCES);
    supervisor.create("many", &settings);
    // Any numbers will do that are not the same: how much it takes between its stalls.
    let mut random = 4711_u32;
    for round in 0..=EDGES / INSTANCES {
        let state = ["failed", "exited"][usize::try_from(round % 2).unwrap()];
        supervisor.command("transition", args!["program" => "many", "state" => state]);
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        follower.take(&mut supervisor, usize::try_from(random >> 24).unwrap(), Duration::ZERO);
    }
    let latest = integer(&supervisor.call("events", args!["limit" => 1]), "latest");
    assert!(latest >= EDGES, "{latest} events");
    follower.take(&mut supervisor, usize::MAX, Duration::from_millis(200));
    follower.ask(&mut supervisor, latest);
    assert_eq!(follower.had, (1..=latest).collect::<Vec<_>>());
    assert!(follower.gaps > 0, "it has missed some");
}
