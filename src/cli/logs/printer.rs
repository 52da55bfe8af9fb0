//! What programs printed, printed: to a pipe byte by byte as it is; to a terminal without what it would act on, but for
//! colours. Of several instances in whole lines, each with its prefix.

use super::follower::Of;
use crate::cli::exit::{Failure, say_bytes};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::str;

/// The longest line that is kept until it is whole; of longer ones a piece is printed as a line.
const LONGEST_LINE: usize = 64 << 10;
/// The longest sequence that a terminal acts on and that is still taken for a colour.
const LONGEST_COLOUR: usize = 64;

const ESCAPE: u8 = 0x1b;

/// Whether lines say whose they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// They do, since there are several.
    Said,
    /// There is only one.
    Known,
}

/// What prints.
#[derive(Debug)]
pub struct Printer {
    whose: Whose,
    is_terminal: bool,
    /// What was begun and is not whole: a line, or a sequence for a terminal.
    begun: BTreeMap<Of, Vec<u8>>,
    output: Vec<u8>,
}

impl Printer {
    /// One for standard output.
    pub fn new(whose: Whose) -> Self {
        Self { whose, is_terminal: io::stdout().is_terminal(), begun: BTreeMap::new(), output: Vec::new() }
    }

    /// Takes a piece of output; it is printed with the next [`flush`](Self::flush), as far as it is whole.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn take(&mut self, of: &Of, data: &[u8]) -> Result<(), Failure> {
        let mut bytes = self.begun.remove(of).unwrap_or_default();
        bytes.extend_from_slice(data);
        let whole = match self.whose {
            Whose::Known if self.is_terminal => harmless_end(&bytes),
            Whose::Known => bytes.len(),
            Whose::Said if bytes.len() > LONGEST_LINE => bytes.len(),
            Whose::Said => bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1),
        };
        let rest = bytes.split_off(whole);
        self.print(of, &bytes);
        if !rest.is_empty() {
            self.begun.insert(of.clone(), rest);
        }
        if self.output.len() > LONGEST_LINE { self.flush() } else { Ok(()) }
    }

    fn print(&mut self, of: &Of, bytes: &[u8]) {
        match self.whose {
            Whose::Known => self.put(bytes),
            Whose::Said => {
                let prefix = format!("{}/{} | ", of.program, of.instance);
                for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                    self.output.extend_from_slice(prefix.as_bytes());
                    self.put(line);
                    if !line.ends_with(b"\n") {
                        self.output.push(b'\n');
                    }
                }
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.is_terminal {
            put_harmless(bytes, &mut self.output);
        } else {
            self.output.extend_from_slice(bytes);
        }
    }

    /// Writes what there is to be written.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn flush(&mut self) -> Result<(), Failure> {
        if self.output.is_empty() {
            return Ok(());
        }
        let written = say_bytes(&self.output);
        self.output.clear();
        written
    }

    /// Writes also what is not whole: nothing more comes.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn finish(&mut self) -> Result<(), Failure> {
        for (of, rest) in std::mem::take(&mut self.begun) {
            self.print(&of, &rest);
        }
        self.flush()
    }
}

/// Up to where bytes can be judged: what may go on as a character or as a colour is left for later.
fn harmless_end(bytes: &[u8]) -> usize {
    let recent = bytes.len().saturating_sub(LONGEST_COLOUR);
    let begun = bytes.iter().rposition(|byte| *byte == ESCAPE).filter(|at| *at >= recent);
    if let Some(at) = begun
        && bytes.get(at..).is_some_and(|sequence| colour(sequence).is_none() && may_become_colour(sequence))
    {
        return at;
    }
    // Of a character of up to four bytes, so many may have come.
    let unfinished = (1..=3.min(bytes.len())).find(|count| {
        let tail = bytes.get(bytes.len() - count..).unwrap_or_default();
        str::from_utf8(tail).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    });
    bytes.len() - unfinished.unwrap_or(0)
}

/// The length of the colour at the beginning: `ESC [ digits ; : m`, ECMA-48, "SGR".
fn colour(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let end = parameters.iter().take(LONGEST_COLOUR).position(|byte| !is_parameter(*byte))?;
    (parameters.get(end) == Some(&b'm')).then_some(end + 3)
}

fn may_become_colour(sequence: &[u8]) -> bool {
    match sequence {
        [ESCAPE] => true,
        [ESCAPE, b'[', parameters @ ..] => parameters.iter().all(|byte| is_parameter(*byte)),
        _ => false,
    }
}

fn is_parameter(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b';' | b':')
}

