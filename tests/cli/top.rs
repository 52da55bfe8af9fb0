//! `top`: what it shows and what its keys do, on terminals that can be looked at, and where there is none.

use super::common::{Launcher, Scratch, Supervisor, eventually_true, shell, sleeper};
use super::terminal::OnTerminal;
use super::tmux::{self, Window};
use super::tool::{ask, done, tool_of, words};
use crate::skip;
use nix::sys::signal::Signal;

/// `web` × 3, and one of each kind that is interesting.
fn fleet() -> Supervisor {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 3));
    supervisor.create_running("日本 größe", &sleeper());
    let failing = shell("echo no luck >&2; exit 3").with_backoff(3600).with("flap_max", 0);
    supervisor.create("bad", &failing);
    supervisor.wait_for("bad", "backoff");
    supervisor
}

/// The names that are listed, in order: the lines below the headings, up to an empty one.
fn names(screen: &[String]) -> Vec<String> {
    let rows = screen.iter().skip_while(|line| !line.contains("STATE")).skip(1);
    let rows = rows.take_while(|line| !line.is_empty() && !line.starts_with("?:"));
    rows.filter_map(|line| {
        Some(line.split_once('/')?.0.trim().to_string() + "/" + line.split_once('/')?.1.get(..1)?)
    })
    .collect()
}

/// The line of an instance.
fn row(screen: &[String], name: &str) -> String {
    screen.iter().find(|line| line.trim_start().starts_with(name)).cloned().unwrap_or_default()
}

#[test]
fn a_screen_is_sorted_filtered_acted_on_and_resized() {
    if !tmux::is_installed() {
        skip!("there is no tmux");
    }
    let mut supervisor = fleet();
    let window = Window::start(&supervisor, "top");
    let screen =
        window.expect("all is listed", |screen| names(screen).len() == 5 && screen[1].contains("backoff"));
    window.expect_taken();
    assert_eq!(screen.len(), 24);
    assert!(screen[0].starts_with("procnanny  up "), "{screen:#?}");
    assert!(screen[1].starts_with("5 instances  4 running, 1 backoff  by name"), "{screen:#?}");
    assert_eq!(names(&screen), ["bad/0", "web/0", "web/1", "web/2", "日本 größe/0"]);
    assert!(row(&screen, "bad/0").contains("exit 3"), "{screen:#?}");
    let detail = &screen[22];
    assert!(detail.starts_with("bad/0: wanted up, ") && detail.contains("starts in "), "{screen:#?}");
    // Where wide letters are, columns still stand below one another.
    let column_of = |name: &str| {
        let line = row(&screen, name);
        let before = line.split("running").next().unwrap().to_string();
        before.chars().map(|c| if ('\u{4e00}'..'\u{a000}').contains(&c) { 2 } else { 1 }).sum::<usize>()
    };
    assert_eq!(column_of("日本"), column_of("web/1"));

    done(&supervisor, &["stop", "bad"]);
    window.expect("an event is shown", |screen| row(screen, "bad/0").contains("exited"));
    done(&supervisor, &["scale", "web", "4"]);
    window.expect("a new instance is shown", |screen| names(screen).contains(&"web/3".to_string()));

    window.press(&["s"]);
    let screen = window.expect("by state", |screen| screen[1].contains("by state"));
    assert_eq!(names(&screen).last().unwrap(), "bad/0");

    window.press(&["/", "W", "e", "b"]);
    let screen = window.expect("filtered", |screen| names(screen).len() == 4);
    assert!(screen[23].starts_with("filter: Web_") && screen[1].contains("with \"Web\""), "{screen:#?}");
    window.press(&["Enter", "Down", "j", "d"]);
    window.expect("a question", |screen| screen[23] == "stop web/2? y/n");
    window.press(&["n"]);
    window.expect("an answer", |screen| screen[23] == "no stop then");
    assert_eq!(supervisor.row("web", 2).state, "running");
    window.press(&["d", "y"]);
    window.expect("it is stopped", |screen| row(screen, "web/2").contains("exited"));
    assert_eq!(supervisor.row("web", 2).state, "exited");
    // The selection went with the instance to its new place.
    window.press(&["u"]);
    window.expect("it is started", |screen| row(screen, "web/2").contains("running"));
    window.press(&["r", "y"]);
    eventually_true("it is restarted", || supervisor.row("web", 2).start_count == 3);

    window.press(&["Escape"]);
    window.expect("all again", |screen| names(screen).len() == 6);
    window.resize(40, 8);
    window.expect("a small screen", |screen| {
        screen.len() == 8 && names(screen).len() == 4 && screen[0].starts_with("procnanny  up ")
    });
    window.press(&["?"]);
    window.expect("help", |screen| screen[0].contains("keys"));
    window.press(&["q", "q"]);
    window.expect_given_back(0);
}

