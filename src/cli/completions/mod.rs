//! Completion in shells: the scripts of `completions`, and the command `complete`, which they ask what may stand where
//! the cursor is. So a shell offers what the procnanny that would be run takes, and nothing is written twice.
//!
//! | file | what is there |
//! | --- | --- |
//! | `grammar` | what may stand there: a command, an option, a value of some kind; pure |
//! | `slot` | kinds of values, and the words for them, from the tables of what they name |
//! | `running` | programs and instances of the supervisor that runs |
//! | `bash_line` | a line as bash has it: split into words, and quoted |
//! | `*.bash`, `*.zsh`, `*.fish` | what each shell does with the answer |

mod bash_line;
mod grammar;
mod running;
mod slot;

use super::exit::{Exit, Failure, say};
use bash_line::Line;
use grammar::{Answer, Candidate, Words};
use std::ffi::OsString;
use std::fmt::Write;
use std::str::FromStr;

/// A shell that can be told what to complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// bash(1)
    Bash,
    /// zsh(1)
    Zsh,
    /// fish(1)
    Fish,
}

impl Shell {
    /// All of them.
    pub const ALL: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

    /// What it is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        }
    }

    fn script(self) -> &'static str {
        match self {
            Shell::Bash => include_str!("procnanny.bash"),
            Shell::Zsh => include_str!("procnanny.zsh"),
            Shell::Fish => include_str!("procnanny.fish"),
        }
    }
}

impl FromStr for Shell {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        Shell::ALL.into_iter().find(|shell| shell.as_str() == text).ok_or("expected bash, zsh or fish")
    }
}

/// `completions`.
///
/// # Errors
/// [`Failure::Output`].
pub fn print(shell: Shell) -> Result<Exit, Failure> {
    say(shell.script()).map(|()| Exit::Done)
}

/// `complete`: for bash, `complete bash WORD LINE`, where WORD is what it would replace and LINE is the line up to the
/// cursor; for the others `complete SHELL WORDS`, the words after the name of the program, without their quotes, the last
/// of which is the one at the cursor.
///
/// The first line of the answer says what may stand there: `words`, which follow, one a line; `files`; `directories`;
/// or `command N`, that the line of another command begins after N words, for bash after N characters. For other shells
/// than bash each word is followed by a tab and what it means, and the first line by a tab and that part of the word at
/// the cursor which is not part of the words.
///
/// # Errors
/// [`Failure::Usage`], also where there is no script that asks.
pub fn complete(arguments: impl Iterator<Item = OsString>) -> Result<Exit, Failure> {
    let mut arguments = arguments.map(|word| word.to_string_lossy().into_owned());
    let shell = arguments.next().and_then(|shell| shell.parse().ok());
    let words: Vec<String> = arguments.collect();
    let text = match (shell, words.as_slice()) {
        (Some(Shell::Bash), [word, line]) => {
            let line = Line::read(line);
            for_bash(&line, word, &grammar::answer(line.arguments(), &running::running))
        }
        (Some(Shell::Zsh | Shell::Fish), words) => with_meanings(&grammar::answer(words, &running::running)),
        (Some(Shell::Bash) | None, _) => {
            let sentence = "'complete' is for the scripts that 'procnanny completions' prints";
            return Err(Failure::Usage(sentence.to_string()));
        }
    };
    say(&text).map(|()| Exit::Done)
}

fn with_meanings(answer: &Answer) -> String {
    match answer {
        Answer::Words(Words { prefix, candidates }) => {
            let mut text = format!("words\t{prefix}\n");
            for Candidate { word, meaning } in candidates {
                // Writing into a string cannot fail.
                let _ = writeln!(text, "{word}\t{meaning}");
            }
            text
        }
        Answer::Files { prefix } => format!("files\t{prefix}\n"),
        Answer::Directories { prefix } => format!("directories\t{prefix}\n"),
        // The name of the program is a word, too.
        Answer::Command { index } => format!("command {}\t\n", index + 1),
    }
}

/// bash takes what is to stand in place of WORD, in quotes, and only what begins as the word does that is there.
fn for_bash(line: &Line, word: &str, answer: &Answer) -> String {
    match answer {
        Answer::Words(Words { prefix, candidates }) => {
            let mut text = "words\n".to_string();
            for candidate in candidates {
                if let Some(quoted) = line.replacement(word, &format!("{prefix}{}", candidate.word)) {
                    text.push_str(&quoted);
                    text.push('\n');
                }
            }
            text
        }
        Answer::Files { .. } => "files\n".to_string(),
        Answer::Directories { .. } => "directories\n".to_string(),
        Answer::Command { index } => format!("command {}\n", line.start_of(*index)),
    }
}