/// Appends text for a terminal. Lines, tabs and colours work; every other control character, and what is no UTF-8, is
/// shown and not sent: a program's output may be somebody else's words.
fn put_harmless(bytes: &[u8], output: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        if let Some(length) = colour(rest) {
            output.extend_from_slice(rest.get(..length).unwrap_or_default());
            rest = rest.get(length..).unwrap_or_default();
            continue;
        }
        // The end of a line as a terminal's own programs write it.
        if rest.starts_with(b"\r\n") {
            output.extend_from_slice(b"\r\n");
            rest = rest.get(2..).unwrap_or_default();
            continue;
        }
        let length = character(rest);
        let (this, after) = rest.split_at(length.unwrap_or(1));
        match (length, str::from_utf8(this).ok().and_then(|text| text.chars().next())) {
            (Some(_), Some(c)) if !c.is_control() || matches!(c, '\n' | '\t') => {
                output.extend_from_slice(this)
            }
            (Some(_), Some(c)) => output.extend(c.escape_default().map(|shown| shown as u8)),
            (None, _) | (Some(_), None) => output.extend_from_slice(format!("\\x{first:02x}").as_bytes()),
        }
        rest = after;
    }
}

/// The length of the character at the beginning; `None` for a byte that is none.
fn character(bytes: &[u8]) -> Option<usize> {
    let few = bytes.get(..4.min(bytes.len()))?;
    let valid = match str::from_utf8(few) {
        Ok(text) => text,
        Err(error) => str::from_utf8(few.get(..error.valid_up_to())?).ok()?,
    };
    valid.chars().next().map(char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::log::OutputSource;

    fn of(instance: u32) -> Of {
        Of { program: "web".into(), instance, source: OutputSource::Stdout }
    }

    fn printer(whose: Whose, is_terminal: bool) -> Printer {
        Printer { whose, is_terminal, begun: BTreeMap::new(), output: Vec::new() }
    }

    fn harmless(bytes: &[u8]) -> String {
        let mut output = Vec::new();
        put_harmless(bytes, &mut output);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn lines_of_several_stay_whole_and_say_whose_they_are() {
        let mut printer = printer(Whose::Said, false);
        for (instance, data) in [(0, "a"), (1, "b\nc"), (0, "a\n"), (1, "c\n"), (1, "rest")] {
            printer.take(&of(instance), data.as_bytes()).unwrap();
        }
        assert_eq!(printer.output, b"web/1 | b\nweb/0 | aa\nweb/1 | cc\n");
        printer.output.clear();
        let rest = std::mem::take(&mut printer.begun);
        rest.iter().for_each(|(of, bytes)| printer.print(of, bytes));
        assert_eq!(printer.output, b"web/1 | rest\n");
    }

    #[test]
    fn a_line_without_end_is_not_kept_for_ever() {
        let mut printer = printer(Whose::Said, true);
        printer.take(&of(0), &vec![b'x'; LONGEST_LINE]).unwrap();
        assert!(printer.output.is_empty());
        printer.take(&of(0), b"y").unwrap();
        assert!(printer.begun.is_empty());
    }

    #[test]
    fn a_pipe_gets_every_byte_as_it_is() {
        let mut printer = printer(Whose::Known, false);
        let bytes: Vec<u8> = (0..=255).collect();
        printer.take(&of(0), &bytes).unwrap();
        assert_eq!(printer.output, bytes);
    }

    #[test]
    fn a_terminal_gets_colours_and_nothing_else_to_act_on() {
        assert_eq!(harmless("\u{1b}[1;31mgrün\u{1b}[0m\ta\n".as_bytes()), "\u{1b}[1;31mgrün\u{1b}[0m\ta\n");
        assert_eq!(harmless(b"\x1b[2J\x1b]0;title\x07"), "\\u{1b}[2J\\u{1b}]0;title\\u{7}");
        assert_eq!(harmless(b"a\rb\r\n\x08\x7f"), "a\\rb\r\n\\u{8}\\u{7f}");
        assert_eq!(harmless(b"\x9b2J\xff \xc2\x9b3J"), "\\x9b2J\\xff \\u{9b}3J");
        assert_eq!(harmless(b"\x1b[1;31"), "\\u{1b}[1;31");
        let long = [b"\x1b[".as_slice(), &[b'1'; 1000], b"m"].concat();
        assert!(harmless(&long).starts_with("\\u{1b}[111"));
    }

    #[test]
    fn what_is_cut_apart_on_the_way_is_put_together() {
        let text = "a\u{1b}[31mß€😀\u{1b}[0m\n".as_bytes();
        for cut in 0..=text.len() {
            let mut printer = printer(Whose::Known, true);
            printer.take(&of(0), &text[..cut]).unwrap();
            printer.take(&of(0), &text[cut..]).unwrap();
            assert_eq!(printer.output, text, "{cut}");
        }
    }

    #[test]
    fn what_never_becomes_whole_is_not_waited_for() {
        let mut printer = printer(Whose::Known, true);
        printer.take(&of(0), b"\x1b[31").unwrap();
        printer.take(&of(0), b"J\xe2\x82").unwrap();
        printer.take(&of(0), b"x").unwrap();
        assert_eq!(printer.output, b"\\u{1b}[31J\\xe2\\x82x");
        printer.output.clear();
        printer.take(&of(0), &[b"\x1b[".as_slice(), &[b'1'; 200]].concat()).unwrap();
        assert!(printer.begun.is_empty());
    }
}
