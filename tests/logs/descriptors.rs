//! Descriptors: none leaks into programs, and none is left when programs go.

use super::common::{Supervisor, eventually_true, proc};
use super::printing::{logger_pid, printing, printing_on, printing_once};
use crate::args;

#[test]
fn programs_have_their_three_and_nothing_else() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("first", &printing_on("true").with("instances", 3));
    let row = supervisor.create_running("web", &printing("exec sleep 3600")).remove(0);
    let [(_, stdin), (_, stdout), (_, stderr)] = descriptors_of(row.pid);
    assert_eq!(stdin, "/dev/null");
    assert!(stdout.starts_with("pipe:") && stderr.starts_with("pipe:") && stdout != stderr);
    // They block: a program is not to be told to try again.
    for number in ["1", "2"] {
        let info = std::fs::read_to_string(format!("/proc/{}/fdinfo/{number}", row.pid)).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        let flags = i32::from_str_radix(flags, 8).unwrap();
        assert_eq!(flags & nix::fcntl::OFlag::O_NONBLOCK.bits(), 0, "{info}");
    }
}

fn descriptors_of(pid: i32) -> [(i32, String); 3] {
    // A C library opens others while a program begins.
    super::common::eventually("three descriptors", super::common::DEADLINE, || {
        proc::descriptors(pid).try_into().ok()
    })
}

#[test]
fn a_restart_keeps_the_pipe() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &printing("exec sleep 3600"));
    let pipe = |supervisor: &mut Supervisor| proc::link(supervisor.row("web", 0).pid, "fd/1");
    let before = pipe(&mut supervisor);
    supervisor.do_and_wait("restart", "web");
    assert_eq!(pipe(&mut supervisor), before);
}

#[test]
fn numbers_and_descriptors_come_back_when_programs_go() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("stays", &printing_on("true"));
    let logger = logger_pid(&mut supervisor);
    // Connections come and go by themselves.
    let pipes = |pid| proc::descriptors(pid).iter().filter(|(_, path)| path.starts_with("pipe:")).count();
    let open = |supervisor: &Supervisor| [supervisor.pid(), logger].map(pipes);
    // It has opened all that it opens for itself.
    supervisor.create("first", &printing_once("echo x"));
    super::printing::expect_tail(&mut supervisor, "first", "x\n");
    supervisor.call("remove", args!["program" => "first", "force" => true, "wait" => true]);
    let mut before = [0, 0];
    eventually_true("all is at rest", || std::mem::replace(&mut before, open(&supervisor)) == before);
    for _ in 0..10 {
        let many = printing("exec sleep 3600").with("instances", 100);
        supervisor.create_running("many", &many);
        supervisor.call("scale", args!["program" => "many", "instances" => 10, "wait" => true]);
        supervisor.call("remove", args!["program" => "many", "force" => true, "wait" => true]);
        supervisor.create("once", &printing_once("echo x"));
        supervisor.wait_for("once", "exited");
        supervisor.call("remove", args!["program" => "once", "force" => true, "wait" => true]);
    }
    let mut now = before;
    let closed = super::common::within(super::common::DEADLINE, || {
        now = open(&supervisor);
        (now == before).then_some(())
    });
    assert!(closed.is_some(), "before {before:?}, now {now:?}");
    assert_eq!(logger_pid(&mut supervisor), logger);
}
