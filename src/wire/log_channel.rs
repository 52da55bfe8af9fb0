//! What the supervisor and the logger say to one another: one MessagePack map a message, over a pair of connected
//! sockets that keep messages apart and carry descriptors ([`crate::sys::channel`]).
//!
//! Both ends are this program, but not always of one version: the logger outlives the supervisor, and an upgrade
//! replaces one before the other. So a message with entries that are not known is understood without them, and one
//! that is not known at all is passed over.

use super::msgpack::{self, Writer};
use super::value::Value;
use crate::core::log::{LogPolicy, OnFull, OutputSource, StreamId, Written};

/// What the supervisor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToLogger {
    /// The first message. With it come four descriptors: both memories of [`crate::sys::log_memory`], counters first, and
    /// the reading and the writing end of the pipe that output goes through.
    Begin {
        /// Where output is to be published; `None` if nowhere.
        output: Option<OutputEndpoint>,
    },
    /// Output of this stream is to be read from now on. With it comes the reading end of its pipe.
    Open {
        /// The stream.
        stream: StreamId,
        /// Where it goes.
        route: Route,
    },
    /// Output of this stream goes elsewhere, or otherwise, from now on.
    Change {
        /// The stream.
        stream: StreamId,
        /// Where it goes.
        route: Route,
    },
    /// Nothing more is written to this stream by us. It is read to its end, which a process may put off that still has
    /// the writing end; then [`FromLogger::Closed`] follows.
    Close {
        /// The stream.
        stream: StreamId,
    },
    /// A run began or ended; only said of streams whose runs are marked in the file.
    Mark {
        /// The stream.
        stream: StreamId,
        /// The words of the marker, without a line's end.
        words: String,
        /// After how many bytes of the stream it stands, counted as those that are taken. What was printed since may be
        /// in the pipe by now.
        after: u64,
    },
    /// All files are opened anew by their names, for they were renamed.
    Reopen,
    /// The socket for output is bound anew, if its file is not in its place.
    Bind {
        /// Where output is to be published.
        output: OutputEndpoint,
    },
}

/// Where output is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputEndpoint {
    /// As libzmq takes it.
    pub address: String,
    /// Permissions of the socket's file; for an address that has none, nothing.
    pub mode: Option<u32>,
}

/// Where the output of a stream goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its program.
    pub program: String,
    /// Which of the instances.
    pub instance: u32,
    /// Which of the two streams.
    pub source: OutputSource,
    /// Where it is written to.
    pub sink: Sink,
    /// How.
    pub policy: LogPolicy,
}

/// Where the output of a stream is written to, beside the memory of its latest bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Nowhere.
    Memory,
    /// To a file, by its absolute path.
    File(String),
    /// To the standard output or standard error of the supervisor, whole lines, each with its prefix.
    Console(OutputSource),
}

/// What the logger says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromLogger {
    /// Output is published at this address.
    Bound {
        /// The address as it was bound.
        address: String,
    },
    /// Output cannot be published.
    NotBound {
        /// Why.
        words: String,
    },
    /// A stream has ended; its number can be used again.
    Closed {
        /// The stream.
        stream: StreamId,
    },
    /// The output of a stream cannot be written; told once, until it can again.
    Trouble {
        /// The stream.
        stream: StreamId,
        /// What was tried, on what, and the system's words.
        words: String,
    },
    /// The output of a stream can be written again.
    Recovered {
        /// The stream.
        stream: StreamId,
    },
    /// Output of a stream was dropped since this was last said of it. Said at most once a second for each.
    Dropped {
        /// The stream.
        stream: StreamId,
        /// How many bytes.
        bytes: u64,
    },
}

