//! Hooks that do not do what they should: they harm themselves alone.

use crate::common::{EventSource, Supervisor, eventually_true, lines, proc, sleeper};
use crate::{args, count, hook, hooks, next_end, until_idle};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;

/// Restarts go on as ever, and questions are answered.
fn expect_ordinary(supervisor: &mut Supervisor) {
    let before = supervisor.row("web", 0);
    proc::send(before.pid, Signal::SIGKILL);
    supervisor.until("web", 0, "a successor", |row| row.pid != before.pid && row.state == "running");
}

#[test]
fn one_that_hangs_and_heeds_nothing_is_killed_with_its_group() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let told = supervisor.scratch().join("told");
    let script = format!(
        "trap '' TERM INT HUP; sleep 3600 & echo \"$$ $!\" > {}; while true; do wait; sleep 3600; done",
        told.display()
    );
    let stuck = hook(&["new->starting"], &script, [("timeout", Value::Float(0.5))]);
    supervisor.create_running("web", &sleeper().with_backoff(0).with("hooks", hooks([stuck])));
    let pids: Vec<i32> = lines(&told, 1)[0].split(' ').map(|pid| pid.parse().unwrap()).collect();
    expect_ordinary(&mut supervisor);
    let ended = next_end(&mut events);
    assert_eq!((ended.timed_out, ended.exitcode, ended.exitsignal, ended.pid), (true, -1, 9, pids[0].into()));
    assert!(ended.duration >= 0.25, "{}", ended.duration);
    eventually_true("all of it is gone", || !pids.iter().any(|pid| proc::is_alive(*pid)));
    assert_eq!((count(&mut supervisor, "hooks_run"), count(&mut supervisor, "hooks_failed")), (1, 1));
}

#[test]
fn one_that_fails_or_dies_says_so() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let exits = hook(&["new->starting"], "exit 7", []);
    let dies = hook(&["starting->running"], "kill -SEGV $$", []);
    supervisor.create_running("web", &sleeper().with("hooks", hooks([exits, dies])));
    let ends = [next_end(&mut events), next_end(&mut events)];
    let of = |on: &str| ends.iter().find(|ended| ended.on == on).unwrap();
    let told = |on: &str| (of(on).exitcode, of(on).exitsignal, of(on).timed_out, of(on).reason.clone());
    assert_eq!(told("new->starting"), (7, 0, false, None));
    assert_eq!(told("starting->running"), (-1, 11, false, None));
    assert!(of("new->starting").pid > 0);
    assert_eq!((count(&mut supervisor, "hooks_run"), count(&mut supervisor, "hooks_failed")), (2, 2));
}

#[test]
fn one_that_cannot_be_executed_says_why() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let plain = supervisor.scratch().program("plain", "#!/bin/sh\n", "644");
    let plain = plain.to_str().unwrap();
    let absent = "/nonexistent/hook";
    let all = [absent, plain].map(|path| hook(&["running"], "", [("command", Value::from(path))]));
    supervisor.create_running("web", &sleeper().with_backoff(0).with("hooks", hooks(all)));
    let ends = [next_end(&mut events), next_end(&mut events)];
    for (path, words) in [(absent, "No such file or directory"), (plain, "Permission denied")] {
        let ended = ends.iter().find(|ended| ended.hook == path).unwrap();
        assert_eq!(ended.reason, Some(format!("exec: {words} ({path})")));
        assert_eq!((ended.exitcode, ended.exitsignal, ended.timed_out), (127, 0, false));
    }
    expect_ordinary(&mut supervisor);
    until_idle(&mut supervisor);
    assert_eq!(count(&mut supervisor, "hooks_failed"), 4);
}

#[test]
fn one_that_prints_megabytes_or_reads_nothing_blocks_nobody() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let loud = "head -c 5000000 /dev/zero | tr '\\0' x; head -c 5000000 /dev/zero | tr '\\0' y >&2";
    let all = [
        hook(&["new->starting"], loud, []),
        hook(&["starting->running"], "exec <&- >&- 2>&-; sleep 0.1", []),
    ];
    supervisor.create_running("web", &sleeper().with_backoff(0).with("hooks", hooks(all)));
    expect_ordinary(&mut supervisor);
    let ends = [next_end(&mut events), next_end(&mut events)];
    assert!(ends.iter().all(|ended| ended.exitcode == 0), "{ends:#?}");
    until_idle(&mut supervisor);
    assert_eq!((supervisor.stdout().len(), supervisor.stderr().len()), (5_000_000, 5_000_000));
}

#[test]
fn what_one_leaves_behind_goes_with_it_unless_it_has_left_its_session() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let told = supervisor.scratch().join("told");
    let script = format!(
        "sleep 3600 & left=$!; setsid sh -c 'echo $$; exec sleep 3600' >> {0} & \
         while ! test -s {0}; do sleep 0.01; done; echo $left >> {0}",
        told.display()
    );
    supervisor.create_running("web", &sleeper().with("hooks", hooks([hook(&["running"], &script, [])])));
    let ended = next_end(&mut events);
    assert_eq!((ended.exitcode, ended.timed_out), (0, false), "nobody waits for those");
    let pids: Vec<i32> = lines(&told, 2).iter().map(|pid| pid.parse().unwrap()).collect();
    eventually_true("what stayed in its group is killed", || !proc::is_alive(pids[1]));
    assert!(proc::is_alive(pids[0]));
    // And is reaped when it ends.
    proc::send(pids[0], Signal::SIGKILL);
    let web = supervisor.row("web", 0).pid;
    eventually_true("no zombie is left", || proc::children(supervisor.pid()) == [web]);
}

#[test]
fn hooks_fire_no_hooks_and_are_published_on_a_topic_of_their_own() {
    let mut supervisor = Supervisor::start();
    let mut subscriber = supervisor.subscriber(&["hook/web/0"]);
    supervisor.create_running("web", &sleeper().with("hooks", hooks([hook(&["*->*"], "", [])])));
    for _ in 0..2 {
        subscriber.expect("an end", |event| event.get("event") == Some(&Value::from("hook")));
    }
    until_idle(&mut supervisor);
    supervisor.call("dance", args![]);
    assert_eq!(count(&mut supervisor, "hooks_run"), 2);
}
