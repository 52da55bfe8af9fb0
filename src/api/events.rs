//! Events on the wire: their topics and their maps; and the reply to `events`.

use super::asker;
use super::reply::Reply;
use crate::core::event::{
    Event, HookEnding, HookEvent, LogChange, LogEvent, ProgramChange, StateEvent, SupervisorChange, What,
};
use crate::core::ids::Seq;
use crate::core::ring::Ring;
use crate::wire::msgpack::Writer;
use std::fmt::Write;

/// Writes the topic that an event is published under.
pub fn write_topic(topic: &mut String, event: &Event) {
    topic.clear();
    // Writing into a string cannot fail.
    let _ = match &event.what {
        What::State(state) => write!(topic, "state/{}/{}", state.program, state.index),
        What::Admin { program, index, .. } => write!(topic, "admin/{program}/{index}"),
        What::Hook(hook) => write!(topic, "hook/{}/{}", hook.program, hook.index),
        What::Program { .. } | What::Supervisor(_) => write!(topic, "supervisor"),
    };
}

/// Writes the map of an event.
pub fn write_event(writer: &mut Writer, event: &Event, run: &str) {
    let common = |writer: &mut Writer, entries: usize, name: &str| {
        writer.map(entries + 4);
        writer.entry("event", name);
        writer.entry("time", event.time);
        writer.entry("seq", event.seq.0);
        writer.entry("run", run);
    };
    match &event.what {
        What::State(state) => {
            common(writer, 14, state.state.as_str());
            write_state(writer, state);
        }
        What::Admin { program, index, from, admin } => {
            common(writer, 4, "admin");
            writer.entry("program", &**program);
            writer.entry("instance", index.0);
            writer.entry("from", from.as_str());
            writer.entry("admin_state", admin.as_str());
        }
        What::Program { program, change } => {
            let number = match change {
                ProgramChange::Scaled { instances } => Some(("instances", *instances)),
                ProgramChange::RestartHalted { instance } => Some(("instance", instance.0)),
                ProgramChange::Created | ProgramChange::Updated | ProgramChange::Removed => None,
            };
            common(writer, 1 + usize::from(number.is_some()), change.as_str());
            writer.entry("program", &**program);
            if let Some((name, number)) = number {
                writer.entry(name, number);
            }
        }
        What::Hook(hook) => {
            common(writer, 11, "hook");
            write_hook(writer, hook);
        }
        What::Supervisor(change) => match change {
            SupervisorChange::Started | SupervisorChange::Stopping => common(writer, 0, change.as_str()),
            SupervisorChange::Reloaded { added, changed, removed, unchanged } => {
                common(writer, 4, change.as_str());
                let counts =
                    [("added", added), ("changed", changed), ("removed", removed), ("unchanged", unchanged)];
                for (name, count) in counts {
                    writer.entry(name, u64::try_from(*count).unwrap_or(u64::MAX));
                }
            }
            SupervisorChange::ReloadFailed { error, errors } => {
                common(writer, 2, change.as_str());
                writer.entry("error", &**error);
                writer.entry("errors", u64::try_from(*errors).unwrap_or(u64::MAX));
            }
            SupervisorChange::ClientDropped { endpoint, replies } => {
                common(writer, 2, change.as_str());
                writer.entry("endpoint", &**endpoint);
                writer.entry("replies", u64::try_from(*replies).unwrap_or(u64::MAX));
            }
            SupervisorChange::SubscriberDropped { endpoint } => {
                common(writer, 1, change.as_str());
                writer.entry("endpoint", &**endpoint);
            }
            SupervisorChange::Log(event) => {
                common(writer, 3 + event.change.entries(), change.as_str());
                write_log(writer, event);
            }
            SupervisorChange::LoggerRestarted { pid, reason } => {
                common(writer, 2, change.as_str());
                writer.entry("pid", *pid);
                writer.entry("reason", &**reason);
            }
            SupervisorChange::LoggerFailed { reason } => {
                common(writer, 1, change.as_str());
                writer.entry("reason", &**reason);
            }
            SupervisorChange::HooksDropped { count } => {
                common(writer, 1, change.as_str());
                writer.entry("count", *count);
            }
        },
    }
}

impl LogChange {
    /// How many entries it has of its own.
    fn entries(&self) -> usize {
        match self {
            LogChange::Dropped { .. } => 2,
            LogChange::Trouble { .. } => 1,
            LogChange::Recovered => 0,
        }
    }
}

fn write_log(writer: &mut Writer, event: &LogEvent) {
    writer.entry("program", &*event.program);
    writer.entry("instance", event.instance.0);
    writer.entry("source", event.source.as_str());
    match &event.change {
        LogChange::Dropped { bytes, reason } => {
            writer.entry("bytes", *bytes);
            writer.entry("reason", reason.as_deref());
        }
        LogChange::Trouble { reason } => writer.entry("reason", &**reason),
        LogChange::Recovered => {}
    }
}

fn write_hook(writer: &mut Writer, event: &HookEvent) {
    let reason = match &event.ending {
        HookEnding::NotExecuted(words) => Some(&**words),
        HookEnding::Exited(_) | HookEnding::Killed(_) | HookEnding::TimedOut => None,
    };
    writer.entry("program", &*event.program);
    writer.entry("instance", event.index.0);
    writer.entry("hook", event.hook.process.command.as_str());
    writer.entry("on", event.on.to_string().as_str());
    writer.entry("of", event.of.0);
    writer.entry("pid", event.pid.map_or(0, |pid| pid.raw()));
    writer.entry("exitcode", event.ending.exitcode());
    writer.entry("exitsignal", event.ending.exitsignal());
    writer.entry("duration", event.duration);
    writer.entry("timed_out", event.ending == HookEnding::TimedOut);
    writer.entry("reason", reason);
}

fn write_state(writer: &mut Writer, state: &StateEvent) {
    writer.entry("program", &*state.program);
    writer.entry("instance", state.index.0);
    writer.entry("from", state.from.as_str());
    writer.entry("state", state.state.as_str());
    writer.entry("admin_state", state.admin.as_str());
    writer.entry("pid", state.pid.map_or(0, |pid| pid.raw()));
    writer.entry("exitcode", state.exitcode);
    writer.entry("exitsignal", state.exitsignal);
    writer.entry("duration", state.duration);
    writer.entry("start_count", state.start_count);
    writer.entry("flap_count", state.flap_count);
    writer.entry("reason", state.reason.as_deref());
    writer.entry("cause", state.cause.map(|cause| cause.as_str()));
    writer.str("asked_by");
    asker::write(writer, state.asked_by.as_deref());
}

/// The event that `since` really means: of another run of the supervisor, every event is new.
pub fn since_in_run(since: Seq, of_run: Option<&str>, run: &str) -> Seq {
    match of_run {
        Some(other) if other != run => Seq(0),
        Some(_) | None => since,
    }
}

/// The reply to `events`.
pub fn reply(ring: &Ring, run: &str, since: Seq, limit: usize) -> Reply {
    let mut reply = Reply::new();
    let events = ring.since(since, limit);
    let writer = reply.body_of("events");
    writer.array(events.len());
    for event in events {
        write_event(writer, event, run);
    }
    reply.entry("oldest", ring.oldest().0);
    reply.entry("latest", ring.latest().0);
    reply.entry("run", run);
    reply
}
