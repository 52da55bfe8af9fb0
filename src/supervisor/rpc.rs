//! Requests in, replies out: ROUTER sockets, and the envelopes of their clients.

use super::{Supervisor, SupervisorError};
use crate::api::arguments::Arguments;
use crate::api::methods;
use crate::api::reply::{ApiError, Code, Reply};
use crate::api::request::Access;
use crate::config::endpoint::Endpoint;
use crate::sockets::{self, Bound, Limits, Renewal, SocketFile};
use crate::sys::zmq_options::{self, ConnectionIdentity};
use crate::wire::msgpack::{self, Writer};
use crate::wire::value::Value;
use std::os::fd::RawFd;
use std::rc::Rc;

/// The largest request has 1 MiB; of the replies to one client more wait in its outbox.
const LIMITS: Limits = Limits { message: 1 << 20, receive_queue: 128, send_queue: 128 };
/// How many requests of one socket are handled in a pass.
const REQUESTS_A_PASS: usize = 256;
/// How many bytes of requests are kept for later answers, all together.
const MAX_KEPT: usize = 16 << 20;
/// The longest routing id; see RFC 23, ZMTP.
const MAX_ROUTING_ID: usize = 255;
/// How many frames of a message are kept: an envelope through a chain of proxies, and the request.
const MAX_FRAMES: usize = 8;

/// One frame of an envelope. A routing id has 5 bytes unless the client chose another.
pub type Frame = Box<[u8]>;

/// A socket for requests.
pub struct RpcSocket {
    pub(super) socket: zmq::Socket,
    /// The endpoint as it was bound.
    pub address: String,
    file: Option<SocketFile>,
    /// What it may be used for.
    pub access: Access,
}

/// Who asked, and how to answer.
#[derive(Clone, Debug)]
pub struct Client {
    /// Which of our sockets.
    pub socket: usize,
    /// What comes before the payload: the routing id, and the delimiter if the client sent one.
    pub envelope: Vec<Frame>,
    /// The connection, to be ended if its replies are not fetched.
    pub connection: Option<(RawFd, ConnectionIdentity)>,
}

/// A request that was read, to be answered now or later.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who asked.
    pub client: Client,
    /// The request as it was understood; nothing if it was not even MessagePack.
    pub request: Option<Rc<Value>>,
}

/// A caller whose answer has to wait. The request is kept as bytes, since decoded it may be thirty times as large.
#[derive(Debug)]
pub struct Kept {
    client: Client,
    request: Option<Box<[u8]>>,
}

impl std::fmt::Debug for RpcSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RpcSocket").field("address", &self.address).field("access", &self.access).finish()
    }
}

impl RpcSocket {
    /// Opens and binds a socket.
    ///
    /// # Errors
    /// The endpoint and the system's words.
    pub fn bind(context: &zmq::Context, endpoint: &Endpoint) -> Result<Self, SupervisorError> {
        let failed = |error: zmq::Error| SupervisorError(endpoint.failed(&error.to_string()));
        let mut socket = context.socket(zmq::ROUTER).map_err(failed)?;
        sockets::limit(&socket, LIMITS).map_err(failed)?;
        // So that a client that does not fetch its replies is an error to us, and not a loss to it.
        socket.set_router_mandatory(true).map_err(failed)?;
        let bound = sockets::bind(&mut socket, &endpoint.address, endpoint.admission());
        let Bound { address, file } = bound.map_err(|words| SupervisorError(endpoint.failed(&words)))?;
        Ok(Self { socket, address, file, access: endpoint.access })
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

    /// Receives one message: its frames, as many as are kept, and the connection it came over.
    fn receive(&self, frames: &mut Vec<zmq::Message>) -> Option<Option<RawFd>> {
        frames.clear();
        let mut connection = None;
        loop {
            let mut message = zmq::Message::new();
            // A message is delivered whole or not at all, so the frames after the first are there.
            self.socket.recv(&mut message, zmq::DONTWAIT).ok()?;
            let more = message.get_more();
            if connection.is_none() {
                connection = zmq_options::source_descriptor(&mut message);
            }
            if frames.len() <= MAX_FRAMES {
                frames.push(message);
            }
            if !more {
                return Some(connection);
            }
        }
    }
}

impl Supervisor {
    /// Receives and answers requests on all sockets, and returns how many there were.
    pub fn receive_requests(&mut self) -> usize {
        let mut count = 0;
        let mut frames = Vec::with_capacity(MAX_FRAMES + 1);
        for index in 0..self.rpc.len() {
            for _ in 0..REQUESTS_A_PASS {
                let Some(socket) = self.rpc.get(index) else { break };
                let Some(descriptor) = socket.receive(&mut frames) else { break };
                let access = socket.access;
                count += 1;
                self.meter.requests += 1;
                self.handle_message(index, access, descriptor, &frames);
            }
        }
        count
    }

