//! The cgroups of instances: made before a start, kept over restarts, removed when the instance rests, is gone or has
//! other settings.
//!
//! What was killed in a cgroup takes a moment to be gone, and until then the cgroup cannot be removed. Such a one is
//! tried again a few times, each time after twice as long, and once more at the end of the supervisor. Meanwhile
//! nothing waits for it: who needs a new one gets one of another name.

use super::{Due, Supervisor};
use crate::config::cgroup::controllers;
use crate::core::ids::InstanceKey;
use crate::core::instance::Instance;
use crate::core::program::Leftovers;
use crate::core::settings::CgroupEntry;
use crate::core::state::AdminState;
use crate::sys::cgroup::{self, Cgroup, Removal};
use crate::sys::process::Pid;
use std::collections::HashMap;
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

/// How long the first of the pauses between attempts is.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// How often a removal is tried: the last time after some ten seconds.
const MOST_ATTEMPTS: u32 = 10;

/// All cgroups.
#[derive(Debug, Default)]
pub struct Cgroups {
    held: HashMap<InstanceKey, Held>,
    leaving: Vec<Leaving>,
    /// Whether there may be directories that they were made in.
    made: Made,
}

/// Whether any cgroup was to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Made {
    #[default]
    None,
    Some,
}

/// Whether there was enough memory in a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Nobody was killed for want of it, as far as is known.
    Sufficed,
    /// Somebody was.
    RanOut,
}

/// The cgroup of an instance, and the settings that it was made with.
#[derive(Debug)]
struct Held {
    cgroup: Cgroup,
    entries: Vec<CgroupEntry>,
    /// How many of its processes had been killed for want of memory when the last main process ended.
    out_of_memory_kills: u64,
}

/// A cgroup that is to be removed.
#[derive(Debug)]
struct Leaving {
    cgroup: Cgroup,
    leftovers: Leftovers,
    attempts: u32,
}

impl Leaving {
    /// Whether it is worth another attempt now.
    fn is_tried(&self) -> bool {
        self.attempts < MOST_ATTEMPTS
    }

    fn attempt(&mut self) -> Removal {
        self.attempts += 1;
        match self.leftovers {
            Leftovers::Kill => self.cgroup.kill(),
            Leftovers::Leave => {}
        }
        self.cgroup.remove()
    }
}

impl Cgroups {
    /// Whether nothing is left of which it is known that it will be gone soon.
    pub fn are_settled(&self) -> bool {
        !self.leaving.iter().any(|leaving| leaving.leftovers == Leftovers::Kill && leaving.is_tried())
    }
}

impl Supervisor {
    /// The way into the cgroup of an instance, which is made if it is not there. `None` for a program without.
    ///
    /// # Errors
    /// The step and the system's words.
    pub fn prepare_cgroup(&mut self, key: InstanceKey) -> Result<Option<CString>, Box<str>> {
        let program = self.fleet.program(key.program);
        let wanted = program.and_then(|program| program.settings.process.cgroup.as_ref());
        if let Some(held) = self.cgroups.held.get(&key) {
            if Some(&held.entries) == wanted && held.cgroup.exists() {
                return path(&held.cgroup).map(Some);
            }
            self.release_cgroup(key);
        }
        let Some(program) = self.fleet.program(key.program) else { return Ok(None) };
        let Some(entries) = &program.settings.process.cgroup else { return Ok(None) };
        // The number at the end keeps names apart from all that the kernel, or we, may call a file.
        let name = format!("{}.{}", program.name, key.index);
        let files = entries.iter().flat_map(|entry| {
            let file = entry.file.as_str();
            entry.values.iter().map(move |value| (file, value.as_str()))
        });
        self.cgroups.made = Made::Some;
        let cgroup = cgroup::create(&name, &controllers(entries), files)
            .map_err(|error| format!("cgroup: {error}").into_boxed_str())?;
        let way = path(&cgroup)?;
        let entries = entries.clone();
        self.cgroups.held.insert(key, Held { cgroup, entries, out_of_memory_kills: 0 });
        Ok(Some(way))
    }

