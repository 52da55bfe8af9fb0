//! The resource limits of setrlimit(2), always 64 bits wide whatever the machine's `rlim_t` is: prlimit(2) is called
//! directly, as its structure is the same on every architecture.

use std::fmt;
use std::ptr;

use libc::c_long;
use nix::errno::Errno;

use super::raw::call;

/// The value of a limit that is none (`RLIM64_INFINITY`).
pub const UNLIMITED: u64 = u64::MAX;

macro_rules! limits {
    ($($(#[$doc:meta])* $variant:ident $name:literal $resource:ident,)*) => {
        /// A resource that can be limited. Documented in getrlimit(2).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Limit {
            $($(#[$doc])* $variant,)*
        }

        impl Limit {
            /// Every limit there is, in the order of their names.
            pub const ALL: &[Limit] = &[$(Limit::$variant,)*];

            /// The name in lower case, without `RLIMIT_`: `nofile`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Limit::$variant => $name,)* }
            }

            /// The name as a setting: `limits.nofile`.
            #[must_use]
            pub const fn setting(self) -> &'static str {
                match self { $(Limit::$variant => concat!("limits.", $name),)* }
            }

            /// The kernel's number, which depends on the architecture.
            const fn resource(self) -> c_long {
                match self { $(Limit::$variant => libc::$resource as c_long,)* }
            }
        }
    };
}

limits! {
    /// Address space, in bytes.
    AddressSpace "as" RLIMIT_AS,
    /// Size of a core file, in bytes.
    Core "core" RLIMIT_CORE,
    /// CPU time, in seconds.
    Cpu "cpu" RLIMIT_CPU,
    /// Data segment, in bytes.
    Data "data" RLIMIT_DATA,
    /// Size of a file that is written, in bytes.
    FileSize "fsize" RLIMIT_FSIZE,
    /// Number of file locks (not enforced by today's kernels).
    Locks "locks" RLIMIT_LOCKS,
    /// Memory locked into RAM, in bytes.
    LockedMemory "memlock" RLIMIT_MEMLOCK,
    /// POSIX message queues, in bytes.
    MessageQueues "msgqueue" RLIMIT_MSGQUEUE,
    /// Ceiling of the nice value, as 20 minus nice.
    Nice "nice" RLIMIT_NICE,
    /// One more than the highest descriptor that can be opened.
    OpenFiles "nofile" RLIMIT_NOFILE,
    /// Processes and threads of the real user.
    Processes "nproc" RLIMIT_NPROC,
    /// Resident set, in bytes (not enforced by today's kernels).
    ResidentSet "rss" RLIMIT_RSS,
    /// Ceiling of the real-time priority.
    RealTimePriority "rtprio" RLIMIT_RTPRIO,
    /// CPU time under a real-time policy without a blocking call, in microseconds.
    RealTimeCpu "rttime" RLIMIT_RTTIME,
    /// Signals queued for the real user.
    PendingSignals "sigpending" RLIMIT_SIGPENDING,
    /// Stack of the first thread, in bytes.
    Stack "stack" RLIMIT_STACK,
}

impl Limit {
    /// The limit of this name (lower case, without `RLIMIT_`).
    #[must_use]
    pub fn named(name: &str) -> Option<Limit> {
        Self::ALL.iter().copied().find(|limit| limit.name() == name)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a limit is set to. [`UNLIMITED`] stands for none.
// The layout is the kernel's `struct rlimit64`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitValues {
    /// What is enforced.
    pub soft: u64,
    /// What the soft value can be raised to.
    pub hard: u64,
}

/// The present values of one of our own limits.
///
/// # Errors
/// What prlimit(2) says; with valid arguments only a refusal by a system call filter is known.
pub fn get(limit: Limit) -> Result<LimitValues, Errno> {
    let mut values = LimitValues { soft: 0, hard: 0 };
    prlimit(limit, ptr::null(), &raw mut values)?;
    Ok(values)
}

/// Sets one of our own limits. Async-signal-safe: also used between fork and exec.
///
/// # Errors
/// `EPERM` when the hard value would be raised without the privilege, or `nofile` beyond `fs.nr_open`; `EINVAL` when
/// soft is above hard.
pub fn set(limit: Limit, values: LimitValues) -> Result<(), Errno> {
    prlimit(limit, &raw const values, ptr::null_mut())
}

/// Raises our limit of open files to the hard value, and returns what it was, so that children can be given it back.
///
/// # Errors
/// `EPERM` when the hard value is above `fs.nr_open`, which somebody lowered; the limit is then as it was.
pub fn raise_open_files() -> Result<LimitValues, Errno> {
    let original = get(Limit::OpenFiles)?;
    if original.soft < original.hard {
        set(Limit::OpenFiles, LimitValues { soft: original.hard, hard: original.hard })?;
    }
    Ok(original)
}

fn prlimit(limit: Limit, new: *const LimitValues, old: *mut LimitValues) -> Result<(), Errno> {
    const OURSELVES: c_long = 0;
    // SAFETY: both pointers are null or point to a live `LimitValues`, which has the layout of `struct rlimit64`
    // (two u64), the structure that prlimit64 reads and writes on every architecture.
    unsafe { call!(libc::SYS_prlimit64, OURSELVES, limit.resource(), new, old) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_sixteen_with_distinct_names_and_numbers() {
        assert_eq!(Limit::ALL.len(), 16);
        for (index, limit) in Limit::ALL.iter().enumerate() {
            assert_eq!(Limit::named(limit.name()), Some(*limit));
            assert_eq!(limit.setting(), format!("limits.{limit}"));
            for other in &Limit::ALL[index + 1..] {
                assert_ne!(limit.resource(), other.resource());
            }
        }
        assert_eq!(Limit::named("NOFILE"), None);
    }

    #[test]
    fn values_agree_with_the_c_library() {
        let (soft, hard) =
            nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(get(Limit::OpenFiles).unwrap(), LimitValues { soft, hard });
    }

    #[test]
    fn a_soft_value_above_the_hard_one_is_refused() {
        let refused = set(Limit::Core, LimitValues { soft: 2, hard: 1 });
        assert_eq!(refused, Err(Errno::EINVAL));
    }
}
