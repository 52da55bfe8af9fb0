//! Where output is written to: a file by its name, or the console. A file that was removed, renamed or replaced is opened
//! anew; one that grows too large is rotated.

use super::files;
use crate::core::log::{FILE_CHECK, OutputSource, StreamId};
use crate::core::moment::Moment;
use crate::core::rotation::LineState;
use crate::sys::errno::words;
use crate::sys::splice::is_writable;
use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag, fstat, lstat, stat};
use nix::unistd::write;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// How much is written at once to what may block: `PIPE_BUF`, of which a pipe that can be written to always takes all.
pub const AT_ONCE: usize = 4096;

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A file, by its absolute path.
    File(Box<str>),
    /// Our standard output or standard error.
    Console(OutputSource),
}

/// A target, and what is open of it.
#[derive(Debug)]
pub struct Outlet {
    /// What it is.
    pub target: Target,
    /// How many streams go there.
    pub users: u32,
    /// What failed, and when it is tried again.
    pub trouble: Option<Trouble>,
    /// Since when it takes nothing, though nothing is wrong with it.
    pub full_since: Option<Moment>,
    open: Option<OpenFile>,
    checked: Moment,
}

/// What is open.
#[derive(Debug)]
pub struct OpenFile {
    /// For writing at its end.
    pub descriptor: OwnedFd,
    /// What it is.
    pub kind: Kind,
    /// Which it is.
    pub identity: Identity,
    /// How it ends.
    pub end: End,
    /// Who wrote last.
    pub writer: Option<StreamId>,
}

/// What is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file: it has a size, and takes everything at once or fails.
    Regular,
    /// A pipe, a terminal, another device: it may block.
    Other,
}

/// Tells a file from those that had or will have the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its inode.
    pub inode: u64,
    /// Its device.
    pub device: u64,
}

/// How what was written last ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At a line's start, or within a line.
    Line(LineState),
    /// Within something that is not the program's: what comes next has to begin a line.
    Broken,
}

impl End {
    /// Where that is in the program's lines.
    pub fn line(self) -> LineState {
        match self {
            End::Line(line) => line,
            End::Broken => LineState::Start,
        }
    }
}

/// A file that is ready to be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Its size, if it has one.
    pub size: Option<u64>,
    /// Which it is.
    pub identity: Identity,
}

/// What was tried and did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    attempt: Attempt,
    /// Why.
    pub errno: Errno,
}

/// A failure that is known, so that not every stream finds it out again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The failure.
    pub failure: Failure,
    /// When it is tried again; until then nothing is.
    pub retry_at: Moment,
}

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// To make the directory that a file is in.
    MakeDirectory,
    /// To open it.
    Open,
    /// To look at it.
    Look,
    /// To rotate it.
    Rotate,
    /// To write to it.
    Write,
}

impl Attempt {
    /// It did not work.
    pub fn failed(self, errno: Errno) -> Failure {
        Failure { attempt: self, errno }
    }
}

impl Outlet {
    /// A target that nothing was opened of yet.
    pub fn new(target: Target) -> Self {
        Self { target, users: 0, trouble: None, full_since: None, open: None, checked: Moment::default() }
    }

    /// What it is, if it is open.
    pub fn kind(&self) -> Option<Kind> {
        self.open.as_ref().map(|file| file.kind)
    }

    /// Whether only whole lines are written, because others write there too.
    pub fn is_shared(&self) -> bool {
        self.users > 1 || self.is_console()
    }

    /// Whether it is our standard output or standard error.
    pub fn is_console(&self) -> bool {
        matches!(self.target, Target::Console(_))
    }

    /// How it ends.
    pub fn end(&self) -> End {
        self.open.as_ref().map_or(End::Line(LineState::Start), |file| file.end)
    }

    /// Whether a line has to be ended before more of this stream is written, of which so much was written before: a line
    /// of another stream, or of an earlier life of this one.
    pub fn needs_line_end(&self, stream: StreamId, written: u64) -> bool {
        match (self.end(), self.open.as_ref().and_then(|file| file.writer)) {
            (End::Broken, _) => true,
            (End::Line(LineState::Start), _) => false,
            (End::Line(LineState::Within), Some(writer)) => writer != stream,
            (End::Line(LineState::Within), None) => self.is_shared() || written == 0,
        }
    }

    /// What follows has to begin a line.
    pub fn mark_broken(&mut self) {
        if let Some(file) = &mut self.open {
            file.end = End::Broken;
        }
    }

    /// Opens it if it is not open, or is no longer what its name leads to.
    ///
    /// # Errors
    /// What was tried, and why it failed.
    pub fn prepare(&mut self, now: Moment) -> Result<Ready, Failure> {
        if self.open.is_some() && now.since(self.checked) >= FILE_CHECK {
            self.checked = now;
            if self.is_elsewhere() {
                self.close();
            }
        }
        if let Some(file) = &self.open {
            let status = fstat(file.descriptor.as_fd()).map_err(|errno| Attempt::Look.failed(errno))?;
            if status.st_nlink > 0 || file.kind == Kind::Other {
                return Ok(Ready { size: size_of(file.kind, &status), identity: file.identity });
            }
            self.close();
        }
        self.checked = now;
        let file = match &self.target {
            Target::File(path) => files::open_file(path)?,
            Target::Console(source) => {
                files::open_console(*source).map_err(|errno| Attempt::Open.failed(errno))?
            }
        };
        let status = fstat(file.descriptor.as_fd()).map_err(|errno| Attempt::Look.failed(errno))?;
        let ready = Ready { size: size_of(file.kind, &status), identity: file.identity };
        self.open = Some(file);
        Ok(ready)
    }

