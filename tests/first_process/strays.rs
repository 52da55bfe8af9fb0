//! Processes that left their instance: told as its own, left alone by its stop, and gone at the end.

use super::common::{
    DEADLINE, EventSource, Launcher, ProgramSettings, Supervisor, eventually, eventually_true, proc, shell,
    sleeper,
};
use super::{Place, expect_end, launcher, places, with_daemon, written};
use crate::args;
use crate::skip;
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::path::Path;
use std::process::Command;

/// A program with a daemon that writes its id to this file.
fn with_told_daemon(file: &Path) -> ProgramSettings {
    with_daemon(&format!("echo $$ > {}; sleep 3600; :", file.display()))
}

fn pids(of: &Value) -> Vec<i32> {
    let strays = of.get("strays").and_then(Value::as_array).unwrap_or_default();
    strays.iter().map(|pid| i32::try_from(pid.as_i64().unwrap()).unwrap()).collect()
}

/// The strays of an instance, as `list` has them.
fn of_instance(supervisor: &mut Supervisor, program: &str, instance: i64) -> Vec<i32> {
    let reply = supervisor.call("list", args!["program" => program, "instance" => instance]);
    pids(&reply.get("instances").and_then(Value::as_array).unwrap()[0])
}

fn of_nobody(supervisor: &mut Supervisor) -> Vec<i32> {
    pids(&supervisor.call("info", &[]))
}

/// Waits until exactly this is a stray of an instance.
#[track_caller]
fn expect_stray(supervisor: &mut Supervisor, program: &str, instance: i64, stray: i32) {
    eventually_true("the stray is listed", || of_instance(supervisor, program, instance) == [stray]);
}

#[test]
fn a_daemon_is_a_stray_of_its_instance() {
    for place in places() {
        let mut supervisor = launcher(place).start();
        let file = supervisor.scratch().join("daemon");
        let settings = with_told_daemon(&file).with("instances", 1);
        supervisor.create_running("web", &settings);
        supervisor.create_running("db", &sleeper().with("instances", 2));
        let stray: i32 = written(&file).parse().unwrap();
        expect_stray(&mut supervisor, "web", 0, stray);
        assert_eq!(of_instance(&mut supervisor, "db", 1), [0; 0]);
        assert_eq!(of_nobody(&mut supervisor), [0; 0]);
        let usage = supervisor.call("list", args!["program" => "web", "usage" => true]);
        assert_eq!(pids(&usage.get("instances").and_then(Value::as_array).unwrap()[0]), [stray]);
        // As people see it.
        let mut status = Command::new(env!("CARGO_BIN_EXE_procnanny"));
        let shown = status.args(["--rpc", &supervisor.endpoint("rpc"), "status"]).output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains(&format!("1 stray: {stray}\n")), "{shown}");

        // It is not stopped, and not told twice when there are two.
        supervisor.do_and_wait("stop", "web");
        assert_eq!(of_instance(&mut supervisor, "web", 0), [stray]);
        std::fs::remove_file(&file).unwrap();
        supervisor.do_and_wait("start", "web");
        let other: i32 = written(&file).parse().unwrap();
        let mut both = vec![stray, other];
        both.sort_unstable();
        eventually_true("both are listed", || of_instance(&mut supervisor, "web", 0) == both);
        supervisor.signal(Signal::SIGTERM);
        expect_end(&mut supervisor, 0);
    }
}

#[test]
fn each_instance_has_its_own() {
    let mut supervisor = Supervisor::start();
    let script = format!(
        "(setsid sh -c 'echo $$ > {}.$PROCNANNY_INSTANCE; sleep 3600; :' &); exec sleep 3600",
        supervisor.scratch().text("daemon")
    );
    let settings = shell(&script).with("minimum_run_duration", 0).with("instances", 3);
    supervisor.create_running("with a space", &settings);
    for instance in 0..3 {
        let file = supervisor.scratch().join(&format!("daemon.{instance}"));
        let stray = written(&file).parse().unwrap();
        expect_stray(&mut supervisor, "with a space", instance, stray);
    }
}

#[test]
fn who_is_stopped_with_its_instance_is_none() {
    let mut supervisor = Supervisor::start();
    let file = supervisor.scratch().join("child");
    // It has lost its parent, and is in the group all the same.
    let script = format!("(sh -c 'echo $$ > {}; sleep 3600; :' &); exec sleep 3600", file.display());
    supervisor.create_running("web", &shell(&script).with("minimum_run_duration", 0));
    let child: i32 = written(&file).parse().unwrap();
    let pid = supervisor.pid();
    eventually_true("it is adopted", || proc::stat(child).is_some_and(|stat| stat.parent == pid));
    assert_eq!(of_instance(&mut supervisor, "web", 0), [0; 0]);
    assert_eq!(of_nobody(&mut supervisor), [0; 0]);
}

#[test]
fn leftovers_that_are_left_alone_are_strays_of_the_next_run() {
    let mut supervisor = Supervisor::start();
    let file = supervisor.scratch().join("child");
    let script = format!("[ -e {0} ] || (echo $$ > {0}; exec sleep 3600) & exec sleep 3600", file.display());
    let settings = shell(&script).with("minimum_run_duration", 0).with("kill_leftovers", false);
    let main = supervisor.create_running("web", &settings.with("backoff_min", 0))[0].pid;
    written(&file);
    let child = eventually("the child", DEADLINE, || proc::children(main).first().copied());
    let mut events = supervisor.events();
    assert!(proc::send(main, Signal::SIGKILL));
    events.until_state("web", 0, "running");
    expect_stray(&mut supervisor, "web", 0, child);
}

