//! A command line in one string, split into words as a POSIX shell splits them (XCU 2.2, Quoting).
//!
//! Invariant: quoting is all that is understood. Nothing is expanded, and `#`, `;`, `|`, `>`, `$`, `*` and
//! the like are ordinary characters: no shell is involved, and none is imitated.

use std::fmt;
use std::str::Chars;

/// Why a string cannot be split. Positions count characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordsError {
    /// The single quote at this position is never closed.
    UnclosedSingleQuote(usize),
    /// The double quote at this position is never closed.
    UnclosedDoubleQuote(usize),
    /// The string ends with a backslash that quotes nothing.
    TrailingBackslash,
}

impl fmt::Display for WordsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnclosedSingleQuote(position) => {
                write!(f, "the single quote (') at character {position} is never closed")
            }
            Self::UnclosedDoubleQuote(position) => {
                write!(f, "the double quote (\") at character {position} is never closed")
            }
            Self::TrailingBackslash => {
                write!(f, "nothing follows the backslash at the end; write two of them for one")
            }
        }
    }
}

impl std::error::Error for WordsError {}

/// Splits a string at blanks (spaces, tabs, newlines) that are not quoted.
///
/// Within single quotes everything stands for itself. Within double quotes a backslash quotes `"`, `\`, `$`,
/// `` ` `` and a newline, and is itself before anything else. Outside of quotes a backslash quotes any
/// character. A quoted newline after a backslash is removed, as a line continued. A pair of quotes with
/// nothing between is an empty word.
///
/// # Errors
/// A quote that is never closed, and a backslash at the end.
pub fn split(text: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    // `None` between words: an empty word is a word too.
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => {
                let opened = rest.clone();
                let unclosed = || WordsError::UnclosedSingleQuote(position(text, opened));
                let quoted = single(&mut rest).ok_or_else(unclosed)?;
                word.get_or_insert_default().push_str(quoted);
            }
            '"' => {
                let opened = rest.clone();
                let unclosed = || WordsError::UnclosedDoubleQuote(position(text, opened));
                let quoted = double(&mut rest).ok_or_else(unclosed)?;
                word.get_or_insert_default().push_str(&quoted);
            }
            '\\' => match rest.next().ok_or(WordsError::TrailingBackslash)? {
                '\n' => {}
                quoted => word.get_or_insert_default().push(quoted),
            },
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

/// The position of the character before the rest.
fn position(text: &str, rest: Chars<'_>) -> usize {
    text.chars().count() - rest.count()
}

/// Reads to the closing single quote; `None` if there is none.
fn single<'a>(rest: &mut Chars<'a>) -> Option<&'a str> {
    let (quoted, after) = rest.as_str().split_once('\'')?;
    *rest = after.chars();
    Some(quoted)
}

/// Reads to the closing double quote; `None` if there is none.
fn double(rest: &mut Chars<'_>) -> Option<String> {
    let mut quoted = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(quoted),
            '\\' => match rest.next()? {
                '\n' => {}
                escaped @ ('"' | '\\' | '$' | '`') => quoted.push(escaped),
                other => quoted.extend(['\\', other]),
            },
            plain => quoted.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_separate_words() {
        for (text, words) in [
            ("", &[][..]),
            (" \t\n ", &[]),
            ("a", &["a"]),
            ("  /bin/sleep\t 5\n", &["/bin/sleep", "5"]),
            ("é ü", &["é", "ü"]),
            // A blank that no shell splits at.
            ("a\u{a0}b", &["a\u{a0}b"]),
        ] {
            assert_eq!(split(text).unwrap(), words, "{text:?}");
        }
    }

    #[test]
    fn quotes() {
        for (text, words) in [
            ("''", &[""][..]),
            ("a '' \"\"", &["a", "", ""]),
            ("'a b'c\"d e\"", &["a bcd e"]),
            (r#"'a\b"$'"#, &[r#"a\b"$"#]),
            (r#""a\"b\\c\$d\`e""#, &[r#"a"b\c$d`e"#]),
            (r#""a\nb\'""#, &[r"a\nb\'"]),
            ("\"a\\\nb\"", &["ab"]),
            ("'a\\\nb'", &["a\\\nb"]),
            ("\"it's\"", &["it's"]),
        ] {
            assert_eq!(split(text).unwrap(), words, "{text:?}");
        }
    }

    #[test]
    fn backslashes_outside_of_quotes() {
        for (text, words) in [
            (r"a\ b", &["a b"][..]),
            (r"\'a\'", &["'a'"]),
            (r"\n\\", &[r"n\"]),
            ("a\\\nb", &["ab"]),
            ("a \\\n b", &["a", "b"]),
        ] {
            assert_eq!(split(text).unwrap(), words, "{text:?}");
        }
    }

    #[test]
    fn nothing_else_is_special() {
        let text = "a#b # c;d|e >f $HOME * ~ &";
        let expected: Vec<&str> = text.split(' ').collect();
        assert_eq!(split(text).unwrap(), expected);
    }

    #[test]
    fn what_is_not_closed_is_named() {
        assert_eq!(split("é 'b"), Err(WordsError::UnclosedSingleQuote(3)));
        assert_eq!(split("a 'b' c\""), Err(WordsError::UnclosedDoubleQuote(8)));
        assert_eq!(split("\"a\\\""), Err(WordsError::UnclosedDoubleQuote(1)));
        assert_eq!(split("\"a\\"), Err(WordsError::UnclosedDoubleQuote(1)));
        assert_eq!(split("a\\"), Err(WordsError::TrailingBackslash));
        assert!(split("'").unwrap_err().to_string().contains("single quote (') at character 1"));
    }
}
