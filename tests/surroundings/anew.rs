//! SIGUSR1: sockets whose files somebody has taken away can be reached again, and whoever was connected notices nothing.

use crate::args;
use crate::common::{
    Client, DEADLINE, EventSource, Launcher, Scratch, Subscriber, Supervisor, eventually, eventually_true,
    is_root, shell, sleeper,
};
use crate::skip;
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Asks for it, and returns what it says on standard error, once that has so many lines.
#[track_caller]
fn ask(supervisor: &Supervisor, lines: usize) -> String {
    let before = supervisor.stderr().len();
    supervisor.signal(Signal::SIGUSR1);
    let said = || Some(supervisor.stderr()[before..].to_string());
    eventually("it says what came of it", DEADLINE, || said().filter(|text| text.lines().count() >= lines))
}

fn is_reachable(supervisor: &Supervisor, socket: &str) -> bool {
    UnixStream::connect(supervisor.runtime_dir().join(socket)).is_ok()
}

/// New clients and subscribers are served.
#[track_caller]
fn expect_service(supervisor: &Supervisor) {
    let mut client = supervisor.client();
    client.call("dance", &[]);
    let mut stream = supervisor.subscriber(&["state/web/"]);
    client.call("restart", args!["program" => "web", "wait" => true]);
    stream.expect_states("web", 0, &["stopping", "starting", "running"]);
}

#[test]
fn removed_files_are_made_again_and_nobody_who_is_connected_notices() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let mut old_client = supervisor.client();
    let mut old_stream = supervisor.subscriber(&["state/web/"]);
    let waits = old_client.post("wait", args!["program" => "web", "state" => "exited", "timeout" => 60]);
    for socket in ["rpc", "events"] {
        fs::remove_file(supervisor.runtime_dir().join(socket)).unwrap();
        assert!(!is_reachable(&supervisor, socket));
    }
    let said = ask(&supervisor, 1);
    let directory = supervisor.runtime_dir().display();
    assert_eq!(said, format!("procnanny: bound anew: ipc://{directory}/rpc, ipc://{directory}/events\n"));
    for socket in ["rpc", "events"] {
        let mode = fs::metadata(supervisor.runtime_dir().join(socket)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{socket}");
    }
    expect_service(&supervisor);
    old_stream.expect_states("web", 0, &["stopping", "starting", "running"]);
    // What was asked before is answered to whoever asked.
    supervisor.do_and_wait("stop", "web");
    let reply = old_client.reply_to(waits, DEADLINE);
    assert_eq!(reply.get("error"), None, "{reply:?}");
    old_client.call("dance", &[]);
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
    for socket in ["rpc", "events"] {
        assert!(!supervisor.runtime_dir().join(socket).exists(), "{socket}");
    }
}

#[test]
fn what_is_in_its_place_stays_as_it_is() {
    let mut supervisor = Supervisor::start();
    let inode = |name: &str| fs::metadata(supervisor.runtime_dir().join(name)).unwrap().ino();
    let before = ["rpc", "events", "lock"].map(inode);
    for _ in 0..3 {
        let said = ask(&supervisor, 1);
        assert!(said.starts_with("procnanny: all endpoints") && said.lines().count() == 1, "{said}");
    }
    assert_eq!(["rpc", "events", "lock"].map(inode), before);
    supervisor.call("dance", &[]);
}

#[test]
fn a_file_in_the_place_of_a_socket_is_replaced_and_a_group_gets_it_again() {
    let scratch = Scratch::new();
    // One that the group may search.
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = scratch.join("shared");
    let group = if is_root() { ",group=12345" } else { "" };
    let endpoint = format!("ipc://{}", path.display());
    let mut supervisor = Launcher::new()
        .endpoint(&format!("{endpoint},access=read,mode=0640{group}"))
        .program("web=sleep 3600")
        .spawn();
    let mut old = Client::connect(&endpoint);
    old.call("dance", &[]);
    let owner = |found: fs::Metadata| (found.permissions().mode() & 0o777, found.gid());
    let before = owner(fs::metadata(&path).unwrap());
    fs::remove_file(&path).unwrap();
    fs::write(&path, "not a socket").unwrap();
    assert!(ask(&supervisor, 1).ends_with(&format!("bound anew: {endpoint}\n")));
    assert_eq!(owner(fs::metadata(&path).unwrap()), before);
    let mut new = Client::connect(&endpoint);
    new.call("dance", &[]);
    assert_eq!(new.refusal("stop", args!["program" => "web"]).code, "forbidden", "its access is the same");
    old.call("dance", &[]);
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
}

#[test]
fn a_runtime_directory_that_is_gone_is_made_and_locked_again() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let mut old_client = supervisor.client();
    old_client.call("dance", &[]);
    for _ in 0..2 {
        fs::remove_dir_all(supervisor.runtime_dir()).unwrap();
        let said = ask(&supervisor, 1);
        assert!(said.starts_with("procnanny: bound anew: "), "{said}");
        let found = fs::metadata(supervisor.runtime_dir()).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o700);
        expect_service(&supervisor);
        let sentence = Launcher::new().runtime_dir(supervisor.runtime_dir()).refusal();
        assert!(sentence.contains("another supervisor has"), "{sentence}");
    }
    old_client.call("dance", &[]);
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
}

