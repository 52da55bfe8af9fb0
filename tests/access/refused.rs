//! Endpoints that would be open to others, or that are no endpoints: refused at the start, with a sentence.

use crate::common::{Launcher, Supervisor};
use std::path::Path;

/// Why it does not start; it says so in one line and ends with 1.
#[track_caller]
fn refusal(launcher: Launcher) -> String {
    let mut supervisor = launcher.spawn();
    let status = supervisor.wait();
    let said = supervisor.stderr();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.starts_with("procnanny: ") && said.ends_with('\n') && said.lines().count() == 1, "{said}");
    said
}

#[track_caller]
fn refusal_of(endpoint: &str) -> String {
    refusal(Launcher::new().endpoint(endpoint))
}

#[test]
fn what_is_not_on_loopback_is_refused() {
    for endpoint in [
        "tcp://0.0.0.0:0",
        "tcp://192.0.2.1:3333",
        "tcp://[::]:0",
        "tcp://[2001:db8::1]:1",
        "tcp://8.8.8.8:*",
    ] {
        let said = refusal_of(endpoint);
        assert!(said.contains(endpoint) && said.contains("not on loopback"), "{said}");
        // Neither does another level make it right.
        assert!(refusal_of(&format!("{endpoint},access=read")).contains("not on loopback"));
    }
}

#[test]
fn names_and_interfaces_are_not_looked_up() {
    for endpoint in
        ["tcp://localhost:3333", "tcp://*:3333", "tcp://lo:3333", "tcp://127.0.0.1", "tcp://:1", "tcp://"]
    {
        let said = refusal_of(endpoint);
        assert!(said.contains("expected a numeric address and a port"), "{said}");
    }
}

#[test]
fn sockets_without_permissions_or_without_a_path_are_refused() {
    assert!(refusal_of("ipc://@procnanny").contains("abstract"));
    for endpoint in ["ipc://rpc", "ipc://", "ipc://*", "ipc:///"] {
        assert!(refusal_of(endpoint).contains("absolute path"), "{endpoint}");
    }
    for endpoint in
        ["inproc://x", "udp://127.0.0.1:1", "pgm://x", "/run/x", "", "tcp:127.0.0.1:1", "ws://127.0.0.1:1"]
    {
        assert!(refusal_of(endpoint).contains("expected ipc://PATH or tcp://ADDRESS:PORT"), "{endpoint}");
    }
    let long = format!("ipc:///tmp/{}", "x".repeat(107));
    assert!(refusal_of(&long).contains("at most 107"));
}

#[test]
fn options_of_endpoints_are_checked() {
    let cases = [
        ("ipc:///tmp/x,access=root", "expected read, control or admin"),
        ("ipc:///tmp/x,acces=read", "did you mean 'access'?"),
        ("ipc:///tmp/x,mode=rw", "octal"),
        ("ipc:///tmp/x,mode=01777", "octal"),
        ("tcp://127.0.0.1:*,mode=0600", "mode and group are for ipc endpoints"),
    ];
    for (endpoint, words) in cases {
        assert!(refused_or_misused(endpoint).contains(words), "{endpoint}");
    }
}

/// What is wrong already as words is wrong usage; what is wrong with the endpoint is a refusal.
#[track_caller]
fn refused_or_misused(endpoint: &str) -> String {
    let mut supervisor = Launcher::new().endpoint(endpoint).spawn();
    let status = supervisor.wait();
    assert!(matches!(status.code(), Some(1 | 2)), "{status}: {}", supervisor.stderr());
    supervisor.stderr()
}

#[test]
fn what_cannot_be_bound_is_told_with_the_systems_words() {
    let said = refusal_of("ipc:///nonexistent/directory/rpc");
    assert!(
        said.contains("/nonexistent/directory/rpc") && said.contains("No such file or directory"),
        "{said}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let said = refusal_of(&format!("tcp://{}", taken.local_addr().unwrap()));
    assert!(said.contains("Address already in use") || said.contains("Address in use"), "{said}");
}

/// One bad endpoint among good ones: nothing is bound, nothing is started.
#[test]
fn everything_is_checked_before_anything_is_bound() {
    let launcher = Launcher::new();
    let good = launcher.scratch().join("good");
    let launcher = launcher.endpoint(&format!("ipc://{}", good.display())).program("web=sleep 3600");
    let mut supervisor = launcher.endpoint("tcp://0.0.0.0:1").spawn();
    assert_eq!(supervisor.wait().code(), Some(1));
    assert!(!good.exists());
    assert_eq!(supervisor.processes(), Vec::<i32>::new());
}

/// A second supervisor would take the sockets of the first away.
#[test]
fn the_sockets_of_a_running_supervisor_are_not_taken() {
    let mut first = Supervisor::start();
    let socket_of = |supervisor: &Supervisor| inode(&supervisor.runtime_dir().join("rpc"));
    let before = socket_of(&first);
    let said = refusal(Launcher::new().runtime_dir(first.runtime_dir()));
    assert!(said.contains("another supervisor"), "{said}");
    assert_eq!(socket_of(&first), before);
    assert!(first.call("dance", &[]).get("danced").is_some());
}

fn inode(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::symlink_metadata(path).unwrap())
}
