//! JSON, written.
//!
//! Invariants: the result is valid JSON (RFC 8259) whatever the value, and harmless to print on a terminal:
//! control characters, delete and C1 among them, are escaped.
//!
//! MessagePack has more than JSON. What JSON lacks is rendered as the nearest that it has: keys that are no
//! strings as strings (integers in decimal), infinities and NaN as null, binary data as a string in which
//! U+FFFD stands for each byte that is not UTF-8, and an extension as
//! `{"extension": TYPE, "data": HEXADECIMAL}`.

use std::fmt::{self, Display, Formatter, Write};

use crate::wire::value::Value;

/// The widest line on which [`to_pretty`] keeps an array or object together, in characters.
const WIDTH: usize = 100;

/// The spaces that one more level is indented by.
const INDENT: usize = 2;

/// One line without blanks.
pub fn to_string(value: &Value) -> String {
    Line { value, gap: "" }.to_string()
}

/// For people: an entry a line, indented by two spaces a level. An array or object that holds no other stays
/// on one line where the line is no longer than 100 characters. There is no newline at the end.
pub fn to_pretty(value: &Value) -> String {
    Page(value).to_string()
}

/// A value on one line, with `gap` after each comma and colon.
struct Line<'a> {
    value: &'a Value,
    gap: &'static str,
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let gap = self.gap;
        match self.value {
            Value::Nil => f.write_str("null"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Uint(number) => write!(f, "{number}"),
            // Debug has the shortest digits that read back as the same number, with ".0" or an exponent.
            Value::Float(number) if number.is_finite() => write!(f, "{number:?}"),
            Value::Float(_) => f.write_str("null"),
            Value::Str(text) => quoted(f, text.as_bytes()),
            Value::Bin(bytes) => quoted(f, bytes),
            Value::Array(elements) => {
                f.write_char('[')?;
                for (index, value) in elements.iter().enumerate() {
                    separate(f, index, gap)?;
                    write!(f, "{}", Line { value, gap })?;
                }
                f.write_char(']')
            }
            Value::Map(entries) => {
                f.write_char('{')?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    separate(f, index, gap)?;
                    write!(f, "{}:{gap}{}", Key(key), Line { value, gap })?;
                }
                f.write_char('}')
            }
            Value::Ext(kind, bytes) => {
                write!(f, "{{\"extension\":{gap}{kind},{gap}\"data\":{gap}\"")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("\"}")
            }
        }
    }
}

fn separate(f: &mut Formatter<'_>, index: usize, gap: &str) -> fmt::Result {
    if index == 0 { Ok(()) } else { write!(f, ",{gap}") }
}

/// The name of a map's entry: what is no string is written as JSON, and that as a string.
struct Key<'a>(&'a Value);

impl Display for Key<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Str(text) => quoted(f, text.as_bytes()),
            Value::Bin(bytes) => quoted(f, bytes),
            other => quoted(f, to_string(other).as_bytes()),
        }
    }
}

/// A string in its quotes, escaped.
fn quoted(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().try_for_each(|c| escaped(f, c))?;
        chunk.invalid().iter().try_for_each(|_| f.write_char(char::REPLACEMENT_CHARACTER))?;
    }
    f.write_char('"')
}

fn escaped(f: &mut Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '"' => f.write_str("\\\""),
        '\\' => f.write_str("\\\\"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\u{8}' => f.write_str("\\b"),
        '\u{c}' => f.write_str("\\f"),
        _ if c.is_control() => write!(f, "\\u{:04x}", u32::from(c)),
        _ => f.write_char(c),
    }
}

/// A value over several lines.
struct Page<'a>(&'a Value);

impl Display for Page<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        page(f, self.0, 0, 0)
    }
}

/// Writes a value on a line that is indented by `indent` and on which `column` characters stand already.
fn page(f: &mut Formatter<'_>, value: &Value, indent: usize, column: usize) -> fmt::Result {
    if is_flat(value) {
        let line = Line { value, gap: " " }.to_string();
        // One more for the comma that may follow.
        if is_plain(value) || column + line.chars().count() < WIDTH {
            return f.write_str(&line);
        }
    }
    let inner = indent + INDENT;
    match value {
        Value::Array(elements) => {
            f.write_char('[')?;
            for (index, element) in elements.iter().enumerate() {
                new_line(f, index, inner)?;
                page(f, element, inner, inner)?;
            }
            write!(f, "\n{:indent$}]", "")
        }
        Value::Map(entries) => {
            f.write_char('{')?;
            for (index, (key, value)) in entries.iter().enumerate() {
                new_line(f, index, inner)?;
                let name = format!("{}: ", Key(key));
                f.write_str(&name)?;
                page(f, value, inner, inner + name.chars().count())?;
            }
            write!(f, "\n{:indent$}}}", "")
        }
        plain => write!(f, "{}", Line { value: plain, gap: " " }),
    }
}

