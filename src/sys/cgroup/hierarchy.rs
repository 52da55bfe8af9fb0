//! Where cgroups of our own can be made: read from `/proc`, and prepared when the first one is made.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use super::super::errno;
use super::super::process::{Pid, ancestors, kill};
use super::{CgroupError, directories, failed, remove_tree, words, write};

/// The directory of all supervisors in a place.
pub(super) const FAMILY: &str = "procnanny";
/// The cgroup of the supervisor itself, beside those of its instances. Theirs end with a number.
const SUPERVISOR: &str = "supervisor";

/// The controllers of Linux 6.18. Others are taken too if the kernel lists them.
const CONTROLLERS: [&str; 9] = ["cpu", "cpuset", "io", "memory", "hugetlb", "pids", "rdma", "misc", "dmem"];

/// The names of all controllers that are known.
pub fn known_controllers() -> impl Iterator<Item = &'static str> {
    CONTROLLERS.into_iter()
}

/// The controller that a control file belongs to; `None` for those that every cgroup has.
#[must_use]
pub fn controller_of(file: &str) -> Option<&str> {
    let controller = file.split('.').next().unwrap_or(file);
    (controller != "cgroup").then_some(controller)
}

/// A cgroup in which ours can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    path: PathBuf,
    /// Controllers that hierarchies of version 1 have taken.
    taken: Vec<String>,
}

impl Place {
    /// The cgroup that the supervisor was started in, and the top of the mounted hierarchy.
    pub(super) fn all() -> Result<Vec<Place>, CgroupError> {
        // Found once: later we may have moved. What was not there may come, so an error is not remembered.
        static FOUND: OnceLock<Vec<Place>> = OnceLock::new();
        if let Some(found) = FOUND.get() {
            return Ok(found.clone());
        }
        let read = |path: &str| {
            fs::read_to_string(path)
                .map_err(|error| CgroupError(format!("cannot read {path}: {}", words(&error))))
        };
        let found = find(&read("/proc/self/mountinfo")?, &read("/proc/self/cgroup")?, Pid::own())?;
        Ok(FOUND.get_or_init(|| found).clone())
    }

    /// A place for tests.
    #[cfg(test)]
    pub(super) fn at(path: PathBuf, taken: Vec<String>) -> Self {
        Self { path, taken }
    }

    /// Where it is.
    #[cfg(test)]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a directory with these controllers could be made here.
    pub(super) fn check(&self, controllers: &[&str]) -> Result<(), CgroupError> {
        let flags = AccessFlags::W_OK | AccessFlags::X_OK;
        match access(&self.path, flags) {
            Ok(()) => {}
            Err(Errno::EROFS) => {
                return Err(CgroupError(format!("{} is mounted read-only", self.path.display())));
            }
            Err(errno) => {
                let here = self.path.display();
                let sentence = format!(
                    "cannot make a cgroup in {here}: {}; it has to be delegated to us",
                    errno::words(errno)
                );
                return Err(CgroupError(sentence));
            }
        }
        let available = read_words(&self.path.join("cgroup.controllers"))?;
        match controllers.iter().find(|name| !available.iter().any(|available| available == *name)) {
            None => Ok(()),
            Some(missing) => Err(self.without(missing, &available)),
        }
    }

    fn without(&self, controller: &str, available: &[String]) -> CgroupError {
        let here = self.path.display();
        let why = if self.taken.iter().any(|taken| taken == controller) {
            ": it is in use by a hierarchy of version 1".to_owned()
        } else if available.is_empty() {
            ", which has none".to_owned()
        } else {
            format!(", which has {}", available.join(", "))
        };
        CgroupError(format!("there is no controller '{controller}' in {here}{why}"))
    }

    /// Makes the directory of this supervisor, with these controllers enabled for what is made in it; it is returned.
    pub(super) fn enable(&self, controllers: &[&str]) -> Result<PathBuf, CgroupError> {
        let family = self.path.join(FAMILY);
        let directory = family.join(Pid::own().to_string());
        if !directory.exists() {
            // Another supervisor that ends may take the empty family away between the two.
            if make(&family).and_then(|()| make(&directory)).is_err() {
                make(&family)?;
                make(&directory)?;
            }
            sweep(&family);
        }
        for path in [&self.path, &family, &directory] {
            enable_below(path, controllers, &directory.join(SUPERVISOR))?;
        }
        Ok(directory)
    }

    /// Removes the directories that `enable` made, as far as nobody is in them.
    pub(super) fn remove_directories(&self) {
        let family = self.path.join(FAMILY);
        // Not empty, or never made: both are as they should be.
        let _ = fs::remove_dir(family.join(Pid::own().to_string()));
        let _ = fs::remove_dir(family);
    }
}

/// Enables controllers for the children of a cgroup; for that we leave it, if we are in it.
fn enable_below(path: &Path, controllers: &[&str], refuge: &Path) -> Result<(), CgroupError> {
    let control = path.join("cgroup.subtree_control");
    for controller in controllers {
        if read_words(&control)?.iter().any(|enabled| enabled == controller) {
            continue;
        }
        // The top of the hierarchy, which alone has no type, may keep its processes. Of the others the kernel would
        // let those with `cpu` or `pids` keep them, but their children would then be of no use ("domain invalid").
        if path.join("cgroup.type").exists() {
            leave(path, refuge)?;
        }
        let request = format!("+{controller}");
        write(&control, &request)
            .map_err(|error| failed(&format!("write '{request}' to"), &control, &error))?;
    }
    Ok(())
}