impl ToLogger {
    /// The bytes of the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        let begin = |writer: &mut Writer, entries: usize, word: &str| {
            writer.map(1 + entries);
            writer.entry("say", word);
        };
        match self {
            ToLogger::Begin { output } => {
                begin(&mut writer, 2, "begin");
                write_endpoint(&mut writer, output.as_ref());
            }
            ToLogger::Bind { output } => {
                begin(&mut writer, 2, "bind");
                write_endpoint(&mut writer, Some(output));
            }
            ToLogger::Open { stream, route } => {
                begin(&mut writer, 1 + ROUTE_ENTRIES, "open");
                writer.entry("stream", stream.0);
                write_route(&mut writer, route);
            }
            ToLogger::Change { stream, route } => {
                begin(&mut writer, 1 + ROUTE_ENTRIES, "change");
                writer.entry("stream", stream.0);
                write_route(&mut writer, route);
            }
            ToLogger::Close { stream } => {
                begin(&mut writer, 1, "close");
                writer.entry("stream", stream.0);
            }
            ToLogger::Mark { stream, words, after } => {
                begin(&mut writer, 3, "mark");
                writer.entry("after", *after);
                writer.entry("stream", stream.0);
                writer.entry("words", words.as_str());
            }
            ToLogger::Reopen => begin(&mut writer, 0, "reopen"),
        }
        writer.into_bytes()
    }

    /// The message in these bytes; `None` for one that is not known.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let message = msgpack::decode(bytes).ok()?;
        let stream = || stream_of(&message);
        Some(match message.get("say")?.text()? {
            "begin" => ToLogger::Begin { output: read_endpoint(&message) },
            "bind" => ToLogger::Bind { output: read_endpoint(&message)? },
            "open" => ToLogger::Open { stream: stream()?, route: read_route(&message)? },
            "change" => ToLogger::Change { stream: stream()?, route: read_route(&message)? },
            "close" => ToLogger::Close { stream: stream()? },
            "mark" => ToLogger::Mark {
                stream: stream()?,
                words: text(&message, "words")?,
                after: message.get("after")?.as_u64()?,
            },
            "reopen" => ToLogger::Reopen,
            _ => return None,
        })
    }
}

impl FromLogger {
    /// The bytes of the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        let mut of_stream = |word: &str, stream: &StreamId, more: usize| {
            writer.map(2 + more);
            writer.entry("say", word);
            writer.entry("stream", stream.0);
        };
        match self {
            FromLogger::Closed { stream } => of_stream("closed", stream, 0),
            FromLogger::Recovered { stream } => of_stream("recovered", stream, 0),
            FromLogger::Trouble { stream, words } => {
                of_stream("trouble", stream, 1);
                writer.entry("words", words.as_str());
            }
            FromLogger::Dropped { stream, bytes } => {
                of_stream("dropped", stream, 1);
                writer.entry("bytes", *bytes);
            }
            FromLogger::Bound { address } => {
                writer.map(2);
                writer.entry("say", "bound");
                writer.entry("address", address.as_str());
            }
            FromLogger::NotBound { words } => {
                writer.map(2);
                writer.entry("say", "not-bound");
                writer.entry("words", words.as_str());
            }
        }
        writer.into_bytes()
    }

    /// The message in these bytes; `None` for one that is not known.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let message = msgpack::decode(bytes).ok()?;
        let stream = || stream_of(&message);
        Some(match message.get("say")?.text()? {
            "closed" => FromLogger::Closed { stream: stream()? },
            "recovered" => FromLogger::Recovered { stream: stream()? },
            "trouble" => FromLogger::Trouble { stream: stream()?, words: text(&message, "words")? },
            "dropped" => FromLogger::Dropped { stream: stream()?, bytes: message.get("bytes")?.as_u64()? },
            "bound" => FromLogger::Bound { address: text(&message, "address")? },
            "not-bound" => FromLogger::NotBound { words: text(&message, "words")? },
            _ => return None,
        })
    }
}

/// How many entries a route has.
const ROUTE_ENTRIES: usize = 11;

fn write_route(writer: &mut Writer, route: &Route) {
    let (sink, target) = match &route.sink {
        Sink::Memory => ("memory", None),
        Sink::File(path) => ("file", Some(path.as_str())),
        Sink::Console(stream) => ("console", Some(stream.as_str())),
    };
    let LogPolicy { max_size, keep, timestamp, prefix, markers, on_full } = route.policy;
    writer.entry("program", route.program.as_str());
    writer.entry("instance", route.instance);
    writer.entry("source", route.source.as_str());
    writer.entry("sink", sink);
    writer.entry("target", target);
    writer.entry("max_size", max_size);
    writer.entry("keep", keep);
    writer.entry("timestamp", timestamp == Written::Yes);
    writer.entry("prefix", prefix == Written::Yes);
    writer.entry("markers", markers == Written::Yes);
    writer.entry("block", on_full == OnFull::Block);
}

