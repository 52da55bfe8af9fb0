//! From what is in hand to a file: lines with what stands before them, in as many files as it takes, each write noted
//! before it is made.

use super::outlet::{AT_ONCE, End, Failure, Identity, Outlet, Ready};
use super::store::Store;
use crate::core::in_hand;
use crate::core::lines;
use crate::core::log::{LogPolicy, StreamId, TAIL, Written};
use crate::core::moment::Moment;
use crate::core::rotation::{Cut, FileState, Holding, LineState, cut};
use std::sync::atomic::Ordering;

/// How a stream is written.
#[derive(Clone, Copy, Debug)]
pub struct How<'a> {
    /// Its settings.
    pub policy: LogPolicy,
    /// `PROGRAM/INSTANCE | `.
    pub prefix: &'a str,
    /// Whether more of an unfinished line may come.
    pub line: Line,
}

/// What a stream is written with.
#[derive(Debug)]
pub struct Pen<'a> {
    /// The stream.
    pub stream: StreamId,
    /// How it is written.
    pub how: How<'a>,
    /// Where it goes.
    pub outlet: &'a mut Outlet,
    /// The time of the present turn.
    pub now: Moment,
}

/// Whether more of an unfinished line may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It may, so it can be held.
    Open,
    /// It will not.
    Ended,
}

/// A text to be written.
#[derive(Clone, Copy, Debug)]
struct Text {
    area: Area,
    from: usize,
    length: usize,
    /// Of which part of the buffer it was made.
    base: usize,
    source: usize,
    decoration: usize,
    starts: LineState,
    /// Of how many dropped bytes the file tells with it.
    marked: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Area {
    Buffer,
    Text,
}

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Emitted {
    All,
    /// The rest is an unfinished line that is held.
    Held,
}

impl Store {
    /// Writes what is in hand, but for an unfinished line that is held.
    ///
    /// # Errors
    /// What was tried, and why it failed; what was written by then is counted.
    pub fn write_out(&mut self, pen: &mut Pen<'_>) -> Result<(), Failure> {
        self.decorate(pen);
        self.tell_of_dropped(pen)?;
        loop {
            let from = self.length - self.unsettled(pen.stream).min(self.length);
            let count = pen.writable(self.bytes(Area::Buffer, from, self.length));
            if count == 0 {
                return Ok(());
            }
            // Only then is it known how it ends.
            let mut ready = pen.outlet.prepare(pen.now)?;
            let written = self.counters(pen.stream).map_or(0, |it| it.written.load(Ordering::Acquire));
            if pen.outlet.needs_line_end(pen.stream, written) {
                self.write_own(pen, b"\n", 0)?;
                ready = pen.outlet.prepare(pen.now)?;
            }
            let (text, holding) = self.text_of(pen, from, count);
            if self.emit(pen, ready, text, holding)? == Emitted::Held {
                return Ok(());
            }
        }
    }

    /// Writes a line of our own, at a line's start.
    ///
    /// # Errors
    /// What was tried, and why it failed.
    pub fn write_marker(&mut self, pen: &mut Pen<'_>, words: &str) -> Result<(), Failure> {
        self.decorate(pen);
        self.write_line(pen, words, 0)
    }

    fn tell_of_dropped(&mut self, pen: &mut Pen<'_>) -> Result<(), Failure> {
        let Some(counters) = self.memory.counters(pen.stream.0) else { return Ok(()) };
        let dropped = counters.dropped.load(Ordering::Acquire);
        let untold = dropped - counters.marked.load(Ordering::Acquire).min(dropped);
        if untold == 0 {
            return Ok(());
        }
        self.write_line(pen, &format!("{untold} bytes dropped"), dropped)
    }

    fn write_line(&mut self, pen: &mut Pen<'_>, words: &str, marked: u64) -> Result<(), Failure> {
        // Only then is it known how it ends.
        pen.outlet.prepare(pen.now)?;
        let line_end: &[u8] = if pen.outlet.end() == End::Line(LineState::Start) { b"" } else { b"\n" };
        let line = [line_end, &self.decoration, b"[procnanny: ", words.as_bytes(), b"]\n"].concat();
        self.write_own(pen, &line, marked)
    }

