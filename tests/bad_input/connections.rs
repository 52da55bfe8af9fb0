//! Connections that do not speak ZeroMQ's protocol, or speak it badly. See <https://rfc.zeromq.org/spec/23/>.

use crate::args;
use crate::common::{DEADLINE, EventSource, Supervisor, eventually};
use crate::random::Random;
use crate::supervised;
use crate::wire::{dealer, encoded, integer, reply_to, request, socket, text};
use procnanny::wire::msgpack::decode;
use procnanny::wire::value::Value;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

/// A connection to a socket's file, without any library.
struct Raw(UnixStream);

impl Raw {
    fn connect(supervisor: &Supervisor, socket: &str) -> Self {
        let stream = UnixStream::connect(supervisor.runtime_dir().join(socket)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self(stream)
    }

    /// One that has introduced itself as a socket of this type.
    fn greeted(supervisor: &Supervisor, socket: &str, kind: &str) -> Self {
        let mut raw = Self::connect(supervisor, socket);
        raw.write(&greeting());
        raw.read(64);
        let ready =
            [&b"\x05READY\x0bSocket-Type\0\0\0"[..], &[u8::try_from(kind.len()).unwrap()], kind.as_bytes()]
                .concat();
        raw.write(&[&[0x04, u8::try_from(ready.len()).unwrap()], &ready[..]].concat());
        let header = raw.read(2);
        raw.read(usize::from(header[1]));
        raw
    }

    /// Writes; that the other end may be closed by now is not our concern.
    fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("as many bytes");
        bytes
    }

    /// Reads until the supervisor closes the connection.
    #[track_caller]
    fn expect_closed(mut self) {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("not closed: {error}"),
        }
    }
}

/// ZMTP 3.0, mechanism NULL, as a client.
fn greeting() -> Vec<u8> {
    let mut bytes = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL".to_vec();
    bytes.resize(64, 0);
    bytes
}

#[test]
fn a_client_without_a_library_is_a_client() {
    let (mut supervisor, bystanders) = supervised();
    let mut raw = Raw::greeted(&supervisor, "rpc", "DEALER");
    let dance = encoded(&request("dance", &[]));
    raw.write(&[&[0, u8::try_from(dance.len()).unwrap()], &dance[..]].concat());
    let header = raw.read(2);
    let reply = raw.read(usize::from(header[1]));
    assert_eq!((header[0], decode(&reply)), (0, Ok(Value::map([("danced", Value::Bool(true))]))));
    bystanders.check(&mut supervisor, 8);
}

#[test]
fn what_is_no_greeting_is_closed_and_nothing_else_is() {
    let (mut supervisor, bystanders) = supervised();
    let client = dealer(&supervisor);
    let mut random = Random::new(3);
    let mut greetings = vec![
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        vec![0xff; 4096],
        vec![0; 4096],
        // A signature, and then another mechanism, version or role.
        [&greeting()[..12], b"PLAIN", &[0; 47]].concat(),
        [&greeting()[..12], &[b'X'; 52]].concat(),
        // Right, and then no READY.
        [&greeting()[..], b"\x04\x06\x05HELLO"].concat(),
        [&greeting()[..], b"\x04\xff\x05READY\x0bSocket-Type"].concat(),
        [&greeting()[..], b"\x04\x1a\x05READY\x0bSocket-Type\xff\xff\xff\xff"].concat(),
        [&greeting()[..], &[0xff; 300]].concat(),
    ];
    greetings.extend((0..100).map(|_| random.bytes(2000)));
    for socket in ["rpc", "events"] {
        for bytes in &greetings {
            let mut raw = Raw::connect(&supervisor, socket);
            raw.write(bytes);
            // Some have not said all yet; those are closed when they go.
            drop(raw);
        }
        assert_eq!(
            reply_to(&client, &encoded(&request("dance", &[]))).get("danced"),
            Some(&Value::Bool(true))
        );
    }
    bystanders.check(&mut supervisor, 8);
}