#[test]
fn pages_show_what_an_instance_prints() {
    if !tmux::is_installed() {
        skip!("there is no tmux");
    }
    let mut supervisor = Supervisor::start();
    let scratch = Scratch::new();
    let script = format!(
        "printf 'red\\033[31m hat\\033[2J\\n'; read x < '{}'; echo $x; exec sleep 3600",
        scratch.text("go")
    );
    assert!(std::process::Command::new("mkfifo").arg(scratch.join("go")).status().unwrap().success());
    supervisor.create_running(
        "web",
        &shell(&script).with("minimum_run_duration", 0).with("stdout", "log").with("stderr", "log"),
    );
    let window = Window::start(&supervisor, "top");
    window.expect("it is listed", |screen| names(screen) == ["web/0"]);
    window.press(&["l"]);
    window.expect("what it printed", |screen| screen[1] == "red hat\\u{1b}[2J");
    std::fs::write(scratch.join("go"), "and more\n").unwrap();
    window.expect("what it prints", |screen| screen[2] == "and more");
    window.press(&["q", "q"]);
    window.expect_given_back(0);
}

#[test]
fn pages_tell_how_runs_ended_and_why_it_is_so() {
    if !tmux::is_installed() {
        skip!("there is no tmux");
    }
    let supervisor = fleet();
    let window = Window::start(&supervisor, "top bad");
    // The run was over before anybody looked.
    window.expect("it is listed", |screen| row(screen, "bad/0").contains("▁"));
    window.press(&["h"]);
    let screen = window.expect("its history", |screen| screen[0] == "history of bad/0");
    assert!(screen.iter().any(|line| line.contains("exit 3")), "{screen:#?}");
    window.press(&["h", "w"]);
    window.expect("why", |screen| screen[0] == "why bad/0" && screen[1].starts_with("bad/0 is in backoff"));
    window.resize(30, 24);
    window.expect("it still fits", |screen| screen[1].len() <= 30 && screen[1].starts_with("bad/0 is "));
    window.press(&["w", "q"]);
    window.expect_given_back(0);
}

#[test]
fn a_terminal_is_given_back_by_whoever_is_told_to_end() {
    if !tmux::is_installed() {
        skip!("there is no tmux");
    }
    let supervisor = fleet();
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let window = Window::start(&supervisor, "top");
        window.expect("it is listed", |screen| names(screen).len() == 5);
        window.expect_taken();
        window.signal(signal);
        window.expect_given_back(0);
    }
    let window = Window::start(&supervisor, "top web");
    window.expect("it is listed", |screen| names(screen).len() == 3);
    window.press(&["C-c"]);
    window.expect_given_back(0);
}

#[test]
fn a_supervisor_that_goes_away_is_waited_for() {
    if !tmux::is_installed() {
        skip!("there is no tmux");
    }
    let scratch = Scratch::new();
    let start = || Launcher::new().runtime_dir(&scratch.join("run")).start();
    let mut first = start();
    first.create_running("web", &sleeper());
    let window = Window::start(&first, "top");
    window.expect("it is listed", |screen| names(screen) == ["web/0"]);
    first.signal(Signal::SIGKILL);
    first.wait();
    window.expect("it is told", |screen| screen[0].contains("waiting for a supervisor"));
    window.press(&["u"]);
    window.expect("keys go on", |screen| screen[23] == "there is no supervisor to ask");
    drop(first);
    let mut second = start();
    second.create_running("db", &sleeper());
    window.expect("it is back", |screen| screen[0].contains("  up ") && names(screen) == ["db/0"]);
    window.press(&["q"]);
    window.expect_given_back(0);
}

#[test]
fn without_colour_a_mark_tells_what_is_selected() {
    let supervisor = fleet();
    let show = |no_color: &str| {
        let mut command = tool_of(&supervisor, &["top"]);
        command.env("NO_COLOR", no_color);
        let mut top = OnTerminal::start(command, 100);
        top.expect("web/2");
        top.expect_taken();
        top.press("G");
        top.expect("日本 größe/0: wanted up");
        top.press("q");
        top.expect_given_back();
        top.drawn()
    };
    let plain = show("1");
    assert!(plain.contains(">日本") && !plain.contains("\u{1b}[0m"), "{plain:?}");
    let coloured = show("");
    assert!(coloured.contains("\u{1b}[7m日本") && coloured.contains("\u{1b}[32mrunning"), "{coloured:?}");
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let mut supervisor = Supervisor::start();
    supervisor.create("idle", &sleeper().with("autostart", false));
    let mut top = OnTerminal::start(tool_of(&supervisor, &["top", "idle"]), 100);
    top.expect("idle/0");
    top.press("s");
    top.expect("by state");
    let before = top.drawn();
    top.press("k");
    top.press("?");
    top.expect("the first, the last");
    // The answer to a key that changes nothing would have come before that of the next one.
    let after = top.drawn();
    let written = after.strip_prefix(&before).unwrap();
    assert!(!written.contains("idle/0"), "{written:?}");
    top.press("qq");
    top.expect_given_back();
}

#[test]
fn where_there_is_no_terminal_it_is_one_table() {
    let supervisor = fleet();
    let printed = done(&supervisor, &["top"]);
    let rows = words(&printed);
    assert_eq!(rows[0][..3], ["NAME", "STATE", "UPTIME"], "{printed}");
    assert_eq!(rows.len(), 6, "{printed}");
    assert_eq!(rows[1][..2], ["bad/0", "backoff"], "{printed}");
    assert!(!printed.contains('\u{1b}'));
    assert_eq!(words(&done(&supervisor, &["top", "-d", "0.5", "web/1"])).len(), 2);
    ask(&supervisor, &["top", "nope"]).expect_only_error(4);
    ask(&supervisor, &["top", "--delay=0"]).expect_only_error(2);
    ask(&supervisor, &["top", "--delay", "soon"]).expect_only_error(2);
}