    /// Closes it; the next write opens it anew.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// Whether the name leads to another file than the open one, or to none.
    fn is_elsewhere(&self) -> bool {
        let (Target::File(path), Some(file)) = (&self.target, &self.open) else { return false };
        match stat(&**path) {
            Ok(status) => identity_of(&status) != file.identity,
            // What cannot be looked at may still be written to.
            Err(errno) => errno == Errno::ENOENT || errno == Errno::ENOTDIR,
        }
    }

    /// Writes some of the bytes. After [`prepare`](Self::prepare).
    ///
    /// # Errors
    /// As write(2), with `EAGAIN` for what would block.
    pub fn write(&mut self, stream: StreamId, bytes: &[u8]) -> Result<usize, Failure> {
        let Some(file) = &mut self.open else { return Err(Attempt::Write.failed(Errno::EBADF)) };
        let outcome = match file.kind {
            Kind::Regular => write(&file.descriptor, bytes),
            Kind::Other if is_writable(file.descriptor.as_fd()) => {
                write(&file.descriptor, bytes.get(..AT_ONCE).unwrap_or(bytes))
            }
            Kind::Other => Err(Errno::EAGAIN),
        };
        match outcome {
            Ok(0) => Err(Attempt::Write.failed(Errno::EAGAIN)),
            Ok(count) => {
                let line = match file.end {
                    End::Line(line) => line,
                    End::Broken => LineState::Within,
                };
                file.end = End::Line(line.after(bytes.get(..count).unwrap_or(bytes)));
                file.writer = Some(stream);
                self.full_since = None;
                Ok(count)
            }
            Err(errno) => {
                // Another reader of a FIFO is only found by opening it anew.
                if errno == Errno::EPIPE {
                    self.close();
                }
                Err(Attempt::Write.failed(errno))
            }
        }
    }

    /// The size of the file of this identity, if the name leads to it, or that of the newest rotated one.
    pub fn size_of(&self, identity: Identity) -> Option<u64> {
        let Target::File(path) = &self.target else { return None };
        let is_it = |status: &FileStat| identity_of(status) == identity;
        let status = stat(&**path).ok().filter(is_it);
        let status = status.or_else(|| stat(files::numbered(path, 1).as_str()).ok().filter(is_it))?;
        size_of(kind_of(&status), &status)
    }

    /// Puts the file away as the newest of `keep` rotated ones, or removes it if none is kept. The next write opens a new
    /// one.
    ///
    /// # Errors
    /// What rename(2) or unlink(2) says. What was done by then is not done again: a number that is missing takes what
    /// comes before it.
    pub fn rotate(&mut self, keep: u32) -> Result<(), Failure> {
        let Target::File(path) = &self.target else { return Ok(()) };
        let outcome = files::rotate(path, keep);
        self.close();
        outcome.map_err(|error| Attempt::Rotate.failed(errno_of(&error)))
    }

    /// Whether its file may be rotated: it is a regular one, and the name is no link that leads to it.
    pub fn can_rotate(&self) -> bool {
        let (Target::File(path), Some(file)) = (&self.target, &self.open) else { return false };
        lstat(&**path).is_ok_and(|status| identity_of(&status) == file.identity)
    }

    /// The failure in words.
    pub fn words(&self, failure: Failure) -> String {
        let place = match &self.target {
            Target::File(path) => format!("'{path}'"),
            Target::Console(OutputSource::Stdout) => "the standard output of procnanny".to_string(),
            Target::Console(OutputSource::Stderr) => "the standard error of procnanny".to_string(),
        };
        let why = words(failure.errno);
        match failure.attempt {
            Attempt::MakeDirectory => format!("cannot make the directory of {place}: {why}"),
            Attempt::Open if failure.errno == Errno::ENXIO => format!("nobody reads {place}"),
            Attempt::Open => format!("cannot open {place}: {why}"),
            Attempt::Look => format!("cannot look at {place}: {why}"),
            Attempt::Rotate => format!("cannot rotate {place}: {why}"),
            Attempt::Write if failure.errno == Errno::EAGAIN => format!("{place} is full: nobody reads it"),
            Attempt::Write => format!("cannot write to {place}: {why}"),
        }
    }
}

/// What this is the status of.
pub fn kind_of(status: &FileStat) -> Kind {
    let format = SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits());
    if format == SFlag::S_IFREG { Kind::Regular } else { Kind::Other }
}

/// Which file this is the status of.
#[allow(clippy::useless_conversion, reason = "the types depend on the architecture")]
pub fn identity_of(status: &FileStat) -> Identity {
    Identity { inode: status.st_ino.into(), device: status.st_dev.into() }
}

/// The size of what has one.
pub fn size_of(kind: Kind, status: &FileStat) -> Option<u64> {
    (kind == Kind::Regular).then(|| u64::try_from(status.st_size).unwrap_or(0))
}

/// The number of the system's error.
pub fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
