//! The memory of events: `events` with all its arguments.

use crate::args;
use crate::common::{DEADLINE, Supervisor, sleeper};
use crate::wire::{array, integer, text};
use procnanny::wire::value::Value;
use std::time::{Duration, Instant};

/// How many events the supervisor holds.
const HELD: i64 = 4096;

fn numbers(reply: &Value) -> Vec<i64> {
    array(reply, "events").iter().map(|event| integer(event, "seq")).collect()
}

/// Makes at least so many events happen, fast: edges between states that have no process.
#[track_caller]
fn make_events(supervisor: &mut Supervisor, count: i64) {
    const INSTANCES: i64 = 500;
    supervisor.create("many", &sleeper().with("start", false).with("instances", INSTANCES));
    for round in 0..=count / INSTANCES {
        let state = ["failed", "exited"][usize::try_from(round % 2).unwrap()];
        supervisor.command("transition", args!["program" => "many", "state" => state]);
    }
}

#[test]
fn numbers_have_no_gap_and_since_is_exclusive() {
    let mut supervisor = Supervisor::start();
    make_events(&mut supervisor, 1000);
    let all = supervisor.call("events", args!["limit" => 10_000]);
    let latest = integer(&all, "latest");
    assert!(latest > 1000 && integer(&all, "oldest") == 1);
    assert_eq!(numbers(&all), (1..=latest).collect::<Vec<_>>());
    let rest = supervisor.call("events", args!["since" => latest - 3]);
    assert_eq!(numbers(&rest), [latest - 2, latest - 1, latest]);
    for since in [latest, latest + 1000, i64::MAX] {
        assert!(numbers(&supervisor.call("events", args!["since" => since])).is_empty());
    }
}

#[test]
fn the_number_of_events_in_a_reply_is_limited() {
    let mut supervisor = Supervisor::start();
    make_events(&mut supervisor, 1500);
    assert_eq!(numbers(&supervisor.call("events", &[])), (1..=1000).collect::<Vec<_>>(), "by default");
    let few = supervisor.call("events", args!["since" => 10, "limit" => 3]);
    assert_eq!(numbers(&few), [11, 12, 13]);
    assert!(integer(&few, "latest") > 1500);
    for limit in [0, -1, 10_001] {
        assert_eq!(supervisor.refusal("events", args!["limit" => limit]).code, "bad-argument");
    }
    for since in [Value::Int(-1), Value::Uint(u64::MAX), Value::Float(1.0), Value::from("1")] {
        assert_eq!(supervisor.refusal("events", args!["since" => since]).code, "bad-argument");
    }
}

#[test]
fn the_oldest_are_forgotten_and_that_is_told() {
    let mut supervisor = Supervisor::start();
    make_events(&mut supervisor, HELD + 1000);
    let all = supervisor.call("events", args!["limit" => 10_000]);
    let (oldest, latest) = (integer(&all, "oldest"), integer(&all, "latest"));
    assert!(oldest > 1);
    assert_eq!(latest - oldest + 1, HELD);
    assert_eq!(numbers(&all), (oldest..=latest).collect::<Vec<_>>());
    let forgotten = supervisor.call("events", args!["since" => 1, "limit" => 1]);
    assert_eq!(numbers(&forgotten), [oldest], "a gap that who asks can see");
}

#[test]
fn of_another_run_every_event_is_new() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let reply = supervisor.call("events", &[]);
    let (run, latest) = (text(&reply, "run").to_string(), integer(&reply, "latest"));
    let same = supervisor.call("events", args!["since" => latest, "run" => run.as_str()]);
    assert!(numbers(&same).is_empty());
    for other in ["", "another", &run[1..]] {
        let reply =
            supervisor.call("events", args!["since" => latest + 100, "run" => other, "timeout" => 60]);
        assert_eq!(numbers(&reply), (1..=latest).collect::<Vec<_>>(), "at once, from the oldest");
        assert_eq!(text(&reply, "run"), run);
    }
    assert_eq!(supervisor.refusal("events", args!["run" => 1]).code, "bad-argument");
}

#[test]
fn a_long_poll_is_answered_by_the_next_event() {
    let mut supervisor = Supervisor::start();
    let latest = integer(&supervisor.call("events", &[]), "latest");
    let mut patient = supervisor.client();
    let next = patient.post("events", args!["since" => latest, "timeout" => 60]);
    let later = patient.post("events", args!["since" => latest + 2, "timeout" => 60]);
    assert!(patient.ask("dance", &[]).get("danced").is_some());
    assert_eq!(patient.receive(Duration::ZERO), None);

    supervisor.create("a", &sleeper().with("start", false));
    let reply = patient.reply_to(next, DEADLINE);
    assert_eq!((numbers(&reply), integer(&reply, "latest")), (vec![latest + 1], latest + 1));
    supervisor.create("b", &sleeper().with("start", false));
    assert!(patient.ask("dance", &[]).get("danced").is_some());
    assert_eq!(patient.receive(Duration::ZERO), None, "that was the event before the one that it waits for");
    supervisor.create("c", &sleeper().with("start", false));
    assert_eq!(numbers(&patient.reply_to(later, DEADLINE)), [latest + 3]);
}

#[test]
fn a_long_poll_that_runs_out_is_an_empty_list() {
    let mut supervisor = Supervisor::start();
    let latest = integer(&supervisor.call("events", &[]), "latest");
    let begun = Instant::now();
    let reply = supervisor.call("events", args!["since" => latest, "timeout" => 0.1]);
    // The clock of a request is that of the turn it came in.
    assert!(begun.elapsed() >= Duration::from_millis(50));
    assert_eq!((numbers(&reply), integer(&reply, "latest")), (vec![], latest));
    assert_eq!((integer(&reply, "oldest"), reply.get("error")), (1, None));
}
