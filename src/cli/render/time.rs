//! Points in time and durations, as people read them.

use crate::config::units;
use std::time::Duration;

const SECONDS_A_DAY: i64 = 86_400;

/// Seconds since 1970 as `2026-11-23T08:00:00.123Z`: UTC, so that logs of several hosts can be laid side by side.
pub fn timestamp(seconds: f64) -> String {
    // Rounded: what was once a float may be a nanosecond short.
    let at =
        Duration::try_from_secs_f64(seconds).unwrap_or_default().saturating_add(Duration::from_micros(500));
    let whole = i64::try_from(at.as_secs()).unwrap_or(0);
    let (year, month, day) = civil(whole / SECONDS_A_DAY);
    let (hour, minute, second) = (whole / 3600 % 24, whole / 60 % 60, whole % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", at.subsec_millis())
}

/// Seconds since 1970 as HTTP has them: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
pub fn http_date(seconds: f64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let whole = i64::try_from(whole).unwrap_or(0);
    let days = whole / SECONDS_A_DAY;
    let (year, month, day) = civil(days);
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or("")
    };
    let (weekday, month) = (name(&DAYS, days % 7), name(&MONTHS, month - 1));
    let (hour, minute, second) = (whole / 3600 % 24, whole / 60 % 60, whole % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// The date of a day, counted from 1970-01-01, in the Gregorian calendar. Eras of 400 years have equally many days,
/// and years are counted from March, so that the leap day is the last: Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Seconds as a duration: `2.5s`, `3d 4h`. What is no duration is shown as none.
pub fn duration(seconds: f64) -> String {
    units::format_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps() {
        for (seconds, text) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (951_782_399.999, "2000-02-28T23:59:59.999Z"),
            (951_782_400.0, "2000-02-29T00:00:00.000Z"),
            (951_868_800.0, "2000-03-01T00:00:00.000Z"),
            (1_790_000_000.25, "2026-09-21T14:13:20.250Z"),
            (4_102_444_799.0, "2099-12-31T23:59:59.000Z"),
            (f64::NAN, "1970-01-01T00:00:00.000Z"),
            (-1.0, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(seconds), text);
        }
    }

    #[test]
    fn dates_of_http() {
        for (seconds, text) in [
            (0.9, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777.0, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_795_651_199.0, "Wed, 25 Nov 2026 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(seconds), text);
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration(2.5), "2.5s");
        assert_eq!(duration(-1.0), "0s");
        assert_eq!(duration(f64::INFINITY), "0s");
    }
}
