//! What a new process is to be, prepared wholly in the parent: nothing in here is looked up, opened or allocated
//! between fork and exec.

use std::ffi::{CStr, CString, NulError};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::OnceLock;

use libc::c_int;

use super::limits::{Limit, LimitValues};
use super::priority::IoPriority;
use super::scheduling::{CpuMask, SchedulingPolicy};
use super::signals;

/// Where one of the standard descriptors of a new process comes from.
#[derive(Debug, Clone, Copy, Default)]
pub enum ChildDescriptor<'fd> {
    /// Ours, of the same number; `/dev/null` if ours is closed.
    #[default]
    Inherit,
    /// A duplicate of this one. Several may name the same.
    From(BorrowedFd<'fd>),
}

/// Which session and process group a new process belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub enum Membership<'fd> {
    /// A session of its own, without a terminal.
    #[default]
    OwnSession,
    /// A session of its own, which takes this terminal for its own if no other session has it.
    OwnSessionOn(BorrowedFd<'fd>),
    /// A process group of its own in our session.
    OwnGroup,
    /// A process group of its own in our session, which this terminal of the session has in the foreground from now
    /// on.
    OwnGroupInForeground(BorrowedFd<'fd>),
}

/// What a new process gets of our descriptors, beside the standard ones and those that are passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OtherDescriptors {
    /// None: they are closed.
    #[default]
    Closed,
    /// All that are not close-on-exec.
    Inherited,
}

/// What becomes of a file that is executable, but whose format the kernel does not know: `ENOEXEC` of execve(2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnknownFormat {
    /// It is refused.
    #[default]
    Refused,
    /// It is a script for `/bin/sh`, as execvp(3) has it.
    Script,
}

/// Whether a new process, and what it executes, can gain privileges by an exec.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NewPrivileges {
    /// It can.
    #[default]
    Allowed,
    /// It cannot.
    Refused,
}

/// The identity of a new process. All of it is set, and checked to have been set for good.
///
/// Setting groups needs a privilege even if they are the present ones. So without privileges, give none of this to who
/// is to be what we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Real, effective and saved user id.
    pub uid: u32,
    /// Real, effective and saved group id.
    pub gid: u32,
    /// The supplementary groups, which replace ours.
    pub groups: Vec<u32>,
}

/// Everything about a new process; see [`ChildPlan`]. By default it is as we are.
#[derive(Debug, Default)]
pub struct Blueprint<'fd> {
    /// Paths to try to execute, in this order, as execvp(3) goes through PATH. The child does the looking-up, so that
    /// a file system that hangs never stalls the parent.
    pub candidates: Vec<CString>,
    /// A file that is executed rather than any of these, if it can be (execveat(2), `AT_EMPTY_PATH`).
    pub executable: Option<BorrowedFd<'fd>>,
    /// The arguments, from argument zero on.
    pub arguments: Vec<CString>,
    /// The whole environment, as `KEY=VALUE`.
    pub environment: Vec<CString>,
    /// Names of variables that hold the id of the new process itself. They go over those of `environment`.
    pub own_pid: Vec<&'static str>,
    /// The root directory; ours if `None`. The working directory is then looked up below it, and is its top if none
    /// is named.
    pub chroot: Option<CString>,
    /// The working directory; ours if `None`.
    pub directory: Option<CString>,
    /// The mask of permissions that new files do not get; ours if `None`.
    pub umask: Option<u32>,
    /// The identity; ours if `None`.
    pub credentials: Option<Credentials>,
    /// The capabilities it keeps, as in [`capabilities`](super::capabilities); ours if `None`, though another user
    /// than root gets none of them.
    pub capabilities: Option<u64>,
    /// Whether it can gain privileges.
    pub new_privileges: NewPrivileges,
    /// The nice value, absolute; ours if `None`.
    pub nice: Option<i32>,
    /// The I/O priority; ours if `None`.
    pub io_priority: Option<IoPriority>,
    /// The scheduling policy; ours if `None`.
    pub scheduling: Option<SchedulingPolicy>,
    /// The processors it may run on; ours if `None`.
    pub cpus: Option<CpuMask>,
    /// What is added to its badness when memory runs out, -1000 to 1000; ours if `None`.
    pub oom_score_adjust: Option<i32>,
    /// The `cgroup.procs` of the cgroup to go to; ours if `None`.
    pub cgroup_procs: Option<CString>,
    /// Limits to set, in this order. What is not named stays as it is with us.
    pub limits: Vec<(Limit, LimitValues)>,
    /// A terminal that its session, which has to be its own, takes for its own whoever has it; it is its standard
    /// input, output and error in place of what is said of these.
    pub tty: Option<CString>,
    /// Standard input.
    pub stdin: ChildDescriptor<'fd>,
    /// A file that the child opens as its standard input, in place of `stdin`. To open a FIFO takes as long as nobody
    /// writes to it, which is why it is the child that does it.
    pub stdin_path: Option<CString>,
    /// Standard output.
    pub stdout: ChildDescriptor<'fd>,
    /// Standard error.
    pub stderr: ChildDescriptor<'fd>,
    /// Descriptors beside the standard ones: each number, from 3 on and none twice, becomes a duplicate of what stands
    /// beside it. What becomes of all others is said by `others`.
    pub passed: Vec<(RawFd, BorrowedFd<'fd>)>,
    /// All other descriptors.
    pub others: OtherDescriptors,
    /// Its session and process group.
    pub membership: Membership<'fd>,
    /// What a file of a strange format is.
    pub unknown_format: UnknownFormat,
}

