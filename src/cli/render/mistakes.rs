//! Mistakes in a configuration, as people read them: where, what, the line itself, and a mark below the place.

use super::text::{escape, width};
use crate::config::file::{FileError, Place};
use crate::wire::value::Value;
use std::fmt::Write;

/// What is wrong with a configuration, a few lines each.
pub fn render(errors: &[FileError]) -> String {
    let mut text = String::new();
    for error in errors {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{}", escape(&error.to_string()));
        if let Some(place) = &error.place {
            let number = place.line.to_string();
            let indent = " ".repeat(number.len());
            let (line, mark) = (shown(&place.text), mark(place));
            let _ = writeln!(text, "  {number} | {line}\n  {indent} | {mark}");
        }
    }
    text
}

/// The mistakes that a reply tells of.
pub fn of_reply(reply: &Value) -> Vec<FileError> {
    let errors = reply.get("errors").and_then(Value::as_array).unwrap_or_default();
    errors.iter().map(of_value).collect()
}

fn of_value(error: &Value) -> FileError {
    let text = |key: &str| error.get(key).and_then(Value::text).map(str::to_string);
    let number = |key: &str| usize::try_from(error.get(key)?.as_u64()?).ok();
    let place = || {
        Some(Place {
            line: number("line")?,
            column: number("column")?,
            text: text("text")?,
            before: number("before")?,
            width: number("width")?,
        })
    };
    FileError {
        file: text("file").unwrap_or_default().into(),
        place: place(),
        message: text("message").unwrap_or_default(),
    }
}

/// A line of a file, with a blank for each tab, so that the mark is below what it marks.
fn shown(text: &str) -> String {
    escape(&text.replace('\t', " "))
}

fn mark(place: &Place) -> String {
    let part = |from: usize, count: usize| {
        let part: String = place.text.chars().skip(from).take(count).collect();
        width(&shown(&part))
    };
    " ".repeat(part(0, place.before)) + &"^".repeat(part(place.before, place.width).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    #[test]
    fn the_place_is_marked() {
        let place =
            Place { line: 12, column: 3, text: "\tö日x = \u{1b}[2J".to_string(), before: 2, width: 2 };
        let error = FileError { file: "a.toml".into(), place: Some(place), message: "no\nsuch".to_string() };
        let expected = "a.toml:12:3: no\\nsuch\n  12 |  ö日x = \\u{1b}[2J\n     |   ^^^\n";
        assert_eq!(render(&[error]), expected);
        let whole = FileError { file: "a.toml".into(), place: None, message: "is gone".to_string() };
        assert_eq!(render(&[whole]), "a.toml: is gone\n");
    }

    #[test]
    fn what_a_reply_tells_is_the_same() {
        let reply = json::parse(
            r#"{"errors":[{"file":"a.toml","line":1,"column":2,"message":"x","text":"abc","before":1,"width":9},
                {"file":"b.toml","line":null,"column":null,"message":"is gone","text":null}]}"#,
        );
        let errors = of_reply(&reply.unwrap());
        assert_eq!(render(&errors), "a.toml:1:2: x\n  1 | abc\n    |  ^^\nb.toml: is gone\n");
        assert!(of_reply(&Value::Nil).is_empty());
    }
}
