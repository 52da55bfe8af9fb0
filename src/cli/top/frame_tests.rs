//! Whole screens, as lines.

use super::super::abilities::Ability;
use super::super::interface::{Operation, Shown};
use super::super::keys::Key;
use super::super::order::{self, Sort};
use super::*;
use crate::wire::json;

const ALL: Abilities =
    Abilities { usage: Ability::There, history: Ability::There, why: Ability::There, tail: Ability::There };

/// A screen over instances of some programs.
struct Stage {
    model: Model,
    interface: Interface,
    gone: Option<&'static str>,
    below: Vec<String>,
}

impl Stage {
    fn new(instances: u32) -> Self {
        let row = |number: u32| {
            format!(
                r#"{{"program":"hello world","instance":{number},"state":"running","admin_state":"up","pid":7,
                "duration":61.0,"start_count":2,"flap_count":0,"exitcode":1,"exitsignal":0,"last_duration":2.5,
                "retry_in":null,"reason":"stopped","cpu_user":1,"cpu_system":1,"memory":1048576}}"#
            )
        };
        let rows: Vec<String> = (0..instances).map(row).collect();
        let mut model = Model::default();
        model.take_all(&json::parse(&format!(r#"{{"instances":[{}]}}"#, rows.join(","))).unwrap(), 100.0);
        model.take_info(&json::parse(r#"{"uptime":50}"#).unwrap(), 100.0);
        Self { model, interface: Interface::default(), gone: None, below: Vec::new() }
    }

    fn lines(&mut self, columns: usize, lines: usize) -> Vec<String> {
        let look = Look { colour: Colour::None, width: Some(columns) };
        self.looking(look, Size { columns, lines })
    }

    fn looking(&mut self, look: Look, size: Size) -> Vec<String> {
        let shown = order::shown(&self.model, self.interface.sort, &self.interface.filter);
        let ids: Vec<Id> = shown.iter().map(|(id, _)| (*id).clone()).collect();
        let rows = Division::new(size.lines, ids.len(), self.below.len()).rows;
        let place = self.interface.settle(&ids, rows);
        let scene = Scene {
            model: &self.model,
            shown: &shown,
            place,
            interface: &self.interface,
            abilities: ALL,
            title: "procnanny",
            endpoint: "ipc:///run/procnanny/rpc",
            gone: self.gone,
            page: &[],
            below: &self.below,
            now: 100.0,
        };
        lines(&scene, size, look)
    }

    fn press(&mut self, keys: &str) {
        let shown = order::shown(&self.model, self.interface.sort, &self.interface.filter);
        let ids: Vec<Id> = shown.iter().map(|(id, _)| (*id).clone()).collect();
        self.interface.settle(&ids, 10);
        for key in keys.chars() {
            let shown = Shown { ids: &ids, room: 10, lines: 0, page_room: 10, abilities: ALL };
            self.interface.press(Key::Char(key), shown);
        }
    }
}

#[test]
fn a_usual_screen() {
    let mut stage = Stage::new(3);
    stage.press("j");
    let lines = stage.lines(80, 24);
    assert_eq!(lines.len(), 24);
    assert_eq!(lines[0], "procnanny  up 50s  0.0 events/s  ipc:///run/procnanny/rpc");
    assert_eq!(lines[1], "3 instances  3 running  by name");
    assert_eq!(lines[2].trim_end(), " NAME          STATE     UPTIME STARTS FLAPS  CPU%   MEM EXIT    RUNS");
    assert_eq!(lines[4].trim_end(), ">hello world/1 running    1m 1s      2     -     -  1.0M exit 1  s");
    assert!(lines[3].starts_with(" hello world/0"));
    assert_eq!(lines[22], "hello world/1: wanted up, pid 7, before: stopped");
    assert!(lines[23].contains("q:quit"));
}

#[test]
fn every_screen_is_filled_and_nothing_goes_over_its_edge() {
    for (instances, columns, height) in [0, 1, 6, 29]
        .into_iter()
        .flat_map(|i| [9, 20, 40, 80, 133].into_iter().flat_map(move |c| (1..30).map(move |h| (i, c, h))))
    {
        let mut stage = Stage::new(instances);
        stage.below = vec!["something".to_string(); 7];
        for keys in ["", "G", "?", "d", "/web"] {
            stage.press(keys);
            let lines = stage.lines(columns, height);
            assert_eq!(lines.len(), height, "{instances} {columns} {height} {keys}");
            assert!(lines.iter().all(|line| width(line) <= columns), "{columns}: {lines:#?}");
            stage.interface = Interface::default();
        }
    }
}

#[test]
fn the_selected_instance_is_always_in_sight() {
    for height in 1..30 {
        let mut stage = Stage::new(20);
        stage.press("G");
        let lines = stage.lines(80, height);
        assert!(lines.iter().any(|line| line.starts_with(">hello world/19")), "{height}: {lines:#?}");
    }
}

#[test]
fn what_happens_stands_below_the_list() {
    let mut stage = Stage::new(4);
    stage.below = (0..50).map(|number| format!("happening {number}")).collect();
    let lines = stage.lines(80, 24);
    assert!(lines[6].starts_with(" hello world/3"), "{lines:#?}");
    assert_eq!((lines[7].as_str(), lines[21].as_str()), ("", "happening 49"));
    stage.model = Stage::new(40).model;
    let lines = stage.lines(80, 24);
    assert!(lines[1].ends_with("1-9 of 40"), "{lines:#?}");
    assert_eq!(lines[21], "happening 49");
}

#[test]
fn the_last_line_says_what_keys_are_for() {
    let mut stage = Stage::new(1);
    let mut last = |keys: &str| {
        stage.press(keys);
        stage.lines(80, 24).pop().unwrap()
    };
    assert_eq!(last("d"), "stop hello world/0? y/n");
    assert_eq!(last("n"), "no stop then");
    assert!(last("/wo").starts_with("filter: wo_"));
    assert_eq!(stage.interface.filter, "wo");
    stage.interface.mode =
        Mode::Confirm(Operation::Restart, Id { program: "\u{1b}c".to_string(), instance: 0 });
    assert_eq!(stage.lines(80, 24).pop().unwrap(), "restart \\u{1b}c/0? y/n");
}

#[test]
fn a_supervisor_that_is_gone_is_said_to_be() {
    let mut stage = Stage::new(1);
    stage.gone = Some("the supervisor at ipc:///x is gone");
    assert_eq!(
        stage.lines(80, 24)[0],
        "procnanny  waiting for a supervisor: the supervisor at ipc:///x is gone"
    );
}

#[test]
fn order_and_filter_are_told() {
    let mut stage = Stage::new(3);
    stage.interface.sort = Sort::Cpu;
    stage.interface.filter = "none".to_string();
    let lines = stage.lines(80, 24);
    assert_eq!(lines[1], "3 instances  3 running  by cpu  with \"none\"");
    assert_eq!(lines[3], " Nothing matches; Esc shows all.");
}

#[test]
fn colour_marks_the_selected_line_and_states() {
    let mut stage = Stage::new(1);
    let size = Size { columns: 80, lines: 24 };
    let lines = stage.looking(Look { colour: Colour::Allowed, width: Some(80) }, size);
    assert!(lines[3].starts_with("\u{1b}[7m \u{1b}[0m\u{1b}[7mhello world/0"), "{:?}", lines[3]);
    assert!(lines[3].contains("\u{1b}[32mrunning"), "{:?}", lines[3]);
}

#[test]
fn only_what_differs_is_written() {
    let lines = |text: &str| text.lines().map(str::to_string).collect::<Vec<_>>();
    assert_eq!(changes(&lines("a\nb\nc"), &lines("a\nb\nc")), "");
    assert_eq!(changes(&lines("a\nb\nc"), &lines("a\nx\nc")), "\u{1b}[2;1Hx\u{1b}[K");
    assert_eq!(changes(&[], &lines("a\nb")), "\u{1b}[1;1Ha\u{1b}[K\u{1b}[2;1Hb\u{1b}[K");
}
