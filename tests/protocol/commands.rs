//! What commands answer.

use crate::args;
use crate::common::{Row, Supervisor, eventually_true, proc, shell, sleeper, strings};
use crate::wire::{array, integer, text};
use procnanny::wire::value::Value;

/// Program, instance, state, admin state, changed.
fn told(rows: &[Row]) -> Vec<(&str, i64, &str, &str, bool)> {
    rows.iter()
        .map(|it| (it.program.as_str(), it.instance, it.state.as_str(), it.admin_state.as_str(), it.changed))
        .collect()
}

#[test]
fn results_have_these_fields_with_these_types() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let reply = supervisor.call("stop", args!["program" => "web"]);
    let row = Value::map([
        ("program", Value::from("web")),
        ("instance", Value::Int(0)),
        ("state", Value::from("new")),
        ("admin_state", Value::from("down")),
        ("pid", Value::Int(0)),
        ("changed", Value::Bool(false)),
        ("reason", Value::Nil),
        ("exitcode", Value::Int(0)),
        ("exitsignal", Value::Int(0)),
    ]);
    assert_eq!(array(&reply, "results"), [row]);

    let reply = supervisor.call("start", args!["program" => "web"]);
    let [row] = array(&reply, "results") else { panic!("one row in {reply:?}") };
    assert!(integer(row, "pid") > 1);
    assert_eq!((text(row, "state"), row.get("changed")), ("starting", Some(&Value::Bool(true))));
}

#[test]
fn without_wait_the_answer_says_what_is_on_its_way() {
    let mut supervisor = Supervisor::start();
    let stubborn = shell("trap '' TERM; while :; do sleep 0.01; done").with("minimum_run_duration", 0);
    let pid = supervisor.create_running("web", &stubborn)[0].pid;
    eventually_true("it ignores TERM", || proc::signal_mask(pid, "SigIgn") & (1 << 14) != 0);
    let steps = [
        ("restart", "stopping", "up", true),
        ("stop", "stopping", "down", true),
        ("stop", "stopping", "down", false),
        ("once", "stopping", "once", true),
        ("start", "stopping", "up", true),
    ];
    for (method, state, admin_state, changed) in steps {
        let rows = supervisor.command(method, args!["program" => "web"]);
        assert_eq!(told(&rows), [("web", 0, state, admin_state, changed)], "{method}");
    }
    supervisor.call("update", args!["program" => "web", "stop_signal" => "KILL"]);
    supervisor.do_and_wait("kill", "web");
    assert_ne!(supervisor.wait_for("web", "running")[0].pid, pid, "what was asked for last");
}

#[test]
fn with_wait_the_answer_says_what_became_of_it() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("instances", 2).with("start", false));
    let up = |changed| vec![("web", 0, "running", "up", changed), ("web", 1, "running", "up", changed)];
    assert_eq!(told(&supervisor.do_and_wait("start", "web")), up(true));
    assert_eq!(told(&supervisor.do_and_wait("start", "web")), up(false));
    let before: Vec<i32> = supervisor.rows("web").iter().map(|row| row.pid).collect();
    let restarted = supervisor.do_and_wait("restart", "web");
    assert_eq!(told(&restarted), up(true));
    assert!(restarted.iter().all(|row| row.pid > 1 && !before.contains(&row.pid)));

    let once = supervisor.do_and_wait("once", "web/1");
    assert_eq!(told(&once), [("web", 1, "running", "once", true)]);
    let killed = supervisor.do_and_wait("kill", "web/0");
    assert_ne!(killed[0].pid, restarted[0].pid);
    assert_eq!((killed[0].admin_state.as_str(), killed[0].changed), ("up", true));
    supervisor.wait_for("web/0", "running");
    let stopped = supervisor.do_and_wait("stop", "web");
    assert_eq!(told(&stopped), [("web", 0, "exited", "down", true), ("web", 1, "exited", "down", true)]);
    assert!(stopped.iter().all(|row| row.pid == 0 && row.reason() == "stopped"));
}

#[test]
fn a_start_that_fails_is_an_answer_with_its_reason() {
    let mut supervisor = Supervisor::start();
    supervisor.create(
        "web",
        &shell("exit 7").with("start", false).with("backoff_min", 100).with("backoff_max", 100),
    );
    for method in ["start", "restart", "once"] {
        let rows = supervisor.do_and_wait(method, "web");
        assert!(["exited", "backoff"].contains(&rows[0].state.as_str()), "{method} {rows:?}");
        assert!(rows[0].reason().contains("code 7"), "{method} {rows:?}");
    }
}

