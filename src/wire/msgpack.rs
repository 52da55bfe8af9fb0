//! MessagePack, bounded: [`decode`] for what comes from outside, and [`Writer`] for what we send.
//!
//! Invariants of the decoder: it takes one value and nothing after it; it recurses no deeper than
//! [`MAX_DEPTH`]; and it believes no count that the bytes left cannot fill. Every value is at least one byte
//! long, so the decoder keeps book of the values that enclosing arrays and maps have been promised ("owed"),
//! and a further promise must fit into what is left beside them. All allocations together are thus a small
//! multiple of the frame's length. Format: <https://github.com/msgpack/msgpack/blob/master/spec.md>.

mod writer;

use std::fmt;

use rmp::Marker;
use rmp::decode as read;

use crate::wire::value::Value;

pub use writer::{Encode, Writer};

/// How many arrays and maps may enclose one another; the outermost is level 1.
pub const MAX_DEPTH: usize = 16;

/// Why a frame is not one MessagePack value. Offsets count bytes from 0, the start of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The frame has no bytes.
    Empty,
    /// The frame ends within the value that begins at `offset`, or where it ought to begin.
    Truncated {
        /// Where the value begins.
        offset: usize,
    },
    /// A string, array, … announces more bytes or elements than can follow.
    TooLong {
        /// Where the value begins.
        offset: usize,
        /// The bytes, elements or entries that it announces.
        announced: u32,
        /// The bytes left for it in the frame.
        left: usize,
    },
    /// An array or map lies deeper than it may.
    TooDeep {
        /// Where the array or map begins.
        offset: usize,
    },
    /// The byte 0xc1, which MessagePack never uses.
    Reserved {
        /// Where it stands.
        offset: usize,
    },
    /// So many bytes follow the value.
    TrailingBytes(usize),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the message is empty, where one MessagePack value was expected"),
            Self::Truncated { offset } => {
                write!(f, "the message ends within the value that begins at offset {offset}")
            }
            Self::TooLong { offset, announced, left } => write!(
                f,
                "the value at offset {offset} announces a length of {announced}, but the bytes left for \
                 it are {left}"
            ),
            Self::TooDeep { offset } => {
                write!(f, "the value at offset {offset} is nested deeper than {MAX_DEPTH} levels")
            }
            Self::Reserved { offset } => {
                write!(f, "the byte at offset {offset} is 0xc1, which MessagePack does not use")
            }
            Self::TrailingBytes(count) => {
                write!(
                    f,
                    "the value is followed by more bytes ({count}), where a message is exactly one value"
                )
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// Reads a frame that is exactly one value. A `str` that is not UTF-8 becomes [`Value::Bin`].
///
/// # Errors
/// See [`DecodeError`]; nothing of the value is returned then.
pub fn decode(frame: &[u8]) -> Result<Value, DecodeError> {
    decode_within(frame, MAX_DEPTH)
}

/// Reads a reply: an error shows the request that it is about, and so is nested one level deeper.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode_reply(frame: &[u8]) -> Result<Value, DecodeError> {
    decode_within(frame, MAX_DEPTH + 1)
}

fn decode_within(frame: &[u8], deepest: usize) -> Result<Value, DecodeError> {
    if frame.is_empty() {
        return Err(DecodeError::Empty);
    }
    let mut decoder = Decoder { rest: frame, length: frame.len(), owed: 0, deepest };
    let value = decoder.value(0)?;
    match decoder.rest.len() {
        0 => Ok(value),
        count => Err(DecodeError::TrailingBytes(count)),
    }
}

/// A cursor over one frame.
struct Decoder<'a> {
    /// What has not been read yet.
    rest: &'a [u8],
    /// The length of the whole frame.
    length: usize,
    /// Values that enclosing arrays and maps announced and that have not begun yet.
    owed: usize,
    /// How many arrays and maps may lie in one another.
    deepest: usize,
}

