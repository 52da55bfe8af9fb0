//! A client of the API: one request, one reply, and never a wait without an end.
//!
//! Invariants: a reply is taken only with the id of its request; a supervisor that ends while it is asked is noticed
//! at once, by libzmq's monitor; one that does not answer is given up on.

use super::endpoint::{Endpoint, Presence};
use super::exit::{Failure, Refusal};
use super::keys::{self, Keys};
use crate::api::arguments::DEFAULT_WAIT;
use crate::sys::kinship::{Condition, look};
use crate::sys::process::Pid;
use crate::wire::msgpack::{self, Writer};
use crate::wire::value::Value;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use zmq::{DONTWAIT, POLLIN, SocketEvent};

/// How long a supervisor may take to answer what it can answer at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest reply that is taken: the metrics of 100000 instances have about half of it, `status` less.
const MAX_REPLY: i64 = 256 << 20;

/// How long the process of a supervisor may take to end after its sockets are gone.
const LAST_WORK: Duration = Duration::from_secs(2);

/// How often libzmq tries to connect where the line is full, in milliseconds.
const RECONNECT: i32 = 50;

/// How long what a supervisor listened on may be there after its connections were closed.
const LAST_MOMENT: Duration = Duration::from_millis(200);

/// How often it is looked whether a supervisor is gone.
const LOOK: Duration = Duration::from_millis(10);

/// How long at the most before it is looked whether somebody asked to end.
const GLANCE: Duration = Duration::from_millis(250);

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    entries: Vec<(Value, Value)>,
    waits: Duration,
    patience: Duration,
}

impl Call {
    /// A request for a method, without arguments.
    pub fn new(method: &str) -> Self {
        let entries = vec![(Value::from("request"), Value::from(method))];
        Self { entries, waits: Duration::ZERO, patience: PATIENCE }
    }

    /// Adds an argument.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.entries.push((Value::from(name), value.into()));
        self
    }

    /// Adds what is selected: names and globs as they were typed; nothing for everything.
    #[must_use]
    pub fn selecting(self, selectors: &[String]) -> Self {
        match selectors {
            [] => self,
            [one] => self.with("program", one.as_str()),
            several => self
                .with("program", several.iter().map(|name| Value::from(name.as_str())).collect::<Vec<_>>()),
        }
    }

    /// Asks for an answer when it is so, and not before; or when this time is over.
    #[must_use]
    pub fn waiting(mut self, timeout: Option<Duration>) -> Self {
        self.waits = timeout.unwrap_or(DEFAULT_WAIT);
        let timeout = self.waits.as_secs_f64();
        self.with("wait", true).with("timeout", timeout)
    }

    /// Says that the answer may take this long.
    #[must_use]
    pub fn taking(mut self, time: Duration) -> Self {
        self.waits = time;
        self
    }

    /// Says how long the supervisor may take to answer what it can answer at once.
    #[must_use]
    pub fn answered_within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn message(&self, id: u64) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.map(self.entries.len() + 1);
        for (name, value) in &self.entries {
            writer.value(name);
            writer.value(value);
        }
        writer.entry("id", id);
        writer.into_bytes()
    }
}

/// A connection to a supervisor.
pub struct Client {
    socket: zmq::Socket,
    monitor: zmq::Socket,
    endpoint: Endpoint,
    keys: Option<Keys>,
    line: Line,
    last_id: u64,
    interrupted: Option<Arc<AtomicBool>>,
}

/// What is known of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Nothing was heard yet.
    Connecting,
    /// The other side speaks our protocol.
    Established,
    /// It was, and is no more.
    Lost,
}