#[test]
fn reset_forgives_and_transition_moves() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false).with("instances", 2));
    let to = |supervisor: &mut Supervisor, state: &str| {
        let rows =
            supervisor.command("transition", args!["program" => "web", "state" => state, "wait" => true]);
        told(&rows).iter().map(|row| format!("{} {}", row.2, row.3)).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(to(&mut supervisor, "failed"), "failed up, failed up");
    let rows = supervisor.do_and_wait("reset", "web");
    assert_eq!(rows.iter().filter(|row| row.changed && row.state == "starting").count(), 2);
    assert_eq!(to(&mut supervisor, "running"), "running up, running up");
    assert_eq!(to(&mut supervisor, "exited"), "exited down, exited down");
    assert_eq!(to(&mut supervisor, "new"), "new down, new down");
    assert_eq!(to(&mut supervisor, "backoff"), "backoff up, backoff up");
    assert_eq!(to(&mut supervisor, "stopping"), "exited down, exited down");
}

#[test]
fn signal_says_who_got_it() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running(
        "web",
        &shell("trap 'exit 5' USR1; while :; do sleep 0.01; done").with("minimum_run_duration", 0),
    );
    supervisor.create("db", &sleeper().with("start", false));
    for signal in [
        Value::from("CONT"),
        Value::from("SIGCONT"),
        Value::from("sigcont"),
        Value::from(18),
        Value::from("18"),
    ] {
        let rows = supervisor.command("signal", args!["program" => "*", "signal" => signal.clone()]);
        let got: Vec<(&str, bool)> = rows.iter().map(|row| (row.program.as_str(), row.changed)).collect();
        assert_eq!(got, [("db", false), ("web", true)], "{signal:?}");
    }
    for signal in [Value::from("NOSUCH"), Value::from(0), Value::from(1000), Value::from(-1), Value::from("")]
    {
        let refused = supervisor.refusal("signal", args!["program" => "web", "signal" => signal.clone()]);
        assert_eq!(refused.code, "bad-argument", "{signal:?}");
    }
}

#[test]
fn scale_tells_of_those_that_came_or_went() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let scale = |supervisor: &mut Supervisor, instances: i64| {
        supervisor.command("scale", args!["program" => "web", "instances" => instances, "wait" => true])
    };
    let came = scale(&mut supervisor, 3);
    assert_eq!(told(&came), [("web", 1, "running", "up", true), ("web", 2, "running", "up", true)]);
    assert!(scale(&mut supervisor, 3).is_empty());
    let went = scale(&mut supervisor, 1);
    let mut numbers: Vec<i64> = went.iter().map(|row| row.instance).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
    assert!(
        went.iter().all(|row| (row.state.as_str(), row.pid, row.reason()) == ("exited", 0, "removed")),
        "{went:?}"
    );
    assert_eq!(supervisor.rows("web").len(), 1);
    for instances in [Value::Int(-1), Value::Int(100_001), Value::from("3"), Value::Float(3.0)] {
        let refused = supervisor.refusal("scale", args!["program" => "web", "instances" => instances]);
        assert!(refused.sentence.contains("0 to 100000"), "{refused:?}");
    }
}

#[test]
fn create_update_and_remove_answer_with_names() {
    let mut supervisor = Supervisor::start();
    let reply = supervisor.call(
        "create",
        args!["program" => "hello world", "command" => "sleep", "args" => strings(&["3600"])],
    );
    assert_eq!(
        reply,
        Value::map([("created", Value::from("hello world")), ("id", reply.get("id").unwrap().clone())])
    );
    let update = |supervisor: &mut Supervisor, name: &'static str, value: Value| {
        let reply = supervisor.call("update", args!["program" => "hello world", name => value]);
        assert_eq!(text(&reply, "updated"), "hello world");
        array(&reply, "restart_needed").to_vec()
    };
    assert_eq!(update(&mut supervisor, "flap_max", Value::Int(3)), []);
    assert_eq!(update(&mut supervisor, "nice", Value::Int(3)), [Value::Int(0)]);
    assert_eq!(update(&mut supervisor, "restart", Value::from("never")), [Value::Int(0)], "from before");
    let arguments = args!["program" => "hello world", "force" => true, "wait" => true];
    let gone = supervisor.command("remove", arguments);
    assert_eq!(told(&gone), [("hello world", 0, "exited", "down", true)]);
    assert!(supervisor.client().list(&[]).is_empty());

    supervisor.create("idle", &sleeper().with("start", false));
    assert_eq!(supervisor.command("remove", args!["program" => "idle"]).len(), 1, "at once, without force");
    supervisor.create("empty", &sleeper().with("instances", 0));
    assert!(supervisor.command("remove", args!["program" => "empty", "wait" => true]).is_empty());
    assert!(supervisor.client().list(&[]).is_empty());
}