fn read_words(path: &Path) -> Result<Vec<String>, CgroupError> {
    let text = fs::read_to_string(path).map_err(|error| failed("read", path, &error))?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// Moves us, and our descendants, from a cgroup to a refuge, if we are in it. Somebody else in it would be left behind,
/// and so it is refused.
fn leave(cgroup: &Path, refuge: &Path) -> Result<(), CgroupError> {
    let members = read_words(&cgroup.join("cgroup.procs"))?;
    let members: Vec<Pid> = members.iter().filter_map(|pid| Pid::new(pid.parse().ok()?)).collect();
    let ours = Pid::own();
    let is_ours = |pid: Pid| pid == ours || ancestors(pid).any(|ancestor| ancestor == ours);
    if let Some(other) = members.iter().find(|pid| !is_ours(**pid)) {
        return Err(CgroupError(format!(
            "controllers cannot be enabled in {} while it has processes, such as {other}, that are not ours: the \
             supervisor needs a cgroup of its own",
            cgroup.display()
        )));
    }
    if members.is_empty() {
        return Ok(());
    }
    make(refuge)?;
    let procs = refuge.join("cgroup.procs");
    for pid in members {
        match write(&procs, &pid.to_string()) {
            // It has ended meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            outcome => outcome.map_err(|error| failed("move the supervisor to", refuge, &error))?,
        }
    }
    Ok(())
}

/// Removes what supervisors that were killed have left, as far as nobody is in it.
///
/// One of another pid namespace may look like one that is gone. It makes again what it misses.
fn sweep(family: &Path) {
    for left in directories(family) {
        let name = left.file_name().and_then(|name| name.to_str()?.parse().ok());
        let Some(pid) = name.and_then(Pid::new) else { continue };
        if kill(pid, 0) == Err(Errno::ESRCH) {
            // What is in use stays.
            let _ = remove_tree(&left);
        }
    }
}

/// Makes a cgroup, if it is not there.
fn make(path: &Path) -> Result<(), CgroupError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(failed("make the cgroup", path, &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The places, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)) and `/proc/self/cgroup` (cgroups(7)).
pub(super) fn find(mounts: &str, membership: &str, ours: Pid) -> Result<Vec<Place>, CgroupError> {
    let own = membership.lines().find_map(|line| line.strip_prefix("0::"));
    let own = own.ok_or_else(|| {
        CgroupError("this kernel has no cgroup v2 (no '0::' in /proc/self/cgroup)".to_owned())
    })?;
    // Where we were before we left it, if we were executed anew.
    let refuge = format!("{FAMILY}/{ours}/{SUPERVISOR}");
    let own = Path::new(own.strip_suffix(&refuge).unwrap_or(own));
    let mounts: Vec<Mount> = mounts.lines().filter_map(Mount::read).collect();
    let version_1 = mounts.iter().filter(|mount| mount.kind == "cgroup");
    let taken: Vec<String> =
        version_1.flat_map(|mount| mount.options.split(',')).map(str::to_owned).collect();
    let mounted = mounts.iter().filter(|mount| mount.kind == "cgroup2").collect::<Vec<_>>();
    if mounted.is_empty() {
        let sentence = "cgroup v2 is not mounted (no cgroup2 in /proc/self/mountinfo)";
        return Err(CgroupError(sentence.to_owned()));
    }
    let below = mounted.iter().find_map(|mount| Some((mount, own.strip_prefix(&mount.root).ok()?)));
    let Some((mount, path)) = below.filter(|(_, path)| !path.starts_with("..")) else {
        let sentence = format!("our cgroup {} is not below what is mounted of cgroup v2", own.display());
        return Err(CgroupError(sentence));
    };
    let top = Place { path: mount.point.clone(), taken };
    if path.as_os_str().is_empty() {
        return Ok(vec![top]);
    }
    let started_in = Place { path: mount.point.join(path), taken: top.taken.clone() };
    Ok(vec![started_in, top])
}

/// A line of mountinfo.
struct Mount<'a> {
    /// Which directory of the file system is mounted.
    root: PathBuf,
    /// Where.
    point: PathBuf,
    /// The type of the file system.
    kind: &'a str,
    /// The options of the file system; of a hierarchy of version 1, its controllers among them.
    options: &'a str,
}

impl<'a> Mount<'a> {
    /// `ID PARENT DEVICE ROOT POINT OPTIONS TAGS… - TYPE SOURCE OPTIONS`
    fn read(line: &'a str) -> Option<Self> {
        let (place, what) = line.split_once(" - ")?;
        let mut place = place.split(' ');
        let root = place.nth(3)?;
        let point = place.next()?;
        let mut what = what.split(' ');
        let kind = what.next()?;
        let options = what.nth(1).unwrap_or("");
        Some(Self { root: unescaped(root), point: unescaped(point), kind, options })
    }
}

/// Blanks, newlines and backslashes are written as `\` and three octal digits.
fn unescaped(text: &str) -> PathBuf {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        result.push_str(before);
        let digits = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        rest = match digits {
            Some(code) => {
                result.push(char::from(code));
                after.get(3..).unwrap_or("")
            }
            None => {
                result.push('\\');
                after
            }
        };
    }
    result.push_str(rest);
    PathBuf::from(result)
}