#[test]
fn strays_of_what_was_removed_are_listed_by_info() {
    let mut supervisor = Supervisor::start();
    let file = supervisor.scratch().join("daemon");
    supervisor.create_running("web", &with_told_daemon(&file));
    let stray = written(&file).parse().unwrap();
    expect_stray(&mut supervisor, "web", 0, stray);
    supervisor.call("remove", args!["program" => "web", "force" => true, "wait" => true]);
    eventually_true("it is of nobody", || of_nobody(&mut supervisor) == [stray]);
    // Who comes back under the same name finds it.
    supervisor.create("web", &sleeper());
    expect_stray(&mut supervisor, "web", 0, stray);
    assert!(proc::send(stray, Signal::SIGKILL));
    eventually_true("it has gone", || !of_instance(&mut supervisor, "web", 0).contains(&stray));
}

#[test]
fn one_without_a_mark_is_known_by_its_session_or_not_at_all() {
    let mut supervisor = Supervisor::start();
    let [session, none] = ["session", "none"].map(|name| supervisor.scratch().join(name));
    // A group of its own in the session of the main process: what an interactive shell makes of a job.
    let python = "import os,sys,time\nif os.fork(): sys.exit()\nos.setpgid(0, 0)\n\
                  open(sys.argv[1], 'w').write('%d\\n' % os.getpid())\ntime.sleep(3600)";
    let script = format!(
        "env -i python3 -c \"{python}\" {}; (env -i setsid sh -c 'echo $$ > {}; /bin/sleep 3600; :' &); exec sleep 3600",
        session.display(),
        none.display()
    );
    if !Command::new("python3").args(["-c", "0"]).status().is_ok_and(|status| status.success()) {
        skip!("python3 is missing");
    }
    supervisor.create_running("web", &shell(&script).with("minimum_run_duration", 0));
    let (session, none) = (written(&session).parse().unwrap(), written(&none).parse().unwrap());
    expect_stray(&mut supervisor, "web", 0, session);
    eventually_true("it is of nobody", || of_nobody(&mut supervisor) == [none]);
}

#[test]
fn processes_of_a_supervisor_below_are_not_taken_for_its_own() {
    let mut outer = Supervisor::start();
    let file = outer.scratch().join("inner");
    // It has a program of the same name, and its runtime directory elsewhere.
    let script = format!(
        "exec {} run --runtime-dir {} --program \"web=sh -c 'echo \\$\\$ > {}; exec sleep 3600'\" {}",
        env!("CARGO_BIN_EXE_procnanny"),
        outer.scratch().text("inner-run"),
        file.display(),
        outer.scratch().path().display()
    );
    let settings = shell(&script).with("minimum_run_duration", 0).with("restart", "never");
    let inner = outer.create_running("web", &settings)[0].pid;
    let left: i32 = written(&file).parse().unwrap();
    assert!(proc::send(inner, Signal::SIGKILL));
    outer.wait_for("web", "exited");
    eventually_true("it is adopted, and of nobody", || of_nobody(&mut outer).contains(&left));
    // Its logger is, as long as it has something to write: the supervisor itself was one of the program's.
    assert!(!of_instance(&mut outer, "web", 0).contains(&left));
    outer.signal(Signal::SIGTERM);
    expect_end(&mut outer, 0);
}

#[test]
fn thousands_hold_up_nobody() {
    const CROWD: usize = 1000;
    let place = places().pop().unwrap();
    let mut supervisor = launcher(place).start();
    let [done, fifo] = ["done", "fifo"].map(|name| supervisor.scratch().text(name));
    // Left by an earlier run, whose group is not that of the present one.
    let script = format!(
        "[ -e {done} ] && exec sleep 3600; mkfifo {fifo}; exec 3<>{fifo}; i=0
         while [ $i -lt {CROWD} ]; do (read x <&3 &); i=$((i + 1)); done; echo > {done}; exit 1"
    );
    let settings = shell(&script).with("kill_leftovers", false).with("backoff_min", 0);
    supervisor.create("web", &settings.with("minimum_run_duration", 0));
    eventually("the crowd is made", 3 * DEADLINE, || std::fs::metadata(&done).ok());
    eventually("all are listed", DEADLINE, || {
        (of_instance(&mut supervisor, "web", 0).len() == CROWD).then_some(())
    });
    // One that is reaped is listed no more.
    let first = of_instance(&mut supervisor, "web", 0)[0];
    if place == Place::Here {
        assert!(proc::send(first, Signal::SIGKILL));
        eventually_true("it has gone", || !of_instance(&mut supervisor, "web", 0).contains(&first));
    }
    supervisor.signal(Signal::SIGTERM);
    expect_end(&mut supervisor, 0);
}

#[test]
fn without_proc_nothing_is_said_of_them() {
    if !super::common::is_root() {
        skip!("to take /proc away takes root");
    }
    let script = "exec unshare -m sh -c 'mount --make-rprivate / && umount -l /proc; exec \"$@\"' sh \"$@\"";
    let mut supervisor = Launcher::new().through_shell(script).start();
    supervisor.create_running("web", &sleeper());
    for reply in [supervisor.call("info", &[]), supervisor.call("list", &[])] {
        let row = reply.get("instances").and_then(Value::as_array).map_or(&reply, |rows| &rows[0]);
        assert_eq!(row.get("strays"), Some(&Value::Nil), "{reply:?}");
    }
}
