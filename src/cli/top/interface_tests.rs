//! Keys pressed one after another, and what they lead to.

use super::*;

fn ids(count: u64) -> Vec<Id> {
    (0..count).map(|instance| Id { program: "web".to_string(), instance }).collect()
}

const ALL: Abilities =
    Abilities { usage: Ability::There, history: Ability::There, why: Ability::There, tail: Ability::There };

/// An interface over a list, with room for ten.
struct Session {
    interface: Interface,
    ids: Vec<Id>,
    abilities: Abilities,
    lines: usize,
}

impl Session {
    fn new(count: u64) -> Self {
        let mut session =
            Self { interface: Interface::default(), ids: ids(count), abilities: ALL, lines: 30 };
        session.interface.settle(&session.ids, 10);
        session
    }

    fn press(&mut self, key: Key) -> Action {
        let Self { interface, ids, abilities, lines } = self;
        let shown = Shown { ids, room: 10, lines: *lines, page_room: 10, abilities: *abilities };
        let action = interface.press(key, shown);
        interface.settle(ids, 10);
        action
    }

    fn letters(&mut self, letters: &str) -> Action {
        letters.chars().map(|letter| self.press(Key::Char(letter))).last().unwrap()
    }

    fn place(&mut self) -> (usize, usize) {
        self.interface.settle(&self.ids, 10)
    }

