//! What keys do: a state machine from keys to actions. It knows what is selected, filtered and asked, and nothing of
//! terminals or supervisors.

use super::abilities::{Abilities, Ability};
use super::keys::Key;
use super::model::Id;
use super::order::Sort;

/// Something that is done to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Want it up.
    Start,
    /// Want it down.
    Stop,
    /// Stop it and start it again.
    Restart,
}

/// What a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The keys.
    Help,
    /// What an instance prints.
    Logs,
    /// How its runs ended.
    History,
    /// Why it is in its state, and what happens next.
    Why,
}

/// A page over the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What it is about.
    pub subject: Subject,
    /// Of which instance.
    pub of: Option<Id>,
    /// The first line that is shown.
    first: Place,
}

/// A place in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Line(usize),
    /// As far down as it goes, also when it grows.
    End,
}

/// What is there to be pressed at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The list.
    #[default]
    List,
    /// A filter is being typed; what it was before.
    Filter(String),
    /// A question: whether this is to be done.
    Confirm(Operation, Id),
    /// A page over it.
    Page(Page),
}

/// What is to be done about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing but to show how it is now.
    Show,
    /// Draw everything anew: something else wrote to the terminal.
    Redraw,
    /// End.
    Quit,
    /// Do this to an instance.
    Do(Operation, Id),
    /// Get what this page shows.
    Open(Page),
}

/// What is on the screen, as far as keys are about it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The instances that are not filtered out, in order.
    pub ids: &'a [Id],
    /// How many of them there is room for.
    pub room: usize,
    /// How many lines the page has that is open.
    pub lines: usize,
    /// How many of those there is room for.
    pub page_room: usize,
    /// What the supervisor can be asked.
    pub abilities: Abilities,
}

/// What keys have led to.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// Where it is.
    pub mode: Mode,
    /// The order of the list.
    pub sort: Sort,
    /// What names and states have to have in them.
    pub filter: String,
    /// What there is to say, until the next key.
    pub message: Option<String>,
    selected: Option<Id>,
    /// Where that was in the list, in case it goes away.
    position: usize,
    /// The first instance that is on the screen.
    first: usize,
}

impl Operation {
    /// The method that does it.
    pub fn method(self) -> &'static str {
        match self {
            Operation::Start => "start",
            Operation::Stop => "stop",
            Operation::Restart => "restart",
        }
    }
}

impl Page {
    /// The first line to show of so many, where there is this much room.
    pub fn first(&self, lines: usize, room: usize) -> usize {
        let last = lines.saturating_sub(room);
        match self.first {
            Place::Line(line) => line.min(last),
            Place::End => last,
        }
    }
}

impl Interface {
    /// Where the selected instance is in the list, and the first one that is to be seen. To be called with what is
    /// going to be shown: another order does not change what is selected.
    pub fn settle(&mut self, ids: &[Id], room: usize) -> (usize, usize) {
        let found = self.selected.as_ref().and_then(|selected| ids.iter().position(|id| id == selected));
        self.position = found.unwrap_or(self.position).min(ids.len().saturating_sub(1));
        if found.is_none() {
            self.selected = ids.get(self.position).cloned();
        }
        // As little as possible is scrolled, and no room is left empty.
        let lowest = (self.position + 1).saturating_sub(room);
        self.first = self.first.clamp(lowest, self.position.max(lowest)).min(ids.len().saturating_sub(room));
        (self.position, self.first)
    }

    /// Which instance is selected.
    #[cfg(test)]
    pub fn selected(&self) -> Option<&Id> {
        self.selected.as_ref()
    }

    /// The first instance that is on the screen.
    pub fn first(&self) -> usize {
        self.first
    }

    /// Takes a key.
    pub fn press(&mut self, key: Key, shown: Shown<'_>) -> Action {
        self.message = None;
        if key == Key::Char('\u{c}') {
            return Action::Redraw;
        }
        match std::mem::take(&mut self.mode) {
            Mode::List => self.in_list(key, shown),
            Mode::Filter(before) => self.in_filter(key, before),
            Mode::Confirm(operation, id) => match key {
                Key::Char('y' | 'Y') => Action::Do(operation, id),
                _ => {
                    self.message = Some(format!("no {} then", operation.method()));
                    Action::Show
                }
            },
            Mode::Page(page) => self.in_page(key, page, shown),
        }
    }

