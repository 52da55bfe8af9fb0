//! `events`: what is held, and with `-f` what comes, in order and each exactly once.

use super::arguments::Events;
use super::client::Client;
use super::exit::{Exit, Failure, complain, say};
use super::feed::{self, Feed, News, Reach};
use super::filter::Filter;
use super::render::event::Lines;
use super::render::style::{Colour, Look};
use super::signals::Signals;
use super::values::{Form, Since};
use crate::wire::json;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// How long to wait when nothing else limits it.
const LONG: Duration = Duration::from_secs(3600);

/// `events`.
///
/// # Errors
/// No supervisor, at the beginning; later it is waited for.
pub fn events(mut client: Client, events: &Events) -> Result<Exit, Failure> {
    let since = match events.since {
        None => None,
        Some(Since::Event(seq)) => Some(seq),
        Some(Since::Now) => Some(feed::latest(&mut client)?),
    };
    let reach = if events.follow { Reach::Everything } else { Reach::Held };
    let mut feed = match Feed::open(client, since, reach, Signals::catch()?) {
        Ok(feed) => feed,
        Err(Failure::Interrupted) => return Ok(Exit::Done),
        Err(failure) => return Err(failure),
    };
    let look = Look { colour: Colour::of_stdout(), width: None };
    let mut printer = Printer {
        filter: Filter::new(&events.selectors),
        form: Form::new(events.json),
        lines: Lines::new(look),
    };
    loop {
        printer.print_all(&mut feed)?;
        if !events.follow {
            return Ok(Exit::Done);
        }
        match feed.wait(&[(io::stdout().as_raw_fd(), zmq::POLLERR)], LONG) {
            // Nobody reads any more.
            Ok(ready) if ready.contains(&true) => return Ok(Exit::Done),
            Ok(_) if !feed.signals().ended() => {}
            Ok(_) | Err(Failure::Interrupted) => {
                printer.print_all(&mut feed)?;
                return Ok(Exit::Done);
            }
            Err(failure) => return Err(failure),
        }
    }
}

struct Printer {
    filter: Filter,
    form: Form,
    lines: Lines,
}

impl Printer {
    fn admits(&self, news: &News) -> bool {
        match news {
            News::Event(event) => self.filter.admits(event),
            News::Lost(_) | News::Beyond | News::NewRun(_) | News::Gone(_) | News::Back => true,
        }
    }

    /// Prints all news that there is: events on standard output, and what is about them on standard error.
    fn print_all(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        let all: Vec<News> = std::iter::from_fn(|| feed.next()).filter(|news| self.admits(news)).collect();
        // What is printed at once is aligned with one another.
        for news in &all {
            if let News::Event(event) = news {
                self.lines.make_room(event);
            }
        }
        let mut text = String::new();
        for news in all {
            if !matches!(news, News::Event(_)) {
                // In order, should both go to the same place.
                say(&std::mem::take(&mut text))?;
            }
            match news {
                News::Event(event) => {
                    text.push_str(&match self.form {
                        Form::Json => json::to_string(&event),
                        Form::Text => self.lines.line(&event),
                    });
                    text.push('\n');
                }
                News::Lost(1) => complain("1 event is lost: the supervisor no longer holds it"),
                News::Lost(count) => {
                    complain(&format!("{count} events are lost: the supervisor no longer holds them"))
                }
                News::Beyond => complain(
                    "the event to begin after was never reached in this run of the supervisor: \
                     printing all that it holds",
                ),
                News::NewRun(run) => complain(&format!(
                    "this is another run of the supervisor, {run}: events are numbered anew; what the last one did \
                     at its end may be lost"
                )),
                News::Gone(sentence) => complain(&format!("{sentence}; waiting for one")),
                News::Back => complain("the supervisor is there again"),
            }
        }
        say(&text)
    }
}
