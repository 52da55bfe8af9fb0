//! One stream in hand: what is in its pipe is taken, kept, published and written.

use super::Logger;
use super::outlet::Failure;
use super::store::{MOST_TAKEN, Settled};
use super::streams::{Reading, Room, Stream};
use super::writing::{Line, Pen};
use crate::api::output::Part;
use crate::core::log::{StreamId, TAIL};
use crate::sys::splice::set_room;
use nix::errno::Errno;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

/// How many bytes a pipe holds unless it was made larger: then it was full.
const USUAL_ROOM: usize = 64 << 10;
/// How much a pipe is to hold that was found full.
const LARGE_ROOM: usize = 1 << 20;
/// How many pipes are made larger: all pipes of a user that is not privileged share what
/// `/proc/sys/fs/pipe-user-pages-soft` allows, and this is a quarter of it (pipe(7)).
const MOST_ENLARGED: usize = 16;
/// How many markers wait for a stream that cannot be written.
const MOST_MARKERS: usize = 8;

/// What there was to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// So many bytes.
    Bytes(usize),
    Nothing,
    End,
}

impl Logger {
    /// A stream can be read.
    pub(super) fn read_stream(&mut self, id: StreamId) {
        if self.streams.get(&id).is_some_and(|stream| stream.reading == Reading::On) {
            self.take(id, MOST_TAKEN);
        }
    }

    /// Takes up to `most` bytes of a stream, and delivers them.
    fn take(&mut self, id: StreamId, most: usize) -> Taken {
        let Some(taken) = self.fetch(id, most) else { return Taken::Nothing };
        match taken {
            Taken::Nothing => {}
            Taken::Bytes(_) => self.deliver(id),
            Taken::End => {
                self.stop_reading(id, Reading::Ended);
                self.deliver(id);
            }
        }
        if let Some(store) = &mut self.store {
            store.end();
        }
        self.close_if_ended(id);
        taken
    }

    /// Takes a stream in hand, and up to `most` bytes out of its pipe.
    fn fetch(&mut self, id: StreamId, most: usize) -> Option<Taken> {
        let store = self.store.as_mut()?;
        let stream = self.streams.get_mut(&id)?;
        let outlet = stream.outlet.and_then(|outlet| self.outlets.get(outlet));
        let room = if stream.may_wait(outlet.as_deref()) {
            // One byte is taken in any case: the end of the stream is not found out otherwise.
            TAIL.saturating_sub(store.unsettled(id)).max(1)
        } else {
            MOST_TAKEN
        };
        store.begin(id);
        let count = match store.fetch(id, stream.pipe.as_fd(), most.min(room)) {
            Ok(0) => return Some(Taken::End),
            Ok(count) => count,
            // It is nothing that can be read, and will not become it.
            Err(Errno::EINVAL | Errno::EBADF) => return Some(Taken::End),
            Err(_) => return Some(Taken::Nothing),
        };
        if count >= USUAL_ROOM && stream.room == Room::Usual && self.enlarged < MOST_ENLARGED {
            stream.room = Room::Enlarged;
            self.enlarged += 1;
            // If it may not be larger, the program waits a little more often.
            let _ = set_room(stream.pipe.as_fd(), LARGE_ROOM);
        }
        self.publish(id, count);
        Some(Taken::Bytes(count))
    }

    /// Publishes what was fetched last.
    fn publish(&mut self, id: StreamId, count: usize) {
        let (Some(store), Some(output)) = (&mut self.store, &mut self.output) else { return };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let Some(counters) = store.counters(id) else { return };
        let taken = counters.taken.load(Ordering::Relaxed);
        let pid = counters.pid.load(Ordering::Relaxed);
        let time = store.time() as f64 / 1e6;
        let part = Part { pid, offset: taken - count as u64, data: store.fetched(count), time };
        let mut wanted = stream.wanted;
        output.publish(stream.speaker(), part, &mut wanted);
        stream.wanted = wanted;
    }

    /// Writes what is in hand to where it goes.
    pub(super) fn deliver(&mut self, id: StreamId) {
        match self.try_to_write(id, None) {
            Ok(()) => self.it_worked(id),
            Err(failure) => self.it_failed(id, failure),
        }
    }

