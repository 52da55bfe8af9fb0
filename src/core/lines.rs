//! What stands before each line of a log: the time, and whose line it is. Formatting into room that is given, and back:
//! which part of a text that was written in part was the program's own.

use super::rotation::LineState;

/// A time as it stands in a log: `2026-11-23T08:00:00.123456Z `.
pub const TIMESTAMP: usize = 28;

/// Formats times; of two in the same second only the parts of a second differ, so the rest is kept.
#[derive(Clone, Debug)]
pub struct Timestamps {
    second: Option<u64>,
    text: [u8; TIMESTAMP],
}

impl Default for Timestamps {
    fn default() -> Self {
        Self { second: None, text: *b"0000-00-00T00:00:00.000000Z " }
    }
}

impl Timestamps {
    /// The text of a time, in microseconds since 1970.
    pub fn format(&mut self, micros: u64) -> &[u8] {
        let (second, fraction) = (micros / 1_000_000, micros % 1_000_000);
        if self.second != Some(second) {
            self.second = Some(second);
            let (days, within) = (second / 86_400, second % 86_400);
            let (year, month, day) = civil(days);
            self.digits(0, 4, year);
            self.digits(5, 2, month);
            self.digits(8, 2, day);
            self.digits(11, 2, within / 3600);
            self.digits(14, 2, within / 60 % 60);
            self.digits(17, 2, within % 60);
        }
        self.digits(20, 6, fraction);
        &self.text
    }

    fn digits(&mut self, at: usize, count: usize, mut number: u64) {
        for place in self.text.iter_mut().skip(at).take(count).rev() {
            // A digit.
            *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
    }
}

/// Year, month and day of a day since 1970, in the Gregorian calendar. Years are counted from March, so that the day
/// that is not always there is their last.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    // From the first of March of the year 0.
    let days = days + 719_468;
    let (era, day) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (month_day, month) =
        (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (era * 400 + year + u64::from(month <= 2), month, month_day)
}

/// What was formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formatted {
    /// How many bytes of the source there was room for.
    pub source: usize,
    /// How many bytes they have become.
    pub length: usize,
}

/// Writes as much of the source as there is room for, with the decoration before each line.
pub fn format(source: &[u8], decoration: &[u8], line: LineState, room: &mut [u8]) -> Formatted {
    let mut line = line;
    let mut done = Formatted { source: 0, length: 0 };
    while let Some(rest) = source.get(done.source..).filter(|rest| !rest.is_empty()) {
        let before: &[u8] = if line == LineState::Start { decoration } else { b"" };
        let free = room.len() - done.length;
        // At least one byte of the line is to follow what stands before it.
        if before.len() >= free {
            break;
        }
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let part = rest.get(..end.min(free - before.len())).unwrap_or(rest);
        put(room, &mut done.length, before);
        put(room, &mut done.length, part);
        done.source += part.len();
        line = line.after(part);
    }
    done
}

fn put(room: &mut [u8], length: &mut usize, bytes: &[u8]) {
    if let Some(place) = room.get_mut(*length..*length + bytes.len()) {
        place.copy_from_slice(bytes);
        *length += bytes.len();
    }
}

/// Where the first `length` bytes of a formatted text end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// So many bytes of the source are among them.
    pub source: usize,
    /// Whether that is within what stands before a line.
    pub within_decoration: bool,
}

/// Where the first `length` bytes of the text end that [`format()`] makes of this source.
pub fn place(source: &[u8], decoration: usize, line: LineState, length: usize) -> Place {
    if decoration == 0 {
        return Place { source: length.min(source.len()), within_decoration: false };
    }
    let mut line = line;
    let (mut at, mut left) = (0, length);
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        if line == LineState::Start {
            if left < decoration {
                return Place { source: at, within_decoration: left > 0 };
            }
            left -= decoration;
        }
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let part = rest.get(..end.min(left)).unwrap_or(rest);
        at += part.len();
        left -= part.len();
        if part.len() < end {
            // Nothing of a line after all of what stands before it: what comes next begins with its first byte.
            return Place { source: at, within_decoration: false };
        }
        line = line.after(part);
    }
    Place { source: at, within_decoration: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let mut timestamps = Timestamps::default();
        let mut shown = |micros| String::from_utf8(timestamps.format(micros).to_vec()).unwrap();
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z "),
            (1, "1970-01-01T00:00:00.000001Z "),
            (951_782_399_999_999, "2000-02-28T23:59:59.999999Z "),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z "),
            (951_868_800_000_000, "2000-03-01T00:00:00.000000Z "),
            (1_795_420_800_123_456, "2026-11-23T08:00:00.123456Z "),
            (4_107_542_399_000_000, "2100-02-28T23:59:59.000000Z "),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z "),
            (1_735_689_599_000_000, "2024-12-31T23:59:59.000000Z "),
        ] {
            assert_eq!(shown(micros), text);
        }
    }

    #[test]
    fn each_line_is_decorated_once() {
        let mut room = [0; 64];
        let formatted = format(b"c\n\nde", b"> ", LineState::Within, &mut room);
        assert_eq!(formatted, Formatted { source: 5, length: 9 });
        assert_eq!(&room[..9], b"c\n> \n> de");
    }

    #[test]
    fn a_place_within_a_decoration_is_told() {
        let at = |length| place(b"ab\ncd", 2, LineState::Start, length);
        let within = |source| Place { source, within_decoration: true };
        let of = |source| Place { source, within_decoration: false };
        assert_eq!([at(0), at(1), at(2), at(3)], [of(0), within(0), of(0), of(1)]);
        assert_eq!([at(5), at(6), at(7), at(9), at(99)], [of(3), within(3), of(3), of(5), of(5)]);
    }

    proptest! {
        #[test]
        fn a_text_cut_anywhere_is_gone_on_with(
            source in prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 0..60),
            room in 1usize..80,
            within in any::<bool>(),
            cut in 0usize..80,
        ) {
            let start = if within { LineState::Within } else { LineState::Start };
            let mut whole = [0; 400];
            let all = format(&source, b"12345", start, &mut whole);
            prop_assert_eq!(all.source, source.len());
            let mut part = vec![0; room];
            let formatted = format(&source, b"12345", start, &mut part);
            prop_assert_eq!(&part[..formatted.length], &whole[..formatted.length]);
            prop_assert_eq!(place(&source, 5, start, formatted.length).source, formatted.source);
            prop_assert!(formatted.source == source.len() || formatted.length + 6 > room);
            // Cut anywhere: what follows the place is what is missing.
            let cut = cut.min(all.length);
            let at = place(&source, 5, start, cut);
            if !at.within_decoration {
                let mut rest = [0; 400];
                let line = start.after(&whole[..cut]);
                let formatted = format(&source[at.source..], b"12345", line, &mut rest);
                prop_assert_eq!(&rest[..formatted.length], &whole[cut..all.length]);
            }
        }
    }
}