/// Where programs are looked for when there is no PATH: that of confstr(3).
pub const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin";

/// The command as it is, if it has a slash; else one in each directory of PATH, where an empty entry stands for the
/// working directory. None at all for a command without a name, which execvp(3) does not find either.
///
/// # Errors
/// A NUL byte in it.
pub fn candidates(command: &[u8], path: &[u8]) -> Result<Vec<CString>, NulError> {
    if command.is_empty() {
        return Ok(Vec::new());
    }
    if command.contains(&b'/') {
        return Ok(vec![CString::new(command)?]);
    }
    let candidate = |directory: &[u8]| {
        let directory = if directory.is_empty() { b"." } else { directory };
        CString::new([directory, b"/", command].concat())
    };
    path.split(|byte| *byte == b':').map(candidate).collect()
}

/// A [`Blueprint`] made ready for [`spawn`](super::fork::spawn).
#[derive(Debug)]
pub struct ChildPlan<'fd> {
    pub(super) own: OwnPlan,
    /// What is executed rather than what is looked for.
    pub(super) executable: Option<BorrowedFd<'fd>>,
    /// Open for as long as this is there.
    descriptors: PhantomData<BorrowedFd<'fd>>,
}

/// A plan that owns everything but the descriptors, of which it has the numbers: for a child, whose descriptors are
/// its own from the fork on.
#[derive(Debug)]
pub(super) struct OwnPlan {
    /// Without any descriptor.
    pub(super) blueprint: Blueprint<'static>,
    pub(super) place: Place,
    pub(super) streams: [Stream; 3],
    /// The numbers of the descriptors beside the standard ones, in their order, and what they become duplicates of.
    pub(super) passed: Vec<(RawFd, RawFd)>,
    pub(super) dispositions: &'static [c_int],
    /// What is written to `/proc/self/oom_score_adj`.
    pub(super) oom_score_adjust: Option<String>,
}

impl OwnPlan {
    /// Whether a child may carry it out in our memory, while we go on.
    ///
    /// Not with another identity or fewer rights than ours: whoever has those might get at the child, and so at us
    /// (and the kernel makes memory that was used by two identities one that cannot be dumped: `PR_SET_DUMPABLE` in
    /// prctl(2)). Not where its badness is adjusted, which the kernel does for all that share the memory:
    /// proc_pid_oom_score_adj(5). And not in another cgroup than ours: if its memory runs out, the kernel kills all that
    /// share the memory of whom it chooses there. What takes a terminal uses functions of the C library, whose memory
    /// would be ours; it begins too rarely for more.
    pub(super) fn may_share_memory(&self) -> bool {
        let Blueprint { credentials, capabilities, cgroup_procs, tty, .. } = &self.blueprint;
        let is_as_we_are = credentials.is_none() && capabilities.is_none() && tty.is_none();
        is_as_we_are && cgroup_procs.is_none() && self.oom_score_adjust.is_none()
    }
}

/// A [`Membership`] as the child uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Session,
    SessionOn(RawFd),
    Group,
    GroupInForeground(RawFd),
}

impl From<Membership<'_>> for Place {
    fn from(membership: Membership<'_>) -> Self {
        match membership {
            Membership::OwnSession => Self::Session,
            Membership::OwnSessionOn(terminal) => Self::SessionOn(terminal.as_raw_fd()),
            Membership::OwnGroup => Self::Group,
            Membership::OwnGroupInForeground(terminal) => Self::GroupInForeground(terminal.as_raw_fd()),
        }
    }
}

/// A [`ChildDescriptor`] as the child uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Inherit,
    From(RawFd),
}

