//! The types of settings that say what a process is given: its surroundings, its rights and its bounds.
//!
//! Invariant: a value of these was checked when it was made, see [`crate::config`]. Names that only the system knows
//! (limits, capabilities) are kept as the system's own name or number.

/// Where the standard input of a program comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StandardInput {
    /// From nowhere: it is at its end.
    #[default]
    Null,
    /// From a file, before substitution.
    Path(String),
}

/// How an instance comes to be known as healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// It has lived through `minimum_run_duration`.
    #[default]
    Delay,
    /// It says so in a datagram, as systemd's sd_notify(3) does.
    Notify,
    /// It writes a newline to the descriptor of this number, as s6, nitro and dinit have it.
    Descriptor(i32),
}

/// What a program gets of the supervisor's own environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum InheritEnv {
    /// All of it.
    #[default]
    All,
    /// Nothing.
    Nothing,
    /// The variables of these names.
    Only(Vec<String>),
}

/// A file of environment variables, as it was when it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFile {
    /// Its path.
    pub path: String,
    /// Its variables, in the order of its lines.
    pub variables: Vec<(String, String)>,
}

/// When a process gets a processor; see sched(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    /// The ordinary policy: a fair share, weighted by niceness.
    Other,
    /// A fair share of somebody who is in no hurry.
    Batch,
    /// Only when nobody else wants the processor.
    Idle,
    /// Before all ordinary processes until it waits; 1 is the least urgent priority, 99 the most.
    Fifo(u8),
    /// As `Fifo`, in turns with others of the same priority.
    RoundRobin(u8),
}

/// The processors that a process may run on: their numbers, in order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpus(pub Vec<u32>);

/// A resource limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSetting {
    /// Its name, one of those in [`crate::sys::limits`].
    pub name: &'static str,
    /// What is enforced; `u64::MAX` is no limit.
    pub soft: u64,
    /// What the soft value can be raised to; `u64::MAX` is no limit.
    pub hard: u64,
}

/// A set of capabilities: bit N stands for capability number N, see capabilities(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities(pub u64);

/// Whether a program can gain privileges that it does not begin with, by set-user-id files and the like; see
/// `PR_SET_NO_NEW_PRIVS` in prctl(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewPrivileges {
    /// It can.
    #[default]
    Allowed,
    /// Neither it nor anything that it starts can.
    Refused,
}

/// One line of `cgroup`: a control file, and what is written to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupEntry {
    /// The name of the file, such as `memory.max`.
    pub file: String,
    /// What is written, each with a write of its own, as `io.max` wants it for several devices.
    pub values: Vec<String>,
}
