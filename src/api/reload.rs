//! The replies to `reload`: what changed, or what is wrong.

use super::reply::{ApiError, Code, Reply};
use crate::config::file::{FileError, FileErrors};
use crate::wire::msgpack::Writer;
use crate::wire::value::Value;
use std::sync::Arc;

/// What a reload does to programs, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New ones.
    pub added: Vec<Arc<str>>,
    /// Others, each with the names of the settings that differ.
    pub changed: Vec<(Arc<str>, Vec<&'static str>)>,
    /// Those that are stopped and forgotten.
    pub removed: Vec<Arc<str>>,
    /// How many nothing is done to.
    pub unchanged: usize,
    /// Settings of the supervisor that differ, and that it has to be started again for.
    pub restart_needed: Vec<&'static str>,
    /// What it does to the hooks that belong to no program.
    pub hooks: HookChanges,
    /// What it does to their instances.
    pub steps: Steps,
}

/// What a reload does to hooks. One that is changed is another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HookChanges {
    /// How many are new.
    pub added: usize,
    /// How many are gone.
    pub removed: usize,
}

/// An instance: its program, and its number.
pub type Member = (Arc<str>, u32);

/// What a reload does to instances: which of which programs. Each list is in the order in which it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Started.
    pub start: Vec<Member>,
    /// Stopped, and then gone.
    pub stop: Vec<Member>,
    /// Restarted, one of a program at a time.
    pub restart: Vec<Member>,
    /// Under other policy from now on, with the process that they have.
    pub update: Vec<Member>,
}

impl Steps {
    /// The lists by the names that they have in the reply.
    fn lists(&self) -> [(&'static str, &[Member]); 4] {
        [("start", &self.start), ("stop", &self.stop), ("restart", &self.restart), ("update", &self.update)]
    }
}

/// The reply to a reload of a configuration that is right.
pub fn reply(changes: &Changes) -> Reply {
    let mut reply = Reply::new();
    texts(reply.body_of("added"), changes.added.iter().map(|name| &**name));
    texts(reply.body_of("changed"), changes.changed.iter().map(|(name, _)| &**name));
    texts(reply.body_of("removed"), changes.removed.iter().map(|name| &**name));
    reply.entry("unchanged", u64::try_from(changes.unchanged).unwrap_or(u64::MAX));
    let writer = reply.body_of("hooks");
    writer.map(2);
    for (name, count) in [("added", changes.hooks.added), ("removed", changes.hooks.removed)] {
        writer.entry(name, u64::try_from(count).unwrap_or(u64::MAX));
    }
    let writer = reply.body_of("settings");
    writer.map(changes.changed.len());
    for (name, keys) in &changes.changed {
        writer.str(name);
        texts(writer, keys.iter().copied());
    }
    for (name, list) in changes.steps.lists() {
        let writer = reply.body_of(name);
        writer.array(list.len());
        for (program, instance) in list {
            writer.str(&format!("{program}/{instance}"));
        }
    }
    texts(reply.body_of("restart_needed"), changes.restart_needed.iter().copied());
    reply
}

fn texts<'a>(writer: &mut Writer, texts: impl ExactSizeIterator<Item = &'a str>) {
    writer.array(texts.len());
    texts.for_each(|text| writer.str(text));
}

/// The reply to a reload of a configuration that is wrong.
pub fn refusal(errors: &FileErrors, request: Option<&Value>) -> Reply {
    let count = match errors.count() {
        1 => "1 mistake".to_string(),
        count => format!("{count} mistakes"),
    };
    let first = errors.told.first().map(ToString::to_string).unwrap_or_default();
    let sentence = format!("The configuration has {count}, so nothing was changed; the first: {first}");
    let mut reply = Reply::error(&ApiError::new(Code::BadConfig, sentence), request);
    let writer = reply.body_of("errors");
    writer.array(errors.told.len());
    errors.told.iter().for_each(|error| write_error(writer, error));
    reply.entry("more", u64::try_from(errors.more).unwrap_or(u64::MAX));
    reply
}

fn write_error(writer: &mut Writer, error: &FileError) {
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let place = error.place.as_ref();
    writer.map(7);
    writer.entry("file", &*error.file.to_string_lossy());
    writer.entry("line", place.map(|place| number(place.line)));
    writer.entry("column", place.map(|place| number(place.column)));
    writer.entry("message", error.message.as_str());
    writer.entry("text", place.map(|place| place.text.as_str()));
    writer.entry("before", place.map(|place| number(place.before)));
    writer.entry("width", place.map(|place| number(place.width)));
}
