//! Help for people, from what argh knows of the command line: the same from which completions come.

use super::arguments::TopLevel;
use super::render::text;
use argh::{ArgsInfo, CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality, PositionalInfo};

/// How wide it is, in columns.
const WIDTH: usize = 80;

/// Where explanations begin.
const COLUMN: usize = 20;

/// The help for a command; that for all without one, or where there is none of that name.
pub fn help(command: Option<&str>) -> String {
    let top = TopLevel::get_args_info();
    let found = top.commands.iter().find(|known| command == Some(known.name));
    match found {
        Some(known) => page(&format!("procnanny {}", known.name), &known.command),
        None => page("procnanny", &top),
    }
}

fn page(name: &str, command: &CommandInfoWithArgs) -> String {
    let (help, mut options): (Vec<&FlagInfo<'_>>, _) =
        command.flags.iter().partition(|flag| flag.long == "--help");
    let mut page = usage(name, command, &options);
    options.extend(help);
    page.push('\n');
    command.description.lines().for_each(|line| paragraph(&mut page, line, 0));
    heading(&mut page, "Positional Arguments:", command.positionals.len());
    for positional in command.positionals {
        entry(&mut page, positional.name, positional.description);
    }
    heading(&mut page, "Options:", options.len());
    for flag in options {
        entry(&mut page, &names(flag), flag.description);
    }
    heading(&mut page, "Commands:", command.commands.len());
    for known in &command.commands {
        entry(&mut page, known.name, known.command.description);
    }
    heading(&mut page, "Examples:", command.examples.len());
    for example in command.examples {
        // To be copied, so that it is not broken.
        page.push_str(&format!("  {}\n", example.replace("{command_name}", name)));
    }
    heading(&mut page, "Notes:", command.notes.len());
    for note in command.notes {
        note.lines().for_each(|line| paragraph(&mut page, line, 2));
    }
    heading(&mut page, "Exit codes:", command.error_codes.len());
    for code in command.error_codes {
        page.push_str(&format!("  {} {}\n", code.code, code.description));
    }
    page
}

/// How it is called, in as many lines as that takes.
fn usage(name: &str, command: &CommandInfoWithArgs, options: &[&FlagInfo<'_>]) -> String {
    let option = |flag: &&FlagInfo<'_>| {
        let name = flag.short.map_or_else(|| flag.long.to_string(), |short| format!("-{short}"));
        let dots = dots(&flag.optionality);
        match flag.kind {
            FlagInfoKind::Switch => format!("[{name}]"),
            FlagInfoKind::Option { arg_name } => format!("[{name} <{arg_name}>{dots}]"),
        }
    };
    let positional = |it: &PositionalInfo<'_>| match it.optionality {
        Optionality::Required => format!("<{}>", it.name),
        Optionality::Optional | Optionality::Repeating | Optionality::Greedy => {
            format!("[<{}>{}]", it.name, dots(&it.optionality))
        }
    };
    let commands = Some("<command> [<args>]".to_string()).filter(|_| !command.commands.is_empty());
    let parts = options.iter().map(option).chain(command.positionals.iter().map(positional)).chain(commands);
    let begin = format!("Usage: {name}");
    let (mut usage, mut column) = (begin.clone(), begin.len());
    for part in parts {
        if column + 1 + part.len() > WIDTH {
            usage.push_str(&format!("\n{:1$}", "", begin.len()));
            column = begin.len();
        }
        usage.push_str(&format!(" {part}"));
        column += 1 + part.len();
    }
    usage.push('\n');
    usage
}

/// What is behind something that may be repeated.
fn dots(optionality: &Optionality) -> &'static str {
    match optionality {
        Optionality::Repeating | Optionality::Greedy => "...",
        Optionality::Required | Optionality::Optional => "",
    }
}

fn names(flag: &FlagInfo<'_>) -> String {
    match (flag.long, flag.short) {
        ("--help", _) => "-h, --help".to_string(),
        (long, Some(short)) => format!("-{short}, {long}"),
        (long, None) => long.to_string(),
    }
}

fn heading(page: &mut String, text: &str, entries: usize) {
    if entries > 0 {
        page.push_str(&format!("\n{text}\n"));
    }
}

/// What something is called, and beside it, in a column, what it is.
fn entry(page: &mut String, name: &str, explanation: &str) {
    let mut before = format!("  {name}");
    if before.len() >= COLUMN {
        page.push_str(&format!("{before}\n"));
        before.clear();
    }
    for line in text::wrap(explanation, WIDTH - COLUMN) {
        page.push_str(&format!("{before:COLUMN$}{line}\n"));
        before.clear();
    }
}

fn paragraph(page: &mut String, text: &str, indent: usize) {
    for line in text::wrap(text, WIDTH - indent) {
        page.push_str(&format!("{:indent$}{line}\n", ""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_narrow_and_whole() {
        let top = TopLevel::get_args_info();
        let pages = top.commands.iter().map(|known| (help(Some(known.name)), &known.command));
        for (page, command) in pages.chain([(help(None), &top)]) {
            for flag in command.flags {
                assert!(
                    page.contains(&format!("  {}\n", names(flag)))
                        || page.contains(&format!("  {} ", names(flag)))
                );
            }
            for line in page.lines().filter(|line| !line.starts_with("  procnanny ")) {
                assert!(text::width(line) <= WIDTH && !line.ends_with(' '), "{line:?}");
            }
        }
    }

    #[test]
    fn a_page_has_all_that_is_known() {
        let page = help(Some("events"));
        assert!(
            page.starts_with("Usage: procnanny events [-f] [--since <seq>] [--json] [<sel>...]\n\n"),
            "{page}"
        );
        for part in [
            "\n\nprint the events that are held, one a line\n\n",
            "\nPositional Arguments:\n  sel               print events of these alone\n",
            "\n  -f, --follow      go on with",
            "\n  -h, --help        display usage information\n",
            "\n\nNotes:\n  With a SEL, events",
        ] {
            assert!(page.contains(part), "{part:?}: {page}");
        }
        let run = help(Some("run"));
        assert!(
            run.contains("\n                     [--") && run.contains("\n  procnanny run --program 'web="),
            "{run}"
        );
        let top = help(None);
        assert!(top.contains("<command> [<args>]\n") && top.contains("\n  5 no supervisor there\n"), "{top}");
    }
}
