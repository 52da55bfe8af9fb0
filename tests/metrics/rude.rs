//! The server, asked by those who mean no good.

use crate::common::Supervisor;
use crate::scraper::{Server, response};
use std::io::{Read, Write};
use std::net::Shutdown;

const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

fn server() -> (Supervisor, Server) {
    let supervisor = Supervisor::start();
    let server = Server::start(&supervisor.endpoint("rpc"));
    (supervisor, server)
}

#[test]
fn garbage_is_refused() {
    let (_supervisor, server) = server();
    for garbage in [
        &b"\x00\x01\x02\x03\x04"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /metrics\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n",
        &[0xff; 5000],
    ] {
        assert_eq!(server.exchange(garbage).status, "400 Bad Request", "{garbage:?}");
    }
    assert_eq!(server.get("/metrics").status, "200 OK");
}

/// What it sends beyond the bound is read, so that it gets to see the answer.
#[test]
fn a_head_without_end_is_refused() {
    let (_supervisor, server) = server();
    let long = [b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ", &[b'y'; 100_000][..]].concat();
    assert_eq!(server.exchange(&long).status, "431 Request Header Fields Too Large");
    let many = [b"GET /metrics HTTP/1.1\r\n", b"X: y\r\n".repeat(1000).as_slice(), b"\r\n"].concat();
    assert_eq!(server.exchange(&many).status, "431 Request Header Fields Too Large");
}

#[test]
fn one_that_asks_byte_by_byte_is_answered() {
    let (_supervisor, server) = server();
    let mut stream = server.connect();
    stream.set_nodelay(true).unwrap();
    for byte in GET {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(response(&mut stream).status, "200 OK");
}

#[test]
fn one_that_says_no_more_after_its_request_is_answered() {
    let (_supervisor, server) = server();
    let mut stream = server.connect();
    stream.write_all(GET).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(response(&mut stream).status, "200 OK");
}

/// More than are served at a time, all of which only begin to ask.
#[test]
fn a_crowd_that_does_not_finish_asking_keeps_nobody_out() {
    let (_supervisor, server) = server();
    let crowd: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = server.connect();
            // The oldest are sent away when more come.
            let _ = stream.write_all(b"GET /met");
            stream
        })
        .collect();
    for _ in 0..3 {
        assert_eq!(server.get("/metrics").status, "200 OK");
    }
    drop(crowd);
    assert_eq!(server.get("/metrics").status, "200 OK");
}

#[test]
fn one_that_never_asks_is_sent_away() {
    let (_supervisor, server) = server();
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    // Its time is 5 seconds; the read gives up long after that.
    let mut rest = Vec::new();
    assert_eq!(stream.read_to_end(&mut rest).expect("the connection ends"), 0);
}

#[test]
fn those_that_leave_at_once_are_no_trouble() {
    let (_supervisor, server) = server();
    for number in 0..300 {
        let mut stream = server.connect();
        if number % 2 == 0 {
            // It may have been sent away.
            let _ = stream.write_all(GET);
        }
    }
    assert_eq!(server.get("/metrics").status, "200 OK");
}
