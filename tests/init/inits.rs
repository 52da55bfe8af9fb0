//! Inits, ours and others, where they are run, and what they run.

pub use super::common::namespace;
use super::common::{DEADLINE, Scratch, eventually, proc};
use super::tool::{Background, Ran, run};
use procnanny::sys::process::{Pid, kill};
use std::process::{Command, Stdio};

/// An init, as it is called.
#[derive(Clone, Debug)]
pub struct Init(pub Vec<String>);

/// Where an init is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// As the first process of a pid namespace.
    Namespace,
    /// As any process.
    Here,
}

/// `procnanny init` with these options.
pub fn own(options: &[&str]) -> Init {
    Init::new(env!("CARGO_BIN_EXE_procnanny"), &["init"]).with(options).with(&["--"])
}

/// procnanny by another name, with these options.
pub fn called(name: &str, scratch: &Scratch, options: &[&str]) -> Init {
    let link = scratch.join(name);
    if !link.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_procnanny"), &link).unwrap();
    }
    Init::new(link.to_str().unwrap(), options)
}

/// Another init, if it is installed.
pub fn installed(name: &str, options: &[&str]) -> Option<Init> {
    let path = std::env::var_os("PATH")?;
    let found =
        std::env::split_paths(&path).map(|directory| directory.join(name)).find(|path| path.exists())?;
    Some(Init::new(found.to_str()?, options))
}

impl Init {
    fn new(path: &str, options: &[&str]) -> Self {
        Self(vec![path.to_string()]).with(options)
    }

    /// The same with more words.
    pub fn with(mut self, words: &[&str]) -> Self {
        self.0.extend(words.iter().map(|word| (*word).to_string()));
        self
    }

    /// The init, in front of a command.
    pub fn command(&self, place: Place, command: &[&str]) -> Command {
        let mut words = match place {
            Place::Namespace => namespace().unwrap().iter().map(|word| (*word).to_string()).collect(),
            Place::Here => Vec::new(),
        };
        words.extend(self.0.iter().cloned());
        words.extend(command.iter().map(|word| (*word).to_string()));
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap());
        command.args(words).stdin(Stdio::null());
        for variable in ["TINI_SUBREAPER", "TINI_VERBOSITY", "TINI_KILL_PROCESS_GROUP", "DUMB_INIT_SETSID"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs a command below the init to its end.
    #[track_caller]
    pub fn run(&self, place: Place, command: &[&str]) -> Ran {
        run(self.command(place, command))
    }

    /// Runs a script for `/bin/sh` below the init to its end.
    #[track_caller]
    pub fn shell(&self, place: Place, script: &str) -> Ran {
        self.run(place, &["sh", "-c", script])
    }

    /// Starts a command below the init.
    pub fn start(&self, place: Place, command: &[&str]) -> Running {
        Running { place, process: Some(Background::start(self.command(place, command))) }
    }

    /// Starts a script for `/bin/sh` below the init, and waits for it to say `ready`.
    #[track_caller]
    pub fn start_ready(&self, place: Place, script: &str) -> Running {
        let running = self.start(place, &["sh", "-c", script]);
        assert_eq!(running.line(), "ready\n", "{self:?}");
        running
    }
}

/// Where inits can be run on this machine; that a namespace cannot be had is said.
pub fn places() -> Vec<Place> {
    if namespace().is_some() {
        return vec![Place::Here, Place::Namespace];
    }
    println!("skipped: no pid namespace can be made here");
    vec![Place::Here]
}

/// An init that runs; it and all that it has started are killed when this is dropped.
pub struct Running {
    place: Place,
    process: Option<Background>,
}

impl Running {
    fn process(&self) -> &Background {
        self.process.as_ref().unwrap()
    }

    /// The next line of its command.
    #[track_caller]
    pub fn line(&self) -> String {
        self.process().line()
    }

    /// The next line on standard error.
    #[track_caller]
    pub fn complaint(&self) -> String {
        self.process().complaint()
    }

    /// The process of the init, seen from here.
    #[track_caller]
    pub fn pid(&self) -> i32 {
        match self.place {
            Place::Here => self.process().pid(),
            Place::Namespace => eventually("the first process of a namespace", DEADLINE, || {
                proc::children(self.process().pid()).first().copied()
            }),
        }
    }

    /// The process of the command, seen from here.
    #[track_caller]
    pub fn child(&self) -> i32 {
        let init = self.pid();
        eventually("the command", DEADLINE, || proc::children(init).first().copied())
    }

    /// Sends the init a signal, by its number.
    #[track_caller]
    pub fn send(&self, signal: i32) {
        kill(Pid::new(self.pid()).unwrap(), signal).unwrap();
    }

    /// Waits until it has ended.
    #[track_caller]
    pub fn wait(mut self) -> Ran {
        self.process.take().unwrap().wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(process) = &self.process else { return };
        kill_tree(process.pid());
    }
}

/// Kills a process and all below it.
pub fn kill_tree(pid: i32) {
    let children = proc::children(pid);
    if let Some(pid) = Pid::new(pid) {
        let _ = kill(pid, libc::SIGKILL);
    }
    children.into_iter().for_each(kill_tree);
}

/// A Python, for commands that have to deal with every signal there is.
pub fn python() -> Option<&'static str> {
    let works = Command::new("python3").args(["-c", "0"]).status().is_ok_and(|status| status.success());
    works.then_some("python3")
}

/// A Python program that says `ready`, and then the number of each signal that it gets.
pub const LISTENER: &str = "
import signal, sys
signals = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
print('ready', flush=True)
while True:
    print(signal.sigwaitinfo(signals).si_signo, flush=True)
";
