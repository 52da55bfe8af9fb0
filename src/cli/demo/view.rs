//! What the demo shows: on a terminal a table and the latest events, drawn anew; otherwise the events as plain lines,
//! with a table now and then.

use super::super::client::Call;
use super::super::endpoint::Endpoint;
use super::super::exit::{Failure, say};
use super::super::feed::{Feed, News};
use super::super::render::event::Lines;
use super::super::render::instances::Instances;
use super::super::render::style::{Colour, Look, Style};
use super::super::render::text::{cut, escape};
use super::super::terminal::Screen;
use super::private::PrivateSupervisor;
use crate::wire::value::Value;
use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use zmq::{POLLERR, POLLIN};

/// How often the screen is drawn although nothing has happened: uptimes grow.
const TICK: Duration = Duration::from_millis(500);
/// How often plain lines are interrupted by a table.
const TABLE: Duration = Duration::from_secs(5);
/// How many things that happened are kept for the screen; no terminal is higher.
const KEPT: usize = 500;

/// Something that happened.
#[derive(Debug)]
enum Happening {
    Event(Value),
    Said(String),
}

/// What is shown, and where.
pub struct View {
    screen: Option<Screen>,
    endpoint: String,
    lines: Lines,
    happened: VecDeque<Happening>,
    end: Option<Instant>,
    next: Instant,
}

impl View {
    /// A view that ends after `seconds`, or where nobody can end it, after `unwatched`.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn open(
        endpoint: &Endpoint,
        seconds: Option<Duration>,
        unwatched: Duration,
    ) -> Result<Self, Failure> {
        let now = Instant::now();
        let screen = if io::stdout().is_terminal() { Some(Screen::open()?) } else { None };
        let lasts = seconds.or(if screen.is_some() { None } else { Some(unwatched) });
        if screen.is_none() {
            say(&format!(
                "A supervisor at {endpoint} keeps three instances of a program running that dies all the time:\n\
                 it sleeps for 1 to 10 seconds, says OK, and exits; after less than 3 seconds that is a flap.\n\n"
            ))?;
        }
        Ok(Self {
            screen,
            endpoint: endpoint.to_string(),
            lines: Lines::new(Look::PLAIN),
            happened: VecDeque::new(),
            end: lasts.and_then(|lasts| now.checked_add(lasts)),
            next: now + TABLE,
        })
    }

    /// Shows what happens until it is over.
    ///
    /// # Errors
    /// A supervisor that ends before it is told to.
    pub fn run(&mut self, feed: &mut Feed, supervisor: &mut PrivateSupervisor) -> Result<(), Failure> {
        loop {
            self.take(feed, supervisor)?;
            let now = Instant::now();
            let over = self.end.is_some_and(|end| now >= end);
            match &self.screen {
                Some(_) => self.draw(feed)?,
                None if over || now >= self.next => self.print_table(feed)?,
                None => {}
            }
            if over || self.wait(feed, supervisor, now)? {
                return Ok(());
            }
        }
    }

    /// Waits for the next thing to show; whether somebody asks to end.
    fn wait(
        &mut self,
        feed: &mut Feed,
        supervisor: &PrivateSupervisor,
        now: Instant,
    ) -> Result<bool, Failure> {
        let keys = self.screen.as_ref().and_then(Screen::keys);
        let mut watched = vec![(io::stdout().as_raw_fd(), POLLERR), (supervisor.descriptor(), POLLIN)];
        watched.extend(keys.map(|keys| (keys, POLLIN)));
        let next = if self.screen.is_some() { now + TICK } else { self.next };
        let until = self.end.map_or(next, |end| end.min(next));
        let ready = feed.wait(&watched, until.saturating_duration_since(now))?;
        let key = ready.get(2) == Some(&true) && self.screen.as_mut().is_some_and(Screen::asks_to_end);
        if let (true, Some(screen)) = (feed.signals().take_resized(), &mut self.screen) {
            screen.resized();
        }
        Ok(key || feed.signals().ended() || ready.first() == Some(&true))
    }

    /// Takes what has happened, and prints it where there is no screen.
    fn take(&mut self, feed: &mut Feed, supervisor: &mut PrivateSupervisor) -> Result<(), Failure> {
        while let Some(news) = feed.next() {
            match news {
                News::Event(event) => self.happened.push_back(Happening::Event(event)),
                News::Gone(sentence) => return Err(Failure::Failed(sentence)),
                News::Lost(_) | News::Beyond | News::NewRun(_) | News::Back => {}
            }
        }
        self.happened.extend(supervisor.lines().into_iter().map(Happening::Said));
        if self.screen.is_none() {
            let lines = &mut self.lines;
            let text: String =
                self.happened.drain(..).map(|happening| line(lines, &happening) + "\n").collect();
            return say(&text);
        }
        let surplus = self.happened.len().saturating_sub(KEPT);
        self.happened.drain(..surplus);
        Ok(())
    }

    fn print_table(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        self.next = Instant::now() + TABLE;
        let Some(reply) = feed.request(&Call::new("status"))? else { return Ok(()) };
        say(&format!("\n{}\n", Instances::of(&reply).table().render(Look::PLAIN)))
    }

    fn draw(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        let Some(reply) = feed.request(&Call::new("status"))? else { return Ok(()) };
        let Some(screen) = &self.screen else { return Ok(()) };
        let size = screen.size();
        let look = Look { colour: Colour::of_stdout(), width: Some(size.columns) };
        let paint = |text: &str, style| look.paint(&cut(text, size.columns), style);
        let title =
            format!("procnanny demo: a program that dies all the time, kept running  ({})", self.endpoint);
        let mut page = vec![paint(&escape(&title), Style::Strong), String::new()];
        page.extend(Instances::of(&reply).table().lines(look));
        page.push(String::new());
        // A line for the end is kept free.
        let room = size.lines.saturating_sub(page.len() + 1);
        let mut lines = Lines::new(look);
        let latest: Vec<String> = self.happened.iter().map(|happening| line(&mut lines, happening)).collect();
        page.extend(latest.into_iter().skip(self.happened.len().saturating_sub(room)));
        page.resize(size.lines.saturating_sub(1).max(page.len()), String::new());
        page.push(paint("q: quit", Style::Faint));
        screen.draw(&page)
    }
}

fn line(lines: &mut Lines, happening: &Happening) -> String {
    match happening {
        Happening::Event(event) => lines.line(event),
        Happening::Said(text) => lines.said(text),
    }
}
