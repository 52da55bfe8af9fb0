//! The options of `procnanny init`.

use super::reader::{self, Row, Written};
use super::{Asked, values};
use crate::config::units::parse_duration;
use crate::init::options::{OnOrphan, Options, Scope, Verbosity};
use std::ffi::OsString;

#[derive(Clone, Copy, Debug)]
enum Given {
    Group,
    Rewrite,
    ParentDeath,
    SuccessCode,
    StopTimeout,
    Warn,
    Verbose,
    Help,
}

const ROWS: [Row<Given>; 8] = [
    Row {
        short: Some('g'),
        long: Some("group"),
        value: None,
        meaning: Given::Group,
        doc: "signals go to the whole process group of the command",
    },
    Row {
        short: Some('r'),
        long: Some("rewrite"),
        value: Some("FROM:TO"),
        meaning: Given::Rewrite,
        doc: "FROM is sent on as TO, or not at all if TO is 0; repeatable",
    },
    Row {
        short: Some('p'),
        long: None,
        value: Some("SIGNAL"),
        meaning: Given::ParentDeath,
        doc: "the command is sent SIGNAL when the parent of init ends",
    },
    Row {
        short: Some('e'),
        long: None,
        value: Some("CODE"),
        meaning: Given::SuccessCode,
        doc: "the exit code CODE (0 to 255) counts as 0; repeatable",
    },
    Row {
        short: None,
        long: Some("stop-timeout"),
        value: Some("S"),
        meaning: Given::StopTimeout,
        doc: "the command is killed so long after TERM; by default never",
    },
    Row {
        short: Some('w'),
        long: None,
        value: None,
        meaning: Given::Warn,
        doc: "warn when an orphan is reaped",
    },
    Row { short: Some('v'), long: None, value: None, meaning: Given::Verbose, doc: "say all that is done" },
    Row {
        short: Some('h'),
        long: Some("help"),
        value: None,
        meaning: Given::Help,
        doc: "display usage information",
    },
];

/// Reads the words after `init`.
///
/// # Errors
/// A sentence on what is wrong.
pub fn read(words: impl Iterator<Item = OsString>) -> Result<Asked, String> {
    let line = reader::read(&ROWS, words)?;
    let mut options = Options { command: line.command, ..Options::default() };
    for (given, value) in line.given {
        match given {
            Given::Group => options.scope = Scope::Group,
            Given::Rewrite => values::rewrite(&value, &mut options.rewrites)?,
            Given::ParentDeath => options.parent_death = Some(values::signal(&value)?),
            Given::SuccessCode => options.successes.insert(values::exit_code(&value)?),
            Given::StopTimeout => {
                options.stop_timeout = Some(parse_duration(&value).map_err(|error| error.to_string())?);
            }
            Given::Warn => options.on_orphan = OnOrphan::Warn,
            Given::Verbose => options.verbosity = Verbosity::Everything,
            Given::Help => return Ok(Asked::Print(help())),
        }
    }
    if options.command.is_empty() {
        return Err("name the command to run, after --".to_string());
    }
    Ok(Asked::Run(Box::new(options)))
}

/// The options, as they are written.
pub fn options() -> impl Iterator<Item = Written> {
    ROWS.iter().map(Row::written)
}

/// What people read.
pub fn help() -> String {
    format!(
        "\
Usage: procnanny init [<options>] [--] <command> [<args>]

be the first process of a container, for one command: forward every signal to it, reap every orphan, and exit as it
did: with its code, 128 + n for a death by signal n, 127 if it is not found, 126 if it cannot be executed

Options:
{}
Called by the name tini or dumb-init, as through a link, procnanny is this init with the options of that program.

Examples:
  procnanny init -- nginx -g 'daemon off;'
  procnanny init --rewrite TERM:QUIT --stop-timeout 9s -- gunicorn app
",
        reader::help(&ROWS)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::wait::Ending;
    use std::time::Duration;

    fn read(line: &str) -> Result<Asked, String> {
        super::read(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_are_set_and_the_rest_is_as_it_was() {
        let line = "-gwv -r TERM:QUIT --rewrite=HUP:0 -p KILL -e 143 -e 3 --stop-timeout 1.5 -- ls -v";
        let Ok(Asked::Run(options)) = read(line) else { panic!("{line}") };
        assert_eq!((options.scope, options.on_orphan), (Scope::Group, OnOrphan::Warn));
        assert_eq!(options.verbosity, Verbosity::Everything);
        assert_eq!(options.rewrites.apply(libc::SIGTERM), Some(libc::SIGQUIT));
        assert_eq!(options.rewrites.apply(libc::SIGHUP), None);
        assert_eq!(options.parent_death, Some(libc::SIGKILL));
        assert_eq!([3, 143, 4].map(|code| options.successes.code_of(Ending::Exited(code))), [0, 0, 4]);
        assert_eq!(options.stop_timeout, Some(Duration::from_millis(1500)));
        assert_eq!(options.command, ["ls", "-v"]);
        let Ok(Asked::Run(plain)) = read("ls") else { panic!() };
        assert_eq!((plain.scope, plain.stop_timeout, plain.parent_death), (Scope::Child, None, None));
        assert!(matches!(read("-h"), Ok(Asked::Print(_))));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, why) in [
            ("", "name the command"),
            ("-g --", "name the command"),
            ("-p FOO x", "is no signal"),
            ("-p 0 x", "is no signal"),
            ("-e 256 x", "is no exit code"),
            ("-r 9:15 x", "cannot be rewritten"),
            ("--stop-timeout soon x", "not a duration"),
            ("--stop-timeot 3 x", "did you mean --stop-timeout?"),
        ] {
            let sentence = read(line).unwrap_err();
            assert!(sentence.contains(why), "{line}: {sentence}");
        }
    }
}
