//! A program: its settings, typed and checked, and its instances.

use super::health::HealthPolicy;
use super::hook::{Hook, ProgramHooks};
use super::ids::{InstanceIndex, ProgramId};
use super::instance::Instance;
use super::log::{LogSettings, OutputSource};
use super::requirements::Needs;
use super::settings::{
    Capabilities, CgroupEntry, Cpus, EnvFile, InheritEnv, LimitSetting, NewPrivileges, Readiness, Scheduler,
    StandardInput,
};
use super::sockets::SocketSetting;
use super::state::{AdminState, HealthyWhen, Sequel, State};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// When a program is started again after it ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Whatever its exit was.
    Always,
    /// After a failure.
    OnFailure,
    /// Never.
    Never,
}

/// What a stop signal goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopScope {
    /// The process group of the instance.
    Group,
    /// Its main process alone.
    Process,
}

/// Whether what is left of a process group is killed when its main process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// Killed before the next start.
    Kill,
    /// Left alone.
    Leave,
}

/// Whether a program is wanted up as soon as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Autostart {
    /// Its admin state is `up` from the start.
    Up,
    /// Its admin state is `down` until somebody asks.
    Down,
}

/// Where an output stream of a program goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// To its log, by way of the logger.
    #[default]
    Log,
    /// To where the supervisor's own goes.
    Inherit,
    /// Nowhere.
    Null,
    /// To where standard output goes; for standard error alone.
    Stdout,
    /// To this file, before substitution, by way of the logger.
    Path(String),
}

/// A class of I/O priority, and the level within it; see ioprio_set(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoPriority {
    /// Only when nobody else wants the disk.
    Idle,
    /// The ordinary class; 0 is the most urgent level, 7 the least.
    BestEffort(u8),
    /// Before everybody else; 0 is the most urgent level, 7 the least.
    Realtime(u8),
}

/// A user or a group as it was given and as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name or number as it was given.
    pub given: String,
    /// The number it stands for.
    pub id: u32,
}

/// A user: what a process that runs as that user takes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name or number as it was given, and its number.
    pub identity: Identity,
    /// What is known of the user beside the number; nothing for a number without an account.
    pub account: Option<Account>,
}

/// What the user database says of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// Login group.
    pub gid: u32,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
    /// All groups of the user, the login group among them.
    pub groups: Vec<u32>,
}

/// The part of the settings that decides what follows an exit. Takes effect at once when it is changed.
#[derive(Clone, Debug, PartialEq)]
pub struct RestartPolicy {
    /// `restart`.
    pub restart: Restart,
    /// `restart_delay`.
    pub restart_delay: Duration,
    /// `minimum_run_duration`.
    pub minimum_run_duration: Duration,
    /// `start_timeout`; zero is none.
    pub start_timeout: Duration,
    /// `flap_max`.
    pub flap_max: u32,
    /// `backoff_min`.
    pub backoff_min: Duration,
    /// `backoff_max`.
    pub backoff_max: Duration,
    /// `give_up_after`; 0 is never.
    pub give_up_after: u32,
    /// `success_exit_codes`.
    pub success_exit_codes: Vec<i32>,
}

/// The part of the settings that decides how an instance is stopped. Takes effect at once when it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopPolicy {
    /// `stop_signal`, by its number.
    pub signal: i32,
    /// `stop_command` and its arguments, before substitution; empty if there is none.
    pub command: Vec<String>,
    /// `stop_timeout`.
    pub timeout: Duration,
    /// `stop_scope`.
    pub scope: StopScope,
    /// `kill_leftovers`.
    pub leftovers: Leftovers,
}

