//! The options of dumb-init 1.2, and its variables.

use super::reader::{self, Row};
use super::{Asked, values};
use crate::init::options::{Descriptors, Isolation, Leftovers, Options, Scope, Verbosity};
use crate::init::relay::{Rewrite, Rewrites};
use libc::{SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
use std::ffi::OsString;

#[derive(Clone, Copy, Debug)]
enum Given {
    SingleChild,
    Rewrite,
    Verbose,
    Help,
    Version,
}

const ROWS: [Row<Given>; 5] = [
    Row {
        short: Some('c'),
        long: Some("single-child"),
        value: None,
        meaning: Given::SingleChild,
        doc: "signals go to the command alone, which stays in the session",
    },
    Row {
        short: Some('r'),
        long: Some("rewrite"),
        value: Some("s:r"),
        meaning: Given::Rewrite,
        doc: "s is sent on as r, or not at all if r is 0; repeatable",
    },
    Row {
        short: Some('v'),
        long: Some("verbose"),
        value: None,
        meaning: Given::Verbose,
        doc: "say all that is done",
    },
    Row {
        short: Some('h'),
        long: Some("help"),
        value: None,
        meaning: Given::Help,
        doc: "print this and end",
    },
    Row {
        short: Some('V'),
        long: Some("version"),
        value: None,
        meaning: Given::Version,
        doc: "print the version and end",
    },
];

/// Reads the words after `dumb-init`.
///
/// # Errors
/// A sentence on what is wrong.
pub fn read(
    words: impl Iterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Asked, String> {
    let line = reader::read(&ROWS, words)?;
    let is = |name, value: &str| environment(name).is_some_and(|given| given == *value);
    let mut isolation = if is("DUMB_INIT_SETSID", "0") { Isolation::Group } else { Isolation::Session };
    let mut verbosity = if is("DUMB_INIT_DEBUG", "1") { Verbosity::Everything } else { Verbosity::Warnings };
    let mut rewritings = Vec::new();
    for (given, value) in line.given {
        match given {
            Given::SingleChild => isolation = Isolation::Group,
            Given::Rewrite => rewritings.push(value),
            Given::Verbose => verbosity = Verbosity::Everything,
            Given::Help => return Ok(Asked::Print(help())),
            Given::Version => return Ok(Asked::Print(version())),
        }
    }
    if line.command.is_empty() {
        return Err("name the command to run".to_string());
    }
    let (scope, leftovers, mut rewrites) = match isolation {
        Isolation::Group => (Scope::Child, Leftovers::Leave, Rewrites::default()),
        Isolation::Session => (Scope::Group, Leftovers::Terminate, stops_for_a_session()),
    };
    for text in rewritings {
        values::rewrite(&text, &mut rewrites)?;
    }
    Ok(Asked::Run(Box::new(Options {
        command: line.command,
        descriptors: Descriptors::All,
        scope,
        isolation,
        leftovers,
        rewrites,
        verbosity,
        ..Options::default()
    })))
}

/// In a session of its own nobody is there who could have the command go on, so the kernel has it ignore the signals
/// of a terminal that stop; but not SIGSTOP.
fn stops_for_a_session() -> Rewrites {
    let mut rewrites = Rewrites::default();
    for signal in [SIGTSTP, SIGTTIN, SIGTTOU] {
        // These can all be rewritten.
        let _ = rewrites.set(signal, Rewrite::To(SIGSTOP));
    }
    rewrites
}

fn version() -> String {
    format!("procnanny {} as dumb-init, with the options of dumb-init 1.2\n", env!("CARGO_PKG_VERSION"))
}

fn help() -> String {
    format!(
        "\
Usage: dumb-init [OPTIONS] [--] COMMAND [ARGS]

Runs a command in a session of its own, forwards signals to all of it, reaps orphans, and exits as the command did.
This is procnanny in place of dumb-init; see procnanny(1).

Options:
{}
Environment:
  DUMB_INIT_SETSID=0       as -c
  DUMB_INIT_DEBUG=1        as -v
",
        reader::help(&ROWS)
    )
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    #[test]
    fn a_session_unless_told_otherwise() {
        let plain = Role::DumbInit.options_of("prog -c", &[("DUMB_INIT_SETSID", "1")]);
        assert_eq!((plain.isolation, plain.scope), (Isolation::Session, Scope::Group));
        assert_eq!((plain.leftovers, plain.descriptors), (Leftovers::Terminate, Descriptors::All));
        assert_eq!(plain.rewrites.apply(SIGTSTP), Some(SIGSTOP));
        assert_eq!(plain.command, ["prog", "-c"]);
        for single in [
            Role::DumbInit.options_of("-c prog", &[]),
            Role::DumbInit.options_of("--single-child prog", &[]),
            Role::DumbInit.options_of("prog", &[("DUMB_INIT_SETSID", "0")]),
        ] {
            assert_eq!((single.isolation, single.scope), (Isolation::Group, Scope::Child));
            assert_eq!(single.leftovers, Leftovers::Leave);
            assert_eq!(single.rewrites.apply(SIGTSTP), Some(SIGTSTP));
        }
    }

    #[test]
    fn every_option_is_that_of_dumb_init() {
        let all = Role::DumbInit.options_of("-v -r 15:3 --rewrite 1:0 -r 20:20 -- prog", &[]);
        assert_eq!(all.verbosity, Verbosity::Everything);
        assert_eq!([15, 1, 20].map(|signal| all.rewrites.apply(signal)), [Some(3), None, Some(20)]);
        assert_eq!(
            Role::DumbInit.options_of("prog", &[("DUMB_INIT_DEBUG", "1")]).verbosity,
            Verbosity::Everything
        );
        for (line, part) in [("-h", "DUMB_INIT_SETSID"), ("-V", "as dumb-init")] {
            let Ok(Asked::Print(text)) = Role::DumbInit.understand_line(line, &[]) else { panic!("{line}") };
            assert!(text.contains(part), "{text}");
        }
        for line in ["", "-r 9:15 prog", "-r 17:15 prog", "-r 1 prog", "-r 1:99 prog", "-Z prog"] {
            assert!(Role::DumbInit.understand_line(line, &[]).is_err(), "{line}");
        }
    }
}
