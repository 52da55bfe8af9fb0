//! MessagePack, written: a message grows by one call per value.
//!
//! Invariants: every number and length is written in its shortest form, and no call can fail, since the
//! message is a vector of our own. That the announced counts are kept is the caller's part.

use rmp::encode::{self as write, ByteBuf};

use crate::wire::value::Value;

/// A message in the making. Its calls append one value each; after [`array`](Writer::array) and
/// [`map`](Writer::map) the announced number of values must follow.
///
/// MessagePack's lengths have 32 bits: what is longer is cut there. No message comes near that size.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    buffer: ByteBuf,
}

impl Writer {
    /// An empty message.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// An empty message with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Writer {
        Writer { buffer: ByteBuf::with_capacity(bytes) }
    }

    /// Begins anew and keeps the memory.
    pub fn clear(&mut self) {
        self.buffer.as_mut_vec().clear();
    }

    /// What has been written.
    pub fn as_slice(&self) -> &[u8] {
        self.buffer.as_slice()
    }

    /// What has been written, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.buffer.into_vec()
    }

    /// The bytes written so far.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// Writes nil.
    pub fn nil(&mut self) {
        let Ok(()) = write::write_nil(&mut self.buffer);
    }

    /// Writes true or false.
    pub fn bool(&mut self, truth: bool) {
        let Ok(()) = write::write_bool(&mut self.buffer, truth);
    }

    /// Writes an integer.
    pub fn int(&mut self, number: i64) {
        let Ok(_) = write::write_sint(&mut self.buffer, number);
    }

    /// Writes an integer.
    pub fn uint(&mut self, number: u64) {
        let Ok(_) = write::write_uint(&mut self.buffer, number);
    }

    /// Writes a float of 64 bits.
    pub fn float(&mut self, number: f64) {
        let Ok(()) = write::write_f64(&mut self.buffer, number);
    }

    /// Writes a string.
    pub fn str(&mut self, text: &str) {
        let (length, bytes) = bounded(text.as_bytes());
        let Ok(_) = write::write_str_len(&mut self.buffer, length);
        self.raw(bytes);
    }

    /// Writes a string that comes in parts, without putting them together first.
    pub fn str_in_parts(&mut self, parts: &[&str]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let Ok(length) = u32::try_from(length) else { return self.str(&parts.concat()) };
        let Ok(_) = write::write_str_len(&mut self.buffer, length);
        self.buffer.as_mut_vec().reserve(length as usize);
        parts.iter().for_each(|part| self.raw(part.as_bytes()));
    }

    /// Writes binary data.
    pub fn bin(&mut self, bytes: &[u8]) {
        let (length, bytes) = bounded(bytes);
        let Ok(_) = write::write_bin_len(&mut self.buffer, length);
        self.raw(bytes);
    }

    /// Writes a string if the bytes are UTF-8, else binary data.
    pub fn text(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.str(text),
            Err(_) => self.bin(bytes),
        }
    }

    /// Begins an array: so many values follow.
    pub fn array(&mut self, len: usize) {
        let Ok(_) = write::write_array_len(&mut self.buffer, saturated(len));
    }

    /// Begins a map: so many pairs of key and value follow.
    pub fn map(&mut self, len: usize) {
        let Ok(_) = write::write_map_len(&mut self.buffer, saturated(len));
    }

    /// Writes a value with all that it holds.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Nil => self.nil(),
            Value::Bool(truth) => self.bool(*truth),
            Value::Int(number) => self.int(*number),
            Value::Uint(number) => self.uint(*number),
            Value::Float(number) => self.float(*number),
            Value::Str(text) => self.str(text),
            Value::Bin(bytes) => self.bin(bytes),
            Value::Array(elements) => {
                self.array(elements.len());
                elements.iter().for_each(|element| self.value(element));
            }
            Value::Map(entries) => {
                self.map(entries.len());
                entries.iter().for_each(|(key, value)| {
                    self.value(key);
                    self.value(value);
                });
            }
            Value::Ext(kind, bytes) => {
                let (length, bytes) = bounded(bytes);
                let Ok(_) = write::write_ext_meta(&mut self.buffer, length, *kind);
                self.raw(bytes);
            }
        }
    }

    /// Appends bytes that are MessagePack already.
    pub fn raw(&mut self, encoded: &[u8]) {
        self.buffer.as_mut_vec().extend_from_slice(encoded);
    }

    /// Writes a key and its value: one entry of a map.
    pub fn entry(&mut self, key: &str, value: impl Encode) {
        self.str(key);
        value.encode(self);
    }
}

