//! The child, from fork to exec: a straight line of system calls.
//!
//! In here nothing allocates, takes a lock, panics, unwinds or drops: the process is a copy of one thread of a
//! program with several, and whatever the others held stays held for ever (signal-safety(7), fork(2)); or it shares
//! the memory of that program, which goes on meanwhile. So nothing is written to but what the parent has prepared for
//! this one child, and its stack; and as even errno would be the parent's, the kernel is called directly, see
//! [`raw`]. The order of the steps is part of the configuration's contract.

use std::cell::Cell;
use std::convert::Infallible;
use std::ffi::{CStr, c_char};
use std::os::fd::RawFd;

use libc::{c_int, c_uint};
use nix::errno::Errno;

use super::controlling;
use super::fork::encode;
use super::identity;
use super::limits::{self, Limit};
use super::mask::Mask;
use super::own_pid::OwnPidVariable;
use super::plan::{Blueprint, OtherDescriptors, OwnPlan, Place, Stream};
use super::priority;
use super::process::Pid;
use super::raw::{self, call};
use super::scheduling;
use super::signals;
use super::step::{Step, StepError};

/// The first descriptor that is not a standard one.
const FIRST_OTHER: RawFd = 3;
/// Without close_range(2), how many descriptors are closed one by one at most: the usual `fs.nr_open`, so the
/// kernel's own bound on what a process can have open.
const MOST_DESCRIPTORS: u64 = 1 << 20;

/// A plan with all that its child needs, which is there for it alone.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) plan: OwnPlan,
    /// The paths to try; they point into the plan, as the pointers below do, or to where its strings were moved.
    pub(super) candidates: Vec<*const c_char>,
    /// Null-terminated.
    pub(super) arguments: Vec<*const c_char>,
    /// What a file of an unknown format is executed as, null-terminated: a shell, a place for the path, and the
    /// arguments. `None` if it is not.
    pub(super) script: Option<Vec<Cell<*const c_char>>>,
    /// Null-terminated. Behind what the plan has is room for as many variables as there are in `own_pid`.
    pub(super) environment: Vec<*const c_char>,
    /// How many the plan has.
    pub(super) given: usize,
    /// Variables that are to hold our id.
    pub(super) own_pid: Vec<OwnPidVariable>,
    pub(super) own: Own,
    /// Room for as many descriptors as are passed.
    pub(super) room: Vec<RawFd>,
}

/// The descriptors that the child itself uses: close-on-exec, and above all that are passed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    /// The writing end of the status pipe.
    pub(super) report: RawFd,
    /// What is executed, if it is not looked for; above the other.
    pub(super) executable: Option<RawFd>,
}

/// Becomes the program, or reports what failed and ends.
pub(super) fn run(image: &mut Image) -> ! {
    let failed = match prepare(image).and_then(|()| execute(image)) {
        Ok(never) => match never {},
        Err(failed) => failed,
    };
    let record = encode(failed.step, failed.errno as i32);
    let code = match failed {
        StepError { step: Step::Exec, errno: Errno::ENOENT | Errno::ENOTDIR | Errno::ENAMETOOLONG } => 127,
        _ => 126,
    };
    // The pipe is empty, so that a record fits; if the parent is gone, nobody is there who could be told.
    let _ = raw::write(image.own.report, &record);
    end(code)
}

/// Ends the process, and runs nothing of ours for it (_exit(2)).
fn end(code: c_int) -> ! {
    loop {
        // SAFETY: only a number.
        let _ = unsafe { call!(libc::SYS_exit_group, code) };
    }
}

