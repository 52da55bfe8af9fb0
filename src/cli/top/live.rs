//! The live screen: what is known is shown, keys are taken, and the supervisor is asked where events do not tell.
//!
//! Events keep the list up to date. What processes use is read now and then, and only of those that are on the screen,
//! unless the order needs it of all. Nothing is written while nothing that is shown has changed.

use super::abilities::Abilities;
use super::frame::{self, Division, Scene};
use super::interface::{Action, Interface, Mode, Operation, Page, Shown, Subject};
use super::keys::{Key, Keys};
use super::logs::{Logs, SOURCES};
use super::model::{Asked, Id, Model, Row, Told};
use super::{help, order, runs};
use crate::cli::client::Call;
use crate::cli::exit::{Failure, say};
use crate::cli::feed::{Feed, News};
use crate::cli::filter::Filter;
use crate::cli::render::style::{Colour, Look};
use crate::cli::render::text::uncapitalised;
use crate::cli::render::{history, why};
use crate::cli::terminal::{Screen, Size};
use crate::wire::value::Value;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};
use zmq::{POLLERR, POLLIN, PollEvents};

/// How often it is drawn anew while time alone changes it.
const TICK: Duration = Duration::from_secs(1);
/// Events that come closer together than this are shown at once.
const BURST: Duration = Duration::from_millis(50);
/// How long after the first reading of what processes use the second one comes: before it no share can be told.
const SECOND: Duration = Duration::from_millis(500);
/// How often a page of logs looks for more.
const LOGS: Duration = Duration::from_millis(500);
/// How soon the rest of a key that comes in pieces has come.
const KEY: Duration = Duration::from_millis(50);

/// What the screen is about.
#[derive(Clone, Debug)]
pub struct About {
    /// What is said first.
    pub title: String,
    /// Where the supervisor is.
    pub endpoint: String,
    /// Which instances; none: all.
    pub selectors: Vec<String>,
    /// How often what processes use is read.
    pub delay: Duration,
}

/// What came of a turn.
#[derive(Debug)]
pub struct Turn {
    /// Whether somebody asks to end.
    pub next: Next,
    /// What happened.
    pub events: Vec<Value>,
}

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It does.
    Show,
    /// Somebody asks to end.
    End,
}

/// Whether what is known of the list is all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listing {
    /// Everything has to be asked anew, the supervisor's version too.
    Unknown,
    /// The list has to be asked anew.
    Stale,
    /// Events keep it up to date.
    Known,
}

/// That there is no supervisor.
#[derive(Debug)]
struct Gone {
    why: String,
    /// Since when: what is known is of then.
    since: f64,
}

/// The screen, and what is known.
#[derive(Debug)]
pub struct Live {
    screen: Screen,
    about: About,
    filter: Filter,
    began: Instant,
    model: Model,
    listing: Listing,
    abilities: Abilities,
    interface: Interface,
    keys: Keys,
    page: Vec<String>,
    logs: Option<Logs>,
    gone: Option<Gone>,
    read_at: Instant,
    readings: u32,
    logs_at: Instant,
    drawn: Vec<String>,
    /// What was on the screen last, for keys to be about.
    ids: Vec<Id>,
    division: Division,
}

impl Live {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn open(about: About, latest: u64) -> Result<Self, Failure> {
        let screen = Screen::open()?;
        let now = Instant::now();
        let mut model = Model::default();
        model.begin_after(latest);
        Ok(Self {
            division: Division::new(screen.size().lines, 0, 0),
            screen,
            filter: Filter::new(&about.selectors),
            about,
            began: now,
            model,
            listing: Listing::Unknown,
            abilities: Abilities::default(),
            interface: Interface::default(),
            keys: Keys::default(),
            page: Vec::new(),
            logs: None,
            gone: None,
            read_at: now,
            readings: 0,
            logs_at: now,
            drawn: Vec::new(),
            ids: Vec::new(),
        })
    }

    /// How large the screen is.
    pub fn size(&self) -> Size {
        self.screen.size()
    }

    /// Why there is no supervisor, if there is none.
    pub fn gone(&self) -> Option<&str> {
        self.gone.as_ref().map(|gone| gone.why.as_str())
    }

    /// Shows how it is, with some lines below the list, and waits until there is something else to show, something is
    /// to be read from `other`, or the time is over.
    ///
    /// # Errors
    /// Standard output cannot be written to; a refusal that nothing can be shown after.
    pub fn turn(
        &mut self,
        feed: &mut Feed,
        below: &[String],
        other: Option<RawFd>,
        at_most: Option<Duration>,
    ) -> Result<Turn, Failure> {
        self.refresh(feed)?;
        self.draw(below)?;
        if self.look_closer(feed)? {
            self.draw(below)?;
        }
        self.wait(feed, other, at_most)
    }

