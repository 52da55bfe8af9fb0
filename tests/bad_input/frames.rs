//! Frames that are no request.

use crate::random::Random;
use crate::supervised;
use crate::wire::{dealer, encoded, exchange, payload, reply_to, request, text};
use procnanny::wire::msgpack::decode;
use procnanny::wire::value::Value;

#[test]
fn random_bytes_are_answered_one_by_one() {
    const FRAMES: usize = 5000;
    let (mut supervisor, bystanders) = supervised();
    let client = dealer(&supervisor);
    let mut random = Random::new(1);
    for number in 0..FRAMES {
        let frame = random.bytes(if number % 100 == 0 { 10_000 } else { 64 });
        let reply = reply_to(&client, &frame);
        // A random map would have to name a method to be more than that.
        assert_eq!(text(&reply, "code"), "malformed", "{frame:x?}");
        let understood = decode(&frame).unwrap_or(Value::Nil);
        assert_eq!(reply.get("request").map(encoded), Some(encoded(&understood)), "{frame:x?}");
    }
    bystanders.check(&mut supervisor, 8);
}

/// Requests that were right, with a few bytes changed, cut out or put in.
#[test]
fn requests_with_changed_bytes_are_answered() {
    const FRAMES: usize = 5000;
    let (mut supervisor, bystanders) = supervised();
    let client = dealer(&supervisor);
    let mut random = Random::new(2);
    let right = [
        request(
            "list",
            &[("program", Value::from("nobody")), ("instance", Value::Array(vec![Value::Int(3)]))],
        ),
        request("wait", &[("state", Value::from("failed")), ("timeout", Value::Float(0.001))]),
        request(
            "create",
            &[("program", Value::from("a/b")), ("command", Value::from("true")), ("nice", Value::Int(1))],
        ),
        request("events", &[("since", Value::Int(1)), ("limit", Value::Int(2)), ("run", Value::from("x"))]),
    ]
    .map(|request| encoded(&request));
    for number in 0..FRAMES {
        let mut frame = right[number % right.len()].clone();
        for _ in 0..=random.below(3) {
            let at = random.below(frame.len());
            let byte = random.next().to_le_bytes()[0];
            match random.below(3) {
                0 => frame[at] = byte,
                1 => frame.insert(at, byte),
                _ => drop(frame.remove(at)),
            }
        }
        let reply = reply_to(&client, &frame);
        assert!(reply.as_map().is_some(), "{frame:x?}: {reply:?}");
    }
    bystanders.check(&mut supervisor, 8);
}

#[test]
fn every_truncation_and_every_trailing_byte_is_malformed() {
    let (mut supervisor, bystanders) = supervised();
    let client = dealer(&supervisor);
    let stop = request("stop", &[("program", Value::from("*")), ("wait", Value::Bool(true))]);
    let right = encoded(&stop);
    for length in 0..right.len() {
        let reply = reply_to(&client, &right[..length]);
        assert_eq!(
            (text(&reply, "code"), reply.get("request")),
            ("malformed", Some(&Value::Nil)),
            "{length}"
        );
    }
    for byte in 0..=255 {
        let trailing = [&right[..], &[byte]].concat();
        assert_eq!(text(&reply_to(&client, &trailing), "code"), "malformed", "{byte}");
    }
    let twice = [&right[..], &right[..]].concat();
    assert_eq!(text(&reply_to(&client, &twice), "code"), "malformed");
    bystanders.check(&mut supervisor, 8);
}

