//! The streams that are open, and what they are written to.

use super::outlet::{Kind, Outlet, Target};
use super::publish::Wanted;
use super::writing::{How, Line};
use crate::api::output::Speaker;
use crate::core::log::{OnFull, StreamId};
use crate::wire::log_channel::{Route, Sink};
use std::collections::HashMap;
use std::os::fd::OwnedFd;

/// All streams.
pub type Streams = HashMap<StreamId, Stream>;

/// A stream of output.
#[derive(Debug)]
pub struct Stream {
    /// The reading end of its pipe.
    pub pipe: OwnedFd,
    /// Where it goes, and how.
    pub route: Route,
    /// `PROGRAM/INSTANCE | `.
    pub prefix: Box<str>,
    /// What it is written to; nothing for one that is only kept in memory.
    pub outlet: Option<OutletId>,
    /// What is done with its pipe.
    pub reading: Reading,
    /// Whether its pipe was made larger.
    pub room: Room,
    /// What the supervisor knows of it.
    pub told: Told,
    /// Whether somebody subscribes to it.
    pub wanted: Wanted,
    /// Markers that could not be written yet.
    pub markers: Vec<String>,
}

/// What is done with the pipe of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It is watched, and read when there is something in it.
    On,
    /// It is left alone until what is held can be written.
    Paused,
    /// It has come to its end.
    Ended,
}

/// How much a pipe holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// As much as any pipe.
    Usual,
    /// As much as could be had, since it was found full.
    Enlarged,
}

/// What the supervisor knows of whether a stream can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// That it can.
    Fine,
    /// That it cannot.
    Trouble,
}

impl Stream {
    /// Whose output it is.
    pub fn speaker(&self) -> Speaker<'_> {
        Speaker { program: &self.route.program, instance: self.route.instance, source: self.route.source }
    }

    /// How it is written.
    pub fn how(&self) -> How<'_> {
        let line = if self.reading == Reading::Ended { Line::Ended } else { Line::Open };
        How { policy: self.route.policy, prefix: &self.prefix, line }
    }

    /// Whether what it has may have to be held: then no more may be taken than can be.
    pub fn may_wait(&self, outlet: Option<&Outlet>) -> bool {
        outlet.is_some_and(|outlet| {
            self.route.policy.on_full == OnFull::Block || outlet.kind() != Some(Kind::Regular)
        })
    }
}

/// What stands before the lines of a stream.
pub fn prefix_of(route: &Route) -> Box<str> {
    format!("{}/{} | ", route.program, route.instance).into()
}

/// The number of an outlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutletId(usize);

/// What output is written to, each once, however many streams go there.
#[derive(Debug, Default)]
pub struct Outlets {
    slots: Vec<Option<Outlet>>,
    by_target: HashMap<Target, OutletId>,
    free: Vec<OutletId>,
}

impl Outlets {
    /// That of a sink, for one more stream.
    pub fn join(&mut self, sink: &Sink) -> Option<OutletId> {
        let target = match sink {
            Sink::Memory => return None,
            Sink::File(path) => Target::File(path.as_str().into()),
            Sink::Console(source) => Target::Console(*source),
        };
        let id = self.by_target.get(&target).copied().unwrap_or_else(|| self.add(target));
        if let Some(outlet) = self.get(id) {
            outlet.users += 1;
        }
        Some(id)
    }

    fn add(&mut self, target: Target) -> OutletId {
        let id = self.free.pop().unwrap_or(OutletId(self.slots.len()));
        self.by_target.insert(target.clone(), id);
        let outlet = Some(Outlet::new(target));
        match self.slots.get_mut(id.0) {
            Some(slot) => *slot = outlet,
            None => self.slots.push(outlet),
        }
        id
    }

    /// For one stream less; without any it is closed.
    pub fn leave(&mut self, id: OutletId) {
        let Some(outlet) = self.get(id) else { return };
        outlet.users = outlet.users.saturating_sub(1);
        if outlet.users == 0 {
            let gone = self.slots.get_mut(id.0).and_then(Option::take);
            if let Some(gone) = gone {
                self.by_target.remove(&gone.target);
                self.free.push(id);
            }
        }
    }

    /// The outlet of that number.
    pub fn get(&mut self, id: OutletId) -> Option<&mut Outlet> {
        self.slots.get_mut(id.0)?.as_mut()
    }

    /// All of them.
    pub fn all(&mut self) -> impl Iterator<Item = &mut Outlet> {
        self.slots.iter_mut().flatten()
    }
}
