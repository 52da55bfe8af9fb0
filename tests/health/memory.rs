//! `memory_limit`: who stays above it is restarted.

use crate::common::{EventSource, Launcher, ProgramSettings, Supervisor, is_root, shell, sleeper};
use crate::{args, lines, skip};

/// A shell that holds some 40 MiB, and says so.
fn large(supervisor: &Supervisor) -> ProgramSettings {
    let said = supervisor.scratch().text("said");
    let script = format!(
        "held=$(head -c 40000000 /dev/zero | tr '\\0' x); echo ${{#held}} >> {said}; sleep 3600 & wait"
    );
    shell(&script).with("minimum_run_duration", 0)
}

#[test]
fn one_that_stays_above_is_restarted_and_one_below_is_left_alone() {
    let mut supervisor = Supervisor::start();
    let large = large(&supervisor);
    supervisor.create("small", &sleeper().with("memory_limit", "64M"));
    let mut events = supervisor.events();
    supervisor.create("large", &large.with("memory_limit", "20M"));
    let edges = events.expect_states("large", 0, &["starting", "running", "stopping", "starting"]);
    let reason = edges[2].reason().to_string();
    let resident = reason.strip_prefix("its memory (").and_then(|rest| rest.split_once(" MiB)")).unwrap();
    assert!(resident.0.parse::<f64>().unwrap() > 35.0, "{reason}");
    assert_eq!(resident.1, " stayed above memory_limit (20 MiB)");
    assert_eq!((edges[3].reason(), edges[3].exitsignal, edges[3].flap_count), (reason.as_str(), 15, 0));
    assert_eq!(lines(&supervisor.scratch().join("said"), 1)[0], "40000000");
    // It was looked at as often.
    let small = supervisor.row("small", 0);
    assert_eq!((small.start_count, small.state.as_str(), small.health), (1, "running", None));
}

#[test]
fn a_limit_is_changed_while_it_runs() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    for name in ["tightened", "freed"] {
        let limit = if name == "freed" { 4096 } else { 0 };
        supervisor.create(name, &sleeper().with("memory_limit", limit));
        events.expect_states(name, 0, &["starting", "running"]);
    }
    supervisor.call("update", args!["program" => "freed", "memory_limit" => 0]);
    let reply = supervisor.call("update", args!["program" => "tightened", "memory_limit" => "4K"]);
    assert!(reply.get("restart_needed").and_then(|it| it.as_array()).unwrap().is_empty());
    let edges = events.expect_states("tightened", 0, &["stopping", "starting"]);
    assert!(edges[0].reason().contains("stayed above memory_limit (4 KiB)"), "{}", edges[0].reason());
    assert_eq!(supervisor.row("freed", 0).start_count, 1);
}

#[test]
fn without_proc_it_is_refused_by_name() {
    if !is_root() {
        skip!("only root can do without /proc");
    }
    let script = "exec unshare -m /bin/sh -c 'mount -t tmpfs none /proc && exec \"$@\"' sh \"$@\"";
    let mut probe = std::process::Command::new("unshare");
    probe.args(["-m", "mount", "-t", "tmpfs", "none", "/proc"]);
    if !probe.status().is_ok_and(|status| status.success()) {
        skip!("no mount namespace can be had");
    }
    let mut supervisor = Launcher::new().through_shell(script).start();
    let refusal = supervisor.create_refused("web", &sleeper().with("memory_limit", "64M"));
    assert_eq!(refusal.code, "bad-argument");
    let begin = "'memory_limit' cannot be had: processes are not seen in /proc: ";
    assert!(refusal.sentence.starts_with(begin), "{}", refusal.sentence);
    supervisor.create_running("web", &sleeper());
    let update = args!["program" => "web", "memory_limit" => "64M"];
    assert!(supervisor.refusal("update", update).sentence.starts_with(begin));
    assert_eq!(supervisor.row("web", 0).state, "running");
}
