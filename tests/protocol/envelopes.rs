//! Envelopes: REQ and DEALER, delimiters, proxies, and many requests before the first reply.

use crate::common::Supervisor;
use crate::wire::{dealer, encoded, exchange, payload, request, socket, text};
use procnanny::wire::value::Value;

fn dance() -> Vec<u8> {
    encoded(&request("dance", &[]))
}

fn danced() -> Value {
    Value::map([("danced", Value::Bool(true))])
}

#[test]
fn a_req_client_is_answered_again_and_again() {
    let supervisor = Supervisor::start();
    let client = socket(&zmq::Context::new(), zmq::REQ, &supervisor.endpoint("rpc"));
    for _ in 0..3 {
        // The socket itself adds and checks the delimiter.
        let reply = exchange(&client, &[&dance()]);
        assert_eq!((reply.len(), payload(&reply)), (1, danced()));
    }
}

#[test]
fn the_reply_to_a_dealer_has_a_delimiter_where_the_request_had_one() {
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    for _ in 0..2 {
        assert_eq!(exchange(&client, &[&dance()]), [encoded(&danced())]);
        assert_eq!(exchange(&client, &[b"", &dance()]), [vec![], encoded(&danced())]);
    }
    let refused = exchange(&client, &[b"", &encoded(&request("fizzle", &[]))]);
    assert_eq!((refused.len(), refused[0].as_slice()), (2, &b""[..]), "errors, too");
}

#[test]
fn what_proxies_put_before_the_delimiter_comes_back() {
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    let two_proxies: [&[u8]; 3] = [b"\0first", b"\0second", b""];
    let reply = exchange(&client, &[&two_proxies[..], &[&dance()]].concat());
    assert_eq!(reply[..3], two_proxies);
    assert_eq!(payload(&reply), danced());

    // With the routing id, which the supervisor's socket adds, these are eight frames; and then nine.
    let many: Vec<&[u8]> = vec![b"a", b"b", b"c", b"d", b"e", b""];
    let reply = exchange(&client, &[&many[..], &[&dance()]].concat());
    assert_eq!(
        (&reply[..6], payload(&reply)),
        (&many.iter().map(|frame| frame.to_vec()).collect::<Vec<_>>()[..], danced())
    );
    let reply = exchange(&client, &[&[&b"z"[..]], &many[..], &[&dance()]].concat());
    assert_eq!(text(&payload(&reply), "code"), "malformed");
}

#[test]
fn requests_through_a_chain_of_proxies_find_their_way_back() {
    let supervisor = Supervisor::start();
    let context = zmq::Context::new();
    let near = proxy(&context, &supervisor.endpoint("rpc"), "inproc://near");
    let far = proxy(&context, "inproc://near", "inproc://far");
    let clients: Vec<zmq::Socket> = (0..3).map(|_| socket(&context, zmq::REQ, "inproc://far")).collect();
    for (number, client) in clients.iter().enumerate() {
        let id = Value::Int(i64::try_from(number).unwrap());
        client.send(encoded(&request("dance", &[("id", id)])), 0).unwrap();
    }
    for (number, client) in clients.iter().enumerate() {
        let reply = payload(&client.recv_multipart(0).expect("a reply"));
        assert_eq!(reply.get("id"), Some(&Value::Int(i64::try_from(number).unwrap())));
    }
    for stop in [far, near] {
        stop();
    }
}

/// Runs a proxy in a thread. What is returned ends it.
fn proxy(context: &zmq::Context, backend: &str, frontend: &str) -> impl FnOnce() + use<> {
    let control = format!("{frontend}-control");
    let commands = context.socket(zmq::PAIR).unwrap();
    commands.bind(&control).unwrap();
    let front = context.socket(zmq::ROUTER).unwrap();
    front.bind(frontend).unwrap();
    let back = socket(context, zmq::DEALER, backend);
    let controlled = socket(context, zmq::PAIR, &control);
    let thread = std::thread::spawn(move || {
        let (mut front, mut back, mut controlled) = (front, back, controlled);
        zmq::proxy_steerable(&mut front, &mut back, &mut controlled)
    });
    move || {
        commands.send("TERMINATE", 0).unwrap();
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn requests_are_answered_in_their_order_without_waiting_for_replies() {
    const REQUESTS: i64 = 500;
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    for number in 0..REQUESTS {
        let method = ["dance", "info", "fizzle"][usize::try_from(number % 3).unwrap()];
        client.send(encoded(&request(method, &[("id", Value::Int(number))])), 0).unwrap();
    }
    for number in 0..REQUESTS {
        let reply = payload(&client.recv_multipart(0).expect("a reply"));
        assert_eq!(reply.get("id"), Some(&Value::Int(number)));
        assert_eq!(reply.get("error").is_some(), number % 3 == 2, "{reply:?}");
    }
}

/// What no socket takes for a routing id is not mirrored.
#[test]
fn a_frame_before_the_delimiter_that_is_too_long_is_malformed() {
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    let longest = [b'x'; 255];
    let reply = exchange(&client, &[&longest, b"", &dance()]);
    assert_eq!((reply[0].as_slice(), payload(&reply)), (&longest[..], danced()));
    let reply = exchange(&client, &[&[b'x'; 256], b"", &dance()]);
    assert_eq!((reply.len(), text(&payload(&reply), "code")), (1, "malformed"));
}

#[test]
fn a_message_that_is_not_one_request_is_malformed() {
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    let dance = dance();
    let several: [&[&[u8]]; 6] = [
        &[&dance, &dance],
        &[b"", &dance, &dance],
        &[b"x", &dance],
        &[b"x", b""],
        &[b"", b"", &dance],
        &[b"", b""],
    ];
    for frames in several {
        let reply = payload(&exchange(&client, frames));
        assert_eq!(text(&reply, "code"), "malformed", "{frames:?}");
        assert_eq!(reply.get("request"), Some(&Value::Nil));
    }
    assert_eq!(payload(&exchange(&client, &[&dance])), danced());
}