/// The part of the settings that is fixed when a process starts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ProcessSettings {
    /// `command`, before substitution.
    pub command: String,
    /// `args`, before substitution.
    pub args: Vec<String>,
    /// `env`, before substitution, in the order given.
    pub env: Vec<(String, String)>,
    /// `env_file`: files in the order given.
    pub env_files: Vec<EnvFile>,
    /// `inherit_env`.
    pub inherit_env: InheritEnv,
    /// `directory`, before substitution.
    pub directory: Option<String>,
    /// `chroot`, before substitution.
    pub chroot: Option<String>,
    /// `umask`; `None` leaves the supervisor's own.
    pub umask: Option<u32>,
    /// `user`.
    pub user: Option<User>,
    /// `group`.
    pub group: Option<Identity>,
    /// `groups`; `None` stands for those of the user.
    pub groups: Option<Vec<Identity>>,
    /// `capabilities`; `None` is no change.
    pub capabilities: Option<Capabilities>,
    /// `no_new_privileges`.
    pub new_privileges: NewPrivileges,
    /// `nice`; `None` leaves the supervisor's own.
    pub nice: Option<i32>,
    /// `ionice`; `None` leaves the supervisor's own.
    pub ionice: Option<IoPriority>,
    /// `scheduler`; `None` leaves the supervisor's own.
    pub scheduler: Option<Scheduler>,
    /// `cpus`; `None` leaves the supervisor's own.
    pub cpus: Option<Cpus>,
    /// `oom_score_adj`; `None` leaves the supervisor's own.
    pub oom_score_adj: Option<i32>,
    /// `limits`, in the order given; what is not named stays as the supervisor found it.
    pub limits: Vec<LimitSetting>,
    /// `cgroup`; `None` leaves a process in the supervisor's own.
    pub cgroup: Option<Vec<CgroupEntry>>,
    /// `tty`, before substitution.
    pub tty: Option<String>,
    /// `stdin`.
    pub stdin: StandardInput,
    /// `stdout`.
    pub stdout: Output,
    /// `stderr`.
    pub stderr: Output,
    /// `readiness`.
    pub readiness: Readiness,
    /// `watchdog`; zero is none.
    pub watchdog: Duration,
    /// `sockets`, before substitution, in the order given.
    pub sockets: Vec<SocketSetting>,
}

/// All settings of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What is fixed when a process starts.
    pub process: ProcessSettings,
    /// `instances`: how many slots are wanted.
    pub instances: u32,
    /// `autostart`.
    pub autostart: Autostart,
    /// `description`.
    pub description: String,
    /// What follows an exit.
    pub policy: RestartPolicy,
    /// How it is stopped.
    pub stop: StopPolicy,
    /// When it is given up on.
    pub health: HealthPolicy,
    /// What it needs of other programs. Takes effect at once when it is changed.
    pub needs: Needs,
    /// `log`: what becomes of output that is captured. Takes effect at once when it is changed.
    pub log: LogSettings,
    /// `hooks`: what is run when something happens to it.
    pub hooks: Vec<Arc<Hook>>,
}

/// A program and its instances.
#[derive(Debug)]
pub struct Program {
    /// Its id.
    pub id: ProgramId,
    /// Its name.
    pub name: Arc<str>,
    /// Its settings as they are now.
    pub settings: Settings,
    /// Grows by one with each change of [`Settings::process`], so that a run knows whether it is of today.
    pub revision: u32,
    /// Its slots; more than `settings.instances` while surplus ones are stopping.
    pub instances: BTreeMap<InstanceIndex, Instance>,
    /// Whether it goes when its last instance has gone.
    pub fate: Fate,
    /// Who made it known.
    pub origin: Origin,
    /// The addresses of its open sockets, as they were bound, in the order of the setting.
    pub bound: Vec<String>,
    /// The hooks that are for it: its own, and general ones. `None` if there are none.
    pub hooks: Option<Box<ProgramHooks>>,
}

/// Who made a program known. A reload changes what came from files and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A configuration file.
    File,
    /// The command line of the supervisor.
    CommandLine,
    /// A request.
    Request,
}

/// Whether a program stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Stays,
    /// It was removed and is forgotten as soon as its last instance has gone.
    Leaving,
}

