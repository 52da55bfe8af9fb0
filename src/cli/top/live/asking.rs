//! What the supervisor is asked: the list, what events do not tell, and what is to be done.

use super::super::abilities::Abilities;
use super::super::interface::Operation;
use super::super::model::{Asked, Id, Row};
use super::super::runs;
use super::{Listing, Live, NOBODY};
use crate::cli::client::Call;
use crate::cli::exit::Failure;
use crate::cli::feed::Feed;
use crate::cli::render::text::uncapitalised;
use crate::wire::value::Value;
use std::time::{Duration, Instant};

/// How long after the first reading of what processes use the second one comes: before it no share can be told.
const SECOND: Duration = Duration::from_millis(500);

impl Live {
    /// Asks for what events do not tell.
    pub(super) fn refresh(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        if self.listing == Listing::Unknown
            && let Some(reply) = feed.request(&Call::new("methods"))?
        {
            self.abilities = Abilities::of(&reply);
            self.listing = Listing::Stale;
            self.read_at = Instant::now();
        }
        if self.listing == Listing::Stale {
            self.list(feed)?;
        }
        if Instant::now() >= self.read_at {
            self.read(feed)?;
        }
        if self.logs.is_some() && Instant::now() >= self.logs_at {
            self.follow_logs(feed)?;
        }
        Ok(())
    }

    /// All instances.
    fn list(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        match feed.request(&self.listing_call(&self.about.selectors)) {
            Ok(Some(reply)) => {
                let now = self.now();
                self.model.take_all(&reply, now);
                self.listing = Listing::Known;
            }
            Ok(None) => {}
            // What was named is gone, and may come back.
            Err(Failure::Refused(refusal)) if refusal.code.starts_with("no-such-") => {
                self.model.rows.clear();
                self.listing = Listing::Known;
                self.interface.message = Some(uncapitalised(&refusal.sentence));
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    fn listing_call(&self, selectors: &[String]) -> Call {
        let call = Call::new("list").selecting(selectors);
        if self.abilities.usage.is_there() { call.with("usage", true) } else { call }
    }

    /// What changes without an event: the supervisor itself, and what processes use.
    fn read(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        self.readings = self.readings.saturating_add(1);
        let pause = if self.readings == 1 { SECOND.min(self.about.delay) } else { self.about.delay };
        self.read_at = Instant::now() + pause;
        if let Some(reply) = feed.request(&Call::new("info"))? {
            let now = self.now();
            self.model.take_info(&reply, now);
        }
        if !self.abilities.usage.is_there() {
            return Ok(());
        }
        if self.interface.sort.needs_usage() {
            return self.list(feed);
        }
        let names = self.seen().map(|(id, _)| id.name()).collect();
        self.read_some(feed, names)
    }

    fn read_some(&mut self, feed: &mut Feed, names: Vec<String>) -> Result<(), Failure> {
        if names.is_empty() {
            return Ok(());
        }
        match feed.request(&self.listing_call(&names)) {
            Ok(Some(reply)) => {
                let now = self.now();
                self.model.take_some(&reply, now);
            }
            Ok(None) => {}
            // One of them is gone; an event tells, or has told, so.
            Err(Failure::Refused(_)) => self.listing = Listing::Stale,
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// The instances that are on the screen.
    fn seen(&self) -> impl Iterator<Item = (&Id, &Row)> {
        let seen = self.ids.iter().skip(self.interface.first()).take(self.division.rows);
        seen.filter_map(|id| self.model.rows.get_key_value(id))
    }

    /// Asks for what is on the screen and not known in full: the runs of before, and how long a delay is. Whether
    /// anything was learnt.
    pub(super) fn look_closer(&mut self, feed: &mut Feed) -> Result<bool, Failure> {
        let vague: Vec<String> =
            self.seen().filter(|(_, row)| row.is_vague()).map(|(id, _)| id.name()).collect();
        let unasked: Vec<Id> = self
            .seen()
            .filter(|(_, row)| row.past == Asked::No && self.abilities.history.is_there())
            .map(|(id, _)| id.clone())
            .collect();
        let any = !vague.is_empty() || !unasked.is_empty();
        self.read_some(feed, vague)?;
        if !unasked.is_empty() {
            self.ask_runs(feed, &unasked)?;
        }
        Ok(any)
    }

    fn ask_runs(&mut self, feed: &mut Feed, ids: &[Id]) -> Result<(), Failure> {
        let names: Vec<String> = ids.iter().map(Id::name).collect();
        let limit = i64::try_from(runs::KEPT).unwrap_or(i64::MAX);
        match feed.request(&Call::new("history").selecting(&names).with("limit", limit)) {
            Ok(Some(reply)) => self.model.take_history(&reply),
            Ok(None) => return Ok(()),
            Err(Failure::Refused(_)) => self.listing = Listing::Stale,
            Err(failure) => return Err(failure),
        }
        for id in ids {
            if let Some(row) = self.model.rows.get_mut(id) {
                row.past = Asked::Yes;
            }
        }
        Ok(())
    }
}

/// Asks for something to be done to an instance; what there is to say about it.
pub(super) fn operate(feed: &mut Feed, operation: Operation, id: &Id) -> Result<String, Failure> {
    let (method, name) = (operation.method(), id.name());
    match feed.request(&Call::new(method).selecting(std::slice::from_ref(&name))) {
        Ok(Some(reply)) => {
            let row = reply.get("results").and_then(Value::as_array).and_then(<[Value]>::first);
            let unchanged = row.and_then(|row| row.get("changed")).and_then(Value::as_bool) == Some(false);
            Ok(format!("{method} {name}{}", if unchanged { ": as it was" } else { "" }))
        }
        Ok(None) => Ok(NOBODY.to_string()),
        Err(Failure::Refused(refusal)) => {
            Ok(format!("{method} {name}: {}", uncapitalised(&refusal.sentence)))
        }
        Err(failure) => Err(failure),
    }
}
