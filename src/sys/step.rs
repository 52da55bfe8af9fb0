//! The steps of starting a process, and the failure of one of them. The order in which they are taken is that of
//! the child, which is the configuration's contract.

use std::fmt;

use nix::errno::Errno;

use super::errno::words;
use super::limits::Limit;

/// One step of starting a process. Those up to [`Step::Fork`] are taken by the supervisor, the others by the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The pipe over which the child reports a failure.
    Pipe,
    /// The fork itself.
    Fork,
    /// A session and process group of its own.
    Session,
    /// The terminal that controls the session, and is its standard input, output and error.
    Tty,
    /// Dispositions to their defaults, and at last an empty mask.
    Signals,
    /// Standard input, output and error in place, all others closed.
    Descriptors,
    /// One resource limit.
    Limit(Limit),
    /// The I/O priority.
    IoPriority,
    /// The nice value.
    Nice,
    /// The working directory.
    Directory,
    /// Supplementary groups.
    Groups,
    /// Group id, real, effective and saved.
    Gid,
    /// User id, real, effective and saved, with no way back.
    Uid,
    /// Replacing the child by the program.
    Exec,
    /// The file that standard input comes from.
    Stdin,
    /// The scheduling policy.
    Scheduler,
    /// The processors to run on.
    Cpus,
    /// How readily it is killed when memory runs out.
    OomScoreAdjust,
    /// The cgroup of the instance.
    Cgroup,
    /// The root directory.
    Chroot,
    /// Capabilities: bounding set before the user changes, the others after.
    Capabilities,
    /// No new privileges by an exec.
    NoNewPrivileges,
}

impl Step {
    /// What a person reads; where there is one, the name of the setting behind it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pipe => "pipe",
            Self::Fork => "fork",
            Self::Session => "session",
            Self::Tty => "tty",
            Self::Signals => "signals",
            Self::Descriptors => "descriptors",
            Self::Limit(limit) => limit.setting(),
            Self::IoPriority => "ionice",
            Self::Nice => "nice",
            Self::Directory => "directory",
            Self::Groups => "groups",
            Self::Gid => "gid",
            Self::Uid => "uid",
            Self::Exec => "exec",
            Self::Stdin => "stdin",
            Self::Scheduler => "scheduler",
            Self::Cpus => "cpus",
            Self::OomScoreAdjust => "oom_score_adj",
            Self::Cgroup => "cgroup",
            Self::Chroot => "chroot",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivileges => "no_new_privileges",
        }
    }

    /// The outcome of a system call as that of this step.
    pub(super) fn check<T>(self, outcome: Result<T, Errno>) -> Result<T, StepError> {
        outcome.map_err(|errno| StepError { step: self, errno })
    }

    /// The number in a status record; a limit's place in [`Limit::ALL`] is in the upper half.
    pub(super) const fn code(self) -> u32 {
        match self {
            Self::Pipe => 1,
            Self::Fork => 2,
            Self::Session => 3,
            Self::Signals => 4,
            Self::Descriptors => 5,
            Self::Limit(limit) => 6 | ((limit as u32) << 16),
            Self::IoPriority => 7,
            Self::Nice => 8,
            Self::Directory => 9,
            Self::Groups => 10,
            Self::Gid => 11,
            Self::Uid => 12,
            Self::Exec => 13,
            Self::Stdin => 14,
            Self::Scheduler => 15,
            Self::Cpus => 16,
            Self::OomScoreAdjust => 17,
            Self::Cgroup => 18,
            Self::Chroot => 19,
            Self::Capabilities => 20,
            Self::NoNewPrivileges => 21,
            Self::Tty => 22,
        }
    }

    /// The step of this number; `None` if there is none.
    pub(super) fn from_code(code: u32) -> Option<Self> {
        let plain = [
            Self::Pipe,
            Self::Fork,
            Self::Session,
            Self::Signals,
            Self::Descriptors,
            Self::IoPriority,
            Self::Nice,
            Self::Directory,
            Self::Groups,
            Self::Gid,
            Self::Uid,
            Self::Exec,
            Self::Stdin,
            Self::Scheduler,
            Self::Cpus,
            Self::OomScoreAdjust,
            Self::Cgroup,
            Self::Chroot,
            Self::Capabilities,
            Self::NoNewPrivileges,
            Self::Tty,
        ];
        let limits = Limit::ALL.iter().map(|limit| Self::Limit(*limit));
        plain.into_iter().chain(limits).find(|step| step.code() == code)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A process could not be started: the step that failed, and what the system said. Displayed as
/// `directory: No such file or directory (ENOENT)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepError {
    /// The step that failed.
    pub step: Step,
    /// Why.
    pub errno: Errno,
}

impl fmt::Display for StepError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} ({:?})", self.step, words(self.errno), self.errno)
    }
}

impl std::error::Error for StepError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_number_of_its_own_that_leads_back_to_it() {
        for limit in Limit::ALL {
            let step = Step::Limit(*limit);
            assert_eq!(Step::from_code(step.code()), Some(step));
        }
        // Without 6, whose upper half says which limit.
        for code in (1..=5).chain(7..=22) {
            assert_eq!(Step::from_code(code).unwrap().code(), code);
        }
        assert_eq!(Step::from_code(0), None);
        assert_eq!(Step::from_code(23), None);
        assert_eq!(Step::from_code(6 | (16 << 16)), None);
        assert_eq!(Step::from_code(u32::MAX), None);
    }

    #[test]
    fn a_person_reads_the_setting_and_the_words_of_the_system() {
        let failed = StepError { step: Step::Limit(Limit::OpenFiles), errno: Errno::EPERM };
        assert_eq!(failed.to_string(), "limits.nofile: Operation not permitted (EPERM)");
    }
}
