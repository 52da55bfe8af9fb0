//! What is said to the logger, and what it says.

use super::Capture;
use super::logger::{Binding, Takes};
use super::streams::{Marker, Owner, Say};
use crate::core::event::{LogChange, LogEvent, SupervisorChange, What};
use crate::core::ids::InstanceIndex;
use crate::core::log::StreamId;
use crate::supervisor::shutdown::Phase;
use crate::supervisor::source::Source;
use crate::supervisor::turn::Pending;
use crate::supervisor::{Due, Supervisor};
use crate::sys::channel::{LONGEST_MESSAGE, Received};
use crate::sys::note::note;
use crate::sys::poll::Interest;
use crate::wire::log_channel::{FromLogger, Route, ToLogger};
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// How many messages of the logger are taken in a turn.
const MESSAGES_A_TURN: usize = 64;
/// How many streams it is told of in a turn.
const STREAMS_A_TURN: usize = 512;
/// When it is tried again to send what the kernel refused for another reason than that the logger does not listen.
const ANOTHER_TRY: Duration = Duration::from_millis(20);

impl Supervisor {
    /// Tells the logger what there is to be told, as far as it takes it. Where there is nothing, this costs nothing.
    pub fn talk_to_logger(&mut self) {
        if self.capture.streams.have_news() {
            self.ensure_logger();
        } else if !self.capture.logger.reopens
            && self.capture.logger.binding != Binding::ToBeTold
            && self.phase != Phase::Logging
        {
            return;
        }
        if !self.capture.logger.listens() {
            return;
        }
        if self.capture.logger.reopens {
            if !self.say_to_logger(&ToLogger::Reopen, None) {
                return;
            }
            self.capture.logger.reopens = false;
        }
        if self.capture.logger.binding == Binding::ToBeTold {
            if self.capture.logger.to_bind().is_some_and(|bind| !self.say_to_logger(&bind, None)) {
                return;
            }
            self.capture.logger.binding = Binding::Told;
        }
        for _ in 0..STREAMS_A_TURN {
            let Some((id, say)) = self.capture.streams.news() else {
                if self.phase == Phase::Logging {
                    self.capture.logger.say_no_more();
                }
                return;
            };
            if !self.tell_of_stream(id, &say) {
                return;
            }
            self.capture.streams.said(id, &say);
        }
    }

    fn tell_of_stream(&mut self, stream: StreamId, say: &Say) -> bool {
        let message = match say {
            Say::Close => ToLogger::Close { stream },
            Say::Mark(Marker { words, after }) => {
                ToLogger::Mark { stream, words: words.clone(), after: *after }
            }
            Say::Open | Say::Change => {
                let Some(route) = self.route(stream) else { return true };
                if *say == Say::Open {
                    return self.say_to_logger(&ToLogger::Open { stream, route }, Some(stream));
                }
                ToLogger::Change { stream, route }
            }
        };
        self.say_to_logger(&message, None)
    }

    /// Says something, with the reading end of a stream; whether it got through.
    fn say_to_logger(&mut self, message: &ToLogger, of: Option<StreamId>) -> bool {
        let Capture { streams, logger, .. } = &mut self.capture;
        let Some(channel) = logger.channel() else { return false };
        let descriptors: Vec<BorrowedFd<'_>> = of.and_then(|id| streams.reader(id)).into_iter().collect();
        match channel.send(&message.encode(), &descriptors) {
            Ok(()) => return true,
            Err(Errno::EAGAIN) => {
                let interest = Interest::ReadAndWrite;
                let watched = self.poller.change(channel.as_fd(), logger.source().pack(), interest);
                if watched.is_err() {
                    self.deadlines.arm(Due::LoggerFull, self.now.after(ANOTHER_TRY));
                }
            }
            // Its end follows.
            Err(Errno::EPIPE | Errno::ECONNRESET) => {}
            // Too many descriptors on their way (unix(7)), or no memory.
            Err(_) => self.deadlines.arm(Due::LoggerFull, self.now.after(ANOTHER_TRY)),
        }
        self.capture.logger.takes(Takes::NoMore);
        false
    }

