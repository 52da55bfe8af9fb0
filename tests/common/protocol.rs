//! The protocol at its lowest level: frames as they are, the methods as the supervisor itself describes them, and a
//! check that it goes on as if nothing had been.
#![allow(dead_code, reason = "each test binary uses a part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::{Client, DEADLINE, Row, Supervisor, proc, sleeper};
use procnanny::wire::msgpack::{Writer, decode_reply};
use procnanny::wire::value::Value;

/// A value as bytes.
pub fn encoded(value: &Value) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.value(value);
    writer.into_bytes()
}

/// A request without an id.
pub fn request(method: &str, arguments: &[(&str, Value)]) -> Value {
    Value::map([("request", Value::from(method))].into_iter().chain(arguments.iter().cloned()))
}

/// A socket that waits for the deadline at the most, and that nothing waits for when it is dropped.
pub fn socket(context: &zmq::Context, kind: zmq::SocketType, endpoint: &str) -> zmq::Socket {
    let socket = context.socket(kind).unwrap();
    socket.set_linger(0).unwrap();
    socket.set_reconnect_ivl(10).unwrap();
    let patience = i32::try_from(DEADLINE.as_millis()).unwrap();
    socket.set_rcvtimeo(patience).unwrap();
    socket.set_sndtimeo(patience).unwrap();
    socket.connect(endpoint).unwrap();
    socket
}

/// A client's socket for requests, in a context of its own.
pub fn dealer(supervisor: &Supervisor) -> zmq::Socket {
    socket(&zmq::Context::new(), zmq::DEALER, &supervisor.endpoint("rpc"))
}

/// Sends frames and returns those of the next reply.
#[track_caller]
pub fn exchange(socket: &zmq::Socket, frames: &[&[u8]]) -> Vec<Vec<u8>> {
    socket.send_multipart(frames, 0).unwrap();
    socket.recv_multipart(0).expect("a reply")
}

/// The one value of the last frame.
#[track_caller]
pub fn payload(frames: &[Vec<u8>]) -> Value {
    decode_reply(frames.last().expect("a frame")).expect("a reply is one value")
}

/// The reply to one frame of bytes.
#[track_caller]
pub fn reply_to(socket: &zmq::Socket, frame: &[u8]) -> Value {
    payload(&exchange(socket, &[frame]))
}

/// The text under a key of a map; empty where there is none.
pub fn text<'a>(map: &'a Value, key: &str) -> &'a str {
    map.get(key).and_then(Value::text).unwrap_or_default()
}

/// The integer under a key of a map.
#[track_caller]
pub fn integer(map: &Value, key: &str) -> i64 {
    map.get(key).and_then(Value::as_i64).unwrap_or_else(|| panic!("no integer {key} in {map:?}"))
}

/// The elements under a key of a map.
#[track_caller]
pub fn array<'a>(map: &'a Value, key: &str) -> &'a [Value] {
    map.get(key).and_then(Value::as_array).unwrap_or_else(|| panic!("no array {key} in {map:?}"))
}

/// The entries under a key of a map.
#[track_caller]
pub fn entries<'a>(map: &'a Value, key: &str) -> &'a [(Value, Value)] {
    map.get(key).and_then(Value::as_map).unwrap_or_else(|| panic!("no map {key} in {map:?}"))
}

/// A method, as `methods` describes it.
#[derive(Clone, Debug)]
pub struct Method {
    pub name: String,
    pub access: String,
    pub doc: String,
    pub arguments: Vec<Argument>,
}

/// An argument, as `methods` describes it.
#[derive(Clone, Debug)]
pub struct Argument {
    pub name: String,
    pub kind: String,
    pub required: bool,
    pub doc: String,
}

/// All methods.
#[track_caller]
pub fn methods(client: &mut Client) -> Vec<Method> {
    let reply = client.call("methods", &[]);
    entries(&reply, "methods").iter().map(|(name, method)| Method::of(name, method)).collect()
}

impl Method {
    fn of(name: &Value, method: &Value) -> Self {
        let argument = |(name, argument): &(Value, Value)| Argument {
            name: name.text().unwrap().to_string(),
            kind: text(argument, "type").to_string(),
            required: argument.get("required").and_then(Value::as_bool).expect("required is a boolean"),
            doc: text(argument, "doc").to_string(),
        };
        Self {
            name: name.text().unwrap().to_string(),
            access: text(method, "access").to_string(),
            doc: text(method, "doc").to_string(),
            arguments: entries(method, "arguments").iter().map(argument).collect(),
        }
    }

    /// A request with all required arguments, each of them right in its type, for a program of this name.
    pub fn minimal(&self, program: &str) -> Vec<(&str, Value)> {
        let required = self.arguments.iter().filter(|argument| argument.required);
        required.map(|argument| (argument.name.as_str(), argument.example(program))).collect()
    }
}

impl Argument {
    /// A value of the right type.
    pub fn example(&self, program: &str) -> Value {
        match (self.name.as_str(), self.kind.as_str()) {
            ("program", _) => Value::from(program),
            ("command", "string") => Value::from("true"),
            ("state", "string") => Value::from("new"),
            ("signal", "string or integer") => Value::from("CONT"),
            ("instances", "integer") => Value::from(1),
            ("instance", "integer") => Value::from(0),
            (name, kind) => panic!("no example of {name}, {kind}"),
        }
    }
}

/// The resident memory of a process, in KiB.
#[track_caller]
pub fn resident_kib(pid: i32) -> u64 {
    proc::status_line(pid, "VmRSS").trim_end_matches(" kB").parse().unwrap()
}

/// Three processes that nothing may touch, and the memory of the supervisor before it was provoked.
pub struct Bystanders {
    before: Vec<Row>,
    resident_kib: u64,
}

impl Bystanders {
    const PROGRAM: &'static str = "bystander";

    /// Creates them.
    #[track_caller]
    pub fn of(supervisor: &mut Supervisor) -> Self {
        let before = supervisor.create_running(Self::PROGRAM, &sleeper().with("instances", 3));
        Self { before, resident_kib: resident_kib(supervisor.pid()) }
    }

    /// The supervisor lives, answers a new client, has not grown by more than `grown_mib`, and they run as before.
    #[track_caller]
    pub fn check(&self, supervisor: &mut Supervisor, grown_mib: u64) {
        assert_eq!(supervisor.try_wait(), None, "the supervisor ended: {}", supervisor.stderr());
        let reply = supervisor.client().call("dance", &[]);
        assert_eq!(reply.get("danced"), Some(&Value::Bool(true)));
        let known = |row: &Row| (row.pid, row.start_count, row.state.clone());
        let (before, now) = (self.before.iter().map(known), supervisor.rows(Self::PROGRAM));
        assert!(before.eq(now.iter().map(known)), "was {:?}, is {now:?}", self.before);
        assert!(now.iter().all(|row| proc::is_alive(row.pid)));
        let resident = resident_kib(supervisor.pid());
        let bound = self.resident_kib + grown_mib * 1024;
        assert!(resident <= bound, "grown from {} to {resident} KiB", self.resident_kib);
    }
}
