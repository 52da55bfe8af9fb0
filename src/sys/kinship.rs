//! Who is below us: our children, and theirs, found without knowing of them before.
//!
//! A pid alone says little, since it may be somebody else's a moment later. Two things are sure. A child of ours that is
//! not reaped yet keeps its pid, and [`is_child`](super::wait::is_child) tells whether it is one. And whoever is below us stays so for
//! life, as we are the one to whom orphans go; so who was found to be below us once is known from then on by its pid
//! and the time at which it began ([`Seen::is_same`]).

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, ReadDir};
use std::io::{self, Read};
use std::iter::{Chain, Take};
use std::ops::{Range, RangeInclusive};

use super::process::{Pid, check_proc, stat, stat_fields, strange_stat};

/// A process as `/proc/PID/stat` showed it: proc_pid_stat(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub pid: Pid,
    /// Its parent; `None` if that is outside our pid namespace, or the kernel.
    pub parent: Option<Pid>,
    /// When it began, in clock ticks since the boot.
    pub began: u64,
    /// Whether it runs, waits, or is no more.
    pub condition: Condition,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It runs, or can be made to.
    Alive,
    /// It waits in the kernel for something that no signal interrupts.
    Uninterruptible,
    /// It has ended, and was not reaped yet.
    Ended,
}

impl Seen {
    /// Whether two views are of one process. Ids go round far more slowly than the clock ticks.
    #[must_use]
    pub fn is_same(self, other: Self) -> bool {
        (self.pid, self.began) == (other.pid, other.began)
    }
}

/// Looks at a process. Takes the kernel some microseconds, and never waits.
///
/// # Errors
/// `NotFound` if there is none such, or no `/proc`.
pub fn look(pid: Pid) -> io::Result<Seen> {
    parse(pid, &stat(pid)?).ok_or_else(strange_stat)
}

/// Reads the fields that proc_pid_stat(5) numbers 3, 4 and 22.
fn parse(pid: Pid, stat: &str) -> Option<Seen> {
    let mut fields = stat_fields(stat)?;
    let condition = match fields.next()? {
        "D" => Condition::Uninterruptible,
        "Z" | "X" | "x" => Condition::Ended,
        _ => Condition::Alive,
    };
    let parent = Pid::new(fields.next()?.parse().ok()?);
    let began = fields.nth(17)?.parse().ok()?;
    Some(Seen { pid, parent, began, condition })
}

/// The longest environment that is read whole.
const LONGEST_ENVIRONMENT: u64 = 128 << 10;

/// The environment with which a process was executed, each variable followed by a NUL: proc_pid_environ(5). It is read
/// from the memory of the process, and so may have to wait for one that is stuck in the kernel while it changes that.
///
/// # Errors
/// `PermissionDenied` for a process of another user, unless we may trace it (ptrace(2)).
pub fn environment(pid: Pid) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(format!("/proc/{pid}/environ"))?.take(LONGEST_ENVIRONMENT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Processes, one after another, so that whoever goes through them can stop in between and go on later.
#[derive(Debug)]
pub struct Processes(Source);

#[derive(Debug)]
enum Source {
    /// Found all at once.
    Listed(std::vec::IntoIter<Pid>),
    /// Every process that `/proc` shows.
    Shown(ReadDir),
    /// Numbers that may be processes, those first that come after our own.
    Numbers(Take<Chain<RangeInclusive<i32>, Range<i32>>>),
}

/// What to do where `/proc` is missing, or is that of another pid namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutProc {
    /// Nobody can be found.
    Refuse,
    /// The numbers after our own are tried: in a pid namespace of its own, and wherever ids stay small, that is all.
    TryNear,
    /// Every number that may be a pid is tried, up to four million of them, which takes a second or so.
    TryAll,
}

/// The highest pid that there can be: `PID_MAX_LIMIT` of the kernel, which is 32768 where words are short.
const HIGHEST: i32 = if cfg!(target_pointer_width = "64") { 4 << 20 } else { 32 << 10 };
/// How many numbers are near.
const NEAR: usize = 64 << 10;

impl Processes {
    /// Processes among which all our children are, if not more: the kernel's own list where it keeps one
    /// (`CONFIG_PROC_CHILDREN`: proc_tid_children(5)), else whatever `/proc` shows.
    ///
    /// # Errors
    /// When there is no `/proc` that could be used, and nothing is to be done about it.
    pub fn with_our_children(otherwise: WithoutProc) -> io::Result<Self> {
        match (check_proc(), otherwise) {
            (Ok(()), _) => match listed() {
                Some(children) => Ok(Self(Source::Listed(children.into_iter()))),
                None => Self::all(),
            },
            (Err(error), WithoutProc::Refuse) => Err(error),
            (Err(_), WithoutProc::TryNear) => Ok(Self::numbers(NEAR)),
            (Err(_), WithoutProc::TryAll) => Ok(Self::numbers(usize::MAX)),
        }
    }

    /// Every process that is shown to us.
    ///
    /// # Errors
    /// When there is no `/proc` that could be used.
    pub fn all() -> io::Result<Self> {
        check_proc()?;
        Ok(Self(Source::Shown(fs::read_dir("/proc")?)))
    }

    fn numbers(most: usize) -> Self {
        let own = Pid::own().get();
        Self(Source::Numbers((own..=HIGHEST).chain(1..own).take(most)))
    }

    /// How many of them can be gone through in some milliseconds.
    #[must_use]
    pub fn pace(&self) -> usize {
        match self.0 {
            Source::Listed(_) | Source::Numbers(_) => 4096,
            Source::Shown(_) => 2048,
        }
    }
}

