//! The service manager that started it: told when it is ready, how it is, when it reloads and when it ends; answered when
//! it wants signs of life; and never seen by programs.

use crate::args;
use crate::common::{DEADLINE, Launcher, Scratch, Supervisor, command, eventually_true, lines, proc};
use nix::sys::signal::Signal;
use std::fs;
use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::{Duration, Instant};

/// What a service manager is, as far as it matters here.
struct Manager {
    socket: UnixDatagram,
}

impl Manager {
    fn at(path: &Path) -> Self {
        Self { socket: UnixDatagram::bind(path).unwrap() }
    }

    fn by_name(name: &str) -> Self {
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        Self { socket: UnixDatagram::bind_addr(&address).unwrap() }
    }

    /// The next datagram, if one comes within `time`.
    fn next_within(&self, time: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(time.max(Duration::from_millis(1)))).unwrap();
        let mut room = [0; 4096];
        match self.socket.recv(&mut room) {
            Ok(length) => Some(String::from_utf8(room[..length].to_vec()).unwrap()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(error) if error.kind() == ErrorKind::Interrupted => self.next_within(time),
            Err(error) => panic!("{error}"),
        }
    }

    /// Passes over datagrams until one begins with these words, and returns it and those before it.
    #[track_caller]
    fn until(&self, words: &str) -> (String, Vec<String>) {
        let begun = Instant::now();
        let mut passed = Vec::new();
        loop {
            match self.next_within(DEADLINE.saturating_sub(begun.elapsed())) {
                Some(told) if told.starts_with(words) => return (told, passed),
                Some(told) => passed.push(told),
                None => panic!("no {words}; passed over: {passed:?}"),
            }
        }
    }

    /// Passes over datagrams until one has this status.
    #[track_caller]
    fn until_status(&self, status: &str) {
        let begun = Instant::now();
        let mut passed = Vec::new();
        while begun.elapsed() < DEADLINE {
            let Some(told) = self.next_within(DEADLINE) else { break };
            if told.lines().any(|line| line.strip_prefix("STATUS=") == Some(status)) {
                return;
            }
            passed.push(told);
        }
        panic!("never {status:?}: {passed:?}");
    }
}

/// Runs until it is told to end, and counts as running at once.
const WEB: &str = "
    [program.web]
    command = 'sleep'
    args = ['3600']
    minimum_run_duration = 0
";

fn end(supervisor: &mut Supervisor) {
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
}

#[test]
fn it_is_ready_when_each_instance_has_come_to_something() {
    for launcher in [Launcher::new(), Launcher::new().no_rpc()] {
        let place = launcher.scratch().text("");
        let text = format!(
            "{WEB}
            [program.migrate]
            command = 'sh'
            args = ['-c', 'until [ -e {place}migrated ]; do sleep 0.01; done']
            restart = 'never'

            [program.late]
            command = 'sleep'
            args = ['3600']
            minimum_run_duration = 0
            requires = ['migrate:completed']

            [program.flaps]
            command = 'sh'
            args = ['-c', 'echo >> {place}flaps; exit 1']
            flap_max = 100000
            backoff_min = '10ms'
            backoff_max = '10ms'

            [program.waits]
            command = 'true'
            requires = ['flaps']

            [program.waits_too]
            command = 'true'
            requires = ['waits']

            [program.other_time]
            command = 'true'
            autostart = false

            [program.needs_other_time]
            command = 'true'
            requires = ['other_time']"
        );
        let manager = Manager::at(&launcher.scratch().join("notify"));
        let socket = format!("{place}notify");
        let mut supervisor = launcher.configuration(&text).env("NOTIFY_SOCKET", &socket).spawn();
        // Long after all others.
        lines(&supervisor.scratch().join("flaps"), 20);
        let mut early = Vec::new();
        early.extend(std::iter::from_fn(|| manager.next_within(Duration::ZERO)));
        assert!(early.iter().all(|told| told.starts_with("STATUS=")), "{early:?}");
        fs::write(supervisor.scratch().join("migrated"), "").unwrap();
        let (ready, before) = manager.until("READY=1");
        assert!(before.iter().all(|told| told.starts_with("STATUS=")), "{before:?}");
        assert!(ready.contains("\nSTATUS=2 of 6 running"), "{ready}");
        assert!(ready.contains(", 3 waiting"), "{ready}");
        end(&mut supervisor);
        let (stopping, before) = manager.until("STOPPING=1");
        assert!(stopping.contains("\nSTATUS=stopping"), "{stopping}");
        assert!(before.iter().all(|told| told.starts_with("STATUS=")), "{before:?}");
    }
}

