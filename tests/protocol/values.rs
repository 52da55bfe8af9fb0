//! What values go through unchanged, and what may stand for what.

use crate::common::Supervisor;
use crate::wire::{dealer, encoded, reply_to, request, text};
use procnanny::wire::value::Value;

#[test]
fn an_id_of_any_type_comes_back_as_it_was() {
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    let strange_map = Value::Map(vec![
        (Value::Int(1), Value::Nil),
        (Value::Nil, Value::Float(0.5)),
        (Value::Int(1), Value::Nil),
    ]);
    let ids = [
        Value::Nil,
        Value::Bool(false),
        Value::Int(0),
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::Uint(u64::MAX),
        Value::Float(-1.5),
        Value::Float(f64::INFINITY),
        Value::from(""),
        Value::from("größe"),
        Value::from("x".repeat(70_000)),
        Value::Bin(vec![]),
        Value::Bin(b"text".to_vec()),
        Value::Bin(vec![0xff; 300]),
        Value::Ext(-1, vec![0; 12]),
        Value::Array(vec![Value::Nil; 20]),
        strange_map,
    ];
    for id in ids {
        for method in ["dance", "fizzle", "list", "wait"] {
            let reply = reply_to(&client, &encoded(&request(method, &[("id", id.clone())])));
            assert_eq!(reply.get("id"), Some(&id), "{method}");
        }
    }
}

#[test]
fn without_an_id_there_is_none_in_the_reply() {
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    for method in ["dance", "fizzle"] {
        assert_eq!(reply_to(&client, &encoded(&request(method, &[]))).get("id"), None, "{method}");
    }
}

#[test]
fn ids_may_be_nested_as_deep_as_a_request_may() {
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    // The request is the first of 16 levels.
    let id = (0..15).fold(Value::Nil, |inner, _| Value::Array(vec![inner]));
    let reply = reply_to(&client, &encoded(&request("dance", &[("id", id.clone())])));
    assert_eq!(reply.get("id"), Some(&id));
    let reply = reply_to(&client, &encoded(&request("dance", &[("id", Value::Array(vec![id]))])));
    assert_eq!((text(&reply, "code"), reply.get("id")), ("malformed", None));
}

#[test]
fn strings_may_come_as_binary() {
    let mut supervisor = Supervisor::start();
    supervisor.call("create", crate::args!["program" => "web", "command" => "true", "start" => false]);
    let client = dealer(&supervisor);
    let bin = |text: &str| Value::Bin(text.as_bytes().to_vec());
    let list = Value::Map(vec![(bin("program"), bin("w*")), (bin("request"), bin("list"))]);
    let reply = reply_to(&client, &encoded(&list));
    let rows = reply.get("instances").and_then(Value::as_array).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get("program"), Some(&Value::from("web")), "and go out as strings");
}

#[test]
fn a_string_that_is_not_utf8_comes_back_as_binary() {
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    // {"request": "fizzle", "x": str of two bytes that are no UTF-8}
    let raw = b"\x82\xa7request\xa6fizzle\xa1x\xa2\xff\xfe";
    let reply = reply_to(&client, raw);
    let understood = request("fizzle", &[("x", Value::Bin(vec![0xff, 0xfe]))]);
    assert_eq!(reply.get("request"), Some(&understood));

    // Where text is expected it is none.
    let reply = reply_to(&client, b"\x82\xa7request\xa4list\xa7program\xa2\xff\xfe");
    assert_eq!(text(&reply, "code"), "bad-argument");
    let reply = reply_to(&client, b"\x81\xa7request\xa2\xff\xfe");
    assert_eq!(text(&reply, "code"), "bad-argument");
    let reply = reply_to(&client, b"\x82\xa7request\xa5dance\xa2\xff\xfe\xc0");
    assert_eq!(text(&reply, "code"), "malformed", "a key is text");
}

#[test]
fn of_a_key_that_occurs_twice_the_first_counts() {
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    let twice =
        request("dance", &[("request", Value::from("fizzle")), ("id", Value::Int(1)), ("id", Value::Int(2))]);
    let reply = reply_to(&client, &encoded(&twice));
    assert_eq!((reply.get("danced"), reply.get("id")), (Some(&Value::Bool(true)), Some(&Value::Int(1))));
}

#[test]
fn every_width_of_a_number_is_taken_and_the_shortest_comes_back() {
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    // {"request": "fizzle", "id": 1 in 64 bits, "x": 0.5 in 32 bits}
    let raw = b"\x83\xa7request\xa6fizzle\xa2id\xcf\0\0\0\0\0\0\0\x01\xa1x\xca\x3f\0\0\0";
    client.send(&raw[..], 0).unwrap();
    let bytes = client.recv_bytes(0).expect("a reply");
    let ends = |tail: &[u8]| bytes.ends_with(tail);
    // What was understood, then the id of the reply itself.
    assert!(ends(b"\xa2id\x01\xa1x\xcb\x3f\xe0\0\0\0\0\0\0\xa2id\x01"), "{bytes:x?}");
}

#[test]
fn nil_stands_for_an_argument_that_is_left_out() {
    let mut supervisor = Supervisor::start();
    supervisor.call("create", crate::args!["program" => "web", "command" => "true", "start" => false]);
    let nothing = [("program", Value::Nil), ("instance", Value::Nil)];
    let reply = supervisor.call("list", &nothing);
    assert_eq!(reply.get("instances").and_then(Value::as_array).map(<[Value]>::len), Some(1));
    let refused = supervisor.refusal("stop", &nothing);
    assert_eq!(refused.sentence, "Message is missing 'program' field");
}
