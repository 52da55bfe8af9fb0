//! Programs that print, and what became of it.

use super::common::{DEADLINE, Launcher, ProgramSettings, Supervisor, eventually, shell};
use crate::args;
use procnanny::wire::value::Value;
use std::fs;
use std::path::Path;

/// A supervisor with a directory for log files, `log` in that of the test.
pub fn with_log_dir() -> Supervisor {
    launcher_with_log_dir().start()
}

/// One that is not started yet.
pub fn launcher_with_log_dir() -> Launcher {
    let launcher = Launcher::new();
    let directory = launcher.scratch().join("log");
    launcher.option("--log-dir", directory)
}

/// A script whose output is captured, and that is `running` as soon as it is executed.
pub fn printing(script: &str) -> ProgramSettings {
    shell(script).with("stdout", "log").with("stderr", "log").with("minimum_run_duration", 0)
}

/// The same, which goes on until it is told to end.
pub fn printing_on(script: &str) -> ProgramSettings {
    printing(&format!("{script}; exec sleep 3600"))
}

/// The same, which is not started again when it has ended.
pub fn printing_once(script: &str) -> ProgramSettings {
    printing(script).with("restart", "never")
}

/// A script that prints lines with the numbers from 1 on as fast as it can, until a file is there; then the number of
/// the last one to another.
pub fn counting(stop: &Path, last: &Path) -> ProgramSettings {
    let (stop, last) = (stop.display(), last.display());
    printing(&format!(
        "i=0; until [ -e {stop} ]; do n=0; while [ $n -lt 50 ]; do i=$((i+1)); n=$((n+1)); echo line $i; done; done; \
         echo $i > {last}.new; mv {last}.new {last}; exec sleep 3600"
    ))
}

/// A program that prints what it is told.
pub struct Echo {
    pipe: std::path::PathBuf,
}

impl Echo {
    /// Creates it, and waits until it runs.
    #[track_caller]
    pub fn create(supervisor: &mut Supervisor, program: &str) -> Self {
        Self::create_with(supervisor, program, |settings| settings)
    }

    /// The same, with more settings.
    #[track_caller]
    pub fn create_with(
        supervisor: &mut Supervisor,
        program: &str,
        more: impl FnOnce(ProgramSettings) -> ProgramSettings,
    ) -> Self {
        let pipe = supervisor.scratch().join(&format!("to-{program}"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // It holds the writing end too, so that it never comes to an end.
        supervisor.create_running(program, &more(printing(&format!("exec cat 0<>{}", pipe.display()))));
        Self { pipe }
    }

    /// Has it print this.
    pub fn say(&self, words: &str) {
        fs::write(&self.pipe, words).unwrap();
    }
}

/// What is in a file; nothing if there is none.
pub fn content(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Waits until a file has exactly this in it.
#[track_caller]
pub fn expect_content(path: &Path, expected: &str) {
    let mut found = String::new();
    let reached = super::common::within(DEADLINE, || {
        found = content(path);
        (found == expected).then_some(())
    });
    assert!(reached.is_some(), "{}: expected {expected:?}, it has {found:?}", path.display());
}

/// Waits until what is in a file is as it should be.
#[track_caller]
pub fn until_content(path: &Path, what: &str, wanted: impl Fn(&str) -> bool) -> String {
    eventually(what, DEADLINE, || Some(content(path)).filter(|content| wanted(content)))
}

/// The log file of a stream in the directory for log files.
pub fn log_file(supervisor: &Supervisor, name: &str) -> std::path::PathBuf {
    supervisor.scratch().join("log").join(name)
}

/// The reply to `tail`: the number of the first byte, and the bytes as text.
#[track_caller]
pub fn tail(supervisor: &mut Supervisor, program: &str, source: &str) -> (i64, String) {
    let reply = supervisor.call("tail", args!["program" => program, "instance" => 0, "source" => source]);
    shown(&reply)
}

/// Waits until this is all that is held of standard output.
#[track_caller]
pub fn expect_tail(supervisor: &mut Supervisor, program: &str, expected: &str) {
    let mut found = String::new();
    let reached = super::common::within(DEADLINE, || {
        found = tail(supervisor, program, "stdout").1;
        (found == expected).then_some(())
    });
    assert!(reached.is_some(), "{program}: expected {expected:?}, there is {found:?}");
}

#[track_caller]
pub fn shown(reply: &Value) -> (i64, String) {
    let offset = reply.get("offset").and_then(Value::as_i64).unwrap();
    let Some(Value::Bin(data)) = reply.get("data") else { panic!("no binary data in {reply:?}") };
    (offset, String::from_utf8(data.clone()).unwrap())
}

/// The process of the logger; 0 if there is none.
#[track_caller]
pub fn logger_pid(supervisor: &mut Supervisor) -> i32 {
    let info = supervisor.call("info", &[]);
    i32::try_from(info.get("logger_pid").and_then(Value::as_i64).unwrap_or(0)).unwrap()
}

/// An integer that `info` tells.
#[track_caller]
pub fn counted(supervisor: &mut Supervisor, name: &str) -> i64 {
    supervisor.call("info", &[]).get(name).and_then(Value::as_i64).unwrap()
}
