//! `start_timeout`, and asking for more time.

use crate::common::{EventSource, Supervisor, sleeper};
use crate::{expect_reason, needs_python, open, python};

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
    supervisor.call("update", crate::args!["program" => "web", "start_timeout" => 3600]);
    assert_eq!(supervisor.row("web", 0).state, "starting");
    supervisor.call("update", crate::args!["program" => "web", "start_timeout" => 0]);
    assert_eq!(supervisor.row("web", 0).state, "starting");
    supervisor.call("update", crate::args!["program" => "web", "start_timeout" => "10ms"]);
    let row = supervisor.until("web", 0, "the end", |row| row.state == "exited");
    assert_eq!(row.flap_count, 1);
}

#[test]
fn it_can_ask_for_more_time_to_start() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let gates = ["gate", "short"].map(|name| supervisor.scratch().text(name));
    let [gate, short] = &gates;
    // What it asks for is not taken away by a request for less than what it has anyway; the latest request holds.
    let script = format!(
        "say('EXTEND_TIMEOUT_USEC=3600000000')\nawait_file({gate:?})\nif os.path.exists({short:?}): say('EXTEND_TIMEOUT_USEC=1')\n\
         else: say('READY=1')\nsleep()"
    );
    let settings = python(&script).with("start_timeout", "1s").with_backoff(3600);
    supervisor.create("web", &settings);
    let row = supervisor.until("web", 0, "an age", |row| row.duration > 1.5 || row.start_count != 1);
    assert_eq!((row.state.as_str(), row.start_count), ("starting", 1));
    // A change of the policy leaves it the time that it was given.
    supervisor.call("update", crate::args!["program" => "web", "start_timeout" => "900ms"]);
    assert_eq!(supervisor.row("web", 0).state, "starting");
    open(supervisor.scratch(), "gate");
    supervisor.wait_for("web", "running");
    std::fs::remove_file(gate).unwrap();
    open(supervisor.scratch(), "short");
    supervisor.command("restart", crate::args!["program" => "web"]);
    supervisor.until("web", 0, "an age", |row| row.start_count == 2 && row.duration > 1.2);
    open(supervisor.scratch(), "gate");
    let row = supervisor.until("web", 0, "the end", |row| row.state == "exited");
    // As long as it really took.
    assert!(
        row.reason().starts_with("did not say in 1.") && row.reason().ends_with(" s that it is ready"),
        "{row:?}"
    );
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
    supervisor
        .create_running("web", &python(&script).with("stop_timeout", "500ms").with("start_timeout", 10));
    let mut events = supervisor.events();
    supervisor.command("stop", crate::args!["program" => "web"]);
    supervisor.until("web", 0, "the request", |row| row.status_text.as_deref() == Some("flushing"));
    supervisor.call("update", crate::args!["program" => "web", "stop_timeout" => "400ms"]);
    std::thread::sleep(std::time::Duration::from_millis(800));
    assert_eq!(supervisor.row("web", 0).state, "stopping");
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
    supervisor.command("stop", crate::args!["program" => "web"]);
    supervisor.call("update", crate::args!["program" => "web", "stop_timeout" => "50ms"]);
    let row = supervisor.until("web", 0, "the end", |row| row.state == "exited");
    expect_reason(&row, "did not stop in time and was killed");
}
