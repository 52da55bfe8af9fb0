//! Who asks for what is being done: a client is known by the connection that its request came over.
//!
//! Nobody is asked who it is unless its request has something done to an instance. Many requests of one connection in a
//! row cost one look.

use super::Supervisor;
use super::rpc::{Caller, Client};
use crate::api::methods;
use crate::core::asker::{Asker, Peer, Wish};
use crate::core::ids::Pid as CorePid;
use crate::sys::process::{self, Pid};
use crate::sys::signals::Received;
use crate::sys::zmq_options::{self, ConnectionIdentity};
use std::os::fd::RawFd;
use std::rc::Rc;

/// Who asks.
#[derive(Debug, Default)]
pub struct Asking {
    now: Option<Voice>,
    /// What inside asks for it, where that says more than what was requested.
    wish: Option<Wish>,
    /// Who asked for the end of the supervisor.
    pub shutdown: Option<Rc<Asker>>,
    /// Whoever asked last over a connection, and was looked at.
    last: Option<((RawFd, ConnectionIdentity), Rc<Peer>)>,
}

/// Whom the present work is for.
#[derive(Clone, Debug)]
enum Voice {
    /// A request, and the connection that it came over.
    Request(&'static str, Option<(RawFd, ConnectionIdentity)>),
    /// Somebody who is known already.
    Known(Option<Rc<Peer>>),
}

impl Supervisor {
    /// Does something on behalf of a caller.
    pub fn on_behalf_of<T>(&mut self, caller: &Caller, work: impl FnOnce(&mut Self) -> T) -> T {
        let request = caller.request.as_ref().and_then(|request| methods::name_in(request));
        let Client { connection, .. } = caller.client;
        self.asking.now = request.map(|name| Voice::Request(name, connection));
        let done = work(self);
        self.asking.now = None;
        done
    }

    /// Does something on behalf of whoever sent us a signal.
    pub fn on_behalf_of_sender<T>(&mut self, received: Received, work: impl FnOnce(&mut Self) -> T) -> T {
        let peer = received.pid.map(|pid| Rc::new(process_peer(Some(pid), received.uid)));
        self.asking.now = Some(Voice::Known(peer));
        let done = work(self);
        self.asking.now = None;
        done
    }

    /// Does several things because of something that is more than its parts.
    pub fn because_of<T>(&mut self, wish: Wish, work: impl FnOnce(&mut Self) -> T) -> T {
        self.asking.wish = Some(wish);
        let done = work(self);
        self.asking.wish = None;
        done
    }

    /// Who asks for what is being done, if anybody does.
    pub fn asker(&mut self) -> Option<Rc<Asker>> {
        let wish = match (&self.asking.wish, &self.asking.now) {
            (Some(wish), _) => wish.clone(),
            (None, Some(Voice::Request(name, _))) => Wish::Request(name),
            (None, Some(Voice::Known(_)) | None) => return None,
        };
        Some(self.asker_for(wish))
    }

    /// Who asks for this, which may be a part of something that is more.
    pub fn asker_for(&mut self, what: Wish) -> Rc<Asker> {
        let what = self.asking.wish.clone().unwrap_or(what);
        Rc::new(Asker { what, by: self.asking.peer() })
    }
}

impl Asking {
    fn peer(&mut self) -> Option<Rc<Peer>> {
        let (descriptor, identity) = match self.now.clone()? {
            Voice::Request(_, connection) => connection?,
            Voice::Known(peer) => return peer,
        };
        if let Some((known, peer)) = &self.last
            && *known == (descriptor, identity)
        {
            return Some(peer.clone());
        }
        // One that has gone meanwhile cannot be asked any more.
        let peer = match zmq_options::peer(descriptor, identity).ok()? {
            zmq_options::Peer::Process { pid, uid } => process_peer(pid, uid),
            zmq_options::Peer::Address(address) => Peer::Address(address),
        };
        let peer = Rc::new(peer);
        self.last = Some(((descriptor, identity), peer.clone()));
        Some(peer)
    }
}

fn process_peer(pid: Option<Pid>, uid: u32) -> Peer {
    let command = pid.and_then(process::command_name).map(String::into_boxed_str);
    Peer::Process { uid, pid: pid.and_then(|pid| CorePid::new(pid.get())), command }
}
