//! The server, asked as it should be.

use crate::common::{DEADLINE, Supervisor, command, eventually, sleeper};
use crate::scraper::{Server, address_in, get};
use crate::tool::{self, tool};
use nix::sys::signal::Signal;

#[test]
fn metrics_are_served() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let server = Server::start(&supervisor.endpoint("rpc"));
    let response = server.get("/metrics");
    assert_eq!(response.status, "200 OK");
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(response.field("content-type"), Some(content_type));
    assert_eq!(response.field("content-length"), Some(response.body.len().to_string().as_str()));
    assert_eq!(response.field("connection"), Some("close"));
    assert!(response.field("date").is_some_and(|date| date.ends_with(" GMT")), "{response:?}");
    assert!(response.body.ends_with("\n# EOF\n"));
    assert_eq!(crate::of_instance(&response.body, "web", "starts_total", ""), Some(1.0));
    // What happens later is seen later.
    supervisor.do_and_wait("restart", "web");
    eventually("the restart is seen", DEADLINE, || {
        let body = server.get("/metrics?a=b").body;
        (crate::of_instance(&body, "web", "starts_total", "") == Some(2.0)).then_some(())
    });
}

#[test]
fn head_has_no_body() {
    let supervisor = Supervisor::start();
    let server = Server::start(&supervisor.endpoint("rpc"));
    let response = server.exchange(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((response.status.as_str(), response.body.as_str()), ("200 OK", ""));
    let length: usize = response.field("content-length").unwrap().parse().unwrap();
    assert!(length > 1000, "{length}");
}

#[test]
fn there_is_nothing_else_to_see_and_nothing_to_do() {
    let supervisor = Supervisor::start();
    let server = Server::start(&supervisor.endpoint("rpc"));
    let front = server.get("/");
    assert_eq!((front.status.as_str(), front.body.as_str()), ("200 OK", "The metrics are at /metrics.\n"));
    for path in ["/metric", "/metrics/", "/../metrics", "*"] {
        assert_eq!(server.get(path).status, "404 Not Found", "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
        let response = server.exchange(request.as_bytes());
        assert_eq!(response.status, "405 Method Not Allowed", "{method}");
        assert_eq!(response.field("allow"), Some("GET, HEAD"));
    }
    assert_eq!(server.exchange(b"GET /metrics HTTP/1.0\r\n\r\n").status, "200 OK");
}

#[test]
fn signals_end_it_in_order() {
    let supervisor = Supervisor::start();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = Server::start(&supervisor.endpoint("rpc"));
        // One that has not asked does not keep it.
        let _client = server.connect();
        server.tool.signal(signal);
        server.tool.wait().expect_done();
        assert!(std::net::TcpStream::connect(server.address).is_err(), "it still listens");
    }
}

#[test]
fn an_address_that_cannot_be_had_is_refused_with_advice() {
    let supervisor = Supervisor::start();
    let server = Server::start(&supervisor.endpoint("rpc"));
    let address = server.address.to_string();
    let taken = tool::run(tool(&["metrics", "--listen", &address]));
    let sentence = taken.expect_only_error(1);
    assert_eq!(
        sentence,
        format!(
            "cannot listen on {address}: Address already in use; end what listens there, or name another port"
        )
    );
    let wrong = tool::run(tool(&["metrics", "--listen", "example.org:80"]));
    assert!(
        wrong.expect_only_error(2).contains("expected IP:PORT, [IPv6]:PORT or localhost:PORT"),
        "{wrong:?}"
    );
    let elsewhere = tool::run(tool(&["metrics", "--listen=203.0.113.1:9275"]));
    assert!(elsewhere.expect_only_error(1).contains("name an address of this host"), "{elsewhere:?}");
}

#[test]
fn without_a_supervisor_the_text_cannot_be_printed() {
    let supervisor = Supervisor::start();
    let endpoint = format!("{}-nobody", supervisor.endpoint("rpc"));
    tool::run(tool(&["--rpc", &endpoint, "metrics"])).expect_only_error(5);
}

/// It is run by the supervisor that it tells of.
#[test]
fn a_supervisor_runs_it_like_any_program() {
    let mut supervisor = Supervisor::start();
    let served = command(env!("CARGO_BIN_EXE_procnanny"), &["metrics", "--listen", "localhost:0"]);
    supervisor.create_running("metrics", &served.with("minimum_run_duration", 0).with("stdout", "inherit"));
    let line = eventually("it says where it listens", DEADLINE, || {
        supervisor.stdout().lines().find(|line| line.starts_with("Serving")).map(str::to_string)
    });
    let response = get(address_in(&line), "/metrics");
    assert_eq!(crate::of_instance(&response.body, "metrics", "starts_total", ""), Some(1.0), "{response:?}");
    supervisor.do_and_wait("stop", "metrics");
    let exits = crate::of_instance(&crate::text(&supervisor), "metrics", "last_exit_code", "");
    assert_eq!(exits, Some(0.0));
}
