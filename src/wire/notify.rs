//! The datagrams of sd_notify(3): lines of the form `KEY=VALUE`, of which those that mean something to us are read.
//!
//! What we do not know is passed over, as the protocol asks for, and so are lines that are none: `MAINPID=` too, since
//! the main process of an instance is the one that was started and no other, and `FDSTORE=1`, since descriptors are
//! not kept for anybody.

use std::time::Duration;

/// The longest datagram that is read, in bytes. systemd takes as many.
pub const LONGEST: usize = 4096;

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// `READY=1`: it has started, or has read its configuration again.
    Ready,
    /// `RELOADING=1`: it reads its configuration again.
    Reloading,
    /// `STOPPING=1`: it is about to end.
    Stopping,
    /// `STATUS=`: how it does, in its own words. Any bytes but a newline.
    Status(&'a [u8]),
    /// `WATCHDOG=1`: it still works.
    Alive,
    /// `WATCHDOG=trigger`: it does not work any more.
    Broken,
    /// `EXTEND_TIMEOUT_USEC=`: it asks for that much time from now on, to start or to stop.
    ExtendTimeout(Duration),
}

/// What the lines of a datagram say, in their order.
///
/// `BARRIER=1` is not among them: it asks for the descriptor that comes with it to be closed when all before it was
/// taken up, and as every descriptor is closed that comes with a datagram, nothing more is to be done for it.
pub fn fields(datagram: &[u8]) -> impl Iterator<Item = Field<'_>> {
    datagram.split(|byte| *byte == b'\n').filter_map(field)
}

fn field(line: &[u8]) -> Option<Field<'_>> {
    let at = line.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (line.get(..at)?, line.get(at + 1..)?);
    match (key, value) {
        (b"READY", b"1") => Some(Field::Ready),
        (b"RELOADING", b"1") => Some(Field::Reloading),
        (b"STOPPING", b"1") => Some(Field::Stopping),
        (b"STATUS", words) => Some(Field::Status(words)),
        (b"WATCHDOG", b"1") => Some(Field::Alive),
        (b"WATCHDOG", b"trigger") => Some(Field::Broken),
        (b"EXTEND_TIMEOUT_USEC", digits) => micros(digits).map(Field::ExtendTimeout),
        _ => None,
    }
}

fn micros(digits: &[u8]) -> Option<Duration> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|it| it.is_ascii_digit()))?;
    digits.parse().ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(datagram: &str) -> Vec<Field<'_>> {
        fields(datagram.as_bytes()).collect()
    }

    #[test]
    fn lines_are_read_in_their_order() {
        assert_eq!(
            all("STATUS=a=b \u{7}\nREADY=1\nRELOADING=1\nSTOPPING=1\nWATCHDOG=1\nWATCHDOG=trigger\n"),
            [
                Field::Status(b"a=b \x07"),
                Field::Ready,
                Field::Reloading,
                Field::Stopping,
                Field::Alive,
                Field::Broken
            ]
        );
        assert_eq!(all("STATUS="), [Field::Status(b"")]);
        let time = Duration::from_micros(1_500_000);
        assert_eq!(all("EXTEND_TIMEOUT_USEC=1500000"), [Field::ExtendTimeout(time)]);
    }

    #[test]
    fn what_means_nothing_is_passed_over() {
        let nothing = "\n\n=\nREADY\nREADY=\nREADY=0\nready=1\n READY=1\nMAINPID=1\nERRNO=2\nBARRIER=1\nFDSTORE=1\n\
                       WATCHDOG=2\nEXTEND_TIMEOUT_USEC=\nEXTEND_TIMEOUT_USEC=-1\nEXTEND_TIMEOUT_USEC=+1\n\
                       EXTEND_TIMEOUT_USEC=18446744073709551616\nX_OURS=1";
        assert_eq!(all(nothing), []);
        assert_eq!(all(""), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..LONGEST)) {
            prop_assert!(fields(&bytes).count() <= bytes.len());
        }
    }
}
