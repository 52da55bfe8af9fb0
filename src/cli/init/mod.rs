//! `init`, and what it is called where it stands in for another init: from the words of a command line to
//! [`crate::init::Options`]. It is read without argh, as an init is to be quick and small.
//!
//! | file | what is there |
//! | --- | --- |
//! | `reader` | options as getopt(3) has them, from a table of rows |
//! | `own` | those of `procnanny init` |
//! | `tini`, `dumb_init` | those of the programs it stands in for, by whose name it was called |
//! | `values` | signals and exit codes |

mod dumb_init;
mod own;
mod reader;
mod tini;
mod values;

pub use own::options;
pub use reader::Written;

use super::exit::{Exit, Failure, conclude, say};
use crate::init::options::Options;
use crate::init::{self, InitError};
use crate::sys::process;
use argh::{ArgsInfo, CommandInfo, CommandInfoWithArgs, EarlyExit, FromArgs, SubCommand};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// As what it was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `procnanny init`
    Own,
    /// `tini`
    Tini,
    /// `dumb-init`
    DumbInit,
}

/// What a command line asks for.
#[derive(Debug)]
enum Asked {
    /// To be the init of a command.
    Run(Box<Options>),
    /// To print this.
    Print(String),
}

impl Role {
    /// What the name that the program was called by stands for; `None` if for none of them.
    pub fn of_name(name: &OsStr) -> Option<Self> {
        match Path::new(name).file_name()?.to_str()? {
            "tini" => Some(Self::Tini),
            "dumb-init" => Some(Self::DumbInit),
            _ => None,
        }
    }

    fn read(self, words: impl Iterator<Item = OsString>) -> Result<Asked, Failure> {
        self.understand(words, |name| std::env::var_os(name)).map_err(|why| match self {
            Self::Own => Failure::Usage(with_help(&why, "procnanny init --help")),
            // These end with 1 when they are used in a wrong way.
            Self::Tini => Failure::Failed(with_help(&why, "tini -h")),
            Self::DumbInit => Failure::Failed(with_help(&why, "dumb-init --help")),
        })
    }

    fn understand(
        self,
        words: impl Iterator<Item = OsString>,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Asked, String> {
        match self {
            Self::Own => own::read(words),
            Self::Tini => tini::read(words, environment),
            Self::DumbInit => dumb_init::read(words, environment),
        }
    }
}

fn with_help(why: &str, help: &str) -> String {
    // A question has said already what to do.
    if why.ends_with('?') { why.to_string() } else { format!("{why}; see '{help}'") }
}

/// Carries out what the words after the name, or after `init`, ask for; the exit code. Nothing may have been done
/// before.
pub fn enter(role: Role, words: impl Iterator<Item = OsString>) -> u8 {
    let asked = init::hold_signals().map_err(Failure::from).and_then(|()| role.read(words));
    conclude(asked.and_then(carry_out))
}

fn carry_out(asked: Asked) -> Result<Exit, Failure> {
    match asked {
        Asked::Print(text) => say(&text).map(|()| Exit::Done),
        Asked::Run(options) => {
            let code = init::run(&options)?;
            // At once: nothing is left to be written or cleaned up, and all of libzmq's ends of a program cost time.
            process::exit_now(code.into())
        }
    }
}

impl From<InitError> for Failure {
    fn from(error: InitError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// `init`, where it was not the first word, or among the other commands.
#[derive(Debug)]
pub struct InitCommand(Vec<String>);

impl InitCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// [`Failure::Usage`] for the words, [`Failure::Failed`] for what keeps it from beginning.
    pub fn carry_out(self) -> Result<Exit, Failure> {
        init::hold_signals()?;
        Role::Own.read(self.0.into_iter().map(OsString::from)).and_then(carry_out)
    }
}

impl FromArgs for InitCommand {
    fn from_args(_: &[&str], arguments: &[&str]) -> Result<Self, EarlyExit> {
        match arguments {
            ["--help" | "-h", ..] => Err(EarlyExit { output: own::help(), status: Ok(()) }),
            words => Ok(Self(words.iter().map(|word| (*word).to_string()).collect())),
        }
    }
}

impl SubCommand for InitCommand {
    const COMMAND: &'static CommandInfo = &CommandInfo {
        name: "init",
        short: &'\0',
        description: "be the first process of a container, for one command",
    };
}

/// Its options are in a table of its own, and not here: see [`options`].
impl ArgsInfo for InitCommand {
    fn get_args_info() -> CommandInfoWithArgs {
        super::arguments::without_arguments(Self::COMMAND)
    }
}

#[cfg(test)]
impl Role {
    /// What a line, split at blanks, asks for in an environment of these variables.
    fn understand_line(self, line: &str, variables: &[(&str, &str)]) -> Result<Asked, String> {
        let of = |name: &str| Some(OsString::from(variables.iter().find(|(known, _)| *known == name)?.1));
        self.understand(line.split_whitespace().map(OsString::from), of)
    }

    /// The options of a line that asks for a command to be run.
    fn options_of(self, line: &str, variables: &[(&str, &str)]) -> Options {
        match self.understand_line(line, variables) {
            Ok(Asked::Run(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_last_part_of_a_path() {
        let of = |name: &str| Role::of_name(OsStr::new(name));
        assert_eq!(of("/sbin/tini"), Some(Role::Tini));
        assert_eq!(of("tini"), Some(Role::Tini));
        assert_eq!(of("./dumb-init"), Some(Role::DumbInit));
        for other in ["", "/", "procnanny", "/tini/procnanny", "tini2", "Tini"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
