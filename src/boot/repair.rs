//! What is done on a machine while no supervisor can run: its first process must not end, so somebody is given a shell
//! on the console, and then it is tried again.

use super::Machine;
use super::end::tell_all_processes;
use crate::core::signal_meaning::{After, Order, Role, meaning};
use crate::sys::clock::monotonic;
use crate::sys::fork::{ExecStatus, read_status, settle, spawn};
use crate::sys::limits::{self, Limit, LimitValues};
use crate::sys::note::note;
use crate::sys::plan::{Blueprint, ChildPlan};
use crate::sys::process::{self, Pid};
use crate::sys::{inbox, signals, wait};
use std::ffi::CString;
use std::fs;
use std::os::fd::AsFd;
use std::time::Duration;

/// How long it takes until it is tried again by itself: what was wrong may be right by then, as a network that was not
/// there yet.
const PAUSE: Duration = Duration::from_secs(30);
/// How long a shell has to have run for its end to mean that somebody has repaired something.
const USED: Duration = Duration::from_secs(2);
/// How long the beginning of a shell is waited for.
const EXEC: Duration = Duration::from_secs(5);

/// Who asks for the password of root, and gives a shell to who knows it; and what is done without such a one.
const SHELLS: [&str; 4] = ["/sbin/sulogin", "/usr/sbin/sulogin", "/bin/sh", "/usr/bin/sh"];

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repaired {
    /// It is to be tried again.
    TryAgain,
    /// The machine is to end.
    End(After),
}

/// What has to be as it was for another try.
#[derive(Debug)]
pub struct AsItWas {
    open_files: Option<LimitValues>,
}

impl Default for AsItWas {
    fn default() -> Self {
        Self { open_files: limits::get(Limit::OpenFiles).ok() }
    }
}

impl Machine {
    /// Waits until somebody has repaired what keeps the supervisor from running: gives a shell on the console and waits
    /// for its end; or, where there is none, for SIGHUP or half a minute. What orders the end of the machine does so
    /// here, too.
    pub fn repair(&self) -> Repaired {
        // It may have unblocked some.
        if let Err(errno) = signals::block_all() {
            note(&super::cannot("block signals", errno));
        }
        if let Some(limit) = self.as_it_was.open_files
            && limits::set(Limit::OpenFiles, limit).is_err()
        {
            note("the limit of open files stays as it was raised");
        }
        let begun = monotonic();
        let shell = SHELLS.into_iter().filter(|path| fs::exists(path).unwrap_or(false)).find_map(start);
        match shell {
            Some(_) => note("repair it in this shell; when it ends, or on SIGHUP, it is tried again"),
            None => note(&format!("it is tried again in {} s, or on SIGHUP", PAUSE.as_secs())),
        }
        let outcome = await_word(shell, begun);
        if let Some(shell) = shell {
            process::signal_group(shell, libc::SIGKILL);
        }
        outcome
    }

    /// Ends all processes but our own, which a supervisor that could not go on has left.
    pub fn clear(&self) {
        tell_all_processes();
    }
}

/// A shell on the console.
fn start(path: &str) -> Option<Pid> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let blueprint = Blueprint {
        candidates: vec![CString::new(path).ok()?],
        arguments: vec![CString::new(name).ok()?],
        environment: process::own_environment(),
        tty: Some(c"/dev/console".into()),
        ..Blueprint::default()
    };
    let spawned = spawn(ChildPlan::new(blueprint)).ok()?;
    settle(spawned.status.as_fd(), EXEC);
    match read_status(spawned.status.as_fd()) {
        ExecStatus::Executed => Some(spawned.pid),
        ExecStatus::Failed(error) => {
            note(&format!("cannot start {path} on /dev/console: {error}"));
            None
        }
        ExecStatus::Pending | ExecStatus::Vanished => None,
    }
}

fn await_word(mut shell: Option<Pid>, begun: Duration) -> Repaired {
    let due = begun.saturating_add(PAUSE);
    loop {
        if shell.is_none() && monotonic() >= due {
            return Repaired::TryAgain;
        }
        let left = shell.is_none().then(|| due.saturating_sub(monotonic()));
        let Ok(Some(received)) = inbox::next(left) else { continue };
        match meaning(Role::Machine, received.signal, signals::first_real_time()) {
            Order::ShutDown(after) => return Repaired::End(after),
            Order::Reload => return Repaired::TryAgain,
            Order::ChildrenEnded => {
                while let Ok(Some(ended)) = wait::peek_any() {
                    let _ = wait::reap(ended.pid);
                    if shell == Some(ended.pid) {
                        shell = None;
                        if monotonic() >= begun.saturating_add(USED) {
                            return Repaired::TryAgain;
                        }
                    }
                }
            }
            Order::BindEndpoints | Order::ReopenLogs | Order::Nothing => {}
        }
    }
}