/// Of another supervisor it is a program as any other.
#[test]
fn one_can_supervise_another_and_know_how_it_is() {
    let mut supervisor = Supervisor::start();
    let path = supervisor.scratch().text("inner.toml");
    fs::write(&path, WEB).unwrap();
    let inner = command(env!("CARGO_BIN_EXE_procnanny"), &["run", "--no-rpc", &path]);
    let inner = inner.with("readiness", "notify").with("watchdog", "5s");
    supervisor.create_running("inner", &inner);
    let row = supervisor.row("inner", 0);
    assert_eq!((row.ready, row.status_text.as_deref()), (true, Some("1 of 1 running")));
    supervisor.do_and_wait("stop", "inner");
    supervisor.expect_no_processes();
}

#[test]
fn it_is_ready_at_once_where_nothing_is_to_be_started() {
    let name = format!("{}-nothing", Scratch::new().mark());
    let manager = Manager::by_name(&name);
    let mut supervisor = Launcher::new().no_rpc().env("NOTIFY_SOCKET", &format!("@{name}")).spawn();
    assert_eq!(manager.until("READY=1").0, "READY=1\nSTATUS=nothing is wanted up");
    end(&mut supervisor);
}

#[test]
fn its_status_is_told_when_it_changes_and_not_too_often() {
    let name = format!("{}-status", Scratch::new().mark());
    let manager = Manager::by_name(&name);
    let mut supervisor = Launcher::new().configuration(WEB).env("NOTIFY_SOCKET", &format!("@{name}")).start();
    manager.until("READY=1");
    let scale = |supervisor: &mut Supervisor, instances: i64| {
        supervisor.command("scale", args!["program" => "web", "instances" => instances, "wait" => true]);
    };
    let mut times = Vec::new();
    // It is another one all the time.
    for instances in 2.. {
        scale(&mut supervisor, instances);
        if let Some(status) = manager.next_within(Duration::from_millis(100)) {
            assert!(status.starts_with("STATUS=") && status.contains(" running"), "{status}");
            times.push(Instant::now());
        }
        if times.len() == 3 {
            break;
        }
    }
    assert!(times[2] - times[0] > Duration::from_secs(1), "{:?}", times[2] - times[0]);
    scale(&mut supervisor, 1);
    manager.until_status("1 of 1 running");
    supervisor.do_and_wait("stop", "web");
    manager.until_status("nothing is wanted up");
    // Nothing has happened since.
    assert_eq!(manager.next_within(Duration::from_millis(1500)), None);
    supervisor.do_and_wait("start", "web");
    manager.until_status("1 of 1 running");
    end(&mut supervisor);
}

#[test]
fn a_reload_is_told_when_it_begins_and_when_it_is_done() {
    let launcher = Launcher::new().no_rpc().configuration(WEB);
    let manager = Manager::at(&launcher.scratch().join("notify"));
    let socket = launcher.scratch().text("notify");
    let mut supervisor = launcher.env("NOTIFY_SOCKET", &socket).spawn();
    manager.until("READY=1");
    let now = || procnanny::sys::clock::monotonic().as_micros();
    for (text, status) in [
        ("[program.web]\ncommand = 7\nnice = 100\n", "not reloaded: 2 mistakes in the configuration"),
        ("[program.web]\ncommand = 7\n", "not reloaded: 1 mistake in the configuration"),
        (WEB, "1 of 1 running"),
    ] {
        supervisor.configure(text);
        let before = now();
        supervisor.signal(Signal::SIGHUP);
        let (reloading, _) = manager.until("RELOADING=1");
        let time = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
        let time: u128 = time.parse().unwrap();
        assert!(before <= time && time <= now(), "{before} {time}");
        let (ready, between) = manager.until("READY=1");
        assert_eq!((ready, between), (format!("READY=1\nSTATUS={status}"), Vec::new()));
    }
    end(&mut supervisor);
}

