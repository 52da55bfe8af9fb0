//! Which hooks are run for what.

use crate::common::{EventLog, EventSource, Supervisor, lines, shell, sleeper};
use crate::{Ended, args, hook, hooks, next_end, until_idle};
use procnanny::wire::value::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Everything that has happened.
fn all_events(supervisor: &Supervisor) -> Vec<Value> {
    let mut log = EventLog::from_the_oldest(supervisor.client());
    std::iter::from_fn(|| log.next_within(Duration::ZERO)).collect()
}

fn text<'a>(event: &'a Value, key: &str) -> &'a str {
    event.get(key).and_then(Value::text).unwrap_or("")
}

fn integer(event: &Value, key: &str) -> i64 {
    event.get(key).and_then(Value::as_i64).unwrap()
}

#[test]
fn each_pattern_is_run_for_its_edges_once_each_and_for_no_other() {
    let mut supervisor = Supervisor::start();
    const PATTERNS: [(&str, &str, &str); 6] = [
        ("new->starting", "new", "starting"),
        ("running->*", "running", "*"),
        ("*->backoff", "*", "backoff"),
        ("*->failed", "*", "failed"),
        ("running->stopping", "running", "stopping"),
        ("*->*", "*", "*"),
    ];
    let all = PATTERNS.map(|(on, ..)| hook(&[on], "", []));
    let settings = sleeper().with("hooks", hooks(all)).with("instances", 2).with_backoff(3600);
    supervisor.create("other", &sleeper());
    supervisor.create_running("web", &settings);
    for state in ["backoff", "failed", "running", "exited", "waiting", "new"] {
        supervisor.command("transition", args!["program" => "web", "state" => state, "wait" => true]);
    }
    supervisor.wait_for("web", "new");
    until_idle(&mut supervisor);
    let events = all_events(&supervisor);
    let edges: Vec<&Value> = events.iter().filter(|it| it.get("state").is_some()).collect();
    assert!(edges.len() > 16, "{edges:#?}");
    let mut expected = BTreeSet::new();
    for edge in edges.iter().filter(|edge| text(edge, "program") == "web") {
        for (on, from, state) in PATTERNS {
            if [text(edge, "from"), "*"].contains(&from) && [text(edge, "state"), "*"].contains(&state) {
                expected.insert((integer(edge, "seq"), integer(edge, "instance"), on.to_string()));
            }
        }
    }
    let run: Vec<Ended> = events.iter().filter(|it| text(it, "event") == "hook").map(Ended::read).collect();
    assert!(run.iter().all(|ended| ended.program == "web" && ended.exitcode == 0), "{run:#?}");
    let seen: BTreeSet<_> = run.iter().map(|ended| (ended.of, ended.instance, ended.on.clone())).collect();
    assert_eq!(seen, expected);
    assert_eq!(run.len(), expected.len(), "each once");
}

#[test]
fn of_several_patterns_the_first_that_matches_is_told() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let on = ["failed", "running", "starting->running", "*->*"];
    supervisor.create_running("web", &sleeper().with("hooks", hooks([hook(&on, "", [])])));
    let (first, second) = (next_end(&mut events), next_end(&mut events));
    assert_eq!((first.on.as_str(), second.on.as_str()), ("*->*", "*->running"));
}

#[test]
fn flapping_is_when_it_begins_and_not_each_flap() {
    let mut supervisor = Supervisor::start();
    let hooks = hooks([hook(&["flapping"], "", [])]);
    let settings = shell("exit 1").with_backoff(0.01).with("flap_max", 2).with("hooks", hooks);
    let mut events = supervisor.events();
    supervisor.create("web", &settings);
    let mut began = |supervisor: &mut Supervisor| {
        let edge = events.expect("the third flap", |event| {
            event.get("flap_count") == Some(&Value::Int(3)) && text(event, "event") == "backoff"
        });
        let ended = next_end(&mut events);
        assert_eq!((ended.on.as_str(), ended.of), ("flapping", integer(&edge, "seq")));
        supervisor.until("web", 0, "more flaps", |row| row.flap_count > 6);
    };
    began(&mut supervisor);
    // It is forgiven, and begins anew.
    supervisor.command("reset", args!["program" => "web"]);
    began(&mut supervisor);
    supervisor.do_and_wait("stop", "web");
    until_idle(&mut supervisor);
    let ends = all_events(&supervisor).iter().filter(|event| text(event, "event") == "hook").count();
    assert_eq!(ends, 2);
}

#[test]
fn unhealthy_is_when_it_is_given_up_on() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let check = Value::map([
        ("command", Value::from("false")),
        ("interval", Value::Float(0.1)),
        ("retries", Value::Int(2)),
    ]);
    let settings = sleeper().with("restart", "never").with("hooks", hooks([hook(&["unhealthy"], "", [])]));
    supervisor.create("checked", &settings.clone().with("health", check));
    supervisor.create("large", &settings.with("memory_limit", "4K"));
    let mut seen = Vec::new();
    for _ in 0..2 {
        let edge = events.expect("it is given up on", |event| text(event, "state") == "stopping");
        let ended = next_end(&mut events);
        assert_eq!((ended.on.as_str(), ended.of), ("unhealthy", integer(&edge, "seq")));
        seen.push(ended.program);
    }
    assert_eq!(seen, ["checked", "large"]);
}

#[test]
fn log_dropped_is_when_output_was_dropped() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let told = supervisor.scratch().join("told");
    let script = format!("echo $PROCNANNY_EVENT $PROCNANNY_SOURCE $PROCNANNY_BYTES >> {}", told.display());
    let settings = shell("echo 0123456789; exec sleep 3600")
        .with("minimum_run_duration", 0)
        .with("stdout", "log")
        .with("log", Value::map([("file", Value::from("/dev/full"))]))
        .with("hooks", hooks([hook(&["log_dropped"], &script, []), hook(&["unhealthy"], "", [])]));
    supervisor.create("web", &settings);
    let dropped = events.expect_event("log_dropped");
    let ended = next_end(&mut events);
    assert_eq!((ended.on.as_str(), ended.of), ("log_dropped", integer(&dropped, "seq")));
    assert_eq!((ended.program.as_str(), ended.instance, ended.exitcode), ("web", 0, 0));
    assert_eq!(lines(&told, 1), ["log_dropped stdout 11"]);
}
