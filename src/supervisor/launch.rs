//! From the settings of a program to all that a new process needs: substituted, looked up, and free of anything
//! that would have to be done between fork and exec.

use super::environment::Inherited;
use super::readiness::Voice;
use super::sockets::{self, PassedSocket};
use crate::api::hook;
use crate::api::host::Host;
use crate::core::event::Event;
use crate::core::health::HealthCheck;
use crate::core::hook::{Hook, Pattern};
use crate::core::ids::InstanceIndex;
use crate::core::program::{IoPriority, ProcessSettings, Program, User};
use crate::core::settings::{self, Scheduler, StandardInput};
use crate::core::substitute::Substitution;
use crate::sys::limits::{Limit, LimitValues};
use crate::sys::null::Null;
use crate::sys::plan::{self, Blueprint, ChildDescriptor, ChildPlan, Credentials, DEFAULT_PATH, candidates};
use crate::sys::priority::{self, IoClass};
use crate::sys::process::Pid;
use crate::sys::scheduling::{CpuMask, SchedulingPolicy};
use std::ffi::{CString, NulError};
use std::io::Stdout;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

/// What every process is given.
#[derive(Debug)]
pub struct Launch {
    /// The supervisor's own environment, as `NAME=VALUE`.
    pub environment: Vec<CString>,
    /// The limit of open files that the supervisor was started with.
    pub open_files: LimitValues,
    /// What is at its end for who reads it, and takes whatever is written.
    pub null: Null,
    /// The file that we were executed from; `None` if it could not be opened.
    pub executable: Option<OwnedFd>,
    /// The supervisor's own standard output.
    pub stdout: Stdout,
    /// Where programs find the supervisor; empty if nowhere.
    pub rpc: String,
    /// The adjustment of its badness that the supervisor was started with, if it has another one now.
    pub oom_score_adj: Option<i32>,
}

/// The descriptors that a process is given as its output.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'fd> {
    /// Its standard output.
    pub stdout: ChildDescriptor<'fd>,
    /// Its standard error.
    pub stderr: ChildDescriptor<'fd>,
}

/// What one process of a program is given.
#[derive(Debug)]
pub struct Given<'a> {
    /// The `cgroup.procs` of its cgroup.
    pub cgroup_procs: Option<CString>,
    /// What it can say that it is ready by.
    pub voice: Option<&'a Voice>,
    /// Its output.
    pub outputs: Outputs<'a>,
    /// The sockets of its program.
    pub sockets: Option<&'a Vec<PassedSocket>>,
}

/// A hook that is to be run.
#[derive(Clone, Copy, Debug)]
pub struct HookLaunch<'a> {
    /// What is run.
    pub hook: &'a Hook,
    /// Which of its patterns matched.
    pub on: Pattern,
    /// For which event.
    pub event: &'a Event,
    /// What it reads.
    pub stdin: BorrowedFd<'a>,
}

