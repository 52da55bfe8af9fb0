//! Keys: what a terminal sends, byte by byte, as what was pressed.

use std::str;

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A letter, or a control character that has no name here.
    Char(char),
    /// Return.
    Enter,
    /// Escape, alone.
    Escape,
    /// The key that takes a letter back.
    Backspace,
    /// An arrow.
    Up,
    /// An arrow.
    Down,
    /// A page back.
    PageUp,
    /// A page on.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// A key that means nothing here.
    Other,
}

/// The longest sequence of one key; what is longer is none.
const MAX_SEQUENCE: usize = 32;

const ESCAPE: u8 = 0x1b;

/// Makes keys of bytes. A key may come in several pieces; an escape that nothing follows is the key of that name.
#[derive(Debug, Default)]
pub struct Keys {
    pending: Vec<u8>,
}

/// What some bytes begin with.
enum Beginning {
    /// A key of so many bytes.
    Key(Key, usize),
    /// A part of one.
    Part,
}

impl Keys {
    /// Takes bytes, and returns the keys that are complete.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.pending.extend_from_slice(bytes);
        let mut keys = Vec::new();
        while !self.pending.is_empty() {
            match beginning(&self.pending) {
                Beginning::Key(key, length) => {
                    self.pending.drain(..length);
                    keys.push(key);
                }
                Beginning::Part if self.pending.len() > MAX_SEQUENCE => {
                    self.pending.clear();
                    keys.push(Key::Other);
                }
                Beginning::Part => break,
            }
        }
        keys
    }

    /// Whether there is a part of a key, which a moment will tell more about.
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The moment is over: what is there is all there is.
    pub fn expire(&mut self) -> Option<Key> {
        let key = match self.pending.as_slice() {
            [] => None,
            [ESCAPE] => Some(Key::Escape),
            _ => Some(Key::Other),
        };
        self.pending.clear();
        key
    }
}

fn beginning(bytes: &[u8]) -> Beginning {
    match bytes {
        [] | [ESCAPE] => Beginning::Part,
        // Some terminals send `ESC O A`, some `ESC [ A`: it depends on a mode that may have been left on.
        [ESCAPE, b'O', last, ..] => Beginning::Key(named(*last), 3),
        [ESCAPE, b'O'] => Beginning::Part,
        [ESCAPE, b'[', rest @ ..] => control_sequence(rest),
        // A letter with Alt, or two escapes.
        [ESCAPE, ESCAPE, ..] => Beginning::Key(Key::Escape, 1),
        [ESCAPE, ..] => Beginning::Key(Key::Other, 2),
        [b'\r' | b'\n', ..] => Beginning::Key(Key::Enter, 1),
        [0x7f | 0x08, ..] => Beginning::Key(Key::Backspace, 1),
        _ => letter(bytes),
    }
}

/// What follows `ESC [`: parameters, and a letter at the end (ECMA-48, 5.4).
fn control_sequence(rest: &[u8]) -> Beginning {
    let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else { return Beginning::Part };
    let key = match (rest.get(..end), rest.get(end)) {
        (Some(b"5"), Some(b'~')) => Key::PageUp,
        (Some(b"6"), Some(b'~')) => Key::PageDown,
        (Some(b"1" | b"7"), Some(b'~')) => Key::Home,
        (Some(b"4" | b"8"), Some(b'~')) => Key::End,
        (Some(b""), Some(last)) => named(*last),
        _ => Key::Other,
    };
    Beginning::Key(key, end + 3)
}

fn named(last: u8) -> Key {
    match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'M' => Key::Enter,
        _ => Key::Other,
    }
}

fn letter(bytes: &[u8]) -> Beginning {
    let first = |text: &str| text.chars().next().map(|c| Beginning::Key(Key::Char(c), c.len_utf8()));
    match str::from_utf8(bytes) {
        Ok(text) => first(text).unwrap_or(Beginning::Part),
        Err(error) => {
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            let valid = str::from_utf8(valid).ok().and_then(first);
            match (valid, error.error_len()) {
                (Some(letter), _) => letter,
                (None, Some(length)) => Beginning::Key(Key::Other, length.min(rest.len()).max(1)),
                (None, None) => Beginning::Part,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_named_keys() {
        let mut keys = Keys::default();
        let bytes = "aä\r\u{7f}\u{1b}[A\u{1b}OB\u{1b}[5~\u{1b}[6~\u{1b}[1~\u{1b}[F\u{1b}[1;5Cx".as_bytes();
        let expected = [
            Key::Char('a'),
            Key::Char('ä'),
            Key::Enter,
            Key::Backspace,
            Key::Up,
            Key::Down,
            Key::PageUp,
            Key::PageDown,
            Key::Home,
            Key::End,
            Key::Other,
            Key::Char('x'),
        ];
        assert_eq!(keys.take(bytes), expected);
        // However it is cut into pieces.
        let one_by_one: Vec<Key> = bytes.iter().flat_map(|byte| keys.take(&[*byte])).collect();
        assert_eq!(one_by_one, expected);
        assert!(!keys.is_waiting());
    }

    #[test]
    fn an_escape_alone_is_one_when_nothing_follows() {
        let mut keys = Keys::default();
        assert_eq!(keys.take(b"\x1b"), []);
        assert!(keys.is_waiting());
        assert_eq!(keys.expire(), Some(Key::Escape));
        assert_eq!(keys.expire(), None);
        assert_eq!(keys.take(b"\x1b\x1b[A"), [Key::Escape, Key::Up]);
        assert_eq!(keys.take(b"\x1b["), []);
        assert_eq!(keys.expire(), Some(Key::Other));
    }

    #[test]
    fn garbage_is_passed_over() {
        let mut keys = Keys::default();
        assert_eq!(keys.take(b"\xff\xc3(q"), [Key::Other, Key::Other, Key::Char('('), Key::Char('q')]);
        keys.take(b"\x1b[");
        keys.take(&[b'1'; 2 * MAX_SEQUENCE]);
        assert_eq!(keys.take(b"q"), [Key::Char('q')]);
    }
}