    /// The channel of this logger is ready. That of one which has gone is not.
    pub fn logger_is_ready(&mut self, source: Source) {
        if source == self.capture.logger.source() {
            self.try_logger_again();
            self.hear_logger();
        }
    }

    /// The logger may take what it did not take before.
    pub fn try_logger_again(&mut self) {
        let logger = &mut self.capture.logger;
        if logger.takes(Takes::More) == Some(Takes::NoMore)
            && let Some(channel) = logger.channel()
        {
            // If this fails, it wakes us up for nothing until it has taken all.
            let _ = self.poller.change(channel.as_fd(), logger.source().pack(), Interest::Read);
        }
    }

    /// Takes what the logger has to say, a bounded amount.
    pub(super) fn hear_logger(&mut self) -> Pending {
        let mut buffer = vec![0; LONGEST_MESSAGE];
        for _ in 0..MESSAGES_A_TURN {
            let Some(channel) = self.capture.logger.channel() else { return Pending::Nothing };
            match channel.receive(&mut buffer) {
                Ok(Received::Message(length, _)) => {
                    let message = buffer.get(..length).and_then(FromLogger::decode);
                    if let Some(message) = message {
                        self.heard(message);
                    }
                }
                Ok(Received::Nothing) => return Pending::Nothing,
                // What was too long is gone.
                Err(Errno::EMSGSIZE | Errno::EINTR) => {}
                Ok(Received::End) | Err(_) => {
                    self.give_up_logger();
                    return Pending::Nothing;
                }
            }
        }
        Pending::Maybe
    }

    fn heard(&mut self, message: FromLogger) {
        match message {
            FromLogger::Bound { address } => {
                self.capture.logger.bound = Some(address);
                self.capture.logger.is_amiss = false;
                self.capture.logger.binding = Binding::NotAsked;
            }
            FromLogger::NotBound { words } => {
                if self.capture.logger.binding == Binding::Told {
                    self.capture.logger.binding = Binding::NotAsked;
                    note(&format!("output is not published: {words}"));
                }
                self.logger_is_amiss(format!("output is not published: {words}"));
            }
            FromLogger::Closed { stream } => {
                if let Some(shared) = &self.capture.shared {
                    self.capture.streams.closed(stream, &shared.memory);
                }
            }
            FromLogger::Trouble { stream, words } => {
                let reason = words.into_boxed_str();
                self.capture.streams.set_trouble(stream, Some(reason.clone()));
                self.publish_of_stream(stream, LogChange::Trouble { reason });
            }
            FromLogger::Recovered { stream } => {
                self.capture.streams.set_trouble(stream, None);
                self.publish_of_stream(stream, LogChange::Recovered);
            }
            FromLogger::Dropped { stream, bytes } => {
                let reason = self.capture.streams.trouble(stream).map(Box::from);
                self.publish_of_stream(stream, LogChange::Dropped { bytes, reason });
                if let Some(Owner::Instance(key, _)) = self.capture.streams.owner(stream) {
                    self.queue_hooks_of_dropped_output(*key);
                }
            }
        }
    }

    fn publish_of_stream(&mut self, stream: StreamId, change: LogChange) {
        let (program, instance, source) = match self.capture.streams.owner(stream) {
            Some(Owner::Instance(key, source)) => {
                let Some(program) = self.fleet.program(key.program) else { return };
                (program.name.clone(), key.index, *source)
            }
            Some(Owner::Former(route)) => {
                (route.program.as_str().into(), InstanceIndex(route.instance), route.source)
            }
            None => return,
        };
        let event = LogEvent { program, instance, source, change };
        self.publish(What::Supervisor(SupervisorChange::Log(Box::new(event))));
    }

    /// All that the logger has to know of a stream.
    pub(super) fn route(&self, id: StreamId) -> Option<Route> {
        let Capture { places, streams, .. } = &self.capture;
        match streams.owner(id)? {
            Owner::Former(route) => Some(Route::clone(route)),
            Owner::Instance(key, source) => {
                let program = self.fleet.program(key.program)?;
                let output = streams.output(id)?;
                Some(super::routes::route(program, key.index, *source, output, places, self.host))
            }
        }
    }
}
