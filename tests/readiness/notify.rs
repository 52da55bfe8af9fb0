//! systemd's protocol: what a program says, and what becomes of it.

use crate::common::{EventLog, EventSource, Supervisor, eventually_true, proc, shell, sleeper};
use crate::{args, expect_reason, needs_python, open, python, ready_at, sleeping, wait_for_file};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;

#[test]
fn it_is_running_when_it_says_so() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    // Neither delay makes it running.
    let settings = ready_at(&supervisor.scratch().text("gate")).with("minimum_run_duration", 0);
    supervisor.create("web", &settings.with("instances", 2));
    let row = supervisor.until("web", 1, "an age", |row| row.duration > 0.3);
    assert_eq!((row.state.as_str(), row.ready), ("starting", false));
    open(supervisor.scratch(), "gate");
    for row in supervisor.wait_for("web", "running") {
        assert!(row.ready && row.reason.is_none() && row.start_count == 1, "{row:?}");
    }
    events.expect_states("web", 0, &["starting", "running"]);
}

#[test]
fn its_own_words_are_shown_as_long_as_it_is_there() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let gate = supervisor.scratch().text("gate");
    let script = format!(
        "say('STATUS=loading \\x1b[1m 50 %')\nbarrier()\nawait_file({gate:?})\nsay('STATUS=' + 'x' * 1000, 'READY=1')\nsleep()"
    );
    supervisor.create("web", &python(&script));
    let row = supervisor.until("web", 0, "a status", |row| row.status_text.is_some());
    assert_eq!(row.status_text.as_deref(), Some("loading \u{1b}[1m 50 %"));
    expect_reason(&row, "says \"loading \u{1b}[1m 50 %\"");
    open(supervisor.scratch(), "gate");
    let row = supervisor.wait_for("web", "running").remove(0);
    assert_eq!(row.status_text, Some("x".repeat(512)));
    assert_eq!(row.reason, None);
    let row = supervisor.do_and_wait("stop", "web").remove(0);
    assert_eq!((row.state.as_str(), row.reason.as_deref()), ("exited", Some("stopped")));
    assert_eq!(supervisor.row("web", 0).status_text, None);
}

#[test]
fn a_barrier_is_taken_away_when_all_before_it_was_taken_up() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let after = supervisor.scratch().text("after");
    let script = format!(
        "for n in range(100): say(f'STATUS={{n}}')\nsay('READY=1')\nbarrier()\nmake_file({after:?})\nsleep()"
    );
    supervisor.create("web", &python(&script));
    wait_for_file(supervisor.scratch(), "after");
    let row = supervisor.row("web", 0);
    assert_eq!((row.state.as_str(), row.status_text.as_deref()), ("running", Some("99")));
}

/// What was said before an exit is seen before it, also when the loop learns of both at once: it sleeps meanwhile.
#[test]
fn ready_and_gone_at_once_is_seen_in_order() {
    needs_python!();
    // As many as can speak without being heard: see max_dgram_qlen in unix(7).
    const INSTANCES: i64 = 8;
    let mut supervisor = Supervisor::start();
    let gate = supervisor.scratch().text("gate");
    let script = format!("say('STATUS=here')\nawait_file({gate:?})\nsay('READY=1')");
    let settings = python(&script).with("restart", "never").with_backoff(3600);
    supervisor.create("web", &settings.with("instances", INSTANCES));
    eventually_true("all wait", || supervisor.rows("web").iter().all(|row| row.status_text.is_some()));
    let pids: Vec<i32> = supervisor.rows("web").iter().map(|row| row.pid).collect();
    supervisor.signal(Signal::SIGSTOP);
    open(supervisor.scratch(), "gate");
    eventually_true("all have ended", || pids.iter().all(|pid| !proc::is_alive(*pid)));
    supervisor.signal(Signal::SIGCONT);
    for instance in 0..INSTANCES {
        let mut events = EventLog::from_the_oldest(supervisor.client());
        let edges = events.expect_states("web", instance, &["starting", "running", "exited"]);
        // Short as it was, it is a flap.
        assert_eq!((edges[2].flap_count, edges[2].exitcode), (1, 0));
    }
}