impl Launch {
    /// The plan for a process of an instance, with what it alone is given.
    ///
    /// # Errors
    /// A NUL byte in what has to be a C string.
    pub fn plan<'a>(
        &'a self,
        program: &Program,
        index: InstanceIndex,
        host: Host,
        given: Given<'a>,
    ) -> Result<ChildPlan<'a>, NulError> {
        let settings = &program.settings.process;
        let here = substitution(program, index, host);
        let stdin_path = match &settings.stdin {
            StandardInput::Null => None,
            StandardInput::Path(path) => Some(CString::new(here.apply(path))?),
        };
        let tty = settings.tty.as_deref().map(|path| CString::new(here.apply(path))).transpose()?;
        let Given { cgroup_procs, voice, outputs: Outputs { stdout, stderr }, sockets } = given;
        let own = voice.map_or_else(Vec::new, Voice::variables);
        let blueprint = self.blueprint(settings, host, here, (&settings.command, &settings.args), own)?;
        let blueprint = Blueprint {
            tty,
            stdin_path,
            cgroup_procs,
            own_pid: voice.map_or_else(Vec::new, Voice::own_pid_variables),
            passed: voice.and_then(Voice::descriptor).into_iter().collect(),
            stdout,
            stderr,
            ..blueprint
        };
        Ok(ChildPlan::new(sockets::pass(sockets, blueprint)?))
    }

    /// The plan for the `stop_command` of an instance, to end this process of it.
    ///
    /// It is as the program is, but for its input; and outside of the cgroup of the instance, whose limits must not
    /// keep it from being stopped. `None` if there is no such command.
    ///
    /// # Errors
    /// A NUL byte in what has to be a C string.
    pub fn stop_plan<'a>(
        &'a self,
        program: &Program,
        index: InstanceIndex,
        host: Host,
        pid: Pid,
        Outputs { stdout, stderr }: Outputs<'a>,
    ) -> Result<Option<ChildPlan<'a>>, NulError> {
        let Some((command, args)) = program.settings.stop.command.split_first() else { return Ok(None) };
        let here = substitution(program, index, host);
        let own = vec![("PROCNANNY_PID", pid.to_string())];
        let blueprint = self.blueprint(&program.settings.process, host, here, (command, args), own)?;
        Ok(Some(ChildPlan::new(Blueprint { stdout, stderr, ..blueprint })))
    }

    /// The plan for the logger: this program once more, as we are, with its end of the channel as its input.
    ///
    /// # Errors
    /// None is known: the kernel gave us these strings.
    pub fn logger_plan<'a>(&'a self, channel: BorrowedFd<'a>) -> Result<ChildPlan<'a>, NulError> {
        let own = std::env::args_os().next().unwrap_or_default();
        let path = std::env::var_os("PATH");
        let path = path.as_deref().map_or(DEFAULT_PATH, OsStrExt::as_bytes);
        // What is executed now, also when another file has its name. Our own name is for where it could not be opened.
        let mut candidates = candidates(own.as_bytes(), path)?;
        candidates.insert(0, c"/proc/self/exe".into());
        Ok(ChildPlan::new(Blueprint {
            executable: self.executable.as_ref().map(AsFd::as_fd),
            candidates,
            arguments: vec![c"procnanny".into(), c"logger".into()],
            environment: self.environment.clone(),
            stdin: ChildDescriptor::From(channel),
            ..Blueprint::default()
        }))
    }

    /// The plan for a health check of an instance that has this process.
    ///
    /// It is as a stop command is, and silent: what it prints again and again says less than its exit code.
    ///
    /// # Errors
    /// A NUL byte in what has to be a C string.
    pub fn health_plan(
        &self,
        program: &Program,
        index: InstanceIndex,
        host: Host,
        check: &HealthCheck,
        pid: Pid,
    ) -> Result<ChildPlan<'_>, NulError> {
        let here = substitution(program, index, host);
        let what = (check.command.as_str(), check.args.as_slice());
        let own = vec![("PROCNANNY_PID", pid.to_string())];
        let blueprint = self.blueprint(&program.settings.process, host, here, what, own)?;
        let null = || ChildDescriptor::From(self.null.as_fd());
        Ok(ChildPlan::new(Blueprint { stdout: null(), stderr: null(), ..blueprint }))
    }

    /// The plan for a hook.
    ///
    /// Its output goes where the supervisor's own goes, so that it is seen why one fails.
    ///
    /// # Errors
    /// A NUL byte in what has to be a C string.
    pub fn hook_plan<'a>(&'a self, launch: &HookLaunch<'a>, host: Host) -> Result<ChildPlan<'a>, NulError> {
        let settings = &launch.hook.process;
        let (program, instance) =
            hook::subject(launch.event).map_or(("", InstanceIndex(0)), |(name, index)| (&**name, index));
        let (uid, gid) = (host.uid_of(settings), host.gid_of(settings));
        let here = Substitution { program, instance, source: None, uid, gid };
        let what = (settings.command.as_str(), settings.args.as_slice());
        let blueprint =
            self.blueprint(settings, host, here, what, hook::variables(launch.event, launch.on))?;
        Ok(ChildPlan::new(Blueprint { stdin: ChildDescriptor::From(launch.stdin), ..blueprint }))
    }

    fn blueprint(
        &self,
        settings: &ProcessSettings,
        host: Host,
        here: Substitution<'_>,
        (command, args): (&str, &[String]),
        own: Vec<(&'static str, String)>,
    ) -> Result<Blueprint<'_>, NulError> {
        let string = |text: &str| CString::new(here.apply(text));
        let command = here.apply(command);
        let inherited = Inherited { own: &self.environment, rpc: &self.rpc };
        let environment = inherited.environment_of(settings, here, own)?;
        let path = environment.iter().find_map(|text| text.as_bytes().strip_prefix(b"PATH="));
        let candidates = candidates(command.as_bytes(), path.unwrap_or(DEFAULT_PATH))?;
        let mut arguments = vec![CString::new(command)?];
        for arg in args {
            arguments.push(string(arg)?);
        }
        Ok(Blueprint {
            candidates,
            arguments,
            environment,
            own_pid: Vec::new(),
            chroot: settings.chroot.as_deref().map(string).transpose()?,
            directory: settings.directory.as_deref().map(string).transpose()?,
            umask: settings.umask,
            credentials: credentials(settings, host),
            capabilities: settings.capabilities.map(|set| set.0),
            new_privileges: match settings.new_privileges {
                settings::NewPrivileges::Allowed => plan::NewPrivileges::Allowed,
                settings::NewPrivileges::Refused => plan::NewPrivileges::Refused,
            },
            nice: settings.nice,
            io_priority: settings.ionice.and_then(io_priority),
            scheduling: settings.scheduler.map(scheduling),
            cpus: settings.cpus.as_ref().map(|cpus| CpuMask::new(cpus.0.iter().copied())),
            oom_score_adjust: settings.oom_score_adj.or(self.oom_score_adj),
            cgroup_procs: None,
            limits: self.limits_of(settings),
            stdin: ChildDescriptor::From(self.null.as_fd()),
            tty: None,
            stdin_path: None,
            stdout: ChildDescriptor::Inherit,
            stderr: ChildDescriptor::Inherit,
            passed: Vec::new(),
            ..Blueprint::default()
        })
    }

    /// Those that are set; and of those that the supervisor changed for itself, the original.
    fn limits_of(&self, settings: &ProcessSettings) -> Vec<(Limit, LimitValues)> {
        let original = [(Limit::OpenFiles, self.open_files)];
        let set = settings.limits.iter().filter_map(|limit| {
            Some((Limit::named(limit.name)?, LimitValues { soft: limit.soft, hard: limit.hard }))
        });
        let set: Vec<_> = set.collect();
        let is_set = |limit| set.iter().any(|(other, _)| *other == limit);
        original.into_iter().filter(|(limit, _)| !is_set(*limit)).chain(set.iter().copied()).collect()
    }
}

