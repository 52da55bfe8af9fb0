//! How many runs are remembered, in which order, and when they are forgotten.

use crate::common::{EventSource, Supervisor, shell, sleeper};
use crate::{args, float, integer, runs, runs_by, text};
use procnanny::wire::value::Value;

/// Ends at once, with a code that counts up, and starts again without delay.
fn counting(supervisor: &Supervisor) -> crate::common::ProgramSettings {
    let file = supervisor.scratch().join("count");
    let script =
        format!("n=$(cat {0} 2>/dev/null || echo 0); echo $((n + 1)) > {0}; exit $n", file.display());
    shell(&script).with("minimum_run_duration", 0).with_backoff(0)
}

/// Waits until so many processes were started, and stops.
#[track_caller]
fn after_starts(supervisor: &mut Supervisor, count: i64) -> Vec<Value> {
    let mut events = crate::common::EventLog::from_the_oldest(supervisor.client());
    events.expect("so many starts", |event| {
        event.get("start_count").and_then(Value::as_i64).is_some_and(|it| it >= count)
    });
    supervisor.do_and_wait("stop", "web");
    runs(supervisor, "web", 0)
}

#[test]
fn the_latest_sixteen_are_held_oldest_first() {
    let mut supervisor = Supervisor::start();
    let settings = counting(&supervisor);
    supervisor.create("web", &settings);
    let held = after_starts(&mut supervisor, 20);
    assert_eq!(held.len(), 16);
    let starts: Vec<f64> = held.iter().map(|run| float(run, "start_time")).collect();
    assert!(starts.is_sorted(), "{starts:?}");
    for run in &held {
        assert!(float(run, "end_time") >= float(run, "start_time"), "{run:?}");
        assert!(integer(run, "pid") > 0 && float(run, "duration") >= 0.0);
    }
    let exits: Vec<i64> =
        held.iter().filter(|run| text(run, "cause") == "exit").map(|run| integer(run, "exitcode")).collect();
    assert!(exits.windows(2).all(|pair| pair[1] == pair[0] + 1), "{exits:?}");
    let latest = runs_by(&mut supervisor, args!["program" => "web", "limit" => 3]);
    assert_eq!(latest, held[13..]);
    let refusal = supervisor.refusal("history", args!["limit" => 0]);
    assert_eq!(refusal.code, "bad-argument");
    assert_eq!(supervisor.refusal("history", args!["program" => "wep"]).code, "no-such-program");
}

#[test]
fn each_instance_has_its_own() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 2));
    supervisor.call("stop", args!["program" => "web", "instance" => 1, "wait" => true]);
    let reply = supervisor.call("history", &[]);
    let history = reply.get("history").and_then(Value::as_array).unwrap();
    let counts: Vec<(i64, usize)> = history
        .iter()
        .map(|of| (integer(of, "instance"), of.get("runs").and_then(Value::as_array).unwrap().len()))
        .collect();
    assert_eq!(counts, [(0, 0), (1, 1)]);
}

#[test]
fn what_is_sent_back_to_new_or_removed_is_forgotten() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    supervisor.do_and_wait("restart", "web");
    assert_eq!(runs(&mut supervisor, "web", 0).len(), 1);
    supervisor.call("transition", args!["program" => "web", "state" => "new", "wait" => true]);
    assert_eq!(runs(&mut supervisor, "web", 0), []);
    supervisor.do_and_wait("start", "web");
    supervisor.do_and_wait("stop", "web");
    assert_eq!(runs(&mut supervisor, "web", 0).len(), 1);
    supervisor.call("remove", args!["program" => "web", "wait" => true]);
    supervisor.create("web", &sleeper().with("start", false));
    assert_eq!(runs(&mut supervisor, "web", 0), []);
    let mut events = supervisor.events();
    supervisor.do_and_wait("start", "web");
    events.until_state("web", 0, "running");
}