impl Client {
    /// Connects, after it has been asked whether anybody is there.
    ///
    /// # Errors
    /// Nobody there, or not for us.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, Failure> {
        Self::connect_within(endpoint, PATIENCE)
    }

    /// As [`Client::connect`], where no more than this time is waited for room in the line.
    ///
    /// # Errors
    /// The same.
    pub fn connect_within(endpoint: &Endpoint, patience: Duration) -> Result<Self, Failure> {
        let keys = Keys::of_environment(endpoint)?;
        await_room(endpoint, patience)?;
        let failed = |error: zmq::Error| Failure::Failed(format!("cannot connect to {endpoint}: {error}"));
        let context = zmq::Context::new();
        let socket = context.socket(zmq::DEALER).map_err(failed)?;
        let monitor = watched(&context, &socket).map_err(failed)?;
        prepare(&socket, endpoint).map_err(failed)?;
        keys.iter().try_for_each(|keys| keys.give_to(&socket)).map_err(failed)?;
        socket.connect(endpoint.as_str()).map_err(failed)?;
        let endpoint = endpoint.clone();
        let line = Line::Connecting;
        Ok(Self { socket, monitor, endpoint, keys, line, last_id: 0, interrupted: None })
    }

    /// Ends a wait, with [`Failure::Interrupted`], when this becomes true.
    pub fn interrupted_by(&mut self, flag: Arc<AtomicBool>) {
        self.interrupted = Some(flag);
    }

    /// Where it is connected to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks, and takes an error in the reply for an error.
    ///
    /// # Errors
    /// [`Failure::Refused`], and those of [`Client::exchange`].
    pub fn request(&mut self, call: &Call) -> Result<Value, Failure> {
        let reply = self.exchange(call)?;
        match Refusal::of(&reply) {
            Some(refusal) => Err(Failure::Refused(refusal)),
            None => Ok(reply),
        }
    }

    /// Asks, and returns the reply whatever it is.
    ///
    /// # Errors
    /// [`Failure::NoSupervisor`] when it ends meanwhile, [`Failure::NotInTime`] when it does not answer.
    pub fn exchange(&mut self, call: &Call) -> Result<Value, Failure> {
        self.last_id += 1;
        let deadline = Instant::now() + call.waits.saturating_add(call.patience);
        self.socket
            .send(call.message(self.last_id), DONTWAIT)
            .map_err(|error| Failure::Failed(format!("cannot send to {}: {error}", self.endpoint)))?;
        loop {
            if let Some(reply) = self.receive()? {
                return Ok(reply);
            }
            self.check_line()?;
            if self.interrupted.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
                return Err(Failure::Interrupted);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.silence(call));
            }
            let mut items = [self.socket.as_poll_item(POLLIN), self.monitor.as_poll_item(POLLIN)];
            poll(&mut items, left.min(GLANCE))?;
        }
    }

    /// Waits until the supervisor is gone, once it has been told to go: its sockets, and its process if that was to be
    /// seen (see [`Endpoint::listener`]), so that the next one can have its directory.
    ///
    /// # Errors
    /// [`Failure::NotInTime`] when it stays.
    pub fn await_end(&mut self, process: Option<i32>, patience: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + patience;
        let mut gone = None;
        loop {
            self.follow_line()?;
            if self.line == Line::Lost && matches!(self.endpoint.probe(), Err(Failure::NoSupervisor(_))) {
                // Whatever holds the process up then is no concern of ours.
                let since = *gone.get_or_insert_with(Instant::now);
                if since.elapsed() > LAST_WORK || !process.is_some_and(is_alive) {
                    return Ok(());
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let endpoint = &self.endpoint;
                return Err(Failure::NotInTime(format!("the supervisor at {endpoint} has not ended yet")));
            }
            poll(&mut [self.monitor.as_poll_item(POLLIN)], left.min(LOOK))?;
        }
    }

    /// The reply to the last request, if it is there.
    fn receive(&mut self) -> Result<Option<Value>, Failure> {
        loop {
            let frames = match self.socket.recv_multipart(DONTWAIT) {
                Ok(frames) => frames,
                Err(zmq::Error::EAGAIN | zmq::Error::EINTR) => return Ok(None),
                Err(error) => {
                    return Err(Failure::Failed(format!("cannot receive from {}: {error}", self.endpoint)));
                }
            };
            let strange = |what: String| {
                Failure::Failed(format!("{} answered with something that is no reply: {what}", self.endpoint))
            };
            let reply = msgpack::decode_reply(frames.last().map_or(&[], Vec::as_slice))
                .map_err(|error| strange(error.to_string()))?;
            if reply.as_map().is_none() {
                return Err(strange(format!("a {}", reply.type_name())));
            }
            // Anything else answers a request that was given up on.
            if reply.get("id").and_then(Value::as_u64) == Some(self.last_id) {
                return Ok(Some(reply));
            }
        }
    }

    /// Takes what the monitor has to tell.
    fn follow_line(&mut self) -> Result<(), Failure> {
        loop {
            let frames = match self.monitor.recv_multipart(DONTWAIT) {
                Ok(frames) => frames,
                Err(zmq::Error::EAGAIN | zmq::Error::EINTR) => return Ok(()),
                Err(error) => {
                    return Err(Failure::Failed(format!("cannot watch {}: {error}", self.endpoint)));
                }
            };
            // zmq_socket_monitor(3): 16 bits of the event in the host's order, and 32 of a value.
            let (event, value) = match frames.first().map(Vec::as_slice) {
                Some([low, high, a, b, c, d]) => {
                    (u16::from_ne_bytes([*low, *high]), u32::from_ne_bytes([*a, *b, *c, *d]))
                }
                Some(_) | None => continue,
            };
            // libzmq would try again for ever.
            if event == SocketEvent::HANDSHAKE_FAILED_AUTH.to_raw() {
                return Err(keys::unknown(&self.endpoint, self.keys.as_ref()));
            }
            let failed = event == SocketEvent::HANDSHAKE_FAILED_PROTOCOL.to_raw();
            if failed && value == zmq_sys::ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH {
                return Err(keys::mismatch(&self.endpoint, self.keys.as_ref()));
            }
            let established = event == SocketEvent::HANDSHAKE_SUCCEEDED.to_raw();
            let ended = event == SocketEvent::DISCONNECTED.to_raw();
            match self.line {
                Line::Connecting if established => self.line = Line::Established,
                // A connection that failed before it was one is tried again, as long as anybody is there.
                Line::Connecting => drop(self.endpoint.probe()?),
                Line::Established if ended => self.line = Line::Lost,
                // libzmq connects again, but what had been asked is not asked again.
                Line::Established | Line::Lost => {}
            }
        }
    }

    /// Notices a supervisor that is gone.
    fn check_line(&mut self) -> Result<(), Failure> {
        self.follow_line()?;
        if self.line != Line::Lost {
            return Ok(());
        }
        let endpoint = &self.endpoint;
        // Of a process that was killed, connections may be closed a moment before what they came in by.
        let asked = Instant::now();
        while endpoint.probe().is_ok() {
            if asked.elapsed() > LAST_MOMENT {
                return Err(Failure::Failed(format!(
                    "the supervisor at {endpoint} closed the connection without an answer: the request was too \
                     large, or it was replaced meanwhile; 'procnanny info' shows what is there"
                )));
            }
            std::thread::sleep(LAST_MOMENT / 10);
        }
        let sentence =
            format!("the supervisor at {endpoint} ended before it answered; start one with 'procnanny run'");
        Err(Failure::NoSupervisor(sentence))
    }

    /// What becomes ready when the connection ends, among other things: to be followed by [`Client::notice_end`].
    pub fn line_item(&self) -> zmq::PollItem<'_> {
        self.monitor.as_poll_item(POLLIN)
    }

    /// Notices, without asking anything, that the supervisor is gone.
    ///
    /// # Errors
    /// [`Failure::NoSupervisor`] when it is.
    pub fn notice_end(&mut self) -> Result<(), Failure> {
        self.follow_line()?;
        match self.line {
            Line::Connecting | Line::Established => Ok(()),
            Line::Lost => Err(Failure::NoSupervisor(format!("the supervisor at {} is gone", self.endpoint))),
        }
    }

    fn silence(&self, call: &Call) -> Failure {
        let time = super::render::time::duration(call.waits.saturating_add(call.patience).as_secs_f64());
        let or_wrong_key = match (&self.keys, self.line) {
            (Some(_), Line::Connecting) => "; if $PROCNANNY_CURVE_SERVER is not its key, it says nothing",
            (Some(_) | None, _) => "",
        };
        Failure::NotInTime(format!(
            "the supervisor at {} has not answered in {time}; if it is stopped or overloaded, look at its \
             process{or_wrong_key}",
            self.endpoint
        ))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// Whether a process has not ended: a zombie has, and only waits for its parent (proc_pid_stat(5)).
fn is_alive(process: i32) -> bool {
    let seen = Pid::new(process).and_then(|pid| look(pid).ok());
    seen.is_some_and(|seen| seen.condition != Condition::Ended)
}

/// Waits while more clients want to connect than fit in line.
fn await_room(endpoint: &Endpoint, patience: Duration) -> Result<(), Failure> {
    let deadline = Instant::now() + patience;
    loop {
        match endpoint.probe()? {
            Presence::There => return Ok(()),
            Presence::Crowded if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            Presence::Crowded => {
                let sentence =
                    format!("the supervisor at {endpoint} accepts no connections; is its process stopped?");
                return Err(Failure::NotInTime(sentence));
            }
        }
    }
}

fn watched(context: &zmq::Context, socket: &zmq::Socket) -> Result<zmq::Socket, zmq::Error> {
    let events = [
        SocketEvent::HANDSHAKE_SUCCEEDED,
        SocketEvent::HANDSHAKE_FAILED_NO_DETAIL,
        SocketEvent::HANDSHAKE_FAILED_PROTOCOL,
        SocketEvent::HANDSHAKE_FAILED_AUTH,
        SocketEvent::DISCONNECTED,
        SocketEvent::CLOSED,
    ];
    let mask = events.into_iter().fold(0, |mask, event| mask | i32::from(event.to_raw()));
    socket.monitor("inproc://monitor", mask)?;
    let monitor = context.socket(zmq::PAIR)?;
    monitor.set_linger(0)?;
    monitor.connect("inproc://monitor")?;
    Ok(monitor)
}

fn prepare(socket: &zmq::Socket, endpoint: &Endpoint) -> Result<(), zmq::Error> {
    socket.set_linger(0)?;
    socket.set_maxmsgsize(MAX_REPLY)?;
    socket.set_sndhwm(16)?;
    socket.set_rcvhwm(16)?;
    socket.set_reconnect_ivl(RECONNECT)?;
    if endpoint.is_network() {
        socket.set_ipv6(true)?;
        // A host that vanishes says nothing; the kernel asks it after 10 s of silence.
        socket.set_tcp_keepalive(1)?;
        socket.set_tcp_keepalive_idle(10)?;
        socket.set_tcp_keepalive_intvl(5)?;
        socket.set_tcp_keepalive_cnt(3)?;
    }
    Ok(())
}

/// Waits until something is ready, or a signal arrives, or the time is over.
///
/// # Errors
/// None is known.
pub fn poll(items: &mut [zmq::PollItem<'_>], timeout: Duration) -> Result<(), Failure> {
    // Rounded up: zero would be a busy loop in the last millisecond.
    let milliseconds = i64::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i64::MAX);
    match zmq::poll(items, milliseconds) {
        Ok(_) | Err(zmq::Error::EINTR) => Ok(()),
        Err(error) => Err(Failure::Failed(format!("cannot wait: {error}"))),
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
