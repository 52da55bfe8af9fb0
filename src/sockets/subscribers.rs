//! A socket to publish on, and what its subscribers may cost: one that wants more than it may is disconnected.

use super::{Admission, Bound, Limits, Renewal, SocketFile, bind, limit};
use crate::sys::errno::words;
use crate::sys::zmq_options::{self, ConnectionIdentity};
use std::collections::{HashMap, HashSet};
use std::os::fd::RawFd;

/// The largest message from a subscriber, in bytes. Subscriptions are all that it may send.
const MAX_SUBSCRIPTION: i64 = 4096;
/// The longest topic: the longest that we publish has fewer bytes.
const MAX_TOPIC: usize = 256;
/// How many topics one subscriber may have.
const MAX_TOPICS: usize = 1000;
/// How many subscriptions wait in libzmq before it stops reading from that subscriber.
const RECEIVE_QUEUE: i32 = 64;
/// How many subscriptions are handled in a pass.
const SUBSCRIPTIONS_A_PASS: usize = 256;

/// An XPUB socket whose subscribers are known.
pub struct SubscriberSocket {
    socket: zmq::Socket,
    address: String,
    file: Option<SocketFile>,
    /// Those that subscribe to anything; as long as there are none, nothing need be encoded.
    peers: HashMap<ConnectionIdentity, Peer>,
    generation: u64,
}

struct Peer {
    descriptor: RawFd,
    /// What it subscribes to. A number would not do: libzmq also passes on cancellations of what was never asked for.
    topics: HashSet<Box<[u8]>>,
}

/// What a pass over the subscriptions found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// How many subscriptions and cancellations there were.
    pub subscriptions: usize,
    /// How many subscribers were disconnected because they wanted too much.
    pub dropped: usize,
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

impl std::fmt::Debug for SubscriberSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubscriberSocket").field("address", &self.address).finish_non_exhaustive()
    }
}

impl SubscriberSocket {
    /// Opens and binds it. For each subscriber so many messages wait in libzmq before more are dropped.
    ///
    /// # Errors
    /// The system's words.
    pub fn bind(
        context: &zmq::Context,
        address: &str,
        admission: Admission<'_>,
        send_queue: i32,
    ) -> Result<Self, String> {
        let failed = |error: zmq::Error| error.to_string();
        let mut socket = context.socket(zmq::XPUB).map_err(failed)?;
        let limits = Limits { message: MAX_SUBSCRIPTION, receive_queue: RECEIVE_QUEUE, send_queue };
        limit(&socket, limits).map_err(failed)?;
        // Every subscription is told, also one that others have already: they are counted.
        zmq_options::set_xpub_verboser(&mut socket, true).map_err(words)?;
        let Bound { address, file } = bind(&mut socket, address, admission)?;
        Ok(Self { socket, address, file, peers: HashMap::new(), generation: 0 })
    }

    /// Its file, if it has one.
    pub fn file(&self) -> Option<&SocketFile> {
        self.file.as_ref()
    }

    /// See [`SocketFile::renew`].
    ///
    /// # Errors
    /// The system's words.
    pub fn renew(&mut self) -> Result<Renewal, String> {
        self.file.as_mut().map_or(Ok(Renewal::NoNeed), |file| file.renew(&mut self.socket))
    }

    /// The socket, to be watched.
    pub fn socket(&self) -> &zmq::Socket {
        &self.socket
    }

    /// The address as it was bound.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether anybody subscribes to anything.
    pub fn has_subscribers(&self) -> bool {
        !self.peers.is_empty()
    }

    /// How many subscribe to anything.
    pub fn subscribers(&self) -> usize {
        self.peers.len()
    }

    /// Whether a message of this topic would reach anybody. It is as true as it was as long as the
    /// [`generation`](Self::generation) is the same.
    pub fn is_subscribed(&self, topic: &[u8]) -> bool {
        self.peers.values().any(|peer| peer.topics.iter().any(|asked| topic.starts_with(asked)))
    }

    /// Another number after each change of what is subscribed to.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Publishes a message. A subscriber whose queue is full misses it.
    pub fn send(&self, topic: &str, message: &[u8]) {
        if self.socket.send(topic, zmq::DONTWAIT | zmq::SNDMORE).is_ok() {
            // It cannot be refused: a message is taken or dropped whole.
            let _ = self.socket.send(message, zmq::DONTWAIT);
        }
    }

    /// Receives subscriptions. A subscriber that wants more than one may is disconnected: every topic costs memory for
    /// as long as it is held.
    pub fn receive(&mut self) -> Received {
        let mut received = Received::default();
        let mut gone = false;
        for _ in 0..SUBSCRIPTIONS_A_PASS {
            let mut message = zmq::Message::new();
            if self.socket.recv(&mut message, zmq::DONTWAIT).is_err() {
                break;
            }
            received.subscriptions += 1;
            let descriptor = zmq_options::source_descriptor(&mut message);
            // 1 and the topic, or 0 and the topic: zmq_socket(3). Anything else is no subscription.
            let judgement = match message.split_first() {
                Some((1, topic)) => self.note(topic, Subscription::Begun, descriptor),
                Some((0, topic)) => self.note(topic, Subscription::Ended, descriptor),
                Some(_) | None => Judgement::Fine,
            };
            match judgement {
                Judgement::Fine => {}
                Judgement::Gone => gone = true,
                Judgement::TooMuch(descriptor, identity) => {
                    self.peers.remove(&identity);
                    if zmq_options::disconnect_peer(descriptor, identity).is_ok() {
                        received.dropped += 1;
                    }
                }
            }
        }
        if gone {
            self.tidy();
        }
        if received.subscriptions > 0 {
            self.generation += 1;
        }
        received
    }

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