    /// Whether processes in the cgroup of an instance were killed for want of memory since this was asked last, which is
    /// at the end of each main process. Nothing is known of that without a cgroup.
    pub fn memory_of_cgroup(&mut self, key: InstanceKey) -> Memory {
        let Some(held) = self.cgroups.held.get_mut(&key) else { return Memory::Sufficed };
        let Some(kills) = held.cgroup.out_of_memory_kills() else { return Memory::Sufficed };
        let before = std::mem::replace(&mut held.out_of_memory_kills, kills);
        if kills > before { Memory::RanOut } else { Memory::Sufficed }
    }

    /// The instance in whose cgroup a process is.
    pub fn instance_of_cgroup(&self, pid: Pid) -> Option<InstanceKey> {
        if self.cgroups.held.is_empty() {
            return None;
        }
        let name = cgroup::name_of_process(pid)?;
        let mut held = self.cgroups.held.iter();
        held.find(|(_, held)| held.cgroup.name() == Some(&name)).map(|(key, _)| *key)
    }

    /// Kills all that is in the cgroup of an instance, if it has one.
    pub fn kill_cgroup(&self, key: InstanceKey) {
        if let Some(held) = self.cgroups.held.get(&key) {
            held.cgroup.kill();
        }
    }

    /// Lets the cgroup of an instance go that has no process and is not wanted.
    pub fn release_cgroup_at_rest(&mut self, key: InstanceKey) {
        if !self.cgroups.held.contains_key(&key) {
            return;
        }
        let rests = |instance: &Instance| instance.run.is_none() && instance.admin == AdminState::Down;
        if self.fleet.instance(key).is_none_or(rests) {
            self.release_cgroup(key);
        }
    }

    /// Lets the cgroup of an instance go, if it has one.
    pub fn release_cgroup(&mut self, key: InstanceKey) {
        let Some(held) = self.cgroups.held.remove(&key) else { return };
        let program = self.fleet.program(key.program);
        let leftovers = program.map_or(Leftovers::Kill, |program| program.settings.stop.leftovers);
        let mut leaving = Leaving { cgroup: held.cgroup, leftovers, attempts: 0 };
        if leaving.attempt() == Removal::Busy {
            self.cgroups.leaving.push(leaving);
            self.deadlines.arm(Due::Cgroups, self.now.after(FIRST_PAUSE));
        }
    }

    /// Tries again to remove what could not be removed yet.
    pub fn retry_cgroups(&mut self) {
        self.cgroups.leaving.retain_mut(|leaving| !leaving.is_tried() || leaving.attempt() == Removal::Busy);
        let tried = self.cgroups.leaving.iter().filter(|leaving| leaving.is_tried());
        if let Some(attempts) = tried.map(|leaving| leaving.attempts).min() {
            let pause = FIRST_PAUSE.saturating_mul(1 << attempts.min(MOST_ATTEMPTS));
            self.deadlines.arm(Due::Cgroups, self.now.after(pause));
        }
    }

    /// Removes what can be removed, at the end.
    pub fn remove_cgroups(&self) {
        let held = self.cgroups.held.values().map(|held| &held.cgroup);
        for cgroup in held.chain(self.cgroups.leaving.iter().map(|leaving| &leaving.cgroup)) {
            // Who is still in it now is left alone, and so is the cgroup.
            let _ = cgroup.remove();
        }
        match self.cgroups.made {
            Made::None => {}
            Made::Some => cgroup::remove_parents(),
        }
    }
}

fn path(cgroup: &Cgroup) -> Result<CString, Box<str>> {
    // A path of a file that is there has no NUL in it.
    CString::new(cgroup.procs().into_os_string().into_vec())
        .map_err(|error| format!("cgroup: {error}").into())
}
