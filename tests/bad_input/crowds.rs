//! Clients that are too many, or that send and never read.

use crate::args;
use crate::common::{DEADLINE, EventSource, Supervisor, eventually};
use crate::supervised;
use crate::wire::{Bystanders, array, encoded, integer, payload, request, resident_kib, socket, text};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use procnanny::wire::value::Value;
use std::time::{Duration, Instant};

/// A client that has no bounds of its own, reads nothing and does not come back when it is disconnected.
fn greedy(supervisor: &Supervisor) -> zmq::Socket {
    let client = zmq::Context::new().socket(zmq::DEALER).unwrap();
    client.set_linger(0).unwrap();
    client.set_sndhwm(0).unwrap();
    client.set_rcvhwm(1).unwrap();
    client.set_reconnect_ivl(-1).unwrap();
    client.connect(&supervisor.endpoint("rpc")).unwrap();
    client
}

/// Sends so many requests without reading any reply. Others are answered all the while, and memory stays bounded.
#[track_caller]
fn sends_and_never_reads(requests: usize, frame: &[u8]) {
    let (mut supervisor, bystanders) = supervised();
    let mut events = supervisor.events();
    let greedy = greedy(&supervisor);
    for _ in 0..requests {
        greedy.send(frame, 0).unwrap();
    }
    let mut most = 0;
    let dropped = eventually("the client is dropped", DEADLINE, || {
        let reply = supervisor.client().call("dance", &[]);
        assert_eq!(reply.get("danced"), Some(&Value::Bool(true)));
        most = most.max(resident_kib(supervisor.pid()));
        let event = events.next_within(Duration::from_millis(50))?;
        (text(&event, "event") == "client_dropped").then_some(event)
    });
    assert_eq!(text(&dropped, "endpoint"), supervisor.endpoint("rpc"));
    assert!(integer(&dropped, "replies") > 0);
    // What it had sent before may still be answered, and thrown away as well.
    eventually("every reply that is lost is told of", DEADLINE, || {
        let all = array(&supervisor.call("events", &[]), "events").to_vec();
        let told = all.iter().filter(|event| text(event, "event") == "client_dropped");
        let told: i64 = told.map(|event| integer(event, "replies")).sum();
        (told == integer(&supervisor.call("info", &[]), "replies_dropped")).then_some(())
    });
    assert!(most < 64 * 1024, "{most} KiB");
    bystanders.check(&mut supervisor, 32);
}

#[test]
fn a_client_that_sends_and_never_reads_is_dropped() {
    let fizzle = request("fizzle", &[("id", Value::from("x".repeat(100)))]);
    sends_and_never_reads(100_000, &encoded(&fizzle));
}

#[test]
fn a_client_that_asks_for_much_and_never_reads_is_dropped() {
    sends_and_never_reads(2000, &encoded(&request("methods", &[])));
}

/// Sends so many requests that wait, and returns how many were refused.
#[track_caller]
fn send_and_wait(client: &zmq::Socket, requests: usize, id: Value) -> usize {
    let arguments = [("state", Value::from("failed")), ("timeout", Value::Int(3600)), ("id", id)];
    let frame = encoded(&request("wait", &arguments));
    for _ in 0..requests {
        client.send(&frame, 0).unwrap();
    }
    client.send(encoded(&request("dance", &[])), 0).unwrap();
    let replies = || payload(&client.recv_multipart(0).expect("a reply"));
    let refused = std::iter::repeat_with(replies).take_while(|reply| reply.get("danced").is_none());
    refused.inspect(|reply| assert_eq!(text(reply, "code"), "busy")).count()
}

/// A request that waits is kept until it is answered: its size is what it costs, and not a multiple.
#[test]
fn large_requests_that_wait_cost_their_size() {
    let (mut supervisor, bystanders) = supervised();
    let client = socket(&zmq::Context::new(), zmq::DEALER, &supervisor.endpoint("rpc"));
    let many_values = Value::Array(vec![Value::Nil; 200_000]);
    assert_eq!(send_and_wait(&client, 20, many_values), 0);
    bystanders.check(&mut supervisor, 64);
}

#[test]
fn what_waits_is_bounded_in_all() {
    let (mut supervisor, bystanders) = supervised();
    let clients = [(); 2].map(|()| socket(&zmq::Context::new(), zmq::DEALER, &supervisor.endpoint("rpc")));
    let large = Value::Bin(vec![0; 1 << 19]);
    assert_eq!(send_and_wait(&clients[0], 20, large.clone()), 0);
    // These are 20 MiB together, and 16 are kept.
    assert!((9..20).contains(&send_and_wait(&clients[1], 20, large)));
    bystanders.check(&mut supervisor, 64);
}