#[test]
fn nesting_is_refused_however_deep_it_is() {
    let (mut supervisor, bystanders) = supervised();
    let client = dealer(&supervisor);
    let arrays = |levels: usize| [&vec![0x91; levels][..], b"\xc0"].concat();
    let maps = |levels: usize| [&b"\x81\xc0".repeat(levels)[..], b"\xc0"].concat();
    let under_a_key = |inner: Vec<u8>| [b"\x82\xa7request\xa5dance\xa1x", &inner[..]].concat();
    // The request itself is the first of 16 levels.
    let reply = reply_to(&client, &under_a_key(arrays(15)));
    assert_eq!(text(&reply, "code"), "bad-argument", "deep enough, but no argument of dance");
    for levels in [16, 17, 1000, 100_000, 400_000] {
        for frame in
            [under_a_key(arrays(levels)), under_a_key(maps(levels)), arrays(levels + 1), maps(levels + 1)]
        {
            let reply = reply_to(&client, &frame);
            assert_eq!(text(&reply, "code"), "malformed", "{levels}");
            assert!(text(&reply, "error").contains("16"), "{reply:?}");
        }
    }
    bystanders.check(&mut supervisor, 8);
}

#[test]
fn announced_lengths_are_not_believed() {
    let (mut supervisor, bystanders) = supervised();
    let client = dealer(&supervisor);
    // str, bin, ext, array and map of 4 GiB, alone and as the value of a key.
    for marker in [0xdb, 0xc6, 0xc9, 0xdd, 0xdf] {
        let announced = [marker, 0xff, 0xff, 0xff, 0xff, 0x01, 0x02];
        for before in [&b""[..], b"\x82\xa7request\xa5dance\xa1x", b"\x92\xc0"] {
            let reply = reply_to(&client, &[before, &announced].concat());
            assert_eq!(text(&reply, "code"), "malformed", "{marker:x}");
        }
    }
    // Each level promises what only the last could keep.
    let promises = b"\xdd\x00\x0f\x00\x00".repeat(15);
    assert_eq!(text(&reply_to(&client, &promises), "code"), "malformed");
    bystanders.check(&mut supervisor, 8);
}

#[test]
fn large_requests_cost_their_size_and_no_more() {
    let (mut supervisor, bystanders) = supervised();
    let client = dealer(&supervisor);
    // As many values as fit: the most memory that a request can take.
    let mut frame = b"\x82\xa7request\xa5dance\xa1x\xdd\x00\x0f\x40\x00".to_vec();
    frame.resize(frame.len() + 0x000f_4000, 0xc0);
    for _ in 0..2 {
        assert_eq!(text(&reply_to(&client, &frame), "code"), "bad-argument");
    }
    let long_name = Value::from("x".repeat(1_000_000));
    for method in ["list", "create", "remove", "scale", "update", "dance"] {
        let arguments = [("program", long_name.clone())];
        let number = [("instances", Value::Int(1))];
        let arguments = if ["scale", "update"].contains(&method) {
            [arguments, number].concat()
        } else {
            arguments.to_vec()
        };
        let reply = reply_to(&client, &encoded(&request(method, &arguments)));
        assert_eq!(text(&reply, "code"), "bad-argument", "{method}: {}", text(&reply, "error").len());
        assert!(text(&reply, "error").len() < 400, "{method}");
    }
    let method = reply_to(&client, &encoded(&Value::map([("request", long_name)])));
    assert_eq!(text(&method, "code"), "no-such-method");
    // While it is handled it takes some forty times its size, and the allocator may keep that.
    bystanders.check(&mut supervisor, 128);
}

#[test]
fn several_frames_are_malformed_however_many_they_are() {
    let (mut supervisor, bystanders) = supervised();
    let client = dealer(&supervisor);
    let right = encoded(&request("dance", &[]));
    for count in [2, 3, 8, 9, 10, 100, 1000] {
        let same: Vec<&[u8]> = vec![&right; count];
        assert_eq!(text(&payload(&exchange(&client, &same)), "code"), "malformed", "{count}");
        let empty: Vec<&[u8]> = vec![b""; count + 1];
        assert_eq!(text(&payload(&exchange(&client, &empty)), "code"), "malformed", "{count}");
        let delimited: Vec<&[u8]> = [&[&b""[..]][..], &same].concat();
        assert_eq!(text(&payload(&exchange(&client, &delimited)), "code"), "malformed", "{count}");
    }
    bystanders.check(&mut supervisor, 8);
}
