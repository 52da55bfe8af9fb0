//! The output socket: contiguous offsets, and what a subscriber may cost.

use crate::common::{DEADLINE, eventually, proc};
use crate::rig::{Rig, route, to_file};
use procnanny::core::log::{OutputSource, StreamId};
use procnanny::wire::log_channel::{FromLogger, Route, Sink};
use procnanny::wire::msgpack;
use procnanny::wire::value::Value;
use std::sync::atomic::Ordering;
use std::time::Instant;

fn subscriber(rig: &mut Rig, topics: &[&str]) -> zmq::Socket {
    rig.said("bound", |message| matches!(message, FromLogger::Bound { .. }).then_some(()));
    connect(rig, topics)
}

fn connect(rig: &Rig, topics: &[&str]) -> zmq::Socket {
    let socket = zmq::Context::new().socket(zmq::SUB).unwrap();
    socket.set_linger(0).unwrap();
    socket.set_reconnect_ivl(-1).unwrap();
    for topic in topics {
        socket.set_subscribe(topic.as_bytes()).unwrap();
    }
    socket.connect(&rig.endpoint()).unwrap();
    socket
}

/// The next message: its topic and its map.
fn next(socket: &zmq::Socket, timeout: i64) -> Option<(String, Value)> {
    if socket.poll(zmq::POLLIN, timeout).unwrap() == 0 {
        return None;
    }
    let frames = socket.recv_multipart(0).unwrap();
    assert_eq!(frames.len(), 2);
    assert!(frames[1].len() <= 32 << 10);
    Some((String::from_utf8(frames[0].clone()).unwrap(), msgpack::decode(&frames[1]).unwrap()))
}

fn offset(message: &Value) -> u64 {
    message.get("offset").unwrap().as_u64().unwrap()
}

fn data(message: &Value) -> &[u8] {
    match message.get("data") {
        Some(Value::Bin(data)) => data,
        other => panic!("{other:?}"),
    }
}

/// Writes until something of it is published, so that the subscription is known to have arrived.
fn first(rig: &Rig, stream: StreamId, socket: &zmq::Socket) -> (String, Value) {
    eventually("the subscription arrives", DEADLINE, || {
        rig.write(stream, "hello\n");
        next(socket, 20)
    })
}

#[test]
fn every_byte_has_its_offset() {
    let mut rig = Rig::new();
    let socket = subscriber(&mut rig, &["output/web/0/"]);
    let stream = rig.open(route(Sink::Memory));
    rig.memory.counters(stream.0).unwrap().pid.store(4711, Ordering::Relaxed);
    let silent = rig.open(Route { instance: 1, ..route(Sink::Memory) });
    rig.write(silent, "nobody asked\n");
    let (topic, message) = first(&rig, stream, &socket);
    assert_eq!(topic, "output/web/0/stdout");
    for (key, value) in [
        ("event", Value::from("data")),
        ("program", Value::from("web")),
        ("instance", Value::Int(0)),
        ("source", Value::from("stdout")),
        ("pid", Value::Int(4711)),
    ] {
        assert_eq!(message.get(key), Some(&value), "{key}");
    }
    let mut expected = offset(&message) + data(&message).len() as u64;
    rig.write(stream, vec![b'x'; 300_000]);
    // As many as were needed until the subscription had arrived, and these.
    let all = eventually("all is taken", DEADLINE, || {
        Some(rig.counts(stream).taken).filter(|taken| *taken > 300_000 && taken % 6 == 0)
    });
    while expected < all {
        let (topic, message) = next(&socket, 10_000).expect("all of it is published");
        assert_eq!((topic.as_str(), offset(&message)), ("output/web/0/stdout", expected));
        expected += data(&message).len() as u64;
    }
}

#[test]
fn a_subscriber_that_never_reads_costs_a_bounded_amount() {
    let mut rig = Rig::new();
    let lazy = subscriber(&mut rig, &["output/"]);
    lazy.set_rcvhwm(1).unwrap();
    let stream = rig.open(route(Sink::Memory));
    let eager = connect(&rig, &["output/"]);
    first(&rig, stream, &eager);
    let resident = |rig: &Rig| {
        let line = proc::status_line(rig.pid(), "VmRSS");
        line.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let before = resident(&rig);
    let begun = rig.counts(stream).taken;
    rig.write(stream, vec![b'x'; 64 << 20]);
    eventually("all of it is taken", DEADLINE, || {
        (rig.counts(stream).taken >= begun + (64 << 20)).then_some(())
    });
    assert!(resident(&rig) < before + 24 * 1024, "{before} KiB, then {} KiB", resident(&rig));
    // It sees by the offsets that it has missed something.
    let mut expected = None;
    let mut gaps = 0;
    while let Some((_, message)) = next(&eager, 200) {
        gaps += u32::from(expected.is_some_and(|expected| expected != offset(&message)));
        expected = Some(offset(&message) + data(&message).len() as u64);
    }
    println!("{gaps} gaps");
}

#[test]
fn a_subscriber_to_a_hundred_thousand_topics_is_dropped() {
    let mut rig = Rig::new();
    let modest = subscriber(&mut rig, &["output/web/0/stdout"]);
    let greedy = connect(&rig, &[]);
    greedy.set_sndhwm(0).unwrap();
    let stream = rig.open(route(Sink::Memory));
    first(&rig, stream, &modest);
    for number in 0..100_000 {
        greedy.set_subscribe(format!("output/{number}/").as_bytes()).unwrap();
    }
    greedy.set_subscribe(b"output/web/").unwrap();
    let begun = Instant::now();
    first(&rig, stream, &modest);
    assert!(begun.elapsed() < DEADLINE);
    while next(&modest, 0).is_some() {}
    first(&rig, stream, &modest);
    assert_eq!(greedy.poll(zmq::POLLIN, 0).unwrap(), 0, "it gets nothing");
    let line = proc::status_line(rig.pid(), "VmRSS");
    assert!(line.split(' ').next().unwrap().parse::<u64>().unwrap() < 64 * 1024, "{line}");
}

#[test]
fn sources_are_told_apart() {
    let mut rig = Rig::new();
    let socket = subscriber(&mut rig, &["output/web/0/stderr"]);
    let path = rig.scratch.join("log");
    let stderr = rig.open(Route { source: OutputSource::Stderr, ..to_file(&path) });
    let stdout = rig.open(route(Sink::Memory));
    rig.write(stdout, "not this\n");
    let (topic, message) = first(&rig, stderr, &socket);
    assert_eq!((topic.as_str(), data(&message).starts_with(b"hello\n")), ("output/web/0/stderr", true));
}
