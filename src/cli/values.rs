//! Values of options, and what switches mean.

use crate::config::units::{self, UnitError};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// A duration as people write it: a number of seconds, `500ms`, `2m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

impl FromStr for Period {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        units::parse_duration(text).map(Period)
    }
}

/// Where to listen. Only `localhost` is a name: others would have to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let of_localhost = || {
            let port = text.strip_prefix("localhost:")?.parse().ok()?;
            Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
        };
        let address = text.parse().ok().or_else(of_localhost);
        address.map(Address).ok_or("expected IP:PORT, [IPv6]:PORT or localhost:PORT")
    }
}

/// How a reply is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Form {
    /// What `--json` says.
    pub fn new(json: bool) -> Self {
        if json { Form::Json } else { Form::Text }
    }
}

/// How the table of states is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// In lines.
    Table,
    /// For Graphviz.
    Dot,
}

impl Notation {
    /// What `--dot` says.
    pub fn new(dot: bool) -> Self {
        if dot { Notation::Dot } else { Notation::Table }
    }
}

/// Where to begin with events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// After the event with this number.
    Event(u64),
    /// With the next one.
    Now,
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "now" {
            return Ok(Since::Now);
        }
        // The protocol's integers end where those of 63 bits do.
        let number = text.parse().ok().filter(|number| *number <= i64::MAX.unsigned_abs());
        number.map(Since::Event).ok_or("expected the number of an event, or 'now'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_numeric_or_localhost() {
        let address = |text: &str| text.parse::<Address>().map(|address| address.0.to_string());
        assert_eq!(address("127.0.0.1:9275").as_deref(), Ok("127.0.0.1:9275"));
        assert_eq!(address("[::1]:0").as_deref(), Ok("[::1]:0"));
        assert_eq!(address("localhost:80").as_deref(), Ok("127.0.0.1:80"));
        for wrong in
            ["", "9275", ":9275", "localhost", "example.org:80", "127.0.0.1", "localhost:65536", "::1:80:"]
        {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
