//! A terminal of its own.

use crate::common::command;
use crate::common::{DEADLINE, ProgramSettings, Supervisor, eventually_true, is_root, proc, within};
use crate::{args, failure, skip, start, table};
use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{LocalFlags, SetArg, cfmakeraw, tcgetattr, tcsetattr};
use procnanny::wire::value::Value;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The end of a terminal at which people sit.
struct Seat {
    path: String,
    keys: File,
    shown: Arc<Mutex<String>>,
}

impl Seat {
    fn new() -> Self {
        let master: PtyMaster = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname_r(&master).unwrap();
        let keys = File::from(OwnedFd::from(master));
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut screen, text) = (keys.try_clone().unwrap(), Arc::clone(&shown));
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            loop {
                match screen.read(&mut bytes) {
                    Ok(0) => return,
                    Ok(count) => text.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count])),
                    // As long as nobody has the other end open.
                    Err(_) if Arc::strong_count(&text) > 1 => thread::sleep(Duration::from_millis(5)),
                    Err(_) => return,
                }
            }
        });
        Self { path, keys, shown }
    }

    fn other_end(&self) -> File {
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(libc::O_NOCTTY).open(&self.path).unwrap()
    }

    fn type_line(&mut self, line: &str) {
        self.keys.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    #[track_caller]
    fn expect(&self, text: &str) {
        if within(DEADLINE, || self.shown.lock().unwrap().contains(text).then_some(())).is_none() {
            panic!("{text:?} is not shown: {:?}", self.shown.lock().unwrap());
        }
    }
}

/// A shell on a terminal.
fn on_terminal(path: &str) -> ProgramSettings {
    command("/bin/sh", &["-i"])
        .without("stdout")
        .without("stderr")
        .with("tty", path)
        .with("env", table([("PS1", Value::from("$ ")), ("ENV", Value::from(""))]))
        .with("stop_signal", "HUP")
        .with("minimum_run_duration", 0)
}

#[test]
fn a_shell_has_its_terminal_and_job_control() {
    let mut seat = Seat::new();
    let mut supervisor = Supervisor::start();
    let pid = start(&mut supervisor, "console", &on_terminal(&seat.path));
    for number in 0..3 {
        assert_eq!(proc::link(pid, &format!("fd/{number}")), seat.path);
    }
    assert_eq!(proc::status_line(pid, "NSsid"), pid.to_string());
    seat.type_line("echo on:$(tty) is-$((6 * 7))");
    seat.expect(&format!("on:{} is-42", seat.path));
    // What Ctrl-C reaches is known to the terminal alone, if it controls the session.
    seat.type_line("sleep 3600");
    // As soon as it is executed, it has its turn on the terminal.
    let name = |child: &i32| std::fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
    eventually_true("it sleeps", || proc::children(pid).iter().any(|child| name(child) == "sleep\n"));
    seat.keys.write_all(b"\x03").unwrap();
    eventually_true("it is interrupted", || proc::children(pid).is_empty());
    seat.type_line("echo after=$?");
    seat.expect("after=130");
    supervisor.do_and_wait("stop", "console");
    assert_eq!(supervisor.row("console", 0).state, "exited");
}

#[test]
fn what_an_earlier_session_left_is_cleared_away() {
    if !is_root() {
        skip!("another session's terminal is taken by root alone");
    }
    let mut seat = Seat::new();
    let mut left_open = seat.other_end();
    let mut raw = tcgetattr(&left_open).unwrap();
    cfmakeraw(&mut raw);
    tcsetattr(&left_open, SetArg::TCSANOW, &raw).unwrap();
    let mut supervisor = Supervisor::start();
    let pid = start(&mut supervisor, "console", &on_terminal(&seat.path));
    // It is at its end for whoever had it open.
    assert_eq!(left_open.read(&mut [0; 10]).unwrap(), 0);
    assert!(tcgetattr(seat.other_end()).unwrap().local_flags.contains(LocalFlags::ICANON));
    seat.type_line("echo first-$((1 + 1))");
    seat.expect("first-2");
    // A run that was killed leaves a child behind, in a session that has the terminal, and raw modes.
    seat.type_line("stty raw -echo; setsid -c sh -c \"kill -KILL $$; exec sleep 3600\" &");
    let next = supervisor.until("console", 0, "another run", |row| row.pid > 0 && row.pid != pid).pid;
    supervisor.wait_for("console", "running");
    assert_ne!(next, pid);
    eventually_true("its modes are those of a fresh one", || {
        tcgetattr(seat.other_end()).unwrap().local_flags.contains(LocalFlags::ICANON)
    });
    seat.type_line("echo second-$((2 + 2))");
    seat.expect("second-4");
}

#[test]
fn a_terminal_that_cannot_be_had_fails_the_start() {
    let mut supervisor = Supervisor::start();
    let reason = failure(&mut supervisor, "gone", &on_terminal("/dev/nonexistent/tty"));
    assert_eq!(reason, "tty: No such file or directory (/dev/nonexistent/tty)");
    let reason = failure(&mut supervisor, "null", &on_terminal("/dev/null"));
    assert_eq!(reason, "tty: Inappropriate ioctl for device (/dev/null)");
}

#[test]
fn what_goes_elsewhere_beside_it_is_refused() {
    let mut supervisor = Supervisor::start();
    for (name, value) in [("stdin", "/etc/passwd"), ("stdout", "inherit"), ("stderr", "stdout")] {
        let refusal = supervisor.create_refused("console", &on_terminal("/dev/tty9").with(name, value));
        assert_eq!(refusal.code, "bad-argument");
        assert_eq!(refusal.sentence, format!("'{name}' cannot be set beside 'tty', which is its {name}"));
    }
    let relative = supervisor.create_refused("console", &on_terminal("ttyS0"));
    assert!(relative.sentence.contains("an absolute path"), "{}", relative.sentence);
    // Two on one terminal would take it from each other.
    let two = supervisor.create_refused("console", &on_terminal("/dev/tty9").with("instances", 2));
    assert!(two.sentence.contains("one instance alone"), "{}", two.sentence);
    supervisor.create("console", &on_terminal("/dev/tty9").with("autostart", false));
    let scaled = supervisor.refusal("scale", args!["program" => "console", "instances" => 2]);
    assert_eq!((scaled.code.as_str(), &scaled.sentence), ("bad-argument", &two.sentence));
    let each = on_terminal("/dev/nonexistent/tty%i").with("instances", 2).with("autostart", false);
    supervisor.create("consoles", &each);
}

#[test]
fn two_terminals_for_two_instances() {
    // The numbers of two terminals that are free are not known before, so that links stand for them.
    let seats = [Seat::new(), Seat::new()];
    let mut supervisor = Supervisor::start();
    for (number, seat) in seats.iter().enumerate() {
        let link = supervisor.scratch().join(&format!("tty{number}"));
        std::os::unix::fs::symlink(&seat.path, link).unwrap();
    }
    let pattern = supervisor.scratch().text("tty%i");
    let rows = supervisor.create_running("consoles", &on_terminal(&pattern).with("instances", 2));
    for (row, seat) in rows.iter().zip(&seats) {
        assert_eq!(proc::link(row.pid, "fd/0"), seat.path);
    }
    assert_ne!(seats[0].path, seats[1].path);
}

#[test]
fn nothing_of_it_is_captured() {
    let seat = Seat::new();
    let mut supervisor = Supervisor::start();
    start(&mut supervisor, "console", &on_terminal(&seat.path));
    let info = supervisor.call("info", args![]);
    assert!(info.get("logger_pid").is_none_or(|pid| *pid == Value::Nil), "{info:?}");
}