impl Decoder<'_> {
    /// Reads the value that begins here, which `depth` arrays and maps enclose.
    fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let offset = self.length - self.rest.len();
        // Whatever the crate says when a read fails, the reason is the same: the marker has been matched, so
        // what is missing can only be bytes.
        let cut = DecodeError::Truncated { offset };
        let first = *self.rest.first().ok_or(cut)?;
        Ok(match Marker::from_u8(first) {
            Marker::Null => read::read_nil(&mut self.rest).map(|()| Value::Nil).or(Err(cut))?,
            Marker::False | Marker::True => Value::Bool(read::read_bool(&mut self.rest).or(Err(cut))?),
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::U8 | Marker::U16 | Marker::U32 => {
                self.int(cut)?
            }
            Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64 => self.int(cut)?,
            Marker::U64 => Value::from(read::read_u64(&mut self.rest).or(Err(cut))?),
            Marker::F32 => Value::Float(f64::from(read::read_f32(&mut self.rest).or(Err(cut))?)),
            Marker::F64 => Value::Float(read::read_f64(&mut self.rest).or(Err(cut))?),
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                let announced = read::read_str_len(&mut self.rest).or(Err(cut))?;
                match String::from_utf8(self.bytes(offset, announced)?) {
                    Ok(text) => Value::Str(text),
                    Err(other) => Value::Bin(other.into_bytes()),
                }
            }
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let announced = read::read_bin_len(&mut self.rest).or(Err(cut))?;
                Value::Bin(self.bytes(offset, announced)?)
            }
            Marker::FixExt1 | Marker::FixExt2 | Marker::FixExt4 | Marker::FixExt8 | Marker::FixExt16 => {
                self.ext(offset)?
            }
            Marker::Ext8 | Marker::Ext16 | Marker::Ext32 => self.ext(offset)?,
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => self.array(offset, depth)?,
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => self.map(offset, depth)?,
            Marker::Reserved => return Err(DecodeError::Reserved { offset }),
        })
    }

    fn int(&mut self, cut: DecodeError) -> Result<Value, DecodeError> {
        Ok(Value::Int(read::read_int(&mut self.rest).or(Err(cut))?))
    }

    fn ext(&mut self, offset: usize) -> Result<Value, DecodeError> {
        let meta = read::read_ext_meta(&mut self.rest).or(Err(DecodeError::Truncated { offset }))?;
        Ok(Value::Ext(meta.typeid, self.bytes(offset, meta.size)?))
    }

    /// Takes the bytes of a string, of binary data or of an extension.
    fn bytes(&mut self, offset: usize, announced: u32) -> Result<Vec<u8>, DecodeError> {
        let count = self.room(offset, announced, 1)?;
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated { offset })?;
        self.rest = rest;
        Ok(bytes.to_vec())
    }

    fn array(&mut self, offset: usize, depth: usize) -> Result<Value, DecodeError> {
        let inner = self.deeper(offset, depth)?;
        let announced = read::read_array_len(&mut self.rest).or(Err(DecodeError::Truncated { offset }))?;
        let count = self.room(offset, announced, 1)?;
        self.owed += count;
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(self.owed_value(inner)?);
        }
        Ok(Value::Array(elements))
    }

    fn map(&mut self, offset: usize, depth: usize) -> Result<Value, DecodeError> {
        let inner = self.deeper(offset, depth)?;
        let announced = read::read_map_len(&mut self.rest).or(Err(DecodeError::Truncated { offset }))?;
        let count = self.room(offset, announced, 2)?;
        self.owed += 2 * count;
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            entries.push((self.owed_value(inner)?, self.owed_value(inner)?));
        }
        Ok(Value::Map(entries))
    }

    /// Reads one of the values that an enclosing array or map announced.
    fn owed_value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        self.owed -= 1;
        self.value(depth)
    }

    /// Checks that so many units of at least `unit` bytes each can follow, beside all that is owed already.
    fn room(&self, offset: usize, announced: u32, unit: usize) -> Result<usize, DecodeError> {
        let left = self.rest.len().saturating_sub(self.owed);
        match usize::try_from(announced) {
            Ok(count) if count <= left / unit => Ok(count),
            _ => Err(DecodeError::TooLong { offset, announced, left }),
        }
    }

    /// The depth of the values within an array or map that `depth` others enclose.
    fn deeper(&self, offset: usize, depth: usize) -> Result<usize, DecodeError> {
        if depth < self.deepest { Ok(depth + 1) } else { Err(DecodeError::TooDeep { offset }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// So many arrays of one element, and nil in the innermost.
    fn nested(levels: usize) -> Vec<u8> {
        let mut frame = vec![0x91; levels];
        frame.push(0xc0);
        frame
    }

    #[test]
    fn integers_of_every_width() {
        let cases: [(&[u8], Value); 13] = [
            (&[0x7f], Value::Int(127)),
            (&[0xe0], Value::Int(-32)),
            (&[0xcc, 0xff], Value::Int(255)),
            (&[0xcd, 0xff, 0xff], Value::Int(65_535)),
            (&[0xce, 0xff, 0xff, 0xff, 0xff], Value::Int(4_294_967_295)),
            (&[0xcf, 0, 0, 0, 0, 0, 0, 0, 1], Value::Int(1)),
            (&[0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0], Value::Uint(1 << 63)),
            (&[0xd0, 0x80], Value::Int(-128)),
            (&[0xd1, 0x80, 0], Value::Int(-32_768)),
            (&[0xd2, 0x80, 0, 0, 0], Value::Int(-2_147_483_648)),
            (&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], Value::Int(i64::MIN)),
            (&[0xca, 0x3f, 0, 0, 0], Value::Float(0.5)),
            (&[0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0], Value::Float(0.5)),
        ];
        for (frame, value) in cases {
            assert_eq!(decode(frame), Ok(value), "{frame:x?}");
        }
    }

    #[test]
    fn strings_binary_and_extensions() {
        let cases: [(&[u8], Value); 9] = [
            (&[0xa1, b'a'], Value::from("a")),
            (&[0xd9, 1, b'a'], Value::from("a")),
            (&[0xda, 0, 1, b'a'], Value::from("a")),
            (&[0xdb, 0, 0, 0, 1, b'a'], Value::from("a")),
            (&[0xa1, 0xff], Value::Bin(vec![0xff])),
            (&[0xc4, 1, b'a'], Value::Bin(vec![b'a'])),
            (&[0xc5, 0, 1, b'a'], Value::Bin(vec![b'a'])),
            (&[0xd4, 0xff, 9], Value::Ext(-1, vec![9])),
            (&[0xc7, 3, 5, 1, 2, 3], Value::Ext(5, vec![1, 2, 3])),
        ];
        for (frame, value) in cases {
            assert_eq!(decode(frame), Ok(value), "{frame:x?}");
        }
    }

    #[test]
    fn arrays_and_maps_of_every_width() {
        let array = Value::from(vec![Value::Nil, Value::Bool(true)]);
        for head in [&[0x92][..], &[0xdc, 0, 2], &[0xdd, 0, 0, 0, 2]] {
            assert_eq!(decode(&[head, &[0xc0, 0xc3]].concat()), Ok(array.clone()));
        }
        let map = Value::Map(vec![(Value::Int(0), Value::Bool(false))]);
        for head in [&[0x81][..], &[0xde, 0, 1], &[0xdf, 0, 0, 0, 1]] {
            assert_eq!(decode(&[head, &[0, 0xc2]].concat()), Ok(map.clone()));
        }
    }

    #[test]
    fn one_value_and_nothing_else() {
        assert_eq!(decode(&[]), Err(DecodeError::Empty));
        assert_eq!(decode(&[0xc0, 0xc0, 0xc0]), Err(DecodeError::TrailingBytes(2)));
        assert_eq!(decode(&[0x91, 0xc1]), Err(DecodeError::Reserved { offset: 1 }));
        assert_eq!(decode(&[0x91, 0xcd, 0]), Err(DecodeError::Truncated { offset: 1 }));
        assert_eq!(decode(&[0x92, 0xcc, 0]), Err(DecodeError::Truncated { offset: 3 }));
    }

    #[test]
    fn depth_is_bounded_for_arrays_and_maps() {
        assert!(decode(&nested(MAX_DEPTH)).is_ok());
        assert!(decode_reply(&nested(MAX_DEPTH + 1)).is_ok());
        assert!(decode_reply(&nested(MAX_DEPTH + 2)).is_err());
        assert_eq!(decode(&nested(MAX_DEPTH + 1)), Err(DecodeError::TooDeep { offset: MAX_DEPTH }));
        assert_eq!(decode(&nested(1 << 20)), Err(DecodeError::TooDeep { offset: MAX_DEPTH }));
        let mut maps = [0x81, 0xc0].repeat(MAX_DEPTH);
        maps.push(0x80);
        assert_eq!(decode(&maps), Err(DecodeError::TooDeep { offset: 2 * MAX_DEPTH }));
    }

    #[test]
    fn counts_that_the_frame_cannot_hold_are_refused() {
        for marker in [0xdd, 0xdf, 0xdb, 0xc6] {
            let frame = [marker, 0xff, 0xff, 0xff, 0xff, 0xc0];
            let announced = u32::MAX;
            assert_eq!(decode(&frame), Err(DecodeError::TooLong { offset: 0, announced, left: 1 }));
        }
        // The inner array would need the bytes that the outer one's second element needs.
        let promised_twice = [0x92, 0x92, 0xc0, 0xc0];
        assert_eq!(decode(&promised_twice), Err(DecodeError::TooLong { offset: 1, announced: 2, left: 1 }));
        assert_eq!(decode(&[0x81, 0xc0]), Err(DecodeError::TooLong { offset: 0, announced: 1, left: 1 }));
    }

    #[test]
    fn errors_tell_place_and_limit() {
        let told = |frame: &[u8]| decode(frame).unwrap_err().to_string();
        assert_eq!(told(&nested(17)), "the value at offset 16 is nested deeper than 16 levels");
        assert_eq!(
            told(&[0xa5, b'a']),
            "the value at offset 0 announces a length of 5, but the bytes left for it are 1"
        );
        assert_eq!(told(&[0x91, 0xcc]), "the message ends within the value that begins at offset 1");
    }

    fn leaf() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Nil),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (-200_i64..70_000).prop_map(Value::Int),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::Float),
            ".{0,40}".prop_map(Value::Str),
            vec(any::<u8>(), 0..300).prop_map(Value::Bin),
            (any::<i8>(), vec(any::<u8>(), 0..20)).prop_map(|(kind, bytes)| Value::Ext(kind, bytes)),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        leaf().prop_recursive(4, 48, 20, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..20).prop_map(Value::Array),
                vec((inner.clone(), inner), 0..20).prop_map(Value::Map),
            ]
        })
    }

    fn encoded(value: &Value) -> Vec<u8> {
        let mut w = Writer::new();
        w.value(value);
        w.into_bytes()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in value()) {
            prop_assert_eq!(decode(&encoded(&value)), Ok(value));
        }

        #[test]
        fn every_truncation_is_an_error(value in value(), cut in any::<prop::sample::Index>()) {
            let frame = encoded(&value);
            prop_assert!(decode(&frame[..cut.index(frame.len())]).is_err());
        }

        #[test]
        fn what_follows_is_counted(value in value(), rest in vec(any::<u8>(), 1..9)) {
            let frame = [encoded(&value), rest.clone()].concat();
            prop_assert_eq!(decode(&frame), Err(DecodeError::TrailingBytes(rest.len())));
        }

        #[test]
        fn any_bytes_are_answered_and_what_is_read_can_be_written(frame in vec(any::<u8>(), 0..200)) {
            if let Ok(value) = decode(&frame) {
                prop_assert!(encoded(&value).len() <= 2 * frame.len() + 8);
            }
        }

        #[test]
        fn a_changed_byte_never_panics(value in value(), at in any::<prop::sample::Index>(), byte: u8) {
            let mut frame = encoded(&value);
            let at = at.index(frame.len());
            frame[at] = byte;
            let _ = decode(&frame);
        }
    }
}
