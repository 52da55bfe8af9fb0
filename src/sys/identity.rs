//! Who a new process is and what it may: groups, ids, capabilities, no new privileges. In the child, between fork and
//! exec, and so without allocation, locks or panics.
//!
//! The system calls rather than the functions of the C library, as those also change all other threads, and for that
//! take locks and send signals (nptl(7)).

use libc::{c_long, c_ulong};
use nix::errno::Errno;

use super::capabilities;
use super::plan::{Blueprint, Credentials, NewPrivileges};
use super::raw::call;
use super::step::{Step, StepError};

const ROOT: u32 = 0;

/// The system calls that take 32-bit ids. Old 32-bit architectures have other ones beside, with 16 bits.
#[cfg(any(target_arch = "arm", target_arch = "x86", target_arch = "m68k", target_arch = "sparc"))]
mod ids {
    pub(super) use libc::{
        SYS_geteuid32 as GETEUID, SYS_getresgid32 as GETRESGID, SYS_getresuid32 as GETRESUID,
        SYS_setgroups32 as SETGROUPS, SYS_setresgid32 as SETRESGID, SYS_setresuid32 as SETRESUID,
    };
}
/// The system calls that take 32-bit ids.
#[cfg(not(any(target_arch = "arm", target_arch = "x86", target_arch = "m68k", target_arch = "sparc")))]
mod ids {
    pub(super) use libc::{
        SYS_geteuid as GETEUID, SYS_getresgid as GETRESGID, SYS_getresuid as GETRESUID,
        SYS_setgroups as SETGROUPS, SYS_setresgid as SETRESGID, SYS_setresuid as SETRESUID,
    };
}

/// Takes on the identity, in the order in which each step still has the right to the next, and makes sure of it.
pub(super) fn assume(blueprint: &Blueprint<'_>) -> Result<(), StepError> {
    if let Some(credentials) = &blueprint.credentials {
        join_groups(credentials)?;
    }
    if let Some(kept) = blueprint.capabilities {
        Step::Capabilities.check(capabilities::cut_bounding_set(kept))?;
        if blueprint.credentials.is_some() && kept != 0 {
            Step::Capabilities.check(capabilities::keep_over_user_change())?;
        }
    }
    if let Some(Credentials { uid, .. }) = blueprint.credentials {
        // SAFETY: only numbers.
        Step::Uid.check(unsafe { call!(ids::SETRESUID, uid, uid, uid) })?;
        Step::Uid.check(verify(ids::GETRESUID, uid))?;
    }
    keep(blueprint)?;
    match blueprint.new_privileges {
        NewPrivileges::Allowed => Ok(()),
        NewPrivileges::Refused => Step::NoNewPrivileges.check(refuse_new_privileges()),
    }
}

fn join_groups(credentials: &Credentials) -> Result<(), StepError> {
    let Credentials { gid, groups, .. } = credentials;
    // SAFETY: a pointer to that many group ids, which are 32 bits wide in this system call.
    Step::Groups.check(unsafe { call!(ids::SETGROUPS, groups.len(), groups.as_ptr()) })?;
    // SAFETY: only numbers.
    Step::Gid.check(unsafe { call!(ids::SETRESGID, *gid, *gid, *gid) })?;
    Step::Gid.check(verify(ids::GETRESGID, *gid))
}

/// Leaves the process with the capabilities that it is to have, and makes sure that a user who is not to become root
/// again cannot.
///
/// Only a change from root loses capabilities by itself. Who could change without being root would pass its own on.
fn keep(blueprint: &Blueprint<'_>) -> Result<(), StepError> {
    // SAFETY: no arguments.
    let root = unsafe { call!(ids::GETEUID) } == Ok(ROOT as usize);
    let user_changed = blueprint.credentials.is_some();
    match (blueprint.capabilities, root) {
        // The exec gives root all that is left in the bounding set.
        (Some(kept), true) => Step::Capabilities.check(capabilities::reduce_to(kept, 0))?,
        (Some(kept), false) => {
            Step::Capabilities.check(capabilities::reduce_to(kept, kept))?;
            Step::Capabilities.check(capabilities::make_ambient(kept))?;
        }
        (None, false) if user_changed => Step::Capabilities.check(capabilities::reduce_to(0, 0))?,
        (None, _) => {}
    }
    let may_return = blueprint.capabilities.is_some_and(|kept| kept & capabilities::SETUID != 0);
    if user_changed && !root && !may_return { Step::Uid.check(no_way_back()) } else { Ok(()) }
}

/// Real, effective and saved id are all the one that was asked for.
fn verify(call: c_long, expected: u32) -> Result<(), Errno> {
    let (mut real, mut effective, mut saved) = (!expected, !expected, !expected);
    // SAFETY: three pointers to 32-bit ids, which the call fills.
    unsafe { call!(call, &raw mut real, &raw mut effective, &raw mut saved) }?;
    if [real, effective, saved] == [expected; 3] { Ok(()) } else { Err(Errno::EPERM) }
}

/// A user other than root cannot become root again.
fn no_way_back() -> Result<(), Errno> {
    const UNCHANGED: u32 = u32::MAX;
    // SAFETY: only numbers.
    match unsafe { call!(ids::SETRESUID, UNCHANGED, ROOT, UNCHANGED) } {
        Ok(_) => Err(Errno::EPERM),
        Err(_) => Ok(()),
    }
}

/// From here on no exec gives anything away that the process does not have; see `PR_SET_NO_NEW_PRIVS` in prctl(2).
fn refuse_new_privileges() -> Result<(), Errno> {
    const ON: c_ulong = 1;
    // SAFETY: only numbers.
    unsafe { call!(libc::SYS_prctl, libc::PR_SET_NO_NEW_PRIVS, ON) }.map(drop)
}