    fn page_first(&self) -> usize {
        match &self.interface.mode {
            Mode::Page(page) => page.first(self.lines, 10),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_selection_moves_and_the_list_scrolls_as_little_as_it_can() {
    let mut session = Session::new(25);
    assert_eq!(session.place(), (0, 0));
    session.letters("jj");
    session.press(Key::Down);
    assert_eq!(session.place(), (3, 0));
    session.press(Key::PageDown);
    assert_eq!(session.place(), (13, 4));
    session.letters("kk");
    assert_eq!(session.place(), (11, 4));
    session.letters("G");
    assert_eq!(session.place(), (24, 15));
    session.press(Key::Down);
    assert_eq!(session.place(), (24, 15));
    session.press(Key::Home);
    session.press(Key::Up);
    assert_eq!(session.place(), (0, 0));
}

#[test]
fn the_selection_stays_with_its_instance_and_else_with_its_place() {
    let mut session = Session::new(5);
    session.letters("jj");
    session.ids.reverse();
    session.ids.insert(0, Id { program: "db".to_string(), instance: 0 });
    assert_eq!(session.place().0, 3);
    session.ids.remove(3);
    session.place();
    assert_eq!(session.interface.selected().map(Id::name).as_deref(), Some("web/1"));
    session.ids.clear();
    assert_eq!(session.place(), (0, 0));
    assert_eq!(session.letters("d"), Action::Show);
    assert_eq!(session.interface.message.as_deref(), Some("nothing is selected"));
    assert_eq!(session.interface.mode, Mode::List);
}

#[test]
fn a_terminal_that_grew_leaves_no_room_empty() {
    let mut session = Session::new(12);
    session.letters("G");
    assert_eq!(session.place(), (11, 2));
    assert_eq!(session.interface.settle(&session.ids, 20), (11, 0));
    assert_eq!(session.interface.settle(&session.ids, 1), (11, 11));
    assert_eq!(session.interface.settle(&session.ids, 0).0, 11);
}

#[test]
fn what_stops_something_is_asked_about() {
    let mut session = Session::new(3);
    let first = session.ids[0].clone();
    assert_eq!(session.letters("d"), Action::Show);
    assert_eq!(session.interface.mode, Mode::Confirm(Operation::Stop, first.clone()));
    assert_eq!(session.letters("n"), Action::Show);
    assert_eq!(session.letters("dy"), Action::Do(Operation::Stop, first.clone()));
    assert_eq!(session.interface.mode, Mode::List);
    session.letters("r");
    assert_eq!(session.press(Key::Enter), Action::Show, "only a yes is one");
    assert_eq!(session.letters("ry"), Action::Do(Operation::Restart, first.clone()));
    assert_eq!(session.letters("u"), Action::Do(Operation::Start, first));
    // A quit in a hurry answers no.
    assert_eq!(session.letters("dq"), Action::Show);
    assert_eq!(session.letters("q"), Action::Quit);
}

#[test]
fn a_filter_is_typed_live() {
    let mut session = Session::new(3);
    session.letters("/wüb");
    assert_eq!(session.interface.filter, "wüb");
    session.press(Key::Backspace);
    session.press(Key::Backspace);
    session.letters("q");
    assert_eq!(session.interface.filter, "wq", "letters are letters here");
    session.press(Key::Enter);
    assert_eq!((session.interface.filter.as_str(), &session.interface.mode), ("wq", &Mode::List));
    session.press(Key::Escape);
    assert_eq!(session.interface.filter, "");
    session.letters("/ab");
    session.press(Key::Escape);
    assert_eq!((session.interface.filter.as_str(), &session.interface.mode), ("", &Mode::List));
    session.letters("/");
    session.press(Key::Backspace);
    assert_eq!(session.interface.mode, Mode::List);
}

#[test]
fn pages_scroll_and_stay_at_the_end_of_what_grows() {
    let mut session = Session::new(3);
    let Action::Open(page) = session.letters("l") else { panic!() };
    assert_eq!((page.subject, page.of.as_ref()), (Subject::Logs, Some(&session.ids[0])));
    assert_eq!(session.page_first(), 20);
    session.lines = 35;
    assert_eq!(session.page_first(), 25);
    session.letters("k");
    session.lines = 50;
    assert_eq!(session.page_first(), 24, "who looks at something is left there");
    session.letters("gj ");
    assert_eq!(session.page_first(), 11);
    session.letters("G");
    session.lines = 60;
    assert_eq!(session.page_first(), 50);
    session.letters("q");
    assert_eq!(session.interface.mode, Mode::List, "q goes back, and does not end");
    assert!(matches!(session.letters("?"), Action::Open(Page { subject: Subject::Help, .. })));
    session.press(Key::Escape);
    assert!(matches!(session.press(Key::Enter), Action::Open(Page { subject: Subject::History, .. })));
    session.letters("h");
    assert_eq!(session.interface.mode, Mode::List);
    assert!(matches!(session.letters("w"), Action::Open(Page { subject: Subject::Why, .. })));
    session.letters("w");
    assert_eq!(session.interface.mode, Mode::List);
}

#[test]
fn what_a_supervisor_cannot_be_asked_is_said() {
    let mut session = Session::new(3);
    session.abilities = Abilities::default();
    for (key, method) in [("l", "tail"), ("h", "history"), ("w", "why")] {
        assert_eq!(session.letters(key), Action::Show);
        assert_eq!(session.interface.mode, Mode::List);
        assert!(session.interface.message.as_ref().is_some_and(|message| message.contains(method)));
    }
    session.letters("j");
    assert_eq!(session.interface.message, None, "it is said until the next key");
}

#[test]
fn no_key_does_harm_anywhere() {
    let keys: Vec<Key> = ('\0'..'\u{ff}')
        .map(Key::Char)
        .chain([
            Key::Enter,
            Key::Escape,
            Key::Backspace,
            Key::Up,
            Key::Down,
            Key::PageUp,
            Key::PageDown,
            Key::Home,
            Key::End,
            Key::Other,
        ])
        .collect();
    for count in [0, 1, 25] {
        let mut session = Session::new(count);
        for (index, key) in keys.iter().cycle().take(20 * keys.len()).enumerate() {
            // In another order each time.
            let key = keys.get((index * 7 + index / keys.len()) % keys.len()).unwrap_or(key);
            session.press(*key);
            let (position, first) = session.place();
            let last = session.ids.len().saturating_sub(1);
            assert!(position <= last && first <= position, "{count} {key:?} {position} {first}");
        }
    }
}