    fn look(&self) -> Look {
        Look { colour: Colour::of_stdout(), width: Some(self.screen.size().columns) }
    }

    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Asks for what events do not tell.
    fn refresh(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        if self.listing == Listing::Unknown
            && let Some(reply) = feed.request(&Call::new("methods"))?
        {
            self.abilities = Abilities::of(&reply);
            self.listing = Listing::Stale;
            self.read_at = Instant::now();
        }
        if self.listing == Listing::Stale {
            self.list(feed)?;
        }
        if Instant::now() >= self.read_at {
            self.read(feed)?;
        }
        if self.logs.is_some() && Instant::now() >= self.logs_at {
            self.follow_logs(feed)?;
        }
        Ok(())
    }

    /// All instances.
    fn list(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        match feed.request(&self.listing_call(&self.about.selectors)) {
            Ok(Some(reply)) => {
                let now = self.now();
                self.model.take_all(&reply, now);
                self.listing = Listing::Known;
            }
            Ok(None) => {}
            // What was named is gone, and may come back.
            Err(Failure::Refused(refusal)) if refusal.code.starts_with("no-such-") => {
                self.model.rows.clear();
                self.listing = Listing::Known;
                self.interface.message = Some(uncapitalised(&refusal.sentence));
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    fn listing_call(&self, selectors: &[String]) -> Call {
        let call = Call::new("list").selecting(selectors);
        if self.abilities.usage.is_there() { call.with("usage", true) } else { call }
    }

    /// What changes without an event: the supervisor itself, and what processes use.
    fn read(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        self.readings = self.readings.saturating_add(1);
        let pause = if self.readings == 1 { SECOND.min(self.about.delay) } else { self.about.delay };
        self.read_at = Instant::now() + pause;
        if let Some(reply) = feed.request(&Call::new("info"))? {
            let now = self.now();
            self.model.take_info(&reply, now);
        }
        if !self.abilities.usage.is_there() {
            return Ok(());
        }
        if self.interface.sort.needs_usage() {
            return self.list(feed);
        }
        let names = self.seen().map(|(id, _)| id.name()).collect();
        self.read_some(feed, names)
    }

    fn read_some(&mut self, feed: &mut Feed, names: Vec<String>) -> Result<(), Failure> {
        if names.is_empty() {
            return Ok(());
        }
        match feed.request(&self.listing_call(&names)) {
            Ok(Some(reply)) => {
                let now = self.now();
                self.model.take_some(&reply, now);
            }
            Ok(None) => {}
            // One of them is gone; an event tells, or has told, so.
            Err(Failure::Refused(_)) => self.listing = Listing::Stale,
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// The instances that are on the screen.
    fn seen(&self) -> impl Iterator<Item = (&Id, &Row)> {
        let seen = self.ids.iter().skip(self.interface.first()).take(self.division.rows);
        seen.filter_map(|id| self.model.rows.get_key_value(id))
    }

    /// Asks for what is on the screen and not known in full: the runs of before, and how long a delay is. Whether
    /// anything was learnt.
    fn look_closer(&mut self, feed: &mut Feed) -> Result<bool, Failure> {
        let vague: Vec<String> =
            self.seen().filter(|(_, row)| row.is_vague()).map(|(id, _)| id.name()).collect();
        let unasked: Vec<Id> = self
            .seen()
            .filter(|(_, row)| row.past == Asked::No && self.abilities.history.is_there())
            .map(|(id, _)| id.clone())
            .collect();
        let any = !vague.is_empty() || !unasked.is_empty();
        self.read_some(feed, vague)?;
        if !unasked.is_empty() {
            self.ask_runs(feed, &unasked)?;
        }
        Ok(any)
    }

    fn ask_runs(&mut self, feed: &mut Feed, ids: &[Id]) -> Result<(), Failure> {
        let names: Vec<String> = ids.iter().map(Id::name).collect();
        let limit = i64::try_from(runs::KEPT).unwrap_or(i64::MAX);
        match feed.request(&Call::new("history").selecting(&names).with("limit", limit)) {
            Ok(Some(reply)) => self.model.take_history(&reply),
            Ok(None) => return Ok(()),
            Err(Failure::Refused(_)) => self.listing = Listing::Stale,
            Err(failure) => return Err(failure),
        }
        for id in ids {
            if let Some(row) = self.model.rows.get_mut(id) {
                row.past = Asked::Yes;
            }
        }
        Ok(())
    }

    /// Writes what differs from what is on the screen.
    fn draw(&mut self, below: &[String]) -> Result<(), Failure> {
        let (size, look) = (self.screen.size(), self.look());
        let shown = order::shown(&self.model, self.interface.sort, &self.interface.filter);
        self.ids = shown.iter().map(|(id, _)| (*id).clone()).collect();
        self.division = Division::new(size.lines, shown.len(), below.len());
        let place = self.interface.settle(&self.ids, self.division.rows);
        let scene = Scene {
            model: &self.model,
            shown: &shown,
            place,
            interface: &self.interface,
            abilities: self.abilities,
            title: &self.about.title,
            endpoint: &self.about.endpoint,
            gone: self.gone(),
            page: &self.page,
            below,
            now: self.gone.as_ref().map_or_else(|| self.now(), |gone| gone.since),
        };
        let lines = frame::lines(&scene, size, look);
        let changes = frame::changes(&self.drawn, &lines);
        self.drawn = lines;
        if changes.is_empty() { Ok(()) } else { say(&changes) }
    }

    fn wait(
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

    /// What something else may have written over is written anew.
    fn forget_drawn(&mut self) -> Result<(), Failure> {
        self.drawn.clear();
        say("\u{1b}[2J")
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

    fn open_page(&mut self, feed: &mut Feed, page: Page) -> Result<(), Failure> {
        match (page.subject, page.of) {
            (Subject::Help, _) => {
                self.page = help::page().iter().map(|line| self.look().joined(line)).collect()
            }
            (Subject::Logs, Some(id)) => {
                self.logs.get_or_insert_with(|| Logs::new(id));
                self.follow_logs(feed)?;
            }
            (Subject::History, Some(id)) => self.ask_page(feed, "history", &id, history::render)?,
            (Subject::Why, Some(id)) => self.ask_page(feed, "why", &id, why::render)?,
            (Subject::Logs | Subject::History | Subject::Why, None) => {}
        }
        Ok(())
    }

    /// A page that is what a command prints about an instance.
    fn ask_page(
        &mut self,
        feed: &mut Feed,
        method: &str,
        id: &Id,
        render: impl Fn(&[Value], Look) -> String,
    ) -> Result<(), Failure> {
        match feed.request(&Call::new(method).selecting(&[id.name()])) {
            Ok(Some(reply)) => {
                let instances = reply.get(method).and_then(Value::as_array).unwrap_or_default();
                self.page = render(instances, self.look()).lines().map(str::to_string).collect();
            }
            Ok(None) => self.leave_page(NOBODY.to_string()),
            Err(Failure::Refused(refusal)) => self.leave_page(uncapitalised(&refusal.sentence)),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    fn follow_logs(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        self.logs_at = Instant::now() + LOGS;
        let Some(mut logs) = self.logs.take() else { return Ok(()) };
        let mut refused = Vec::new();
        for source in SOURCES {
            match feed.request(&logs.call(source)) {
                Ok(Some(reply)) => logs.take(source, &reply),
                Ok(None) => {}
                Err(Failure::Refused(refusal)) => refused.push(uncapitalised(&refusal.sentence)),
                Err(failure) => return Err(failure),
            }
        }
        // One of them may well go elsewhere.
        match refused.pop() {
            Some(sentence) if refused.len() + 1 == SOURCES.len() => self.leave_page(sentence),
            Some(_) | None => {
                self.page = logs.page().iter().map(|line| self.look().joined(line)).collect();
                self.logs = Some(logs);
            }
        }
        Ok(())
    }

    fn leave_page(&mut self, message: String) {
        self.interface.mode = Mode::List;
        self.interface.message = Some(message);
        self.page.clear();
        self.logs = None;
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

const NOBODY: &str = "there is no supervisor to ask";

/// Asks for something to be done to an instance; what there is to say about it.
fn operate(feed: &mut Feed, operation: Operation, id: &Id) -> Result<String, Failure> {
    let (method, name) = (operation.method(), id.name());
    match feed.request(&Call::new(method).selecting(std::slice::from_ref(&name))) {
        Ok(Some(reply)) => {
            let row = reply.get("results").and_then(Value::as_array).and_then(<[Value]>::first);
            let unchanged = row.and_then(|row| row.get("changed")).and_then(Value::as_bool) == Some(false);
            Ok(format!("{method} {name}{}", if unchanged { ": as it was" } else { "" }))
        }
        Ok(None) => Ok(NOBODY.to_string()),
        Err(Failure::Refused(refusal)) => {
            Ok(format!("{method} {name}: {}", uncapitalised(&refusal.sentence)))
        }
        Err(failure) => Err(failure),
    }
}
