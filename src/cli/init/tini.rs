//! The options of tini 0.19, and its variables.

use super::reader::{self, Row};
use super::{Asked, values};
use crate::init::options::{Adoption, Descriptors, OnOrphan, Options, Scope, Verbosity};
use std::ffi::OsString;

#[derive(Clone, Copy, Debug)]
enum Given {
    Subreaper,
    ParentDeath,
    Verbose,
    Warn,
    Group,
    SuccessCode,
    License,
    Help,
    Version,
}

const fn row(
    short: Option<char>,
    long: Option<&'static str>,
    value: Option<&'static str>,
    meaning: Given,
    doc: &'static str,
) -> Row<Given> {
    Row { short, long, value, meaning, doc }
}

const ROWS: [Row<Given>; 9] = [
    row(None, Some("version"), None, Given::Version, "print the version and end"),
    row(Some('h'), None, None, Given::Help, "print this and end"),
    row(Some('s'), None, None, Given::Subreaper, "reap orphans as a subreaper where it is not process 1"),
    row(
        Some('p'),
        None,
        Some("SIGNAL"),
        Given::ParentDeath,
        "the program is sent SIGNAL when the parent of tini ends",
    ),
    row(Some('v'), None, None, Given::Verbose, "say more; repeatable"),
    row(Some('w'), None, None, Given::Warn, "warn when an orphan is reaped"),
    row(Some('g'), None, None, Given::Group, "signals go to the whole process group of the program"),
    row(
        Some('e'),
        None,
        Some("EXIT_CODE"),
        Given::SuccessCode,
        "the exit code EXIT_CODE (0 to 255) counts as 0; repeatable",
    ),
    row(Some('l'), None, None, Given::License, "print the licence and end"),
];

/// Reads the words after `tini`.
///
/// # Errors
/// A sentence on what is wrong.
pub fn read(
    words: impl Iterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Asked, String> {
    let line = reader::read(&ROWS, words)?;
    let mut options = Options {
        command: line.command,
        adoption: Adoption::AsFirstProcess,
        descriptors: Descriptors::All,
        ..Options::default()
    };
    let mut verbosity: i32 = 1;
    for (given, value) in line.given {
        match given {
            Given::Subreaper => options.adoption = Adoption::Always,
            Given::ParentDeath => options.parent_death = Some(values::signal(&value)?),
            Given::Verbose => verbosity = verbosity.saturating_add(1),
            Given::Warn => options.on_orphan = OnOrphan::Warn,
            Given::Group => options.scope = Scope::Group,
            Given::SuccessCode => options.successes.insert(values::exit_code(&value)?),
            Given::License => return Ok(Asked::Print(LICENSE.to_string())),
            Given::Help => return Ok(Asked::Print(help())),
            Given::Version => return Ok(Asked::Print(version())),
        }
    }
    if environment("TINI_SUBREAPER").is_some() {
        options.adoption = Adoption::Always;
    }
    if environment("TINI_KILL_PROCESS_GROUP").is_some() {
        options.scope = Scope::Group;
    }
    if let Some(given) = environment("TINI_VERBOSITY") {
        let number = given.to_str().and_then(|text| text.parse().ok());
        verbosity = number.ok_or_else(|| format!("TINI_VERBOSITY is {given:?}, which is no number"))?;
    }
    options.verbosity = match verbosity {
        ..=0 => Verbosity::Errors,
        1 => Verbosity::Warnings,
        2.. => Verbosity::Everything,
    };
    if options.command.is_empty() {
        return Err("name the program to run".to_string());
    }
    Ok(Asked::Run(Box::new(options)))
}

const LICENSE: &str = "This is procnanny, which is licensed under MIT or Apache-2.0, as you like.\n";

fn version() -> String {
    format!("procnanny {} as tini, with the options of tini 0.19\n", env!("CARGO_PKG_VERSION"))
}

fn help() -> String {
    format!(
        "\
Usage: tini [OPTIONS] [--] PROGRAM [ARGS]

{}
This is procnanny in place of tini; see procnanny(1).

Options:
{}
Environment:
  TINI_SUBREAPER           as -s
  TINI_KILL_PROCESS_GROUP  as -g
  TINI_VERBOSITY           0: errors alone; 1, the default: warnings; 2 and more: all that is done
",
        "Runs a program, forwards signals to it, reaps orphans, and exits as it did.",
        reader::help(&ROWS)
    )
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;
    use crate::sys::wait::Ending;

    #[test]
    fn every_option_is_that_of_tini() {
        let all = Role::Tini.options_of("-s -p SIGKILL -vvv -w -g -e 143 -e3 -- prog -x", &[]);
        assert_eq!(
            (all.adoption, all.scope, all.on_orphan),
            (Adoption::Always, Scope::Group, OnOrphan::Warn)
        );
        assert_eq!((all.parent_death, all.verbosity), (Some(libc::SIGKILL), Verbosity::Everything));
        assert_eq!([3, 143, 4].map(|code| all.successes.code_of(Ending::Exited(code))), [0, 0, 4]);
        assert_eq!(all.command, ["prog", "-x"]);
        let plain = Role::Tini.options_of("prog", &[]);
        assert_eq!((plain.adoption, plain.scope), (Adoption::AsFirstProcess, Scope::Child));
        assert_eq!((plain.descriptors, plain.verbosity), (Descriptors::All, Verbosity::Warnings));
        for (line, part) in [("-h", "TINI_SUBREAPER"), ("-l", "MIT"), ("--version", "as tini")] {
            let Ok(Asked::Print(text)) = Role::Tini.understand_line(line, &[]) else { panic!("{line}") };
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn variables_say_it_too() {
        let given = [("TINI_SUBREAPER", ""), ("TINI_KILL_PROCESS_GROUP", "1"), ("TINI_VERBOSITY", "0")];
        let all = Role::Tini.options_of("-v prog", &given);
        assert_eq!((all.adoption, all.scope), (Adoption::Always, Scope::Group));
        assert_eq!(all.verbosity, Verbosity::Errors);
        assert!(
            Role::Tini.understand_line("prog", &[("TINI_VERBOSITY", "loud")]).unwrap_err().contains("loud")
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for line in ["", "--", "-Z prog", "-e 256 prog", "-p FOO prog", "--fizzle prog"] {
            assert!(Role::Tini.understand_line(line, &[]).is_err(), "{line}");
        }
    }
}
