//! A command on a terminal whose screen can be looked at: tmux, a terminal of its own in the directory of the test.

use super::common::{DEADLINE, Scratch, Supervisor, eventually, proc};
use nix::sys::signal::Signal;
use std::process::Command;

/// Whether there is tmux.
pub fn is_installed() -> bool {
    Command::new("tmux").arg("-V").output().is_ok_and(|output| output.status.success())
}

/// A window of 80 columns and 24 lines; gone with all that runs in it when this is dropped.
pub struct Window {
    scratch: Scratch,
}

impl Window {
    /// Runs the tool in it. Its pid, how it ended, and how the terminal was before and after are left in files.
    #[track_caller]
    pub fn start(supervisor: &Supervisor, arguments: &str) -> Self {
        let window = Self { scratch: Scratch::new() };
        let script = window.scratch.program(
            "script",
            &format!(
                "trap : INT\ncd '{}'\nstty -a | tail -n +2 > before\n\
                 sh -c 'echo $$ > pid; exec \"{}\" {arguments}'\n\
                 echo $? > code.new; stty -a | tail -n +2 > after; mv code.new code; echo 'back in the shell'; exec cat\n",
                window.scratch.path().display(),
                env!("CARGO_BIN_EXE_procnanny"),
            ),
            "0700",
        );
        window.open(
            &format!("exec sh '{}'", script.display()),
            &[("PROCNANNY_RPC", &supervisor.endpoint("rpc"))],
        );
        window
    }

    /// Runs something else in it, with variables, in a directory of its own.
    #[track_caller]
    pub fn running(scratch: Scratch, command: &str, variables: &[(&str, &str)]) -> Self {
        let window = Self { scratch };
        window.open(&format!("cd '{}'; {command}", window.scratch.path().display()), variables);
        window
    }

    #[track_caller]
    fn open(&self, script: &str, variables: &[(&str, &str)]) {
        let mut command = self.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24"]);
        command.arg(script).env("LC_ALL", "C.UTF-8");
        for variable in ["NO_COLOR", "COLUMNS", "LINES", "TMUX"] {
            command.env_remove(variable);
        }
        let started = command.envs(variables.iter().copied()).output().unwrap();
        assert!(started.status.success(), "{started:?}");
    }

    fn tmux(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-u").arg("-S").arg(self.scratch.join("tmux")).args(arguments);
        command
    }

    #[track_caller]
    fn told(&self, arguments: &[&str]) -> String {
        let output = self.tmux(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is on the screen, line by line.
    #[track_caller]
    pub fn screen(&self) -> Vec<String> {
        self.told(&["capture-pane", "-p"]).lines().map(|line| line.trim_end().to_string()).collect()
    }

    /// Waits until the screen is as it should be, and returns it.
    #[track_caller]
    pub fn expect(&self, what: &str, is_so: impl Fn(&[String]) -> bool) -> Vec<String> {
        let mut last = Vec::new();
        let found = super::common::within(DEADLINE, || {
            last = self.screen();
            is_so(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("{what}:\n{}", last.join("\n")))
    }

    /// Presses keys, by the names that tmux has for them.
    #[track_caller]
    pub fn press(&self, keys: &[&str]) {
        self.told(&[&["send-keys"], keys].concat());
    }

    /// Types a text, as it is.
    #[track_caller]
    pub fn type_text(&self, text: &str) {
        self.told(&["send-keys", "-l", "--", text]);
    }

    /// Makes it another size.
    #[track_caller]
    pub fn resize(&self, columns: u32, lines: u32) {
        self.told(&["resize-window", "-x", &columns.to_string(), "-y", &lines.to_string()]);
    }

    /// Sends the tool a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = std::fs::read_to_string(self.scratch.join("pid")).unwrap();
        assert!(proc::send(pid.trim().parse().unwrap(), signal), "it has ended");
    }

    /// Waits until the tool has ended with this code, and checks that the terminal is as it was.
    #[track_caller]
    pub fn expect_given_back(&self, code: i32) {
        let read = |name: &str| std::fs::read_to_string(self.scratch.join(name));
        let told = eventually("it ends", DEADLINE, || read("code").ok());
        assert_eq!(told.trim(), code.to_string(), "{:#?}", self.screen());
        assert_eq!(read("after").unwrap(), read("before").unwrap());
        self.expect("the screen of before", |lines| lines.iter().any(|line| line == "back in the shell"));
        let flags = self.told(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(flags.trim(), "0 1", "the alternate screen is left, and the cursor is seen");
    }

    /// What the tool has taken of the terminal.
    #[track_caller]
    pub fn expect_taken(&self) {
        let flags = self.told(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(flags.trim(), "1 0");
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).output();
    }
}
