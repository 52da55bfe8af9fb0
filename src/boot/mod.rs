//! `run --boot`: the first process of a whole machine. What programs take for granted is put in place before there are
//! any, and what they leave behind is put away before the machine stops. Nothing here knows of the supervisor, which
//! runs in between.
//!
//! | file | what is there |
//! | --- | --- |
//! | `mounts` | file systems of the kernel, mounted where they are not |
//! | `surroundings` | the console, the environment, the name of the machine, its loopback interface |
//! | `end` | everything killed, written and unmounted; then the reboot |
//! | `table` | what the kernel says of mounts and of swap |
//! | `repair` | what is done while there is no supervisor that could run |
//!
//! Whatever cannot be done is said in one line on the console, and the rest is done all the same: a machine that came up
//! halfway can be repaired, one whose first process has ended cannot.

mod end;
mod mounts;
mod repair;
mod surroundings;
mod table;

use crate::sys::crash;
use crate::sys::errno::words;
use crate::sys::note::note;
use crate::sys::process::{self, Pid};
use crate::sys::signals::{self, signal_name};
use nix::errno::Errno;
use nix::sys::reboot::set_cad_enabled;
use repair::AsItWas;
pub use repair::Repaired;
use std::ffi::CString;

/// What we are the first process of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Domain {
    /// Of all: nobody else would do what is not done here.
    Machine,
    /// Of a pid namespace. Its disks, its clock and, as a rule, its name are somebody else's.
    Container,
}

/// A machine, or a container, that we are the first process of.
#[derive(Debug)]
pub struct Machine {
    domain: Domain,
    as_it_was: AsItWas,
}

/// We are not the first process, but this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFirst(pub Pid);

impl Machine {
    /// Puts everything in place. To be called before anything else is opened, and before there are threads. Signals are
    /// held back from now on, until somebody receives them.
    ///
    /// # Errors
    /// When we are not the first process.
    pub fn begin() -> Result<Self, NotFirst> {
        let own = Pid::own();
        if own.get() != 1 {
            return Err(NotFirst(own));
        }
        let crashed = crash::take_mark();
        // A first process that has no use for a signal yet does not get it (pid_namespaces(7)); it is to wait.
        let held = signals::block_all();
        let mut troubles = mounts::mount_missing();
        let domain = domain();
        surroundings::open_console(&mut troubles);
        surroundings::complete_environment();
        if let Err(errno) = held {
            troubles.push(cannot("block signals", errno));
        }
        if domain == Domain::Machine {
            match crashed {
                None => {
                    let version = env!("CARGO_PKG_VERSION");
                    note(&format!("procnanny {version} is the first process of this machine"));
                }
                Some(signal) => begin_anew(signal),
            }
            if let Err(errno) = crash::execute_anew(own_arguments(), process::own_environment()) {
                troubles.push(cannot("prepare for a crash", errno));
            }
        }
        surroundings::bring_up_loopback(&mut troubles);
        troubles.iter().for_each(|trouble| note(trouble));
        Ok(Self { domain, as_it_was: AsItWas::default() })
    }

    /// Whether what keeps a supervisor from running has to be repaired from in here. In a container its engine sees the
    /// exit code, and starts it again.
    #[must_use]
    pub fn must_not_end(&self) -> bool {
        self.domain == Domain::Machine
    }

    /// Gives it the name that is configured, or else that of `/etc/hostname`, if there is one.
    pub fn set_name(&self, configured: Option<&str>) {
        surroundings::set_name(configured, self.domain).iter().for_each(|trouble| note(trouble));
    }
}

/// Nobody knows the processes that a program which has crashed has left. So that none runs twice, all of them end first.
fn begin_anew(signal: i32) {
    let name = signal_name(signal);
    note(&format!(
        "procnanny had crashed (SIG{name}): what it has left is told to end, and everything begins anew"
    ));
    end::tell_all_processes();
}

fn own_arguments() -> Vec<CString> {
    // There is no NUL byte in what was given to us as strings that end with one.
    std::env::args_os().filter_map(|word| CString::new(word.into_encoded_bytes()).ok()).collect()
}

/// The kernel lets nobody but those of its first pid namespace say what Ctrl-Alt-Del is to be: reboot(2), `reboot_pid_ns`
/// in kernel/pid_namespace.c. So whoever has said it without an error has a whole machine; for that, it is SIGINT from
/// now on. No /proc is needed to know it.
fn domain() -> Domain {
    match set_cad_enabled(false) {
        Ok(()) => Domain::Machine,
        Err(_) => Domain::Container,
    }
}

/// What could not be done, and why.
fn cannot(what: &str, errno: Errno) -> String {
    format!("cannot {what}: {}", words(errno))
}
