//! The end of a machine, when its programs have stopped: what is left is killed, what is written is written out, and
//! then the kernel is told.

use super::cannot;
use super::table::{self, Mounted};
use super::{Domain, Machine};
use crate::core::signal_meaning::After;
use crate::sys::note::note;
use crate::sys::{clock, inbox, machine};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::sync;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long what runs beside programs, above all what writes their logs, may take to end by itself.
const BY_ITSELF: Duration = Duration::from_secs(1);
/// How long those who are told to end may take.
const TOLD: Duration = Duration::from_secs(5);
/// How long what was killed may take to be gone. Only a process that is stuck in the kernel takes longer.
const KILLED: Duration = Duration::from_secs(2);
/// How often it is looked whether everything is gone, if no signal says so.
const LOOK: Duration = Duration::from_millis(20);

/// File systems that are not on a disk, and that we need to the end or that are of no use to unmount.
const WITHOUT_A_DISK: [&str; 13] = [
    "proc",
    "sysfs",
    "devtmpfs",
    "devpts",
    "tmpfs",
    "ramfs",
    "rootfs",
    "cgroup2",
    "cgroup",
    "securityfs",
    "debugfs",
    "tracefs",
    "mqueue",
];

impl Machine {
    /// Ends it. Returns in a container where the kernel does not let us end it otherwise than by an exit.
    pub fn end(&self, after: After) {
        let mode = match (self.domain, after) {
            (Domain::Machine, After::Exit | After::PowerOff) => RebootMode::RB_POWER_OFF,
            (Domain::Machine | Domain::Container, After::Reboot) => RebootMode::RB_AUTOBOOT,
            (Domain::Machine | Domain::Container, After::Halt) => RebootMode::RB_HALT_SYSTEM,
            (Domain::Container, After::PowerOff) => RebootMode::RB_POWER_OFF,
            (Domain::Container, After::Exit) => return,
        };
        if self.domain == Domain::Container {
            // Its processes end with it, its mounts with the last of them, and all else is its host's.
            let Err(errno) = reboot(mode);
            note(&cannot(&format!("{} this container, which ends all the same", verb(mode)), errno));
            return;
        }
        end_all_processes();
        put_away_disks();
        note(&format!("everything has ended; {}", verb(mode)));
        loop {
            let Err(errno) = reboot(mode);
            note(&cannot(&format!("{} this machine", verb(mode)), errno));
            // Never an exit, which would be a panic of the kernel; whoever is there can try it another way.
            while !matches!(inbox::next(None), Ok(Some(received)) if received.signal != libc::SIGCHLD) {}
        }
    }
}

fn verb(mode: RebootMode) -> &'static str {
    match mode {
        RebootMode::RB_AUTOBOOT => "reboot",
        RebootMode::RB_HALT_SYSTEM => "halt",
        _ => "power off",
    }
}

/// After this, no process of a program is left but what the kernel itself cannot end.
fn end_all_processes() {
    if !are_gone_within(BY_ITSELF) {
        kill_all_processes();
    }
}

/// The same, of processes that were not told to end yet: they are, and have some time for it.
pub fn tell_all_processes() {
    match machine::signal_everyone(libc::SIGTERM) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => note(&cannot("tell what is left to end", errno)),
    }
    if !are_gone_within(TOLD) {
        kill_all_processes();
    }
}

fn kill_all_processes() {
    match machine::signal_everyone(libc::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => note(&cannot("kill what is left", errno)),
    }
    if !are_gone_within(KILLED) {
        note("some processes cannot be killed; they are left as they are");
    }
}

fn are_gone_within(time: Duration) -> bool {
    let until = clock::monotonic().saturating_add(time);
    loop {
        // Every process of a machine is our child, or one day will be.
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return true,
            Ok(WaitStatus::StillAlive) => {}
            // One is reaped. (An error is a signal that ended it and has no name.)
            Ok(_) | Err(_) => continue,
        }
        if clock::monotonic() >= until {
            return false;
        }
        // Whichever comes first; what it asks for is done already.
        let _ = inbox::next(Some(LOOK));
    }
}

/// Leaves nothing unwritten and, as far as it can be, no file system that has to be checked.
fn put_away_disks() {
    sync();
    for swap in table::swaps(&fs::read("/proc/swaps").unwrap_or_default()) {
        if let Err(errno) = machine::swap_off(&swap) {
            note(&cannot(&format!("stop swapping to {}", swap.display()), errno));
        }
    }
    unmount_all();
    sync();
}

fn unmount_all() {
    // What one pass has unmounted may have kept another busy.
    while unmount_some() {}
    for left in on_disks().iter().rev() {
        if let Err(errno) = make_read_only(&left.path) {
            let what = format!("unmount {0}, nor make it read-only", left.path.display());
            note(&cannot(&what, errno));
        }
    }
}

/// Whether there was anything to unmount.
fn unmount_some() -> bool {
    let inner = |mount: &Mounted| mount.path != Path::new("/");
    let unmounted = on_disks()
        .iter()
        .rev()
        .filter(|mount| inner(mount))
        .filter(|mount| umount2(&mount.path, MntFlags::UMOUNT_NOFOLLOW).is_ok())
        .count();
    unmounted > 0
}

fn on_disks() -> Vec<Mounted> {
    let mut mounted = table::mounted(&fs::read("/proc/self/mountinfo").unwrap_or_default());
    mounted.retain(|mount| !WITHOUT_A_DISK.contains(&mount.kind.as_str()));
    mounted
}

fn make_read_only(path: &Path) -> Result<(), Errno> {
    const NOTHING: Option<&str> = None;
    mount(NOTHING, path, NOTHING, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, NOTHING)
}
