//! Signals and exit codes, as the options of an init have them.

use crate::init::relay::{Rewrite, Rewrites, Unforwardable};
use crate::sys::signals::signal_number;

/// A signal by name or number.
///
/// # Errors
/// A sentence on what is expected.
pub fn signal(text: &str) -> Result<i32, String> {
    signal_number(text).ok_or_else(|| {
        format!("{text:?} is no signal: write a name or a number, such as TERM, SIGUSR1, RTMIN+3 or 15")
    })
}

/// Adds `FROM:TO`, where 0 stands for none.
///
/// # Errors
/// A sentence on what is wrong.
pub fn rewrite(text: &str, rewrites: &mut Rewrites) -> Result<(), String> {
    let (from, to) = text.split_once(':').ok_or_else(|| {
        format!("{text:?} is no rewriting: write FROM:TO, such as TERM:QUIT, or HUP:0 to drop HUP")
    })?;
    let (number, rewrite) = (signal(from)?, if to == "0" { Rewrite::Drop } else { Rewrite::To(signal(to)?) });
    rewrites.set(number, rewrite).map_err(|why| match why {
        Unforwardable::NeverSeen => {
            format!("{from} cannot be rewritten: nothing but the kernel ever sees it arrive")
        }
        Unforwardable::Own => {
            format!("{from} cannot be rewritten: it tells of children that end, and is not sent on")
        }
        Unforwardable::Unknown => format!("{from} is no signal of this machine"),
    })
}

/// An exit code.
///
/// # Errors
/// A sentence on what is expected.
pub fn exit_code(text: &str) -> Result<u8, String> {
    text.parse().map_err(|_| format!("{text:?} is no exit code, which is a number from 0 to 255"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewritings_are_read_as_people_write_them() {
        let mut rewrites = Rewrites::default();
        for text in ["TERM:QUIT", "sighup:0", "10:12", "RTMIN+1:KILL"] {
            rewrite(text, &mut rewrites).unwrap();
        }
        for (from, to) in [
            (libc::SIGTERM, Some(libc::SIGQUIT)),
            (libc::SIGHUP, None),
            (libc::SIGUSR1, Some(libc::SIGUSR2)),
            (libc::SIGRTMIN() + 1, Some(libc::SIGKILL)),
            (libc::SIGINT, Some(libc::SIGINT)),
        ] {
            assert_eq!(rewrites.apply(from), to);
        }
        for (text, why) in [
            ("TERM", "FROM:TO"),
            ("TERM:", "is no signal"),
            ("0:TERM", "is no signal"),
            ("TERM:99", "is no signal"),
            ("FOO:TERM", "\"FOO\" is no signal"),
            ("KILL:TERM", "cannot be rewritten"),
            ("STOP:0", "cannot be rewritten"),
            ("CHLD:TERM", "children"),
        ] {
            let sentence = rewrite(text, &mut rewrites).unwrap_err();
            assert!(sentence.contains(why), "{text}: {sentence}");
        }
    }

    #[test]
    fn exit_codes_are_those_of_one_byte() {
        assert_eq!((exit_code("0"), exit_code("255")), (Ok(0), Ok(255)));
        for text in ["", "-1", "256", "x", "1.0"] {
            assert!(exit_code(text).is_err(), "{text}");
        }
    }
}
