//! s6's protocol: a newline on a descriptor.

use crate::common::{EventLog, EventSource, Launcher, Supervisor, eventually_true, proc, shell, sleeper};
use crate::{args, expect_reason, open};

/// One that waits for `gate` and then runs `then`.
fn at(supervisor: &Supervisor, gate: &str, then: &str) -> String {
    let gate = supervisor.scratch().text(gate);
    format!("while [ ! -e '{gate}' ]; do sleep 0.02; done; {then}; exec sleep 3600")
}

#[test]
fn a_newline_makes_it_running() {
    let mut supervisor = Supervisor::start();
    // Whatever comes before the newline, and at whichever number.
    let cases = [("fd:3", r"printf '\n' >&3"), ("fd:9", r"printf 'abc' >&9; sleep 0.05; printf 'd\ne' >&9")];
    for (number, then) in cases {
        let script = at(&supervisor, number, then);
        supervisor.create(number, &shell(&script).with("readiness", number));
        let row = supervisor.until(number, 0, "an age", |row| row.duration > 0.2);
        assert_eq!((row.state.as_str(), row.reason.as_deref()), ("starting", None));
        open(supervisor.scratch(), number);
        assert!(supervisor.wait_for(number, "running")[0].ready);
    }
}

/// The program gets the one descriptor, and the supervisor keeps none when it has heard the newline, or the end.
#[test]
fn descriptors_do_not_pile_up() {
    let mut supervisor = Supervisor::start();
    let count = |supervisor: &Supervisor| proc::descriptors(supervisor.pid()).len();
    let before = count(&supervisor);
    supervisor.create("web", &sleeper().with("readiness", "fd:20"));
    let pid = supervisor.row("web", 0).pid;
    let mut numbers = Vec::new();
    eventually_true("the standard descriptors and that one", || {
        numbers = proc::descriptors(pid).into_iter().map(|(number, _)| number).collect();
        numbers == [0, 1, 2, 20]
    });
    assert!(proc::link(pid, "fd/20").starts_with("pipe:"));
    eventually_true("one descriptor more", || count(&supervisor) == before + 1);
    for _ in 0..5 {
        supervisor.command("restart", args!["program" => "web"]);
    }
    supervisor.do_and_wait("stop", "web");
    eventually_true("no descriptor more", || count(&supervisor) == before);
    supervisor.create_running("other", &shell(r"printf '\n' >&3; exec sleep 3600").with("readiness", "fd:3"));
    eventually_true("no descriptor more", || count(&supervisor) == before);
    let failing = sleeper().with("command", "/no/such/program").with("readiness", "fd:3").with_backoff(3600);
    supervisor.create("failing", &failing);
    supervisor.until("failing", 0, "the failure", |row| row.flap_count == 1 && row.pid == 0);
    eventually_true("no descriptor more", || count(&supervisor) == before);
}

#[test]
fn who_closes_it_without_a_newline_cannot_say_it_any_more() {
    let mut supervisor = Supervisor::start();
    let script = "printf 'almost' >&4; exec 4>&-; exec sleep 3600";
    supervisor.create("web", &shell(script).with("readiness", "fd:4"));
    let row = supervisor.until("web", 0, "a reason", |row| row.reason.is_some());
    expect_reason(&row, "closed descriptor 4 without a newline, so it cannot say any more that it is ready");
    assert_eq!(row.state, "starting");
    // Setting a bound ends it: it has already run for longer.
    let mut events = supervisor.events();
    supervisor.call("update", args!["program" => "web", "start_timeout" => "1ms", "backoff_min" => 3600]);
    let edges = events.expect_states("web", 0, &["stopping", "exited"]);
    expect_reason(&edges[1], "did not say in 0.001 s that it is ready");
    assert_eq!(edges[1].flap_count, 1);
}

#[test]
fn ready_and_gone_at_once_is_seen_in_order() {
    let mut supervisor = Supervisor::start();
    let script = r"head -c 60000 /dev/zero >&3; printf '\n' >&3";
    let settings = shell(script).with("readiness", "fd:3").with("restart", "never");
    supervisor.create("web", &settings.with("instances", 20));
    for instance in 0..20 {
        let mut events = EventLog::from_the_oldest(supervisor.client());
        events.expect_states("web", instance, &["starting", "running", "exited"]);
    }
}

#[test]
fn a_child_of_it_can_say_it() {
    let mut supervisor = Supervisor::start();
    let script = r"(sleep 0.1; printf '\n' >&3) & exec 3>&-; exec sleep 3600";
    supervisor.create_running("web", &shell(script).with("readiness", "fd:3"));
}

#[test]
fn a_number_beyond_the_limit_is_told() {
    let mut supervisor = Launcher::new().through_shell("ulimit -n 200; exec \"$@\"").start();
    supervisor.create("web", &sleeper().with("readiness", "fd:500").with_backoff(3600));
    let row = supervisor.until("web", 0, "the failure", |row| row.flap_count == 1 && row.pid == 0);
    let expected =
        "pipe: Invalid argument (readiness fd:500, with fewer open files allowed to the supervisor)";
    expect_reason(&row, expected);
}