fn new_line(f: &mut Formatter<'_>, index: usize, indent: usize) -> fmt::Result {
    let comma = if index == 0 { "" } else { "," };
    write!(f, "{comma}\n{:indent$}", "")
}

/// Neither an array nor a map, or an empty one: never spread over lines.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => true,
    }
}

/// Plain, or holding only what is plain: may stay on one line.
fn is_flat(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().all(is_plain),
        Value::Map(entries) => entries.iter().all(|(_, value)| is_plain(value)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json::parse;

    #[test]
    fn compact_has_no_blanks() {
        let value = Value::map([
            ("a", Value::from(vec![Value::Nil, Value::Bool(true), Value::Int(-1), Value::Uint(u64::MAX)])),
            ("b", Value::Map(vec![])),
        ]);
        assert_eq!(to_string(&value), r#"{"a":[null,true,-1,18446744073709551615],"b":{}}"#);
    }

    #[test]
    fn floats_stay_floats() {
        let cases = [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-0.0, "-0.0"),
            (1e300, "1e300"),
            (2.5e-9, "2.5e-9"),
            (1e15, "1000000000000000.0"),
        ];
        for (number, text) in cases {
            assert_eq!(to_string(&Value::Float(number)), text);
            assert_eq!(parse(text), Ok(Value::Float(number)));
        }
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(to_string(&Value::Float(number)), "null");
        }
    }

    #[test]
    fn keys_of_every_type_become_strings() {
        let nested = Value::from(vec![Value::from("x")]);
        let keys = [
            Value::Int(0),
            Value::Float(1.5),
            Value::Nil,
            Value::Bool(true),
            Value::Bin(b"k".to_vec()),
            nested,
        ];
        let map = Value::map(keys.map(|key| (key, Value::Int(1))));
        assert_eq!(to_string(&map), r#"{"0":1,"1.5":1,"null":1,"true":1,"k":1,"[\"x\"]":1}"#);
    }

    #[test]
    fn what_json_lacks() {
        assert_eq!(to_string(&Value::Bin(b"a\xff\xe2\x82b".to_vec())), "\"a\u{fffd}\u{fffd}\u{fffd}b\"");
        assert_eq!(to_string(&Value::Ext(-1, vec![0, 0xab])), r#"{"extension":-1,"data":"00ab"}"#);
    }

    #[test]
    fn nothing_printed_moves_a_cursor() {
        let value = Value::from("\u{1b}[2J\u{7f}\u{9b}\0\"\\\n\r\t\u{8}\u{c}é");
        let text = to_string(&value);
        assert_eq!(text, r#""\u001b[2J\u007f\u009b\u0000\"\\\n\r\t\b\fé""#);
        assert_eq!(parse(&text), Ok(value));
    }

    #[test]
    fn pretty_keeps_short_rows_together() {
        let row = Value::map([("pid", Value::Int(42)), ("args", Value::Array(vec![]))]);
        let value =
            Value::map([("empty", Value::Map(vec![])), ("rows", Value::from(vec![row.clone(), row]))]);
        let expected = r#"{
  "empty": {},
  "rows": [
    {"pid": 42, "args": []},
    {"pid": 42, "args": []}
  ]
}"#;
        assert_eq!(to_pretty(&value), expected);
        assert_eq!(to_pretty(&Value::Nil), "null");
    }

    #[test]
    fn pretty_breaks_lines_above_the_width() {
        // The key takes 7 characters after an indent of 2, the brackets and quotes 4; one is for a comma.
        let fits = "x".repeat(WIDTH - 14);
        let page = |text: &str| to_pretty(&Value::map([("key", Value::from(vec![Value::from(text)]))]));
        assert_eq!(page(&fits), format!("{{\n  \"key\": [\"{fits}\"]\n}}"));
        let wide = fits + "x";
        assert_eq!(page(&wide), format!("{{\n  \"key\": [\n    \"{wide}\"\n  ]\n}}"));
    }

    #[test]
    fn pretty_reads_back_as_the_same_value() {
        let inner = Value::map([("b", Value::from(vec![Value::Int(1); 60])), ("c", Value::Map(vec![]))]);
        let value = Value::map([("a", Value::from(vec![inner, Value::Float(0.5)]))]);
        assert_eq!(parse(&to_pretty(&value)), Ok(value));
    }
}
