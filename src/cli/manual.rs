//! procnanny(1) documents every command and every option: the page is held against the table of these.

use super::arguments::TopLevel;
use super::init;
use argh::{ArgsInfo, CommandInfoWithArgs};

const PAGE: &str = include_str!("../../man/procnanny.1");

/// The names of each option of a command, short and long, with dashes.
fn options(command: &CommandInfoWithArgs) -> Vec<Vec<String>> {
    let short = |short: Option<char>| short.map(|short| format!("-{short}"));
    let own = command.flags.iter().filter(|flag| flag.long != "--help");
    let own = own.map(|flag| short(flag.short).into_iter().chain([flag.long.to_string()]).collect());
    let of_init = init::options().filter(|option| command.name == "init" && option.long != Some("help"));
    let long = |long: Option<&str>| long.map(|long| format!("--{long}"));
    own.chain(of_init.map(|it| short(it.short).into_iter().chain(long(it.long)).collect())).collect()
}

/// What a reader sees of lines of the page, more or less.
fn plain(lines: &str) -> String {
    lines.replace("\\-", "-").replace("\\fB", "").replace("\\fI", "").replace("\\fR", "")
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|other| other == word)
}

/// Whether a short option stands in a word with others.
fn stands_together(text: &str, option: &str) -> bool {
    let is_cluster = |word: &&str| word.starts_with('-') && !word.starts_with("--");
    let letter = option.strip_prefix('-').filter(|letter| letter.len() == 1);
    letter.is_some_and(|letter| text.split(' ').filter(is_cluster).any(|word| word.contains(letter)))
}

/// The part of the synopsis that is on a command.
fn synopsis(command: &str) -> String {
    let (_, rest) = PAGE.split_once(".SH SYNOPSIS\n").unwrap();
    let (all, _) = rest.split_once("\n.SH ").unwrap();
    let all = plain(all);
    all.split("\n.br\n").filter(|lines| has_word(lines, command)).collect::<Vec<_>>().join("\n")
}

/// What the section on a command explains, and what stands before it for all commands of its chapter.
fn tags(command: &str) -> String {
    let heading = format!("\n.SS {command}\n");
    let (before, rest) =
        PAGE.split_once(&heading).unwrap_or_else(|| panic!("there is no section on {command}"));
    let own = rest.split("\n.S").next().unwrap();
    let chapter = before.rsplit("\n.SH ").next().unwrap().split("\n.SS ").next().unwrap();
    let lines = |text: &str| {
        text.split("\n.TP\n").skip(1).map(|it| it.lines().next().unwrap().to_string()).collect::<Vec<_>>()
    };
    plain(&[lines(chapter), lines(own)].concat().join("\n"))
}

#[test]
fn every_command_is_documented_with_every_option() {
    let mut missing = Vec::new();
    for known in TopLevel::get_args_info().commands {
        let (synopsis, tags) = (synopsis(known.name), tags(known.name));
        if synopsis.is_empty() {
            missing.push(format!("{} in the synopsis", known.name));
        }
        for names in options(&known.command) {
            if !names.iter().any(|name| has_word(&synopsis, name) || stands_together(&synopsis, name)) {
                missing.push(format!("{} {} in the synopsis", known.name, names.join(", ")));
            }
            for name in names.iter().filter(|name| !has_word(&tags, name)) {
                missing.push(format!("{} {name} in its section", known.name));
            }
        }
    }
    assert!(missing.is_empty(), "procnanny(1) has not:\n{}", missing.join("\n"));
}
