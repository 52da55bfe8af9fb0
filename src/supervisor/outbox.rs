//! Replies that a client has not fetched: a few wait in libzmq, some more wait here, and then the client is
//! disconnected. So one that sends and never reads costs a bounded amount of memory, and its loss has a trace.

use super::rpc::{Client, Frame};
use super::{Due, Supervisor};
use crate::core::event::{SupervisorChange, What};
use crate::sys::zmq_options::disconnect_peer;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How many bytes of replies wait for one client beside those that libzmq holds. One reply may be larger.
const MAX_WAITING: usize = 1 << 20;
/// What a reply that waits costs beside its bytes, nearly.
const OVERHEAD: usize = 256;
/// The first delay before another try; doubled as long as nothing moves.
const FIRST_TRY: Duration = Duration::from_millis(1);
/// The longest delay between tries.
const SLOWEST_TRY: Duration = Duration::from_millis(256);
/// How often nothing may move before the client is given up: about ten seconds.
const TRIES: u32 = 45;

/// The replies that wait, client by client.
#[derive(Debug, Default)]
pub struct Outboxes {
    waiting: HashMap<(usize, Frame), Outbox>,
    /// How many replies were thrown away since the supervisor began.
    pub dropped: u64,
}

impl Outboxes {
    /// How many clients have replies that wait for them.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many bytes of replies wait.
    pub fn bytes(&self) -> usize {
        self.waiting.values().map(|outbox| outbox.bytes).sum()
    }
}

#[derive(Debug)]
struct Outbox {
    client: Client,
    replies: VecDeque<(Client, Vec<u8>)>,
    bytes: usize,
    tries: u32,
}

/// What became of a reply.
enum Sent {
    Yes,
    /// The client has not fetched what was sent before.
    Full,
    /// The client has gone.
    Gone,
}

impl Supervisor {
    /// Sends a message to a client, after those that wait for it.
    pub fn send(&mut self, client: &Client, message: Vec<u8>) {
        let Some(key) = key_of(client) else { return };
        if self.outboxes.waiting.is_empty() || !self.outboxes.waiting.contains_key(&key) {
            match self.try_send(client, &message) {
                Sent::Yes | Sent::Gone => return,
                Sent::Full => {}
            }
        }
        let outbox = self.outboxes.waiting.entry(key.clone()).or_insert_with(|| Outbox {
            client: client.clone(),
            replies: VecDeque::new(),
            bytes: 0,
            tries: 0,
        });
        outbox.bytes += message.len() + OVERHEAD;
        outbox.replies.push_back((client.clone(), message));
        if outbox.bytes > MAX_WAITING && outbox.replies.len() > 1 {
            self.give_up_client(&key);
            return;
        }
        if !self.deadlines.is_armed(Due::Outboxes) {
            self.try_again_later();
        }
    }

    /// Tries to hand over what waits.
    pub fn flush_outboxes(&mut self) {
        let keys: Vec<_> = self.outboxes.waiting.keys().cloned().collect();
        for key in keys {
            self.flush(&key);
        }
        self.try_again_later();
    }

    fn flush(&mut self, key: &(usize, Frame)) {
        let Some(mut outbox) = self.outboxes.waiting.remove(key) else { return };
        outbox.tries += 1;
        while let Some((client, message)) = outbox.replies.front() {
            match self.try_send(client, message) {
                Sent::Yes => {
                    outbox.tries = 0;
                    outbox.bytes = outbox.bytes.saturating_sub(message.len() + OVERHEAD);
                    outbox.replies.pop_front();
                }
                Sent::Full => break,
                Sent::Gone => return,
            }
        }
        let (stuck, empty) = (outbox.tries >= TRIES, outbox.replies.is_empty());
        if empty {
            return;
        }
        self.outboxes.waiting.insert(key.clone(), outbox);
        if stuck {
            self.give_up_client(key);
        }
    }

    fn try_again_later(&mut self) {
        let Some(tries) = self.outboxes.waiting.values().map(|outbox| outbox.tries).min() else { return };
        let delay = FIRST_TRY.saturating_mul(1 << tries.min(16)).min(SLOWEST_TRY);
        self.deadlines.arm(Due::Outboxes, self.now.after(delay));
    }

    /// Throws away what waits for a client, and its connection with it: to answer a later request and not an earlier
    /// one would be worse than not to answer.
    fn give_up_client(&mut self, key: &(usize, Frame)) {
        let Some(outbox) = self.outboxes.waiting.remove(key) else { return };
        let replies = outbox.replies.len();
        self.outboxes.dropped += u64::try_from(replies).unwrap_or(u64::MAX);
        if let Some((descriptor, identity)) = outbox.client.connection {
            // If it fails, the client has gone by itself.
            let _ = disconnect_peer(descriptor, identity);
        }
        let endpoint = self.rpc.get(key.0).map_or("", |socket| socket.address.as_str()).into();
        self.publish(What::Supervisor(SupervisorChange::ClientDropped { endpoint, replies }));
    }

    fn try_send(&self, client: &Client, message: &[u8]) -> Sent {
        let Some(rpc) = self.rpc.get(client.socket) else { return Sent::Gone };
        for frame in &client.envelope {
            match rpc.socket.send(&frame[..], zmq::DONTWAIT | zmq::SNDMORE) {
                Ok(()) => {}
                // Only the routing id, the first frame, can find the queue full.
                Err(zmq::Error::EAGAIN) => return Sent::Full,
                Err(_) => return Sent::Gone,
            }
        }
        match rpc.socket.send(message, zmq::DONTWAIT) {
            Ok(()) => Sent::Yes,
            Err(_) => Sent::Gone,
        }
    }
}

fn key_of(client: &Client) -> Option<(usize, Frame)> {
    client.envelope.first().map(|routing_id| (client.socket, routing_id.clone()))
}
