//! The server while the supervisor is away, comes, stands still, and goes.

use crate::common::{DEADLINE, Launcher, Supervisor, eventually, sleeper};
use crate::scraper::{Server, response};
use nix::sys::signal::Signal;
use std::io::Write;

/// Asks until the answer has this status, and returns its body.
#[track_caller]
fn until(server: &Server, status: &str) -> String {
    eventually(status, DEADLINE, || {
        let response = server.get("/metrics");
        (response.status == status).then_some(response.body)
    })
}

#[test]
fn supervisors_come_and_go() {
    let launcher = Launcher::new();
    let scratch = launcher.scratch().join("run");
    let server = Server::start(&format!("ipc://{}/rpc", scratch.display()));
    let absent = server.get("/metrics");
    assert_eq!(absent.status, "503 Service Unavailable");
    assert!(absent.body.starts_with("procnanny: no supervisor"), "{absent:?}");
    assert_eq!(absent.field("content-type"), Some("text/plain; charset=utf-8"));
    // What needs no supervisor is there.
    assert_eq!(server.get("/").status, "200 OK");

    let mut first = launcher.start();
    first.create_running("web", &sleeper());
    assert!(until(&server, "200 OK").contains("program=\"web\""));
    first.call("shutdown", &[]);
    assert!(first.wait().success());
    until(&server, "503 Service Unavailable");
    let _second = Launcher::new().runtime_dir(&scratch).start();
    assert!(!until(&server, "200 OK").contains("program=\"web\""));
}

#[test]
fn one_that_stands_still_is_given_up_on() {
    let supervisor = Supervisor::start();
    let server = Server::start(&supervisor.endpoint("rpc"));
    supervisor.signal(Signal::SIGSTOP);
    let response = server.get("/metrics");
    assert_eq!(response.status, "503 Service Unavailable");
    assert!(response.body.contains("has not answered in 5s"), "{response:?}");
    supervisor.signal(Signal::SIGCONT);
    until(&server, "200 OK");
}

/// Not even one that stands still keeps it from ending.
#[test]
fn it_ends_while_it_waits_for_an_answer() {
    let supervisor = Supervisor::start();
    let server = Server::start(&supervisor.endpoint("rpc"));
    supervisor.signal(Signal::SIGSTOP);
    let mut client = server.connect();
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    server.tool.signal(Signal::SIGTERM);
    server.tool.wait().expect_done();
    supervisor.signal(Signal::SIGCONT);
}

#[test]
fn several_at_once_have_the_same_answer() {
    let supervisor = Supervisor::start();
    let server = Server::start(&supervisor.endpoint("rpc"));
    let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    }
    for client in &mut clients {
        assert_eq!(response(client).status, "200 OK");
    }
}
