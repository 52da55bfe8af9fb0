//! Events out: numbered, kept, and published to whoever subscribes. What a subscriber may cost is bounded.

use super::{Supervisor, SupervisorError, rpc};
use crate::api::events;
use crate::config::endpoint::Endpoint;
use crate::core::event::{SupervisorChange, What};
use crate::sys::clock;
use crate::sys::errno::words;
use crate::sys::zmq_options::{self, ConnectionIdentity};
use crate::wire::msgpack::Writer;
use std::collections::{HashMap, HashSet};
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
    /// Those that subscribe to anything; as long as there are none, nothing is encoded.
    peers: HashMap<ConnectionIdentity, Peer>,
}

struct Peer {
    descriptor: RawFd,
    /// What it subscribes to. A number would not do: libzmq also passes on cancellations of what was never asked for.
    topics: HashSet<Box<[u8]>>,
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
    /// A peer has gone; libzmq does not say which.
    Gone,
}

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
        self.sockets.push(EventsSocket { socket, address, peers: HashMap::new() });
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
    /// Notes a subscription or its end, and judges the peer that it is of.
    fn note(&mut self, topic: &[u8], said: Subscription, descriptor: Option<RawFd>) -> Judgement {
        // What libzmq itself tells of a peer that has gone comes from no connection.
        let identity = descriptor.and_then(|fd| Some((fd, zmq_options::connection_identity(fd)?)));
        let Some((descriptor, identity)) = identity else { return Judgement::Gone };
        match said {
            Subscription::Begun if topic.len() > MAX_TOPIC => {
                return Judgement::TooMuch(descriptor, identity);
            }
            Subscription::Begun => {
                let peer =
                    self.peers.entry(identity).or_insert_with(|| Peer { descriptor, topics: HashSet::new() });
                peer.topics.insert(topic.into());
                if peer.topics.len() > MAX_TOPICS {
                    return Judgement::TooMuch(descriptor, identity);
                }
            }
            Subscription::Ended => {
                let Some(peer) = self.peers.get_mut(&identity) else { return Judgement::Fine };
                peer.topics.remove(topic);
                if peer.topics.is_empty() {
                    self.peers.remove(&identity);
                }
            }
        }
        Judgement::Fine
    }

    /// Forgets peers that have gone.
    fn tidy(&mut self) {
        self.peers
            .retain(|identity, peer| zmq_options::connection_identity(peer.descriptor) == Some(*identity));
    }
}

impl Supervisor {
    /// Numbers an event, keeps it, and publishes it if somebody subscribes to anything.
    pub fn publish(&mut self, what: What) {
        self.ring.push(clock::wall(), what);
        if self.publisher.sockets.iter().all(|events| events.peers.is_empty()) {
            return;
        }
        let Some(event) = self.ring.last() else { return };
        let Publisher { sockets, topic, message } = &mut self.publisher;
        events::write_topic(topic, event);
        message.clear();
        events::write_event(message, event, &self.run);
        for events in sockets.iter().filter(|events| !events.peers.is_empty()) {
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
            let mut gone = false;
            for _ in 0..SUBSCRIPTIONS_A_PASS {
                let mut message = zmq::Message::new();
                if events.socket.recv(&mut message, zmq::DONTWAIT).is_err() {
                    break;
                }
                count += 1;
                let descriptor = zmq_options::source_descriptor(&mut message);
                // 1 and the topic, or 0 and the topic: zmq_socket(3). Anything else is no subscription.
                let judgement = match message.split_first() {
                    Some((1, topic)) => events.note(topic, Subscription::Begun, descriptor),
                    Some((0, topic)) => events.note(topic, Subscription::Ended, descriptor),
                    Some(_) | None => Judgement::Fine,
                };
                match judgement {
                    Judgement::Fine => {}
                    Judgement::Gone => gone = true,
                    Judgement::TooMuch(descriptor, identity) => {
                        events.peers.remove(&identity);
                        if zmq_options::disconnect_peer(descriptor, identity).is_ok() {
                            dropped.push(events.address.clone().into_boxed_str());
                        }
                    }
                }
            }
            if gone {
                events.tidy();
            }
        }
        for endpoint in dropped {
            self.publish(What::Supervisor(SupervisorChange::SubscriberDropped { endpoint }));
        }
        count
    }
}
