//! Events out: numbered, kept, and published to whoever subscribes. What a subscriber may cost is bounded.

use super::endpoint::Endpoint;
use super::{Supervisor, SupervisorError, rpc};
use crate::api::events;
use crate::core::event::{SupervisorChange, What};
use crate::sys::clock;
use crate::sys::errno::words;
use crate::sys::zmq_options::{self, ConnectionIdentity};
use crate::wire::msgpack::Writer;
use std::collections::HashMap;
use std::os::fd::RawFd;

/// The largest message from a subscriber, in bytes. Subscriptions are all that it may send.
const MAX_SUBSCRIPTION: i64 = 4096;
/// The longest topic: the longest that we publish has 149 bytes.
const MAX_TOPIC: usize = 256;
/// How many topics one subscriber may have.
const MAX_TOPICS: usize = 1000;
/// How many subscriptions wait in libzmq before it stops reading from that subscriber.
const RECEIVE_QUEUE: i32 = 64;
/// How many events wait for a subscriber before more are dropped; it sees the gap in `seq` and asks for them.
const SEND_QUEUE: i32 = 1000;
/// How many subscriptions are handled in a pass.
const SUBSCRIPTIONS_A_PASS: usize = 256;

/// The sockets that events are published on.
#[derive(Default)]
pub struct Publisher {
    sockets: Vec<EventsSocket>,
    topic: String,
    message: Writer,
}

struct EventsSocket {
    socket: zmq::Socket,
    address: String,
    /// Subscriptions that are held; as long as there are none, nothing is encoded.
    held: usize,
    peers: HashMap<ConnectionIdentity, Peer>,
    /// With more peers than this, those that have gone are looked for.
    tidy_at: usize,
}

struct Peer {
    descriptor: RawFd,
    topics: usize,
}

/// What a subscriber said of a topic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subscription {
    Begun,
    Ended,
}

/// What is to be done about a subscriber.
enum Judgement {
    Fine,
    TooMuch(RawFd, ConnectionIdentity),
}

const FIRST_TIDY: usize = 64;

impl Publisher {
    /// Opens and binds one more socket.
    ///
    /// # Errors
    /// The endpoint and the system's words.
    pub fn bind(&mut self, context: &zmq::Context, endpoint: &Endpoint) -> Result<(), SupervisorError> {
        let failed = |error: zmq::Error| SupervisorError(format!("endpoint {}: {error}", endpoint.address));
        let mut socket = context.socket(zmq::XPUB).map_err(failed)?;
        rpc::limit(&socket, MAX_SUBSCRIPTION, RECEIVE_QUEUE, SEND_QUEUE).map_err(failed)?;
        // Every subscription is told, also one that others have already: they are counted.
        zmq_options::set_xpub_verboser(&mut socket, true)
            .map_err(|errno| SupervisorError(format!("endpoint {}: {}", endpoint.address, words(errno))))?;
        let address = rpc::bind(&mut socket, endpoint)?;
        self.sockets.push(EventsSocket {
            socket,
            address,
            held: 0,
            peers: HashMap::new(),
            tidy_at: FIRST_TIDY,
        });
        Ok(())
    }

    /// The sockets, to be watched.
    pub fn sockets(&self) -> impl Iterator<Item = &zmq::Socket> {
        self.sockets.iter().map(|events| &events.socket)
    }

    /// The endpoints, as they were bound.
    pub fn addresses(&self) -> Vec<String> {
        self.sockets.iter().map(|events| events.address.clone()).collect()
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("addresses", &self.addresses()).finish()
    }
}

impl EventsSocket {
    /// Counts a subscription or its end, and judges the peer that it is of.
    fn count(&mut self, topic: &[u8], said: Subscription, descriptor: Option<RawFd>) -> Judgement {
        let counted = |count: usize| match said {
            Subscription::Begun => count + 1,
            Subscription::Ended => count.saturating_sub(1),
        };
        self.held = counted(self.held);
        // What libzmq itself tells of a peer that has gone comes from no connection.
        let identity = descriptor.and_then(|fd| Some((fd, zmq_options::connection_identity(fd)?)));
        let Some((descriptor, identity)) = identity else { return Judgement::Fine };
        let peer = self.peers.entry(identity).or_insert(Peer { descriptor, topics: 0 });
        peer.topics = counted(peer.topics);
        if peer.topics > MAX_TOPICS || topic.len() > MAX_TOPIC {
            return Judgement::TooMuch(descriptor, identity);
        }
        if peer.topics == 0 {
            self.peers.remove(&identity);
        }
        self.tidy();
        Judgement::Fine
    }

    /// Forgets peers that have gone, whenever their number has doubled since the last time.
    fn tidy(&mut self) {
        if self.peers.len() < self.tidy_at {
            return;
        }
        self.peers
            .retain(|identity, peer| zmq_options::connection_identity(peer.descriptor) == Some(*identity));
        self.tidy_at = (self.peers.len() * 2).max(FIRST_TIDY);
    }
}

impl Supervisor {
    /// Numbers an event, keeps it, and publishes it if somebody subscribes to anything.
    pub fn publish(&mut self, what: What) {
        self.ring.push(clock::wall(), what);
        if self.publisher.sockets.iter().all(|events| events.held == 0) {
            return;
        }
        let Some(event) = self.ring.last() else { return };
        let Publisher { sockets, topic, message } = &mut self.publisher;
        events::write_topic(topic, event);
        message.clear();
        events::write_event(message, event, &self.run);
        for events in sockets.iter().filter(|events| events.held > 0) {
            // A subscriber whose queue is full misses it, and sees that by the gap.
            if events.socket.send(topic.as_str(), zmq::DONTWAIT | zmq::SNDMORE).is_ok() {
                let _ = events.socket.send(message.as_slice(), zmq::DONTWAIT);
            }
        }
    }

    /// Receives subscriptions, and returns how many there were. A subscriber that wants more than one may is
    /// disconnected: every topic costs memory for as long as it is held.
    pub fn receive_subscriptions(&mut self) -> usize {
        let mut count = 0;
        let mut dropped = Vec::new();
        for events in &mut self.publisher.sockets {
            for _ in 0..SUBSCRIPTIONS_A_PASS {
                let mut message = zmq::Message::new();
                if events.socket.recv(&mut message, zmq::DONTWAIT).is_err() {
                    break;
                }
                count += 1;
                let descriptor = zmq_options::source_descriptor(&mut message);
                // 1 and the topic, or 0 and the topic: zmq_socket(3). Anything else is no subscription.
                let judgement = match message.split_first() {
                    Some((1, topic)) => events.count(topic, Subscription::Begun, descriptor),
                    Some((0, topic)) => events.count(topic, Subscription::Ended, descriptor),
                    Some(_) | None => Judgement::Fine,
                };
                if let Judgement::TooMuch(descriptor, identity) = judgement
                    && zmq_options::disconnect_peer(descriptor, identity).is_ok()
                {
                    events.peers.remove(&identity);
                    dropped.push(events.address.clone().into_boxed_str());
                }
            }
        }
        for endpoint in dropped {
            self.publish(What::Supervisor(SupervisorChange::SubscriberDropped { endpoint }));
        }
        count
    }
}
