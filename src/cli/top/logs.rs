//! What an instance prints, as far as it is held: followed by asking again and again for what is there, and by where
//! that begins.

use super::columns::Pieces;
use super::model::Id;
use crate::cli::client::Call;
use crate::cli::logs::place::Place;
use crate::cli::render::style::Style;
use crate::cli::render::text::escape;
use crate::wire::value::Value;
use std::collections::VecDeque;

/// How many lines are kept.
const KEPT: usize = 2000;

/// A line that is longer is shown as several.
const LONGEST: usize = 16 << 10;

/// The streams, by the names that `tail` has for them.
pub const SOURCES: [&str; 2] = ["stdout", "stderr"];

/// The output of an instance, in the order in which it was seen.
#[derive(Clone, Debug)]
pub struct Logs {
    id: Id,
    streams: [Stream; 2],
    lines: VecDeque<Pieces>,
}

#[derive(Clone, Debug, Default)]
struct Stream {
    /// How far it was read; of nothing before the first reply.
    place: Option<Place>,
    /// A line whose end was not seen yet.
    unfinished: Vec<u8>,
}

impl Logs {
    /// Those of an instance, of which nothing is known yet.
    pub fn new(id: Id) -> Self {
        Self { id, streams: Default::default(), lines: VecDeque::new() }
    }

    /// What to ask for, of a stream.
    pub fn call(&self, source: &str) -> Call {
        let Id { program, instance } = &self.id;
        Call::new("tail").with("program", program.as_str()).with("instance", *instance).with("source", source)
    }

    /// Takes a reply to that.
    pub fn take(&mut self, source: &str, reply: &Value) {
        let Some(index) = SOURCES.iter().position(|it| *it == source) else { return };
        let Some(stream) = self.streams.get_mut(index) else { return };
        let data = reply.get("data").and_then(Value::as_bytes).unwrap_or_default();
        let offset = reply.get("offset").and_then(Value::as_u64).unwrap_or(0);
        let style = if index == 0 { Style::Plain } else { Style::Bad };
        let is_first = stream.place.is_none();
        let held = stream.place.get_or_insert_default().fill(offset, data.len());
        if held.missed > 0 {
            stream.unfinished.clear();
            let missed = format!("({} bytes of {source} are no longer held)", held.missed);
            self.lines.push_back(vec![(missed, Style::Faint)]);
        }
        let mut new = data.get(held.from..).unwrap_or_default();
        if is_first && offset > 0 {
            // What is held begins in the middle of a line.
            let end = new.iter().position(|byte| *byte == b'\n');
            new = end.and_then(|end| new.get(end + 1..)).unwrap_or(new);
        }
        for piece in new.split_inclusive(|byte| *byte == b'\n') {
            stream.unfinished.extend_from_slice(piece);
            let whole = stream.unfinished.strip_suffix(b"\n");
            // No screen is that wide.
            let long = Some(stream.unfinished.as_slice()).filter(|line| line.len() > LONGEST);
            if let Some(line) = whole.or(long) {
                self.lines.push_back(vec![(text(line), style)]);
                stream.unfinished.clear();
            }
        }
        let surplus = self.lines.len().saturating_sub(KEPT);
        self.lines.drain(..surplus);
    }

    /// The lines, and at their end those that have not ended yet.
    pub fn page(&self) -> Vec<Pieces> {
        let unfinished = self.streams.iter().zip([Style::Plain, Style::Bad]);
        let unfinished = unfinished.filter(|(stream, _)| !stream.unfinished.is_empty());
        let unfinished = unfinished.map(|(stream, style)| vec![(text(&stream.unfinished), style)]);
        let page: Vec<Pieces> = self.lines.iter().cloned().chain(unfinished).collect();
        if page.is_empty() {
            return vec![vec![("It has printed nothing that is held.".to_string(), Style::Faint)]];
        }
        page
    }
}

/// A line as it can be shown: no tabs, since columns are counted, and without its colours, which are ours here.
fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    escape(&without_colours(&String::from_utf8_lossy(line)).replace('\t', "    "))
}

/// What is left when what sets colours is taken out: `ESC [ digits ; : m` (ECMA-48, "SGR").
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ';' | ':'));
        match rest.strip_prefix('m') {
            Some(after) => plain.push_str(after),
            None => plain.extend(["\u{1b}[", part]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs() -> Logs {
        Logs::new(Id { program: "web".to_string(), instance: 0 })
    }

    fn take(logs: &mut Logs, source: &str, offset: u64, data: &str) {
        let reply =
            Value::map([("offset", Value::from(offset)), ("data", Value::Bin(data.as_bytes().to_vec()))]);
        logs.take(source, &reply);
    }

    fn page(logs: &Logs) -> Vec<String> {
        logs.page().into_iter().map(|pieces| pieces.into_iter().map(|(text, _)| text).collect()).collect()
    }

    #[test]
    fn what_is_known_is_not_shown_again() {
        let mut logs = logs();
        assert_eq!(page(&logs), ["It has printed nothing that is held."]);
        take(&mut logs, "stdout", 0, "one\ntw");
        assert_eq!(page(&logs), ["one", "tw"]);
        take(&mut logs, "stdout", 0, "one\ntwo\nthree\n");
        take(&mut logs, "stderr", 0, "oh\u{1b}[2J\tno\r\n");
        assert_eq!(page(&logs), ["one", "two", "three", "oh\\u{1b}[2J    no"]);
        take(&mut logs, "stdout", 8, "three\n");
        assert_eq!(page(&logs).len(), 4);
    }

    #[test]
    fn what_is_no_longer_held_is_counted_and_a_new_beginning_is_one() {
        let mut logs = logs();
        take(&mut logs, "stdout", 100, "half\nwhole\n");
        assert_eq!(page(&logs), ["whole"]);
        take(&mut logs, "stdout", 120, "next\n");
        assert_eq!(page(&logs), ["whole", "(9 bytes of stdout are no longer held)", "next"]);
        take(&mut logs, "stdout", 0, "anew\n");
        assert_eq!(page(&logs).last().unwrap(), "anew");
    }

    #[test]
    fn colours_are_taken_out_and_everything_else_is_shown() {
        assert_eq!(text(b"\x1b[1;31mred\x1b[0m\x1b[2J \x1b[9"), "red\\u{1b}[2J \\u{1b}[9");
        assert_eq!(text(b"\xff\x1b[m"), "\u{fffd}");
    }

    #[test]
    fn only_so_many_lines_are_kept() {
        let mut logs = logs();
        take(&mut logs, "stdout", 0, &"x\n".repeat(KEPT + 5));
        assert_eq!(page(&logs).len(), KEPT);
        take(&mut logs, "stderr", 0, &"x".repeat(3 * LONGEST));
        assert!(logs.streams[1].unfinished.is_empty(), "a line without an end is not kept for ever");
    }
}
