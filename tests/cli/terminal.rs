//! What is live on a terminal: it draws, ends with `q` or a signal, and gives the terminal back as it was.

use super::common::{DEADLINE, Scratch, Supervisor, eventually, eventually_true, proc, sleeper};
use super::demo::{demo_in, expect_nothing_left};
use super::tool::{done, tool_of};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::Signal;
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";

/// A command on a terminal of its own; killed when this is dropped.
pub struct OnTerminal {
    child: Child,
    keys: File,
    /// Kept open, so that its settings can still be asked for in the end.
    terminal: OwnedFd,
    before: Termios,
    drawn: Arc<Mutex<String>>,
}

impl OnTerminal {
    pub fn start(mut command: Command, columns: u16) -> Self {
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let before = tcgetattr(&pty.slave).unwrap();
        let end = || pty.slave.try_clone().unwrap();
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm");
        let child = command.spawn().unwrap();
        let drawn = Arc::new(Mutex::new(String::new()));
        let (mut screen, shared) = (File::from(pty.master.try_clone().unwrap()), Arc::clone(&drawn));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                shared.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { child, keys: File::from(pty.master), terminal: pty.slave, before, drawn }
    }

    pub fn drawn(&self) -> String {
        self.drawn.lock().unwrap().clone()
    }

    #[track_caller]
    pub fn expect(&self, text: &str) {
        eventually_true(text, || self.drawn().contains(text));
    }

    pub fn press(&mut self, key: &str) {
        self.keys.write_all(key.as_bytes()).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        proc::send(i32::try_from(self.child.id()).unwrap(), signal);
    }

    /// While it is live, keys are not shown and come at once.
    #[track_caller]
    pub fn expect_taken(&self) {
        self.expect(ENTER);
        let flags = tcgetattr(&self.terminal).unwrap().local_flags;
        assert!(!flags.intersects(LocalFlags::ECHO | LocalFlags::ICANON), "{flags:?}");
    }

    /// It ends with 0, and the terminal is as it was.
    #[track_caller]
    pub fn expect_given_back(&mut self) {
        let status = eventually("it ends", DEADLINE, || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{}", self.drawn());
        assert_eq!(tcgetattr(&self.terminal).unwrap(), self.before);
        self.expect(LEAVE);
        let drawn = self.drawn();
        assert!(drawn.rfind("\u{1b}[?25h") > drawn.rfind("\u{1b}[?25l"), "the cursor is back: {drawn:?}");
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn watching_draws_every_change_and_ends_with_q() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let mut watch = OnTerminal::start(tool_of(&supervisor, &["status", "--watch"]), 120);
    watch.expect("web/0");
    watch.expect_taken();
    watch.expect("running");
    done(&supervisor, &["stop", "web"]);
    watch.expect("exited");
    watch.press("x");
    watch.press("q");
    watch.expect_given_back();
}

#[test]
fn a_watch_that_is_told_to_end_by_a_signal_gives_the_terminal_back() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut watch = OnTerminal::start(tool_of(&supervisor, &["status", "--watch", "web"]), 120);
        watch.expect("web/0");
        watch.expect_taken();
        watch.signal(signal);
        watch.expect_given_back();
    }
}

#[test]
fn a_demo_on_a_terminal_is_live_and_ends_with_q() {
    let scratch = Scratch::new();
    let mut demo = OnTerminal::start(demo_in(&scratch, &[]), 100);
    demo.expect("hello world/2");
    demo.expect_taken();
    demo.expect("moody/0");
    demo.expect("exited -> starting");
    demo.press("q");
    demo.expect_given_back();
    expect_nothing_left(&scratch);
}

#[test]
fn a_table_on_a_terminal_is_coloured_and_cut_unless_colour_is_not_wanted() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("description", "x".repeat(200).as_str()));
    let show = |no_color: Option<&str>| {
        let mut command = tool_of(&supervisor, &["status"]);
        command.envs(no_color.map(|value| ("NO_COLOR", value)));
        let mut shown = OnTerminal::start(command, 70);
        let status = eventually("it ends", DEADLINE, || shown.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
        shown.expect("…");
        shown.drawn()
    };
    let coloured = show(None);
    assert!(coloured.contains("\u{1b}[32mrunning\u{1b}[0m"), "{coloured:?}");
    let plain = show(Some("1"));
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    assert!(plain.lines().all(|line| line.trim_end().chars().count() <= 70), "{plain}");
}
