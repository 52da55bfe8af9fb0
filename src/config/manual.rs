//! procnanny.toml(5) documents every setting, in the words of the tables of settings: the page's lists are held against
//! them, and written from them.
//!
//! `PROCNANNY_WRITE_MAN=1 cargo test --lib manual` writes them.

use super::keys::{self, Scope};
use super::supervisor;
use std::fs;
use std::path::PathBuf;

/// A list, and what stands between the lines that mark it.
const REGIONS: [Region; 2] = [("[supervisor]", of_supervisor), ("[program]", of_programs)];

type Region = (&'static str, fn() -> String);

fn of_programs() -> String {
    let rows = keys::all()
        .map(|key| row(key.names, key.scope == Scope::NextStart, key.kind.as_str(), key.default, key.doc));
    rows.collect()
}

fn of_supervisor() -> String {
    let rows = supervisor::KEYS.iter().map(|key| {
        row(&[key.name], key.effect == supervisor::Effect::WithRestart, key.kind, key.default, key.doc)
    });
    rows.collect()
}

/// One setting.
fn row(names: &[&str], marked: bool, kind: &str, default: &str, doc: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\\fB{}\\fR", plain(name))).collect();
    let mark = if marked { " *" } else { "" };
    let doc = plain(doc).replace(". ", ".\n");
    format!(
        ".TP\n{}{mark}\n{}; default: {}.\n{}\n",
        names.join(", "),
        plain(kind),
        plain(default),
        bold(&doc)
    )
}

/// Text that groff(7) prints as it is.
fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '"' => escaped.push_str("\\(dq"),
            '~' => escaped.push_str("\\(ti"),
            '^' => escaped.push_str("\\(ha"),
            '…' => escaped.push_str("..."),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Names in backquotes in bold letters.
fn bold(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("\\fB{part}\\fR") } else { part.to_string() }).collect()
}

#[test]
fn the_page_on_files_lists_every_setting() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("man/procnanny.toml.5");
    let page = fs::read_to_string(&path).unwrap();
    let mut expected = page.clone();
    for (name, list) in REGIONS {
        let (begin, end) = (format!(".\\\" BEGIN {name}\n"), format!(".\\\" END {name}\n"));
        let (before, rest) = expected.split_once(&begin).expect("a line that marks the beginning");
        let (_, after) = rest.split_once(&end).expect("a line that marks the end");
        expected = format!("{before}{begin}{}{end}{after}", list());
    }
    if std::env::var_os("PROCNANNY_WRITE_MAN").is_some() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    let differs = page.lines().zip(expected.lines()).find(|(is, should)| is != should);
    assert!(
        page == expected,
        "{} does not say what the tables of settings say: {differs:?}; \
         'PROCNANNY_WRITE_MAN=1 cargo test --lib manual' writes it",
        path.display()
    );
}
