//! From words to a command. argh reads them; here is what people expect beside that: `--option=value`, `help`,
//! `--help` anywhere, the nearest command for a mistyped one, and errors of one line.

use super::arguments::{Command, TopLevel};
use super::exit::Failure;
use super::help::help;
use crate::core::nearest::nearest;
use argh::{ArgsInfo, CommandInfo, EarlyExit, FlagInfo, FlagInfoKind, FromArgs, SubCommands};
use std::ffi::OsString;

/// What a command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// To do something.
    Do {
        /// The supervisor to talk to, if one is named.
        rpc: Option<String>,
        /// What.
        command: Box<Command>,
    },
    /// To print this: help, or the version.
    Print(String),
}

/// Reads the arguments, without the name of the program.
///
/// # Errors
/// [`Failure::Usage`].
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Parsed, Failure> {
    let words: Result<Vec<String>, OsString> = arguments.map(OsString::into_string).collect();
    let words = words.map_err(|word| {
        let shown = word.to_string_lossy().into_owned();
        Failure::Usage(format!("the argument '{shown}' is not UTF-8, which names and settings have to be"))
    })?;
    let line = match Line::split(words)? {
        Asked::Help(command) => return Ok(Parsed::Print(help(command.as_deref()))),
        Asked::Line(line) => line,
    };
    let arguments: Vec<&str> = line.words.iter().map(String::as_str).collect();
    let top = match TopLevel::from_args(&["procnanny"], &arguments) {
        Ok(top) => top,
        Err(exit) if exit.status.is_ok() => return Ok(Parsed::Print(exit.output)),
        Err(exit) => return Err(line.refused(&exit)),
    };
    if top.version {
        return Ok(Parsed::Print(format!("procnanny {}\n", env!("CARGO_PKG_VERSION"))));
    }
    match top.command {
        Some(command) => Ok(Parsed::Do { rpc: top.rpc, command: Box::new(command) }),
        None => Err(Failure::Usage("name a command; 'procnanny --help' lists them".to_string())),
    }
}

/// All commands, as they are listed.
pub fn commands() -> &'static [&'static CommandInfo] {
    Command::COMMANDS
}

/// What the words are.
enum Asked {
    /// A request for help, with a command or with all of them.
    Help(Option<String>),
    /// Something to be read by argh.
    Line(Line),
}

/// A command line as argh reads it.
struct Line {
    words: Vec<String>,
    command: Option<String>,
}

impl Line {
    fn split(words: Vec<String>) -> Result<Asked, Failure> {
        let mut global = Vec::new();
        let mut rest = words.into_iter();
        let mut command = None;
        let top = TopLevel::get_args_info();
        while let Some(word) = rest.next() {
            if !word.starts_with('-') {
                command = Some(word);
                break;
            }
            let takes_value = word == "--rpc";
            global.extend(parted(word, top.flags));
            if takes_value {
                global.extend(rest.next());
            }
        }
        let mut asked_for_help = asks_for_help(&global);
        let mut rest: Vec<String> = rest.collect();
        let command = match command {
            Some(command) if command == "help" => {
                asked_for_help = true;
                if rest.is_empty() { None } else { Some(rest.remove(0)) }
            }
            other => other,
        };
        let Some(command) = command else {
            let line = Self { words: global, command: None };
            return Ok(if asked_for_help { Asked::Help(None) } else { Asked::Line(line) });
        };
        if !commands().iter().any(|known| known.name == command) {
            return Err(unknown(&command));
        }
        // These know best what is a value and what is not, and what help there is.
        let reads_itself = matches!(command.as_str(), "create" | "update" | "init");
        if !reads_itself {
            let info = top.commands.iter().find(|known| known.name == command);
            rest = part_all(rest, info.map_or(&[], |info| info.command.flags));
            if asked_for_help || asks_for_help(&rest) {
                return Ok(Asked::Help(Some(command)));
            }
        } else if asked_for_help {
            (global, rest) = (Vec::new(), vec!["--help".to_string()]);
        }
        let words = global.into_iter().chain([command.clone()]).chain(rest).collect();
        Ok(Asked::Line(Self { words, command: Some(command) }))
    }

    /// What argh refused, as one line.
    fn refused(&self, exit: &EarlyExit) -> Failure {
        let words: Vec<&str> = exit.output.split_whitespace().collect();
        let mut sentence = words.join(" ");
        if let Some(first) = sentence.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        let sentence = sentence.trim_end_matches('.');
        if sentence == "unrecognized argument: --rpc" {
            let order = "--rpc goes before the command: procnanny --rpc ENDPOINT COMMAND";
            return Failure::Usage(order.to_string());
        }
        if sentence.ends_with('?') {
            return Failure::Usage(sentence.to_string());
        }
        let help = match &self.command {
            Some(command) => format!("procnanny {command} --help"),
            None => "procnanny --help".to_string(),
        };
        Failure::Usage(format!("{sentence}; see '{help}'"))
    }
}