/// What the letters in the settings of a program stand for.
pub fn substitution(program: &Program, instance: InstanceIndex, host: Host) -> Substitution<'_> {
    substitution_of(&program.name, &program.settings.process, instance, host)
}

/// The same, of a program that is not known yet.
pub fn substitution_of<'a>(
    program: &'a str,
    settings: &ProcessSettings,
    instance: InstanceIndex,
    host: Host,
) -> Substitution<'a> {
    let (uid, gid) = (host.uid_of(settings), host.gid_of(settings));
    Substitution { program, instance, uid, gid, source: None }
}

/// The identity to take on; `None` where it is ours already, so that an ordinary user can name itself.
fn credentials(settings: &ProcessSettings, host: Host) -> Option<Credentials> {
    let (uid, gid) = (host.uid_of(settings), host.gid_of(settings));
    if let Some(groups) = &settings.groups {
        return Some(Credentials { uid, gid, groups: groups.iter().map(|group| group.id).collect() });
    }
    let ours = uid == host.uid && gid == host.gid;
    if settings.user.is_none() && settings.group.is_none() || ours && host.uid != 0 {
        return None;
    }
    let of_user = settings.user.as_ref().and_then(|user: &User| user.account.as_ref());
    let mut groups = of_user.map_or_else(Vec::new, |account| account.groups.clone());
    if !groups.contains(&gid) {
        groups.push(gid);
    }
    Some(Credentials { uid, gid, groups })
}

