//! A hard limit of 64 open files: what cannot start flaps and recovers, and a flood of connections ends nothing.

use crate::args;
use crate::common::{EventLog, EventSource, Launcher, Row, Supervisor, proc, sleeper};
use procnanny::wire::value::Value;
use std::os::unix::net::UnixStream;
use std::time::Duration;

const LIMIT: u64 = 64;

fn start() -> Supervisor {
    let supervisor = Launcher::new().through_shell(&format!("ulimit -n {LIMIT}; exec \"$@\"")).start();
    assert_eq!(proc::open_files(supervisor.pid()), (LIMIT, LIMIT));
    supervisor
}

/// Connections that never say anything.
fn flood(supervisor: &Supervisor, socket: &str) -> Vec<UnixStream> {
    (0..200).map(|_| UnixStream::connect(supervisor.runtime_dir().join(socket)).unwrap()).collect()
}

#[test]
fn two_hundred_instances_all_come_to_run() {
    let mut supervisor = start();
    supervisor.create("web", &sleeper().with("instances", 200).with_backoff("50ms"));
    let rows = supervisor.wait_for("web", "running");
    assert_eq!(rows.len(), 200);
    let mut log = EventLog::from_the_oldest(supervisor.client());
    let events = std::iter::from_fn(|| log.next_within(Duration::ZERO));
    let edges: Vec<Row> =
        events.filter(|event| event.get("from").is_some()).map(|event| Row::of(&event)).collect();
    let failed: Vec<&Row> =
        edges.iter().filter(|edge| matches!(edge.state.as_str(), "exited" | "backoff")).collect();
    assert!(!failed.is_empty(), "{} edges, and nothing was short of descriptors", edges.len());
    for edge in failed {
        assert_eq!(edge.reason(), "pipe: Too many open files");
        assert!(edge.flap_count > 0 && edge.pid == 0, "{edge:?}");
    }
    supervisor.do_and_wait("stop", "web");
    supervisor.expect_no_processes();
}

#[test]
fn a_flood_of_connections_keeps_nobody_from_working() {
    let mut supervisor = start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    let mut events = supervisor.events();
    let connections = [flood(&supervisor, "rpc"), flood(&supervisor, "events")];
    // Who was there before is served, and processes still start.
    assert_eq!(supervisor.row("web", 0).pid, pid);
    supervisor.command("restart", args!["program" => "web"]);
    events.expect_states("web", 0, &["stopping", "starting", "running"]);
    let refused = |supervisor: &mut Supervisor| {
        let info = supervisor.call("info", &[]);
        info.get("connections_refused").and_then(Value::as_i64).unwrap()
    };
    assert!(refused(&mut supervisor) > 0);
    drop(connections);
    // When it is over, new clients come in again.
    assert_eq!(supervisor.client().call("dance", &[]).get("danced"), Some(&Value::Bool(true)));
    supervisor.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
}
