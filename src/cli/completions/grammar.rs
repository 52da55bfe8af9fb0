//! What may stand where the cursor is, found from the words before it: from what argh knows of commands and options,
//! and from the tables of `init` and of the settings.

use super::running::Program;
use super::slot::Slot;
use crate::cli::arguments::TopLevel;
use crate::cli::init;
use crate::config::keys;
use argh::{ArgsInfo, CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality};

/// What may stand there.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// One of these words.
    Words(Words),
    /// The path of a file, after what stands before it in the same word.
    Files {
        /// That.
        prefix: String,
    },
    /// The path of a directory, after what stands before it in the same word.
    Directories {
        /// That.
        prefix: String,
    },
    /// The line of another command, which begins with the word of this index.
    Command {
        /// That.
        index: usize,
    },
}

/// Words that may stand there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// What stands before each of them in the same word.
    pub prefix: String,
    /// They.
    pub candidates: Vec<Candidate>,
}

/// A word that may stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The word.
    pub word: String,
    /// What it means, in a few words.
    pub meaning: String,
}

/// What is known beside the word itself.
pub struct Context<'a> {
    /// Finds out what programs there are at an endpoint.
    pub running: &'a dyn Fn(Option<&str>) -> Vec<Program>,
    /// The endpoint that was named.
    pub rpc: Option<&'a str>,
    /// The words that are no options, between the command and the cursor.
    pub positionals: Vec<&'a str>,
}

impl Words {
    /// None yet.
    pub fn after(prefix: &str) -> Self {
        Self { prefix: prefix.to_string(), candidates: Vec::new() }
    }

    /// Adds a word, and documentation whose beginning says what it means.
    pub fn add(&mut self, word: &str, doc: &str) {
        let end = [". ", "; ", ": "].iter().filter_map(|end| doc.find(end)).min();
        let begin = end.and_then(|end| doc.get(..end)).unwrap_or(doc);
        let (word, meaning) = (word.to_string(), begin.trim_end_matches('.').to_string());
        self.candidates.push(Candidate { word, meaning });
    }

    /// Adds a name with a value to follow.
    pub fn add_begun(&mut self, name: &str, doc: &str) {
        self.add(&format!("{name}="), doc);
    }

    /// Adds words that say by themselves what they mean.
    pub fn add_all(&mut self, words: &[&str]) {
        for word in words {
            self.add(word, "");
        }
    }
}

impl Answer {
    fn nothing() -> Self {
        Answer::Words(Words::default())
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Answer::Words(Words { candidates, .. }) if candidates.is_empty())
    }
}

/// An option.
#[derive(Clone, Copy, Debug)]
struct Choice {
    short: Option<char>,
    /// With its dashes.
    long: Option<&'static str>,
    value: Option<Slot>,
    doc: &'static str,
}

/// Which words are read as those of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// All.
    End,
    /// All before the first that is no option, which begins something else.
    FirstPositional,
}

/// Words, read as far as they go.
#[derive(Debug, Default)]
struct Read<'a> {
    /// The values of options by the long names of these.
    values: Vec<(&'static str, &'a str)>,
    positionals: Vec<&'a str>,
    /// What the next word is the value of.
    pending: Option<Slot>,
    /// The index of the first word that was not read.
    next: usize,
    /// Whether there was a `--`, after which nothing is an option.
    dashes: bool,
}

