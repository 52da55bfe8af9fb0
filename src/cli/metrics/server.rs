//! A server for scrapers: one thread, one loop, a bounded number of clients. It holds no connection to the supervisor
//! while nobody asks, so one that comes and goes is nothing to it.

use super::ask;
use super::connection::Connection;
use super::http::{Request, Response, Status};
use crate::cli::client::{Client, poll};
use crate::cli::endpoint::Endpoint;
use crate::cli::exit::{Exit, Failure, say, words};
use crate::cli::signals::Signals;
use crate::wire::openmetrics::CONTENT_TYPE;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use zmq::{POLLIN, PollEvents, PollItem};

/// How many clients are served at a time.
const MAX_CLIENTS: usize = 64;
/// How long an answer is given to others too: a crowd of clients is not a crowd to the supervisor.
const FRESH: Duration = Duration::from_millis(250);
/// How long nobody is let in after the system refused to.
const PAUSE: Duration = Duration::from_millis(100);
/// How long to wait where there is no deadline.
const LONG: Duration = Duration::from_secs(3600);

/// Serves until somebody asks to end.
///
/// # Errors
/// An address that cannot be listened on.
pub fn serve(endpoint: Endpoint, address: SocketAddr) -> Result<Exit, Failure> {
    let signals = Signals::catch()?;
    let listener = listen(address).map_err(|error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => "; end what listens there, or name another port",
            ErrorKind::AddrNotAvailable => "; name an address of this host",
            _ => "",
        };
        Failure::Failed(format!("cannot listen on {address}: {}{advice}", words(&error)))
    })?;
    let bound = listener.local_addr().unwrap_or(address);
    say(&format!("Serving the metrics of {endpoint} at http://{bound}/metrics\n"))?;
    Server { endpoint, listener, signals, clients: Vec::new(), shut_until: None, latest: None }.run()
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

struct Server {
    endpoint: Endpoint,
    listener: TcpListener,
    signals: Signals,
    clients: Vec<Connection>,
    /// Nobody is let in until then.
    shut_until: Option<Instant>,
    /// The latest answer, and when it came.
    latest: Option<(Instant, Response)>,
}

impl Server {
    fn run(mut self) -> Result<Exit, Failure> {
        loop {
            let ready = self.wait()?;
            if self.signals.ended() {
                return Ok(Exit::Done);
            }
            self.signals.clear();
            // Before anything that may take its time: what a client has sent meanwhile is read before it is over.
            let now = Instant::now();
            let ready = self.clients.iter_mut().zip(ready);
            ready.filter(|(_, is_ready)| *is_ready).for_each(|(client, _)| client.go_on());
            self.let_in();
            self.answer()?;
            self.clients.retain(|client| !client.is_over(now));
        }
    }

    /// Waits until something is to be done; which clients it is to be done for.
    fn wait(&mut self) -> Result<Vec<bool>, Failure> {
        let now = Instant::now();
        self.shut_until = self.shut_until.filter(|until| *until > now);
        let door = if self.is_open() { POLLIN } else { PollEvents::empty() };
        let fixed = [(self.signals.descriptor(), POLLIN), (self.listener.as_raw_fd(), door)];
        let clients = self.clients.iter().map(Connection::awaited);
        let awaited = fixed.into_iter().chain(clients);
        let mut items: Vec<PollItem<'_>> =
            awaited.map(|(descriptor, events)| PollItem::from_fd(descriptor, events)).collect();
        let deadlines = self.clients.iter().map(Connection::deadline).chain(self.shut_until);
        let timeout = deadlines.min().map_or(LONG, |at| at.saturating_duration_since(now));
        poll(&mut items, timeout)?;
        Ok(items.iter().skip(fixed.len()).map(|item| !item.get_revents().is_empty()).collect())
    }

    /// Lets clients in that have come, each in place of the one that has taken the longest to ask if there is no room.
    fn let_in(&mut self) {
        for _ in 0..MAX_CLIENTS {
            if !self.is_open() {
                return;
            }
            match self.listener.accept() {
                // One that has gone already leaves its place to the next.
                Ok((stream, _)) => self.clients.extend(Connection::new(stream)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                // No descriptors, above all: that passes.
                Err(_) => self.shut_until = Some(Instant::now() + PAUSE),
            }
            if let Some(client) = self.clients.last_mut() {
                client.go_on();
            }
            // They are in the order of their coming.
            let oldest = self.clients.iter().position(Connection::is_asking);
            if let Some(oldest) = oldest.filter(|_| self.clients.len() > MAX_CLIENTS) {
                self.clients.remove(oldest);
            }
        }
    }

    /// Whether one more is let in.
    fn is_open(&self) -> bool {
        let has_room = self.clients.len() < MAX_CLIENTS || self.clients.iter().any(Connection::is_asking);
        self.shut_until.is_none() && has_room
    }

    /// Answers those that have asked.
    fn answer(&mut self) -> Result<(), Failure> {
        for index in 0..self.clients.len() {
            let Some(request) = self.clients.get(index).and_then(Connection::request) else { continue };
            let (response, part) = match request {
                Request::Metrics(part) => (self.metrics()?, part),
                Request::Front(part) => (Response::of_status(Status::Found), part),
                Request::Refused(status, part) => (Response::of_status(status), part),
                Request::Incomplete => continue,
            };
            if let Some(client) = self.clients.get_mut(index) {
                client.answer(&response, part);
            }
        }
        Ok(())
    }

    /// The metrics, or why there are none.
    fn metrics(&mut self) -> Result<Response, Failure> {
        if let Some((came, response)) = &self.latest
            && came.elapsed() < FRESH
        {
            return Ok(response.clone());
        }
        let response = match self.ask() {
            Ok(text) => {
                Response { status: Status::Found, content_type: CONTENT_TYPE, body: text.into_bytes().into() }
            }
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(failure) => Response::sentence(Status::Unavailable, &format!("procnanny: {failure}\n")),
        };
        self.latest = Some((Instant::now(), response.clone()));
        Ok(response)
    }

    fn ask(&self) -> Result<String, Failure> {
        let mut client = Client::connect(&self.endpoint)?;
        client.interrupted_by(self.signals.ended_flag());
        ask(&mut client)
    }
}
