//! What an epoll token stands for.

/// A descriptor of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The signalfd.
    Signals,
    /// The timerfd.
    Timer,
    /// A ZeroMQ socket; which one does not matter, since all are drained at the end of every turn.
    Socket,
    /// The channel of the logger with this number.
    Logger(u64),
    /// The exec-status pipe of the start with this number. Numbers are not used twice, so that a readiness that
    /// comes late finds nothing.
    Exec(u64),
    /// The pipe on which a process says that it is ready; its number is not used twice either.
    Readiness(u64),
    /// The socket on which processes say how they are.
    Notify,
}

const KIND_BITS: u32 = 8;

impl Source {
    /// The token for epoll: the kind in the low bits, the number above.
    pub fn pack(self) -> u64 {
        match self {
            Source::Signals => 0,
            Source::Timer => 1,
            Source::Socket => 2,
            Source::Exec(number) => (number << KIND_BITS) | 3,
            Source::Readiness(number) => (number << KIND_BITS) | 4,
            Source::Notify => 5,
            Source::Logger(number) => (number << KIND_BITS) | 6,
        }
    }

    /// What a token stands for; `None` for a token that nobody made.
    pub fn unpack(token: u64) -> Option<Self> {
        match (token & 0xff, token >> KIND_BITS) {
            (0, 0) => Some(Source::Signals),
            (1, 0) => Some(Source::Timer),
            (2, 0) => Some(Source::Socket),
            (3, number) => Some(Source::Exec(number)),
            (4, number) => Some(Source::Readiness(number)),
            (5, 0) => Some(Source::Notify),
            (6, number) => Some(Source::Logger(number)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_lead_back() {
        let of_number = |it| [Source::Exec(it), Source::Readiness(it), Source::Logger(it)];
        let numbered = [0, 1 << 40].into_iter().flat_map(of_number);
        for source in
            [Source::Signals, Source::Timer, Source::Socket, Source::Notify].into_iter().chain(numbered)
        {
            assert_eq!(Source::unpack(source.pack()), Some(source));
        }
        assert_eq!(Source::unpack(0x105), None);
        assert_eq!(Source::unpack(0x100), None);
    }
}