/// What may stand in place of the last word, after those before it.
pub fn answer(words: &[String], running: &dyn Fn(Option<&str>) -> Vec<Program>) -> Answer {
    let (current, before) = match words.split_last() {
        Some((current, before)) => (current.as_str(), before),
        None => ("", words),
    };
    let top = TopLevel::get_args_info();
    let options = choices(&top);
    let read = Read::new(&options, before, Until::FirstPositional);
    let rpc = read.values.iter().rev().find(|(name, _)| *name == "--rpc").map(|(_, value)| *value);
    let mut context = Context { running, rpc, positionals: Vec::new() };
    let Some(name) = before.get(read.next) else {
        return read.answer(&options, current, &context, || commands(&top));
    };
    let index = read.next + 1;
    let before = before.get(index..).unwrap_or_default();
    match name.as_str() {
        "help" if before.is_empty() => commands(&top),
        "init" => in_init(before, current, index, &context),
        "create" | "update" => in_settings(name, before, current, index, &mut context),
        name => match top.commands.iter().find(|command| command.name == name) {
            Some(command) => in_command(&command.command, before, current, &mut context),
            None => Answer::nothing(),
        },
    }
}

fn commands(top: &CommandInfoWithArgs) -> Answer {
    let mut words = Words::default();
    top.commands.iter().for_each(|known| words.add(known.name, known.command.description));
    Answer::Words(words)
}

fn choices(command: &CommandInfoWithArgs) -> Vec<Choice> {
    let choice = |flag: &FlagInfo<'static>| Choice {
        short: flag.short,
        long: Some(flag.long),
        value: match flag.kind {
            FlagInfoKind::Switch => None,
            FlagInfoKind::Option { arg_name } => Some(Slot::of_value(arg_name)),
        },
        doc: flag.description,
    };
    // That for help, which is the first, comes last.
    let (help, others): (Vec<_>, Vec<_>) = command.flags.iter().partition(|flag| flag.long == "--help");
    others.into_iter().chain(help).map(choice).collect()
}

fn in_command<'a>(
    command: &CommandInfoWithArgs,
    before: &'a [String],
    current: &str,
    context: &mut Context<'a>,
) -> Answer {
    let options = choices(command);
    let read = Read::new(&options, before, Until::End);
    context.positionals.clone_from(&read.positionals);
    let last = command.positionals.last();
    let is_repeated = |optionality: &Optionality| match optionality {
        Optionality::Repeating | Optionality::Greedy => true,
        Optionality::Required | Optionality::Optional => false,
    };
    let slot = command
        .positionals
        .get(read.positionals.len())
        .or(last.filter(|last| is_repeated(&last.optionality)))
        .map_or(Slot::Nothing, |positional| Slot::of_positional(positional.name));
    read.answer(&options, current, context, || slot.answer("", current, context))
}

/// The options of `init`, and then the line of another command.
fn in_init(before: &[String], current: &str, index: usize, context: &Context<'_>) -> Answer {
    let choice = |option: init::Written| Choice {
        short: option.short,
        long: option.long,
        value: option.value.map(Slot::of_value),
        doc: option.doc,
    };
    let options: Vec<Choice> = init::options().map(choice).collect();
    let read = Read::new(&options, before, Until::FirstPositional);
    let command = Answer::Command { index: index + read.next };
    let has_begun = read.dashes || read.next < before.len();
    if has_begun { command } else { read.answer(&options, current, context, || command) }
}

/// `NAME [settings] -- COMMAND ARGS`, where a setting is `--KEY VALUE`, `--KEY=VALUE` or `KEY=VALUE`.
fn in_settings<'a>(
    command: &str,
    before: &'a [String],
    current: &str,
    index: usize,
    context: &mut Context<'a>,
) -> Answer {
    let mut words = before.iter().enumerate();
    while let Some((at, word)) = words.next() {
        if word == "--" {
            return Answer::Command { index: index + at + 1 };
        }
        let Some(option) = word.strip_prefix("--") else {
            context.positionals.push(word);
            continue;
        };
        let is_switch = option == "help" || (option == "restart" && command == "update");
        if !option.contains('=') && !is_switch && words.next().is_none() {
            return Slot::of_setting(option).answer("", current, context);
        }
    }
    let is_named = !context.positionals.is_empty();
    if let Some((name, value)) = current.split_once('=')
        && (is_named || name.starts_with("--"))
    {
        let setting = Slot::of_setting(name.trim_start_matches("--"));
        return setting.answer(&format!("{name}="), value, context);
    }
    let mut words = Words::default();
    if current.starts_with('-') {
        for key in keys::all() {
            let name = key.name();
            let name = if current.contains('_') { name.to_string() } else { name.replace('_', "-") };
            words.add(&format!("--{name}"), key.doc);
        }
        words.add("--help", "display usage information");
        words.add("--", "what to execute follows");
    } else if is_named {
        keys::all().for_each(|key| words.add_begun(key.name(), key.doc));
    } else if command == "update" {
        return Slot::Program.answer("", current, context);
    }
    // The name of what is to be created is not there yet.
    Answer::Words(words)
}

