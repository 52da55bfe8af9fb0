//! JSON (RFC 8259): [`parse`] reads it for the command line; [`to_string`] and [`to_pretty`] write it for
//! scripts, hooks and people.
//!
//! Invariants of the parser: it takes one value and nothing after it, recurses no deeper than [`MAX_DEPTH`],
//! and names the place of every error.

mod print;

use std::fmt;

use crate::wire::value::Value;

pub use print::{to_pretty, to_string};

/// How many arrays and objects may enclose one another.
pub const MAX_DEPTH: usize = 64;

/// What is wrong with a JSON text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: JsonProblem,
}

/// What can be wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonProblem {
    /// Something else than this stands here, or the text ends.
    Expected(&'static str),
    /// More than [`MAX_DEPTH`] arrays and objects enclose one another.
    TooDeep,
    /// A number beyond what a float of 64 bits can hold.
    OutOfRange,
    /// A `\u` escape of half a character: a surrogate without its partner.
    LoneSurrogate,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        match self.problem {
            JsonProblem::Expected(what) => write!(f, "expected {what}"),
            JsonProblem::TooDeep => write!(f, "nested deeper than {MAX_DEPTH} levels"),
            JsonProblem::OutOfRange => write!(f, "the number is beyond what 64 bits can hold"),
            JsonProblem::LoneSurrogate => write!(f, "a surrogate without its partner is no character"),
        }
    }
}

impl std::error::Error for JsonError {}

/// Reads a text that is exactly one JSON value. Integers become [`Value::Int`] or [`Value::Uint`] where they
/// fit, all other numbers floats. Names that occur twice in an object are kept twice.
///
/// # Errors
/// The first place at which the text is not JSON.
pub fn parse(text: &str) -> Result<Value, JsonError> {
    let mut parser = Parser { rest: text };
    parser.document().map_err(|problem| {
        let read = text.strip_suffix(parser.rest).unwrap_or(text);
        let line = read.matches('\n').count() + 1;
        let column = read.chars().rev().take_while(|&c| c != '\n').count() + 1;
        JsonError { line, column, problem }
    })
}

