//! How processes say that they are ready: the socket of systemd's protocol, and a pipe each for that of s6.
//!
//! Neither is there before a program needs it. What is said on the socket is heard in `notifications`.

use super::source::Source;
use super::{Due, Supervisor};
use crate::core::health::Ailment;
use crate::core::ids::InstanceKey;
use crate::core::instance::Instance;
use crate::core::moment::Moment;
use crate::core::readiness::{Announcements, Channel};
use crate::core::settings::Readiness;
use crate::core::state::{Input, Timer};
use crate::sys::errno::words;
use crate::sys::notify::NotifySocket;
use crate::sys::pipe::{self, Pipe, Read};
use nix::errno::Errno;
use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// How many bytes of a pipe are read at once. They mean nothing but for a newline among them.
const PIPE_ROOM: usize = 4096;
/// How often a pipe is read in a turn.
const READS_A_TURN: usize = 1;
/// How often a pipe is read when its process has ended: as often as it takes for all that a pipe holds (pipe(7)).
const LAST_READS: usize = 64 * 1024 / PIPE_ROOM + 1;

/// How a new process can say that it is ready.
#[derive(Debug)]
pub enum Voice {
    /// On the socket of this address.
    Notify {
        /// As `NOTIFY_SOCKET` has it.
        address: String,
        /// How often it has to say that it still works.
        watchdog: Option<Duration>,
    },
    /// On a pipe.
    Descriptor {
        /// The number that the pipe has there.
        number: RawFd,
        /// The end of it that the process gets.
        writer: OwnedFd,
    },
}

impl Voice {
    /// The variables that tell the process of it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Voice::Notify { address, watchdog } => {
                let socket = ("NOTIFY_SOCKET", address.clone());
                let watchdog = watchdog.map(|time| ("WATCHDOG_USEC", time.as_micros().to_string()));
                [socket].into_iter().chain(watchdog).collect()
            }
            Voice::Descriptor { .. } => Vec::new(),
        }
    }

    /// The variables that are to hold the id of the process itself, so that its children do not feed its watchdog.
    pub fn own_pid_variables(&self) -> Vec<&'static str> {
        match self {
            Voice::Notify { watchdog: Some(_), .. } => vec!["WATCHDOG_PID"],
            Voice::Notify { watchdog: None, .. } | Voice::Descriptor { .. } => Vec::new(),
        }
    }

    /// The descriptor that the process gets for it.
    pub fn descriptor(&self) -> Option<(RawFd, BorrowedFd<'_>)> {
        match self {
            Voice::Notify { .. } => None,
            Voice::Descriptor { number, writer } => Some((*number, writer.as_fd())),
        }
    }

    /// What is kept of what the process says: nothing yet.
    pub fn announcements(&self) -> Box<Announcements> {
        let channel = match self {
            Voice::Notify { watchdog, .. } => Channel::Notify { watchdog: *watchdog },
            Voice::Descriptor { number, .. } => Channel::Descriptor(*number),
        };
        Box::new(Announcements::new(channel))
    }
}

/// Where processes are heard.
#[derive(Debug, Default)]
pub struct Voices {
    /// The socket, from the first start on of a program that uses it.
    pub socket: Option<NotifySocket>,
    /// How many datagrams were dropped: of strangers, and those that were too long.
    pub dropped: u64,
    /// How many datagrams were heard in this turn; `None` before any were listened for.
    pub heard: Option<usize>,
    pipes: HashMap<InstanceKey, ReadinessPipe>,
    /// Pipes by the numbers that the poller knows them by.
    by_number: HashMap<u64, InstanceKey>,
    opened: u64,
}

/// The end of a pipe on which a process is to say that it is ready.
#[derive(Debug)]
struct ReadinessPipe {
    number: u64,
    reader: OwnedFd,
}

impl Supervisor {
    /// What the next process of an instance needs to say that it is ready; `None` if nobody asks it to.
    ///
    /// # Errors
    /// The step and the system's words.
    pub fn prepare_voice(&mut self, key: InstanceKey) -> Result<Option<Voice>, Box<str>> {
        let Some(program) = self.fleet.program(key.program) else { return Ok(None) };
        let settings = &program.settings.process;
        let watchdog = Some(settings.watchdog).filter(|time| !time.is_zero());
        let voice = match settings.readiness {
            Readiness::Delay => return Ok(None),
            Readiness::Notify => self.notify_address().map(|address| Voice::Notify { address, watchdog }),
            Readiness::Descriptor(number) => {
                self.open_readiness_pipe(key).map(|writer| Voice::Descriptor { number, writer })
            }
        };
        voice.map(Some).map_err(|errno| format!("readiness: {}", words(errno)).into_boxed_str())
    }

