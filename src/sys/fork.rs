//! Starting a process without ever waiting for it: fork, and a pipe that tells later whether the exec worked.
//!
//! Where it can be, it is a fork without a copy of our memory, see `flight`; else a plain fork. It is never vfork(2),
//! which suspends the parent until the exec.

use std::cell::Cell;
use std::ffi::{CString, c_char};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use libc::c_int;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{self, ForkResult};

use super::child::{self, Image, Own};
use super::flight;
use super::mask::Mask;
use super::own_pid::OwnPidVariable;
use super::plan::{ChildPlan, OwnPlan, UnknownFormat};
use super::process::Pid;
use super::step::{Step, StepError};

/// A process that was forked. Whether its program was executed is not known yet.
#[derive(Debug)]
pub struct Spawned {
    /// The new process: as soon as it has come so far, the leader of its group, and of its session if it is to have one.
    pub pid: Pid,
    /// To be watched for reading, then given to [`read_status`]. Non-blocking, close-on-exec.
    pub status: OwnedFd,
}

/// What the status pipe of a new process says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecStatus {
    /// Nothing yet: it is still on its way.
    Pending,
    /// The pipe is closed: the program is being executed. (Or the child was killed before that; then its end,
    /// which follows, says so.)
    Executed,
    /// A step failed. The child is ending, with exit code 127 if the program was not found and 126 otherwise.
    Failed(StepError),
    /// What was read makes no sense, or reading failed: the child was tampered with. Only its end will tell.
    Vanished,
}

/// The size of the one record that a child may write: a step's code and an error's number.
pub(super) const RECORD_SIZE: usize = 8;

/// Forks, and lets the child become what the plan says. Returns at once.
///
/// To be called from a thread that lives as long as the process, with no lock held that the child could need: it
/// needs none.
///
/// # Errors
/// Only what fails before there is a child: [`Step::Pipe`] (`EMFILE`, `ENFILE`), [`Step::Fork`] (`EAGAIN` for a limit
/// on processes, `ENOMEM`), [`Step::Signals`].
pub fn spawn(plan: ChildPlan<'_>) -> Result<Spawned, StepError> {
    let ChildPlan { own: plan, executable, .. } = plan;
    let highest = plan.passed.last().map_or(libc::STDERR_FILENO, |(number, _)| *number);
    let (status, report) = status_pipe(highest).map_err(|errno| StepError { step: Step::Pipe, errno })?;
    // Above what the child replaces; and where there is no room for it, its name will have to do.
    let executable = executable.and_then(|file| duplicate_above(file, report.as_raw_fd()).ok());
    let own = Own { report: report.as_raw_fd(), executable: executable.as_ref().map(AsRawFd::as_raw_fd) };
    let image = image(plan, own);
    // A signal that arrived in the child before its dispositions are reset would run our handlers in it.
    let mask = Mask::ALL.swap().map_err(|errno| StepError { step: Step::Signals, errno })?;
    let outcome = begin(image);
    // Cannot fail: the set is one that the kernel gave us.
    let _ = mask.set();
    match outcome {
        Ok(pid) => Ok(Spawned { pid, status }),
        Err(errno) => Err(StepError { step: Step::Fork, errno }),
    }
}

/// All that the child needs.
pub(super) fn image(plan: OwnPlan, own: Own) -> Box<Image> {
    let candidates = plan.blueprint.candidates.iter().map(|string| string.as_ptr()).collect();
    let arguments = pointers(&plan.blueprint.arguments);
    let mut environment = pointers(&plan.blueprint.environment);
    let own_pid: Vec<_> = plan.blueprint.own_pid.iter().map(|name| OwnPidVariable::new(name)).collect();
    environment.resize(environment.len() + own_pid.len(), ptr::null());
    let script = match plan.blueprint.unknown_format {
        UnknownFormat::Refused => None,
        UnknownFormat::Script => Some(script(&plan.blueprint.arguments)),
    };
    let room = vec![-1; plan.passed.len()];
    let given = plan.blueprint.environment.len();
    Box::new(Image { plan, candidates, arguments, script, environment, given, own_pid, own, room })
}

