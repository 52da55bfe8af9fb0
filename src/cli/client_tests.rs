//! Against routers that answer, answer wrongly, say nothing, or end.

use super::*;
use std::path::PathBuf;
use std::thread;

fn scratch(name: &str) -> (PathBuf, Endpoint) {
    let directory = std::env::temp_dir().join(format!("procnanny-client-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let endpoint = Endpoint::in_directory(&directory);
    (directory, endpoint)
}

/// A router that has received one request, with its envelope.
fn router(endpoint: &Endpoint) -> zmq::Socket {
    let router = zmq::Context::new().socket(zmq::ROUTER).unwrap();
    router.set_linger(0).unwrap();
    router.set_rcvtimeo(10_000).unwrap();
    router.bind(endpoint.as_str()).unwrap();
    router
}

#[test]
fn a_reply_is_the_one_with_our_id() {
    let (directory, endpoint) = scratch("id");
    let server = router(&endpoint);
    let answering = thread::spawn(move || {
        let frames = server.recv_multipart(0).unwrap();
        let request = msgpack::decode(&frames[1]).unwrap();
        for (id, answer) in [(Value::Int(99), "stale"), (request.get("id").unwrap().clone(), "fresh")] {
            let mut writer = Writer::new();
            writer.value(&Value::map([("id", id), ("answer", Value::from(answer))]));
            server.send_multipart([frames[0].clone(), writer.into_bytes()], 0).unwrap();
        }
        // Kept until the client has gone.
        server
    });
    let mut client = Client::connect(&endpoint).unwrap();
    let reply = client.request(&Call::new("dance").with("program", "web")).unwrap();
    assert_eq!(reply.get("answer"), Some(&Value::from("fresh")));
    drop(answering.join().unwrap());
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn an_end_in_the_middle_is_noticed() {
    let (directory, endpoint) = scratch("end");
    let server = router(&endpoint);
    let dying = thread::spawn(move || drop(server.recv_multipart(0).unwrap()));
    let mut client = Client::connect(&endpoint).unwrap();
    let call = Call::new("start").waiting(Some(Duration::from_secs(600)));
    let asked = Instant::now();
    assert!(matches!(client.exchange(&call), Err(Failure::NoSupervisor(_))));
    assert!(asked.elapsed() < Duration::from_secs(60), "noticed, not waited for");
    dying.join().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn what_is_alive() {
    assert!(is_alive(i32::try_from(std::process::id()).unwrap()));
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let process = i32::try_from(child.id()).unwrap();
    let began = Instant::now();
    while is_alive(process) {
        assert!(began.elapsed() < Duration::from_secs(20), "a zombie has ended");
    }
    child.wait().unwrap();
    assert!(!is_alive(process) && !is_alive(-1));
}

#[test]
fn a_wait_can_be_interrupted() {
    let (directory, endpoint) = scratch("interrupt");
    let _silent = router(&endpoint);
    let mut client = Client::connect(&endpoint).unwrap();
    client.interrupted_by(Arc::new(AtomicBool::new(true)));
    assert!(matches!(client.exchange(&Call::new("info")), Err(Failure::Interrupted)));
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn what_is_no_reply_is_an_error() {
    let (directory, endpoint) = scratch("strange");
    let server = router(&endpoint);
    let answering = thread::spawn(move || {
        let frames = server.recv_multipart(0).unwrap();
        server.send_multipart([&frames[0][..], b"\xc1"], 0).unwrap();
        server
    });
    let mut client = Client::connect(&endpoint).unwrap();
    let Err(Failure::Failed(sentence)) = client.exchange(&Call::new("info")) else { panic!() };
    assert!(sentence.contains("no reply"), "{sentence}");
    drop(answering.join().unwrap());
    std::fs::remove_dir_all(&directory).unwrap();
}
