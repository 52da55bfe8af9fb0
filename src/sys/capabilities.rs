//! Capabilities (capabilities(7)): their names, and how a new process is left with some of them and no others.
//!
//! A set is a `u64` in which bit N stands for capability number N. The functions that change the calling thread are
//! async-signal-safe: they run between fork and exec. The system calls are made directly, as the C library has no
//! functions for them.

use libc::{c_int, c_ulong};
use nix::errno::Errno;

use super::raw::call;

/// All names that are known, in lower case and without `cap_`, in the order of their numbers (linux/capability.h).
pub const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// `CAP_SETUID`: without it, an ordinary user cannot become another.
pub(super) const SETUID: u64 = 1 << 7;

/// The most capabilities that a set has room for.
const MOST: u32 = 64;

/// The set of one capability by its name, with or without `CAP_`, in any case. `None` if no such name is known.
#[must_use]
pub fn named(name: &str) -> Option<u64> {
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_prefix("cap_").unwrap_or(&lower);
    let number = NAMES.iter().position(|known| *known == bare)?;
    u32::try_from(number).ok().map(|number| 1 << number)
}

/// The names of a set, in the order of their numbers.
pub fn names(set: u64) -> impl Iterator<Item = &'static str> {
    (0..MOST).zip(NAMES).filter(move |(number, _)| set & (1 << number) != 0).map(|(_, name)| name)
}

/// The capabilities that this kernel has.
#[must_use]
pub fn of_kernel() -> u64 {
    (0..MOST).take_while(|number| in_bounding_set(*number).is_ok()).fold(0, |set, number| set | (1 << number))
}

/// Our own permitted set: what a child can be left with at most.
///
/// # Errors
/// None is known, save a refusal by a system call filter.
pub fn own_permitted() -> Result<u64, Errno> {
    let mut sets = [Sets::default(); 2];
    // SAFETY: the header says that two structures follow, and two are there to be filled.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, &raw const HEADER, sets.as_mut_ptr()) })?;
    let [low, high] = sets;
    Ok(u64::from(low.permitted) | (u64::from(high.permitted) << u32::BITS))
}

/// `struct __user_cap_header_struct`: the version with 64-bit sets, for the calling thread.
#[repr(C)]
struct Header {
    version: u32,
    thread: c_int,
}

static HEADER: Header = Header { version: 0x2008_0522, thread: 0 };

/// `struct __user_cap_data_struct`: half of each set.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Takes everything else out of the bounding set, so that no file can give it to the program.
pub(super) fn cut_bounding_set(kept: u64) -> Result<(), Errno> {
    for number in 0..MOST {
        match in_bounding_set(number) {
            // What is out already needs no privilege to be left out.
            Ok(true) if kept & (1 << number) == 0 => {
                control(libc::PR_CAPBSET_DROP, number.into(), 0)?;
            }
            Ok(_) => {}
            // Beyond the last one.
            Err(_) => break,
        }
    }
    Ok(())
}

/// Whether a capability is in the bounding set; `EINVAL` for a number that the kernel does not have.
fn in_bounding_set(number: u32) -> Result<bool, Errno> {
    control(libc::PR_CAPBSET_READ, number.into(), 0).map(|answer| answer != 0)
}

/// Keeps the permitted set while the user changes from root to another; the exec undoes this.
pub(super) fn keep_over_user_change() -> Result<(), Errno> {
    control(libc::PR_SET_KEEPCAPS, 1, 0).map(drop)
}

/// Leaves the thread with these and no others, which also clears the ambient set of others.
pub(super) fn reduce_to(kept: u64, inheritable: u64) -> Result<(), Errno> {
    let halves = |set: u64| {
        let [a, b, c, d, e, f, g, h] = set.to_le_bytes();
        [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
    };
    let ([low, high], [low_inheritable, high_inheritable]) = (halves(kept), halves(inheritable));
    let sets = [
        Sets { effective: low, permitted: low, inheritable: low_inheritable },
        Sets { effective: high, permitted: high, inheritable: high_inheritable },
    ];
    // SAFETY: the header says that two structures follow, and two are there; both are only read.
    unsafe { call!(libc::SYS_capset, &raw const HEADER, sets.as_ptr()) }.map(drop)
}

/// Makes these ambient, so that a user other than root keeps them over the exec. They have to be permitted and
/// inheritable.
pub(super) fn make_ambient(set: u64) -> Result<(), Errno> {
    for number in (0..MOST).filter(|number| set & (1 << number) != 0) {
        let raise = c_ulong::try_from(libc::PR_CAP_AMBIENT_RAISE).map_err(|_| Errno::EINVAL)?;
        control(libc::PR_CAP_AMBIENT, raise, number.into())?;
    }
    Ok(())
}

/// prctl(2) with two arguments; the others have to be zero.
fn control(option: c_int, second: c_ulong, third: c_ulong) -> Result<usize, Errno> {
    // SAFETY: only numbers, for options that take nothing else.
    unsafe { call!(libc::SYS_prctl, option, second, third) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_proc(line: &str) -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let set = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':')).unwrap();
        u64::from_str_radix(set.trim(), 16).unwrap()
    }

    #[test]
    fn names_lead_to_sets_and_back() {
        assert_eq!(named("chown"), Some(1));
        assert_eq!(named("CAP_NET_BIND_SERVICE"), Some(1 << 10));
        assert_eq!(named("Cap_Checkpoint_Restore"), Some(1 << 40));
        assert_eq!(named("setuid"), Some(SETUID));
        assert_eq!((named("cap_cap_kill"), named("")), (None, None));
        for name in NAMES {
            assert_eq!(names(named(name).unwrap()).collect::<Vec<_>>(), [name]);
        }
        assert_eq!(names(0b11).collect::<Vec<_>>(), ["chown", "dac_override"]);
        assert_eq!(names(1 << 63).count(), 0);
    }

    #[test]
    fn ours_are_those_of_proc() {
        assert_eq!(own_permitted().unwrap(), of_proc("CapPrm"));
    }

    #[test]
    fn the_kernel_has_as_many_as_it_says() {
        let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap();
        let last: u32 = last.trim().parse().unwrap();
        assert_eq!(of_kernel().count_ones(), last + 1);
    }
}
