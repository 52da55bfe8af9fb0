//! Starting the command, and what is said when that fails.

use super::InitError;
use super::job::Place;
use super::options::{Descriptors, Options};
use crate::sys::errno::words;
use crate::sys::fork::{ExecStatus, Spawned, read_status, spawn};
use crate::sys::plan::{Blueprint, ChildPlan, DEFAULT_PATH, OtherDescriptors, UnknownFormat, candidates};
use crate::sys::process;
use crate::sys::step::{Step, StepError};
use nix::errno::Errno;
use std::ffi::{CString, NulError, OsStr};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

/// Forks; the child is on its way to become the command.
///
/// # Errors
/// What fails before there is a child.
pub fn launch(options: &Options, place: &Place) -> Result<Spawned, InitError> {
    let blueprint = blueprint(options, place)
        .map_err(|_| InitError { what: "a NUL byte in the command".to_string(), errno: Errno::EINVAL })?;
    let spawned = spawn(ChildPlan::new(blueprint)).map_err(|StepError { step, errno }| InitError {
        what: format!("cannot start {:?}, {step}", options.command_name()),
        errno,
    })?;
    if place.is_group() {
        // Where it is too late for that, the child has done it itself.
        let _ = process::make_group_leader(spawned.pid);
    }
    Ok(spawned)
}

fn blueprint<'fd>(options: &Options, place: &'fd Place) -> Result<Blueprint<'fd>, NulError> {
    let text = |text: &OsStr| CString::new(text.as_bytes());
    let arguments = options.command.iter().map(|argument| text(argument)).collect::<Result<Vec<_>, _>>()?;
    let command = arguments.first().map_or(&b""[..], |command| command.as_bytes());
    let environment = process::own_environment();
    let candidates = candidates(command, search_path(&environment))?;
    Ok(Blueprint {
        candidates,
        arguments,
        environment,
        others: match options.descriptors {
            Descriptors::Standard => OtherDescriptors::Closed,
            Descriptors::All => OtherDescriptors::Inherited,
        },
        membership: place.membership(),
        unknown_format: UnknownFormat::Script,
        ..Blueprint::default()
    })
}

fn search_path(environment: &[CString]) -> &[u8] {
    environment.iter().find_map(|text| text.as_bytes().strip_prefix(b"PATH=")).unwrap_or(DEFAULT_PATH)
}

/// Why the command was not executed, in a sentence that says what to do; `None` if it was. To be asked when the child
/// has ended.
pub fn failure(options: &Options, spawned: &Spawned) -> Option<String> {
    let ExecStatus::Failed(failed) = read_status(spawned.status.as_fd()) else { return None };
    let name = options.command_name();
    let what = format!("cannot execute {name:?}: {}", words(failed.errno));
    let advice = match failed {
        StepError { step: Step::Exec, errno: Errno::ENOENT } if !name.contains('/') => {
            let environment = process::own_environment();
            let path = String::from_utf8_lossy(search_path(&environment));
            format!("it is in no directory of PATH, which is {path:?}; check its name, or give its whole path")
        }
        StepError { step: Step::Exec, errno: Errno::ENOENT | Errno::ENOTDIR } => {
            "check its path; if the file is there, what it needs is missing: the interpreter in the first line of a \
             script, or the dynamic linker of a binary"
                .to_string()
        }
        StepError { step: Step::Exec, errno: Errno::EACCES } => {
            "it has to be a file that this user may execute ('chmod +x'), on a file system without 'noexec'"
                .to_string()
        }
        StepError { step: Step::Exec, errno: Errno::ENOEXEC } => {
            "it may be built for another kind of machine; if it is a script, it needs a first line such as \
             '#!/bin/sh', or a shell at /bin/sh"
                .to_string()
        }
        StepError { step: Step::Exec, .. } => return Some(what),
        StepError { step, errno } => return Some(format!("cannot start {name:?}, {step}: {}", words(errno))),
    };
    Some(format!("{what}; {advice}"))
}