    fn in_list(&mut self, key: Key, shown: Shown<'_>) -> Action {
        match key {
            Key::Char('q' | 'Q') => return Action::Quit,
            Key::Char('k') | Key::Up => self.select(self.position.saturating_sub(1), shown.ids),
            Key::Char('j') | Key::Down => self.select(self.position + 1, shown.ids),
            Key::PageUp => self.select(self.position.saturating_sub(shown.room.max(1)), shown.ids),
            Key::PageDown => self.select(self.position + shown.room.max(1), shown.ids),
            Key::Char('g') | Key::Home => self.select(0, shown.ids),
            Key::Char('G') | Key::End => self.select(usize::MAX, shown.ids),
            Key::Char('s') => self.sort = self.sort.next(shown.abilities),
            Key::Char('/') => self.mode = Mode::Filter(self.filter.clone()),
            Key::Escape => self.filter.clear(),
            Key::Char('u') => {
                if let Some(id) = self.subject() {
                    return Action::Do(Operation::Start, id);
                }
            }
            Key::Char('d') => self.ask(Operation::Stop),
            Key::Char('r') => self.ask(Operation::Restart),
            Key::Char('l') => return self.open(Subject::Logs, shown.abilities.tail, "tail"),
            Key::Char('h') | Key::Enter => {
                return self.open(Subject::History, shown.abilities.history, "history");
            }
            Key::Char('w') => return self.open(Subject::Why, shown.abilities.why, "why"),
            Key::Char('?') => {
                let page = Page { subject: Subject::Help, of: None, first: Place::Line(0) };
                self.mode = Mode::Page(page.clone());
                return Action::Open(page);
            }
            Key::Char(_) | Key::Backspace | Key::Other => {}
        }
        Action::Show
    }

    /// What is typed filters at once.
    fn in_filter(&mut self, key: Key, before: String) -> Action {
        match key {
            Key::Enter => return Action::Show,
            Key::Escape => {
                self.filter.clear();
                return Action::Show;
            }
            Key::Backspace if self.filter.is_empty() => return Action::Show,
            Key::Backspace => drop(self.filter.pop()),
            // Ctrl-U, as on a command line.
            Key::Char('\u{15}') => self.filter.clear(),
            Key::Char(letter) if !letter.is_control() => self.filter.push(letter),
            Key::Char(_)
            | Key::Up
            | Key::Down
            | Key::PageUp
            | Key::PageDown
            | Key::Home
            | Key::End
            | Key::Other => {}
        }
        self.mode = Mode::Filter(before);
        // Should what is selected be filtered out, the first one is.
        self.position = 0;
        Action::Show
    }

    fn in_page(&mut self, key: Key, mut page: Page, shown: Shown<'_>) -> Action {
        let (first, room) = (page.first(shown.lines, shown.page_room), shown.page_room.max(1));
        let last = shown.lines.saturating_sub(shown.page_room);
        let to = match key {
            Key::Char('q' | 'Q') | Key::Escape | Key::Enter => return Action::Show,
            Key::Char('l') if page.subject == Subject::Logs => return Action::Show,
            Key::Char('h') if page.subject == Subject::History => return Action::Show,
            Key::Char('w') if page.subject == Subject::Why => return Action::Show,
            Key::Char('?') if page.subject == Subject::Help => return Action::Show,
            Key::Char('k') | Key::Up => first.saturating_sub(1),
            Key::Char('j') | Key::Down => first + 1,
            Key::PageUp | Key::Char('b') => first.saturating_sub(room),
            Key::PageDown | Key::Char(' ') => first + room,
            Key::Char('g') | Key::Home => 0,
            Key::Char('G') | Key::End => last,
            Key::Char(_) | Key::Backspace | Key::Other => first,
        };
        // Who is at the end of what grows wants to stay there.
        page.first = if to >= last { Place::End } else { Place::Line(to) };
        self.mode = Mode::Page(page);
        Action::Show
    }

    fn select(&mut self, position: usize, ids: &[Id]) {
        self.position = position.min(ids.len().saturating_sub(1));
        self.selected = ids.get(self.position).cloned();
    }

    /// The selected instance, or a word about there being none.
    fn subject(&mut self) -> Option<Id> {
        if self.selected.is_none() {
            self.message = Some("nothing is selected".to_string());
        }
        self.selected.clone()
    }

    fn ask(&mut self, operation: Operation) {
        if let Some(id) = self.subject() {
            self.mode = Mode::Confirm(operation, id);
        }
    }

    fn open(&mut self, subject: Subject, ability: Ability, method: &str) -> Action {
        let Some(id) = self.subject() else { return Action::Show };
        if !ability.is_there() {
            self.message = Some(format!("this supervisor is of a version that has no '{method}'"));
            return Action::Show;
        }
        // The latest is at the end.
        let page = Page { subject, of: Some(id), first: Place::End };
        self.mode = Mode::Page(page.clone());
        Action::Open(page)
    }
}

#[cfg(test)]
#[path = "interface_tests.rs"]
mod tests;
