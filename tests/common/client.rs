//! A client of the API: one DEALER socket, a request at a time, its reply found by its `id`.

use super::DEADLINE;
use procnanny::wire::msgpack::{Writer, decode_reply};
use procnanny::wire::value::Value;
use std::time::{Duration, Instant};

/// Names and values of a request, beside `request` and `id`.
pub type Arguments<'a> = &'a [(&'a str, Value)];

/// A client.
pub struct Client {
    socket: zmq::Socket,
    sent: i64,
}

/// An error reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// `code`.
    pub code: String,
    /// `error`.
    pub sentence: String,
    /// All of it.
    pub reply: Value,
}

/// A row of `list`, or of the `results` of a command (what those do not have is its default).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pub program: String,
    pub instance: i64,
    pub pid: i32,
    pub state: String,
    pub admin_state: String,
    pub exitcode: i64,
    pub exitsignal: i64,
    pub start_time: Option<f64>,
    pub duration: f64,
    pub start_count: i64,
    pub flap_count: i64,
    pub last_duration: Option<f64>,
    pub flapping: bool,
    pub retry_in: Option<f64>,
    pub reason: Option<String>,
    pub ready: bool,
    pub status_text: Option<String>,
    pub restart_needed: bool,
    pub health: Option<String>,
    pub changed: bool,
}

/// An array of strings, as a value.
pub fn strings(texts: &[&str]) -> Value {
    Value::Array(texts.iter().map(|text| Value::from(*text)).collect())
}

impl Client {
    /// A client of an endpoint, which may come to be later.
    pub fn connect(endpoint: &str) -> Self {
        let socket = zmq::Context::new().socket(zmq::DEALER).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_reconnect_ivl(10).unwrap();
        socket.connect(endpoint).unwrap();
        Self { socket, sent: 0 }
    }

    /// The socket, to send it whatever one likes.
    pub fn socket(&self) -> &zmq::Socket {
        &self.socket
    }

    /// Sends one frame of one value.
    pub fn send(&self, value: &Value) {
        let mut writer = Writer::new();
        writer.value(value);
        self.socket.send(writer.as_slice(), 0).unwrap();
    }

    /// The next reply, if one comes within `time`.
    pub fn receive(&self, time: Duration) -> Option<Value> {
        let millis = i64::try_from(time.as_millis()).unwrap();
        if self.socket.poll(zmq::POLLIN, millis).unwrap() == 0 {
            return None;
        }
        let mut frames = self.socket.recv_multipart(0).unwrap();
        Some(decode_reply(&frames.pop().unwrap()).expect("a reply is one value"))
    }

    /// Sends a request without waiting for its reply; its `id` is returned.
    pub fn post(&mut self, method: &str, arguments: Arguments<'_>) -> i64 {
        self.sent += 1;
        let own = [("request", Value::from(method)), ("id", Value::Int(self.sent))];
        self.send(&Value::map(own.into_iter().chain(arguments.iter().cloned())));
        self.sent
    }

    /// The reply to the request with this `id`; replies to others are passed over.
    #[track_caller]
    pub fn reply_to(&self, id: i64, time: Duration) -> Value {
        let begun = Instant::now();
        loop {
            let left = time.saturating_sub(begun.elapsed());
            let reply = self.receive(left).unwrap_or_else(|| panic!("no reply to {id} within {time:?}"));
            if reply.get("id") == Some(&Value::Int(id)) {
                return reply;
            }
        }
    }

    /// The reply to a request, be it what it may.
    #[track_caller]
    pub fn ask(&mut self, method: &str, arguments: Arguments<'_>) -> Value {
        let id = self.post(method, arguments);
        // Requests that wait have a time limit of their own.
        self.reply_to(id, 2 * DEADLINE)
    }

    /// The reply to a request that has to succeed.
    #[track_caller]
    pub fn call(&mut self, method: &str, arguments: Arguments<'_>) -> Value {
        let reply = self.ask(method, arguments);
        assert_eq!(reply.get("error"), None, "{method} {arguments:?}: {reply:?}");
        reply
    }

    /// The error reply to a request that has to be refused.
    #[track_caller]
    pub fn refusal(&mut self, method: &str, arguments: Arguments<'_>) -> Refusal {
        let reply = self.ask(method, arguments);
        let text = |key| {
            let found = reply.get(key).and_then(Value::text);
            found.unwrap_or_else(|| panic!("{method} {arguments:?} was not refused: {reply:?}")).to_string()
        };
        Refusal { code: text("code"), sentence: text("error"), reply: reply.clone() }
    }

    /// The `results` of a command that has to succeed.
    #[track_caller]
    pub fn command(&mut self, method: &str, arguments: Arguments<'_>) -> Vec<Row> {
        rows(&self.call(method, arguments), "results")
    }

    /// The rows of `list`.
    #[track_caller]
    pub fn list(&mut self, arguments: Arguments<'_>) -> Vec<Row> {
        rows(&self.call("list", arguments), "instances")
    }
}

/// The rows under a key of a reply.
#[track_caller]
pub fn rows(reply: &Value, key: &str) -> Vec<Row> {
    let found = reply.get(key).and_then(Value::as_array);
    found.unwrap_or_else(|| panic!("no {key} in {reply:?}")).iter().map(Row::of).collect()
}

impl Row {
    /// A row of a reply, or a state event.
    pub fn of(row: &Value) -> Self {
        let int = |key| row.get(key).and_then(Value::as_i64).unwrap_or_default();
        let float = |key| row.get(key).and_then(Value::as_f64);
        let text = |key| row.get(key).and_then(Value::text).map(str::to_string);
        let is = |key| row.get(key).and_then(Value::as_bool).unwrap_or_default();
        Self {
            program: text("program").unwrap(),
            instance: int("instance"),
            pid: i32::try_from(int("pid")).unwrap(),
            state: text("state").unwrap(),
            admin_state: text("admin_state").unwrap(),
            exitcode: int("exitcode"),
            exitsignal: int("exitsignal"),
            start_time: float("start_time"),
            duration: float("duration").unwrap_or_default(),
            start_count: int("start_count"),
            flap_count: int("flap_count"),
            last_duration: float("last_duration"),
            flapping: is("flapping"),
            retry_in: float("retry_in"),
            reason: text("reason"),
            ready: is("ready"),
            status_text: text("status_text"),
            restart_needed: is("restart_needed"),
            health: text("health"),
            changed: is("changed"),
        }
    }

    /// `reason`, which has to be there.
    #[track_caller]
    pub fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or_else(|| panic!("no reason in {self:?}"))
    }
}
