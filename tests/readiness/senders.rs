//! Who may speak for an instance, and from where.

use crate::common::{Launcher, Supervisor, eventually_true, is_root, proc, sleeper};
use crate::{address_of, connect, dropped, needs_python, open, python, ready_at, skip};
use std::process::Command;

#[test]
fn descendants_may() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    let fork =
        "def child(of):\n    if os.fork() == 0:\n        of()\n        barrier()\n        os._exit(0)\n";
    // A child, and the child of one that has ended and whose session it has; one in a session of its own.
    for (name, script) in [
        ("child", "child(lambda: say('READY=1'))"),
        ("orphan", "child(lambda: child(lambda: (time.sleep(0.1), say('READY=1'))))"),
        ("session", "child(lambda: (os.setsid(), say('READY=1')))"),
        ("deep", "child(lambda: (os.setsid(), child(lambda: (os.setsid(), say('READY=1'))), os.wait()))"),
    ] {
        supervisor.create(name, &python(&format!("{fork}{script}\nsleep()")));
        supervisor.wait_for(name, "running");
    }
    assert_eq!(dropped(&mut supervisor), 0);
}

#[test]
fn strangers_may_not_and_are_counted() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("readiness", "notify"));
    let socket = connect(&address_of(&mut supervisor, "web"));
    for _ in 0..3 {
        socket.send(b"READY=1\nSTATUS=ours").unwrap();
    }
    eventually_true("three dropped", || dropped(&mut supervisor) == 3);
    let row = supervisor.row("web", 0);
    assert_eq!((row.state.as_str(), row.status_text), ("starting", None));
}

#[test]
fn other_users_may_not() {
    needs_python!();
    if !is_root() {
        skip!("to be another user takes root");
    }
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("readiness", "notify"));
    let address = address_of(&mut supervisor, "web");
    let mut python = Command::new("python3");
    let script = format!("{}\nos.setgid(65534); os.setuid(65534); say('READY=1')", crate::PRELUDE);
    assert!(python.args(["-c", &script]).env("NOTIFY_SOCKET", address).status().unwrap().success());
    eventually_true("one dropped", || dropped(&mut supervisor) == 1);
    assert_eq!(supervisor.row("web", 0).state, "starting");
}

#[test]
fn programs_speak_for_themselves_alone() {
    needs_python!();
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("readiness", "notify"));
    let address = address_of(&mut supervisor, "web");
    // One that is not asked, though it knows where.
    let told =
        python("say('READY=1', 'STATUS=here')\nbarrier()\nsleep()").with_env("NOTIFY_SOCKET", &address);
    for (name, readiness) in [("delay", "delay"), ("fd", "fd:3")] {
        supervisor
            .create(name, &told.clone().with("readiness", readiness).with("minimum_run_duration", 3600));
    }
    // The barrier of either is a datagram, too.
    eventually_true("four dropped", || dropped(&mut supervisor) == 4);
    supervisor.create_running("other", &told);
    for row in supervisor.rows("*").into_iter().filter(|row| row.program != "other") {
        assert_eq!((row.state.as_str(), row.status_text.as_deref()), ("starting", None), "{row:?}");
    }
    assert_eq!(supervisor.row("other", 0).status_text.as_deref(), Some("here"));
}

/// A name is reached whatever the user and the root directory are.
#[test]
fn other_users_and_other_roots_reach_it() {
    needs_python!();
    if !is_root() {
        skip!("to be another user, and to change the root directory, takes root");
    }
    let mut supervisor = Supervisor::start();
    let root = supervisor.scratch().text("root");
    std::fs::create_dir(&root).unwrap();
    let nobody = python("assert os.getuid() == 65534\nsay('READY=1')\nsleep()")
        .with("user", 65534)
        .with("group", 65534);
    supervisor.create_running("nobody", &nobody.with("directory", "/"));
    let inside = format!(
        "notify.close()\nos.chroot({root:?})\nos.chdir('/')\nnotify = connect()\nsay('READY=1')\nsleep()"
    );
    supervisor.create_running("inside", &python(&inside));
    assert_eq!(dropped(&mut supervisor), 0);
}

#[test]
fn an_ordinary_user_has_all_of_it() {
    needs_python!();
    let mut supervisor = Launcher::new().ordinary_user().start();
    let gate = supervisor.scratch().text("gate");
    supervisor.create("web", &ready_at(&gate).with("watchdog", 3600));
    assert_eq!(supervisor.row("web", 0).state, "starting");
    open(supervisor.scratch(), "gate");
    supervisor.wait_for("web", "running");
    let address = proc::variable(supervisor.row("web", 0).pid, "NOTIFY_SOCKET").unwrap();
    let socket = connect(&address);
    socket.send(b"WATCHDOG=trigger").unwrap();
    eventually_true("one dropped", || dropped(&mut supervisor) == 1);
    assert_eq!(supervisor.row("web", 0).start_count, 1);
}

/// Each of two supervisors has a socket of its own.
#[test]
fn two_supervisors_do_not_meet() {
    let (mut one, mut other) = (Supervisor::start(), Supervisor::start());
    for supervisor in [&mut one, &mut other] {
        supervisor.create("web", &sleeper().with("readiness", "notify"));
    }
    assert_ne!(address_of(&mut one, "web"), address_of(&mut other, "web"));
}
