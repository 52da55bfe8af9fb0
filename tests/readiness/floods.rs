//! What is malformed, too long, or too much: others are served meanwhile, and memory stays where it is.

use crate::common::{Supervisor, eventually_true, proc, sleeper};
use crate::{address_of, connect, dropped, needs_python, python, ready_at};
use std::sync::atomic::{AtomicBool, Ordering};

/// Resident memory in KiB.
fn memory(supervisor: &Supervisor) -> u64 {
    let line = proc::status_line(supervisor.pid(), "VmRSS");
    line.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn what_means_nothing_changes_nothing() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let script = r#"
notify.send(b"")
notify.send(b"\0" * 4096)
notify.send(b"\xff\xfe=\n=\n\n====\nREADY\nREADY=2\nREADY=11\nready=1\nMAINPID=1\nERRNO=2\nX_OURS=1\nWATCHDOG=\n")
notify.send(b"EXTEND_TIMEOUT_USEC=-5\nEXTEND_TIMEOUT_USEC=99999999999999999999999\nEXTEND_TIMEOUT_USEC=\n")
socket.send_fds(notify, [b"FDSTORE=1\nFDNAME=x"], [0] * 100)
reader, writer = os.pipe()
socket.send_fds(notify, [b"FDSTORE=1"], [writer])
os.close(writer)
assert os.read(reader, 1) == b""
notify.send(b"STATUS=\xff\x00\x1b[2J")
notify.send(b"READY=1\n" * 513)
barrier()
sleep()
"#;
    let before = proc::descriptors(supervisor.pid()).len();
    supervisor.create("web", &python(script).with("start_timeout", 3600));
    // The last but one is one line longer than what is read.
    eventually_true("the one that is too long is dropped", || dropped(&mut supervisor) == 1);
    let row = supervisor.until("web", 0, "a status", |row| row.status_text.is_some());
    assert_eq!((row.state.as_str(), row.start_count), ("starting", 1));
    assert_eq!(row.status_text.as_deref(), Some("\u{fffd}\0\u{1b}[2J"));
    // The socket, and nothing that was handed over.
    assert_eq!(proc::descriptors(supervisor.pid()).len(), before + 1);
}

/// The longest that is read, and each line of it counts.
#[test]
fn a_datagram_can_be_full() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let script =
        "data = b'READY=0\\n' * 511 + b'READY=1\\n'\nassert len(data) == 4096\nnotify.send(data)\nsleep()";
    supervisor.create_running("web", &python(script));
    assert_eq!(dropped(&mut supervisor), 0);
}

#[test]
fn a_flood_of_strangers_holds_nobody_up() {
    needs_python!();
    const DATAGRAMS: i64 = 200_000;
    let mut supervisor = Supervisor::start();
    supervisor.create("quiet", &sleeper().with("readiness", "notify"));
    let socket = connect(&address_of(&mut supervisor, "quiet"));
    let before = memory(&supervisor);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..DATAGRAMS {
                socket.send(b"READY=1\nSTATUS=nonsense").unwrap();
            }
            ended.store(true, Ordering::Relaxed);
        });
        let mut rounds = 0;
        while !ended.load(Ordering::Relaxed) {
            rounds += 1;
            // Answers, starts and those who may speak are all in time.
            supervisor.call("dance", &[]);
            let name = format!("web {rounds}");
            let gate = supervisor.scratch().text(&name);
            crate::open(supervisor.scratch(), &name);
            supervisor.create_running(&name, &ready_at(&gate));
            supervisor.do_and_wait("stop", &name);
        }
        assert!(rounds > 0);
    });
    eventually_true("all are counted", || dropped(&mut supervisor) == DATAGRAMS);
    assert_eq!(supervisor.row("quiet", 0).state, "starting");
    let grown = memory(&supervisor).saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB more");
}

#[test]
fn a_flood_of_its_own_holds_no_other_up() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let script = "say('READY=1')\nn = 0\nwhile True:\n    n += 1\n    say(f'STATUS={n}', 'READY=1', 'WATCHDOG=1', 'EXTEND_TIMEOUT_USEC=1', 'RELOADING=1')";
    supervisor.create_running("loud", &python(script).with("watchdog", 10).with("instances", 2));
    let before = memory(&supervisor);
    for round in 0..5 {
        let name = format!("web {round}");
        supervisor.create_running(&name, &sleeper());
        supervisor.do_and_wait("stop", &name);
    }
    let said = |supervisor: &mut Supervisor| {
        supervisor.row("loud", 0).status_text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
    };
    let earlier = said(&mut supervisor);
    eventually_true("thousands more", || said(&mut supervisor) > earlier + 5000);
    assert!(memory(&supervisor).saturating_sub(before) < 4096);
    assert!(supervisor.rows("loud").iter().all(|row| row.state == "running" && row.start_count == 1));
    // And it is stopped as anybody is.
    supervisor.do_and_wait("stop", "loud");
}