    /// Writes bytes that are not the program's.
    fn write_own(&mut self, pen: &mut Pen<'_>, bytes: &[u8], marked: u64) -> Result<(), Failure> {
        let room = self.hand.parts().text;
        let length = bytes.len().min(room.len());
        if let (Some(place), Some(bytes)) = (room.get_mut(..length), bytes.get(..length)) {
            place.copy_from_slice(bytes);
        }
        let (area, starts) = (Area::Text, LineState::Start);
        let text = Text { area, from: 0, length, base: 0, source: 0, decoration: 0, starts, marked };
        let ready = pen.outlet.prepare(pen.now)?;
        self.emit(pen, ready, text, Holding::NONE).map(drop)
    }

    /// Prepares what stands before each line.
    fn decorate(&mut self, pen: &Pen<'_>) {
        self.decoration.clear();
        if pen.how.policy.timestamp == Written::Yes {
            let time = self.hand.notes().time.get();
            self.decoration.extend_from_slice(self.timestamps.format(time));
        }
        if pen.how.policy.prefix == Written::Yes || pen.outlet.is_console() {
            self.decoration.extend_from_slice(pen.how.prefix.as_bytes());
        }
    }

    /// The text that these bytes of the buffer become.
    fn text_of(&mut self, pen: &Pen<'_>, from: usize, count: usize) -> (Text, Holding) {
        let can_hold = pen.how.line == Line::Open && !pen.outlet.is_shared();
        let holding = if can_hold { Holding(TAIL) } else { Holding::NONE };
        let (starts, decoration) = (pen.outlet.end().line(), self.decoration.len());
        let (base, source, marked) = (from, count, 0);
        let area = Area::Buffer;
        let plain = Text { area, from, length: count, base, source, decoration, starts, marked };
        if decoration == 0 {
            return (plain, holding);
        }
        let parts = self.hand.parts();
        let source = parts.buffer.get(from..from + count).unwrap_or_default();
        let formatted = lines::format(source, &self.decoration, starts, parts.text);
        let text = Text { area: Area::Text, from: 0, ..plain };
        if formatted.source == count {
            return (Text { length: formatted.length, ..text }, holding);
        }
        // There was no room for more. What it ends with is not unfinished, but only not there.
        let written = parts.text.get(..formatted.length).unwrap_or_default();
        let length = written.iter().rposition(|byte| *byte == b'\n').map_or(formatted.length, |at| at + 1);
        let source = lines::place(source, decoration, starts, length).source;
        (Text { length, source, ..text }, Holding::NONE)
    }

    /// Writes a text, in as many files as it takes; the first is `ready`.
    fn emit(
        &mut self,
        pen: &mut Pen<'_>,
        ready: Ready,
        text: Text,
        holding: Holding,
    ) -> Result<Emitted, Failure> {
        let mut done = 0;
        let mut first = Some(ready);
        let written = self.counters(pen.stream).map_or(0, |it| it.written.load(Ordering::Acquire));
        while done < text.length {
            let ready = first.take().map_or_else(|| pen.outlet.prepare(pen.now), Ok)?;
            let bytes = self.bytes(text.area, text.from + done, text.from + text.length);
            let (max_size, line) = (pen.how.policy.max_size, pen.outlet.end().line());
            let next = match ready.size {
                Some(size) => cut(FileState { size, max_size, line }, bytes, holding),
                None => Cut::Write(lines_at_once(bytes)),
            };
            let count = match next {
                Cut::Write(count) => count,
                Cut::Hold => return Ok(Emitted::Held),
                Cut::Rotate if pen.outlet.can_rotate() => {
                    // A new file needs nobody to end a line in it.
                    done += usize::from(text.source == 0 && bytes.first() == Some(&b'\n'));
                    pen.outlet.rotate(pen.how.policy.keep)?;
                    continue;
                }
                Cut::Rotate => bytes.len(),
            };
            self.note_write(text, done, count, written, ready);
            self.write_noted(pen.stream, pen.outlet, 0)?;
            done += count;
        }
        Ok(Emitted::All)
    }

    fn bytes(&mut self, area: Area, from: usize, to: usize) -> &[u8] {
        let parts = self.hand.parts();
        let all = match area {
            Area::Buffer => parts.buffer,
            Area::Text => parts.text,
        };
        all.get(from..to).unwrap_or_default()
    }

