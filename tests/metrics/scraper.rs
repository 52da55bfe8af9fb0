//! The server under test, and a client of it that is a bare connection.

use crate::common::DEADLINE;
use crate::tool::{Background, tool};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// `metrics --listen` on a port that the system chose.
pub struct Server {
    pub tool: Background,
    pub address: SocketAddr,
}

/// A response.
#[derive(Debug)]
pub struct Response {
    pub status: String,
    fields: Vec<(String, String)>,
    pub body: String,
}

impl Server {
    /// One that asks the supervisor at an endpoint, whether there is one or not.
    #[track_caller]
    pub fn start(endpoint: &str) -> Self {
        let mut command = tool(&["metrics", "--listen", "127.0.0.1:0"]);
        command.env("PROCNANNY_RPC", endpoint);
        let tool = Background::start(command);
        let address = address_in(&tool.line());
        Self { tool, address }
    }

    /// A connection.
    #[track_caller]
    pub fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// The response to these bytes, up to the end of the connection.
    #[track_caller]
    pub fn exchange(&self, request: &[u8]) -> Response {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        response(&mut stream)
    }

    /// The response to a GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Response {
        get(self.address, path)
    }
}

/// The address in the line that a server begins with.
#[track_caller]
pub fn address_in(line: &str) -> SocketAddr {
    let (_, url) = line.trim_end().split_once(" at http://").unwrap_or_else(|| panic!("no address: {line}"));
    url.strip_suffix("/metrics").unwrap().parse().unwrap()
}

#[track_caller]
fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// The response to a GET.
#[track_caller]
pub fn get(address: SocketAddr, path: &str) -> Response {
    let mut stream = connect(address);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    response(&mut stream)
}

/// All that comes until the end of the connection, as a response.
#[track_caller]
pub fn response(stream: &mut TcpStream) -> Response {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the connection ends in order");
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap().to_string();
    let field = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_string())
    };
    Response { status, fields: lines.map(field).collect(), body: body.to_string() }
}

impl Response {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}