/// The most instances that a program may have.
pub const MAX_INSTANCES: u32 = 100_000;

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            restart: Restart::Always,
            restart_delay: Duration::ZERO,
            minimum_run_duration: Duration::from_secs(5),
            start_timeout: Duration::ZERO,
            flap_max: 5,
            backoff_min: Duration::from_millis(500),
            backoff_max: Duration::from_secs(60),
            give_up_after: 0,
            success_exit_codes: vec![0],
        }
    }
}

impl Default for StopPolicy {
    fn default() -> Self {
        /// SIGTERM is 15 on every architecture that Linux runs on; see signal(7).
        const TERM: i32 = 15;
        Self {
            signal: TERM,
            command: Vec::new(),
            timeout: Duration::from_secs(10),
            scope: StopScope::Group,
            leftovers: Leftovers::Kill,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            process: ProcessSettings::default(),
            instances: 1,
            autostart: Autostart::Up,
            description: String::new(),
            policy: RestartPolicy::default(),
            stop: StopPolicy::default(),
            health: HealthPolicy::default(),
            needs: Needs::default(),
            hooks: Vec::new(),
            log: LogSettings::default(),
        }
    }
}

impl ProcessSettings {
    /// `stdout` or `stderr`.
    pub fn output(&self, source: OutputSource) -> &Output {
        match source {
            OutputSource::Stdout => &self.stdout,
            OutputSource::Stderr => &self.stderr,
        }
    }
}

impl Settings {
    /// What makes an instance `running` that starts with these settings.
    pub fn healthy_when(&self) -> HealthyWhen {
        match self.process.readiness {
            Readiness::Delay if self.policy.minimum_run_duration.is_zero() => HealthyWhen::Executed,
            Readiness::Delay => HealthyWhen::Lasted,
            Readiness::Notify | Readiness::Descriptor(_) => HealthyWhen::Notified,
        }
    }
}

impl Program {
    /// Whether somebody wants any instance of it up: the `active` of `status`.
    pub fn is_active(&self) -> bool {
        self.instances.values().any(|instance| match instance.admin {
            AdminState::Up | AdminState::Once => true,
            AdminState::Down => false,
        })
    }

    /// Whether an instance that it gets now is wanted up: if others are; where it has none to tell, as `autostart` says.
    pub fn wants_more(&self, autostart: Autostart) -> bool {
        match self.staying().next() {
            None => autostart == Autostart::Up,
            Some(_) => self.is_active(),
        }
    }

    /// The instances that are there to stay: those that were removed or scaled away and still stop are left out.
    pub fn staying(&self) -> impl Iterator<Item = (InstanceIndex, &Instance)> {
        self.instances.iter().filter(|(_, instance)| !instance.is_leaving()).map(|(index, it)| (*index, it))
    }
}

impl Instance {
    /// Whether it is gone as soon as its process has ended.
    pub fn is_leaving(&self) -> bool {
        self.state == State::Stopping(Sequel::Gone)
    }
}

/// Why a string is not a name for a program: a sentence. `None` if it is one.
///
/// 1 to 128 bytes, no `/` (it parts program and instance), no control characters (names reach terminals), none of
/// `*?[` (globs), and neither `-` nor `.` first (options, hidden files).
pub fn name_error(name: &str) -> Option<String> {
    if name.is_empty() || name.len() > 128 {
        return Some(format!("a program's name has 1 to 128 bytes, this one {}", name.len()));
    }
    if let Some(bad) = name.chars().find(|c| c.is_control() || matches!(c, '/' | '*' | '?' | '[')) {
        return Some(format!("a program's name has no {bad:?} in it"));
    }
    name.starts_with(['-', '.']).then(|| "a program's name does not start with '-' or '.'".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["web", "hello world", "größe", "a", &"x".repeat(128), "a-b.c"] {
            assert_eq!(name_error(good), None, "{good}");
        }
        for bad in ["", &"x".repeat(129), "a/b", "a\nb", "a\u{9b}b", "w*", "w?", "w[", "-w", ".w"] {
            assert!(name_error(bad).is_some(), "{bad:?}");
        }
    }
}