#[test]
fn it_says_what_it_does_beside_its_work() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let gates = ["reload", "reloaded", "stop"].map(|name| supervisor.scratch().text(name));
    let [reload, reloaded, stop] = &gates;
    let script = format!(
        "say('READY=1')\nawait_file({reload:?})\nsay('RELOADING=1')\nawait_file({reloaded:?})\nsay('READY=1')\nbarrier()\n\
         make_file({reloaded:?} + ' too')\nawait_file({stop:?})\nsay('STOPPING=1')\nsleep()"
    );
    supervisor.create_running("web", &python(&script));
    open(supervisor.scratch(), "reload");
    let row = supervisor.until("web", 0, "the reload", |row| row.reason.is_some());
    expect_reason(&row, "says that it is reloading");
    assert!(row.ready && row.state == "running");
    open(supervisor.scratch(), "reloaded");
    wait_for_file(supervisor.scratch(), "reloaded too");
    assert_eq!(supervisor.row("web", 0).reason, None);
    open(supervisor.scratch(), "stop");
    let row = supervisor.until("web", 0, "the end", |row| row.reason.is_some());
    expect_reason(&row, "says that it is stopping");
}

#[test]
fn an_operator_can_say_it_in_its_place() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("readiness", "notify"));
    assert_eq!(supervisor.row("web", 0).state, "starting");
    supervisor.command("transition", args!["program" => "web", "state" => "running"]);
    let row = supervisor.row("web", 0);
    assert_eq!((row.state.as_str(), row.start_count), ("running", 1));
}

#[test]
fn it_takes_effect_with_the_next_start() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let gate = supervisor.scratch().text("gate");
    supervisor.create_running("web", &sleeper());
    let update = args!["program" => "web", "readiness" => "notify", "start_timeout" => 3600];
    let reply = supervisor.call("update", update);
    assert_eq!(reply.get("restart_needed"), Some(&Value::Array(vec![Value::Int(0)])));
    assert_eq!(proc::variable(supervisor.row("web", 0).pid, "NOTIFY_SOCKET"), None);
    supervisor.command("restart", args!["program" => "web"]);
    let row = supervisor.until("web", 0, "the second run", |row| row.start_count == 2);
    assert_eq!(row.state, "starting");
    // And one that runs is still heard when it need not speak any more.
    supervisor.create("other", &ready_at(&gate));
    supervisor.call("update", args!["program" => "other", "readiness" => "delay"]);
    open(supervisor.scratch(), "gate");
    supervisor.wait_for("other", "running");
}

/// Nobody speaks to who started the supervisor in its name.
#[test]
fn the_supervisors_own_socket_is_hidden() {
    let launcher = crate::common::Launcher::new();
    let launcher =
        launcher.env("NOTIFY_SOCKET", "/not/ours").env("WATCHDOG_USEC", "1").env("WATCHDOG_PID", "1");
    let mut supervisor = launcher.start();
    let variables = |pid| {
        ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"].map(|name| proc::variable(pid, name).is_some())
    };
    let pid = supervisor.create_running("delay", &sleeper())[0].pid;
    assert_eq!(variables(pid), [false; 3]);
    supervisor.create("fd", &sleeper().with("readiness", "fd:3"));
    assert_eq!(variables(sleeping(&mut supervisor, "fd")), [false; 3]);
    supervisor.create("notify", &sleeper().with("readiness", "notify"));
    let pid = sleeping(&mut supervisor, "notify");
    assert_eq!(variables(pid), [true, false, false]);
    assert!(proc::variable(pid, "NOTIFY_SOCKET").is_some_and(|address| address.starts_with("@procnanny/")));
    // Who names one for a program names it for that program.
    let given = sleeper().with_env("NOTIFY_SOCKET", "/mine");
    let pid = supervisor.create_running("given", &given)[0].pid;
    assert_eq!(proc::variable(pid, "NOTIFY_SOCKET").as_deref(), Some("/mine"));
}

/// The socket is there from the first start on of a program that uses it.
#[test]
fn who_does_not_use_it_does_not_pay_for_it() {
    let mut supervisor = Supervisor::start();
    let count = |supervisor: &Supervisor| proc::descriptors(supervisor.pid()).len();
    supervisor.create_running("delay", &sleeper().with("instances", 3));
    let before = count(&supervisor);
    supervisor.create("later", &sleeper().with("readiness", "notify").with("autostart", false));
    assert_eq!(count(&supervisor), before);
    supervisor.command("start", args!["program" => "later"]);
    eventually_true("one descriptor more", || count(&supervisor) == before + 1);
    supervisor.create("another", &shell("exec sleep 3600").with("readiness", "notify").with("instances", 3));
    eventually_true("no further one", || count(&supervisor) == before + 1);
}