/// All steps before the exec.
fn prepare(image: &mut Image) -> Result<(), StepError> {
    let plan = &image.plan;
    let blueprint = &plan.blueprint;
    Step::Session.check(join(plan.place))?;
    let tty = match &blueprint.tty {
        Some(path) => Some(Step::Tty.check(controlling::take(path))?),
        None => None,
    };
    for signal in plan.dispositions {
        Step::Signals.check(signals::reset_disposition(*signal))?;
    }
    // No handler of ours can run any more. And who waits for a FIFO to be opened can be told to end.
    Step::Signals.check(Mask::EMPTY.set())?;
    let mut streams = tty.map_or(plan.streams, |tty| [Stream::From(tty); 3]);
    if let (Some(path), [stdin, ..]) = (&blueprint.stdin_path, &mut streams) {
        *stdin = Stream::From(Step::Stdin.check(open(path, libc::O_RDONLY | libc::O_NOCTTY))?);
    }
    Step::Descriptors.check(place(streams))?;
    Step::Descriptors.check(pass(&plan.passed, &mut image.room))?;
    match blueprint.others {
        OtherDescriptors::Closed => Step::Descriptors.check(close_others(&plan.passed, image.own))?,
        OtherDescriptors::Inherited => {}
    }
    // Opened now, as the limits may leave no descriptor to be opened later; and before the root directory changes.
    let oom_score = match plan.oom_score_adjust {
        Some(_) => Some(Step::OomScoreAdjust.check(open(c"/proc/self/oom_score_adj", libc::O_WRONLY))?),
        None => None,
    };
    let cgroup = match &blueprint.cgroup_procs {
        Some(path) => Some(Step::Cgroup.check(open(path, libc::O_WRONLY))?),
        None => None,
    };
    for (limit, values) in &blueprint.limits {
        Step::Limit(*limit).check(limits::set(*limit, *values))?;
    }
    schedule(blueprint)?;
    if let (Some(descriptor), Some(text)) = (oom_score, &plan.oom_score_adjust) {
        Step::OomScoreAdjust.check(write_and_close(descriptor, text.as_bytes()))?;
    }
    if let Some(descriptor) = cgroup {
        // "0" is whoever writes it: Documentation/admin-guide/cgroup-v2.rst, "Processes".
        Step::Cgroup.check(write_and_close(descriptor, b"0"))?;
    }
    go_to(blueprint)?;
    identity::assume(blueprint)?;
    add_own_pid(image);
    Ok(())
}

/// Completes the environment with the variables that hold our id, in place of the nulls at its end.
fn add_own_pid(image: &mut Image) {
    for (place, variable) in image.environment.iter_mut().skip(image.given).zip(&mut image.own_pid) {
        if let Some(own) = Pid::new(raw::own_pid()) {
            variable.fill(own);
            *place = variable.as_ptr();
        }
    }
}

/// Takes its place among sessions and process groups.
///
/// Whether a terminal can be had is no matter of success: it may have hung up meanwhile.
fn join(place: Place) -> Result<(), Errno> {
    match place {
        Place::Session => own_session(),
        Place::SessionOn(terminal) => {
            own_session()?;
            // SAFETY: only numbers; 0 is not to take it from another session.
            let _ = unsafe { call!(libc::SYS_ioctl, terminal, libc::TIOCSCTTY, 0) };
            Ok(())
        }
        Place::Group => own_group(),
        Place::GroupInForeground(terminal) => {
            own_group()?;
            move_to_foreground(terminal);
            Ok(())
        }
    }
}

fn own_session() -> Result<(), Errno> {
    // SAFETY: no arguments.
    unsafe { call!(libc::SYS_setsid) }.map(drop)
}

fn own_group() -> Result<(), Errno> {
    // SAFETY: only numbers, which stand for the caller.
    unsafe { call!(libc::SYS_setpgid, 0, 0) }.map(drop)
}

/// Whoever is in the background may do so while SIGTTOU is blocked, as all signals are at this moment.
fn move_to_foreground(terminal: RawFd) {
    let group = raw::own_pid();
    // SAFETY: numbers, and a pointer to one that is only read; this is what tcsetpgrp(3) does.
    let _ = unsafe { call!(libc::SYS_ioctl, terminal, libc::TIOCSPGRP, &raw const group) };
}

/// When and where it runs.
fn schedule(blueprint: &Blueprint<'_>) -> Result<(), StepError> {
    if let Some(priority) = blueprint.io_priority {
        Step::IoPriority.check(priority::set_io_priority(priority))?;
    }
    if let Some(nice) = blueprint.nice {
        Step::Nice.check(priority::set_nice(nice))?;
    }
    if let Some(policy) = blueprint.scheduling {
        Step::Scheduler.check(scheduling::set_policy(policy))?;
    }
    match &blueprint.cpus {
        Some(cpus) => Step::Cpus.check(scheduling::set_affinity(cpus)),
        None => Ok(()),
    }
}

/// Its place among files.
fn go_to(blueprint: &Blueprint<'_>) -> Result<(), StepError> {
    if let Some(root) = &blueprint.chroot {
        // SAFETY: valid strings that outlive the calls. Without the second one, a way out of the root would be left.
        Step::Chroot.check(unsafe { call!(libc::SYS_chroot, root.as_ptr()) })?;
        // SAFETY: as above.
        Step::Chroot.check(unsafe { call!(libc::SYS_chdir, c"/".as_ptr()) })?;
    }
    if let Some(directory) = &blueprint.directory {
        // SAFETY: a valid string that outlives the call.
        Step::Directory.check(unsafe { call!(libc::SYS_chdir, directory.as_ptr()) })?;
    }
    if let Some(mask) = blueprint.umask {
        // SAFETY: only a number. It cannot fail.
        let _ = unsafe { call!(libc::SYS_umask, mask) };
    }
    Ok(())
}

