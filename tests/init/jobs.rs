//! On a terminal: the command has it, keys reach it once, and an interactive shell can stop and continue it.

use super::common::{DEADLINE, Scratch, eventually, eventually_true, proc};
use super::inits::{called, kill_tree, namespace, own};
use crate::skip;
use nix::pty::openpty;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";
const CTRL_Z: &str = "\u{1a}";

/// A shell that has a terminal, in a session of its own. It and all below it are killed when this is dropped.
struct Terminal {
    shell: Child,
    keys: File,
    shown: Arc<Mutex<String>>,
    /// How much of what is shown was looked at.
    seen: usize,
}

impl Terminal {
    /// An interactive bash; `None` if there is none.
    fn interactive() -> Option<Self> {
        let works = |command: &str| Command::new(command).arg("--version").output().is_ok();
        if !works("bash") || !works("setsid") {
            return None;
        }
        let mut terminal = Self::start(&["bash", "--norc", "--noprofile", "--noediting", "-i"]);
        terminal.type_line("PS1='> ' PS2=; set +o history; stty -echo");
        terminal.type_line("echo prepa''red");
        terminal.expect("prepared");
        Some(terminal)
    }

    /// A command that is the leader of a session on a terminal.
    fn start(words: &[&str]) -> Self {
        let pty = openpty(None, None).unwrap();
        let end = || pty.slave.try_clone().unwrap();
        let mut command = Command::new("setsid");
        command.arg("--ctty").args(words).stdin(end()).stdout(end()).stderr(end()).env("TERM", "dumb");
        let shell = command.spawn().unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut screen, shared) = (File::from(pty.master.try_clone().unwrap()), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                shared.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { shell, keys: File::from(pty.master), shown, seen: 0 }
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.shell.id()).unwrap()
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn type_line(&mut self, line: &str) {
        self.press(&format!("{line}\n"));
    }

    /// Waits until a text is shown after all that was waited for before; what comes before it is returned.
    #[track_caller]
    fn expect(&mut self, text: &str) -> String {
        let found = super::common::within(DEADLINE, || {
            let shown = self.shown.lock().unwrap();
            let at = shown[self.seen..].find(text)?;
            Some((shown[self.seen..self.seen + at].to_string(), self.seen + at + text.len()))
        });
        let Some((before, seen)) = found else {
            panic!("{text:?} is not shown: {:?}", self.shown.lock().unwrap());
        };
        self.seen = seen;
        before
    }

    /// The process in the foreground that executes this, once there is one.
    #[track_caller]
    fn process(&self, name: &str) -> i32 {
        eventually(name, DEADLINE, || descendants(self.pid()).into_iter().find(|pid| is_named(*pid, name)))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        kill_tree(self.pid());
        let _ = self.shell.wait();
    }
}

fn descendants(pid: i32) -> Vec<i32> {
    let children = proc::children(pid);
    children.iter().copied().chain(children.iter().flat_map(|child| descendants(*child))).collect()
}

fn is_named(pid: i32, name: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == name)
}

/// `procnanny init` as one types it.
fn init() -> String {
    own(&[]).0.join(" ")
}

macro_rules! interactive {
    () => {
        match Terminal::interactive() {
            Some(terminal) => terminal,
            None => skip!("there is no bash, or no setsid"),
        }
    };
}

/// Fields of `/proc/self/stat`, as a shell sees them: the group, and the group in the foreground.
const SHOW_GROUPS: &str = "read line < /proc/$$/stat; set -- ${line##*) }; echo \"[$$ $3 $6]\"";

#[test]
fn the_command_is_in_the_foreground_in_a_group_of_its_own() {
    let mut terminal = interactive!();
    // Whatever of the standard descriptors is the terminal: even if none is.
    for redirection in ["", "</dev/null", "</dev/null | cat", "</dev/null 2>/dev/null | cat"] {
        terminal.type_line(&format!("{} sh -c '{SHOW_GROUPS}' {redirection}", init()));
        terminal.expect("[");
        let shown = terminal.expect("]");
        let fields: Vec<&str> = shown.split(' ').collect();
        assert!(fields[0] == fields[1] && fields[1] == fields[2], "{redirection}: {shown}");
    }
}

#[test]
fn a_key_reaches_the_command_once() {
    let mut terminal = interactive!();
    let script = "trap \"echo got\" INT; trap \"exit 7\" QUIT; echo ready; while :; do sleep 0.01; done";
    terminal.type_line(&format!("{} sh -c '{script}'; echo \"code=$?.\"", init()));
    terminal.expect("ready");
    terminal.press(CTRL_C);
    terminal.expect("got");
    terminal.press("\u{1c}");
    let rest = terminal.expect("code=7.");
    assert!(!rest.contains("got"), "{rest}");
}