#[test]
fn a_directory_that_another_has_taken_meanwhile_is_left_to_that_one() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let mut old_client = supervisor.client();
    old_client.call("dance", &[]);
    fs::remove_dir_all(supervisor.runtime_dir()).unwrap();
    let mut other = Launcher::new().runtime_dir(supervisor.runtime_dir()).start();
    let said = ask(&supervisor, 1);
    assert!(said.contains("another supervisor has") && said.lines().count() == 1, "{said}");
    assert!(other.call("list", &[]).get("instances").and_then(Value::as_array).unwrap().is_empty());
    assert_eq!(old_client.list(&[]).len(), 1, "who was connected still is");
    // When that one has gone, it can be had again.
    other.signal(Signal::SIGTERM);
    assert_eq!(other.wait().code(), Some(0));
    assert!(ask(&supervisor, 1).contains("bound anew"), "{}", supervisor.stderr());
    expect_service(&supervisor);
}

#[test]
fn what_cannot_be_made_again_is_told_and_the_rest_is() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("place")).unwrap();
    let endpoint = format!("ipc://{}", scratch.text("place/rpc"));
    let supervisor = Launcher::new().endpoint(&endpoint).program("web=sleep 3600").spawn();
    let mut client = Client::connect(&endpoint);
    client.call("dance", &[]);
    fs::remove_dir_all(scratch.join("place")).unwrap();
    fs::remove_file(supervisor.runtime_dir().join("events")).unwrap();
    let said = ask(&supervisor, 2);
    assert!(said.contains(&format!("endpoint {endpoint}: cannot be bound anew: No such file")), "{said}");
    assert!(
        said.contains(&format!("bound anew: ipc://{}/events\n", supervisor.runtime_dir().display())),
        "{said}"
    );
    client.call("dance", &[]);
    fs::create_dir(scratch.join("place")).unwrap();
    assert!(ask(&supervisor, 1).ends_with(&format!("bound anew: {endpoint}\n")));
    Client::connect(&endpoint).call("dance", &[]);
}

#[test]
fn the_socket_for_output_is_the_loggers_and_is_made_again_too() {
    let mut supervisor = Supervisor::start();
    let printer =
        shell("while echo said; do sleep 0.01; done").with("stdout", "log").with("minimum_run_duration", 0);
    supervisor.create_running("printer", &printer);
    let topics = ["output/printer/"];
    let old = Subscriber::connect_unknown(&supervisor.endpoint("output"), &topics);
    assert!(old.next_with_topic(DEADLINE).is_some());
    for everything in [false, true] {
        if everything {
            fs::remove_dir_all(supervisor.runtime_dir()).unwrap();
        } else {
            fs::remove_file(supervisor.runtime_dir().join("output")).unwrap();
        }
        assert!(!is_reachable(&supervisor, "output"));
        ask(&supervisor, 1);
        eventually_true("it is there again", || is_reachable(&supervisor, "output"));
        let new = Subscriber::connect_unknown(&supervisor.endpoint("output"), &topics);
        assert!(new.next_with_topic(DEADLINE).is_some());
        while old.next_with_topic(Duration::ZERO).is_some() {}
        assert!(old.next_with_topic(DEADLINE).is_some(), "the old one goes on");
    }
    // Another logger binds it by itself.
    let logger = supervisor.call("info", &[]).get("logger_pid").and_then(Value::as_i64).unwrap();
    assert!(crate::common::proc::send(i32::try_from(logger).unwrap(), Signal::SIGKILL));
    let new = Subscriber::connect_unknown(&supervisor.endpoint("output"), &topics);
    assert!(new.next_with_topic(DEADLINE).is_some());
}

#[test]
fn without_endpoints_there_is_nothing_to_bind() {
    let supervisor = Launcher::new().no_rpc().program("web=sleep 3600").spawn();
    // As soon as signals are received; before that they wait.
    eventually_true("it has begun", || !crate::common::proc::children(supervisor.pid()).is_empty());
    assert!(ask(&supervisor, 1).contains("--no-rpc"));
}

/// `/run` is mounted over, as happens to what was started before it was.
#[test]
fn what_was_mounted_over_is_taken_anew() {
    if !is_root() {
        skip!("to mount takes root");
    }
    let scratch = Scratch::new();
    let script = r#"
        mkdir "$2" && "$1" run --runtime-dir "$2/procnanny" "$2" & pid=$!
        export PROCNANNY_RPC="ipc://$2/procnanny/rpc"
        for try in $(seq 400); do "$1" info >/dev/null 2>&1 && break; sleep 0.05; done
        mount --make-rprivate / && mount -t tmpfs none "$2" || { kill $pid; exit 90; }
        "$1" info >/dev/null 2>&1 && exit 3
        kill -USR1 $pid
        for try in $(seq 400); do "$1" healthcheck && break; sleep 0.05; done
        "$1" shutdown"#;
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_procnanny"), &scratch.text("run")]);
    let ran = crate::tool::run(command);
    if ran.status.code() == Some(90) {
        skip!("the mounts cannot be made here: {ran:?}");
    }
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert!(ran.stdout.contains("healthy: nothing is wanted up"), "{ran:?}");
    assert!(ran.stderr.contains("bound anew"), "{ran:?}");
}
