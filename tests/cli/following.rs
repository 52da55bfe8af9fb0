//! `events -f`: each event exactly once and in order, whatever happens.

use super::common::{Launcher, Scratch, Supervisor, shell, sleeper};
use super::tool::{Background, done, tool_of};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;

fn follow(supervisor: &Supervisor, more: &[&str]) -> Background {
    Background::start(tool_of(supervisor, &[&["events", "-f", "--json"], more].concat()))
}

fn seq(event: &Value) -> i64 {
    event.get("seq").and_then(Value::as_i64).unwrap()
}

fn latest(supervisor: &mut Supervisor) -> i64 {
    let reply = supervisor.call("events", crate::args!["limit" => 1]);
    reply.get("latest").and_then(Value::as_i64).unwrap()
}

/// Reads events whose numbers have to be these, one after the other.
#[track_caller]
fn expect_seqs(follower: &Background, seqs: std::ops::RangeInclusive<i64>) {
    for expected in seqs {
        assert_eq!(seq(&follower.object()), expected);
    }
}

#[test]
fn every_event_comes_once_and_in_order_while_fifty_instances_flap() {
    let mut supervisor = Supervisor::start();
    let early = follow(&supervisor, &[]);
    let flaps = shell("exit 1").with("instances", 50).with("flap_max", 1_000_000).with_backoff(0.05);
    supervisor.create("flaps", &flaps);
    expect_seqs(&early, 1..=500);
    // One that comes in the middle of it, to whom the past is told first.
    let late = follow(&supervisor, &[]);
    expect_seqs(&late, 1..=1000);
    expect_seqs(&early, 501..=1000);
    supervisor.do_and_wait("stop", "flaps");
    let last = latest(&mut supervisor);
    for follower in [early, late] {
        expect_seqs(&follower, 1001..=last);
        follower.signal(Signal::SIGINT);
        let ran = follower.wait();
        assert_eq!((ran.status.code(), ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
    }
}

#[test]
fn following_begins_where_it_is_told_to_and_with_what_is_named() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 2));
    let last = latest(&mut supervisor);
    let (from_number, web_1) = (follow(&supervisor, &["--since", "2"]), follow(&supervisor, &["web/1"]));
    expect_seqs(&from_number, 3..=last);
    let name = |event: &Value| {
        (
            event.get("event").and_then(Value::text).unwrap().to_string(),
            event.get("instance").and_then(Value::as_i64),
        )
    };
    let expected = [("created", None), ("starting", Some(1)), ("running", Some(1))];
    for (event, instance) in expected {
        assert_eq!(name(&web_1.object()), (event.to_string(), instance));
    }
    done(&supervisor, &["stop", "web"]);
    for event in ["stopping", "exited"] {
        assert_eq!(name(&web_1.object()), (event.to_string(), Some(1)));
    }
    expect_seqs(&from_number, last + 1..=latest(&mut supervisor));
}

#[test]
fn following_survives_a_supervisor_that_is_started_again_in_the_same_directory() {
    let scratch = Scratch::new();
    let start = || Launcher::new().runtime_dir(&scratch.join("run")).start();
    let mut first = start();
    first.create_running("web", &sleeper());
    let follower = follow(&first, &[]);
    expect_seqs(&follower, 1..=latest(&mut first));
    let run = |supervisor: &mut Supervisor| {
        supervisor.call("info", &[]).get("run").and_then(Value::text).unwrap().to_string()
    };
    let first_run = run(&mut first);
    first.signal(Signal::SIGKILL);
    first.wait();
    assert!(follower.complaint().starts_with("procnanny: "), "its end is told");
    drop(first);

    let mut second = start();
    second.create_running("db", &sleeper());
    let second_run = run(&mut second);
    assert_ne!(first_run, second_run);
    for expected in 1..=latest(&mut second) {
        let event = follower.object();
        assert_eq!(seq(&event), expected);
        assert_eq!(event.get("run").and_then(Value::text), Some(second_run.as_str()));
    }
    follower.signal(Signal::SIGTERM);
    let ran = follower.wait();
    assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    assert!(ran.stderr.contains(&second_run), "the new run is told: {ran:?}");
}
