//! What follows when an instance is unhealthy: what would have followed its exit.

use crate::common::{EventSource, Supervisor, command, deaf, sleeper};
use crate::{args, check, checked};

const REASON: &str = "unhealthy: its health check exited with code 1";

#[test]
fn it_rests_where_no_restart_is_wanted() {
    let mut supervisor = Supervisor::start();
    let settings = checked(sleeper(), check("exit 1", []));
    supervisor.create("never", &settings.clone().with("restart", "never"));
    supervisor.create("once", &settings.clone().with("start", false));
    supervisor.command("once", args!["program" => "once"]);
    for name in ["never", "once"] {
        let row = supervisor.wait_for(name, "exited").remove(0);
        assert_eq!((row.admin_state.as_str(), row.reason()), ("down", REASON), "{name}");
        assert_eq!((row.start_count, row.exitsignal, row.flap_count), (1, 15, 0), "{name}");
    }
    // It is a failure, whatever the exit code of who heeds the signal.
    let mut events = supervisor.events();
    supervisor.create("on failure", &settings.with("restart", "on-failure"));
    events.expect_states("on failure", 0, &["starting", "running", "stopping", "starting"]);
}

#[test]
fn before_it_counted_as_healthy_it_is_a_flap() {
    let mut supervisor = Supervisor::start();
    let slow = checked(command("sleep", &["3600"]), check("exit 1", [])).with("minimum_run_duration", 3600);
    let mut events = supervisor.events();
    supervisor.create("web", &slow.clone().with_backoff(3600));
    let edges = events.expect_states("web", 0, &["starting", "stopping", "exited"]);
    assert_eq!((edges[2].flap_count, edges[2].admin_state.as_str()), (1, "up"));
    let row = supervisor.row("web", 0);
    assert_eq!((row.reason(), row.retry_in.is_some_and(|delay| delay > 1000.0)), (REASON, true));
    supervisor.create("fragile", &slow.with("give_up_after", 2));
    let row = supervisor.wait_for("fragile", "failed").remove(0);
    assert_eq!((row.start_count, row.flap_count), (2, 2));
    assert_eq!(row.reason(), format!("held after 2 flaps in a row: {REASON}"));
}

#[test]
fn a_run_shorter_than_backoff_min_is_a_flap_so_that_there_is_no_storm() {
    let mut supervisor = Supervisor::start();
    let settings = checked(sleeper(), check("exit 1", [])).with_backoff(3600);
    let mut events = supervisor.events();
    supervisor.create("web", &settings);
    let edges = events.expect_states("web", 0, &["starting", "running", "stopping", "exited"]);
    assert_eq!((edges[3].flap_count, edges[3].reason()), (1, REASON));
}

#[test]
fn one_that_does_not_heed_is_killed_and_both_are_on_record() {
    let mut supervisor = Supervisor::start();
    let settings = checked(deaf(), check("exit 1", [])).with("stop_timeout", 0.1).with("restart", "never");
    supervisor.create("web", &settings);
    let row = supervisor.wait_for("web", "exited").remove(0);
    let reason = format!("{REASON}; it did not stop in time and was killed");
    assert_eq!((row.exitsignal, row.reason()), (9, reason.as_str()));
}

#[test]
fn a_stop_that_is_asked_for_meanwhile_is_heeded() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &checked(deaf(), check("exit 1", [])));
    supervisor.wait_for("web", "stopping");
    assert_eq!(supervisor.row("web", 0).health.as_deref(), Some("unhealthy"));
    supervisor.command("stop", args!["program" => "web"]);
    supervisor.command("kill", args!["program" => "web"]);
    let row = supervisor.wait_for("web", "exited").remove(0);
    assert_eq!((row.admin_state.as_str(), row.start_count, row.reason()), ("down", 1, REASON));
}