fn read_route(message: &Value) -> Option<Route> {
    let is = |key| message.get(key).and_then(Value::as_bool).unwrap_or(false);
    let written = |key| if is(key) { Written::Yes } else { Written::No };
    let number = |key| message.get(key).and_then(Value::as_u64);
    let source = |key| message.get(key).and_then(Value::text).and_then(OutputSource::parse);
    Some(Route {
        program: text(message, "program")?,
        instance: number("instance")?.try_into().ok()?,
        source: source("source")?,
        sink: match message.get("sink")?.text()? {
            "memory" => Sink::Memory,
            "file" => Sink::File(text(message, "target")?),
            "console" => Sink::Console(source("target")?),
            _ => return None,
        },
        policy: LogPolicy {
            max_size: number("max_size")?,
            keep: number("keep")?.try_into().ok()?,
            timestamp: written("timestamp"),
            prefix: written("prefix"),
            markers: written("markers"),
            on_full: if is("block") { OnFull::Block } else { OnFull::Drop },
        },
    })
}

fn write_endpoint(writer: &mut Writer, output: Option<&OutputEndpoint>) {
    writer.entry("address", output.map(|output| output.address.as_str()));
    writer.entry("mode", output.and_then(|output| output.mode));
}

fn read_endpoint(message: &Value) -> Option<OutputEndpoint> {
    let mode = message.get("mode").and_then(Value::as_u64).and_then(|mode| mode.try_into().ok());
    Some(OutputEndpoint { address: text(message, "address")?, mode })
}

fn text(message: &Value, key: &str) -> Option<String> {
    message.get(key)?.text().map(str::to_string)
}

fn stream_of(message: &Value) -> Option<StreamId> {
    message.get("stream")?.as_u64()?.try_into().ok().map(StreamId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(sink: Sink) -> Route {
        let policy =
            LogPolicy { keep: 7, timestamp: Written::Yes, on_full: OnFull::Block, ..LogPolicy::default() };
        Route { program: "größe".to_string(), instance: 99_999, source: OutputSource::Stderr, sink, policy }
    }

    #[test]
    fn what_the_supervisor_says_is_understood() {
        let stream = StreamId(7);
        let output = OutputEndpoint { address: "ipc:///x".to_string(), mode: Some(0o600) };
        let on_tcp = OutputEndpoint { address: "tcp://127.0.0.1:1".to_string(), mode: None };
        for message in [
            ToLogger::Bind { output: output.clone() },
            ToLogger::Begin { output: Some(output) },
            ToLogger::Begin { output: Some(on_tcp) },
            ToLogger::Begin { output: None },
            ToLogger::Open { stream, route: route(Sink::Memory) },
            ToLogger::Open { stream, route: route(Sink::File("/var/log/x".to_string())) },
            ToLogger::Change { stream, route: route(Sink::Console(OutputSource::Stdout)) },
            ToLogger::Close { stream },
            ToLogger::Mark { stream, words: "began".to_string(), after: 7 },
            ToLogger::Reopen,
        ] {
            assert_eq!(ToLogger::decode(&message.encode()), Some(message));
        }
    }

    #[test]
    fn what_the_logger_says_is_understood() {
        let stream = StreamId(u32::MAX);
        for message in [
            FromLogger::Bound { address: "ipc:///x".to_string() },
            FromLogger::NotBound { words: "no".to_string() },
            FromLogger::Closed { stream },
            FromLogger::Trouble { stream, words: "full".to_string() },
            FromLogger::Recovered { stream },
            FromLogger::Dropped { stream, bytes: u64::MAX },
        ] {
            assert_eq!(FromLogger::decode(&message.encode()), Some(message));
        }
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        let mut writer = Writer::new();
        writer.map(3);
        writer.entry("say", "close");
        writer.entry("stream", 3u32);
        writer.entry("since", "later");
        assert_eq!(ToLogger::decode(writer.as_slice()), Some(ToLogger::Close { stream: StreamId(3) }));
        for bytes in [&b""[..], b"\x80", b"\xc1", b"\x81\xa3say\xa4song"] {
            assert_eq!(ToLogger::decode(bytes), None);
            assert_eq!(FromLogger::decode(bytes), None);
        }
    }
}
