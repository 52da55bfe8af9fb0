//! Colour: what is shown how, and where it may be shown at all.

use super::super::terminal;
use super::text;
use crate::core::state::StateName;
use std::io::{self, IsTerminal};

/// How a piece of text is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    #[default]
    Plain,
    /// A heading.
    Strong,
    /// Of less weight.
    Faint,
    /// All is well.
    Good,
    /// On its way.
    Moving,
    /// Not well.
    Bad,
    /// Not well at all.
    Alarming,
    /// What keys are about.
    Selected,
}

/// Whether there may be colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// There may.
    Allowed,
    /// There may not.
    None,
}

/// What lines are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether there may be colour.
    pub colour: Colour,
    /// The columns there are; `None`: nothing is cut.
    pub width: Option<usize>,
}

impl Colour {
    /// Whether there may be colour on standard output: on a terminal that knows any, unless `NO_COLOR` is set.
    pub fn of_stdout() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_none_or(|term| term == "dumb");
        // https://no-color.org: set, to anything but nothing.
        if dumb || set("NO_COLOR").is_some() || !io::stdout().is_terminal() {
            return Colour::None;
        }
        Colour::Allowed
    }
}

impl Look {
    /// For pipes and files.
    pub const PLAIN: Look = Look { colour: Colour::None, width: None };

    /// For standard output as it is now.
    pub fn of_stdout() -> Self {
        let width = io::stdout().is_terminal().then(|| terminal::size().columns);
        Self { colour: Colour::of_stdout(), width }
    }

    /// Pieces of a line, cut where it has to end.
    pub fn joined<T: AsRef<str>>(self, pieces: &[(T, Style)]) -> String {
        let mut left = self.width.unwrap_or(usize::MAX);
        let mut line = String::new();
        for (piece, style) in pieces {
            let shown = text::cut(piece.as_ref(), left);
            left -= text::width(&shown).min(left);
            // Nothing in a style is still nothing.
            if !shown.is_empty() {
                line.push_str(&self.paint(&shown, *style));
            }
        }
        line
    }

    /// Text in a style.
    pub fn paint(self, text: &str, style: Style) -> String {
        match (self.colour, style) {
            (Colour::None, _) | (Colour::Allowed, Style::Plain) => text.to_string(),
            (Colour::Allowed, Style::Strong) => format!("\u{1b}[1m{text}\u{1b}[0m"),
            (Colour::Allowed, Style::Faint) => format!("\u{1b}[2m{text}\u{1b}[0m"),
            (Colour::Allowed, Style::Good) => format!("\u{1b}[32m{text}\u{1b}[0m"),
            (Colour::Allowed, Style::Moving) => format!("\u{1b}[33m{text}\u{1b}[0m"),
            (Colour::Allowed, Style::Bad) => format!("\u{1b}[31m{text}\u{1b}[0m"),
            (Colour::Allowed, Style::Alarming) => format!("\u{1b}[35m{text}\u{1b}[0m"),
            (Colour::Allowed, Style::Selected) => format!("\u{1b}[7m{text}\u{1b}[0m"),
        }
    }
}

/// The style of a state; one that is none of ours, from another version, has none.
pub fn of_state(state: &str) -> Style {
    match StateName::parse(state) {
        Some(StateName::Running) => Style::Good,
        Some(StateName::Waiting | StateName::Starting | StateName::Stopping) => Style::Moving,
        Some(StateName::Backoff | StateName::Failed) => Style::Bad,
        Some(StateName::New | StateName::Exited) => Style::Faint,
        None => Style::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_only_where_it_is_allowed() {
        let colourful = Look { colour: Colour::Allowed, width: None };
        assert_eq!(colourful.paint("x", of_state("running")), "\u{1b}[32mx\u{1b}[0m");
        assert_eq!(colourful.paint("x", of_state("flying")), "x");
        assert_eq!(Look::PLAIN.paint("x", Style::Bad), "x");
    }
}