/// Also one that is silent is not kept for ever: five seconds are enough to introduce oneself.
#[test]
fn half_a_greeting_is_not_waited_for() {
    let (mut supervisor, bystanders) = supervised();
    let beginnings: [&[u8]; 5] = [b"", &greeting()[..1], &greeting()[..10], &greeting()[..63], &greeting()];
    let mut silent: Vec<Raw> = Vec::new();
    for socket in ["rpc", "events"] {
        for beginning in beginnings {
            let mut raw = Raw::connect(&supervisor, socket);
            raw.write(beginning);
            silent.push(raw);
        }
    }
    bystanders.check(&mut supervisor, 8);
    silent.into_iter().for_each(Raw::expect_closed);
    bystanders.check(&mut supervisor, 8);
}

/// ZMTP 1.0 has no greeting: a frame with the routing id comes first.
#[test]
fn the_first_version_of_the_protocol_does_no_harm() {
    let (mut supervisor, bystanders) = supervised();
    let dance = encoded(&request("dance", &[]));
    let message = [&[u8::try_from(dance.len() + 1).unwrap(), 0], &dance[..]].concat();
    for id in [
        &b"\x01\x00"[..],
        b"\x05\x00abcd",
        b"\xff\0\0\0\0\0\0\0\x05\x00abcd",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\0",
    ] {
        let mut raw = Raw::connect(&supervisor, "rpc");
        raw.write(id);
        for _ in 0..3 {
            raw.write(&message);
        }
        drop(raw);
        bystanders.check(&mut supervisor, 8);
    }
}

#[test]
fn a_frame_that_is_too_long_closes_that_connection_before_it_is_read() {
    let (mut supervisor, bystanders) = supervised();
    let client = dealer(&supervisor);
    for length in [(1 << 20) + 1_u64, 2 << 20, 1 << 32, 1 << 62, u64::MAX >> 1, u64::MAX] {
        for flags in [2, 3] {
            let mut raw = Raw::greeted(&supervisor, "rpc", "DEALER");
            raw.write(&[&[flags], &length.to_be_bytes()[..]].concat());
            raw.expect_closed();
        }
        assert_eq!(
            reply_to(&client, &encoded(&request("dance", &[]))).get("danced"),
            Some(&Value::Bool(true))
        );
    }
    let mut raw = Raw::greeted(&supervisor, "events", "SUB");
    raw.write(&[&[2], &4097_u64.to_be_bytes()[..], &[1; 4097]].concat());
    raw.expect_closed();
    bystanders.check(&mut supervisor, 8);
}

/// As an ordinary client would come to send it.
#[test]
fn a_request_of_two_mebibytes_costs_its_client_the_connection_and_nobody_else() {
    let (mut supervisor, bystanders) = supervised();
    let other = dealer(&supervisor);
    let context = zmq::Context::new();
    let large = socket(&context, zmq::DEALER, &supervisor.endpoint("rpc"));
    large.monitor("inproc://large", zmq::SocketEvent::DISCONNECTED.to_raw().into()).unwrap();
    let disconnected = socket(&context, zmq::PAIR, "inproc://large");
    let request_of = |bytes: usize| encoded(&request("dance", &[("id", Value::Bin(vec![0; bytes]))]));
    let around = request_of(70_000).len() - 70_000;
    let largest = request_of((1 << 20) - around);
    assert_eq!(largest.len(), 1 << 20);
    assert_eq!(reply_to(&large, &largest).get("danced"), Some(&Value::Bool(true)), "just what is allowed");

    large.send(request_of(2 << 20), 0).unwrap();
    disconnected.recv_multipart(0).expect("it is disconnected");
    assert_eq!(reply_to(&other, &encoded(&request("dance", &[]))).get("danced"), Some(&Value::Bool(true)));
    // It connects again by itself.
    let again = eventually("the client is answered again", DEADLINE, || {
        large.send(encoded(&request("dance", &[("id", Value::Int(7))])), zmq::DONTWAIT).ok()?;
        (large.poll(zmq::POLLIN, 200).unwrap() > 0).then(|| large.recv_bytes(0).unwrap())
    });
    assert_eq!(integer(&decode(&again).unwrap(), "id"), 7);
    bystanders.check(&mut supervisor, 16);
}

