//! `env_file`: files of environment variables, as many tools write them.
//!
//! A line is `KEY=VALUE`, where `export` may stand before it. A `#` that begins a line or follows a blank begins a
//! comment. A value in single quotes stands for itself. In double quotes a backslash quotes `"`, `\`, `$`, `` ` ``
//! and a newline, as in a shell. Quoted values may go over several lines. Nothing is expanded.
//!
//! The files are read when they are named, not when a process starts: a start must not wait for a disk.

use super::bounded;
use super::convert::{self, Expected, quoted};
use crate::core::settings::EnvFile;
use crate::wire::value::Value;
use std::fmt;
use std::path::Path;
use std::str::Chars;

/// The most that a file may hold, in bytes: more than an exec takes is of no use (execve(2), "Limits on size").
const LARGEST: u64 = 1 << 20;

/// The most files that a program may have.
const MOST_FILES: usize = 32;

const BLANKS: [char; 3] = [' ', '\t', '\r'];

/// Reads a path, or an array of them, and the files.
pub fn read(value: &Value) -> Result<Vec<EnvFile>, Expected> {
    let paths = value.as_array().unwrap_or(std::slice::from_ref(value));
    if paths.len() > MOST_FILES {
        return Err(format!("at most {MOST_FILES} files"));
    }
    paths.iter().map(read_one).collect()
}

fn read_one(path: &Value) -> Result<EnvFile, Expected> {
    let path = convert::absolute_path(path)?;
    let expected = |why: String| format!("files with lines of the form KEY=VALUE; {why}");
    let text = contents(path).map_err(|error| expected(format!("cannot read {}: {error}", quoted(path))))?;
    let variables = parse(&text).map_err(|error| expected(format!("{} {error}", quoted(path))))?;
    Ok(EnvFile { path: path.to_string(), variables })
}

fn contents(path: &str) -> Result<String, String> {
    let bytes = bounded::read(Path::new(path), LARGEST).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_string())
}

/// The paths as a value: one alone as a string.
pub fn to_value(files: &[EnvFile]) -> Value {
    match files {
        [file] => Value::from(file.path.as_str()),
        files => Value::Array(files.iter().map(|file| Value::from(file.path.as_str())).collect()),
    }
}

/// What is wrong with a file, and in which of its lines, from 1.
#[derive(Debug, PartialEq, Eq)]
struct LineError {
    line: usize,
    what: &'static str,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "has in line {} {}", self.line, self.what)
    }
}

/// The variables of a file, in the order of its lines.
fn parse(text: &str) -> Result<Vec<(String, String)>, LineError> {
    let mut variables = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let line = 1 + text.len().checked_sub(rest.len()).and_then(|at| text.get(..at)).map_or(0, newlines);
        let wrong = |what| LineError { line, what };
        if rest.is_empty() {
            return Ok(variables);
        }
        if rest.starts_with('#') {
            rest = after_line(rest);
            continue;
        }
        let assignment = without_export(rest);
        let end = assignment.find(['=', '\n']).unwrap_or(assignment.len());
        let (name, after) = assignment.split_at(end);
        let after = after.strip_prefix('=').ok_or_else(|| wrong("no '='"))?;
        if name.is_empty()
            || name.contains(|c: char| c.is_whitespace() || c.is_control() || "\"'#".contains(c))
        {
            return Err(wrong("no name before the '='"));
        }
        let (value, after) = value(after).map_err(wrong)?;
        if value.contains('\0') {
            return Err(wrong("a NUL character"));
        }
        variables.push((name.to_string(), value));
        rest = after;
    }
}

fn newlines(text: &str) -> usize {
    text.matches('\n').count()
}

fn without_export(line: &str) -> &str {
    match line.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start_matches([' ', '\t']),
        Some(_) | None => line,
    }
}

/// A value, and what follows the end of its line.
fn value(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    // Blanks up to here were quoted and belong to the value.
    let mut quoted = 0;
    let mut before = '=';
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => break,
            '#' if BLANKS.contains(&before) => {
                rest = after_line(rest.as_str()).chars();
                break;
            }
            '\'' => {
                let (inside, after) = rest.as_str().split_once('\'').ok_or("a ' that is not closed")?;
                value.push_str(inside);
                rest = after.chars();
                quoted = value.len();
            }
            '"' => {
                double_quoted(&mut rest, &mut value).ok_or("a \" that is not closed")?;
                quoted = value.len();
            }
            blank if value.is_empty() && BLANKS.contains(&blank) => {}
            plain => value.push(plain),
        }
        before = c;
    }
    let unquoted = value.get(quoted..).unwrap_or("");
    value.truncate(quoted + unquoted.trim_end_matches(BLANKS).len());
    Ok((value, rest.as_str()))
}

/// Reads to the closing double quote; `None` if there is none.
fn double_quoted(rest: &mut Chars<'_>, value: &mut String) -> Option<()> {
    loop {
        match rest.next()? {
            '"' => return Some(()),
            '\\' => match rest.next()? {
                '\n' => {}
                escaped @ ('"' | '\\' | '$' | '`') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            plain => value.push(plain),
        }
    }
}

fn after_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, after)| after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap()
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        for (line, value) in [
            ("A=b", "b"),
            ("A=", ""),
            ("  export\tA= b c \t", "b c"),
            ("A=b # comment", "b"),
            ("A= # comment", ""),
            ("A=b#c", "b#c"),
            ("A=#c", "#c"),
            ("A=b=c", "b=c"),
            ("A='b \"c\" $d \\ #e '", "b \"c\" $d \\ #e "),
            (r#"A="b 'c' \"d\" \$e \\ \n # f""#, r#"b 'c' "d" $e \ \n # f"#),
            ("A='b'\"c\"d # e", "bcd"),
            ("A=' b '  # c", " b "),
            ("A=\"b\\\nc\"", "bc"),
            ("A='b\nc'", "b\nc"),
            ("A=C:\\d\\e", "C:\\d\\e"),
            ("A=b\r", "b"),
            ("A=größe", "größe"),
        ] {
            assert_eq!(parsed(line), [("A".to_string(), value.to_string())], "{line:?}");
        }
    }

    #[test]
    fn lines_are_told_apart() {
        let text = "# first\r\n\n\tA=1\n  # A=2\nexport B='x\ny' # z\nexported=1\nA=3";
        let expected = [("A", "1"), ("B", "x\ny"), ("exported", "1"), ("A", "3")];
        assert_eq!(parsed(text), expected.map(|(name, value)| (name.to_string(), value.to_string())));
        assert_eq!(parsed(""), []);
        assert_eq!(parsed("#"), []);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line, what) in [
            ("A=1\n\nB", 3, "no '='"),
            ("A\n=1", 1, "no '='"),
            ("A='x\ny'\n=1", 3, "no name before the '='"),
            ("A B=1", 1, "no name before the '='"),
            ("export =1", 1, "no name before the '='"),
            ("A=1\nB='", 2, "a ' that is not closed"),
            ("A=\"\\\"\n", 1, "a \" that is not closed"),
            ("A=\0", 1, "a NUL character"),
        ] {
            assert_eq!(parse(text), Err(LineError { line, what }), "{text:?}");
        }
    }

    #[test]
    fn files_that_cannot_be_read_are_named() {
        let refused = |path: &str| read(&Value::from(path)).unwrap_err();
        assert!(refused("/nonexistent/env").contains("cannot read '/nonexistent/env': No such file"));
        assert!(refused("/dev/zero").contains("not a regular file"));
        assert!(refused("env").contains("an absolute path"));
        assert!(read(&Value::Int(1)).is_err());
    }
}