fn open(path: &CStr, flags: c_int) -> Result<RawFd, Errno> {
    // SAFETY: a valid string that outlives the call. The descriptor is closed by the exec at the latest.
    unsafe { raw::open(path.as_ptr(), flags | libc::O_CLOEXEC) }
}

/// Writes to a file of the kernel, which takes a value with one call or not at all.
fn write_and_close(descriptor: RawFd, value: &[u8]) -> Result<(), Errno> {
    let written = raw::write(descriptor, value);
    close(descriptor);
    written.map(drop)
}

/// Closes a descriptor of ours that is not used any more. That it may not be open is no error.
fn close(descriptor: RawFd) {
    // SAFETY: only a number. Nothing in this process uses the descriptor, though an `OwnedFd` may be there as a copy, or
    // in the memory of the parent, to whose own descriptors this does nothing.
    let _ = unsafe { call!(libc::SYS_close, descriptor) };
}

/// Brings standard input, output and error into place.
pub(super) fn place(mut streams: [Stream; 3]) -> Result<(), Errno> {
    // A source that is itself a standard descriptor would be overwritten before its turn: move it out of the way.
    for (target, stream) in (0..).zip(streams.iter_mut()) {
        if let Stream::From(source) = *stream
            && source < FIRST_OTHER
            && source != target
        {
            *stream = Stream::From(raw::fcntl(source, libc::F_DUPFD_CLOEXEC, FIRST_OTHER)?);
        }
    }
    for (target, stream) in (0..).zip(streams) {
        match stream {
            Stream::From(source) if source != target => duplicate(source, target)?,
            Stream::From(_) | Stream::Inherit => keep(target)?,
        }
    }
    Ok(())
}

/// Makes `target` a duplicate of `source`, to be kept by the program.
fn duplicate(source: RawFd, target: RawFd) -> Result<(), Errno> {
    const NO_FLAGS: c_int = 0;
    // SAFETY: only numbers; whatever `target` was is meant to be replaced. They are never the same.
    unsafe { call!(libc::SYS_dup3, source, target, NO_FLAGS) }.map(drop)
}

/// Keeps a standard descriptor as it is; if it is closed, a program must still not get its first file there.
fn keep(target: RawFd) -> Result<(), Errno> {
    const NONE: c_int = 0;
    match raw::fcntl(target, libc::F_GETFD, NONE) {
        Ok(flags) if flags & libc::FD_CLOEXEC == 0 => Ok(()),
        Ok(_) => raw::fcntl(target, libc::F_SETFD, NONE).map(drop),
        Err(_) => {
            // SAFETY: a constant string. What is opened beside the target is closed with all others.
            let null = unsafe { raw::open(c"/dev/null".as_ptr(), libc::O_RDWR) }?;
            if null == target { Ok(()) } else { duplicate(null, target) }
        }
    }
}

/// Brings the descriptors beside the standard ones into place.
///
/// Any of the numbers may be that of a descriptor which is still needed for another one, so all of them are moved out
/// of the way first.
fn pass(passed: &[(RawFd, RawFd)], room: &mut [RawFd]) -> Result<(), Errno> {
    let Some((highest, _)) = passed.last() else { return Ok(()) };
    for ((_, source), moved) in passed.iter().zip(&mut *room) {
        *moved = raw::fcntl(*source, libc::F_DUPFD_CLOEXEC, highest.saturating_add(1))?;
    }
    passed.iter().zip(room).try_for_each(|((number, _), moved)| duplicate(*moved, *number))
}

/// Closes everything but the standard descriptors, those that are passed, and our own.
///
/// They are closed now, rather than marked to be closed by the exec: `CLOSE_RANGE_CLOEXEC` came two releases after
/// close_range(2) itself, with Linux 5.11.
fn close_others(passed: &[(RawFd, RawFd)], own: Own) -> Result<(), Errno> {
    let mut next = FIRST_OTHER;
    for kept in kept(passed, own) {
        if kept > next {
            match close_range(next.unsigned_abs(), kept.unsigned_abs() - 1) {
                // Filters of system calls that were made before the call was answer with EPERM.
                Err(Errno::ENOSYS | Errno::EPERM) => return close_one_by_one(passed, own),
                outcome => outcome?,
            }
        }
        next = kept.saturating_add(1);
    }
    match close_range(next.unsigned_abs(), c_uint::MAX) {
        Err(Errno::ENOSYS | Errno::EPERM) => close_one_by_one(passed, own),
        outcome => outcome,
    }
}

