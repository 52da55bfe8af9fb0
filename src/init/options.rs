//! What an init can be told: a closed set, checked by whoever reads it from a command line.

use super::relay::Rewrites;
use crate::sys::wait::Ending;
use std::borrow::Cow;
use std::ffi::OsString;
use std::time::Duration;

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What to execute, and its arguments.
    pub command: Vec<OsString>,
    /// Where signals go.
    pub scope: Scope,
    /// What the command is set apart by.
    pub isolation: Isolation,
    /// Which descriptors the command gets.
    pub descriptors: Descriptors,
    /// What becomes of signals on their way.
    pub rewrites: Rewrites,
    /// The signal that we are sent, and thus the command, when the parent ends.
    pub parent_death: Option<i32>,
    /// The exit codes that are told as 0.
    pub successes: SuccessCodes,
    /// How long after SIGTERM the command is killed; `None`: never.
    pub stop_timeout: Option<Duration>,
    /// Whether orphans are ours.
    pub adoption: Adoption,
    /// What is said of an orphan that was reaped.
    pub on_orphan: OnOrphan,
    /// What becomes of the rest of the command's group when the command has ended.
    pub leftovers: Leftovers,
    /// What is said at all.
    pub verbosity: Verbosity,
}

impl Options {
    /// The name of what is executed, as people read it.
    #[must_use]
    pub fn command_name(&self) -> Cow<'_, str> {
        self.command.first().map_or(Cow::Borrowed(""), |command| command.to_string_lossy())
    }
}

/// Where signals go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// To the command's process.
    #[default]
    Child,
    /// To all processes of its group.
    Group,
}

/// What the command is set apart by, so that signals of the terminal reach it once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Isolation {
    /// A process group, in the foreground of the terminal if ours is there.
    #[default]
    Group,
    /// A session, to which we leave the terminal if it is ours alone.
    Session,
}

/// Which descriptors the command gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Descriptors {
    /// 0, 1 and 2.
    #[default]
    Standard,
    /// All that we were given.
    All,
}

/// Whether orphans among the descendants are ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Adoption {
    /// Always: as a subreaper where we are not the first process of a pid namespace.
    #[default]
    Always,
    /// Only as the first process of a pid namespace.
    AsFirstProcess,
}

/// What is said of an orphan that was reaped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnOrphan {
    /// Nothing.
    #[default]
    Silent,
    /// A warning.
    Warn,
}

/// What becomes of the rest of the command's group when the command has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Leftovers {
    /// Nothing. Where we are the first process of a pid namespace, the kernel kills all that is in it.
    #[default]
    Leave,
    /// It is sent SIGTERM.
    Terminate,
}

/// What is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Why nothing was executed.
    Errors,
    /// Also what went wrong on the way.
    #[default]
    Warnings,
    /// All that is done.
    Everything,
}

/// A set of exit codes that are told as 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SuccessCodes([u128; 2]);

impl SuccessCodes {
    /// Adds one.
    pub fn insert(&mut self, code: u8) {
        let [low, high] = &mut self.0;
        let half = if code < 128 { low } else { high };
        *half |= 1 << (code % 128);
    }

    fn contains(self, code: u8) -> bool {
        let [low, high] = self.0;
        let half = if code < 128 { low } else { high };
        half & (1 << (code % 128)) != 0
    }

    /// The exit code that tells of an ending: its own, or 128 and the number of the signal, as shells have it.
    #[must_use]
    pub fn code_of(self, ending: Ending) -> u8 {
        let code = match ending {
            Ending::Exited(code) => code,
            Ending::Killed { signal, .. } => 128 + signal,
        };
        // The kernel keeps eight bits of a code, and signals end at 64 (128 on MIPS, where the highest does not fit).
        let code = u8::try_from(code).unwrap_or(u8::MAX);
        if self.contains(code) { 0 } else { code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_has_the_code_that_shells_give_it() {
        let plain = SuccessCodes::default();
        for code in 0..=255 {
            assert_eq!(i32::from(plain.code_of(Ending::Exited(code))), code);
        }
        for signal in 1..=64 {
            let killed = Ending::Killed { signal, core_dumped: signal % 2 == 0 };
            assert_eq!(i32::from(plain.code_of(killed)), 128 + signal);
        }
        let strange = Ending::Killed { signal: 128, core_dumped: false };
        assert_eq!(plain.code_of(strange), 255);
    }

    #[test]
    fn codes_of_success_are_told_as_zero_and_no_others() {
        for success in [0, 1, 127, 128, 143, 255] {
            let mut codes = SuccessCodes::default();
            codes.insert(success);
            for code in 0..=255 {
                let expected = if code == success { 0 } else { code };
                assert_eq!(codes.code_of(Ending::Exited(code.into())), expected);
            }
        }
    }
}
