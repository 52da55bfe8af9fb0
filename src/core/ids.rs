//! Newtypes for what would otherwise be bare numbers, so that one cannot be taken for another.

use std::fmt;

/// A program, for as long as the supervisor runs. Never reused, so that a stale one finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub u32);

/// The number of an instance within its program, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceIndex(pub u32);

/// One slot of one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceKey {
    /// The program that the slot belongs to.
    pub program: ProgramId,
    /// Which of its slots.
    pub index: InstanceIndex,
}

/// A process id as the kernel gave it to a child of ours. Always positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(i32);

impl Pid {
    /// A process id; `None` for what is not one (0 and negative numbers address groups in kill(2)).
    pub fn new(raw: i32) -> Option<Self> {
        (raw > 0).then_some(Self(raw))
    }

    /// The number, for a system call or a message.
    pub fn raw(self) -> i32 {
        self.0
    }
}

/// The number of an event: grows by one with every event of a run of the supervisor, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl fmt::Display for InstanceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
