//! The least that a request can cost over ZeroMQ: a bare ROUTER socket in a process of its own, which answers whatever
//! comes with so many bytes, and does nothing else.

use crate::Outcome;
use crate::supervisor::Client;
use crate::workspace::{Workspace, end, end_with_parent, pid_of};
use std::process::{Child, Command};

/// The argument that makes this program the echo.
pub const ROLE: &str = "--as-echo";

/// The echo, seen from outside.
#[derive(Debug)]
pub struct Echo {
    process: Child,
    /// A connection to it.
    pub client: Client,
}

impl Echo {
    /// Starts it; it will answer with so many bytes.
    pub fn new(workspace: &Workspace, size: usize) -> Outcome<Self> {
        let path = workspace.fresh();
        let endpoint = format!("ipc://{}", path.display());
        let process = Command::new(std::env::current_exe()?)
            .arg(ROLE)
            .arg(std::process::id().to_string())
            .arg(&endpoint)
            .arg(size.to_string())
            .spawn()?;
        Ok(Self { process, client: Client::connect(&endpoint)? })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        if let Ok(pid) = pid_of(&self.process) {
            end(&mut self.process, pid);
        }
    }
}

/// Is the echo.
pub fn run(parent: &str, endpoint: &str, size: &str) -> Outcome<()> {
    end_with_parent(parent)?;
    let reply = vec![b'x'; size.parse()?];
    let context = zmq::Context::new();
    let socket = context.socket(zmq::ROUTER)?;
    socket.bind(endpoint)?;
    let (mut client, mut request) = (zmq::Message::new(), zmq::Message::new());
    loop {
        socket.recv(&mut client, 0)?;
        socket.recv(&mut request, 0)?;
        socket.send(&client[..], zmq::SNDMORE)?;
        socket.send(&reply, 0)?;
    }
}
