//! `info` and `dance`.

use crate::common::{Client, Launcher, Supervisor, sleeper};
use crate::wire::{array, entries, integer, text};
use procnanny::wire::value::Value;

#[test]
fn info_tells_of_the_supervisor_itself() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 2));
    supervisor.create("db", &sleeper().with("start", false));
    let info = supervisor.call("info", &[]);
    assert_eq!(text(&info, "version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(integer(&info, "protocol"), 1);
    assert_eq!(integer(&info, "pid"), i64::from(supervisor.pid()));
    assert_eq!(integer(&info, "programs"), 2);
    for name in ["uptime", "cpu_user", "cpu_system"] {
        assert!(
            matches!(info.get(name), Some(Value::Float(seconds)) if (0.0..3600.0).contains(seconds)),
            "{name}"
        );
    }
    assert!(integer(&info, "memory") > 1 << 20);
    assert_eq!((integer(&info, "replies_dropped"), integer(&info, "connections_refused")), (0, 0));
    assert_eq!(integer(&info, "notifications_dropped"), 0);
    let parts: Vec<u32> = text(&info, "zmq").split('.').map(|part| part.parse().unwrap()).collect();
    assert_eq!((parts.len(), parts[0]), (3, 4));

    let states: Vec<(&str, i64)> = entries(&info, "states")
        .iter()
        .map(|(name, count)| (name.text().unwrap(), count.as_i64().unwrap()))
        .collect();
    let counted = |state| match state {
        "running" => 2,
        "new" => 1,
        _ => 0,
    };
    let all = ["new", "waiting", "starting", "running", "stopping", "exited", "backoff", "failed"];
    assert_eq!(states, all.map(|state| (state, counted(state))));
}

#[test]
fn info_tells_the_endpoints_as_they_were_bound() {
    let launcher = Launcher::new();
    let file = format!("ipc://{}", launcher.scratch().text("rpc"));
    let supervisor =
        launcher.endpoint(&format!("{file},access=control")).endpoint("tcp://127.0.0.1:*").spawn();
    let info = Client::connect(&file).call("info", &[]);
    let [rpc, tcp, events, output] = array(&info, "endpoints") else { panic!("four endpoints in {info:?}") };
    let fields =
        |endpoint: &Value| ["socket", "endpoint", "access"].map(|name| text(endpoint, name).to_string());
    assert_eq!(fields(rpc), ["rpc", &file, "control"]);
    assert_eq!(fields(events), ["events", &supervisor.endpoint("events"), ""]);
    assert_eq!(fields(output), ["output", &supervisor.endpoint("output"), ""]);
    let [socket, endpoint, access] = fields(tcp);
    assert_eq!((socket.as_str(), access.as_str()), ("rpc", "read"));
    let port: u16 = endpoint.strip_prefix("tcp://127.0.0.1:").unwrap().parse().unwrap();
    assert_ne!(port, 0, "the port that the system chose");
}

#[test]
fn the_run_is_the_same_for_a_supervisor_and_another_for_the_next() {
    let mut first = Supervisor::start();
    let run = text(&first.call("info", &[]), "run").to_string();
    assert_eq!(text(&first.call("events", &[]), "run"), run);
    let mut second = Supervisor::start();
    assert!(!run.is_empty() && text(&second.call("info", &[]), "run") != run);
}

#[test]
fn it_dances() {
    let mut supervisor = Supervisor::start();
    assert_eq!(supervisor.call("dance", &[]).get("danced"), Some(&Value::Bool(true)));
}
