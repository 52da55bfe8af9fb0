//! Options as getopt_long(3) has them, up to the first word that is none: short ones may stand together (`-gv`), a
//! value may follow directly (`-e143`, `--rewrite=1:2`), and long names may be cut short where they stay unique.

use crate::core::nearest::nearest;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// One option: how it is written, and what it means to whoever reads it.
#[derive(Debug)]
pub struct Row<T> {
    /// After one `-`.
    pub short: Option<char>,
    /// After `--`.
    pub long: Option<&'static str>,
    /// The name of its value, if it takes one.
    pub value: Option<&'static str>,
    /// What it is.
    pub meaning: T,
    /// What it is, for people.
    pub doc: &'static str,
}

/// How an option is written, and what it is, whatever it means to whoever reads it.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// After one `-`.
    pub short: Option<char>,
    /// After `--`.
    pub long: Option<&'static str>,
    /// The name of its value, if it takes one.
    pub value: Option<&'static str>,
    /// What it is, for people.
    pub doc: &'static str,
}

impl<T> Row<T> {
    /// The part of it that is for people.
    pub fn written(&self) -> Written {
        Written { short: self.short, long: self.long, value: self.value, doc: self.doc }
    }
}

/// A command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<T> {
    /// The options in their order, each with its value (empty for those without).
    pub given: Vec<(T, String)>,
    /// What follows them.
    pub command: Vec<OsString>,
}

/// Reads a command line.
///
/// # Errors
/// A sentence on what is wrong.
pub fn read<T: Copy>(rows: &[Row<T>], words: impl Iterator<Item = OsString>) -> Result<Line<T>, String> {
    let mut words = words;
    let mut given = Vec::new();
    while let Some(word) = words.next() {
        match word.as_bytes() {
            b"--" => return Ok(Line { given, command: words.collect() }),
            [b'-', _, ..] => {}
            _ => return Ok(Line { given, command: std::iter::once(word).chain(words).collect() }),
        }
        let option = text(word)?;
        match option.strip_prefix("--") {
            Some(long) => given.push(read_long(rows, long, &mut words)?),
            None => read_short(rows, &option, &mut words, &mut given)?,
        }
    }
    Ok(Line { given, command: Vec::new() })
}

fn read_long<T: Copy>(
    rows: &[Row<T>],
    word: &str,
    words: &mut impl Iterator<Item = OsString>,
) -> Result<(T, String), String> {
    let (name, attached) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.to_string())),
        None => (word, None),
    };
    let row = find_long(rows, name)?;
    match (row.value, attached) {
        (None, None) => Ok((row.meaning, String::new())),
        (None, Some(_)) => Err(format!("--{name} takes no value")),
        (Some(_), Some(value)) => Ok((row.meaning, value)),
        (Some(what), None) => Ok((row.meaning, next_value(&format!("--{name}"), what, words)?)),
    }
}

fn find_long<'a, T>(rows: &'a [Row<T>], name: &str) -> Result<&'a Row<T>, String> {
    let long_ones = || rows.iter().filter_map(|row| Some((row.long?, row)));
    if let Some((_, row)) = long_ones().find(|(long, _)| *long == name) {
        return Ok(row);
    }
    let mut begun = long_ones().filter(|(long, _)| !name.is_empty() && long.starts_with(name));
    match (begun.next(), begun.next()) {
        (Some((_, row)), None) => Ok(row),
        (Some((one, _)), Some((other, _))) => Err(format!("--{name} may be --{one} or --{other}")),
        (None, _) => Err(match nearest(name, long_ones().map(|(long, _)| long)) {
            Some(near) => format!("there is no option --{name}; did you mean --{near}?"),
            None => format!("there is no option --{name}"),
        }),
    }
}

fn read_short<T: Copy>(
    rows: &[Row<T>],
    word: &str,
    words: &mut impl Iterator<Item = OsString>,
    given: &mut Vec<(T, String)>,
) -> Result<(), String> {
    let mut letters = word.strip_prefix('-').unwrap_or(word).chars();
    while let Some(letter) = letters.next() {
        let row = rows.iter().find(|row| row.short == Some(letter));
        let row = row.ok_or_else(|| format!("there is no option -{letter}"))?;
        let Some(what) = row.value else {
            given.push((row.meaning, String::new()));
            continue;
        };
        let attached = letters.as_str();
        let value = if attached.is_empty() {
            next_value(&format!("-{letter}"), what, words)?
        } else {
            attached.to_string()
        };
        given.push((row.meaning, value));
        break;
    }
    Ok(())
}