#[test]
fn a_shell_stops_and_continues_it_in_the_foreground_and_in_the_background() {
    let mut terminal = interactive!();
    terminal.type_line(&format!("{} cat; echo \"code=$?.\"", init()));
    let (cat, init) = (terminal.process("cat"), terminal.process("procnanny"));
    terminal.type_line("one");
    terminal.expect("one");
    terminal.press(CTRL_Z);
    terminal.expect("Stopped");
    let stopped = |pid| proc::stat(pid).is_some_and(|stat| stat.state == 'T');
    assert!(stopped(cat) && stopped(init));
    terminal.expect("code=");
    terminal.type_line("echo shell''s turn");
    terminal.expect("shells turn");
    terminal.type_line("fg");
    eventually_true("it goes on", || !stopped(cat) && !stopped(init));
    terminal.type_line("two");
    terminal.expect("two");
    terminal.press(CTRL_Z);
    terminal.expect("Stopped");
    // In the background it wants to read, and is stopped for that.
    terminal.type_line("bg; wait; echo back''ground");
    terminal.expect("background");
    eventually_true("it is stopped again", || stopped(cat) && stopped(init));
    terminal.type_line("fg");
    eventually_true("it goes on again", || !stopped(cat) && !stopped(init));
    terminal.type_line("three");
    terminal.expect("three");
    terminal.press(CTRL_D);
    eventually_true("it ends", || !proc::is_alive(init));
    terminal.type_line("echo en''d");
    terminal.expect("end");
}

#[test]
fn in_the_background_it_does_not_take_the_terminal() {
    let mut terminal = interactive!();
    terminal.type_line(&format!("{} sh -c 'echo begin; read line; echo \"got $line.\"' &", init()));
    let init = terminal.process("procnanny");
    eventually_true("it waits for its turn", || proc::stat(init).is_some_and(|stat| stat.state == 'T'));
    terminal.type_line("echo shell''s turn");
    terminal.expect("shells turn");
    terminal.type_line("fg");
    eventually_true("it goes on", || proc::stat(init).is_some_and(|stat| stat.state != 'T'));
    terminal.type_line("a line");
    terminal.expect("got a line.");
}

/// A shell that does no job control, such as one that runs a script, does not take it back by itself.
#[test]
fn the_terminal_is_given_back_in_the_end() {
    if Command::new("setsid").arg("--version").output().is_err() {
        skip!("there is no setsid");
    }
    let script = format!("{} true; read line; echo \"got $line.\"", init());
    let mut terminal = Terminal::start(&["sh", "-c", &script]);
    terminal.type_line("a line");
    terminal.expect("got a line.");
}

/// Nobody could ever continue it.
#[test]
fn as_the_first_process_it_does_not_leave_the_command_stopped() {
    if Command::new("setsid").arg("--version").output().is_err() {
        skip!("there is no setsid");
    }
    let Some(namespace) = namespace() else { skip!("no pid namespace can be made here") };
    let scratch = Scratch::new();
    let script = scratch.program("script", "echo ready; read line; echo \"got $line.\"; read line\n", "700");
    let init = own(&[]);
    let words: Vec<&str> = namespace.iter().copied().chain(init.0.iter().map(String::as_str)).collect();
    let mut terminal = Terminal::start(&[&words[..], &["sh", script.to_str().unwrap()]].concat());
    terminal.expect("ready");
    for line in ["one", "two"] {
        terminal.press(CTRL_Z);
        terminal.type_line(line);
        if line == "one" {
            terminal.expect("got one.");
        }
    }
    eventually_true("it ends", || terminal.shell.try_wait().unwrap().is_some());
}

#[test]
fn a_stop_that_was_sent_to_it_is_passed_on_and_so_is_the_end_of_it() {
    let mut terminal = interactive!();
    terminal.type_line(&format!("{} sleep 60", init()));
    let (sleep, init) = (terminal.process("sleep"), terminal.process("procnanny"));
    let stopped = |pid| proc::stat(pid).is_some_and(|stat| stat.state == 'T');
    eventually_true("it is executed", || is_named(sleep, "sleep"));
    proc::send(init, nix::sys::signal::Signal::SIGTSTP);
    terminal.expect("Stopped");
    assert!(stopped(sleep) && stopped(init));
    terminal.type_line("kill %1; fg");
    eventually_true("both end", || !proc::is_alive(sleep) && !proc::is_alive(init));
}

#[test]
fn a_terminal_that_hangs_up_ends_the_command() {
    let mut terminal = interactive!();
    terminal.type_line(&format!("{} sleep 60", init()));
    let (sleep, init) = (terminal.process("sleep"), terminal.process("procnanny"));
    proc::send(terminal.pid(), nix::sys::signal::Signal::SIGHUP);
    eventually_true("both end", || !proc::is_alive(sleep) && !proc::is_alive(init));
}

/// It had the terminal as the leader of its session, and leaves it to the session of the command without a trace: the
/// SIGHUP and the SIGCONT that it is sent for that are not passed on.
#[test]
fn dumb_init_leaves_the_terminal_to_the_session_of_the_command() {
    if Command::new("setsid").arg("--version").output().is_err() {
        skip!("there is no setsid");
    }
    let scratch = Scratch::new();
    let dumb_init = called("dumb-init", &scratch, &[]);
    let script = format!(
        "{SHOW_GROUPS}; trap 'echo interrupted; exit 7' INT; read line; echo \"got $line.\"; read line"
    );
    let mut terminal = Terminal::start(&[dumb_init.0[0].as_str(), "bash", "-c", &script]);
    terminal.expect("[");
    let shown = terminal.expect("]");
    let fields: Vec<&str> = shown.split(' ').collect();
    assert!(fields[0] == fields[1] && fields[1] == fields[2], "{shown}");
    terminal.type_line("a line");
    terminal.expect("got a line.");
    terminal.press(CTRL_C);
    terminal.expect("interrupted");
    let status = eventually("it ends", DEADLINE, || terminal.shell.try_wait().unwrap());
    assert_eq!(status.code(), Some(7));
}
