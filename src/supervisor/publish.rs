//! Events out: numbered, kept, and published to whoever subscribes.

use super::{Supervisor, SupervisorError};
use crate::api::events;
use crate::config::endpoint::Endpoint;
use crate::core::event::{SupervisorChange, What};
use crate::sockets::SubscriberSocket;
use crate::sys::clock;
use crate::wire::msgpack::Writer;

/// How many events wait for a subscriber before more are dropped; it sees the gap in `seq` and asks for them.
const SEND_QUEUE: i32 = 1000;

/// The sockets that events are published on.
#[derive(Debug, Default)]
pub struct Publisher {
    sockets: Vec<SubscriberSocket>,
    topic: String,
    message: Writer,
}

impl Publisher {
    /// Opens and binds one more socket.
    ///
    /// # Errors
    /// The endpoint and the system's words.
    pub fn bind(&mut self, context: &zmq::Context, endpoint: &Endpoint) -> Result<(), SupervisorError> {
        let bound = SubscriberSocket::bind(context, &endpoint.address, endpoint.admission(), SEND_QUEUE);
        self.sockets.push(bound.map_err(|words| SupervisorError(endpoint.failed(&words)))?);
        Ok(())
    }

    /// The sockets, to be watched.
    pub fn sockets(&self) -> impl Iterator<Item = &zmq::Socket> {
        self.sockets.iter().map(SubscriberSocket::socket)
    }

    /// The same, to be renewed.
    pub fn sockets_mut(&mut self) -> impl Iterator<Item = &mut SubscriberSocket> {
        self.sockets.iter_mut()
    }

    /// How many connections subscribe to anything.
    pub fn subscribers(&self) -> usize {
        self.sockets.iter().map(SubscriberSocket::subscribers).sum()
    }

    /// The endpoints, as they were bound.
    pub fn addresses(&self) -> Vec<String> {
        self.sockets.iter().map(|events| events.address().to_string()).collect()
    }
}

impl Supervisor {
    /// Numbers an event, keeps it, and publishes it if somebody subscribes to anything.
    pub fn publish(&mut self, what: What) {
        self.ring.push(clock::wall(), what);
        if !self.publisher.sockets.iter().any(SubscriberSocket::has_subscribers) {
            return;
        }
        let Some(event) = self.ring.last() else { return };
        let Publisher { sockets, topic, message } = &mut self.publisher;
        events::write_topic(topic, event);
        message.clear();
        events::write_event(message, event, &self.run);
        for events in sockets.iter().filter(|events| events.has_subscribers()) {
            // A subscriber whose queue is full misses it, and sees that by the gap.
            events.send(topic, message.as_slice());
            self.meter.published += 1;
        }
    }

    /// Receives subscriptions, and returns how many there were. That a subscriber wanted too much is an event.
    pub fn receive_subscriptions(&mut self) -> usize {
        let mut count = 0;
        let mut dropped = Vec::new();
        for events in &mut self.publisher.sockets {
            let received = events.receive();
            count += received.subscriptions;
            let endpoints = std::iter::repeat_with(|| events.address().into());
            dropped.extend(endpoints.take(received.dropped));
        }
        for endpoint in dropped {
            self.publish(What::Supervisor(SupervisorChange::SubscriberDropped { endpoint }));
        }
        count
    }
}