/// A cursor; where it stands when a problem is returned is the place of that problem.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<Value, JsonProblem> {
        let value = self.value(0)?;
        self.blanks();
        if self.rest.is_empty() { Ok(value) } else { Err(JsonProblem::Expected("the end of the text")) }
    }

    /// Reads a value that `depth` arrays and objects enclose.
    fn value(&mut self, depth: usize) -> Result<Value, JsonProblem> {
        self.blanks();
        match self.rest.as_bytes().first() {
            Some(b'[' | b'{') if depth == MAX_DEPTH => Err(JsonProblem::TooDeep),
            Some(b'[') => self.array(depth + 1),
            Some(b'{') => self.object(depth + 1),
            Some(b'"') => self.string().map(Value::Str),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.take("null") => Ok(Value::Nil),
            _ if self.take("true") => Ok(Value::Bool(true)),
            _ if self.take("false") => Ok(Value::Bool(false)),
            _ => Err(JsonProblem::Expected("a value")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonProblem> {
        let mut elements = Vec::new();
        self.expect("[", "'['")?;
        self.blanks();
        if self.take("]") {
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth)?);
            self.blanks();
            if self.take("]") {
                return Ok(Value::Array(elements));
            }
            self.expect(",", "',' or ']'")?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonProblem> {
        let mut entries = Vec::new();
        self.expect("{", "'{'")?;
        self.blanks();
        if self.take("}") {
            return Ok(Value::Map(entries));
        }
        loop {
            self.blanks();
            let key = self.string()?;
            self.blanks();
            self.expect(":", "':'")?;
            entries.push((Value::Str(key), self.value(depth)?));
            self.blanks();
            if self.take("}") {
                return Ok(Value::Map(entries));
            }
            self.expect(",", "',' or '}'")?;
        }
    }

    fn string(&mut self) -> Result<String, JsonProblem> {
        self.expect("\"", "a string in double quotes")?;
        let mut text = String::new();
        loop {
            text.push_str(self.skip(|c| c >= ' ' && c != '"' && c != '\\'));
            if self.take("\"") {
                return Ok(text);
            }
            let escape = self.rest;
            self.expect("\\", "'\"' at the end of the string (control characters must be escaped)")?;
            // An escape that is wrong is reported at its backslash.
            let character = self.escape();
            if character.is_err() {
                self.rest = escape;
            }
            text.push(character?);
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Result<char, JsonProblem> {
        if self.take("u") {
            return self.surrogates();
        }
        let simple = [
            ("\"", '"'),
            ("\\", '\\'),
            ("/", '/'),
            ("b", '\u{8}'),
            ("f", '\u{c}'),
            ("n", '\n'),
            ("r", '\r'),
            ("t", '\t'),
        ];
        let found = simple.into_iter().find(|(letter, _)| self.take(letter));
        let known = "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u";
        found.map(|(_, character)| character).ok_or(JsonProblem::Expected(known))
    }

    /// Reads the digits of one `\u` escape, or of two that make one character.
    fn surrogates(&mut self) -> Result<char, JsonProblem> {
        let first = self.hex()?;
        let is_high = (0xd800..0xdc00).contains(&first);
        let second = if is_high && self.take("\\u") { Some(self.hex()?) } else { None };
        match char::decode_utf16([first].into_iter().chain(second)).next() {
            Some(Ok(character)) => Ok(character),
            _ => Err(JsonProblem::LoneSurrogate),
        }
    }

    fn hex(&mut self) -> Result<u16, JsonProblem> {
        let problem = JsonProblem::Expected("four hexadecimal digits after \\u");
        let (digits, rest) = self.rest.split_at_checked(4).ok_or(problem)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(problem);
        }
        self.rest = rest;
        u16::from_str_radix(digits, 16).or(Err(problem))
    }

    fn number(&mut self) -> Result<Value, JsonProblem> {
        let start = self.rest;
        self.take("-");
        // A leading zero stands alone.
        if !self.take("0") {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.take(".") {
            is_integer = false;
            self.digits()?;
        }
        if self.take("e") || self.take("E") {
            is_integer = false;
            if !self.take("-") {
                self.take("+");
            }
            self.digits()?;
        }
        let number = start.strip_suffix(self.rest).unwrap_or(start);
        if let Some(integer) = integer(number).filter(|_| is_integer) {
            return Ok(integer);
        }
        match number.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Value::Float(float)),
            _ => {
                self.rest = start;
                Err(JsonProblem::OutOfRange)
            }
        }
    }

    fn digits(&mut self) -> Result<(), JsonProblem> {
        match self.skip(|c| c.is_ascii_digit()) {
            "" => Err(JsonProblem::Expected("a digit")),
            _ => Ok(()),
        }
    }

    fn blanks(&mut self) {
        self.skip(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    }

    /// Passes over all characters that are wanted, and returns them.
    fn skip(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (skipped, rest) = self.rest.split_at(end);
        self.rest = rest;
        skipped
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str, what: &'static str) -> Result<(), JsonProblem> {
        if self.take(token) { Ok(()) } else { Err(JsonProblem::Expected(what)) }
    }
}

fn integer(number: &str) -> Option<Value> {
    number.parse().map(Value::Int).or_else(|_| number.parse().map(Value::Uint)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where and why a text is refused.
    fn refused(text: &str) -> (usize, usize, JsonProblem) {
        let error = parse(text).unwrap_err();
        (error.line, error.column, error.problem)
    }

    #[test]
    fn values_of_every_type() {
        let text = " {\"a\": [null, true, false, \"x\"],\r\n\t\"b\": {}, \"c\": [ ], \"a\": 1 } ";
        let list = vec![Value::Nil, Value::Bool(true), Value::Bool(false), Value::from("x")];
        let expected = Value::map([
            ("a", Value::from(list)),
            ("b", Value::Map(vec![])),
            ("c", Value::Array(vec![])),
            ("a", Value::Int(1)),
        ]);
        assert_eq!(parse(text), Ok(expected));
    }

    #[test]
    fn numbers_keep_their_kind() {
        let cases = [
            ("0", Value::Int(0)),
            ("-0", Value::Int(0)),
            ("-0.0", Value::Float(-0.0)),
            ("9223372036854775807", Value::Int(i64::MAX)),
            ("-9223372036854775808", Value::Int(i64::MIN)),
            ("9223372036854775808", Value::Uint(1 << 63)),
            ("18446744073709551616", Value::Float(18_446_744_073_709_551_616.0)),
            ("-9223372036854775809", Value::Float(-9_223_372_036_854_775_808.0)),
            ("2.50", Value::Float(2.5)),
            ("1e2", Value::Float(100.0)),
            ("1E+2", Value::Float(100.0)),
            ("25e-1", Value::Float(2.5)),
        ];
        for (text, value) in cases {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
        assert_eq!(refused("[1e999]"), (1, 2, JsonProblem::OutOfRange));
        for text in ["+1", ".5", "1.", "1e", "01", "-", "1.e3", "0x10", "NaN", "1_000"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(
            parse(r#""\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00é""#),
            Ok(Value::from("\"\\/\u{8}\u{c}\n\r\té😀é"))
        );
        for text in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\u0041""#, r#""\ud83dx""#] {
            assert_eq!(refused(text), (1, 2, JsonProblem::LoneSurrogate), "{text}");
        }
        for text in [r#""\x""#, r#""\u+123""#, r#""\u12""#, r#""\u00é0""#, "\"a\nb\"", "\"a", "\"\\"] {
            assert!(matches!(refused(text).2, JsonProblem::Expected(_)), "{text}");
        }
    }

    #[test]
    fn errors_tell_line_and_column() {
        assert_eq!(refused(""), (1, 1, JsonProblem::Expected("a value")));
        assert_eq!(refused("{\n  \"é\" 1}"), (2, 7, JsonProblem::Expected("':'")));
        assert_eq!(refused("[1 2]"), (1, 4, JsonProblem::Expected("',' or ']'")));
        assert_eq!(refused("[1,]"), (1, 4, JsonProblem::Expected("a value")));
        assert_eq!(refused("{\"a\":1,}"), (1, 8, JsonProblem::Expected("a string in double quotes")));
        assert_eq!(refused("nul"), (1, 1, JsonProblem::Expected("a value")));
        assert_eq!(refused("1\n\n x"), (3, 2, JsonProblem::Expected("the end of the text")));
        assert_eq!(parse("[1 2]").unwrap_err().to_string(), "line 1, column 4: expected ',' or ']'");
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(refused(&nested(MAX_DEPTH + 1)), (1, MAX_DEPTH + 1, JsonProblem::TooDeep));
        assert_eq!(refused(&"{\"a\":".repeat(100_000)).2, JsonProblem::TooDeep);
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(text in r#"[ \[\]{}:,"\\ue0-9.truenl-]{0,40}"#) {
            if let Ok(value) = parse(&text) {
                prop_assert_eq!(parse(&to_string(&value)), Ok(value));
            }
        }
    }
}