/// Has a new process carry out the image. All signals are blocked.
fn begin(image: Box<Image>) -> Result<Pid, Errno> {
    if !image.plan.may_share_memory() || !flight::is_possible() {
        return fork(image);
    }
    match flight::begin(image) {
        Ok(pid) => Ok(pid),
        // A filter of system calls, or an emulator, that knows no such kind of process.
        Err((Errno::EINVAL | Errno::ENOSYS | Errno::EPERM, grounded)) => grounded.and_then(fork),
        Err((errno, _)) => Err(errno),
    }
}

fn fork(mut image: Box<Image>) -> Result<Pid, Errno> {
    // SAFETY: there may be other threads, so the child may do nothing but what is async-signal-safe. It only calls
    // `child::run`, which keeps to that and never returns.
    match unsafe { unistd::fork() }? {
        ForkResult::Child => child::run(&mut image),
        ForkResult::Parent { child } => Pid::new(child.as_raw()).ok_or(Errno::ESRCH),
    }
}

/// Waits until the child of this status pipe is executed or has reported something, and no longer than this: for who has
/// nothing else to do, and wants to have the memory to itself that the child uses.
pub fn settle(status: BorrowedFd<'_>, within: Duration) {
    let mut poll = libc::pollfd { fd: status.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let milliseconds = c_int::try_from(within.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: one structure, and its number is one.
    unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
    flight::land_for_good();
}

/// Reads what the child of this status pipe has reported, without waiting.
#[must_use]
pub fn read_status(status: BorrowedFd<'_>) -> ExecStatus {
    let mut record = [0; RECORD_SIZE];
    // What it says, it says when its child, or another one, is about to leave our memory.
    flight::land();
    match unistd::read(status, &mut record) {
        Ok(0) => ExecStatus::Executed,
        Ok(RECORD_SIZE) => decode(record),
        Err(Errno::EAGAIN | Errno::EINTR) => ExecStatus::Pending,
        Ok(_) | Err(_) => ExecStatus::Vanished,
    }
}

/// The record of a failure.
pub(super) const fn encode(step: Step, errno: i32) -> [u8; RECORD_SIZE] {
    let [a, b, c, d] = step.code().to_ne_bytes();
    let [e, f, g, h] = errno.to_ne_bytes();
    [a, b, c, d, e, f, g, h]
}

fn decode([a, b, c, d, e, f, g, h]: [u8; RECORD_SIZE]) -> ExecStatus {
    let errno = Errno::from_raw(i32::from_ne_bytes([e, f, g, h]));
    match Step::from_code(u32::from_ne_bytes([a, b, c, d])) {
        Some(step) => ExecStatus::Failed(StepError { step, errno }),
        None => ExecStatus::Vanished,
    }
}

/// Both ends of the pipe. Its writing end is above all numbers that the child is going to replace.
fn status_pipe(highest: RawFd) -> Result<(OwnedFd, OwnedFd), Errno> {
    let (reader, writer) = unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    Ok((above(reader, libc::STDERR_FILENO)?, above(writer, highest)?))
}

fn above(descriptor: OwnedFd, highest: RawFd) -> Result<OwnedFd, Errno> {
    if descriptor.as_raw_fd() > highest {
        return Ok(descriptor);
    }
    duplicate_above(descriptor.as_fd(), highest)
}

fn duplicate_above(descriptor: BorrowedFd<'_>, highest: RawFd) -> Result<OwnedFd, Errno> {
    let moved = fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(highest.saturating_add(1)))?;
    // SAFETY: fcntl has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(moved) })
}

/// The null-terminated array of pointers that execve(2) wants. It is valid as long as the strings are.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

/// As [`pointers`], of a shell that runs a script with these arguments; the path of the script is left open.
fn script(arguments: &[CString]) -> Vec<Cell<*const c_char>> {
    let shell = [c"/bin/sh".as_ptr(), c"".as_ptr()];
    let arguments = arguments.iter().skip(1).map(|string| string.as_ptr());
    shell.into_iter().chain(arguments).chain([ptr::null()]).map(Cell::new).collect()
}

#[cfg(test)]
#[path = "fork_tests.rs"]
mod tests;