#[test]
fn signs_of_life_are_given_if_they_are_asked_for_from_this_process() {
    let launch = |pid: &str| {
        let launcher = Launcher::new().no_rpc().configuration(WEB);
        let manager = Manager::at(&launcher.scratch().join("notify"));
        let socket = launcher.scratch().text("notify");
        let launcher = launcher.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "100000");
        (launcher.through_shell(&format!("{pid}; exec \"$@\"")).spawn(), manager)
    };
    for pid in ["export WATCHDOG_PID=$$", ":"] {
        let (mut supervisor, manager) = launch(pid);
        manager.until("READY=1");
        let begun = Instant::now();
        for _ in 0..5 {
            manager.until("WATCHDOG=1");
        }
        assert!(begun.elapsed() > Duration::from_millis(100), "twice in the time, and no more often");
        end(&mut supervisor);
    }
    let (mut supervisor, manager) = launch("export WATCHDOG_PID=1");
    let (_, before) = manager.until("READY=1");
    assert_eq!(before, [""; 0]);
    end(&mut supervisor);
    let (_, before) = manager.until("STOPPING=1");
    assert!(!before.iter().any(|told| told.contains("WATCHDOG")), "{before:?}");
}

#[test]
fn programs_know_nothing_of_it() {
    let scratch = Scratch::new();
    let text = format!(
        "{WEB}
        stdout = '{}'
        [[hook]]
        on = '*->running'
        command = 'sh'
        args = ['-c', 'env > {place}.new; mv {place}.new {place}']",
        scratch.text("log"),
        place = scratch.text("hook"),
    );
    let launcher = Launcher::new().configuration(&text);
    let manager = Manager::at(&launcher.scratch().join("notify"));
    let socket = launcher.scratch().text("notify");
    let mut supervisor = launcher
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "30000000")
        .through_shell("export WATCHDOG_PID=$$; exec \"$@\"")
        .start();
    manager.until("READY=1");
    let hook = scratch.join("hook");
    eventually_true("the hook has run", || hook.exists());
    let seen = fs::read_to_string(hook).unwrap();
    assert!(seen.contains("PROCNANNY_EVENT=running"), "{seen}");
    // A child that is not executed yet has all that is the supervisor's.
    eventually_true("all are executed", || proc::own_children(supervisor.pid(), "run").is_empty());
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        assert!(!seen.contains(name), "{seen}");
        for pid in proc::children(supervisor.pid()) {
            assert_eq!(proc::variable(pid, name), None, "{name} of {:?}", proc::arguments(pid));
        }
        assert!(proc::variable(supervisor.pid(), name).is_some());
    }
    end(&mut supervisor);
}

#[test]
fn that_it_is_ready_is_not_lost_where_there_is_no_room_for_it_yet() {
    let launcher = Launcher::new().configuration(WEB);
    let path = launcher.scratch().join("notify");
    let manager = Manager::at(&path);
    let stuffing = UnixDatagram::unbound().unwrap();
    stuffing.set_nonblocking(true).unwrap();
    while stuffing.send_to(b"stuffing", &path).is_ok() {}
    let mut supervisor = launcher.env("NOTIFY_SOCKET", path.to_str().unwrap()).start();
    supervisor.wait_for("web", "running");
    let (ready, before) = manager.until("READY=1");
    assert!(before.iter().all(|told| told == "stuffing") && before.len() > 1, "{before:?}");
    assert_eq!(ready, "READY=1\nSTATUS=1 of 1 running");
    assert_eq!(supervisor.stderr(), "", "nobody need know");
    end(&mut supervisor);
}

#[test]
fn one_that_cannot_be_reached_is_told_of_once_and_told_when_it_is_there() {
    let launcher = Launcher::new().configuration(WEB);
    let path = launcher.scratch().join("notify");
    let mut supervisor = launcher.env("NOTIFY_SOCKET", path.to_str().unwrap()).start();
    supervisor.wait_for("web", "running");
    let told = "procnanny: NOTIFY_SOCKET cannot be reached: No such file or directory; who started procnanny is not told \
                how it is\n";
    eventually_true("it says so", || !supervisor.stderr().is_empty());
    supervisor.do_and_wait("restart", "web");
    assert_eq!(supervisor.stderr(), told);
    let manager = Manager::at(&path);
    manager.until("READY=1");
    end(&mut supervisor);
    assert_eq!(supervisor.stderr(), told);
}

#[test]
fn an_address_of_another_kind_is_refused_by_name() {
    for address in ["vsock:2:1234", "notify.sock"] {
        let scratch = Scratch::new();
        let text = format!("{WEB}stdout = '{}'", scratch.text("log"));
        let mut supervisor = Launcher::new().configuration(&text).env("NOTIFY_SOCKET", address).start();
        let told = supervisor.stderr();
        assert!(told.starts_with(&format!("procnanny: NOTIFY_SOCKET is {address}: only a path")), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        end(&mut supervisor);
    }
}
