//! `scale` and `remove`.

use super::common::{Supervisor, deaf, shell, sleeper};
use super::tool::{ask, done, words};

#[test]
fn scale_waits_until_there_are_as_many_as_asked_for() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let printed = done(&supervisor, &["scale", "web", "3"]);
    let names: Vec<&str> = words(&printed).iter().map(|line| line[0]).collect();
    assert_eq!(names, ["web/1", "web/2"], "{printed}");
    assert!(supervisor.rows("web").iter().all(|row| row.state == "running"));
    done(&supervisor, &["scale", "web", "1", "--timeout", "30"]);
    assert_eq!(supervisor.rows("web").len(), 1);
    done(&supervisor, &["scale", "web", "0"]);
    assert!(done(&supervisor, &["status", "web"]).contains("has no instances"));
    done(&supervisor, &["scale", "web", "1", "--no-wait"]);
    supervisor.wait_for("web", "running");
    let ran = ask(&supervisor, &["scale", "web", "100001"]);
    assert!(ran.expect_only_error(1).contains("100000"), "{ran:?}");
}

#[test]
fn scaling_up_what_flaps_is_told() {
    let mut supervisor = Supervisor::start();
    supervisor.create("flaps", &shell("exit 4").with("instances", 0).with_backoff(3600));
    let ran = ask(&supervisor, &["scale", "flaps", "1"]);
    assert!(ran.expect_error(1).contains("exited with code 4"), "{ran:?}");
}

#[test]
fn remove_takes_what_does_not_run_and_the_rest_by_force() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    supervisor.create("down", &sleeper().with("autostart", false));
    let ran = ask(&supervisor, &["remove", "web"]);
    assert!(ran.expect_only_error(1).contains("--force"), "{ran:?}");
    assert_eq!(supervisor.row("web", 0).pid, pid, "it was left alone");
    assert!(done(&supervisor, &["remove", "down"]).ends_with("removed down\n"));
    assert!(done(&supervisor, &["remove", "--force", "web"]).ends_with("removed web\n"));
    assert!(!super::common::proc::is_alive(pid));
    assert!(supervisor.client().list(&[]).is_empty());
}

#[test]
fn a_forced_removal_that_takes_long_is_not_said_to_be_done() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("deaf", &deaf());
    let ran = ask(&supervisor, &["remove", "deaf", "--force", "--timeout", "0.1"]);
    ran.expect_error(6);
    assert!(!ran.stdout.contains("removed"), "{ran:?}");
    assert!(done(&supervisor, &["remove", "deaf", "--force", "--no-wait"]).ends_with("removing deaf\n"));
}