fn next_value(
    option: &str,
    what: &str,
    words: &mut impl Iterator<Item = OsString>,
) -> Result<String, String> {
    words.next().map_or_else(|| Err(format!("{option} needs a value, {what}")), text)
}

fn text(word: OsString) -> Result<String, String> {
    word.into_string().map_err(|word| format!("the option {word:?} is not UTF-8"))
}

/// The rows as people read them, a line each.
pub fn help<T>(rows: &[Row<T>]) -> String {
    const WIDTH: usize = 24;
    let written = |row: &Row<T>| {
        let names = [row.short.map(|short| format!("-{short}")), row.long.map(|long| format!("--{long}"))];
        let names = names.into_iter().flatten().collect::<Vec<_>>().join(", ");
        row.value.map_or_else(|| names.clone(), |value| format!("{names} {value}"))
    };
    rows.iter().map(|row| format!("  {:WIDTH$}{}\n", written(row), row.doc)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Option {
        Group,
        Code,
        Rewrite,
        Remain,
    }

    const fn row(
        short: core::option::Option<char>,
        long: core::option::Option<&'static str>,
        value: core::option::Option<&'static str>,
        meaning: Option,
    ) -> Row<Option> {
        Row { short, long, value, meaning, doc: "is for tests" }
    }

    const ROWS: [Row<Option>; 4] = [
        row(Some('g'), Some("group"), None, Option::Group),
        row(Some('e'), None, Some("CODE"), Option::Code),
        row(Some('r'), Some("rewrite"), Some("FROM:TO"), Option::Rewrite),
        row(None, Some("remain"), None, Option::Remain),
    ];

    fn read(line: &str) -> Result<Line<Option>, String> {
        super::read(&ROWS, line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_end_where_the_command_begins() {
        for line in
            ["-g -e 3 -- ls -g", "-ge3 ls -g", "-g -e3 ls -g", "--group -e 3 ls -g", "--gr -e3 -- ls -g"]
        {
            let read = read(line).unwrap();
            assert_eq!(
                read.given,
                [(Option::Group, String::new()), (Option::Code, "3".to_string())],
                "{line}"
            );
            assert_eq!(read.command, ["ls", "-g"], "{line}");
        }
        assert_eq!(read("-- -g").unwrap().command, ["-g"]);
        assert_eq!(read("-").unwrap().command, ["-"]);
        assert_eq!(read("ls -- x").unwrap().command, ["ls", "--", "x"]);
        assert_eq!(read("-g").unwrap().command, [""; 0]);
    }

    #[test]
    fn values_stand_apart_or_not() {
        for line in ["-r 1:2 x", "-r1:2 x", "--rewrite=1:2 x", "--rewrite 1:2 x", "--rew=1:2 x"] {
            assert_eq!(read(line).unwrap().given, [(Option::Rewrite, "1:2".to_string())], "{line}");
        }
        // What follows is the value, whatever it looks like.
        assert_eq!(read("-e -g x").unwrap().given, [(Option::Code, "-g".to_string())]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, why) in [
            ("-x", "there is no option -x"),
            ("-gx", "there is no option -x"),
            ("--rewrit3", "there is no option --rewrit3; did you mean --rewrite?"),
            ("--fizzle", "there is no option --fizzle"),
            ("--re", "--re may be --rewrite or --remain"),
            ("--=x", "there is no option --"),
            ("--group=1", "--group takes no value"),
            ("-e", "-e needs a value, CODE"),
            ("--rewrite", "--rewrite needs a value, FROM:TO"),
        ] {
            assert_eq!(read(line).unwrap_err(), why, "{line}");
        }
    }

    #[test]
    fn what_is_not_text_may_be_in_the_command_alone() {
        use std::os::unix::ffi::OsStringExt;
        let strange = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let line = super::read(&ROWS, [strange(b"-g"), strange(b"l\xffs")].into_iter()).unwrap();
        assert_eq!(line.command, [strange(b"l\xffs")]);
        assert!(super::read(&ROWS, [strange(b"-\xff")].into_iter()).is_err());
    }

    #[test]
    fn help_has_a_line_for_each() {
        let help = help(&ROWS);
        assert!(help.starts_with("  -g, --group             is for tests\n  -e CODE  "), "{help}");
        assert_eq!(help.lines().count(), ROWS.len());
    }
}