    fn handle_message(
        &mut self,
        socket: usize,
        access: Access,
        descriptor: Option<RawFd>,
        frames: &[zmq::Message],
    ) {
        let Some((envelope, payload)) = part(frames) else { return };
        let envelope = envelope.iter().map(|frame| Box::from(&frame[..])).collect();
        let connection = descriptor.and_then(|fd| Some((fd, zmq_options::connection_identity(fd)?)));
        let client = Client { socket, envelope, connection };
        let malformed = |sentence: String| ApiError::new(Code::Malformed, sentence);
        let Some(payload) = payload else {
            let error = malformed("A request is one frame, this message has several".to_string());
            return self.refuse(&Caller { client, request: None }, &error);
        };
        match msgpack::decode(payload) {
            Ok(request) => self.handle_value(&Caller { client, request: Some(Rc::new(request)) }, access),
            Err(error) => {
                let error = malformed(format!("A request is one MessagePack map: {error}"));
                self.refuse(&Caller { client, request: None }, &error);
            }
        }
    }

    fn handle_value(&mut self, caller: &Caller, access: Access) {
        let Some(request) = &caller.request else { return };
        let understood = Arguments::of(request).and_then(|arguments| methods::understand(arguments, access));
        let handled =
            understood.and_then(|asked| self.on_behalf_of(caller, |this| this.handle(caller, asked)));
        if let Err(error) = handled {
            self.refuse(caller, &error);
        }
    }

    /// Sends a reply to whoever asked.
    pub fn answer(&mut self, caller: &Caller, reply: Reply) {
        let id = caller.request.as_ref().and_then(|request| request.get("id"));
        self.send(&caller.client, reply.finish(id));
    }

    /// Keeps a caller for a later answer; [`Supervisor::recall`] takes it back.
    ///
    /// # Errors
    /// `busy` when what is kept already is as much as may be.
    pub fn keep(&mut self, caller: &Caller) -> Result<Kept, ApiError> {
        let request = caller.request.as_deref().map(|request| {
            let mut writer = Writer::new();
            writer.value(request);
            writer.into_bytes().into_boxed_slice()
        });
        let kept = Kept { client: caller.client.clone(), request };
        if self.kept_bytes + kept.bytes() > MAX_KEPT {
            return Err(ApiError::new(
                Code::Busy,
                "Too many requests are waiting; ask again without waiting",
            ));
        }
        self.kept_bytes += kept.bytes();
        Ok(kept)
    }

    /// Takes a caller back, to be answered now.
    pub fn recall(&mut self, kept: Kept) -> Caller {
        self.kept_bytes = self.kept_bytes.saturating_sub(kept.bytes());
        let request = kept.request.and_then(|bytes| msgpack::decode(&bytes).ok()).map(Rc::new);
        Caller { client: kept.client, request }
    }

    /// Tells whoever asked what was wrong.
    pub fn refuse(&mut self, caller: &Caller, error: &ApiError) {
        self.answer(caller, Reply::error(error, caller.request.as_deref()));
    }
}

impl Kept {
    /// What it costs to keep, nearly.
    fn bytes(&self) -> usize {
        let envelope: usize = self.client.envelope.iter().map(|frame| frame.len()).sum();
        envelope + self.request.as_ref().map_or(0, |request| request.len())
    }
}

/// The envelope and the payload of a message; no payload if it has not exactly one frame.
///
/// A REQ client, or a proxy, puts an empty frame before the payload; a DEALER need not.
fn part(frames: &[zmq::Message]) -> Option<(&[zmq::Message], Option<&[u8]>)> {
    let (routing_id, rest) = frames.split_first()?;
    let delimiter = if rest.len() > 1 { rest.iter().position(|frame| frame.is_empty()) } else { None };
    let envelope = delimiter.map_or(1, |at| at + 2);
    let routing_ids = frames.get(..envelope).unwrap_or(frames);
    let strange = routing_ids.iter().any(|frame| frame.len() > MAX_ROUTING_ID);
    if strange || frames.len() > MAX_FRAMES {
        // Not an envelope that anybody needs to have mirrored.
        return Some((frames.get(..1)?, None));
    }
    let payload = match frames.get(envelope..)? {
        [payload] if !routing_id.is_empty() => Some(&payload[..]),
        _ => None,
    };
    Some((frames.get(..envelope)?, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parted(frames: &[&str]) -> Option<(usize, Option<String>)> {
        let messages: Vec<zmq::Message> = frames.iter().map(|frame| zmq::Message::from(*frame)).collect();
        let (envelope, payload) = part(&messages)?;
        Some((envelope.len(), payload.map(|payload| String::from_utf8_lossy(payload).into_owned())))
    }

    #[test]
    fn envelopes_are_mirrored() {
        let payload = |envelope: usize, text: &str| Some((envelope, Some(text.to_string())));
        assert_eq!(parted(&["id", "x"]), payload(1, "x"));
        assert_eq!(parted(&["id", "", "x"]), payload(2, "x"));
        assert_eq!(parted(&["id", "proxied", "", "x"]), payload(3, "x"));
        assert_eq!(parted(&["id", ""]), payload(1, ""));
        assert_eq!(parted(&["id", "", ""]), payload(2, ""));
        assert_eq!(parted(&["id", "x", "y"]), Some((1, None)));
        assert_eq!(parted(&["id", "", "x", "y"]), Some((2, None)));
        assert_eq!(parted(&["id"; 12]), Some((1, None)));
        assert_eq!(parted(&["id", &"x".repeat(256), "", "y"]), Some((1, None)));
        assert_eq!(parted(&[]), None);
    }
}
