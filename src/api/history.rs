//! `history`: the runs that ended.

use super::asker;
use super::reply::Reply;
use crate::core::fleet::Fleet;
use crate::core::history::{Certificate, CoreDump, Histories};
use crate::core::ids::InstanceKey;
use crate::core::policy::{Ending, Reached};
use crate::sys::signals::signal_name;
use crate::wire::msgpack::Writer;

/// The reply to `history`: for each instance its latest runs, at most `limit`, oldest first.
pub fn reply(fleet: &Fleet, histories: &Histories, keys: &[InstanceKey], limit: usize) -> Reply {
    let mut reply = Reply::new();
    let known = || keys.iter().filter_map(|key| Some((*key, fleet.program(key.program)?)));
    let writer = reply.body_of("history");
    writer.array(known().count());
    for (key, program) in known() {
        writer.map(3);
        writer.entry("program", &*program.name);
        writer.entry("instance", key.index.0);
        writer.str("runs");
        let runs = histories.runs(key, limit);
        writer.array(runs.len());
        for certificate in runs {
            write_run(writer, histories, certificate);
        }
    }
    reply
}

/// Writes the map of a run.
pub fn write_run(writer: &mut Writer, histories: &Histories, run: &Certificate) {
    let (exitcode, exitsignal) = match run.ending {
        Ending::Exited(code) => (code, 0),
        Ending::Killed(signal) => (-1, signal),
        Ending::NotExecuted => (127, 0),
    };
    let usage = run.usage();
    writer.map(15);
    writer.entry("pid", run.pid().map_or(0, |pid| pid.raw()));
    writer.entry("start_time", run.start_time);
    writer.entry("end_time", run.end_time);
    writer.entry("duration", run.duration);
    writer.entry("exitcode", exitcode);
    writer.entry("exitsignal", exitsignal);
    writer.entry("core_dumped", run.core == CoreDump::Written);
    writer.entry("cause", run.cause.as_str());
    writer.str("asked_by");
    asker::write(writer, run.asked_by.as_deref());
    writer.entry(
        "reached",
        match run.reached {
            Reached::Starting => "starting",
            Reached::Running => "running",
        },
    );
    writer.entry("cpu_user", usage.user.as_secs_f64());
    writer.entry("cpu_system", usage.system.as_secs_f64());
    writer.entry("max_rss", usage.max_resident);
    writer.entry("reason", run.reason(signal_name).as_str());
    writer.str("last_output");
    match histories.words(run.number()) {
        Some(words) => writer.text(words),
        None => writer.nil(),
    }
}