fn saturated(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// As much of the bytes as a length of 32 bits can tell, and that length.
fn bounded(bytes: &[u8]) -> (u32, &[u8]) {
    let length = saturated(bytes.len());
    (length, bytes.get(..length as usize).unwrap_or(bytes))
}

/// What [`Writer::entry`] can write as a value.
pub trait Encode {
    /// Appends itself to the message, as one value.
    fn encode(self, w: &mut Writer);
}

macro_rules! encode {
    ($($type:ty => $method:ident $(, $widen:path)?;)*) => {
        $(impl Encode for $type {
            fn encode(self, w: &mut Writer) {
                w.$method($($widen)?(self));
            }
        })*
    };
}

encode! {
    bool => bool;
    i32 => int, i64::from;
    i64 => int;
    u32 => uint, u64::from;
    u64 => uint;
    f64 => float;
    &str => str;
    &String => str;
    &Value => value;
}

impl<T: Encode> Encode for Option<T> {
    fn encode(self, w: &mut Writer) {
        match self {
            Some(value) => value.encode(w),
            None => w.nil(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::msgpack::decode;

    fn written(steps: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut w = Writer::new();
        steps(&mut w);
        w.into_bytes()
    }

    #[test]
    fn integers_take_their_shortest_form() {
        let lengths = [
            (0, 1),
            (127, 1),
            (128, 2),
            (255, 2),
            (256, 3),
            (65_535, 3),
            (65_536, 5),
            (4_294_967_295, 5),
            (4_294_967_296, 9),
            (i64::MAX, 9),
            (-1, 1),
            (-32, 1),
            (-33, 2),
            (-128, 2),
            (-129, 3),
            (-32_768, 3),
            (-32_769, 5),
            (-2_147_483_648, 5),
            (-2_147_483_649, 9),
            (i64::MIN, 9),
        ];
        for (number, length) in lengths {
            assert_eq!(written(|w| w.int(number)).len(), length, "{number}");
            if let Ok(unsigned) = u64::try_from(number) {
                assert_eq!(written(|w| w.uint(unsigned)), written(|w| w.int(number)));
            }
        }
    }

    #[test]
    fn lengths_take_their_shortest_form() {
        let heads = [(15, 1), (16, 3), (65_535, 3), (65_536, 5)];
        for (len, head) in heads {
            assert_eq!(written(|w| w.array(len)).len(), head, "array of {len}");
            assert_eq!(written(|w| w.map(len)).len(), head, "map of {len}");
        }
        for (len, head) in [(31, 1), (32, 2), (255, 2), (256, 3), (65_536, 5)] {
            assert_eq!(written(|w| w.str(&"x".repeat(len))).len(), head + len, "string of {len}");
        }
        for (len, head) in [(0, 2), (255, 2), (256, 3), (65_536, 5)] {
            assert_eq!(written(|w| w.bin(&vec![0; len])).len(), head + len, "binary of {len}");
        }
        for (len, head) in [(1, 2), (3, 3), (16, 2), (17, 3), (256, 4)] {
            let value = Value::Ext(-1, vec![0; len]);
            assert_eq!(written(|w| w.value(&value)).len(), head + len, "extension of {len}");
        }
    }

    #[test]
    fn parts_are_one_string() {
        for parts in [&[][..], &[""], &["a"], &["a", "", "bc"], &["é"; 200]] {
            assert_eq!(written(|w| w.str_in_parts(parts)), written(|w| w.str(&parts.concat())), "{parts:?}");
        }
    }

    #[test]
    fn text_is_a_string_only_where_it_is_utf8() {
        assert_eq!(written(|w| w.text("é".as_bytes())), written(|w| w.str("é")));
        assert_eq!(written(|w| w.text(&[0xff])), [0xc4, 1, 0xff]);
    }

    #[test]
    fn entries_of_every_kind_make_a_map() {
        let name = String::from("web");
        let inner = written(|w| w.nil());
        let frame = written(|w| {
            w.map(10);
            w.entry("program", &name);
            w.entry("state", "running");
            w.entry("ready", true);
            w.entry("pid", 42_u32);
            w.entry("exitcode", -1_i32);
            w.entry("seq", u64::MAX);
            w.entry("offset", 1_i64 << 40);
            w.entry("duration", 2.5);
            w.entry("retry_in", None::<f64>);
            w.str("raw");
            w.raw(&inner);
        });
        let expected = Value::map([
            ("program", Value::from("web")),
            ("state", Value::from("running")),
            ("ready", Value::Bool(true)),
            ("pid", Value::Int(42)),
            ("exitcode", Value::Int(-1)),
            ("seq", Value::Uint(u64::MAX)),
            ("offset", Value::Int(1 << 40)),
            ("duration", Value::Float(2.5)),
            ("retry_in", Value::Nil),
            ("raw", Value::Nil),
        ]);
        assert_eq!(decode(&frame).as_ref(), Ok(&expected));
        assert_eq!(written(|w| Some(&expected).encode(w)), frame);
    }

    #[test]
    fn a_cleared_writer_begins_anew() {
        let mut w = Writer::with_capacity(8);
        assert!(w.is_empty());
        w.str("gone");
        assert_eq!(w.len(), 5);
        w.clear();
        assert!(w.is_empty());
        w.bool(false);
        assert_eq!(w.as_slice(), [0xc2]);
    }
}
