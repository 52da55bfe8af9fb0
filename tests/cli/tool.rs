//! The command line tool: run to its end, or followed while it runs.

use super::common::{DEADLINE, Supervisor, eventually, proc};
use nix::sys::signal::Signal;
use procnanny::wire::json;
use procnanny::wire::value::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// The tool with arguments, which talks to nobody unless told so.
pub fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_procnanny"));
    command.args(arguments).stdin(Stdio::null());
    // What the tests were started with is no concern of theirs.
    for variable in ["PROCNANNY_RPC", "NO_COLOR", "COLUMNS", "LINES"] {
        command.env_remove(variable);
    }
    command
}

/// The tool with arguments, which talks to a supervisor.
pub fn tool_of(supervisor: &Supervisor, arguments: &[&str]) -> Command {
    let mut command = tool(arguments);
    command.env("PROCNANNY_RPC", supervisor.endpoint("rpc"));
    command
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end.
#[track_caller]
pub fn run(mut command: Command) -> Ran {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let (sender, ended) = channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(2 * DEADLINE) else {
        proc::send(pid, Signal::SIGKILL);
        panic!("{command:?} does not end");
    };
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("what the tool prints is UTF-8");
    Ran { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs a command of a supervisor to its end.
#[track_caller]
pub fn ask(supervisor: &Supervisor, arguments: &[&str]) -> Ran {
    run(tool_of(supervisor, arguments))
}

/// Runs a command of a supervisor that has to succeed without a complaint; what it printed is returned.
#[track_caller]
pub fn done(supervisor: &Supervisor, arguments: &[&str]) -> String {
    ask(supervisor, arguments).expect_done()
}

impl Ran {
    /// It succeeded and did not complain; what it printed is returned.
    #[track_caller]
    pub fn expect_done(self) -> String {
        assert_eq!((self.status.code(), self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self.stdout
    }

    /// It ended with this code, and said why in one line, which is returned.
    #[track_caller]
    pub fn expect_error(&self, code: i32) -> &str {
        assert_eq!(self.status.code(), Some(code), "{self:?}");
        let sentence = self.stderr.strip_prefix("procnanny: ").and_then(|rest| rest.strip_suffix('\n'));
        let sentence = sentence.filter(|rest| !rest.is_empty() && !rest.contains('\n'));
        sentence.unwrap_or_else(|| panic!("not one line: {self:?}"))
    }

    /// As [`Ran::expect_error`], of a command that printed nothing else.
    #[track_caller]
    pub fn expect_only_error(&self, code: i32) -> &str {
        assert_eq!(self.stdout, "", "{self:?}");
        self.expect_error(code)
    }
}

/// The words of each line.
pub fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

/// A command that goes on; killed when this is dropped.
pub struct Background {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Background {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, stdout, stderr }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// The next line on standard output.
    #[track_caller]
    pub fn line(&self) -> String {
        next(&self.stdout, DEADLINE).expect("a line on standard output")
    }

    /// The next line on standard error.
    #[track_caller]
    pub fn complaint(&self) -> String {
        next(&self.stderr, DEADLINE).expect("a line on standard error")
    }

    /// The next line on standard output, which is a JSON object.
    #[track_caller]
    pub fn object(&self) -> Value {
        json::parse(&self.line()).unwrap()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        assert!(proc::send(self.pid(), signal), "it has ended");
    }

    /// Waits until it has ended; what it had not yet been asked for is returned with it.
    #[track_caller]
    pub fn wait(mut self) -> Ran {
        let status = eventually("the command ends", DEADLINE, || self.child.try_wait().unwrap());
        Ran { status, stdout: self.stdout.iter().collect(), stderr: self.stderr.iter().collect() }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that come from a pipe, with their ends.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = String::new();
        while pipe.read_line(&mut line).is_ok_and(|count| count > 0) && sender.send(line).is_ok() {
            line = String::new();
        }
    });
    receiver
}

fn next(lines: &Receiver<String>, time: Duration) -> Result<String, RecvTimeoutError> {
    lines.recv_timeout(time)
}
