//! An empty root, and what is run in it.

use super::common::{DEADLINE, Scratch, eventually, is_root, proc};
use super::tool::{Background, Ran, run};
use procnanny::wire::json;
use procnanny::wire::value::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The program, if there is one; that there is none is said.
pub fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PROCNANNY_TEST_STATIC").map(PathBuf::from);
    if path.is_none() {
        println!("skipped: PROCNANNY_TEST_STATIC does not name a static program");
    }
    path
}

/// A root with the program in it as `/procnanny`.
pub struct Root {
    scratch: Scratch,
}

impl Root {
    /// One with nothing else in it but directories; `None` if there can be none, which is said.
    pub fn new() -> Option<Self> {
        let program = program()?;
        if !is_root() {
            println!("skipped: chroot takes root");
            return None;
        }
        let scratch = Scratch::new();
        let path = scratch.copy_of_program(&program);
        fs::rename(path, scratch.join("procnanny")).unwrap();
        // Other users are to get in too.
        fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
        for directory in ["etc/procnanny", "run", "var/log"] {
            fs::create_dir_all(scratch.join(directory)).unwrap();
        }
        Some(Self { scratch })
    }

    /// Puts a file there.
    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.scratch.join(path), text).unwrap();
    }

    /// What is in a file there.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.scratch.join(path)).unwrap()
    }

    /// The program in it, with arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.wrapped(&[], arguments)
    }

    fn wrapped(&self, wrapper: &[&str], arguments: &[&str]) -> Command {
        let mut words = wrapper.iter().chain(&["chroot"]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg(self.scratch.path()).arg("/procnanny").args(arguments).stdin(Stdio::null());
        for variable in ["PROCNANNY_RPC", "XDG_RUNTIME_DIR", "NO_COLOR", "COLUMNS", "LINES"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the program in it to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        run(self.command(arguments))
    }

    /// Runs a command that has to succeed without a complaint; what it printed is returned.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> String {
        self.run(arguments).expect_done()
    }

    /// A reply of the supervisor.
    #[track_caller]
    pub fn call(&self, arguments: &[&str]) -> Value {
        let words: Vec<&str> = ["call"].iter().chain(arguments).copied().collect();
        json::parse(&self.done(&words)).unwrap()
    }

    /// Starts a supervisor in it with the configuration that it finds there, as the first process of a pid namespace, so
    /// that nothing is left when it ends.
    #[track_caller]
    pub fn supervise(&self, arguments: &[&str]) -> Background {
        let words: Vec<&str> = ["run"].iter().chain(arguments).copied().collect();
        let supervisor = Background::start(self.wrapped(&["unshare", "-pf", "--kill-child"], &words));
        eventually("a supervisor that answers", DEADLINE, || {
            self.run(&["info"]).status.success().then_some(())
        });
        supervisor
    }
}

/// The process that a supervisor started with these words, as it is seen from outside of its namespace.
#[track_caller]
pub fn process_of(supervisor: &Background, words: &[&str]) -> i32 {
    eventually("a process of the program", DEADLINE, || {
        let inside = proc::children(*proc::children(supervisor.pid()).first()?);
        inside.into_iter().find(|pid| proc::arguments(*pid) == words)
    })
}
