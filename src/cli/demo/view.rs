//! What the demo shows where nobody can press a key: the events as plain lines, with a table now and then.

use super::super::client::Call;
use super::super::endpoint::Endpoint;
use super::super::exit::{Failure, say};
use super::super::feed::{Feed, News};
use super::super::render::event::Lines;
use super::super::render::instances::Instances;
use super::super::render::style::Look;
use super::private::PrivateSupervisor;
use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use zmq::{POLLERR, POLLIN};

/// How often the lines are interrupted by a table.
const TABLE: Duration = Duration::from_secs(5);

/// What is shown.
#[derive(Debug)]
pub struct View {
    lines: Lines,
    end: Option<Instant>,
    next: Instant,
}

impl View {
    /// A view that ends after this time.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn open(endpoint: &Endpoint, lasts: Duration) -> Result<Self, Failure> {
        let now = Instant::now();
        say(&format!(
            "A supervisor at {endpoint} keeps two programs running that die all the time:\n\
             three of 'hello world' sleep for 1 to 10 seconds, say OK, and exit; after less than 3 seconds that is a \
             flap.\n\
             'moody' mostly fails at once, so it flaps: it is started again after a while only, and a hook is told.\n\n"
        ))?;
        Ok(Self { lines: Lines::new(Look::PLAIN), end: now.checked_add(lasts), next: now + TABLE })
    }

    /// Shows what happens until it is over.
    ///
    /// # Errors
    /// A supervisor that ends before it is told to.
    pub fn run(&mut self, feed: &mut Feed, supervisor: &mut PrivateSupervisor) -> Result<(), Failure> {
        loop {
            self.print_news(feed, supervisor)?;
            let now = Instant::now();
            let over = self.end.is_some_and(|end| now >= end);
            if over || now >= self.next {
                self.print_table(feed)?;
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
        let watched = [(io::stdout().as_raw_fd(), POLLERR), (supervisor.descriptor(), POLLIN)];
        let until = self.end.map_or(self.next, |end| end.min(self.next));
        let ready = feed.wait(&watched, until.saturating_duration_since(now))?;
        Ok(feed.signals().ended() || ready.first() == Some(&true))
    }

    /// Prints what has happened.
    fn print_news(&mut self, feed: &mut Feed, supervisor: &mut PrivateSupervisor) -> Result<(), Failure> {
        let mut text = String::new();
        while let Some(news) = feed.next() {
            match news {
                News::Event(event) => text.push_str(&(self.lines.line(&event) + "\n")),
                News::Gone(sentence) => return Err(Failure::Failed(sentence)),
                News::Lost(_) | News::Beyond | News::NewRun(_) | News::Back => {}
            }
        }
        for said in supervisor.lines() {
            text.push_str(&(self.lines.said(&said) + "\n"));
        }
        say(&text)
    }

    fn print_table(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        self.next = Instant::now() + TABLE;
        let Some(reply) = feed.request(&Call::new("status"))? else { return Ok(()) };
        say(&format!("\n{}\n", Instances::of(&reply).table().render(Look::PLAIN)))
    }
}
