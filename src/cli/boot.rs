//! `run --boot`: a supervisor between the beginning and the end of a machine.

use super::arguments::{Command, Run};
use super::exit::{Exit, Failure, complain};
use super::parse::{Parsed, parse};
use super::run::options;
use crate::boot::{Machine, NotFirst, Repaired};
use crate::core::signal_meaning::Role;
use crate::supervisor::{self, Begun, Ended};
use crate::sys::process::Pid;
use argh::FromArgs;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Comes up, supervises, and ends the machine, whatever happens: the kernel panics when its first process exits.
///
/// # Errors
/// That we are not the first process; in a container, also what keeps the supervisor from beginning.
pub fn run(command: &Run) -> Result<Exit, Failure> {
    let machine = Machine::begin().map_err(|NotFirst(pid)| {
        Failure::Failed(format!(
            "--boot is for the first process of a machine or of a container, and this is process {pid}; leave it out"
        ))
    })?;
    loop {
        let failure = match begin(command, &machine) {
            Ok(begun) => match begun.run() {
                Ok(Ended { code, after }) => {
                    machine.end(after);
                    return Ok(Exit::As(code));
                }
                Err(error) => {
                    // Nobody knows its processes any more, and the next one starts others.
                    machine.clear();
                    Failure::from(error)
                }
            },
            Err(failure) => failure,
        };
        if !machine.must_not_end() {
            return Err(failure);
        }
        complain(&failure.to_string());
        match machine.repair() {
            Repaired::TryAgain => {}
            Repaired::End(after) => machine.end(after),
        }
    }
}

fn begin(command: &Run, machine: &Machine) -> Result<Begun, Failure> {
    let options = options(command.clone(), Role::Machine)?;
    machine.set_name(options.configuration.supervisor.hostname.as_deref());
    supervisor::begin(options).map_err(Failure::from)
}

/// The command of a first process that a kernel has started; `None` if this is another process, or another command.
///
/// A kernel hands on the words of its own command line that it does not understand, before those that stand behind `--`
/// (`init/main.c`); so those before `run` are not for us. By the name of `init` it is `run --boot` in any case. What is
/// wrong with it must not end it: it is said, and the configuration is looked for where it is by default.
pub fn command_of_kernel(name: &OsStr, words: &[OsString]) -> Option<Run> {
    if Pid::own().get() != 1 {
        return None;
    }
    let words = words_of_run(name, words)?;
    let why = match parse(words.into_iter()) {
        Ok(Parsed::Do { command, .. }) => match *command {
            Command::Run(run) => return Some(run),
            _ => String::from("this is no command for a first process"),
        },
        Ok(Parsed::Print(text)) => text,
        Err(failure) => failure.to_string(),
    };
    complain(&format!("{why}; the default configuration is used"));
    by_default()
}

fn by_default() -> Option<Run> {
    Run::from_args(&["run"], &["--boot"]).ok()
}

/// The words from `run` on, with `--boot` among them; `None` if it is not asked for.
fn words_of_run(name: &OsStr, words: &[OsString]) -> Option<Vec<OsString>> {
    let is_init = Path::new(name).file_name() == Some(OsStr::new("init"));
    let own = words.iter().position(|word| word == "run").and_then(|at| words.get(at..)).unwrap_or_default();
    let says_boot = own.iter().any(|word| word == "--boot");
    match (is_init, own) {
        (false, _) if !says_boot => None,
        (_, []) => Some(vec!["run".into(), "--boot".into()]),
        (_, own) if says_boot => Some(own.to_vec()),
        (_, own) => Some(own.iter().cloned().chain(["--boot".into()]).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: &str, line: &str) -> Option<String> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let found = words_of_run(OsStr::new(name), &words)?;
        Some(found.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_kernel_says_more_than_is_meant_for_us() {
        let of = |name, line| words(name, line).unwrap();
        assert_eq!(of("/sbin/init", ""), "run --boot");
        assert_eq!(of("init", "splash single -z"), "run --boot");
        assert_eq!(of("/init", "splash run /etc/shed.toml"), "run /etc/shed.toml --boot");
        assert_eq!(of("/procnanny", "splash run --boot /etc/shed.toml"), "run --boot /etc/shed.toml");
        for (name, line) in
            [("/procnanny", ""), ("/procnanny", "run /x"), ("/procnanny", "init -- run x"), ("tini", "x")]
        {
            assert_eq!(words(name, line), None, "{name} {line}");
        }
    }

    #[test]
    fn by_default_it_is_what_it_says() {
        let run = by_default().unwrap();
        assert!(run.boot && run.path.is_none());
        // We are another process.
        assert!(command_of_kernel(OsStr::new("init"), &[]).is_none());
    }
}