impl Iterator for Processes {
    type Item = Pid;

    fn next(&mut self) -> Option<Pid> {
        match &mut self.0 {
            Source::Listed(pids) => pids.next(),
            Source::Shown(entries) => entries.find_map(|entry| {
                // What cannot be read is passed over; a directory that fails for good ends.
                Pid::new(entry.ok()?.file_name().to_str()?.parse().ok()?)
            }),
            Source::Numbers(numbers) => numbers.find_map(Pid::new),
        }
    }
}

/// The list that the kernel keeps of the children of the calling thread. All of ours are in it if that is the main
/// thread, to which orphans go, and no other forks.
fn listed() -> Option<Vec<Pid>> {
    let list = fs::read_to_string("/proc/thread-self/children").ok()?;
    Some(list.split_ascii_whitespace().filter_map(|pid| Pid::new(pid.parse().ok()?)).collect())
}

/// Works out who is below somebody, from processes that are seen in any order.
#[derive(Debug, Default)]
pub struct Family {
    members: HashMap<Pid, Seen>,
    /// Those whose parent is no member yet, by that parent.
    others: HashMap<Pid, Vec<Seen>>,
}

impl Family {
    /// Somebody who belongs to it; returned are all that are known to belong to it by this, the parents first.
    pub fn add(&mut self, member: Seen) -> Vec<Seen> {
        let mut found = vec![member];
        let mut met = HashSet::from([member.pid]);
        let mut next = 0;
        while let Some(member) = found.get(next).copied() {
            next += 1;
            self.members.insert(member.pid, member);
            let children = self.others.remove(&member.pid).unwrap_or_default();
            found.extend(children.into_iter().filter(|child| met.insert(child.pid)));
        }
        found
    }

    /// Somebody who may belong to it, as its parent may; returned as with [`Family::add`].
    pub fn see(&mut self, seen: Seen) -> Vec<Seen> {
        let Some(parent) = seen.parent else { return Vec::new() };
        if self.members.contains_key(&parent) {
            return self.add(seen);
        }
        self.others.entry(parent).or_default().push(seen);
        Vec::new()
    }

    /// A member.
    #[must_use]
    pub fn member(&self, pid: Pid) -> Option<Seen> {
        self.members.get(&pid).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::end;
    use super::super::wait::is_child;
    use super::*;
    use nix::unistd::{ForkResult, fork};

    fn pid(number: i32) -> Pid {
        Pid::new(number).unwrap()
    }

    fn seen(number: i32, parent: i32) -> Seen {
        Seen { pid: pid(number), parent: Pid::new(parent), began: 7, condition: Condition::Alive }
    }

    #[test]
    fn fields_are_counted_from_the_end_of_the_name() {
        let stat = "7 (a) b (c) ) D 3 7 7 0 -1 4194560 90 0 0 0 250 31 0 0 20 0 3 0 8211 5000000 420\n";
        let expected =
            Seen { pid: pid(7), parent: Some(pid(3)), began: 8211, condition: Condition::Uninterruptible };
        assert_eq!(parse(pid(7), stat), Some(expected));
        let zombie = "7 (x) Z 0 7 7 0 -1 4194560 90 0 0 0 250 31 0 0 20 0 3 0 1 5000000 420\n";
        assert_eq!(parse(pid(7), zombie).map(|it| (it.parent, it.condition)), Some((None, Condition::Ended)));
        assert_eq!(parse(pid(7), "7 (x) S 1 7 7 0"), None);
        assert_eq!(parse(pid(7), ""), None);
    }

    #[test]
    fn we_are_the_child_of_our_parent() {
        let own = look(Pid::own()).unwrap();
        let parent = std::os::unix::process::parent_id().cast_signed();
        assert_eq!((own.parent, own.condition), (Pid::new(parent), Condition::Alive));
        assert!(own.is_same(look(Pid::own()).unwrap()));
        assert!(look(pid(i32::MAX)).is_err());
    }

    #[test]
    fn a_child_is_found_in_every_way() {
        // SAFETY: the child only waits for its end.
        let child = match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => pid(child.as_raw()),
            ForkResult::Child => loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            },
        };
        let sources = [
            Processes::all().unwrap(),
            Processes::with_our_children(WithoutProc::Refuse).unwrap(),
            Processes::numbers(usize::MAX),
        ];
        for mut source in sources {
            assert!(source.any(|found| found == child && is_child(found)), "{source:?}");
        }
        assert!(!is_child(Pid::own()) && !is_child(pid(1)));
        super::super::process::kill(child, libc::SIGKILL).unwrap();
        end(child);
        assert!(!is_child(child));
    }

    #[test]
    fn a_family_is_found_in_any_order() {
        let mut family = Family::default();
        let numbers = |found: Vec<Seen>| found.iter().map(|it| it.pid.get()).collect::<Vec<i32>>();
        for (number, parent) in [(5, 4), (4, 3), (9, 1), (6, 4), (8, 8)] {
            assert!(family.see(seen(number, parent)).is_empty());
        }
        assert_eq!(numbers(family.add(seen(3, 2))), [3, 4, 5, 6]);
        assert_eq!(numbers(family.see(seen(7, 5))), [7]);
        assert!(family.see(seen(2, 0)).is_empty());
        assert!(family.member(pid(6)).is_some() && family.member(pid(9)).is_none());
        // Ids that were reused while they were seen can make a circle.
        family.see(seen(20, 21));
        assert_eq!(numbers(family.add(seen(21, 20))), [21, 20]);
    }
}
