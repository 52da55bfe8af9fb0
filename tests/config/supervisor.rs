//! The settings of the supervisor itself.

use super::common::{
    Client, Launcher, Scratch, Subscriber, Supervisor, eventually_true, is_root, proc, sleeper,
};
use crate::{args, skip};
use procnanny::wire::value::Value;
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::process::{Command, Stdio};

fn with_settings(text: &str) -> Launcher {
    Launcher::new().configuration(&format!("[supervisor]\n{text}\n"))
}

#[test]
fn several_endpoints_for_requests_and_for_events() {
    let place = Scratch::new();
    let socket = |name: &str| format!("ipc://{}", place.text(name));
    let text = format!(
        "rpc = ['{}', {{ endpoint = '{}', access = 'read', mode = '0660' }}]\nevents = ['{}', {{ endpoint = '{}', mode = 0o640 }}]\n",
        socket("rpc"),
        socket("look"),
        socket("events"),
        socket("more")
    );
    let supervisor = with_settings(&text).spawn();
    let mut client = Client::connect(&socket("rpc"));
    client.call("create", args!["program" => "web", "command" => "true", "instances" => 0]);
    let mut reader = Client::connect(&socket("look"));
    assert_eq!(reader.refusal("stop", args!["program" => "web"]).code, "forbidden");
    for (name, mode) in [("rpc", 0o600), ("look", 0o660), ("events", 0o600), ("more", 0o640)] {
        let metadata = fs::metadata(place.join(name)).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
    for name in ["events", "more"] {
        let subscriber = Subscriber::connect(&socket(name), &["supervisor"], &mut client);
        client.call("update", args!["program" => "web", "description" => name]);
        let (topic, event) = subscriber.next_with_topic(super::common::DEADLINE).unwrap();
        assert_eq!((topic.as_str(), event.get("event")), ("supervisor", Some(&Value::from("updated"))));
    }
    assert!(!supervisor.runtime_dir().join("rpc").exists(), "the default one is replaced");
}

#[test]
fn the_command_line_goes_over_the_file() {
    let place = Scratch::new();
    let text = format!("runtime_dir = '{}'\nrpc = ['ipc://{}']", place.text("elsewhere"), place.text("file"));
    let launcher = with_settings(&text);
    let endpoint = format!("ipc://{}", launcher.scratch().text("option"));
    let supervisor = launcher.endpoint(&endpoint).spawn();
    Client::connect(&endpoint).call("dance", &[]);
    assert!(supervisor.runtime_dir().join("events").exists());
    assert!(!place.join("elsewhere").exists() && !place.join("file").exists());
}

#[test]
fn a_file_is_no_endpoint_twice() {
    let place = Scratch::new();
    let endpoint = format!("ipc://{}", place.text("x"));
    let refusal = with_settings(&format!("rpc = ['{endpoint}']\nevents = ['{endpoint}']")).refusal();
    assert_eq!(refusal, format!("endpoint {endpoint}: is there twice"));
}

#[test]
fn the_runtime_directory_can_be_in_the_file() {
    let scratch = Scratch::new();
    fs::write(scratch.join("a.toml"), format!("[supervisor]\nruntime_dir = '{}'\n", scratch.text("here")))
        .unwrap();
    let parent = std::process::id().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_procnanny"))
        .args(["run", &scratch.text("a.toml"), "--parent", &parent])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut client = Client::connect(&format!("ipc://{}", scratch.text("here/rpc")));
    client.call("shutdown", &[]);
    assert!(child.wait().unwrap().success());
}

#[test]
fn events_are_held_as_far_back_as_configured() {
    let mut supervisor = with_settings("event_history = 3").start();
    supervisor.create("web", &sleeper().with("instances", 0));
    let held = |supervisor: &mut Supervisor| {
        for round in 0..6 {
            supervisor.call("update", args!["program" => "web", "description" => round.to_string()]);
        }
        let reply = supervisor.call("events", &[]);
        reply.get("events").and_then(Value::as_array).unwrap().len()
    };
    assert_eq!(held(&mut supervisor), 3);
    supervisor.configure("[supervisor]\nevent_history = 5\n");
    supervisor.call("reload", &[]);
    assert_eq!(held(&mut supervisor), 5);
    supervisor.configure("[supervisor]\nevent_history = 1\n");
    supervisor.call("reload", &[]);
    let reply = supervisor.call("events", &[]);
    assert_eq!(reply.get("oldest"), reply.get("latest"));
}

#[test]
fn a_shutdown_takes_no_longer_than_configured() {
    let mut supervisor = with_settings("shutdown_timeout = '200ms'").start();
    supervisor.create_running("deaf", &super::common::deaf());
    supervisor.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
    supervisor.expect_no_processes();
}

#[test]
fn what_a_reload_cannot_change_is_told_again_and_again() {
    let mut supervisor = with_settings("shutdown_timeout = 1\nevents = ['tcp://127.0.0.1:*']").start();
    supervisor
        .configure("[supervisor]\nshutdown_timeout = 2\noom_score_adj = 500\nruntime_dir = '/nonexistent'\n");
    let needed = Value::Array(vec![Value::from("events"), Value::from("oom_score_adj")]);
    for _ in 0..2 {
        let reply = supervisor.call("reload", &[]);
        // The runtime directory is that of the command line, whatever the file says.
        assert_eq!(reply.get("restart_needed"), Some(&needed));
    }
    let reply = supervisor.call("shutdown", &[]);
    assert_eq!(reply.get("timeout"), Some(&Value::Float(2.0)));
}

#[test]
fn the_supervisors_own_score_is_not_that_of_its_programs() {
    let own = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let mut supervisor = with_settings("oom_score_adj = 700").start();
    let score = |pid: i32| fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
    assert_eq!(score(supervisor.pid()), "700\n");
    let pid = supervisor.create_running("plain", &sleeper())[0].pid;
    if score(pid) != own {
        // The score may not be lowered again by whoever lacks CAP_SYS_RESOURCE; then the start says so.
        assert!(!is_root());
    }
    let pid = supervisor.create_running("own", &sleeper().with("oom_score_adj", 900))[0].pid;
    assert_eq!(score(pid), "900\n");
    eventually_true("it is still there", || proc::is_alive(pid));
}

#[test]
fn a_score_that_may_not_be_set_is_refused() {
    if !is_root() {
        skip!("only root has a user to try it as");
    }
    let mut supervisor = with_settings("oom_score_adj = -900").ordinary_user().spawn();
    assert_eq!(supervisor.wait().code(), Some(1));
    assert!(supervisor.stderr().contains("oom_score_adj in [supervisor] cannot be set to -900"));
}