impl<'a> Read<'a> {
    fn new(options: &[Choice], words: &'a [String], until: Until) -> Self {
        let mut read = Self::default();
        while let Some(word) = words.get(read.next) {
            let is_option = !read.dashes && word.starts_with('-') && word.len() > 1;
            if !is_option && until == Until::FirstPositional {
                break;
            }
            read.next += 1;
            if !is_option {
                read.positionals.push(word);
            } else if word == "--" {
                read.dashes = true;
            } else if let Some((option, attached)) = option_with_value(options, word) {
                let value = attached.or_else(|| {
                    let value = words.get(read.next).map(String::as_str);
                    read.next += 1;
                    value
                });
                match value {
                    Some(value) => read.values.push((option.long.unwrap_or_default(), value)),
                    None => read.pending = option.value,
                }
            }
        }
        read
    }

    /// What may stand after the words: a value that is awaited, an option, or what else there may be.
    fn answer(
        &self,
        options: &[Choice],
        current: &str,
        context: &Context<'_>,
        otherwise: impl FnOnce() -> Answer,
    ) -> Answer {
        if let Some(slot) = self.pending {
            return slot.answer("", current, context);
        }
        let is_option = !self.dashes && current.starts_with('-');
        if let Some((name, value)) = current.split_once('=')
            && is_option
        {
            let slot = options.iter().find(|option| option.long_is(name)).and_then(|option| option.value);
            return slot.unwrap_or(Slot::Nothing).answer(&format!("{name}="), value, context);
        }
        let all = || {
            let mut words = Words::default();
            options.iter().for_each(|option| words.add(&option.written(), option.doc));
            Answer::Words(words)
        };
        if is_option {
            return all();
        }
        let answer = otherwise();
        if answer.is_nothing() && current.is_empty() && !self.dashes { all() } else { answer }
    }
}

impl Choice {
    fn long_is(&self, name: &str) -> bool {
        // The table of `init` has it without dashes.
        self.long.is_some_and(|long| long.trim_start_matches("--") == name.trim_start_matches("--"))
    }

    fn written(&self) -> String {
        match (self.long, self.short) {
            (Some(long), _) => format!("--{}", long.trim_start_matches("--")),
            (None, Some(short)) => format!("-{short}"),
            (None, None) => String::new(),
        }
    }
}

/// The option of a word that takes a value, and the value if it is in the same word.
fn option_with_value<'a, 'b>(options: &'b [Choice], word: &'a str) -> Option<(&'b Choice, Option<&'a str>)> {
    if word.starts_with("--") {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let option = options.iter().find(|option| option.long_is(name));
        return option.filter(|option| option.value.is_some()).map(|option| (option, value));
    }
    // Short ones may stand together; the first that takes a value has the rest, or the next word.
    let of_letter = |letter| options.iter().find(|option| option.short == Some(letter));
    word.char_indices().skip(1).find_map(|(at, letter)| {
        let option = of_letter(letter).filter(|option| option.value.is_some())?;
        let rest = word.get(at + letter.len_utf8()..).filter(|rest| !rest.is_empty());
        Some((option, rest))
    })
}

#[cfg(test)]
#[path = "grammar_tests.rs"]
mod tests;
