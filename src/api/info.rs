//! `info` and `methods`: what the supervisor is, and what it can be asked.

use super::methods::{Argument, METHODS, Method, Need, TakesSettings};
use super::reply::Reply;
use super::request::Access;
use crate::config::keys;
use crate::core::fleet::Fleet;
use crate::sys::process::Pid;
use crate::wire::msgpack::Writer;
use std::time::Duration;

/// The version of the protocol: grows when something that clients rely on changes.
pub const PROTOCOL: u32 = 1;

/// Facts about the supervisor's own process.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Its process id.
    pub pid: i32,
    /// How long it has run.
    pub uptime: Duration,
    /// The id of this run.
    pub run: &'a str,
    /// The version of libzmq.
    pub zmq: String,
    /// Processor seconds of its own, in user and in system mode, where the system tells.
    pub cpu: Option<(f64, f64)>,
    /// Its resident memory, in bytes, where the system tells.
    pub resident: Option<u64>,
    /// Connections that there were no descriptors for.
    pub connections_refused: u32,
    /// Endpoints for requests, each with its access.
    pub rpc: Vec<(String, Access)>,
    /// Endpoints for events.
    pub events: Vec<String>,
    /// The endpoint for output, if there is one; nobody listens there as long as nothing is captured.
    pub output: Option<&'a str>,
    /// The process of the logger, if there is one.
    pub logger_pid: Option<i32>,
    /// Processes that lost their parents and belong to no instance that is there, where the system tells.
    pub strays: Option<&'a [Pid]>,
    /// What became of captured output, in bytes: taken in, written, dropped.
    pub captured: [(&'static str, u64); 3],
    /// Replies that clients did not fetch and that were thrown away.
    pub replies_dropped: u64,
    /// What processes said of themselves that was thrown away: of strangers, and what was too long.
    pub notifications_dropped: u64,
    /// What became of hooks.
    pub hooks: HookCounts,
}

/// What became of hooks until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HookCounts {
    /// How many wait.
    pub queued: u64,
    /// How many are under way.
    pub running: u64,
    /// How many have ended.
    pub run: u64,
    /// How many of those with anything but exit code 0.
    pub failed: u64,
    /// How many were never run.
    pub dropped: u64,
}

/// The reply to `info`.
pub fn info(fleet: &Fleet, facts: &Facts<'_>) -> Reply {
    let mut reply = Reply::new();
    reply.entry("version", env!("CARGO_PKG_VERSION"));
    reply.entry("protocol", PROTOCOL);
    reply.entry("pid", facts.pid);
    reply.entry("uptime", facts.uptime.as_secs_f64());
    reply.entry("run", facts.run);
    reply.entry("zmq", facts.zmq.as_str());
    reply.entry("programs", u64::try_from(fleet.programs().count()).unwrap_or(u64::MAX));
    counts(reply.body_of("states"), fleet);
    reply.entry("cpu_user", facts.cpu.map(|cpu| cpu.0));
    reply.entry("cpu_system", facts.cpu.map(|cpu| cpu.1));
    reply.entry("memory", facts.resident);
    reply.entry("replies_dropped", facts.replies_dropped);
    reply.entry("notifications_dropped", facts.notifications_dropped);
    reply.entry("connections_refused", facts.connections_refused);
    reply.entry("logger_pid", facts.logger_pid);
    strays(reply.body_of("strays"), facts.strays);
    for (name, bytes) in facts.captured {
        reply.entry(name, bytes);
    }
    reply.entry("hooks_queued", facts.hooks.queued);
    reply.entry("hooks_running", facts.hooks.running);
    reply.entry("hooks_run", facts.hooks.run);
    reply.entry("hooks_failed", facts.hooks.failed);
    reply.entry("hooks_dropped", facts.hooks.dropped);
    let writer = reply.body_of("endpoints");
    writer.array(facts.rpc.len() + facts.events.len() + facts.output.iter().len());
    for (endpoint, access) in &facts.rpc {
        writer.map(3);
        writer.entry("socket", "rpc");
        writer.entry("endpoint", endpoint);
        writer.entry("access", access.as_str());
    }
    let of_output = facts.output.map(|endpoint| ("output", endpoint));
    let of_events = facts.events.iter().map(|endpoint| ("events", endpoint.as_str()));
    for (socket, endpoint) in of_events.chain(of_output) {
        writer.map(2);
        writer.entry("socket", socket);
        writer.entry("endpoint", endpoint);
    }
    reply
}

/// Processes, or nil where they are not known.
pub fn strays(writer: &mut Writer, pids: Option<&[Pid]>) {
    let Some(pids) = pids else { return writer.nil() };
    writer.array(pids.len());
    for pid in pids {
        writer.int(i64::from(pid.get()));
    }
}

/// How many instances are in which state.
fn counts(writer: &mut Writer, fleet: &Fleet) {
    let counts = fleet.counts();
    writer.map(counts.len());
    for (state, count) in counts {
        writer.entry(state.as_str(), count);
    }
}

/// The reply to `methods`.
pub fn methods() -> Reply {
    let mut reply = Reply::new();
    let writer = reply.body_of("methods");
    writer.map(METHODS.len());
    for method in METHODS {
        describe(writer, method);
    }
    reply
}

fn describe(writer: &mut Writer, method: &Method) {
    // An argument of the method's own goes before a setting of the same name.
    let own = |name: &str| method.arguments.iter().any(|argument| argument.name == name);
    let takes_settings = method.settings == TakesSettings::Yes;
    let settings = || keys::all().filter(|key| takes_settings && !own(key.name()));
    writer.str(method.name);
    writer.map(3);
    writer.entry("access", method.access.as_str());
    writer.entry("doc", method.doc);
    writer.str("arguments");
    writer.map(method.arguments.len() + settings().count());
    for Argument { name, kind, need, doc } in method.arguments {
        argument(writer, name, kind, *need, doc);
    }
    for key in settings() {
        let need =
            if method.name == "create" && key.name() == "command" { Need::Required } else { Need::Optional };
        argument(writer, key.name(), key.kind.as_str(), need, key.doc);
    }
}

fn argument(writer: &mut Writer, name: &str, kind: &str, need: Need, doc: &str) {
    writer.str(name);
    writer.map(3);
    writer.entry("type", kind);
    writer.entry("required", need == Need::Required);
    writer.entry("doc", doc);
}
