//! `top`: every instance live, with what it uses and how its last runs ended, and keys to act on it.
//!
//! | file | what is there |
//! | --- | --- |
//! | `model`, `abilities` | what is known of a supervisor: read, and kept up to date by events |
//! | `runs` | a picture of the last runs |
//! | `order` | which instances are shown, and in which order |
//! | `keys`, `interface` | keys, and what they do: a state machine |
//! | `columns`, `frame` | what is on the screen, in the room that there is |
//! | `help`, `logs` | pages over it |
//! | `live` | the screen itself: what is known, drawn |
//! | `live/asking` | what the supervisor is asked |
//! | `live/pages` | the pages, opened and followed |
//! | `live/waiting` | what is waited for: news, keys, time |
//!
//! All but `live` is pure.

mod abilities;
mod columns;
mod frame;
mod help;
mod interface;
mod keys;
pub mod live;
mod logs;
mod model;
mod order;
mod runs;

use super::arguments::Top;
use super::client::{Call, Client};
use super::exit::{Exit, Failure, say};
use super::feed::{self, Feed, Reach};
use super::render::style::Look;
use super::signals::Signals;
use abilities::Abilities;
use live::{About, Live, Next};
use model::Model;
use order::Sort;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// How often what processes use is read, unless told otherwise.
pub const DELAY: Duration = Duration::from_secs(2);
/// The shortest time that tells of anything but the clock's grain.
const SHORTEST: Duration = Duration::from_millis(300);
/// How long is waited for the second reading where there is one table only.
const ONCE: Duration = Duration::from_millis(500);

/// `top`.
///
/// # Errors
/// No such program or instance, no supervisor at the beginning; later it is waited for.
pub fn top(connect: impl FnOnce() -> Result<Client, Failure>, command: &Top) -> Result<Exit, Failure> {
    let delay = command.delay.map(|delay| delay.0);
    if delay.is_some_and(|delay| delay < SHORTEST) {
        return Err(Failure::Usage("--delay: nothing can be told in less than 300ms".to_string()));
    }
    let mut client = connect()?;
    if !io::stdout().is_terminal() {
        return print(&mut client, &command.selectors, delay.unwrap_or(ONCE));
    }
    // Refused before the screen is taken: a wrong name is said where it can be read.
    client.request(&Call::new("list").selecting(&command.selectors))?;
    let about = About {
        title: "procnanny".to_string(),
        endpoint: client.endpoint().to_string(),
        selectors: command.selectors.clone(),
        delay: delay.unwrap_or(DELAY),
    };
    let latest = feed::latest(&mut client)?;
    let mut feed = Feed::open(client, Some(latest), Reach::Everything, Signals::catch()?)?;
    let mut live = Live::open(about, latest)?;
    while live.turn(&mut feed, &[], None, None)?.next == Next::Show {}
    Ok(Exit::Done)
}

/// Where there is no terminal: one table, in which nothing is cut.
fn print(client: &mut Client, selectors: &[String], delay: Duration) -> Result<Exit, Failure> {
    let abilities = Abilities::of(&client.request(&Call::new("methods"))?);
    let list = Call::new("list").selecting(selectors);
    let began = Instant::now();
    let mut model = Model::default();
    if abilities.usage.is_there() {
        let list = list.with("usage", true);
        model.take_all(&client.request(&list)?, began.elapsed().as_secs_f64());
        std::thread::sleep(delay);
        model.take_all(&client.request(&list)?, began.elapsed().as_secs_f64());
    } else {
        model.take_all(&client.request(&list)?, began.elapsed().as_secs_f64());
    }
    if abilities.history.is_there() && !model.rows.is_empty() {
        let limit = i64::try_from(runs::KEPT).unwrap_or(i64::MAX);
        let history = Call::new("history").selecting(selectors).with("limit", limit);
        model.take_history(&client.request(&history)?);
    }
    let shown = order::shown(&model, Sort::Name, "");
    say(&columns::table(&shown, abilities, began.elapsed().as_secs_f64()).render(Look::PLAIN))?;
    Ok(Exit::Done)
}
