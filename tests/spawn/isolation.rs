//! What a process does not get from the supervisor, and what it does not notice of others.

use crate::args;
use crate::common::{Client, Launcher, Row, Supervisor, proc, shell, sleeper};
use nix::sys::signal::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

const NULL: &str = "/dev/null";

/// Fifty clients that connect, ask something and disconnect, again and again, until [`Crowd::part`].
struct Crowd {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Crowd {
    fn gather(endpoint: String) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        let thread = thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                let mut clients: Vec<Client> = (0..50).map(|_| Client::connect(&endpoint)).collect();
                clients.iter_mut().for_each(|client| drop(client.call("dance", &[])));
            }
        });
        Self { over, thread }
    }

    /// Ends it; all of them have been answered.
    fn part(self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

#[test]
fn every_process_leads_a_session_and_a_group_without_a_terminal() {
    let mut supervisor = Supervisor::start();
    for row in supervisor.create_running("web", &sleeper().with("instances", 3)) {
        let stat = proc::stat(row.pid).unwrap();
        assert_eq!((stat.session, stat.group, stat.terminal), (row.pid, row.pid, 0));
    }
}

#[test]
fn no_signal_is_blocked_ignored_or_caught() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    let masks = ["SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"].map(|name| proc::signal_mask(pid, name));
    assert_eq!(masks, [0; 5]);
}

#[test]
fn the_only_descriptors_are_the_standard_ones() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("stdout", "null").with("stderr", "null").with("instances", 10);
    for row in supervisor.create_running("web", &settings) {
        proc::expect_descriptors(row.pid, &[(0, NULL), (1, NULL), (2, NULL)]);
    }
}

#[test]
fn the_only_descriptors_are_the_standard_ones_also_while_clients_come_and_go() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("stdout", "null").with("stderr", "null").with("instances", 20);
    supervisor.create_running("web", &settings);
    let crowd = Crowd::gather(supervisor.endpoint("rpc"));
    for _ in 0..5 {
        for row in supervisor.do_and_wait("restart", "web") {
            proc::expect_descriptors(row.pid, &[(0, NULL), (1, NULL), (2, NULL)]);
        }
    }
    crowd.part();
}

#[test]
fn standard_streams_are_inherited_or_null() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    let [stdout, stderr] = ["stdout", "stderr"].map(|name| supervisor.scratch().text(name));
    proc::expect_descriptors(pid, &[(0, NULL), (1, &stdout), (2, &stderr)]);

    let chatter =
        shell("echo to stdout; echo to stderr >&2; exec sleep 3600").with("minimum_run_duration", 0);
    supervisor.create_running("loud", &chatter);
    crate::common::eventually_true("its output", || {
        supervisor.stdout().contains("to stdout\n") && supervisor.stderr().contains("to stderr\n")
    });
    let mixed = supervisor.create_running("quiet", &sleeper().with("stderr", "null"))[0].pid;
    assert_eq!(proc::link(mixed, "fd/2"), "/dev/null");
    assert_eq!(proc::link(mixed, "fd/1"), proc::link(pid, "fd/1"));
}

#[test]
fn the_limit_of_open_files_is_given_back() {
    let mut supervisor = Launcher::new().through_shell("ulimit -Sn 300; exec \"$@\"").start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    let (soft, hard) = proc::open_files(supervisor.pid());
    assert_eq!(soft, hard, "the supervisor has raised its own");
    assert_eq!(proc::open_files(pid), (300, hard));
}

#[test]
fn a_crash_of_one_of_two_hundred_leaves_the_others_alone() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("instances", 200).with("backoff_min", 0);
    let before = supervisor.create_running("web", &settings);
    assert_eq!(before.len(), 200);
    assert!(proc::send(before[77].pid, Signal::SIGSEGV));
    supervisor.until("web", 77, "its successor", |row| row.start_count == 2 && row.state == "running");
    let after = supervisor.rows("web");
    let differs = |number: &usize| after[*number].pid != before[*number].pid;
    assert_eq!((0..200).filter(differs).collect::<Vec<usize>>(), [77]);
    let untouched = |row: &&Row| row.start_count == 1 && row.state == "running";
    assert_eq!(after.iter().filter(untouched).count(), 199);

    supervisor.command("restart", args!["program" => "web", "instance" => 3, "wait" => true]);
    let last = supervisor.rows("web");
    let differs = |number: &usize| last[*number].pid != after[*number].pid;
    assert_eq!((0..200).filter(differs).collect::<Vec<usize>>(), [3]);
}

#[test]
fn what_a_start_sets_is_not_set_for_the_supervisor() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.pid();
    let own = || {
        let read = |name| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
        let link = |name| std::fs::read_link(format!("/proc/{pid}/{name}")).unwrap();
        let status = read("status");
        let umask = status.lines().find(|line| line.starts_with("Umask")).map(str::to_string);
        let masks = ["SigBlk", "SigIgn", "SigCgt"].map(|name| proc::signal_mask(pid, name));
        (read("oom_score_adj"), link("cwd"), umask, masks, proc::stat(pid).unwrap().session, read("limits"))
    };
    let before = own();
    // One that needs a fork of its own for it, and one that does not.
    let settings = sleeper().with("directory", "/proc").with("umask", "0137");
    supervisor.create_running("plain", &settings);
    supervisor.create_running("bad", &settings.with("oom_score_adj", 900));
    for _ in 0..20 {
        supervisor.do_and_wait("restart", "*");
    }
    assert_eq!(own(), before);
}

#[test]
fn a_signal_that_dumps_core_ends_a_start_and_not_the_supervisor() {
    let mut supervisor = Supervisor::start();
    let mut client = supervisor.client();
    supervisor.create("web", &sleeper().with("stop_signal", "QUIT").with("autostart", false));
    for _ in 0..200 {
        // The stop is asked for while the process has only just begun.
        for request in ["start", "stop"] {
            client.call(request, args!["program" => "web"]);
        }
    }
    let row = supervisor.wait_for("web", "exited").remove(0);
    assert!(row.start_count >= 1);
    assert!(supervisor.try_wait().is_none());
}
