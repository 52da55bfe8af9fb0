//! What is remembered has a bound.

use crate::common::{Supervisor, command};
use crate::{args, runs};
use procnanny::wire::value::Value;

/// Attempts that fail cost nothing but memory: of many more than are remembered no more than that is there.
#[test]
fn a_storm_of_failures_leaves_no_more_than_is_remembered() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &command("/does/not/exist", &[]).with("instances", 20).with_backoff(0.001));
    for instance in 0..20 {
        supervisor.until("web", instance, "enough starts", |row| row.start_count > 20);
    }
    supervisor.command("stop", args!["program" => "web"]);
    for instance in 0..20 {
        let held = runs(&mut supervisor, "web", instance);
        assert_eq!(held.len(), 16, "web/{instance}");
        // The stop may have come in the midst of the last attempt.
        let before = held.iter().take(15).map(|run| run.get("cause").and_then(Value::text));
        assert!(before.into_iter().all(|cause| cause == Some("spawn-failed")), "{held:#?}");
    }
}
