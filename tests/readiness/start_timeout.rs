//! `start_timeout`, and asking for more time.

use crate::common::{EventSource, Row, Supervisor, sleeper};
use crate::{args, expect_reason, needs_python, open, python};

#[test]
fn who_does_not_say_it_in_time_has_flapped_and_backs_off() {
    for readiness in ["notify", "fd:3"] {
        let mut supervisor = Supervisor::start();
        let mut events = supervisor.events();
        let settings = sleeper().with("readiness", readiness).with("start_timeout", "50ms");
        let settings = settings.with_backoff("20ms").with("flap_max", 1).with("give_up_after", 3);
        supervisor.create("web", &settings);
        let states = [
            "starting", "stopping", "exited", "starting", "stopping", "backoff", "starting", "stopping",
            "failed",
        ];
        let edges = events.expect_states("web", 0, &states);
        let flaps: Vec<i64> = edges.iter().map(|edge| edge.flap_count).collect();
        assert_eq!(flaps, [0, 1, 1, 1, 2, 2, 2, 3, 3]);
        expect_reason(&edges[1], "did not say in 0.05 s that it is ready");
        expect_reason(&edges[2], "did not say in 0.05 s that it is ready");
        expect_reason(&edges[8], "held after 3 flaps in a row: did not say in 0.05 s that it is ready");
        assert_eq!(edges[2].exitsignal, 15);
    }
}

#[test]
fn what_follows_is_what_the_policy_says_of_a_failure() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("readiness", "notify").with("start_timeout", "50ms").with_backoff("20ms");
    supervisor.create("never", &settings.clone().with("restart", "never"));
    let row = supervisor.until("never", 0, "the end", |row| row.state == "exited");
    assert_eq!(row.admin_state, "down");
    supervisor.create("failure", &settings.clone().with("restart", "on-failure"));
    supervisor.until("failure", 0, "a restart", |row| row.start_count > 1);
    // One that does not heed its signal either is killed.
    let deaf = settings.with("stop_signal", "URG").with("stop_timeout", "50ms").with_backoff(3600);
    supervisor.create("deaf", &deaf);
    let row = supervisor.until("deaf", 0, "the end", |row| row.state == "exited");
    expect_reason(&row, "did not say in 0.05 s that it is ready; it did not stop in time and was killed");
    assert_eq!(row.exitsignal, 9);
}

#[test]
fn it_is_a_policy_that_takes_effect_at_once() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("readiness", "notify").with_backoff(3600));
    supervisor.until("web", 0, "an age", |row| row.duration > 0.1);
    supervisor.call("update", args!["program" => "web", "start_timeout" => 3600]);
    assert_eq!(supervisor.row("web", 0).state, "starting");
    supervisor.call("update", args!["program" => "web", "start_timeout" => 0]);
    assert_eq!(supervisor.row("web", 0).state, "starting");
    supervisor.call("update", args!["program" => "web", "start_timeout" => "10ms"]);
    let row = supervisor.until("web", 0, "the end", |row| row.state == "exited");
    assert_eq!(row.flap_count, 1);
}

#[test]
fn it_can_ask_for_more_time_to_start() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let gates = ["gate", "short"].map(|name| supervisor.scratch().text(name));
    let [gate, short] = &gates;
    // The latest request holds, also one for less.
    let script = format!(
        "say('EXTEND_TIMEOUT_USEC=3600000000', 'STATUS=asked')\nawait_file({gate:?})\n\
         say('EXTEND_TIMEOUT_USEC=1' if os.path.exists({short:?}) else 'READY=1')\nsleep()"
    );
    supervisor.create("web", &python(&script).with("start_timeout", 3600).with_backoff(3600));
    let ask = |supervisor: &mut Supervisor, run: i64| {
        let asked = |row: &Row| row.start_count == run && row.status_text.as_deref() == Some("asked");
        let row = supervisor.until("web", 0, "the request", asked);
        // It would be over by now.
        supervisor.call("update", args!["program" => "web", "start_timeout" => "1ms"]);
        let row =
            supervisor.until("web", 0, "an age", |now| now.duration > row.duration + 0.3 || now.pid == 0);
        assert_eq!((row.state.as_str(), row.start_count), ("starting", run));
    };
    ask(&mut supervisor, 1);
    open(supervisor.scratch(), "gate");
    supervisor.wait_for("web", "running");
    std::fs::remove_file(gate).unwrap();
    open(supervisor.scratch(), "short");
    supervisor.call("update", args!["program" => "web", "start_timeout" => 3600]);
    supervisor.command("restart", args!["program" => "web"]);
    ask(&mut supervisor, 2);
    open(supervisor.scratch(), "gate");
    let row = supervisor.until("web", 0, "the end", |row| row.state == "exited");
    // It tells how long it really was.
    let words: Vec<&str> = row.reason().split(' ').collect();
    let ["did", "not", "say", "in", seconds, "s", "that", "it", "is", "ready"] = words.as_slice() else {
        panic!("{row:?}");
    };
    assert!(seconds.parse::<f64>().unwrap() > 0.3, "{row:?}");
}

#[test]
fn it_can_ask_for_more_time_to_stop() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let gate = supervisor.scratch().text("gate");
    let script = format!(
        "def stop(*_):\n    say('EXTEND_TIMEOUT_USEC=3600000000', 'STATUS=flushing')\n    await_file({gate:?})\n    sys.exit(7)\n\
         signal.signal(signal.SIGTERM, stop)\nsay('READY=1')\nsleep()"
    );
    supervisor.create_running("web", &python(&script).with("stop_timeout", 3600));
    let mut events = supervisor.events();
    supervisor.command("stop", args!["program" => "web"]);
    let row = supervisor.until("web", 0, "the request", |row| row.status_text.as_deref() == Some("flushing"));
    // It would be over by now.
    supervisor.call("update", args!["program" => "web", "stop_timeout" => "1ms"]);
    let row = supervisor.until("web", 0, "an age", |now| now.duration > row.duration + 0.3 || now.pid == 0);
    assert_eq!(row.state, "stopping");
    open(supervisor.scratch(), "gate");
    let edges = events.expect_states("web", 0, &["stopping", "exited"]);
    assert_eq!((edges[1].exitcode, edges[1].reason.as_deref()), (7, Some("stopped")));
}

#[test]
fn what_it_asked_for_to_start_is_none_to_stop() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let script = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsay('EXTEND_TIMEOUT_USEC=3600000000')\nsay('READY=1')\nsleep()";
    supervisor.create_running("web", &python(script).with("stop_timeout", 3600).with("start_timeout", 30));
    supervisor.command("stop", args!["program" => "web"]);
    supervisor.call("update", args!["program" => "web", "stop_timeout" => "50ms"]);
    let row = supervisor.until("web", 0, "the end", |row| row.state == "exited");
    expect_reason(&row, "did not stop in time and was killed");
}
