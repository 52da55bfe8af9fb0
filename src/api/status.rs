//! `status` and `list`: what is known of programs and instances.

use super::host::Host;
use super::info;
use super::reply::Reply;
use crate::core::fleet::Fleet;
use crate::core::ids::InstanceKey;
use crate::core::instance::Instance;
use crate::core::moment::Moment;
use crate::core::order;
use crate::core::program::{IoPriority, Program};
use crate::core::state::State;
use crate::sys::process::Pid;
use crate::sys::signals::signal_name;
use crate::sys::usage::ProcessUsage;
use crate::wire::msgpack::Writer;
use std::collections::HashMap;

/// What the rows are made from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// All programs.
    pub fleet: &'a Fleet,
    /// The supervisor's own identity.
    pub host: Host,
    /// The present time.
    pub now: Moment,
    /// What processes use, if that was asked for.
    pub usages: Option<&'a Usages>,
    /// The strays of instances that have any, where the system tells.
    pub strays: Option<&'a HashMap<InstanceKey, Vec<Pid>>>,
}

/// What the processes of instances use.
pub type Usages = HashMap<InstanceKey, ProcessUsage>;

/// How many entries an instance has in either reply.
const INSTANCE_ENTRIES: usize = 19;
/// How many more with what its process uses.
const USAGE_ENTRIES: usize = 4;

impl View<'_> {
    /// The reply to `status`: programs in order of their names, each with a map of instances by their numbers.
    ///
    /// `keys` are grouped by program, as [`Fleet::select`] has them; `empty` are programs to show without an instance.
    pub fn status(&self, keys: &[InstanceKey], empty: &[&Program]) -> Reply {
        let of_group = |group| Some((self.fleet.program(<[InstanceKey]>::first(group)?.program)?, group));
        let groups = keys.chunk_by(|a, b| a.program == b.program).filter_map(of_group);
        let mut shown: Vec<(&Program, &[InstanceKey])> =
            empty.iter().map(|program| (*program, &[][..])).collect();
        shown.extend(groups);
        order::sort_by(&mut shown, |(a, _), (b, _)| a.name.cmp(&b.name));
        let mut reply = Reply::new();
        let writer = reply.body_of("programs");
        writer.map(shown.len());
        for (program, group) in shown {
            self.program(writer, program, group);
        }
        reply
    }

    /// The reply to `list`: a row an instance.
    pub fn list(&self, keys: &[InstanceKey]) -> Reply {
        let mut reply = Reply::new();
        let writer = reply.body_of("instances");
        let rows = || keys.iter().filter_map(|key| Some((key, self.fleet.program(key.program)?)));
        let rows =
            || rows().filter_map(|(key, program)| Some((key, program, program.instances.get(&key.index)?)));
        writer.array(rows().count());
        for (key, program, instance) in rows() {
            writer.map(self.entries() + 2);
            writer.entry("program", &*program.name);
            writer.entry("instance", key.index.0);
            self.instance(writer, program, instance);
            self.strays(writer, key);
            self.usage(writer, key);
        }
        reply
    }

    fn entries(&self) -> usize {
        INSTANCE_ENTRIES + self.usages.map_or(0, |_| USAGE_ENTRIES)
    }

    fn program(&self, writer: &mut Writer, program: &Program, keys: &[InstanceKey]) {
        let settings = &program.settings.process;
        let (class, level) = match settings.ionice {
            None => ("none", 0),
            Some(IoPriority::Idle) => ("idle", 0),
            Some(IoPriority::BestEffort(level)) => ("best-effort", level),
            Some(IoPriority::Realtime(level)) => ("realtime", level),
        };
        writer.str(&program.name);
        let bound = &program.bound;
        writer.map(if bound.is_empty() { 10 } else { 11 });
        writer.entry("command", &settings.command);
        writer.str("args");
        writer.array(settings.args.len());
        for arg in &settings.args {
            writer.str(arg);
        }
        writer.entry("description", &program.settings.description);
        writer.entry("uid", self.host.uid_of(settings));
        writer.entry("gid", self.host.gid_of(settings));
        writer.entry("nice", self.host.nice_of(settings));
        writer.entry("ionice", u32::from(level));
        writer.entry("ionice_class", class);
        writer.entry("active", program.is_active());
        if !bound.is_empty() {
            writer.str("sockets");
            writer.array(bound.len());
            for address in bound {
                writer.str(address);
            }
        }
        writer.str("instances");
        let present = || keys.iter().filter_map(|key| Some((key, program.instances.get(&key.index)?)));
        writer.map(present().count());
        for (key, instance) in present() {
            writer.uint(u64::from(key.index.0));
            writer.map(self.entries());
            self.instance(writer, program, instance);
            self.strays(writer, key);
            self.usage(writer, key);
        }
    }

    fn instance(&self, writer: &mut Writer, program: &Program, instance: &Instance) {
        let policy = &program.settings.policy;
        let outdated = instance.run.as_ref().is_some_and(|run| run.revision != program.revision);
        writer.entry("pid", instance.pid().map_or(0, |pid| pid.raw()));
        writer.entry("state", instance.state.name().as_str());
        writer.entry("exitcode", instance.exitcode());
        writer.entry("exitsignal", instance.exitsignal());
        writer.entry("admin_state", instance.admin.as_str());
        writer.entry("start_time", instance.start_time);
        writer.entry("duration", instance.duration(self.now).as_secs_f64());
        writer.entry("start_count", instance.start_count);
        writer.entry("flap_count", instance.flap_count);
        writer.entry("last_duration", instance.last.as_ref().map(|last| last.duration.as_secs_f64()));
        writer.entry("flapping", instance.is_flapping(policy));
        writer.entry("retry_in", instance.retry_in(self.now).map(|delay| delay.as_secs_f64()));
        writer.entry("reason", self.fleet.reason(program, instance, signal_name).as_deref());
        writer.entry("ready", instance.state == State::Running);
        writer.entry("status_text", instance.status_text());
        writer.entry("since", self.now.since(instance.since).as_secs_f64());
        writer.entry("restart_needed", outdated);
        let health = instance.run.as_ref().and_then(|run| run.health);
        writer.entry("health", health.map(|record| record.standing.as_str()));
    }

    fn strays(&self, writer: &mut Writer, key: &InstanceKey) {
        writer.str("strays");
        info::strays(writer, self.strays.map(|strays| strays.get(key).map_or(&[][..], Vec::as_slice)));
    }

    fn usage(&self, writer: &mut Writer, key: &InstanceKey) {
        let Some(usages) = self.usages else { return };
        let usage = usages.get(key);
        writer.entry("cpu_user", usage.map(|usage| usage.user_seconds));
        writer.entry("cpu_system", usage.map(|usage| usage.system_seconds));
        writer.entry("memory", usage.map(|usage| usage.resident_bytes));
        writer.entry("threads", usage.map(|usage| usage.threads));
    }
}
