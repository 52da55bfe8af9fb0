//! How much of the machine a process gets.

use super::{Key, Kind, Scope};
use crate::config::convert;
use crate::config::{cgroup, cpus, limits};
use crate::core::program::IoPriority;
use crate::core::settings::Scheduler;
use crate::wire::value::Value;

/// The settings of this family.
pub const KEYS: &[Key] = &[
    Key {
        names: &["nice"],
        kind: Kind::Integer,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "Its niceness: -20 (most urgent) to 19.",
        set: |s, v| {
            let nice = convert::integer(v, -20, 19)?;
            s.process.nice = i32::try_from(nice).ok();
            Ok(())
        },
        get: |s| s.process.nice.map_or(Value::Nil, Value::from),
    },
    Key {
        names: &["ionice"],
        kind: Kind::NameOrNumber,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "Its disk priority: \"idle\", \"best-effort/0\" to \"best-effort/7\", \"realtime/0\" to \"realtime/7\", or a level.",
        set: |s, v| convert::io_priority(v).map(|priority| s.process.ionice = Some(priority)),
        get: |s| s.process.ionice.map_or(Value::Nil, io_priority),
    },
    Key {
        names: &["scheduler"],
        kind: Kind::Text,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "When it gets a processor: \"other\", \"batch\", \"idle\", \"fifo/N\" or \"rr/N\" with a priority N from 1 to 99.",
        set: |s, v| convert::scheduler(v).map(|scheduler| s.process.scheduler = Some(scheduler)),
        get: |s| s.process.scheduler.map_or(Value::Nil, scheduler),
    },
    Key {
        names: &["cpus"],
        kind: Kind::NameOrNumber,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "The processors it may run on, such as \"0-3,6\".",
        set: |s, v| cpus::read(v).map(|cpus| s.process.cpus = Some(cpus)),
        get: |s| s.process.cpus.as_ref().map_or(Value::Nil, |cpus| Value::from(cpus::list(&cpus.0))),
    },
    Key {
        names: &["oom_score_adj"],
        kind: Kind::Integer,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "How readily it is killed when memory runs out: -1000 (never) to 1000.",
        set: |s, v| {
            let adjust = convert::integer(v, -1000, 1000)?;
            s.process.oom_score_adj = i32::try_from(adjust).ok();
            Ok(())
        },
        get: |s| s.process.oom_score_adj.map_or(Value::Nil, Value::from),
    },
    Key {
        names: &["limits"],
        kind: Kind::Limits,
        default: "those that the supervisor was started with",
        scope: Scope::NextStart,
        doc: "Resource limits by name (nofile, nproc, core, as, …), each a number, a size (\"64M\"), \"unlimited\", or { soft, hard }.",
        set: |s, v| limits::read(v).map(|limits| s.process.limits = limits),
        get: |s| limits::to_value(&s.process.limits),
    },
    Key {
        names: &["cgroup"],
        kind: Kind::Table,
        default: "the supervisor's own",
        scope: Scope::NextStart,
        doc: "A cgroup (v2) for each instance, with files and what is written to them: { memory_max = \"512M\", cpu_max = \"50000 100000\" }; {} is one without limits. All that is in it is killed with the instance.",
        set: |s, v| cgroup::read(v).map(|entries| s.process.cgroup = Some(entries)),
        get: |s| s.process.cgroup.as_deref().map_or(Value::Nil, cgroup::to_value),
    },
];

fn io_priority(priority: IoPriority) -> Value {
    match priority {
        IoPriority::Idle => Value::from("idle"),
        IoPriority::BestEffort(level) => Value::from(format!("best-effort/{level}")),
        IoPriority::Realtime(level) => Value::from(format!("realtime/{level}")),
    }
}

fn scheduler(scheduler: Scheduler) -> Value {
    match scheduler {
        Scheduler::Other => Value::from("other"),
        Scheduler::Batch => Value::from("batch"),
        Scheduler::Idle => Value::from("idle"),
        Scheduler::Fifo(priority) => Value::from(format!("fifo/{priority}")),
        Scheduler::RoundRobin(priority) => Value::from(format!("rr/{priority}")),
    }
}
