//! Replies: one map each, with the client's `id` echoed; and errors, each with a stable code.

use crate::wire::msgpack::{Encode, Writer};
use crate::wire::value::Value;

/// The stable word of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Not one MessagePack map in one frame.
    Malformed,
    /// No method of that name.
    NoSuchMethod,
    /// Something about an argument.
    BadArgument,
    /// No program of that name.
    NoSuchProgram,
    /// No instance of that number.
    NoSuchInstance,
    /// The name is taken.
    Exists,
    /// There is no process to act upon.
    NotRunning,
    /// The endpoint does not give that much access.
    Forbidden,
    /// It did not happen in time.
    Timeout,
    /// Not now.
    Busy,
    /// The system refused.
    Failed,
    /// The configuration is wrong.
    BadConfig,
}

impl Code {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Malformed => "malformed",
            Code::NoSuchMethod => "no-such-method",
            Code::BadArgument => "bad-argument",
            Code::NoSuchProgram => "no-such-program",
            Code::NoSuchInstance => "no-such-instance",
            Code::Exists => "exists",
            Code::NotRunning => "not-running",
            Code::Forbidden => "forbidden",
            Code::Timeout => "timeout",
            Code::Busy => "busy",
            Code::Failed => "failed",
            Code::BadConfig => "bad-config",
        }
    }
}

/// An error to answer with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The stable word.
    pub code: Code,
    /// What was wrong and what would be right.
    pub sentence: String,
}

impl ApiError {
    /// An error.
    pub fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into() }
    }

    /// An error about an argument.
    pub fn argument(sentence: impl Into<String>) -> Self {
        Self::new(Code::BadArgument, sentence)
    }
}

/// A reply in the making: its entries, and how many they are.
#[derive(Debug, Default)]
pub struct Reply {
    entries: usize,
    body: Writer,
}

impl Reply {
    /// A reply without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry.
    pub fn entry(&mut self, key: &str, value: impl Encode) -> &mut Self {
        self.body_of(key);
        value.encode(&mut self.body);
        self
    }

    /// Adds an entry whose one value is still to be written to what is returned.
    pub fn body_of(&mut self, key: &str) -> &mut Writer {
        self.entries += 1;
        self.body.str(key);
        &mut self.body
    }

    /// The message: the map of all entries, and the `id` of the request if it had one.
    pub fn finish(mut self, id: Option<&Value>) -> Vec<u8> {
        if let Some(id) = id {
            self.entry("id", id);
        }
        let mut message = Writer::with_capacity(self.body.len() + 5);
        message.map(self.entries);
        message.raw(self.body.as_slice());
        message.into_bytes()
    }

    /// A reply that says what was wrong. `request` is the request as it was understood.
    pub fn error(error: &ApiError, request: Option<&Value>) -> Self {
        let mut reply = Self::new();
        reply.entry("error", error.sentence.as_str());
        reply.entry("code", error.code.as_str());
        reply.entry("request", request);
        reply
    }
}
