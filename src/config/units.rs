//! Durations and sizes as people write and read them: `"500ms"`, `"2h"`, `"64K"`; `3d 4h`.
//!
//! Invariant: a duration that was read is at most [`LONGEST`], so that adding it to any time of a clock
//! cannot overflow.

use std::fmt;
use std::time::Duration;

/// The longest duration that a setting or an argument may have: ten years of 365 days. Who wants it longer
/// wants no limit.
pub const LONGEST: Duration = Duration::from_secs(10 * 365 * DAY);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Of a text that is refused, so many characters are repeated in the error.
const QUOTED: usize = 40;

/// Why something is no duration or size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitError {
    /// This text is not a duration.
    NotADuration(String),
    /// This duration is below zero.
    Negative(String),
    /// This duration is above [`LONGEST`].
    TooLong(String),
    /// This text is not a size.
    NotASize(String),
    /// This size is above what 64 bits can count.
    TooLarge(String),
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADuration(text) => write!(
                f,
                "{text:?} is not a duration: write a number of seconds, or a number with ms, s, m, h or d \
                 directly after it, such as \"500ms\" or \"2h\""
            ),
            Self::Negative(text) => write!(f, "{text:?} is negative, which a duration cannot be"),
            Self::TooLong(text) => {
                write!(
                    f,
                    "{text:?} is longer than the longest duration, {} (ten years)",
                    format_duration(LONGEST)
                )
            }
            Self::NotASize(text) => write!(
                f,
                "{text:?} is not a size: write a whole number of bytes, or one with K, M, G or T (of 1024) \
                 directly after it, such as \"64K\" or \"10M\""
            ),
            Self::TooLarge(text) => write!(f, "{text:?} is larger than 64 bits can count in bytes"),
        }
    }
}

impl std::error::Error for UnitError {}

/// Reads `"500ms"`, `"10s"`, `"5m"`, `"2h"`, `"1d"`, with decimals too (`"2.5s"`). A plain number is seconds.
/// What is finer than a nanosecond is rounded.
///
/// # Errors
/// A text of another form, a negative number, and what is above [`LONGEST`].
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let (number, unit) = split_unit(text);
    if !is_decimal(number.strip_prefix('-').unwrap_or(number)) {
        return Err(UnitError::NotADuration(quoted(text)));
    }
    let number: f64 = number.parse().map_err(|_| UnitError::NotADuration(quoted(text)))?;
    let seconds = match unit {
        // Divided, for 0.001 is no exact float.
        "ms" => number / 1000.0,
        "s" | "" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        "d" => number * 86_400.0,
        _ => return Err(UnitError::NotADuration(quoted(text))),
    };
    bounded(seconds, || quoted(text))
}

/// A duration of so many seconds.
///
/// # Errors
/// A negative number, NaN, and what is above [`LONGEST`].
pub fn duration_from_number(seconds: f64) -> Result<Duration, UnitError> {
    if seconds.is_nan() {
        return Err(UnitError::NotADuration(seconds.to_string()));
    }
    bounded(seconds, || format!("{seconds:?}"))
}

/// A duration within its bounds; `shown` is how it was written.
fn bounded(seconds: f64, shown: impl Fn() -> String) -> Result<Duration, UnitError> {
    if seconds < 0.0 {
        return Err(UnitError::Negative(shown()));
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        _ => Err(UnitError::TooLong(shown())),
    }
}

/// Reads `"64K"`, `"10M"`, `"1G"`, `"1T"` in units of 1024, in upper or lower case. A plain number is bytes.
///
/// # Errors
/// A text of another form (sizes have no sign and no decimals), and what 64 bits cannot count.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = split_unit(text);
    let power = match unit {
        "" => 0,
        "K" | "k" => 1,
        "M" | "m" => 2,
        "G" | "g" => 3,
        "T" | "t" => 4,
        _ => return Err(UnitError::NotASize(quoted(text))),
    };
    if number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(UnitError::NotASize(quoted(text)));
    }
    // Of digits alone, the only thing that can be wrong is that they are too many.
    let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1024_u64.pow(power)));
    size.ok_or_else(|| UnitError::TooLarge(quoted(text)))
}

/// A duration as people read it, in two units at most: `0s`, `350ms`, `2.5s`, `42s`, `3m 20s`, `2h 5m`,
/// `3d 4h`. Below ten seconds there is one decimal, unless it is zero. What is left over is cut off and not
/// rounded up, as on a clock; below a millisecond it is rounded.
pub fn format_duration(duration: Duration) -> String {
    // To the millisecond first: what was once a float may be a nanosecond short.
    let rounded = duration.saturating_add(Duration::from_micros(500));
    let (seconds, millis) = (rounded.as_secs(), rounded.subsec_millis());
    match seconds {
        0 if millis == 0 => "0s".to_owned(),
        0 => format!("{millis}ms"),
        1..10 if millis >= 100 => format!("{seconds}.{}s", millis / 100),
        1..MINUTE => format!("{seconds}s"),
        MINUTE..HOUR => two_units(seconds, (MINUTE, "m"), (1, "s")),
        HOUR..DAY => two_units(seconds, (HOUR, "h"), (MINUTE, "m")),
        DAY.. => two_units(seconds, (DAY, "d"), (HOUR, "h")),
    }
}