fn scheduling(given: Scheduler) -> SchedulingPolicy {
    match given {
        Scheduler::Other => SchedulingPolicy::OTHER,
        Scheduler::Batch => SchedulingPolicy::BATCH,
        Scheduler::Idle => SchedulingPolicy::IDLE,
        Scheduler::Fifo(priority) => SchedulingPolicy::fifo(priority),
        Scheduler::RoundRobin(priority) => SchedulingPolicy::round_robin(priority),
    }
}

fn io_priority(given: IoPriority) -> Option<priority::IoPriority> {
    let (class, level) = match given {
        IoPriority::Idle => (IoClass::Idle, 0),
        IoPriority::BestEffort(level) => (IoClass::BestEffort, level),
        IoPriority::Realtime(level) => (IoClass::RealTime, level),
    };
    priority::IoPriority::new(class, level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::program::{Account, Identity};

    #[test]
    fn an_identity_is_taken_on_only_where_it_differs_or_can_be_shed() {
        let ours = Host { uid: 1000, gid: 1000, nice: 0 };
        let root = Host { uid: 0, gid: 0, nice: 0 };
        let account = Account { gid: 1000, groups: vec![4, 1000], ..Account::default() };
        let identity = Identity { given: "me".to_string(), id: 1000 };
        let user = User { identity, account: Some(account) };
        let named = ProcessSettings { user: Some(user), ..ProcessSettings::default() };
        assert_eq!(credentials(&ProcessSettings::default(), root), None);
        assert_eq!(credentials(&named, ours), None);
        let taken = Credentials { uid: 1000, gid: 1000, groups: vec![4, 1000] };
        assert_eq!(credentials(&named, root), Some(taken.clone()));
        let in_groups = |groups| ProcessSettings { groups: Some(groups), ..named.clone() };
        let group = Identity { given: "7".to_string(), id: 7 };
        let taken = |groups| Some(Credentials { groups, ..taken.clone() });
        assert_eq!(credentials(&in_groups(vec![group]), root), taken(vec![7]));
        assert_eq!(credentials(&in_groups(Vec::new()), ours), taken(Vec::new()));
    }

    fn launch() -> Launch {
        Launch {
            environment: [c"PATH=/bin", c"LANG=C", c"HOME=/root"].map(CString::from).to_vec(),
            open_files: LimitValues { soft: 10, hard: 20 },
            null: Null::open().unwrap(),
            executable: None,
            stdout: std::io::stdout(),
            rpc: String::new(),
            oom_score_adj: None,
        }
    }

    #[test]
    fn limits_that_are_set_replace_the_original_ones() {
        let mut settings = ProcessSettings::default();
        let original = (Limit::OpenFiles, LimitValues { soft: 10, hard: 20 });
        assert_eq!(launch().limits_of(&settings), [original]);
        let set = |name| settings::LimitSetting { name, soft: 1, hard: 2 };
        settings.limits = vec![set("core")];
        let core = (Limit::Core, LimitValues { soft: 1, hard: 2 });
        assert_eq!(launch().limits_of(&settings), [original, core]);
        settings.limits = vec![set("core"), set("nofile")];
        let files = (Limit::OpenFiles, LimitValues { soft: 1, hard: 2 });
        assert_eq!(launch().limits_of(&settings), [core, files]);
    }
}