/// Whether the words, up to a `--`, ask for help.
fn asks_for_help(words: &[String]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "--help" || word == "-h")
}

/// `--option=value` as two words, which argh does not know, up to a `--`.
fn part_all(words: Vec<String>, options: &[FlagInfo<'_>]) -> Vec<String> {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let mut result = Vec::with_capacity(words.len());
    for (index, word) in words.into_iter().enumerate() {
        if index < end { result.extend(parted(word, options)) } else { result.push(word) }
    }
    result
}

fn parted(word: String, options: &[FlagInfo<'_>]) -> Vec<String> {
    let takes_value = |name: &str| {
        let is_it = |flag: &&FlagInfo<'_>| flag.long == name && flag.kind != FlagInfoKind::Switch;
        options.iter().any(|flag| is_it(&flag))
    };
    match word.split_once('=') {
        Some((option, value)) if takes_value(option) => vec![option.to_string(), value.to_string()],
        Some(_) | None => vec![word],
    }
}

fn unknown(command: &str) -> Failure {
    let names = commands().iter().map(|known| known.name);
    let sentence = match nearest(command, names) {
        Some(near) => format!("there is no command '{command}'; did you mean '{near}'?"),
        None => format!("there is no command '{command}'; 'procnanny --help' lists them"),
    };
    Failure::Usage(sentence)
}

#[cfg(test)]
mod tests {
    use super::super::values::{Period, Since};
    use super::*;
    use std::time::Duration;

    fn parsed(line: &str) -> Result<Parsed, Failure> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn command(line: &str) -> Command {
        match parsed(line) {
            Ok(Parsed::Do { command, .. }) => *command,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn printed(line: &str) -> String {
        match parsed(line) {
            Ok(Parsed::Print(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refused(line: &str) -> String {
        match parsed(line) {
            Err(Failure::Usage(sentence)) => sentence,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn options_take_values_with_and_without_an_equals_sign() {
        for line in ["start web --timeout 2.5", "start --timeout=2500ms web"] {
            let Command::Start(start) = command(line) else { panic!("{line}") };
            assert_eq!(start.timeout, Some(Period(Duration::from_millis(2500))));
            assert_eq!(start.selectors, ["web"]);
        }
        let Command::Events(events) = command("events --since=now -f") else { panic!() };
        assert_eq!((events.since, events.follow), (Some(Since::Now), true));
        let Command::Call(call) = command("call wait state=running --") else { panic!() };
        assert_eq!(call.arguments, ["state=running"]);
    }

    #[test]
    fn rpc_goes_before_the_command() {
        for line in ["--rpc ipc:///x status", "--rpc=ipc:///x status"] {
            let Ok(Parsed::Do { rpc, .. }) = parsed(line) else { panic!("{line}") };
            assert_eq!(rpc.as_deref(), Some("ipc:///x"));
        }
        assert!(refused("status --rpc ipc:///x").contains("before the command"));
        assert!(refused("--rpc").contains("no value provided"));
    }

    #[test]
    fn help_is_found_wherever_it_is_asked_for() {
        for command in commands() {
            for line in ["X --help", "X -h", "help X", "--help X", "--rpc ipc:///x X --help"] {
                let line = line.replace('X', command.name);
                let text = printed(&line);
                assert!(text.starts_with(&format!("Usage: procnanny {}", command.name)), "{line}: {text}");
                assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{line}: {text:?}");
            }
        }
        for line in ["--help", "-h", "help"] {
            let text = printed(line);
            assert!(text.starts_with("Usage: procnanny"), "{text}");
            assert!(
                commands().iter().all(|command| text.contains(&format!("\n  {}  ", command.name))),
                "{text}"
            );
        }
        assert!(printed("status --json --help").contains("--watch"));
        assert!(printed("--version").starts_with("procnanny "));
        // After `--` it is somebody else's.
        assert!(matches!(command("create web -- prog --help"), Command::Create(_)));
        // A program may have this name.
        let Command::Status(status) = command("status help") else { panic!() };
        assert_eq!(status.selectors, ["help"]);
    }

    #[test]
    fn errors_are_one_line_that_says_where_help_is() {
        assert_eq!(refused("stauts"), "there is no command 'stauts'; did you mean 'status'?");
        assert_eq!(refused("fizzle"), "there is no command 'fizzle'; 'procnanny --help' lists them");
        assert_eq!(refused("status --jsn"), "unrecognized argument: --jsn; see 'procnanny status --help'");
        assert!(refused("scale web").contains("not provided: instances; see 'procnanny scale --help'"));
        assert!(refused("start web --timeout soon").contains("such as \"500ms\""));
        assert!(refused("transition flying web").contains("expected one of new, waiting"));
        assert!(refused("").contains("name a command"));
        for line in ["scale web many", "events --since -1", "status --watch=1", "scale web -1"] {
            assert!(!refused(line).contains('\n'), "{line}");
        }
    }
}
