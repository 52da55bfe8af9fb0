//! What a new process is to be, prepared wholly in the parent: nothing in here is looked up, opened or allocated
//! between fork and exec.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::OnceLock;

use libc::c_int;

use super::limits::{Limit, LimitValues};
use super::priority::IoPriority;
use super::signals;

/// Where one of the standard descriptors of a new process comes from.
#[derive(Debug, Clone, Copy)]
pub enum ChildDescriptor<'fd> {
    /// Ours, of the same number; `/dev/null` if ours is closed.
    Inherit,
    /// A duplicate of this one. Several may name the same.
    From(BorrowedFd<'fd>),
}

/// The identity of a new process. All of it is set, and checked to have been set for good.
///
/// Setting groups needs a privilege even if they are the present ones. So without privileges, give none of this to who
/// is to be what we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Real, effective and saved user id.
    pub uid: u32,
    /// Real, effective and saved group id.
    pub gid: u32,
    /// The supplementary groups, which replace ours.
    pub groups: Vec<u32>,
}

/// Everything about a new process; see [`ChildPlan`].
#[derive(Debug)]
pub struct Blueprint<'fd> {
    /// Paths to try to execute, in this order, as execvp(3) goes through PATH. The child does the looking-up, so that
    /// a file system that hangs never stalls the parent.
    pub candidates: Vec<CString>,
    /// The arguments, from argument zero on.
    pub arguments: Vec<CString>,
    /// The whole environment, as `KEY=VALUE`.
    pub environment: Vec<CString>,
    /// The working directory; ours if `None`.
    pub directory: Option<CString>,
    /// The identity; ours if `None`.
    pub credentials: Option<Credentials>,
    /// The nice value, absolute; ours if `None`.
    pub nice: Option<i32>,
    /// The I/O priority; ours if `None`.
    pub io_priority: Option<IoPriority>,
    /// Limits to set, in this order. What is not named stays as it is with us.
    pub limits: Vec<(Limit, LimitValues)>,
    /// Standard input.
    pub stdin: ChildDescriptor<'fd>,
    /// Standard output.
    pub stdout: ChildDescriptor<'fd>,
    /// Standard error.
    pub stderr: ChildDescriptor<'fd>,
}

/// A [`Blueprint`] made ready for [`spawn`](super::fork::spawn), which can be called with it any number of times.
#[derive(Debug)]
pub struct ChildPlan<'fd> {
    pub(super) blueprint: Blueprint<'fd>,
    pub(super) streams: [Stream; 3],
    pub(super) dispositions: &'static [c_int],
}

/// A [`ChildDescriptor`] as the child uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Inherit,
    From(RawFd),
}

impl From<ChildDescriptor<'_>> for Stream {
    fn from(descriptor: ChildDescriptor<'_>) -> Self {
        match descriptor {
            ChildDescriptor::Inherit => Self::Inherit,
            ChildDescriptor::From(descriptor) => Self::From(descriptor.as_raw_fd()),
        }
    }
}

impl<'fd> ChildPlan<'fd> {
    /// Makes the plan.
    ///
    /// Which signals the child has to reset is asked of the system once, with the first plan of the process. So
    /// whoever changes dispositions does it before that.
    #[must_use]
    pub fn new(blueprint: Blueprint<'fd>) -> Self {
        static CHANGED: OnceLock<Vec<c_int>> = OnceLock::new();
        let streams = [blueprint.stdin, blueprint.stdout, blueprint.stderr].map(Stream::from);
        let dispositions = CHANGED.get_or_init(signals::changed_dispositions);
        Self { blueprint, streams, dispositions }
    }
}
