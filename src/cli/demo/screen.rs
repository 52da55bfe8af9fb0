//! The demo on a terminal: what `top` shows, and below it what happens.

use super::super::endpoint::Endpoint;
use super::super::exit::Failure;
use super::super::feed::Feed;
use super::super::render::event::Lines;
use super::super::render::style::{Colour, Look};
use super::super::top::DELAY;
use super::super::top::live::{About, Live, Next};
use super::private::PrivateSupervisor;
use crate::wire::value::Value;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many things that happened are kept for the screen; no terminal is higher.
const KEPT: usize = 500;

/// Something that happened.
#[derive(Debug)]
enum Happening {
    Event(Value),
    Said(String),
}

/// Shows what happens until somebody asks to end, or this time is over.
///
/// # Errors
/// A supervisor that ends before it is told to.
pub fn run(
    feed: &mut Feed,
    supervisor: &mut PrivateSupervisor,
    endpoint: &Endpoint,
    lasts: Option<Duration>,
) -> Result<(), Failure> {
    let end = lasts.and_then(|lasts| Instant::now().checked_add(lasts));
    let about = About {
        title: "procnanny demo".to_string(),
        endpoint: endpoint.to_string(),
        selectors: Vec::new(),
        delay: DELAY,
    };
    let mut live = Live::open(about, 0)?;
    let mut happened = VecDeque::new();
    loop {
        let below = rendered(&happened, &live);
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let turn = live.turn(feed, &below, Some(supervisor.descriptor()), left)?;
        happened.extend(turn.events.into_iter().map(Happening::Event));
        happened.extend(supervisor.lines().into_iter().map(Happening::Said));
        let surplus = happened.len().saturating_sub(KEPT);
        happened.drain(..surplus);
        if let Some(gone) = live.gone() {
            return Err(Failure::Failed(gone.to_string()));
        }
        if turn.next == Next::End || left.is_some_and(|left| left.is_zero()) {
            return Ok(());
        }
    }
}

/// The latest of it, as lines of the screen.
fn rendered(happened: &VecDeque<Happening>, live: &Live) -> Vec<String> {
    let size = live.size();
    let mut lines = Lines::brief(Look { colour: Colour::of_stdout(), width: Some(size.columns) });
    let latest = happened.iter().skip(happened.len().saturating_sub(size.lines));
    latest
        .map(|happening| match happening {
            Happening::Event(event) => lines.line(event),
            Happening::Said(text) => lines.said(text),
        })
        .collect()
}
