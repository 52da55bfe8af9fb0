//! Bounds and order: how many run and wait, and who waits for whom.

use crate::common::{EventSource, Supervisor, eventually_true, lines, proc, sleeper};
use crate::{args, count, hook, hooks, next_end, until_idle};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::fs;

/// A script that is held until a file is there, and that notes its event when it begins and when it ends.
fn held(supervisor: &Supervisor) -> String {
    let scratch = supervisor.scratch().path().display().to_string();
    format!(
        "cd {scratch}; echo \"+$PROCNANNY_INSTANCE $PROCNANNY_SEQ\" >> diary; \
         while ! test -e go; do sleep 0.02; done; echo \"-$PROCNANNY_INSTANCE $PROCNANNY_SEQ\" >> diary"
    )
}

fn let_go(supervisor: &Supervisor) {
    fs::write(supervisor.scratch().join("go"), "").unwrap();
}

#[test]
fn events_of_one_instance_follow_one_another_and_instances_run_beside_one_another() {
    let mut supervisor = Supervisor::start();
    let held = hook(&["*->*"], &held(&supervisor), [("timeout", Value::Int(3600))]);
    supervisor.create_running("web", &sleeper().with("instances", 3).with("hooks", hooks([held])));
    let diary = supervisor.scratch().join("diary");
    // Each has taken two edges, and of each the first one is under way.
    let begun = lines(&diary, 3);
    eventually_true("the second ones wait", || count(&mut supervisor, "hooks_queued") == 3);
    assert_eq!(count(&mut supervisor, "hooks_running"), 3);
    let mut first: Vec<&str> = begun.iter().map(|line| line.split(' ').next().unwrap()).collect();
    first.sort_unstable();
    assert_eq!(first, ["+0", "+1", "+2"]);
    for _ in 0..3 {
        supervisor.command("restart", args!["program" => "web", "wait" => true]);
    }
    let_go(&supervisor);
    until_idle(&mut supervisor);
    let all = fs::read_to_string(&diary).unwrap();
    for instance in 0..3 {
        let notes: Vec<(char, i64)> = all
            .lines()
            .filter_map(|line| {
                let (mark, rest) = line.split_at(1);
                let (whose, seq) = rest.split_once(' ')?;
                (whose == instance.to_string()).then(|| (mark.chars().next().unwrap(), seq.parse().unwrap()))
            })
            .collect();
        assert!(notes.len() > 12, "{notes:?}");
        for (pair, next) in notes.chunks(2).zip(notes.chunks(2).skip(1)) {
            assert_eq!((pair[0].0, pair[1].0, pair[0].1), ('+', '-', pair[1].1), "{notes:?}");
            assert!(pair[0].1 < next[0].1, "in the order of events: {notes:?}");
        }
    }
}

#[test]
fn of_one_hook_no_more_than_its_concurrency_run_and_another_hook_does_not_wait_for_it() {
    let mut supervisor = Supervisor::start();
    let narrow = [("timeout", Value::Int(3600)), ("concurrency", Value::Int(2))];
    let narrow = hook(&["running"], &held(&supervisor), narrow);
    let other = supervisor.scratch().join("other");
    let wide = hook(&["running"], &format!("echo >> {}", other.display()), []);
    let settings = sleeper().with("instances", 10).with("hooks", hooks([narrow, wide]));
    supervisor.create_running("web", &settings);
    lines(&other, 10);
    let diary = supervisor.scratch().join("diary");
    lines(&diary, 2);
    eventually_true("eight wait", || count(&mut supervisor, "hooks_queued") == 8);
    assert_eq!(count(&mut supervisor, "hooks_running"), 2);
    let_go(&supervisor);
    until_idle(&mut supervisor);
    let mut running = 0_i32;
    for line in lines(&diary, 20) {
        running += if line.starts_with('+') { 1 } else { -1 };
        assert!((0..=2).contains(&running), "{running}");
    }
    assert_eq!(count(&mut supervisor, "hooks_run"), 20);
}

