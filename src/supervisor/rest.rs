//! What is below us at the end and is no program of ours: orphans, daemons that left their session, what was to be left
//! alone while we ran. It is told to end when the programs have, or when the time is nearly up, and killed when it is.
//!
//! Only descendants of ours are ever signalled. Our own children are found first: without one that we do not know there
//! is nobody at all, and that is the end of it. What is deeper is found in `/proc`, some of it in each turn. As new
//! ones may come as long as any is alive, it is looked again when a child has ended, and after a while.

use super::shutdown::Phase;
use super::{Due, Supervisor};
use crate::core::moment::Moment;
use crate::sys::kinship::{Condition, Family, Processes, Seen, WithoutProc, look};
use crate::sys::pidfd::signal_below;
use crate::sys::process::{self, Pid};
use crate::sys::{clock, wait};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// The shortest pause between two searches.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// The longest, which is reached by doubling while nothing changes.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How much longer than a search a pause is at least, so that searching never takes all of our time.
const PAUSE_TO_SEARCH: u32 = 2;
/// How many processes are looked at in a turn: the kernel takes some five microseconds for each.
const LOOKS_A_TURN: usize = 256;

/// The rest.
#[derive(Debug, Default)]
pub struct Rest {
    stage: Stage,
    /// The children of ours that were told, and were not reaped since.
    told_children: HashSet<Pid>,
    /// Those who are deeper that were told, as they were seen.
    told: HashMap<Pid, Seen>,
    search: Option<Search>,
    finding: Finding,
    /// When the last search was over, and the shortest pause that has to follow it.
    searched: Option<(Moment, Duration)>,
    /// How long the last pause was.
    pause: Duration,
    /// What is gone back to if somebody is left when the logger has ended, and until when.
    resumed: Option<(Phase, Moment)>,
}

/// What the rest is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// To be what it is.
    #[default]
    LeftAlone,
    /// To end.
    Told,
    /// To be gone.
    Killed,
}

/// What is known of whether there is anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Finding {
    /// Nothing: it may be otherwise than it was found.
    #[default]
    Outdated,
    /// Nothing yet.
    Searching,
    /// There is nobody.
    Nobody,
    /// There is somebody.
    Somebody,
}

/// A search that is under way.
#[derive(Debug)]
struct Search {
    began: Moment,
    processes: Processes,
    depth: Depth,
    /// Our children that are none of those we know, as far as they were found.
    children: HashSet<Pid>,
}

/// What is searched for.
#[derive(Debug)]
enum Depth {
    /// Our children.
    Children,
    /// All that is below those, which is nobody where there are none.
    Descendants(Family),
}

impl Rest {
    /// Whether a search is under way.
    pub fn is_searched(&self) -> bool {
        self.search.is_some()
    }

    /// What is sent to those that are found now.
    fn signals(&self) -> &'static [i32] {
        match self.stage {
            Stage::LeftAlone => &[],
            // A stopped process sees the signal only when it goes on.
            Stage::Told => &[libc::SIGTERM, libc::SIGCONT],
            Stage::Killed => &[libc::SIGKILL],
        }
    }

    /// Sends it to a child of ours, which is told only once.
    fn signal_child(&mut self, pid: Pid) {
        if self.stage == Stage::Told && (!self.told_children.insert(pid) || self.was_told_before(pid)) {
            return;
        }
        // It is not reaped yet. If it became another user, it is not ours to signal, and is waited for.
        self.signals().iter().for_each(|signal| process::signal_process(pid, *signal));
    }

    /// Whether a child of ours was told when it was none yet.
    fn was_told_before(&self, pid: Pid) -> bool {
        let told = self.told.get(&pid);
        told.is_some_and(|told| look(pid).is_ok_and(|seen| seen.is_same(*told)))
    }

    /// Sends it to a process that is deeper below us, which is told only once.
    fn signal_descendant(&mut self, seen: Seen, family: &Family) {
        let is_told = self.told.get(&seen.pid).is_some_and(|told| told.is_same(seen));
        let Some(parent) = seen.parent.and_then(|pid| family.member(pid)) else { return };
        if self.stage == Stage::Told && is_told {
            return;
        }
        if signal_below(seen, parent, self.signals()).is_ok() {
            self.told.insert(seen.pid, seen);
        }
    }
}

impl Supervisor {
    /// Tells all that is left to end, now and as it is found.
    pub fn tell_rest(&mut self) {
        if self.rest.stage == Stage::LeftAlone {
            self.rest.stage = Stage::Told;
            self.begin_search();
        }
    }

    /// Kills all that is left, now and as it is found.
    pub fn kill_rest(&mut self) {
        self.rest.stage = Stage::Killed;
        self.rest.pause = Duration::ZERO;
        let told: Vec<Pid> = self.rest.told_children.iter().copied().collect();
        told.into_iter().for_each(|pid| self.rest.signal_child(pid));
        self.begin_search();
    }

