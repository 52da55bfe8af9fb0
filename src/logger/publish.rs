//! Output, published to whoever subscribes to it.

use crate::api::output::{self, Part, Speaker};
use crate::sockets::{Admission, Renewal, SubscriberSocket};
use crate::wire::log_channel::OutputEndpoint;
use crate::wire::msgpack::Writer;

/// How many messages wait for a subscriber before more are dropped; it sees that by `offset`.
const SEND_QUEUE: i32 = 256;
/// How many bytes of a stream are in one message: with the queue, a subscriber that does not read costs 4 MiB.
const MOST_DATA: usize = 16 << 10;
/// How often the subscriptions are gone through in a turn while more keep coming.
const PASSES_A_TURN: usize = 4;

/// The socket that output is published on.
pub struct Output {
    socket: SubscriberSocket,
    topic: String,
    message: Writer,
    /// Whether something was sent since subscriptions were received.
    sent: Sent,
    // Dropped after the socket, which it waits for.
    _context: zmq::Context,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Nothing,
    Something,
}

/// Whether somebody subscribes to a stream, as it was at some time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    generation: Option<u64>,
    by_somebody: bool,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Output {
    /// Binds the socket.
    ///
    /// # Errors
    /// The endpoint and the system's words.
    pub fn bind(endpoint: &OutputEndpoint) -> Result<Self, String> {
        let context = zmq::Context::new();
        let admission = match endpoint.mode {
            Some(mode) => Admission::File { mode, group: None },
            None => Admission::Network,
        };
        let socket = SubscriberSocket::bind(&context, &endpoint.address, admission, SEND_QUEUE)
            .map_err(|words| format!("endpoint {}: {words}", endpoint.address))?;
        let (topic, message) = Default::default();
        Ok(Self { socket, topic, message, sent: Sent::Nothing, _context: context })
    }

    /// The socket, to be watched, and its address.
    pub fn socket(&self) -> &SubscriberSocket {
        &self.socket
    }

    /// Sees to it that its file is in its place.
    ///
    /// # Errors
    /// The endpoint and the system's words.
    pub fn renew(&mut self) -> Result<Renewal, String> {
        let renewed = self.socket.renew();
        renewed.map_err(|words| format!("endpoint {}: {words}", self.socket.address()))
    }

    /// Publishes a part of a stream, if somebody subscribes to it.
    pub fn publish(&mut self, of: Speaker<'_>, part: Part<'_>, wanted: &mut Wanted) {
        if !self.socket.has_subscribers() {
            return;
        }
        if wanted.generation != Some(self.socket.generation()) {
            output::write_topic(&mut self.topic, of);
            let by_somebody = self.socket.is_subscribed(self.topic.as_bytes());
            *wanted = Wanted { generation: Some(self.socket.generation()), by_somebody };
        }
        if !wanted.by_somebody {
            return;
        }
        output::write_topic(&mut self.topic, of);
        let mut offset = part.offset;
        for data in part.data.chunks(MOST_DATA) {
            self.message.clear();
            output::write_part(&mut self.message, of, Part { offset, data, ..part });
            self.socket.send(&self.topic, self.message.as_slice());
            offset += data.len() as u64;
        }
        self.sent = Sent::Something;
    }

    /// Receives subscriptions. To be called in each turn that sent something or was woken by the socket, for its
    /// descriptor tells of a change once, and a send may take that for itself.
    pub fn receive(&mut self) -> Pending {
        self.sent = Sent::Nothing;
        for _ in 0..PASSES_A_TURN {
            if self.socket.receive().subscriptions == 0 {
                return Pending::Nothing;
            }
        }
        Pending::Maybe
    }

    /// Whether something was sent since.
    pub fn has_sent(&self) -> bool {
        self.sent == Sent::Something
    }
}

/// Whether there may be more of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pending {
    /// All was seen.
    #[default]
    Nothing,
    /// There may be more.
    Maybe,
}
