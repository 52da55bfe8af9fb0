//! Z85, in which keys of CURVE are written: five characters for four bytes (RFC 32 of ZeroMQ).

const ALPHABET: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// How many bytes a key has.
pub const KEY_BYTES: usize = 32;
/// How many characters a key has.
pub const KEY_CHARACTERS: usize = 40;

/// A key as text.
#[must_use]
pub fn encode_key(key: &[u8; KEY_BYTES]) -> String {
    let (chunks, _) = key.as_chunks::<4>();
    let mut text = String::with_capacity(KEY_CHARACTERS);
    for chunk in chunks {
        let number = u32::from_be_bytes(*chunk);
        for weight in [85_u32.pow(4), 85_u32.pow(3), 85_u32.pow(2), 85, 1] {
            let character = usize::try_from(number / weight % 85).ok().and_then(|digit| ALPHABET.get(digit));
            text.extend(character.map(|byte| char::from(*byte)));
        }
    }
    text
}

/// The key that a text is; `None` if it is none.
#[must_use]
pub fn decode_key(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() != KEY_CHARACTERS {
        return None;
    }
    let (groups, _) = text.as_bytes().as_chunks::<5>();
    let mut key = [0; KEY_BYTES];
    for (group, bytes) in groups.iter().zip(key.as_chunks_mut::<4>().0) {
        let number = group.iter().try_fold(0_u32, |number, character| {
            let digit = ALPHABET.iter().position(|known| known == character)?;
            number.checked_mul(85)?.checked_add(u32::try_from(digit).ok()?)
        });
        *bytes = number?.to_be_bytes();
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A key that stands in the manual pages of libzmq, as text and as bytes.
    const TEXT: &str = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";

    #[test]
    fn a_known_key_is_read_and_written() {
        let bytes = [
            0x8E, 0x0B, 0xDD, 0x69, 0x76, 0x28, 0xB9, 0x1D, 0x8F, 0x24, 0x55, 0x87, 0xEE, 0x95, 0xC5, 0xB0,
            0x4D, 0x48, 0x96, 0x3F, 0x79, 0x25, 0x98, 0x77, 0xB4, 0x9C, 0xD9, 0x06, 0x3A, 0xEA, 0xD3, 0xB7,
        ];
        assert_eq!(decode_key(TEXT), Some(bytes));
        assert_eq!(encode_key(&bytes), TEXT);
    }

    #[test]
    fn what_is_no_key_is_none() {
        let with = |from: &str, to: &str| TEXT.replacen(from, to, 1);
        // `#0000` alone is more than 32 bits.
        for wrong in [
            &with("JTKVS", "#0000"),
            "",
            &TEXT[1..],
            &with("J", " "),
            &with("J", "~"),
            &"#".repeat(40),
            &"ß".repeat(20),
        ] {
            assert_eq!(decode_key(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_key_survives(key: [u8; 32]) {
            prop_assert_eq!(decode_key(&encode_key(&key)), Some(key));
        }
    }
}