    /// A process was reaped. Those that were below it may be our children now.
    pub fn rest_sees_end(&mut self, pid: Pid) {
        if self.rest.stage == Stage::LeftAlone {
            return;
        }
        self.rest.told_children.remove(&pid);
        self.rest.finding = Finding::Outdated;
        let Some((at, pause)) = self.rest.searched else { return };
        let soon = at.after(pause).max(self.now);
        if self.rest.search.is_none() && self.deadlines.at(Due::Rest).is_none_or(|at| at > soon) {
            self.deadlines.arm(Due::Rest, soon);
        }
    }

    /// Whether nobody is left, as far as that is known now. To be asked when it was told.
    pub fn rest_is_gone(&self) -> bool {
        match self.capture.logger_pid() {
            // Whoever is below us has a parent there, and the uppermost of them is our child.
            None => !wait::have_children(),
            Some(_) => self.rest.finding == Finding::Nobody,
        }
    }

    /// The logger is to end. It is noted how far the end has come, and how long it may take.
    pub fn will_resume_shutdown(&mut self) {
        self.rest.resumed = Some((self.phase, self.deadlines.at(Due::Shutdown).unwrap_or(self.now)));
    }

    /// The logger has ended, and somebody is left all the same: it is gone on where it was.
    pub fn resume_shutdown(&mut self) {
        let Some((phase, until)) = self.rest.resumed else { return };
        self.phase = phase;
        self.deadlines.arm(Due::Shutdown, until);
        self.begin_search();
    }

    /// Begins to search, from the beginning if it is under way.
    pub fn begin_search(&mut self) {
        self.deadlines.cancel(Due::Rest);
        self.rest.search = None;
        self.rest.finding = Finding::Nobody;
        // Whether anybody was missed is seen when the logger has ended, and then nothing else is left to be done.
        let otherwise = match self.capture.logger_pid() {
            Some(_) => WithoutProc::TryNear,
            None => WithoutProc::TryAll,
        };
        // In the ordinary case nothing is to be searched.
        if wait::have_children()
            && let Ok(processes) = Processes::with_our_children(otherwise)
        {
            let depth = Depth::Children;
            self.rest.search = Some(Search { began: self.now, processes, depth, children: HashSet::new() });
            self.rest.finding = Finding::Searching;
        }
    }

    /// Does a turn's share of the search.
    pub fn go_on_with_search(&mut self) {
        let Some(mut search) = self.rest.search.take() else { return };
        let share = match search.depth {
            Depth::Children => search.processes.pace(),
            Depth::Descendants(_) => LOOKS_A_TURN,
        };
        let pids: Vec<Pid> = search.processes.by_ref().take(share).collect();
        let is_over = pids.len() < share;
        for pid in pids {
            if !self.is_awaited(pid) {
                self.look_for_rest(&mut search, pid);
            }
        }
        if !is_over {
            self.rest.search = Some(search);
            return;
        }
        // Without /proc those who are deeper are found when they come to us.
        if let Depth::Children = search.depth
            && !search.children.is_empty()
            && let Ok(processes) = Processes::all()
        {
            let depth = Depth::Descendants(Family::default());
            self.rest.search = Some(Search { processes, depth, ..search });
        } else {
            self.search_is_over(&search);
        }
    }

    /// Whether this is a process of whose end somebody hears.
    pub fn is_awaited(&self, pid: Pid) -> bool {
        self.processes.contains_key(&pid)
            || self.children.is_running(pid)
            || self.capture.logger_pid() == Some(pid.get())
    }

    /// Looks whether a process is one of the rest, and signals it then.
    fn look_for_rest(&mut self, search: &mut Search, pid: Pid) {
        let family = match &mut search.depth {
            Depth::Children => {
                if wait::is_child(pid) && search.children.insert(pid) {
                    self.rest.signal_child(pid);
                }
                return;
            }
            Depth::Descendants(family) => family,
        };
        let Ok(seen) = look(pid) else { return };
        let own = Some(Pid::own());
        let found = if seen.parent != own {
            family.see(seen)
        } else if wait::is_child(pid) {
            if search.children.insert(pid) {
                self.rest.signal_child(pid);
            }
            family.add(seen)
        } else {
            return;
        };
        for seen in found.into_iter().filter(|seen| seen.parent != own && seen.condition != Condition::Ended)
        {
            self.rest.signal_descendant(seen, family);
        }
    }

    fn search_is_over(&mut self, search: &Search) {
        let took = Moment(clock::monotonic()).since(search.began);
        let least = SHORTEST_PAUSE.max(took.saturating_mul(PAUSE_TO_SEARCH));
        self.rest.searched = Some((self.now, least));
        if let Depth::Descendants(family) = &search.depth {
            self.rest.told.retain(|pid, told| family.member(*pid).is_some_and(|seen| seen.is_same(*told)));
        }
        let pause = match (self.rest.finding, search.children.is_empty()) {
            (Finding::Searching, true) => {
                self.rest.finding = Finding::Nobody;
                return;
            }
            (Finding::Searching, false) => {
                self.rest.finding = Finding::Somebody;
                self.rest.pause.saturating_mul(2).clamp(least, LONGEST_PAUSE.max(least))
            }
            // Somebody has ended meanwhile.
            (Finding::Outdated | Finding::Nobody | Finding::Somebody, _) => least,
        };
        self.rest.pause = pause;
        self.deadlines.arm(Due::Rest, self.now.after(pause));
    }
}
