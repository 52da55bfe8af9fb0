//! Which processors a process runs on, and when it gets one. The functions that set are async-signal-safe: they run
//! between fork and exec, where the process has one thread and "this thread" means the whole of it.

use std::fs;

use libc::{c_int, c_long, c_ulong};
use nix::errno::Errno;
use nix::unistd::{SysconfVar, sysconf};

use super::raw::call;

/// The calling thread.
const SELF: c_long = 0;

/// A scheduling policy of sched(7), with its priority where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SchedulingPolicy {
    policy: c_int,
    priority: c_int,
}

impl SchedulingPolicy {
    /// The ordinary one: a fair share, weighted by niceness.
    pub const OTHER: Self = Self { policy: libc::SCHED_OTHER, priority: 0 };
    /// A fair share of somebody who is in no hurry.
    pub const BATCH: Self = Self { policy: libc::SCHED_BATCH, priority: 0 };
    /// Only when nobody else wants the processor.
    pub const IDLE: Self = Self { policy: libc::SCHED_IDLE, priority: 0 };

    /// Real time, first in first out. Priorities are 1 to 99; the kernel refuses others.
    #[must_use]
    pub const fn fifo(priority: u8) -> Self {
        Self { policy: libc::SCHED_FIFO, priority: priority as c_int }
    }

    /// Real time, in turns. Priorities are 1 to 99; the kernel refuses others.
    #[must_use]
    pub const fn round_robin(priority: u8) -> Self {
        Self { policy: libc::SCHED_RR, priority: priority as c_int }
    }
}

/// Sets the scheduling policy of the calling thread.
///
/// # Errors
/// `EPERM` for real time without `CAP_SYS_NICE` or an `rtprio` limit that allows it, and for leaving `idle` without
/// either; `EINVAL` for a priority out of range.
pub fn set_policy(policy: SchedulingPolicy) -> Result<(), Errno> {
    // The kernel's `struct sched_param` is this one number. The system call rather than the function: that of musl
    // answers `ENOSYS`.
    let parameter = policy.priority;
    // SAFETY: two numbers, and a pointer to the structure, which is only read.
    unsafe { call!(libc::SYS_sched_setscheduler, SELF, policy.policy, &raw const parameter) }.map(drop)
}

/// A set of processors as sched_setaffinity(2) takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuMask(Vec<c_ulong>);

impl CpuMask {
    /// The set of these numbers.
    #[must_use]
    pub fn new(numbers: impl IntoIterator<Item = u32>) -> Self {
        let mut words = Vec::new();
        for number in numbers {
            let (word, bit) = (number / c_ulong::BITS, number % c_ulong::BITS);
            let Ok(word) = usize::try_from(word) else { continue };
            if words.len() <= word {
                words.resize(word + 1, 0);
            }
            if let Some(word) = words.get_mut(word) {
                *word |= 1 << bit;
            }
        }
        Self(words)
    }
}

/// Binds the calling thread to processors. Of those that are offline, or not allowed by the cpuset it is in, the
/// kernel takes no notice as long as one is left.
///
/// # Errors
/// `EINVAL` when none is left.
pub fn set_affinity(mask: &CpuMask) -> Result<(), Errno> {
    let bytes = size_of_val(mask.0.as_slice());
    // SAFETY: a pointer to that many bytes, which are only read.
    unsafe { call!(libc::SYS_sched_setaffinity, SELF, bytes, mask.0.as_ptr()) }.map(drop)
}

/// The processors of this machine as the kernel lists them (`0-3,6`), offline ones among them; without sysfs, as many
/// as the C library counts. `None` when neither knows.
#[must_use]
pub fn present_cpus() -> Option<String> {
    // Documentation/admin-guide/cputopology.rst
    if let Ok(list) = fs::read_to_string("/sys/devices/system/cpu/present") {
        return Some(list.trim_end().to_owned());
    }
    let count = sysconf(SysconfVar::_NPROCESSORS_CONF).ok()??;
    Some(format!("0-{}", count.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::super::test_support::in_child;
    use super::super::wait::Ending;
    use super::*;

    #[test]
    fn masks_have_a_bit_for_each_number() {
        assert_eq!(CpuMask::new([]).0, []);
        assert_eq!(CpuMask::new([0, 2]).0, [0b101]);
        let far = CpuMask::new([c_ulong::BITS, 1]);
        assert_eq!(far.0, [0b10, 0b1]);
    }

    #[test]
    fn a_policy_and_processors_are_taken_on() {
        let first = CpuMask::new([0]);
        let ended = in_child(|| {
            if set_policy(SchedulingPolicy::BATCH).is_err() || set_affinity(&first).is_err() {
                return 1;
            }
            let mut set: c_ulong = 0;
            // SAFETY: numbers, and a pointer to as many bytes as are told.
            let (policy, bytes) = unsafe {
                let policy = libc::syscall(libc::SYS_sched_getscheduler, SELF);
                (policy, libc::syscall(libc::SYS_sched_getaffinity, SELF, size_of::<c_ulong>(), &raw mut set))
            };
            i32::from(!(policy == c_long::from(libc::SCHED_BATCH) && bytes > 0 && set == 1))
        });
        assert_eq!(ended, Ending::Exited(0));
    }

    #[test]
    fn what_the_kernel_does_not_have_it_refuses() {
        assert_eq!(set_affinity(&CpuMask::new([])), Err(Errno::EINVAL));
        assert_eq!(
            set_policy(SchedulingPolicy { policy: libc::SCHED_OTHER, priority: 1 }),
            Err(Errno::EINVAL)
        );
    }

    #[test]
    fn the_first_processor_is_present() {
        assert!(present_cpus().unwrap().starts_with('0'));
    }
}
