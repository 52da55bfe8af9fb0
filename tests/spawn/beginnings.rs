//! Whatever the supervisor was started with, it works, and its processes begin clean.

use crate::common::{Launcher, Supervisor, command, proc, sleeper};
use crate::skip;
use nix::sys::signal::{SigSet, Signal};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// It starts, sees an exit, stops on TERM; and its process is clean.
fn expect_to_work(mut supervisor: Supervisor) {
    let settings = sleeper().with("backoff_min", 0).with("stdout", "null").with("stderr", "null");
    let pid = supervisor.create_running("web", &settings)[0].pid;
    let masks = ["SigBlk", "SigIgn", "SigCgt"].map(|name| proc::signal_mask(pid, name));
    assert_eq!(masks, [0; 3]);
    proc::expect_descriptors(pid, &[(0, "/dev/null"), (1, "/dev/null"), (2, "/dev/null")]);
    assert!(proc::send(pid, Signal::SIGSEGV));
    let row = supervisor.until("web", 0, "its successor", |row| row.start_count == 2);
    assert_eq!(row.exitsignal, Signal::SIGSEGV as i64, "how it ended is known");
    supervisor.create("job", &command("sh", &["-c", "exit 3"]).with("restart", "never"));
    assert_eq!(supervisor.wait_for("job", "exited")[0].exitcode, 3);
    assert_eq!(proc::children(supervisor.pid()).len(), 1, "no zombie");
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
    supervisor.expect_no_processes();
}

#[test]
fn with_all_signals_blocked() {
    // A new process takes over the mask of the thread that starts it.
    let mask = SigSet::thread_get_mask().unwrap();
    SigSet::all().thread_block().unwrap();
    let supervisor = Launcher::new().spawn();
    mask.thread_set_mask().unwrap();
    expect_to_work(supervisor.await_answer());
}

#[test]
fn with_signals_ignored() {
    expect_to_work(
        Launcher::new().through_shell("trap '' HUP INT QUIT TERM PIPE USR1 USR2; exec \"$@\"").start(),
    );
}

/// Who ignores it has its children reaped by the kernel, and never learns how they ended; see sigaction(2).
#[test]
fn with_the_signal_of_children_ignored() {
    let ignoring = ["--ignore-signal=CHLD", "true"];
    if !Command::new("env").args(ignoring).status().is_ok_and(|status| status.success()) {
        skip!("env cannot ignore a signal");
    }
    expect_to_work(Launcher::new().through_shell("exec env --ignore-signal=CHLD \"$@\"").start());
}

#[test]
fn with_standard_streams_closed() {
    let cases: [(&str, &[i32]); 3] = [("<&- >&- 2>&-", &[0, 1, 2]), (">&-", &[0, 1]), ("2>&-", &[0, 2])];
    for (closing, null) in cases {
        let mut supervisor = Launcher::new().through_shell(&format!("exec \"$@\" {closing}")).start();
        // With its streams inherited, and its standard input never.
        let pid = supervisor.create_running("first", &sleeper())[0].pid;
        for number in 0..3 {
            let is_null = proc::link(pid, &format!("fd/{number}")) == "/dev/null";
            assert_eq!(is_null, null.contains(&number), "{closing}: {number}");
        }
        expect_to_work_beside(supervisor);
    }
}

/// As [`expect_to_work`], when there is another program already.
fn expect_to_work_beside(mut supervisor: Supervisor) {
    supervisor.call("remove", crate::args!["program" => "first", "force" => true, "wait" => true]);
    expect_to_work(supervisor);
}

#[test]
fn with_many_descriptors_open() {
    let script = "for n in 3 4 5 6 7 8 9; do eval \"exec $n</dev/zero\"; done; exec \"$@\"";
    expect_to_work(Launcher::new().through_shell(script).start());
}

#[test]
fn as_an_ordinary_user() {
    let mut supervisor = Launcher::new().ordinary_user().start();
    let uid = proc::status_line(supervisor.pid(), "Uid");
    assert!(!uid.starts_with("0\t"), "{uid}");
    let pid = supervisor.create_running("first", &sleeper())[0].pid;
    assert_eq!(proc::status_line(pid, "Uid"), uid);
    let mode =
        |name: &str| fs::metadata(supervisor.runtime_dir().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("."), mode("rpc"), mode("events")), (0o700, 0o600, 0o600));
    expect_to_work_beside(supervisor);
}

#[test]
fn an_ordinary_user_may_name_itself() {
    let mut supervisor = Launcher::new().ordinary_user().start();
    let own = proc::status_line(supervisor.pid(), "Uid");
    let id: u32 = own.split('\t').next().unwrap().parse().unwrap();
    let pid = supervisor.create_running("web", &sleeper().with("user", id))[0].pid;
    assert_eq!(proc::status_line(pid, "Uid"), own);
}
