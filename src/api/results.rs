//! What commands answer: a row an instance, with what became of it.

use super::reply::Reply;
use crate::core::ids::{InstanceIndex, Pid};
use crate::core::instance::Instance;
use crate::core::state::{AdminState, StateName};
use std::sync::Arc;

/// What became of one instance.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its program.
    pub program: Arc<str>,
    /// Its number.
    pub index: InstanceIndex,
    /// Its state.
    pub state: StateName,
    /// Its admin state.
    pub admin: AdminState,
    /// Its process.
    pub pid: Option<Pid>,
    /// Whether the command changed anything.
    pub changed: Changed,
    /// Why it is in that state.
    pub reason: Option<String>,
    /// Exit code of its last process that ended.
    pub exitcode: i32,
    /// Signal that ended its last process, or 0.
    pub exitsignal: i32,
}

/// Whether a command changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It did.
    Yes,
    /// All was so already.
    No,
}

impl Row {
    /// A row for an instance as it is now.
    pub fn new(
        program: &Arc<str>,
        index: InstanceIndex,
        instance: &Instance,
        changed: Changed,
        reason: Option<String>,
    ) -> Self {
        Self {
            program: program.clone(),
            index,
            state: instance.state.name(),
            admin: instance.admin,
            pid: instance.pid(),
            changed,
            reason,
            exitcode: instance.exitcode(),
            exitsignal: instance.exitsignal(),
        }
    }
}

/// Adds `results` to a reply.
pub fn write(reply: &mut Reply, rows: &[Row]) {
    let writer = reply.body_of("results");
    writer.array(rows.len());
    for row in rows {
        writer.map(9);
        writer.entry("program", &*row.program);
        writer.entry("instance", row.index.0);
        writer.entry("state", row.state.as_str());
        writer.entry("admin_state", row.admin.as_str());
        writer.entry("pid", row.pid.map_or(0, |pid| pid.raw()));
        writer.entry("changed", row.changed == Changed::Yes);
        writer.entry("reason", row.reason.as_deref());
        writer.entry("exitcode", row.exitcode);
        writer.entry("exitsignal", row.exitsignal);
    }
}
