//! Who asked for an end: that very client, by its process and user, or what inside.

use crate::common::{Client, EventSource, Launcher, Supervisor, shell, sleeper};
use crate::{args, asked, integer, only_run, runs, text};
use nix::unistd::geteuid;
use procnanny::wire::value::Value;
use std::process::Command;

#[track_caller]
fn asker(run: &Value) -> &Value {
    run.get("asked_by")
        .filter(|asker| **asker != Value::Nil)
        .unwrap_or_else(|| panic!("nobody asked: {run:?}"))
}

#[test]
fn a_client_is_known_by_its_process_and_user() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    supervisor.do_and_wait("stop", "web");
    let run = only_run(&mut supervisor, "web");
    let asker = asker(&run);
    assert_eq!(text(asker, "what"), "stop");
    assert_eq!(integer(asker, "pid"), i64::from(std::process::id()));
    assert_eq!(integer(asker, "uid"), i64::from(geteuid().as_raw()));
    let own = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(text(asker, "command"), own.trim_end());
}

/// Each of several clients, one after the other and in turns, is told as itself.
#[test]
fn clients_are_told_apart() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let endpoint = supervisor.endpoint("rpc");
    let mut pids = Vec::new();
    for _ in 0..2 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_procnanny"))
            .args(["--rpc", &endpoint, "restart", "web"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        pids.push(("procnanny", i64::from(child.id())));
        assert!(child.wait().unwrap().success());
        supervisor.do_and_wait("restart", "web");
        pids.push(("", i64::from(std::process::id())));
    }
    let told = runs(&mut supervisor, "web", 0);
    assert_eq!(told.len(), 4);
    for (run, (command, pid)) in told.iter().zip(pids) {
        assert_eq!((asked(run), integer(asker(run), "pid")), ("restart", pid));
        assert!(command.is_empty() || text(asker(run), "command") == command, "{run:?}");
    }
}

#[test]
fn a_client_of_the_network_is_known_by_its_address() {
    let launcher = Launcher::new();
    let local = format!("ipc://{}", launcher.scratch().join("local").display());
    let supervisor = launcher.endpoint("tcp://127.0.0.1:*,access=admin").endpoint(&local).spawn();
    let mut client = Client::connect(&local);
    let reply = client.call("info", &[]);
    let endpoints = reply.get("endpoints").and_then(Value::as_array).unwrap();
    let tcp = endpoints.iter().map(|it| text(it, "endpoint")).find(|it| it.starts_with("tcp:")).unwrap();
    let settings: Vec<(&str, Value)> = vec![
        ("program", "web".into()),
        ("command", "sleep".into()),
        ("args", crate::common::strings(&["3600"])),
        ("minimum_run_duration", 0.into()),
    ];
    client.call("create", &settings);
    client.call("wait", args!["program" => "web", "state" => "running"]);
    Client::connect(tcp).call("stop", args!["program" => "web", "wait" => true]);
    let reply = client.call("history", args!["program" => "web"]);
    let history = reply.get("history").and_then(Value::as_array).unwrap();
    let run = &history[0].get("runs").and_then(Value::as_array).unwrap()[0];
    assert!(text(asker(run), "address").starts_with("127.0.0.1:"), "{run:?}");
    assert_eq!(asker(run).get("pid"), None);
    drop(supervisor);
}

/// Whoever asked first is told, whatever is asked meanwhile.
#[test]
fn the_first_to_ask_for_an_end_is_told() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &crate::common::deaf());
    supervisor.command("stop", args!["program" => "web"]);
    supervisor.do_and_wait("kill", "web");
    let run = only_run(&mut supervisor, "web");
    assert_eq!((text(&run, "cause"), asked(&run)), ("stopped", "stop"));
}

#[test]
fn what_takes_several_steps_is_told_as_what_it_is() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 2));
    let mut events = supervisor.events();
    let of = |event: &Value| asked(event).to_string();
    supervisor.call("update", args!["program" => "web", "nice" => 1, "restart" => true]);
    for instance in [0, 1] {
        let edge = events.expect("a rolling restart", |event| {
            text(event, "state") == "stopping" && event.get("instance") == Some(&Value::Int(instance))
        });
        assert_eq!(of(&edge), "rolling-restart");
        assert_eq!(integer(edge.get("asked_by").unwrap(), "pid"), i64::from(std::process::id()));
        events.until_state("web", instance, "running");
    }
    supervisor.call("scale", args!["program" => "web", "instances" => 1, "wait" => true]);
    let gone = events.expect("the end of web/1", |event| {
        text(event, "cause") == "stopped" && integer(event, "instance") == 1
    });
    assert_eq!(of(&gone), "scale");
    supervisor.call("remove", args!["program" => "web", "force" => true, "wait" => true]);
    let gone = events.expect("the end of web/0", |event| {
        text(event, "cause") == "stopped" && integer(event, "instance") == 0
    });
    assert_eq!(of(&gone), "remove");
}

#[test]
fn nobody_asks_for_what_happens_by_itself() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    supervisor.create("web", &shell("exit 1").with("minimum_run_duration", 0).with_backoff(0));
    let edges = [("starting", "create"), ("running", ""), ("exited", ""), ("starting", "")];
    for (state, what) in edges {
        let edge = events.next_edge("web", 0);
        assert_eq!((text(&edge, "state"), asked(&edge)), (state, what));
    }
}
