//! Values of options, and what switches mean.

use crate::config::units::{self, UnitError};
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
