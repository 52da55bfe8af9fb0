//! Every exit code, each by what it stands for.

use super::common::{DEADLINE, ProgramSettings, Scratch, Supervisor, deaf, shell, sleeper};
use super::tool::{Background, ask, done, run, tool, tool_of};
use nix::sys::signal::Signal;
use std::time::Instant;

/// One that is never known to be healthy: it stays in `starting`.
fn starter() -> ProgramSettings {
    sleeper().with("minimum_run_duration", 3600)
}

#[test]
fn zero_for_what_is_so() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("autostart", false));
    done(&supervisor, &["start", "web"]);
    assert_eq!(supervisor.row("web", 0).state, "running");
    done(&supervisor, &["status", "web"]);
}

#[test]
fn one_for_what_is_refused() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let ran = ask(&supervisor, &["create", "web", "--", "sleep", "1"]);
    assert!(ran.expect_only_error(1).contains("'web'"), "{ran:?}");
    let ran = ask(&supervisor, &["create", "other", "nice=99", "--", "sleep", "1"]);
    assert!(ran.expect_only_error(1).contains("'nice'"), "{ran:?}");
}

#[test]
fn three_for_what_is_named_and_not_up() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    supervisor.create("db", &sleeper().with("autostart", false));
    for selection in [&["db"][..], &["web", "db"], &["*"], &["db/0"], &["--json", "db"]] {
        let ran = ask(&supervisor, &[&["status"], selection].concat());
        assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(3), ""), "{selection:?}: {ran:?}");
        assert!(ran.stdout.contains("db"), "it is shown nevertheless: {ran:?}");
    }
    done(&supervisor, &["status", "web"]);
    // A listing is no question.
    done(&supervisor, &["status"]);
    done(&supervisor, &["status", "--json"]);
}

#[test]
fn four_for_what_does_not_exist() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    for (name, advice) in [("wob", "did you mean 'web'?"), ("web/7", "lists"), ("nothing*", "lists")] {
        for command in ["status", "start", "stop", "restart", "once", "kill", "reset"] {
            let ran = ask(&supervisor, &[command, name]);
            assert!(ran.expect_only_error(4).contains(advice), "{command}: {ran:?}");
        }
        ask(&supervisor, &["signal", "HUP", name]).expect_only_error(4);
        ask(&supervisor, &["transition", "failed", name]).expect_only_error(4);
    }
    for line in [&["scale", "wob", "3"][..], &["remove", "wob"], &["update", "wob", "nice=1"]] {
        ask(&supervisor, line).expect_only_error(4);
    }
    // Nothing at all is done when one of several names is wrong.
    ask(&supervisor, &["stop", "web", "wob"]).expect_only_error(4);
    assert_eq!(supervisor.row("web", 0).admin_state, "up");
}

#[test]
fn five_at_once_where_no_supervisor_is() {
    let scratch = Scratch::new();
    let nowhere = format!("ipc://{}", scratch.text("rpc"));
    let lines: [&[&str]; 11] = [
        &["status"],
        &["status", "--watch"],
        &["start", "web"],
        &["events", "-f"],
        &["call", "dance"],
        &["info"],
        &["metrics"],
        &["shutdown"],
        &["scale", "web", "2"],
        &["create", "web", "--", "true"],
        &["remove", "web"],
    ];
    for line in lines {
        let begun = Instant::now();
        let ran = run(tool(&[&["--rpc", &nowhere], line].concat()));
        assert!(ran.expect_only_error(5).contains("'procnanny run'"), "{line:?}: {ran:?}");
        assert!(begun.elapsed() < DEADLINE / 2, "{line:?} waited");
    }
    // A socket whose owner is gone, and a port where nobody listens.
    drop(std::os::unix::net::UnixListener::bind(scratch.join("rpc")).unwrap());
    run(tool(&["--rpc", &nowhere, "status"])).expect_only_error(5);
    run(tool(&["--rpc", "tcp://127.0.0.1:1", "status"])).expect_only_error(5);
}

#[test]
fn six_for_what_does_not_happen_in_time() {
    let mut supervisor = Supervisor::start();
    supervisor.create("slow", &starter());
    supervisor.create_running("deaf", &deaf());
    let lines: [(&[&str], &str); 3] = [
        (&["start", "slow", "--timeout", "0.1"], "starting"),
        (&["restart", "slow", "--timeout=100ms"], ""),
        (&["stop", "deaf", "--timeout", "0.1"], "stopping"),
    ];
    for (line, state) in lines {
        let ran = ask(&supervisor, line);
        assert!(ran.expect_error(6).contains("in time"), "{line:?}: {ran:?}");
        assert!(ran.stdout.contains(state), "it says how far it is: {ran:?}");
    }
}

#[test]
fn a_supervisor_that_is_killed_in_the_middle_of_a_wait_is_noticed() {
    let mut supervisor = Supervisor::start();
    supervisor.create("slow", &starter().with("autostart", false));
    let waiting = Background::start(tool_of(&supervisor, &["start", "slow", "--timeout", "1h"]));
    // Its request has arrived.
    supervisor.until("slow", 0, "it starts", |row| row.state == "starting");
    supervisor.signal(Signal::SIGKILL);
    let ran = waiting.wait();
    assert!(ran.expect_only_error(5).contains("supervisor"), "{ran:?}");
}

#[test]
fn a_program_that_flaps_is_one_with_its_reason() {
    let mut supervisor = Supervisor::start();
    let settings = shell("exit 7").with("autostart", false).with_backoff(3600);
    supervisor.create("flaps", &settings);
    for command in ["start", "restart", "once"] {
        let ran = ask(&supervisor, &[command, "flaps"]);
        let sentence = ran.expect_error(1);
        assert!(
            sentence.contains("flaps/0") && sentence.contains("exited with code 7"),
            "{command}: {ran:?}"
        );
    }
}