    /// Writes what is in hand, and then a marker if there is one. What has just failed is not tried again at once.
    fn try_to_write(&mut self, id: StreamId, marker: Option<&str>) -> Result<(), Failure> {
        let (Some(store), Some(stream)) = (&mut self.store, self.streams.get(&id)) else { return Ok(()) };
        let Some(outlet) = stream.outlet.and_then(|outlet| self.outlets.get(outlet)) else {
            store.settle_all(id, Settled::Written);
            return Ok(());
        };
        if let Some(trouble) = outlet.trouble.filter(|trouble| trouble.retry_at > self.now) {
            return Err(trouble.failure);
        }
        let mut how = stream.how();
        if marker.is_some() {
            // It begins a line, so that which is not finished is ended.
            how.line = Line::Ended;
        }
        let mut pen = Pen { stream: id, how, outlet, now: self.now };
        store.write_out(&mut pen)?;
        if let Some(words) = marker {
            store.write_marker(&mut pen, words)?;
        }
        Ok(())
    }

    /// Tries again to write what is held of a stream, without reading more.
    pub(super) fn retry(&mut self, id: StreamId) {
        if !self.streams.contains_key(&id) || self.waiting.is_some() {
            return;
        }
        if let Some(store) = &mut self.store {
            store.begin(id);
        }
        self.deliver(id);
        if let Some(store) = &mut self.store {
            store.end();
        }
        self.write_markers(id);
        self.close_if_ended(id);
    }

    /// Puts a marker into the file, after so many bytes of the stream, or where that is over already, now.
    pub(super) fn mark(&mut self, id: StreamId, words: String, after: u64) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if stream.markers.len() == MOST_MARKERS {
            stream.markers.remove(0);
        }
        stream.markers.push(words);
        let taken =
            self.store.as_ref().and_then(|store| Some(store.counters(id)?.taken.load(Ordering::Relaxed)));
        let left = after.saturating_sub(taken.unwrap_or(after));
        let mut left = usize::try_from(left).unwrap_or(usize::MAX);
        while left > 0 && self.streams.get(&id).is_some_and(|stream| stream.reading == Reading::On) {
            match self.take(id, left) {
                Taken::Bytes(count) => left = left.saturating_sub(count),
                Taken::Nothing | Taken::End => break,
            }
        }
        self.write_markers(id);
    }

    /// Writes the markers that wait, unless what comes before them waits as well.
    fn write_markers(&mut self, id: StreamId) {
        let is_on = |stream: &&mut Stream| stream.reading == Reading::On;
        let Some(stream) = self.streams.get_mut(&id).filter(is_on) else { return };
        let markers = std::mem::take(&mut stream.markers);
        for words in &markers {
            if let Some(store) = &mut self.store {
                store.begin(id);
            }
            // A marker is not output: where that cannot be written, it is missing.
            match self.try_to_write(id, Some(words)) {
                Ok(()) => self.it_worked(id),
                Err(failure) => self.it_failed(id, failure),
            }
            if let Some(store) = &mut self.store {
                store.end();
            }
        }
    }

    /// Goes on with what a killed logger had in hand, now that its stream is open again.
    pub(super) fn go_on(&mut self, id: StreamId) {
        let (Some(store), Some(stream)) = (&mut self.store, self.streams.get(&id)) else { return };
        let outlet = stream.outlet.and_then(|outlet| self.outlets.get(outlet));
        // If the work pipe cannot be read, there is nothing to go on with.
        if store.resume(id, outlet, self.now).is_ok() {
            self.deliver(id);
        }
        if let Some(store) = &mut self.store {
            store.end();
        }
        self.read_all();
    }

    /// The stream that a killed logger had in hand is not there any more, and so is where its output would go.
    pub(super) fn give_up_left_over(&mut self) {
        if let (Some(id), Some(store)) = (self.waiting, &mut self.store) {
            if store.resume(id, None, self.now).is_ok() {
                store.settle_all(id, Settled::Dropped);
            }
            store.end();
        }
        self.read_all();
    }
}
