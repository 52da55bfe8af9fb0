//! Nice values and I/O priorities. The functions that set are async-signal-safe: they run between fork and exec, where
//! the process has one thread and "this thread" means the whole of it.

use std::fmt;

use libc::c_long;
use nix::errno::Errno;

use super::raw::call;

// From linux/ioprio.h; the C libraries have neither the names nor the call.
const IOPRIO_WHO_PROCESS: c_long = 1;
const IOPRIO_CLASS_SHIFT: u32 = 13;
/// `libc::PRIO_PROCESS`, of a type that is the same with every C library.
const PRIO_PROCESS: c_long = 0;
/// The calling thread, for both families of calls.
const SELF: c_long = 0;

/// The scheduling classes of ioprio_set(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IoClass {
    /// None asked for: follows the nice value.
    None,
    /// First access to the disk; needs `CAP_SYS_ADMIN` or `CAP_SYS_NICE`.
    RealTime,
    /// The usual class.
    BestEffort,
    /// Only when nobody else wants the disk. Has no levels.
    Idle,
}

impl IoClass {
    /// The name used in settings and replies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::RealTime => "realtime",
            Self::BestEffort => "best-effort",
            Self::Idle => "idle",
        }
    }

    const fn number(self) -> c_long {
        match self {
            Self::None => 0,
            Self::RealTime => 1,
            Self::BestEffort => 2,
            Self::Idle => 3,
        }
    }
}

/// An I/O priority: a class, and a level within it from 0 (first) to 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IoPriority {
    class: IoClass,
    level: u8,
}

impl IoPriority {
    /// The priority of this class and level. `None` when the level is above 7, or not 0 in a class without levels.
    #[must_use]
    pub const fn new(class: IoClass, level: u8) -> Option<Self> {
        let highest = match class {
            IoClass::RealTime | IoClass::BestEffort => 7,
            IoClass::None | IoClass::Idle => 0,
        };
        if level <= highest { Some(Self { class, level }) } else { None }
    }

    /// The class.
    #[must_use]
    pub const fn class(self) -> IoClass {
        self.class
    }

    /// The level, 0 to 7.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.level
    }

    fn mask(self) -> c_long {
        (self.class.number() << IOPRIO_CLASS_SHIFT) | c_long::from(self.level)
    }
}

impl fmt::Display for IoPriority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class {
            IoClass::None | IoClass::Idle => formatter.write_str(self.class.name()),
            IoClass::RealTime | IoClass::BestEffort => {
                write!(formatter, "{}/{}", self.class.name(), self.level)
            }
        }
    }
}

/// Sets the I/O priority of the calling thread.
///
/// # Errors
/// `EPERM` without the privilege for `realtime`; `ENOSYS` on a kernel built without block devices.
pub fn set_io_priority(priority: IoPriority) -> Result<(), Errno> {
    // SAFETY: three integers, no memory involved.
    unsafe { call!(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, SELF, priority.mask()) }.map(drop)
}

/// Sets the nice value of the calling thread, -20 (first) to 19; values outside are cut to it by the kernel.
///
/// # Errors
/// `EACCES` when it would be lowered without the privilege (or `RLIMIT_NICE`).
pub fn set_nice(nice: i32) -> Result<(), Errno> {
    // The system call rather than the function: the type of its first argument differs between C libraries.
    // SAFETY: three integers, no memory involved.
    unsafe { call!(libc::SYS_setpriority, PRIO_PROCESS, SELF, nice) }.map(drop)
}

/// The nice value of the calling thread, -20 to 19.
///
/// # Errors
/// None is known with these arguments, save a refusal by a system call filter.
pub fn nice() -> Result<i32, Errno> {
    // SAFETY: two integers, no memory involved.
    let result = unsafe { libc::syscall(libc::SYS_getpriority, PRIO_PROCESS, SELF) };
    // The system call answers 20 - nice (1 to 40), so that no answer looks like an error: getpriority(2), NOTES.
    let answer = Errno::result(result)?;
    Ok(20 - i32::try_from(answer).unwrap_or(20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_bounded_by_the_class() {
        assert!(IoPriority::new(IoClass::BestEffort, 7).is_some());
        assert!(IoPriority::new(IoClass::BestEffort, 8).is_none());
        assert!(IoPriority::new(IoClass::Idle, 1).is_none());
        assert_eq!(IoPriority::new(IoClass::RealTime, 4).unwrap().mask(), (1 << 13) | 4);
    }

    #[test]
    fn written_as_in_the_configuration() {
        assert_eq!(IoPriority::new(IoClass::BestEffort, 4).unwrap().to_string(), "best-effort/4");
        assert_eq!(IoPriority::new(IoClass::Idle, 0).unwrap().to_string(), "idle");
    }

    #[test]
    fn our_nice_value_is_that_of_proc() {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        // Field 19 of proc_pid_stat(5); the name in field 2 may hold spaces, so count after its parenthesis.
        let field = stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap();
        assert_eq!(nice().unwrap(), field.parse::<i32>().unwrap());
    }
}
