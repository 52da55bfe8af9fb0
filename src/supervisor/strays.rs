//! Strays: processes that have left their instance, and lost their parent, so that they are our children now and no
//! stop of the instance reaches them.
//!
//! They are looked for when somebody asks what there is, and never otherwise. Whose a stray is is worked out once; it is
//! known by its pid until it is reaped. A look goes on over several turns if there is much to look at, and is good for
//! a while that grows with how long it took, so that asking again and again costs little more than it did.

use super::Supervisor;
use crate::core::ids::{InstanceIndex, InstanceKey};
use crate::core::moment::Moment;
use crate::sys::kinship::{Condition, Processes, WithoutProc, environment, look};
use crate::sys::process::{self, Pid};
use crate::sys::{clock, wait};
use std::collections::HashMap;
use std::time::Duration;

/// For how many times as long as it took a look is good.
const GOOD_FOR: u32 = 50;
/// Of how many strays it is worked out in a turn whose they are: the kernel takes some ten microseconds for each.
const ORIGINS_A_TURN: usize = 256;

/// All strays, as far as they were looked for.
#[derive(Debug, Default)]
pub struct Strays {
    /// Our children that are none of those we have started, and where they come from.
    origins: HashMap<Pid, Origin>,
    look: Option<Look>,
    /// What the last look has found, until when it is good.
    found: Option<(Found, Moment)>,
}

/// Where a process comes from.
#[derive(Debug)]
enum Origin {
    /// It, or one above it, was started for this instance.
    Instance(Box<str>, InstanceIndex),
    /// Nobody can tell.
    Unknown,
}

/// A look that is under way.
#[derive(Debug)]
struct Look {
    began: Moment,
    processes: Processes,
    /// One for whom the last turn had no time left.
    next: Option<Pid>,
}

/// What a look has found.
#[derive(Debug, Default)]
pub struct Found {
    /// The strays of instances that are there.
    pub of_instances: HashMap<InstanceKey, Vec<Pid>>,
    /// Those of no instance that is there.
    pub of_nobody: Vec<Pid>,
}

impl Strays {
    /// What was found last; `None` as long as the first look is under way, and where nobody can look, for want of `/proc`.
    pub fn found(&self) -> Option<&Found> {
        self.found.as_ref().map(|(found, _)| found)
    }

    /// Whether a look is under way.
    pub fn are_looked_for(&self) -> bool {
        self.look.is_some()
    }

    /// A process was reaped, and its pid may be anybody's.
    pub fn see_end(&mut self, pid: Pid) {
        self.origins.remove(&pid);
    }
}

impl Supervisor {
    /// Looks for strays, unless that was done just now. Where there is little to look at, as nearly everywhere, they are
    /// all found when this returns.
    pub fn look_for_strays(&mut self) {
        let now = Moment(clock::monotonic());
        if self.strays.look.is_none() {
            if self.strays.found.as_ref().is_some_and(|(_, until)| now < *until) {
                return;
            }
            match Processes::with_our_children(WithoutProc::Refuse) {
                Ok(processes) => self.strays.look = Some(Look { began: now, processes, next: None }),
                Err(_) => self.strays.found = None,
            }
        }
        self.go_on_looking_for_strays();
    }

    /// Does a turn's share of the look that is under way.
    pub fn go_on_looking_for_strays(&mut self) {
        let Some(mut look) = self.strays.look.take() else { return };
        let mut origins = 0;
        for _ in 0..look.processes.pace() {
            let Some(pid) = look.next.take().or_else(|| look.processes.next()) else {
                return self.strays_are_found(look.began);
            };
            if self.is_awaited(pid) || self.strays.origins.contains_key(&pid) || !wait::is_child(pid) {
                continue;
            }
            if origins == ORIGINS_A_TURN {
                look.next = Some(pid);
                break;
            }
            origins += 1;
            if let Some(origin) = self.origin(pid) {
                self.strays.origins.insert(pid, origin);
            }
        }
        self.strays.look = Some(look);
    }

    fn strays_are_found(&mut self, began: Moment) {
        let mut found = Found::default();
        for (pid, origin) in &self.strays.origins {
            let instance = match origin {
                Origin::Instance(program, index) => self.present_instance(program, *index),
                Origin::Unknown => None,
            };
            match instance {
                Some((_, Some(main))) if process::group(*pid) == Some(main) => {}
                Some((key, _)) => found.of_instances.entry(key).or_default().push(*pid),
                None => found.of_nobody.push(*pid),
            }
        }
        found.of_instances.values_mut().chain([&mut found.of_nobody]).for_each(|pids| pids.sort_unstable());
        let now = Moment(clock::monotonic());
        let good_for: Duration = now.since(began).saturating_mul(GOOD_FOR);
        self.strays.found = Some((found, now.after(good_for)));
    }

    /// The instance of this name that is there now, and its main process.
    fn present_instance(&self, program: &str, index: InstanceIndex) -> Option<(InstanceKey, Option<Pid>)> {
        let key = InstanceKey { program: self.fleet.id_of(program)?, index };
        let main = self.fleet.instance(key)?.pid().and_then(|pid| Pid::new(pid.raw()));
        Some((key, main))
    }

    /// Where a child of ours comes from that we have not started. `None` if that cannot be told yet.
    fn origin(&self, pid: Pid) -> Option<Origin> {
        // Sessions and cgroups cannot be pretended to.
        let by_session = process::session(pid).and_then(|session| self.processes.get(&session)).copied();
        if let Some(key) = by_session.or_else(|| self.instance_of_cgroup(pid))
            && let Some(program) = self.fleet.program(key.program)
        {
            return Some(Origin::Instance(program.name.as_ref().into(), key.index));
        }
        // Its environment is in its memory, which a process that is stuck in the kernel may hold.
        match look(pid) {
            Ok(seen) if seen.condition == Condition::Uninterruptible => None,
            Ok(_) => Some(environment(pid).ok().and_then(|it| self.marked(&it)).unwrap_or(Origin::Unknown)),
            Err(_) => None,
        }
    }

    /// What the marks say that every process has in its environment. Those of another supervisor below us, whose
    /// processes come to us when it is killed, name it.
    fn marked(&self, environment: &[u8]) -> Option<Origin> {
        let value = |name: &str| {
            let mut variables = environment.split(|byte| *byte == 0);
            let value = variables.find_map(|it| it.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
            std::str::from_utf8(value).ok()
        };
        if value("PROCNANNY_RPC").unwrap_or_default() != self.launch.rpc {
            return None;
        }
        let index = value("PROCNANNY_INSTANCE")?.parse().ok()?;
        Some(Origin::Instance(value("PROCNANNY_PROGRAM")?.into(), InstanceIndex(index)))
    }
}