/// So many of the larger unit, and of the smaller what is left, if anything is.
fn two_units(seconds: u64, larger: (u64, &str), smaller: (u64, &str)) -> String {
    let whole = format!("{}{}", seconds / larger.0, larger.1);
    match seconds % larger.0 / smaller.0 {
        0 => whole,
        left => format!("{whole} {left}{}", smaller.1),
    }
}

/// Splits before the first letter.
fn split_unit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len()))
}

/// Digits, with at most one point that has digits on both sides: Rust's floats allow more than a setting
/// should.
fn is_decimal(number: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    is_digits(whole) && is_digits(fraction)
}

fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", text.split_at(end).0),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("500ms", Duration::from_millis(500)),
            ("350ms", Duration::from_millis(350)),
            ("0.5ms", Duration::from_micros(500)),
            ("10s", Duration::from_secs(10)),
            ("2.5s", Duration::from_millis(2500)),
            ("5m", Duration::from_secs(300)),
            ("2h", Duration::from_secs(7200)),
            ("1.5h", Duration::from_secs(5400)),
            ("1d", Duration::from_secs(86_400)),
            ("3650d", LONGEST),
            ("0", Duration::ZERO),
            ("-0", Duration::ZERO),
            ("7", Duration::from_secs(7)),
            ("0.25", Duration::from_millis(250)),
        ];
        for (text, duration) in cases {
            assert_eq!(parse_duration(text), Ok(duration), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration() {
        for text in [
            "", "s", ".5s", "5.s", "1e3", "inf", "nan", "NaN", "+5s", "5 s", " 5s", "5S", "5x", "5sm",
            "1h30m", "1.2.3s", "--5s", "٣s",
        ] {
            assert_eq!(parse_duration(text), Err(UnitError::NotADuration(text.to_owned())), "{text}");
        }
        assert_eq!(parse_duration("-1s"), Err(UnitError::Negative("-1s".to_owned())));
        assert_eq!(parse_duration("3650.001d"), Err(UnitError::TooLong("3650.001d".to_owned())));
        assert!(matches!(parse_duration(&"9".repeat(400)), Err(UnitError::TooLong(_))));
    }

    #[test]
    fn durations_from_numbers() {
        assert_eq!(duration_from_number(2.5), Ok(Duration::from_millis(2500)));
        assert_eq!(duration_from_number(-0.0), Ok(Duration::ZERO));
        assert_eq!(duration_from_number(LONGEST.as_secs_f64()), Ok(LONGEST));
        assert_eq!(duration_from_number(-0.1), Err(UnitError::Negative("-0.1".to_owned())));
        assert_eq!(duration_from_number(1e300), Err(UnitError::TooLong("1e300".to_owned())));
        assert!(matches!(duration_from_number(f64::INFINITY), Err(UnitError::TooLong(_))));
        assert!(matches!(duration_from_number(f64::NEG_INFINITY), Err(UnitError::Negative(_))));
        assert!(matches!(duration_from_number(f64::NAN), Err(UnitError::NotADuration(_))));
    }

    #[test]
    fn sizes() {
        let cases =
            [("0", 0), ("123", 123), ("64K", 65_536), ("10m", 10 << 20), ("1G", 1 << 30), ("1T", 1 << 40)];
        for (text, size) in cases {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
        assert_eq!(parse_size("18446744073709551615"), Ok(u64::MAX));
        for text in ["", "K", "-1", "+1", "1.5G", "1 K", "1KB", "1P", "K1", "0x10"] {
            assert_eq!(parse_size(text), Err(UnitError::NotASize(text.to_owned())), "{text}");
        }
        for text in ["18446744073709551616", "16777216T"] {
            assert_eq!(parse_size(text), Err(UnitError::TooLarge(text.to_owned())), "{text}");
        }
        assert_eq!(parse_size("16777215T"), Ok(16_777_215 << 40));
    }

    #[test]
    fn durations_are_shown_in_two_units_at_most() {
        let cases = [
            (0.0, "0s"),
            (0.0004, "0s"),
            (0.001, "1ms"),
            (0.35, "350ms"),
            (0.9996, "1s"),
            (1.0, "1s"),
            (2.5, "2.5s"),
            (2.499_999_9, "2.5s"),
            (2.59, "2.5s"),
            (2.05, "2s"),
            (9.96, "9.9s"),
            (10.0, "10s"),
            (42.9, "42s"),
            (59.9999, "1m"),
            (60.0, "1m"),
            (200.0, "3m 20s"),
            (3600.0, "1h"),
            (3659.0, "1h"),
            (7500.0, "2h 5m"),
            (86_399.0, "23h 59m"),
            (86_400.0, "1d"),
            (273_600.0, "3d 4h"),
            (8_640_000.0, "100d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(format_duration(Duration::from_secs_f64(seconds)), text, "{seconds}");
        }
        assert!(format_duration(Duration::MAX).ends_with('h'));
    }

    #[test]
    fn errors_say_what_would_be_right_and_stay_short() {
        let long = parse_duration(&"x".repeat(10_000)).unwrap_err().to_string();
        assert!(long.contains("such as \"500ms\"") && long.len() < 300, "{long}");
        let months = parse_duration("5000d").unwrap_err().to_string();
        assert_eq!(months, "\"5000d\" is longer than the longest duration, 3650d (ten years)");
        assert_eq!(parse_size("\u{1b}").unwrap_err().to_string().find('\u{1b}'), None);
    }
}
