//! Why an instance is in its state, of real instances in every state.

use crate::common::{Supervisor, command, deaf, shell, sleeper};
use crate::{args, asked, float, integer, text};
use procnanny::wire::value::Value;

/// The answer about the first instance of a program.
#[track_caller]
fn why(supervisor: &mut Supervisor, program: &str) -> Value {
    let reply = supervisor.call("why", args!["program" => program, "instance" => 0]);
    reply.get("why").and_then(Value::as_array).unwrap()[0].clone()
}

fn array<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    of.get(key).and_then(Value::as_array).unwrap()
}

/// Name, and what follows.
#[track_caller]
fn timer(of: &Value) -> (&str, &str, &str) {
    let [timer] = array(of, "timers") else { panic!("{of:?}") };
    assert!(float(timer, "in") >= 0.0);
    (text(timer, "name"), text(timer, "state"), text(timer, "then"))
}

/// State and what comes then, if it ended in that way.
#[track_caller]
fn died<'a>(of: &'a Value, ending: &str) -> (&'a str, &'a str) {
    let prospect = array(of, "if_it_died").iter().find(|it| text(it, "ending") == ending);
    let prospect = prospect.unwrap_or_else(|| panic!("no {ending} in {of:?}"));
    (text(prospect, "state"), text(prospect, "then"))
}

#[track_caller]
fn led(of: &Value) -> (&str, &str, &str) {
    let edge = of.get("last_edge").unwrap();
    (text(edge, "from"), text(edge, "input"), asked(edge))
}

#[test]
fn new() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let why = why(&mut supervisor, "web");
    assert_eq!((text(&why, "state"), text(&why, "admin_state")), ("new", "down"));
    assert_eq!((text(&why, "waits_for"), integer(&why, "pid")), ("somebody to start it", 0));
    assert_eq!((array(&why, "timers"), array(&why, "if_it_died")), (&[][..], &[][..]));
    assert_eq!((why.get("last_edge"), why.get("last_run")), (Some(&Value::Nil), Some(&Value::Nil)));
}

#[test]
fn waiting() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &sleeper().with("start", false));
    supervisor.create("web", &sleeper().with("requires", crate::common::strings(&["db"])));
    supervisor.wait_for("web", "waiting");
    let why = why(&mut supervisor, "web");
    assert_eq!(led(&why), ("new", "start", "create"));
    assert_eq!(text(&why, "reason"), format!("waits for {}", text(&why, "waits_for")));
    assert!(text(&why, "waits_for").starts_with("db, "), "{why:?}");
}

#[test]
fn starting() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &command("sleep", &["3600"]).with("minimum_run_duration", 3600));
    let why = crate::common::eventually("it is executed", crate::common::DEADLINE, || {
        Some(why(&mut supervisor, "web")).filter(|why| !array(why, "timers").is_empty())
    });
    assert_eq!((text(&why, "state"), led(&why)), ("starting", ("new", "start", "create")));
    assert_eq!(text(&why, "waits_for"), "its process to have run for 3600 s");
    assert_eq!(timer(&why), ("healthy", "running", "rests"));
    assert_eq!(died(&why, "any"), ("exited", "starts"));
    assert_eq!(text(&array(&why, "if_it_died")[0], "verdict"), "flap");
}

#[test]
fn running() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("restart", "on-failure").with("restart_delay", 7).with("backoff_min", 0);
    supervisor.create_running("web", &settings);
    let before = why(&mut supervisor, "web");
    assert_eq!((text(&before, "state"), led(&before)), ("running", ("starting", "executed", "")));
    assert_eq!(before.get("waits_for"), Some(&Value::Nil));
    assert_eq!(
        (died(&before, "success"), died(&before, "failure")),
        (("exited", "rests"), ("exited", "starts"))
    );
    assert!((float(&array(&before, "if_it_died")[1], "within") - 7.0).abs() < 0.001);
    assert_eq!(before.get("restart_needed"), Some(&Value::Bool(false)));
    supervisor.call("update", args!["program" => "web", "nice" => 1]);
    assert_eq!(why(&mut supervisor, "web").get("restart_needed"), Some(&Value::Bool(true)));
    // What is foretold is what happens.
    supervisor.command("signal", args!["program" => "web", "signal" => "KILL"]);
    let row = supervisor.until("web", 0, "it has exited", |row| row.state == "exited");
    assert!(row.retry_in.is_some_and(|delay| delay > 1.0 && delay <= 7.0), "{row:?}");
    let after = why(&mut supervisor, "web");
    assert_eq!((led(&after), timer(&after).0), (("running", "exit", "signal"), "restart-delay"));
}

#[test]
fn stopping() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &deaf());
    supervisor.command("stop", args!["program" => "web"]);
    let stopped = why(&mut supervisor, "web");
    assert_eq!((text(&stopped, "state"), led(&stopped)), ("stopping", ("running", "stop", "stop")));
    let asker = stopped.get("last_edge").unwrap().get("asked_by").unwrap();
    assert_eq!(integer(asker, "pid"), i64::from(std::process::id()));
    assert_eq!(timer(&stopped), ("stop-timeout", "stopping", "stops"));
    assert_eq!(
        (text(&stopped, "waits_for"), died(&stopped, "any")),
        ("its process to end", ("exited", "rests"))
    );
    supervisor.command("start", args!["program" => "web"]);
    assert_eq!(died(&why(&mut supervisor, "web"), "any"), ("starting", "starts"));
}

#[test]
fn backoff_and_failed() {
    let mut supervisor = Supervisor::start();
    let flapping = shell("exit 1").with("flap_max", 0).with_backoff(3600);
    supervisor.create("web", &flapping);
    supervisor.wait_for("web", "backoff");
    let held = why(&mut supervisor, "web");
    assert_eq!(
        (led(&held), timer(&held)),
        (("starting", "exit", ""), ("backoff-delay", "starting", "starts"))
    );
    assert_eq!((integer(&held, "flap_count"), held.get("flapping")), (1, Some(&Value::Bool(true))));
    assert!(text(&held, "flaps_forgiven").starts_with("when it is running and"));
    assert_eq!(integer(held.get("last_run").unwrap(), "exitcode"), 1);
    supervisor.create("bad", &flapping.with("give_up_after", 1));
    supervisor.wait_for("bad", "failed");
    let failed = why(&mut supervisor, "bad");
    assert_eq!((text(&failed, "waits_for"), array(&failed, "timers").len()), ("somebody to start it", 0));
}

#[test]
fn exited() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &shell("exit 0").with("restart", "never"));
    supervisor.wait_for("web", "exited");
    let why = why(&mut supervisor, "web");
    assert_eq!((text(&why, "admin_state"), led(&why)), ("down", ("starting", "exit", "")));
    assert!(text(&why, "reason").starts_with("exited with code 0"));
}

#[test]
fn unhealthy_checks_have_their_timer() {
    let mut supervisor = Supervisor::start();
    let check = Value::map([("command", Value::from("true")), ("interval", Value::Int(3600))]);
    supervisor.create_running("web", &sleeper().with("health", check).with("backoff_min", 0));
    assert_eq!(timer(&why(&mut supervisor, "web")).0, "health-check");
}