    /// The address of the socket, which is opened if it is not there yet.
    fn notify_address(&mut self) -> Result<String, Errno> {
        // The run is told by nanoseconds: nobody can take the name beforehand.
        let name = format!("procnanny/notify-{}", self.run);
        if self.voices.socket.is_none() {
            let socket = NotifySocket::open(&name)?;
            self.poller.add(socket.as_fd(), Source::Notify.pack())?;
            self.voices.socket = Some(socket);
        }
        Ok(format!("@{name}"))
    }

    fn open_readiness_pipe(&mut self, key: InstanceKey) -> Result<OwnedFd, Errno> {
        let Pipe { reader, writer } = pipe::new()?;
        self.voices.opened += 1;
        let number = self.voices.opened;
        self.poller.add(reader.as_fd(), Source::Readiness(number).pack())?;
        self.voices.pipes.insert(key, ReadinessPipe { number, reader });
        self.voices.by_number.insert(number, key);
        Ok(writer)
    }

    /// A pipe is ready.
    pub fn read_readiness(&mut self, number: u64) {
        if let Some(key) = self.voices.by_number.get(&number).copied() {
            self.read_readiness_of(key, READS_A_TURN);
        }
    }

    fn read_readiness_of(&mut self, key: InstanceKey, reads: usize) {
        if !self.voices.pipes.contains_key(&key) {
            return;
        }
        let mut room = [0; PIPE_ROOM];
        for _ in 0..reads {
            let Some(pipe) = self.voices.pipes.get(&key) else { return };
            match pipe::read(pipe.reader.as_fd(), &mut room) {
                Ok(Read::Bytes(length)) => {
                    if room.iter().take(length).any(|byte| *byte == b'\n') {
                        self.close_readiness_pipe(key);
                        self.feed(key, Input::Ready);
                    }
                }
                Ok(Read::Nothing) => return,
                Ok(Read::End) | Err(_) => {
                    self.close_readiness_pipe(key);
                    if let Some(said) = self.announcements_mut(key)
                        && let Channel::Descriptor(number) = said.channel
                    {
                        said.channel = Channel::Closed(number);
                    }
                }
            }
        }
    }

    fn close_readiness_pipe(&mut self, key: InstanceKey) {
        if let Some(pipe) = self.voices.pipes.remove(&key) {
            self.voices.by_number.remove(&pipe.number);
            // To close it is not enough while a child that is being forked holds a duplicate.
            let _ = self.poller.remove(pipe.reader.as_fd());
        }
    }

    /// Reads all that the process of an instance, which has ended, may have left in its pipe.
    pub fn hear_last_newline(&mut self, key: InstanceKey) {
        self.read_readiness_of(key, LAST_READS);
    }

    /// The process of an instance that could say something is there no more, or never was.
    pub fn close_voice(&mut self, key: InstanceKey) {
        self.close_readiness_pipe(key);
        self.deadlines.cancel(Due::Watchdog(key));
    }

    /// What the process of an instance has said of itself.
    pub fn announcements_mut(&mut self, key: InstanceKey) -> Option<&mut Announcements> {
        self.fleet.instance_mut(key)?.announcements_mut()
    }

    /// `start_timeout` is over, unless what the process said last is only heard now.
    pub fn start_timed_out(&mut self, key: InstanceKey) {
        self.hear_before_judging();
        self.read_readiness_of(key, READS_A_TURN);
        if self.deadlines.is_armed(Due::Instance(key)) {
            return;
        }
        let Some(program) = self.fleet.program_mut(key.program) else { return };
        let Some(instance) = program.instances.get_mut(&key.index) else { return };
        if instance.timer.take_if(|armed| armed.timer == Timer::StartTimeout).is_none() {
            return;
        }
        let asked_for_more = instance.announcements().is_some_and(|said| said.extended.is_some());
        let time =
            if asked_for_more { instance.duration(self.now) } else { program.settings.policy.start_timeout };
        self.give_up_on(key, Ailment::NotReady(time));
    }
}

/// Until when an instance has asked to be given time; long ago if it has not.
pub fn extension(instance: &Instance) -> Moment {
    instance.announcements().and_then(|said| said.extended).unwrap_or_default()
}
