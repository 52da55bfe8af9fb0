//! One client of the server: it asks, is answered, and goes. Each part of that has its time, and nothing waits for it.

use super::http::{self, Part, Request, Response};
use crate::sys::clock;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::time::{Duration, Instant};
use zmq::{POLLIN, POLLOUT, PollEvents};

/// How long a client may take to ask.
const TO_ASK: Duration = Duration::from_secs(5);
/// How long it may take to read its answer.
const TO_READ: Duration = Duration::from_secs(30);
/// How long it may take to go once it has its answer, and how much it may send meanwhile.
const TO_GO: Duration = Duration::from_secs(1);
const MAX_REST: usize = 256 << 10;

/// A client.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    stage: Stage,
    deadline: Instant,
}

/// How far it is.
#[derive(Debug)]
enum Stage {
    /// It asks.
    Asking(Vec<u8>),
    /// It has asked.
    Asked(Request),
    /// It reads its answer.
    Reading { head: Vec<u8>, body: Rc<[u8]>, sent: usize },
    /// It has all of it. Whatever it still sends is read, since a connection that is closed with something unread in it
    /// is reset, and what it has not read yet is lost with that (RFC 9112, section 9.6).
    Going { read: usize },
    /// It has gone, or is to go.
    Gone,
}

impl Connection {
    /// A client that has come.
    ///
    /// # Errors
    /// That of the system.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, stage: Stage::Asking(Vec::new()), deadline: Instant::now() + TO_ASK })
    }

    /// What to wait for.
    pub fn awaited(&self) -> (RawFd, PollEvents) {
        let events = match self.stage {
            Stage::Asking(_) | Stage::Going { .. } => POLLIN,
            Stage::Reading { .. } => POLLOUT,
            Stage::Asked(_) | Stage::Gone => PollEvents::empty(),
        };
        (self.stream.as_raw_fd(), events)
    }

    /// When its time is over.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it has not asked yet.
    pub fn is_asking(&self) -> bool {
        matches!(self.stage, Stage::Asking(_))
    }

    /// Whether it has gone, or its time is over.
    pub fn is_over(&self, now: Instant) -> bool {
        matches!(self.stage, Stage::Gone) || self.deadline <= now
    }

    /// What it has asked for, as long as it is not answered.
    pub fn request(&self) -> Option<Request> {
        match self.stage {
            Stage::Asked(request) => Some(request),
            Stage::Asking(_) | Stage::Reading { .. } | Stage::Going { .. } | Stage::Gone => None,
        }
    }

    /// Answers it.
    pub fn answer(&mut self, response: &Response, part: Part) {
        let body = match part {
            Part::Whole => response.body.clone(),
            Part::Head => Rc::from([]),
        };
        self.stage = Stage::Reading { head: response.head(clock::wall()), body, sent: 0 };
        self.deadline = Instant::now() + TO_READ;
        self.go_on();
    }

    /// Goes on as far as it goes without waiting.
    pub fn go_on(&mut self) {
        let outcome = match &mut self.stage {
            Stage::Asking(bytes) => ask(&mut self.stream, bytes),
            Stage::Reading { head, body, sent } => send(&mut self.stream, head, body, sent),
            Stage::Going { read } => see_off(&mut self.stream, read),
            Stage::Asked(_) | Stage::Gone => return,
        };
        match outcome {
            Ok(next) => self.enter(next),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.stage = Stage::Gone,
        }
    }

    fn enter(&mut self, next: Stage) {
        if let Stage::Going { .. } = next {
            self.deadline = Instant::now() + TO_GO;
            // One that has gone already needs no telling.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
        self.stage = next;
    }
}

/// Reads a request until its head is complete.
fn ask(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Stage> {
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(Stage::Gone);
        }
        bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let request = http::understand(bytes);
        // One that is too long is not incomplete.
        if request != Request::Incomplete {
            return Ok(Stage::Asked(request));
        }
    }
}

/// Sends what is left of an answer.
fn send(stream: &mut TcpStream, head: &[u8], body: &[u8], sent: &mut usize) -> io::Result<Stage> {
    loop {
        let left = match head.get(*sent..) {
            Some(left) if !left.is_empty() => left,
            Some(_) | None => body.get(*sent - head.len()..).unwrap_or_default(),
        };
        if left.is_empty() {
            return Ok(Stage::Going { read: 0 });
        }
        match stream.write(left)? {
            0 => return Ok(Stage::Gone),
            count => *sent += count,
        }
    }
}

/// Reads what a client sends that has its answer, until it goes.
fn see_off(stream: &mut TcpStream, read: &mut usize) -> io::Result<Stage> {
    let mut buffer = [0; 4096];
    while *read < MAX_REST {
        match stream.read(&mut buffer)? {
            0 => return Ok(Stage::Gone),
            count => *read += count,
        }
    }
    Ok(Stage::Gone)
}
