//! The live screen: what is known is shown, keys are taken, and the supervisor is asked where events do not tell.
//!
//! Events keep the list up to date. What processes use is read now and then, and only of those that are on the screen,
//! unless the order needs it of all. Nothing is written while nothing that is shown has changed.

mod asking;
mod pages;
mod waiting;

use super::abilities::Abilities;
use super::frame::{self, Division, Scene};
use super::interface::Interface;
use super::keys::Keys;
use super::logs::Logs;
use super::model::{Id, Model};
use super::order;
use crate::cli::exit::{Failure, say};
use crate::cli::feed::Feed;
use crate::cli::filter::Filter;
use crate::cli::render::style::{Colour, Look};
use crate::cli::terminal::{Screen, Size};
use crate::wire::value::Value;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

/// What is said where something is to be asked and nobody is there.
const NOBODY: &str = "there is no supervisor to ask";

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

    /// What something else may have written over is written anew.
    fn forget_drawn(&mut self) -> Result<(), Failure> {
        self.drawn.clear();
        say("\u{1b}[2J")
    }
}
