//! Control groups, version 2: where they can be made, and making, filling, killing and removing one.
//!
//! ```text
//! OWN                          the cgroup that the supervisor was started in, or the top of the hierarchy
//! └── procnanny/PID            one directory for each supervisor
//!     ├── web.0, web.1, …      one for each instance that asks for it
//!     └── supervisor           the supervisor itself, once controllers had to be enabled
//! ```
//!
//! A cgroup that has processes cannot give controllers to its children (Documentation/admin-guide/cgroup-v2.rst, "No
//! Internal Process Constraint"). So the first time that a controller is needed the supervisor may have to leave the
//! cgroup that it was started in; it takes along its own descendants and nobody else.
//!
//! All of this is done on the kernel's own file system, which does not stall on a disk.

mod hierarchy;
mod kill;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::errno;
use super::process::Pid;
use hierarchy::{FAMILY, Place};
pub use hierarchy::{controller_of, known_controllers};

/// Something about cgroups that cannot be: a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupError(String);

impl fmt::Display for CgroupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for CgroupError {}

/// The words of an error that names the path it is about.
fn failed(doing: &str, path: &Path, error: &io::Error) -> CgroupError {
    CgroupError(format!("cannot {doing} {}: {}", path.display(), words(error)))
}

fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => errno::words(nix::errno::Errno::from_raw(number)),
        None => error.to_string(),
    }
}

/// Whether cgroups with these controllers can be made, as far as that can be told without making one.
///
/// # Errors
/// What is missing: a hierarchy of version 2, the right to make directories in it, or a controller.
pub fn check(controllers: &[&str]) -> Result<(), CgroupError> {
    candidates(|place| place.check(controllers)).map(drop)
}

/// A cgroup that was made by [`create`].
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
}

/// Makes a cgroup for an instance and writes these files in it, each a name and a value.
///
/// The directory is `name` or, where one of that name is still in use, `name~2` and so on.
///
/// # Errors
/// What could not be made, enabled or written. Nothing of the cgroup is left then.
pub fn create<'a>(
    name: &str,
    controllers: &[&str],
    files: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Cgroup, CgroupError> {
    let parent = candidates(|place| {
        place.check(controllers)?;
        place.enable(controllers)
    })?;
    let cgroup = Cgroup { path: make_directory(&parent, name)? };
    for (file, value) in files {
        if let Err(error) = write(&cgroup.path.join(file), value) {
            // It is empty, so that this cannot fail for long; if it does, the next one gets another name.
            let _ = cgroup.remove();
            let shown = format!("write '{}' to", shortened(value));
            return Err(failed(&shown, &cgroup.path.join(file), &error));
        }
    }
    Ok(cgroup)
}

/// The name of the cgroup of ours that a process is in, or below.
#[must_use]
pub fn name_of_process(pid: Pid) -> Option<OsString> {
    name_in(&fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?, Pid::own())
}

/// How a path begins depends on what is mounted; from the directory of this supervisor on it is ours alone.
fn name_in(membership: &str, supervisor: Pid) -> Option<OsString> {
    let path = membership.lines().find_map(|line| line.strip_prefix("0::"))?;
    let (_, below) = path.split_once(&format!("/{FAMILY}/{supervisor}/"))?;
    Path::new(below).iter().next().map(OsStr::to_owned)
}

/// Removes what [`create`] made beside the cgroups themselves, as far as it is empty. For the end of the supervisor.
pub fn remove_parents() {
    for place in Place::all().unwrap_or_default() {
        place.remove_directories();
    }
}

/// The first place that will do; else why the last one will not. The one that the supervisor was started in goes
/// before the top of the hierarchy.
fn candidates<T>(mut attempt: impl FnMut(&Place) -> Result<T, CgroupError>) -> Result<T, CgroupError> {
    let mut refusal = None;
    for place in Place::all()? {
        match attempt(&place) {
            Ok(found) => return Ok(found),
            // The first one says more: it is the one that somebody could give us.
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.unwrap_or_else(|| CgroupError("there is no place for cgroups".to_owned())))
}

/// Makes a directory of that name, or of one like it.
fn make_directory(parent: &Path, name: &str) -> Result<PathBuf, CgroupError> {
    /// How many cgroups of one name may be in use at the same time: only those whose processes cannot be killed.
    const MOST: u32 = 100;
    let mut taken = None;
    for number in 1..=MOST {
        let path = parent.join(if number == 1 { name.to_owned() } else { format!("{name}~{number}") });
        // One that somebody left, if it is empty; its settings are not ours.
        let _ = fs::remove_dir(&path);
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => taken = Some((path, error)),
            Err(error) => return Err(failed("make the cgroup", &path, &error)),
        }
    }
    Err(match taken {
        Some((path, error)) => failed("make the cgroup", &path, &error),
        None => CgroupError(format!("cannot make a cgroup for {name}")),
    })
}

/// As much of a value as an error repeats.
fn shortened(value: &str) -> &str {
    const LONGEST: usize = 60;
    value.char_indices().nth(LONGEST).and_then(|(cut, _)| value.get(..cut)).unwrap_or(value)
}

/// Writes to a control file, which takes a value with one call or not at all.
fn write(path: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

/// Whether a cgroup could be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Done,
    /// It has processes, or those that were killed are not gone yet.
    Busy,
}

impl Cgroup {
    /// The file through which a process gets into it.
    #[must_use]
    pub fn procs(&self) -> PathBuf {
        self.path.join("cgroup.procs")
    }

    /// Its name, as [`name_of_process`] has it.
    #[must_use]
    pub fn name(&self) -> Option<&OsStr> {
        self.path.file_name()
    }

    /// Whether it is still there: an administrator may have removed it while it was empty.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Kills all that is in it and below it, what is being forked at this moment too where the kernel can do that
    /// (Linux 5.14), else one by one. Those killed end soon after.
    pub fn kill(&self) {
        match write(&self.path.join("cgroup.kill"), "1") {
            Ok(()) => {}
            Err(_) => kill::one_by_one(&self.path),
        }
    }

    /// How many processes of it were killed because there was no memory: `oom_kill` of `memory.events` in
    /// Documentation/admin-guide/cgroup-v2.rst. `None` where its memory is not controlled.
    #[must_use]
    pub fn out_of_memory_kills(&self) -> Option<u64> {
        let events = fs::read_to_string(self.path.join("memory.events")).ok()?;
        events.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
    }

    /// Removes it, and what its processes have made below it.
    #[must_use]
    pub fn remove(&self) -> Removal {
        match remove_tree(&self.path) {
            Ok(()) => Removal::Done,
            Err(error) if error.kind() == ErrorKind::NotFound => Removal::Done,
            Err(_) => Removal::Busy,
        }
    }
}

/// Removes a cgroup from the leaves up. The files in it are no obstacle: they go with it.
fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    for below in directories(path) {
        remove_tree(&below)?;
    }
    fs::remove_dir(path)
}

/// The cgroups directly below one.
fn directories(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let entries = entries.filter_map(Result::ok);
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
#[path = "cgroup/tests.rs"]
mod tests;
