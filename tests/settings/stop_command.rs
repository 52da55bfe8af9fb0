//! `stop_command`: run in place of the signal, which follows when it does not help.

use crate::common::{
    DEADLINE, EventSource, ProgramSettings, Supervisor, deaf, eventually, eventually_true, is_root, proc,
    shell, sleeper, strings,
};
use crate::{args, start};
use procnanny::wire::value::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// One whose stop command is a shell script, with so much time to stop that only the command or the signal ends it.
fn with_script(settings: ProgramSettings, script: &str) -> ProgramSettings {
    settings.with("stop_command", strings(&["/bin/sh", "-c", script])).with("stop_timeout", 3600)
}

#[track_caller]
fn text_of(path: &Path) -> String {
    let whole = |text: &String| text.ends_with('\n');
    eventually(&format!("{}", path.display()), DEADLINE, || fs::read_to_string(path).ok().filter(whole))
}

#[test]
fn the_command_ends_the_program_in_place_of_the_signal() {
    let mut supervisor = Supervisor::start();
    let settings = with_script(sleeper(), "kill -USR1 $PROCNANNY_PID; exec sleep 3600");
    start(&mut supervisor, "web", &settings);
    let row = supervisor.do_and_wait("stop", "web").remove(0);
    assert_eq!(row.state, "exited");
    let row = supervisor.row("web", 0);
    assert_eq!((row.exitsignal, row.reason()), (10, "stopped"), "USR1 and not TERM");
    // The command slept on, and was ended with the stop.
    supervisor.expect_no_processes();
    eventually_true("no zombie is left", || proc::children(supervisor.pid()).is_empty());
}

#[test]
fn the_command_runs_as_the_program_does() {
    let mut supervisor = Supervisor::start();
    let scratch = supervisor.scratch().path().to_path_buf();
    fs::create_dir(scratch.join("place")).unwrap();
    let told = scratch.join("told");
    let script = format!(
        "cat > /dev/null; {{ id -u; pwd; umask; ulimit -n; \
         echo \"$PROCNANNY_PROGRAM $PROCNANNY_INSTANCE $PROCNANNY_PID $A %n\"; }} > {}; kill $PROCNANNY_PID",
        told.display()
    );
    let mut settings = with_script(sleeper(), &script)
        .with("directory", scratch.join("place").to_str().unwrap())
        .with("umask", "0002")
        .with("limits", Value::map([("nofile", Value::Int(99))]))
        .with_env("A", "b");
    let mut uid = nix::unistd::getuid().as_raw();
    if is_root() {
        uid = 65534;
        std::os::unix::fs::chown(&scratch, Some(uid), None).unwrap();
        settings = settings.with("user", 65534).with("group", 65534);
    }
    let pid = start(&mut supervisor, "web", &settings);
    assert_eq!(proc::variable(pid, "PROCNANNY_PID"), None, "the program itself does not get it");
    supervisor.do_and_wait("stop", "web");
    let place = scratch.join("place");
    let expected = format!("{uid}\n{}\n0002\n99\nweb 0 {pid} b web\n", place.display());
    assert_eq!(text_of(&told), expected);
    assert_eq!(supervisor.row("web", 0).exitsignal, 15);
}

#[test]
fn the_signal_follows_a_command_that_fails() {
    let mut supervisor = Supervisor::start();
    let signalled = |words: &str| format!("stopped; its stop_command {words}");
    for (name, command, words) in [
        ("fails", strings(&["/bin/sh", "-c", "exit 3"]), "exited with code 3"),
        ("killed", strings(&["/bin/sh", "-c", "kill -KILL $$"]), "was killed by signal 9 (KILL)"),
        ("without effect", Value::from("true"), "ended without effect"),
        (
            "not there",
            Value::from("/nonexistent/stop now"),
            "was not executed: exec: No such file or directory (/nonexistent/stop)",
        ),
    ] {
        let settings = sleeper().with("stop_command", command).with("stop_timeout", 3600);
        start(&mut supervisor, name, &settings);
        supervisor.do_and_wait("stop", name);
        let row = supervisor.row(name, 0);
        assert_eq!((row.exitsignal, row.reason()), (15, signalled(words).as_str()), "{name}");
    }
    supervisor.expect_no_processes();
}

#[test]
fn a_stop_that_takes_too_long_kills_both() {
    let mut supervisor = Supervisor::start();
    let begun = supervisor.scratch().join("begun");
    let script = format!("echo > {}; exec sleep 3600", begun.display());
    supervisor.create_running("web", &with_script(deaf(), &script));
    supervisor.command("stop", args!["program" => "web"]);
    eventually_true("the command runs", || begun.exists());
    supervisor.call("update", args!["program" => "web", "stop_timeout" => 0]);
    let row = supervisor.wait_for("web", "exited").remove(0);
    assert_eq!((row.exitsignal, row.reason()), (9, "did not stop in time and was killed"));
    supervisor.expect_no_processes();
    eventually_true("no zombie is left", || proc::children(supervisor.pid()).is_empty());
}

#[test]
fn a_restart_uses_it_and_its_end_is_nobody_elses() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    // It outlives the process that it ends, so that it is reaped when the next one runs.
    let settings = with_script(sleeper(), "kill -HUP $PROCNANNY_PID; exit 7");
    let first = start(&mut supervisor, "web", &settings);
    events.expect_states("web", 0, &["starting", "running"]);
    for count in 2..=4 {
        supervisor.do_and_wait("restart", "web");
        events.expect_states("web", 0, &["stopping", "starting", "running"]);
        let row = supervisor.row("web", 0);
        assert_eq!((row.start_count, row.flap_count, row.exitsignal), (count, 0, 1));
        assert_ne!(row.pid, first);
    }
    supervisor.call("remove", args!["program" => "web", "force" => true, "wait" => true]);
    supervisor.expect_no_processes();
}

#[test]
fn one_that_is_not_executed_yet_gets_the_signal() {
    let mut supervisor = Supervisor::start();
    let fifo = supervisor.scratch().text("fifo");
    nix::unistd::mkfifo(fifo.as_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let told = supervisor.scratch().join("told");
    let settings = with_script(shell("read line"), &format!("echo > {}", told.display()));
    supervisor.create("web", &settings.with("stdin", fifo.as_str()));
    supervisor.do_and_wait("stop", "web");
    assert_eq!(supervisor.row("web", 0).exitsignal, 15);
    assert!(!told.exists());
}

#[test]
fn a_shutdown_waits_for_it_and_leaves_nothing() {
    let mut supervisor = Supervisor::start();
    let settings = with_script(sleeper().with("instances", 20), "kill $PROCNANNY_PID; sleep 3600");
    supervisor.create_running("web", &settings);
    let mark = supervisor.processes();
    assert_eq!(mark.len(), 20);
    supervisor.call("shutdown", &[]);
    assert_eq!(supervisor.wait().code(), Some(0));
    let gone = || supervisor.processes().is_empty();
    assert!(crate::common::within(Duration::from_secs(5), || gone().then_some(())).is_some());
}