#[test]
fn thousands_at_once_are_bounded_and_counted_while_restarts_go_on() {
    const INSTANCES: i64 = 250;
    let mut supervisor = Supervisor::start();
    // More happens than the supervisor holds.
    let mut events = supervisor.subscriber(&["supervisor"]);
    let held = hook(&["*->*"], &held(&supervisor), [("timeout", Value::Int(3600))]);
    let settings = sleeper().with("instances", INSTANCES).with_backoff(0).with("hooks", hooks([held]));
    supervisor.create_running("web", &settings);
    // 500 edges until here, and as many again with each of these that has happened to each.
    let mut fired = 2 * INSTANCES;
    while fired < 5000 {
        supervisor.command("transition", args!["program" => "web", "state" => "backoff", "wait" => true]);
        supervisor.wait_for("web", "running");
        fired += 3 * INSTANCES;
    }
    let told = events.expect_event("hooks_dropped");
    assert!(told.get("count").and_then(Value::as_i64).unwrap() > 0);
    assert_eq!(count(&mut supervisor, "hooks_queued"), 1024);
    assert_eq!(count(&mut supervisor, "hooks_running"), 4);
    let dropped = count(&mut supervisor, "hooks_dropped");
    assert!(dropped >= 5000 - 1028, "{dropped}");
    // All of this waits, and a death is followed by a successor as ever, and a question by an answer.
    let before = supervisor.row("web", 7);
    proc::send(before.pid, Signal::SIGKILL);
    let after =
        supervisor.until("web", 7, "its successor", |row| row.pid != before.pid && row.state == "running");
    assert_eq!(after.start_count, before.start_count + 1);
    // None more and none less than was dropped is told, and not in as many events.
    let total = count(&mut supervisor, "hooks_dropped");
    let mut sum = told.get("count").and_then(Value::as_i64).unwrap();
    let mut tellings = 1;
    while sum < total {
        sum += events.expect_event("hooks_dropped").get("count").and_then(Value::as_i64).unwrap();
        tellings += 1;
    }
    assert!(sum == total && tellings < 50, "{sum} of {total}, in {tellings} events");
    supervisor.command("stop", args!["program" => "web", "wait" => true]);
    // Without a hook there is none to wait for it.
    supervisor.call("update", args!["program" => "web", "hooks" => Value::Array(vec![])]);
    let_go(&supervisor);
    until_idle(&mut supervisor);
}

#[test]
fn a_storm_is_worked_off() {
    let mut supervisor = Supervisor::start();
    let diary = supervisor.scratch().join("diary");
    let note = hook(&["running"], &format!("echo $PROCNANNY_INSTANCE >> {}", diary.display()), []);
    let settings = sleeper().with("instances", 200).with_backoff(0).with("hooks", hooks([note]));
    supervisor.create_running("web", &settings);
    supervisor.call("kill", args!["program" => "web", "wait" => true]);
    until_idle(&mut supervisor);
    let mut seen: Vec<u32> = lines(&diary, 400).iter().map(|line| line.parse().unwrap()).collect();
    seen.sort_unstable();
    let expected: Vec<u32> = (0..200).flat_map(|instance| [instance, instance]).collect();
    assert_eq!(seen, expected);
    assert_eq!(count(&mut supervisor, "hooks_dropped"), 0);
}

#[test]
fn a_hook_may_command_the_supervisor() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let tool = env!("CARGO_BIN_EXE_procnanny");
    supervisor.create_running("cache", &sleeper());
    let script = format!("exec {tool} restart cache");
    let settings = sleeper().with("hooks", hooks([hook(&["exited"], &script, [])]));
    supervisor.create_running("web", &settings);
    let before = supervisor.row("cache", 0);
    supervisor.do_and_wait("stop", "web");
    let ended = next_end(&mut events);
    assert_eq!((ended.exitcode, ended.hook.as_str(), ended.on.as_str()), (0, "/bin/sh", "*->exited"));
    let after = supervisor.row("cache", 0);
    assert!(after.pid != before.pid && after.state == "running" && after.start_count == 2, "{after:?}");
}