    /// Notes what is about to be written, its length last.
    fn note_write(&mut self, text: Text, done: usize, count: usize, written: u64, ready: Ready) {
        let notes = self.hand.notes();
        let is_text = text.area == Area::Text;
        // Bytes of the buffer stand for themselves, whichever part of them is written.
        let written = if is_text { written } else { written + done as u64 };
        notes.area.set(u64::from(is_text));
        notes.from.set((text.from + done) as u64);
        notes.base.set(text.base as u64);
        notes.source.set(if is_text { text.source } else { count } as u64);
        notes.decoration.set(text.decoration as u64);
        notes.starts.set(u64::from(text.starts == LineState::Start));
        notes.written.set(written);
        notes.marked.set(text.marked);
        notes.size.set(ready.size.unwrap_or(0));
        notes.inode.set(ready.identity.inode);
        notes.device.set(ready.identity.device);
        notes.length.set(count as u64);
    }

    /// Writes what is noted, from `done` on, and counts it.
    fn write_noted(&mut self, stream: StreamId, outlet: &mut Outlet, done: usize) -> Result<(), Failure> {
        let parts = self.hand.parts();
        let number = |note: u64| usize::try_from(note).unwrap_or(0);
        let (from, length) = (number(parts.notes.from.get()), number(parts.notes.length.get()));
        let all = if parts.notes.area.get() == 1 { parts.text } else { parts.buffer };
        let bytes = all.get(from..from + length).unwrap_or_default();
        let mut done = done;
        let mut failure = None;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            match outlet.write(stream, rest) {
                Ok(count) => done += count,
                Err(why) => {
                    failure = Some(why);
                    break;
                }
            }
        }
        let within = self.settle(stream, done);
        if failure.is_some() && within == Within::Ours {
            outlet.mark_broken();
        }
        self.hand.notes().length.set(0);
        failure.map_or(Ok(()), Err)
    }

    /// Counts so many bytes of the write under way. To do so again changes nothing.
    fn settle(&mut self, stream: StreamId, done: usize) -> Within {
        let parts = self.hand.parts();
        let Some(counters) = self.memory.counters(stream.0) else { return Within::Theirs };
        let number = |note: u64| usize::try_from(note).unwrap_or(0);
        let (base, source) = (number(parts.notes.base.get()), number(parts.notes.source.get()));
        let is_all = done as u64 == parts.notes.length.get();
        if source == 0 && is_all && parts.notes.marked.get() > 0 {
            counters.marked.store(parts.notes.marked.get(), Ordering::Release);
        }
        if parts.notes.area.get() == 0 {
            counters.written.store(parts.notes.written.get() + done as u64, Ordering::Release);
            return Within::Theirs;
        }
        let starts = if parts.notes.starts.get() == 1 { LineState::Start } else { LineState::Within };
        let source_bytes = parts.buffer.get(base..base + source).unwrap_or_default();
        let text = number(parts.notes.from.get()) + done;
        let place = lines::place(source_bytes, number(parts.notes.decoration.get()), starts, text);
        counters.written.store(parts.notes.written.get() + place.source as u64, Ordering::Release);
        let ours = place.within_decoration || source == 0 && done > 0 && !is_all;
        if ours { Within::Ours } else { Within::Theirs }
    }

    /// Goes on with a write under way, if what it went to is still there; else the bytes are written anew, as others.
    pub(super) fn resume_write(&mut self, stream: StreamId, outlet: Option<&mut Outlet>, now: Moment) {
        let notes = self.hand.notes();
        let identity = Identity { inode: notes.inode.get(), device: notes.device.get() };
        let length = notes.length.get();
        let size = outlet.as_ref().and_then(|outlet| outlet.size_of(identity));
        let written = in_hand::already_written(length, notes.size.get(), size);
        let written = usize::try_from(written).unwrap_or(0);
        if let Some(outlet) = outlet
            && outlet.prepare(now).is_ok_and(|ready| ready.identity == identity)
        {
            // If it fails, the next attempt to write anything does as well.
            let _ = self.write_noted(stream, outlet, written);
        } else {
            self.settle(stream, written);
            self.hand.notes().length.set(0);
        }
    }
}

/// Whose bytes a text was cut in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Theirs,
    Ours,
}

impl Pen<'_> {
    /// How many of these bytes may be written now.
    fn writable(&self, bytes: &[u8]) -> usize {
        if self.how.line == Line::Ended || !self.outlet.is_shared() {
            return bytes.len();
        }
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if bytes.len() >= TAIL => bytes.len(),
            None => 0,
        }
    }
}

/// How much is written at once to what may block, so that it blocks between lines rather than within what stands before
/// one.
fn lines_at_once(bytes: &[u8]) -> usize {
    let most = bytes.get(..AT_ONCE).unwrap_or(bytes);
    most.iter().rposition(|byte| *byte == b'\n').map_or(most.len(), |at| at + 1)
}
