//! What is waited for: news, keys, another size, and the time at which the screen is no longer right.

use super::super::interface::{Action, Mode, Shown};
use super::super::keys::Key;
use super::super::model::Told;
use super::super::order;
use super::asking::operate;
use super::{Gone, Listing, Live, Next, Turn};
use crate::cli::exit::Failure;
use crate::cli::feed::{Feed, News};
use crate::wire::value::Value;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};
use zmq::{POLLERR, POLLIN, PollEvents};

/// How often it is drawn anew while time alone changes it.
const TICK: Duration = Duration::from_secs(1);
/// Events that come closer together than this are shown at once.
const BURST: Duration = Duration::from_millis(50);
/// How soon the rest of a key that comes in pieces has come.
const KEY: Duration = Duration::from_millis(50);

impl Live {
    pub(super) fn wait(
        &mut self,
        feed: &mut Feed,
        mut other: Option<RawFd>,
        at_most: Option<Duration>,
    ) -> Result<Turn, Failure> {
        let since = Instant::now();
        let mut events = Vec::new();
        let mut lasts = self.lasts().min(at_most.unwrap_or(Duration::MAX));
        loop {
            let keys = self.screen.keys();
            let mut watched: Vec<(RawFd, PollEvents)> = vec![(io::stdout().as_raw_fd(), POLLERR)];
            watched.extend(keys.map(|keys| (keys, POLLIN)));
            watched.extend(other.map(|other| (other, POLLIN)));
            let rest = lasts.saturating_sub(since.elapsed());
            let ready = feed.wait(&watched, if self.keys.is_waiting() { rest.min(KEY) } else { rest })?;
            let is_ready = |index: usize| ready.get(index) == Some(&true);
            // That standard output is ready for an error means that nobody looks any more.
            if feed.signals().ended() || is_ready(0) {
                return Ok(Turn { next: Next::End, events });
            }
            if feed.signals().take_resized() {
                self.screen.resized();
                self.forget_drawn()?;
                if let Mode::Page(page) = &self.interface.mode {
                    // Its lines are made for a width.
                    self.open_page(feed, page.clone())?;
                }
                lasts = Duration::ZERO;
            }
            if other.is_some() && is_ready(watched.len() - 1) {
                // It stays ready until it is read from.
                other = None;
                lasts = lasts.min(BURST);
            }
            if self.take_news(feed, &mut events) {
                lasts = lasts.min(BURST);
            }
            let pressed = if keys.is_some() && is_ready(1) {
                let Some(pressed) = self.screen.read().map(|bytes| self.keys.take(&bytes)) else {
                    return Ok(Turn { next: Next::End, events });
                };
                pressed
            } else {
                self.keys.expire().into_iter().collect()
            };
            for key in pressed {
                if self.press(key, feed)? == Next::End {
                    return Ok(Turn { next: Next::End, events });
                }
                lasts = Duration::ZERO;
            }
            if since.elapsed() >= lasts {
                return Ok(Turn { next: Next::Show, events });
            }
        }
    }

    /// How long the screen is right if nothing happens.
    fn lasts(&self) -> Duration {
        if self.gone.is_some() {
            return TICK;
        }
        let now = Instant::now();
        let next = if self.logs.is_some() { self.read_at.min(self.logs_at) } else { self.read_at };
        next.saturating_duration_since(now).min(TICK)
    }

    /// Takes the news; whether there was any of what is shown.
    fn take_news(&mut self, feed: &mut Feed, events: &mut Vec<Value>) -> bool {
        let mut any = false;
        while let Some(news) = feed.next() {
            match news {
                News::Event(event) => {
                    let now = self.now();
                    match self.model.take_event(&event, self.filter.admits(&event), now) {
                        Told::All => any = true,
                        Told::Something => {
                            self.listing = self.listing.at_least_stale();
                            any = true;
                        }
                        Told::Nothing => {}
                    }
                    events.push(event);
                }
                News::Lost(_) | News::Beyond => {
                    self.listing = self.listing.at_least_stale();
                    any = true;
                }
                News::NewRun(_) => {
                    self.model.rows.clear();
                    self.model.begin_after(0);
                    self.listing = Listing::Unknown;
                    any = true;
                }
                News::Gone(sentence) => {
                    self.gone = Some(Gone { why: sentence, since: self.now() });
                    any = true;
                }
                News::Back => {
                    self.gone = None;
                    self.listing = Listing::Unknown;
                    any = true;
                }
            }
        }
        any
    }

    fn press(&mut self, key: Key, feed: &mut Feed) -> Result<Next, Failure> {
        let shown = Shown {
            ids: &self.ids,
            room: self.division.rows,
            lines: self.page.len(),
            page_room: self.division.page,
            abilities: self.abilities,
        };
        let sort = self.interface.sort;
        let action = self.interface.press(key, shown);
        if self.interface.sort != sort && self.interface.sort.needs_usage() {
            // So far only those on the screen were looked at.
            self.read_at = Instant::now();
        }
        if !matches!(self.interface.mode, Mode::Page(_)) {
            self.page.clear();
            self.logs = None;
        }
        match action {
            Action::Show => {}
            Action::Redraw => self.forget_drawn()?,
            Action::Quit => return Ok(Next::End),
            Action::Do(operation, id) => self.interface.message = Some(operate(feed, operation, &id)?),
            Action::Open(page) => self.open_page(feed, page)?,
        }
        // Of several keys that come at once, each is about what the one before has led to.
        let shown = order::shown(&self.model, self.interface.sort, &self.interface.filter);
        self.ids = shown.into_iter().map(|(id, _)| id.clone()).collect();
        self.interface.settle(&self.ids, self.division.rows);
        Ok(Next::Show)
    }
}

impl Listing {
    fn at_least_stale(self) -> Self {
        match self {
            Listing::Unknown => Listing::Unknown,
            Listing::Stale | Listing::Known => Listing::Stale,
        }
    }
}
