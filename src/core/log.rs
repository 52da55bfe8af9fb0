//! How captured output is treated: the settings of a log, and the names of streams. What the supervisor and the logger
//! tell one another of streams is made of these.

use std::time::Duration;

/// One of the two streams of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputSource {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The number of a captured stream, and of its place in the memory that the supervisor and the logger share. It is used
/// again only when the logger has let go of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// What happens to output that cannot be written now, because the disk is full or the reader of a FIFO is slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// It is dropped: counted, marked in the file, and told by an event. The program goes on.
    #[default]
    Drop,
    /// It waits in the pipe, and when that is full the program waits.
    Block,
}

/// Whether something is written beside the output itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Written {
    /// It is.
    Yes,
    /// It is not.
    #[default]
    No,
}

/// The settings of a log, but for the name of its file. A change takes effect at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPolicy {
    /// `max_size`, in bytes: the file is rotated before it would be larger. 0: never.
    pub max_size: u64,
    /// `keep`: how many rotated files are kept beside the current one.
    pub keep: u32,
    /// `timestamp`: the time before each line.
    pub timestamp: Written,
    /// `prefix`: `PROGRAM/INSTANCE | ` before each line.
    pub prefix: Written,
    /// `markers`: a line at the start and at the end of each run.
    pub markers: Written,
    /// `on_full`.
    pub on_full: OnFull,
}

/// `log`: what becomes of the output of a program that is captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// `file`, before substitution; `None` stands for one in the supervisor's directory of logs, if it has one.
    pub file: Option<String>,
    /// All else.
    pub policy: LogPolicy,
}

/// How many of the latest bytes of each stream are held in memory.
pub const TAIL: usize = 16 << 10;

/// How long after a name was last seen to lead to the open file it is looked at again.
pub const FILE_CHECK: Duration = Duration::from_secs(1);

impl OutputSource {
    /// Both.
    pub const ALL: [OutputSource; 2] = [OutputSource::Stdout, OutputSource::Stderr];

    /// The word that people and the wire use.
    pub fn as_str(self) -> &'static str {
        match self {
            OutputSource::Stdout => "stdout",
            OutputSource::Stderr => "stderr",
        }
    }

    /// The source of that name.
    pub fn parse(word: &str) -> Option<OutputSource> {
        OutputSource::ALL.into_iter().find(|source| source.as_str() == word)
    }
}

impl Default for LogPolicy {
    fn default() -> Self {
        Self {
            max_size: 10 << 20,
            keep: 5,
            timestamp: Written::No,
            prefix: Written::No,
            markers: Written::No,
            on_full: OnFull::Drop,
        }
    }
}