/// What a client leaves unfinished goes with it.
#[test]
fn a_message_without_an_end_is_forgotten_with_its_client() {
    let (mut supervisor, bystanders) = supervised();
    for _ in 0..20 {
        let mut raw = Raw::greeted(&supervisor, "rpc", "DEALER");
        // A megabyte in frames that all say that more follow.
        let frame = [&[3][..], &10_000_u64.to_be_bytes(), &[0; 10_000]].concat();
        raw.write(&frame.repeat(100));
        drop(raw);
        let reply = supervisor.client().call("dance", &[]);
        assert_eq!(reply.get("danced"), Some(&Value::Bool(true)));
    }
    bystanders.check(&mut supervisor, 8);
}

/// Who takes back what it never asked for takes nothing from others.
#[test]
fn cancellations_without_subscriptions_harm_nobody() {
    let (mut supervisor, bystanders) = supervised();
    let mut modest = supervisor.subscriber(&["supervisor"]);
    let mut strange = Raw::greeted(&supervisor, "events", "SUB");
    strange.write(&b"\0\x05\0none".repeat(1000));
    strange.write(b"\0\x0b\x01supervisor");
    // When it hears of something, all of that has been taken up.
    strange.0.set_nonblocking(true).unwrap();
    eventually("it hears of something", DEADLINE, || {
        supervisor.call("update", args!["program" => "bystander", "description" => "x"]);
        strange.0.read(&mut [0; 16]).ok()
    });
    strange.0.set_nonblocking(false).unwrap();
    strange.write(&b"\0\x0b\0supervisor".repeat(1000));
    drop(strange);
    bystanders.check(&mut supervisor, 8);
    supervisor.create("last", &crate::common::sleeper().with("instances", 0));
    modest.expect("what happened", |event| text(event, "program") == "last");
}

/// Nor does that make room for more topics than one may have.
#[test]
fn cancellations_without_subscriptions_do_not_lift_the_bound() {
    const TOPICS: usize = 900;
    let (mut supervisor, bystanders) = supervised();
    let mut events = supervisor.events();
    let mut strange = Raw::greeted(&supervisor, "events", "SUB");
    for round in 0..3 {
        for number in 0..TOPICS {
            strange.write(format!("\0\x0d\x01{:012}", round * TOPICS + number).as_bytes());
        }
        strange.write(&b"\0\x05\0none".repeat(TOPICS));
    }
    events.expect_event("subscriber_dropped");
    strange.expect_closed();
    bystanders.check(&mut supervisor, 8);
}

/// Random bytes behind a right greeting: commands, frames and lengths that make no sense.
#[test]
fn nonsense_after_the_greeting_is_closed_or_answered() {
    let (mut supervisor, bystanders) = supervised();
    let mut events = supervisor.events();
    let mut random = Random::new(4);
    for (socket, kind) in [("rpc", "DEALER"), ("rpc", "REQ"), ("events", "SUB"), ("events", "XSUB")] {
        for _ in 0..100 {
            let mut raw = Raw::greeted(&supervisor, socket, kind);
            raw.write(&random.bytes(3000));
        }
        // A type of socket that does not fit.
        let mut raw = Raw::connect(&supervisor, socket);
        raw.write(&greeting());
        raw.write(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x04PUSH");
        raw.expect_closed();
    }
    bystanders.check(&mut supervisor, 16);
    supervisor.create("after", &crate::common::sleeper().with("instances", 0));
    assert_eq!(text(&events.expect_event("created"), "program"), "after");
}