/// Below the bound of what may wait: then it is time that decides.
#[test]
fn a_client_that_reads_nothing_for_long_is_dropped() {
    sends_and_never_reads(60_000, &encoded(&request("dance", &[])));
}

/// One that reads late, but does, loses nothing.
#[test]
fn a_slow_client_gets_every_reply() {
    const REQUESTS: i64 = 3000;
    let (mut supervisor, bystanders) = supervised();
    let slow = socket(&zmq::Context::new(), zmq::DEALER, &supervisor.endpoint("rpc"));
    for number in 0..REQUESTS {
        slow.send(encoded(&request("dance", &[("id", Value::Int(number))])), 0).unwrap();
    }
    for number in 0..REQUESTS {
        let reply = payload(&slow.recv_multipart(0).expect("a reply"));
        assert_eq!(integer(&reply, "id"), number);
    }
    let reply = supervisor.call("events", &[]);
    assert!(array(&reply, "events").iter().all(|event| text(event, "event") != "client_dropped"));
    bystanders.check(&mut supervisor, 16);
}

/// Descriptors for a thousand clients: each takes a connection and one of libzmq's own.
fn allow_descriptors() -> bool {
    const NEEDED: u64 = 4000;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    soft >= NEEDED || hard >= NEEDED && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok()
}

#[test]
fn a_thousand_clients_at_once_are_all_answered() {
    const CLIENTS: i64 = 1000;
    if !allow_descriptors() {
        crate::skip!("the limit of open files is too low for a thousand clients");
    }
    let (mut supervisor, bystanders) = supervised();
    // A context has room for 1023 sockets.
    let contexts = [zmq::Context::new(), zmq::Context::new()];
    let endpoint = supervisor.endpoint("rpc");
    let clients: Vec<zmq::Socket> = (0..CLIENTS)
        .map(|number| socket(&contexts[usize::from(number % 2 == 0)], zmq::DEALER, &endpoint))
        .collect();
    for round in 0..3 {
        for (number, client) in (0..).zip(&clients) {
            let arguments = [("id", Value::Int(number)), ("program", Value::from("bystander"))];
            client.send(encoded(&request("list", &arguments)), 0).unwrap();
        }
        for (number, client) in (0..).zip(&clients) {
            let reply = payload(&client.recv_multipart(0).expect("a reply"));
            assert_eq!(
                (integer(&reply, "id"), array(&reply, "instances").len()),
                (number, 3),
                "round {round}"
            );
        }
    }
    assert_eq!(integer(&supervisor.call("info", &[]), "connections_refused"), 0);
    bystanders.check(&mut supervisor, 64);
    drop(clients);
    bystanders.check(&mut supervisor, 64);
}

#[test]
fn clients_that_come_and_go_leave_nothing_behind() {
    let (mut supervisor, bystanders) = supervised();
    let descriptors = |supervisor: &Supervisor| crate::common::proc::descriptors(supervisor.pid()).len();
    let before = descriptors(&supervisor);
    let begun = Instant::now();
    for number in 0..300 {
        let context = zmq::Context::new();
        let client = socket(&context, zmq::DEALER, &supervisor.endpoint("rpc"));
        client.send(encoded(&request("status", &[])), 0).unwrap();
        // Some do not wait for what they asked.
        if number % 3 != 0 {
            client.recv_bytes(0).expect("a reply");
        }
        assert!(begun.elapsed() < 3 * DEADLINE);
    }
    eventually("their connections are closed", DEADLINE, || {
        (descriptors(&supervisor) <= before).then_some(())
    });
    bystanders.check(&mut supervisor, 16);
}

/// More connections than there are descriptors: some are refused, and everything else goes on.
#[test]
fn a_flood_of_connections_does_not_end_it() {
    let mut supervisor = crate::common::Launcher::new().through_shell("ulimit -n 256; exec \"$@\"").start();
    let bystanders = Bystanders::of(&mut supervisor);
    let path = supervisor.runtime_dir().join("rpc");
    let flood: Vec<_> =
        (0..1000).filter_map(|_| std::os::unix::net::UnixStream::connect(&path).ok()).collect();
    assert!(flood.len() > 500);
    supervisor.create_running("meanwhile", &crate::common::sleeper());
    drop(flood);
    let refused = eventually("connections were refused", DEADLINE, || {
        let reply = supervisor.client().call("info", args![]);
        Some(integer(&reply, "connections_refused")).filter(|count| *count > 0)
    });
    assert!(refused <= 1000, "{refused}");
    bystanders.check(&mut supervisor, 32);
}