/// What stays open beside the standard descriptors, in the order of the numbers.
fn kept(passed: &[(RawFd, RawFd)], own: Own) -> impl Iterator<Item = RawFd> {
    passed.iter().map(|(number, _)| *number).chain([own.report]).chain(own.executable)
}

/// Closes these descriptors, and all between them: close_range(2). For who uses none of them any more.
pub(super) fn close_range(first: c_uint, last: c_uint) -> Result<(), Errno> {
    const NO_FLAGS: c_uint = 0;
    // SAFETY: only numbers, of descriptors that the caller uses no more. (In a child their `OwnedFd`s are there, but none
    // of them is ever dropped by it, as it ends with execve or _exit.)
    unsafe { call!(libc::SYS_close_range, first, last, NO_FLAGS) }.map(drop)
}

pub(super) fn close_one_by_one(passed: &[(RawFd, RawFd)], own: Own) -> Result<(), Errno> {
    let limit = limits::get(Limit::OpenFiles)?.soft.min(MOST_DESCRIPTORS);
    let end = RawFd::try_from(limit).unwrap_or(RawFd::MAX);
    let mut next = FIRST_OTHER;
    for kept in kept(passed, own).chain([end]) {
        for descriptor in next..kept {
            close(descriptor);
        }
        next = kept.saturating_add(1);
    }
    Ok(())
}

/// Executes the first candidate that can be, as execvp(3) does. Only returns with what went wrong.
fn execute(image: &Image) -> Result<Infallible, StepError> {
    if let Some(file) = image.own.executable {
        execute_file(file, image);
    }
    let mut verdict = Errno::ENOENT;
    let mut denied = false;
    for candidate in image.candidates.iter().copied() {
        let outcome = match execve(candidate, &image.arguments, &image.environment) {
            Errno::ENOEXEC => execute_script(candidate, image),
            errno => errno,
        };
        match outcome {
            Errno::EACCES => denied = true,
            missing @ (Errno::ENOENT | Errno::ENOTDIR | Errno::ENAMETOOLONG) => verdict = missing,
            errno => return Err(StepError { step: Step::Exec, errno }),
        }
    }
    // Somewhere there was one, and it may not be executed: that says more than that it is missing elsewhere.
    Err(StepError { step: Step::Exec, errno: if denied { Errno::EACCES } else { verdict } })
}

/// Executes an open file. It is for what is sure to be a program; if it fails, there are names to be tried.
fn execute_file(file: RawFd, image: &Image) {
    let (arguments, environment) = (image.arguments.as_ptr(), image.environment.as_ptr());
    let (itself, flags) = (c"".as_ptr(), libc::AT_EMPTY_PATH);
    // SAFETY: a constant string, and two arrays as for `execve`.
    let _ = unsafe { call!(libc::SYS_execveat, file, itself, arguments, environment, flags) };
}

/// Has a shell run a file of an unknown format, if that is wanted. Only returns with what went wrong.
fn execute_script(path: *const c_char, image: &Image) -> Errno {
    const SHELL: &CStr = c"/bin/sh";
    let Some(script) = &image.script else { return Errno::ENOEXEC };
    if let Some(place) = script.get(1) {
        place.set(path);
    }
    // SAFETY: a `Cell` has the layout of what is in it, and nobody else sees this copy of the array.
    let arguments = unsafe { std::slice::from_raw_parts(script.as_ptr().cast(), script.len()) };
    execve(SHELL.as_ptr(), arguments, &image.environment);
    // Where there is no shell, what is wrong is still the file.
    Errno::ENOEXEC
}

fn execve(path: *const c_char, arguments: &[*const c_char], environment: &[*const c_char]) -> Errno {
    // SAFETY: a valid string, and two arrays that end with a null pointer and point to valid strings; all of them
    // belong to the plan, which stays as long as this process may look at it, or are constants.
    let outcome = unsafe { call!(libc::SYS_execve, path, arguments.as_ptr(), environment.as_ptr()) };
    // It does not return but with an error.
    outcome.err().unwrap_or(Errno::ENOEXEC)
}
