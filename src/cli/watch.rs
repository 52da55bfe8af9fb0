//! `status --watch`: every change, on a screen of its own; where there is none, one below the other.

use super::client::{Call, Client};
use super::endpoint::Endpoint;
use super::exit::{Exit, Failure, say};
use super::feed::{self, Feed, News, Reach};
use super::filter::Filter;
use super::render::instances::Instances;
use super::render::style::{Colour, Look, Style};
use super::render::{text, time};
use super::signals::Signals;
use super::status::{request, without_id};
use super::terminal::Screen;
use super::values::Form;
use crate::sys::clock;
use crate::wire::json;
use crate::wire::value::Value;
use std::io::{self, IsTerminal};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use zmq::{POLLERR, POLLIN};

/// How often it is drawn anew while only the time changes it.
const TICK: Duration = Duration::from_secs(1);
/// How long to wait where nothing changes with time.
const LONG: Duration = Duration::from_secs(3600);
/// Changes that come closer together than this are shown at once.
const BURST: Duration = Duration::from_millis(50);

/// Shows every change until somebody asks to end.
///
/// # Errors
/// No such program or instance, now or later.
pub fn watch(mut client: Client, selectors: &[String], form: Form) -> Result<Exit, Failure> {
    let call = request(selectors, form);
    // Refused before the screen is taken: a wrong name is said where it can be read.
    client.request(&call)?;
    let endpoint = client.endpoint().clone();
    let since = feed::latest(&mut client)?;
    let mut feed = Feed::open(client, Some(since), Reach::Everything, Signals::catch()?)?;
    let on_screen = form == Form::Text && io::stdout().is_terminal();
    let screen = if on_screen { Some(Screen::open()?) } else { None };
    let filter = Filter::new(selectors);
    let mut watch = Watch { call, filter, endpoint, screen, form, shown: String::new(), gone: None };
    loop {
        let lasts = watch.show(&mut feed)?;
        if watch.wait(&mut feed, lasts)? == Next::End {
            return Ok(Exit::Done);
        }
    }
}

/// What is shown, and where.
struct Watch {
    call: Call,
    filter: Filter,
    endpoint: Endpoint,
    screen: Option<Screen>,
    form: Form,
    /// What was printed last, where there is no screen.
    shown: String,
    /// Why there is nothing to show, if there is not.
    gone: Option<String>,
}

/// What to do after a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Show,
    End,
}

impl Watch {
    /// Shows how it is now; how long that lasts if nothing happens.
    fn show(&mut self, feed: &mut Feed) -> Result<Duration, Failure> {
        let reply = feed.request(&self.call)?;
        match &self.screen {
            Some(screen) => self.draw(screen, reply.as_ref()),
            None => self.print(reply),
        }
    }

    fn draw(&self, screen: &Screen, reply: Option<&Value>) -> Result<Duration, Failure> {
        let instances = reply.map(Instances::of).unwrap_or_default();
        let look = Look { colour: Colour::of_stdout(), width: Some(screen.size().columns) };
        let (title, style) = match &self.gone {
            None => (format!("{}  {}  q: quit", self.endpoint, time::timestamp(clock::wall())), Style::Faint),
            Some(gone) => (format!("{gone}; waiting for one  q: quit"), Style::Bad),
        };
        let title = text::cut(&text::escape(&title), screen.size().columns);
        let mut lines = vec![look.paint(&title, style), String::new()];
        lines.extend(instances.table().lines(look));
        screen.draw(&fitting(lines, screen.size().lines))?;
        Ok(if instances.are_moving() { TICK } else { LONG })
    }

    /// Prints it if it has changed. That time passes is no change.
    fn print(&mut self, reply: Option<Value>) -> Result<Duration, Failure> {
        let Some(reply) = reply else { return Ok(LONG) };
        let text = match self.form {
            Form::Json => json::to_string(&without_id(reply)),
            Form::Text => Instances::of(&reply).table().render(Look::PLAIN),
        };
        if text != self.shown {
            say(&format!("{text}\n"))?;
            self.shown = text;
        }
        Ok(LONG)
    }

    /// Waits until there is something else to show, or until somebody asks to end.
    fn wait(&mut self, feed: &mut Feed, lasts: Duration) -> Result<Next, Failure> {
        let shown_at = Instant::now();
        loop {
            let keys = self.screen.as_ref().and_then(Screen::keys);
            let mut watched = vec![(io::stdout().as_raw_fd(), POLLERR)];
            watched.extend(keys.map(|keys| (keys, POLLIN)));
            let ready = feed.wait(&watched, lasts.saturating_sub(shown_at.elapsed()))?;
            let key = ready.get(1) == Some(&true) && self.screen.as_mut().is_some_and(Screen::asks_to_end);
            // That standard output is ready for an error means that nobody reads any more.
            if key || feed.signals().ended() || ready.first() == Some(&true) {
                return Ok(Next::End);
            }
            let resized = feed.signals().take_resized();
            if let (true, Some(screen)) = (resized, &mut self.screen) {
                screen.resized();
            }
            if self.take(feed) || resized || shown_at.elapsed() >= lasts {
                break;
            }
        }
        // What belongs together comes within a moment.
        while let rest = BURST.saturating_sub(shown_at.elapsed())
            && !rest.is_zero()
        {
            feed.wait(&[], rest)?;
            self.take(feed);
        }
        Ok(Next::Show)
    }

    /// Takes the news; whether there was any of what is shown.
    fn take(&mut self, feed: &mut Feed) -> bool {
        let mut any = false;
        while let Some(news) = feed.next() {
            any |= match news {
                News::Event(event) => self.filter.admits(&event),
                News::Gone(sentence) => self.gone.replace(sentence).is_none(),
                News::Back => self.gone.take().is_some(),
                News::Lost(_) | News::Beyond | News::NewRun(_) => true,
            };
        }
        any
    }
}

/// As many lines as fit; the last one says how many there are beyond.
fn fitting(mut lines: Vec<String>, height: usize) -> Vec<String> {
    if lines.len() > height && height > 0 {
        let beyond = lines.len() - height + 1;
        lines.truncate(height - 1);
        lines.push(format!("… and {beyond} more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_says_what_it_cannot_show() {
        let lines = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
        assert_eq!(fitting(lines(3), 3), lines(3));
        assert_eq!(fitting(lines(5), 3), ["0", "1", "… and 3 more"]);
        assert_eq!(fitting(lines(5), 0), lines(5));
    }
}