impl From<ChildDescriptor<'_>> for Stream {
    fn from(descriptor: ChildDescriptor<'_>) -> Self {
        match descriptor {
            ChildDescriptor::Inherit => Self::Inherit,
            ChildDescriptor::From(descriptor) => Self::From(descriptor.as_raw_fd()),
        }
    }
}

impl<'fd> ChildPlan<'fd> {
    /// Makes the plan.
    ///
    /// Which signals the child has to reset is asked of the system once, with the first plan of the process. So
    /// whoever changes dispositions does it before that.
    #[must_use]
    pub fn new(mut blueprint: Blueprint<'fd>) -> Self {
        static CHANGED: OnceLock<Vec<c_int>> = OnceLock::new();
        let Blueprint { environment, own_pid, .. } = &mut blueprint;
        if !own_pid.is_empty() {
            environment.retain(|variable| !own_pid.iter().any(|name| is_named(variable, name)));
        }
        let streams = [blueprint.stdin, blueprint.stdout, blueprint.stderr].map(Stream::from);
        let mut passed: Vec<(RawFd, RawFd)> =
            blueprint.passed.iter().map(|(number, source)| (*number, source.as_raw_fd())).collect();
        passed.sort_unstable_by_key(|(number, _)| *number);
        let dispositions = CHANGED.get_or_init(signals::changed_dispositions);
        let oom_score_adjust = blueprint.oom_score_adjust.map(|adjust| adjust.to_string());
        let place = Place::from(blueprint.membership);
        let executable = blueprint.executable;
        let blueprint = without_descriptors(blueprint);
        let own = OwnPlan { blueprint, place, streams, passed, dispositions, oom_score_adjust };
        Self { own, executable, descriptors: PhantomData }
    }
}

/// The rest of a blueprint, which lives as long as one likes.
fn without_descriptors(blueprint: Blueprint<'_>) -> Blueprint<'static> {
    Blueprint {
        candidates: blueprint.candidates,
        arguments: blueprint.arguments,
        environment: blueprint.environment,
        own_pid: blueprint.own_pid,
        chroot: blueprint.chroot,
        directory: blueprint.directory,
        umask: blueprint.umask,
        credentials: blueprint.credentials,
        capabilities: blueprint.capabilities,
        new_privileges: blueprint.new_privileges,
        nice: blueprint.nice,
        io_priority: blueprint.io_priority,
        scheduling: blueprint.scheduling,
        cpus: blueprint.cpus,
        oom_score_adjust: blueprint.oom_score_adjust,
        cgroup_procs: blueprint.cgroup_procs,
        limits: blueprint.limits,
        tty: blueprint.tty,
        stdin_path: blueprint.stdin_path,
        others: blueprint.others,
        unknown_format: blueprint.unknown_format,
        stdin: ChildDescriptor::Inherit,
        stdout: ChildDescriptor::Inherit,
        stderr: ChildDescriptor::Inherit,
        executable: None,
        passed: Vec::new(),
        membership: Membership::OwnSession,
    }
}

fn is_named(variable: &CStr, name: &str) -> bool {
    variable.to_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(command: &str, path: &str) -> Vec<String> {
        let found = candidates(command.as_bytes(), path.as_bytes()).unwrap();
        found.iter().map(|path| path.to_str().unwrap().to_string()).collect()
    }

    #[test]
    fn memory_is_shared_only_with_what_is_as_we_are() {
        let may = |blueprint| ChildPlan::new(blueprint).own.may_share_memory();
        let credentials = Some(Credentials { uid: 1, gid: 1, groups: Vec::new() });
        assert!(may(Blueprint::default()));
        assert!(may(Blueprint { nice: Some(5), umask: Some(0o77), ..Blueprint::default() }));
        assert!(!may(Blueprint { credentials, ..Blueprint::default() }));
        assert!(!may(Blueprint { capabilities: Some(1), ..Blueprint::default() }));
        assert!(!may(Blueprint { oom_score_adjust: Some(0), ..Blueprint::default() }));
        assert!(!may(Blueprint { tty: Some(c"/x".into()), ..Blueprint::default() }));
        assert!(!may(Blueprint { cgroup_procs: Some(c"/x".into()), ..Blueprint::default() }));
    }

    #[test]
    fn commands_without_a_slash_are_looked_for() {
        assert_eq!(names("ls", "/bin::/usr/bin"), ["/bin/ls", "./ls", "/usr/bin/ls"]);
        assert_eq!(names("./ls", "/bin"), ["./ls"]);
        assert_eq!(names("/bin/ls", "/x"), ["/bin/ls"]);
        assert!(names("", "/bin").is_empty());
    }
}
