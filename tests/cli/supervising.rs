//! `run` and `shutdown`: how a supervisor begins from the command line, and how it is ended.

use super::common::{Launcher, Scratch, Supervisor, deaf, proc, sleeper};
use super::tool::{Background, ask, done, run, tool};
use nix::sys::signal::Signal;

#[test]
fn a_program_on_the_command_line_is_split_as_a_shell_splits() {
    let launcher = Launcher::new()
        .program("hello world=sh -c 'exec sleep \"$1\"' 'it''s' 3600")
        .program("plain=sleep 36\\00 # $HOME");
    let mut supervisor = launcher.start();
    let status = |supervisor: &Supervisor, name: &str| {
        done(supervisor, &["call", "status", &format!("program={name}")])
    };
    let printed = status(&supervisor, "hello world");
    for part in [r#""command": "sh""#, r#""exec sleep \"$1\"""#, r#""its""#, r#""3600""#] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let printed = status(&supervisor, "plain");
    assert!(printed.contains(r##"["3600", "#", "$HOME"]"##), "nothing is expanded: {printed}");
    supervisor.until("hello world", 0, "it sleeps", |row| {
        row.pid != 0 && proc::arguments(row.pid) == ["sleep", "3600"]
    });
}

#[test]
fn options_of_run_that_are_wrong_are_refused_with_a_sentence() {
    let scratch = Scratch::new();
    let dir = scratch.text("run");
    let wrong: [(&[&str], i32, &str); 12] = [
        (&["--program", "web"], 2, "NAME=COMMAND"),
        (&["--program", "web="], 2, "no command"),
        (&["--program", "web=sh -c 'x"], 2, "never closed"),
        (&["--program", "a/b=true"], 2, "'/'"),
        (&["--program", "a=true", "--program", "a=false"], 2, "'a' already"),
        (&["--endpoint", "ipc:///tmp/x,acess=read"], 2, "did you mean 'access'?"),
        (&["--endpoint", "ipc:///tmp/x,access=root"], 2, "read, control or admin"),
        (&["--endpoint", "tcp://0.0.0.0:0"], 1, "loopback"),
        (&["--endpoint", "http://x"], 1, "ipc://PATH"),
        (&["--parent", "1"], 2, "--parent 1"),
        (&["--parent", "me"], 2, "me"),
        (&["--prgram", "a=b"], 2, "--prgram"),
    ];
    for (options, code, part) in wrong {
        let ran = run(tool(&[&["run", "--runtime-dir", &dir], options].concat()));
        assert!(ran.expect_only_error(code).contains(part), "{options:?}: {ran:?}");
    }
    let ran = run(tool(&["run", "--runtime-dir", "/dev/null/x"]));
    assert!(ran.expect_only_error(1).contains("/dev/null"), "{ran:?}");
}

#[test]
fn a_second_supervisor_in_the_same_directory_is_refused() {
    let mut supervisor = Supervisor::start();
    let dir = supervisor.runtime_dir().to_str().unwrap().to_string();
    let ran = run(tool(&["run", "--runtime-dir", &dir]));
    assert!(ran.expect_only_error(1).contains(&dir), "{ran:?}");
    supervisor.call("dance", &[]);
}

#[test]
fn shutdown_ends_when_the_supervisor_and_its_programs_are_gone() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    assert_eq!(done(&supervisor, &["shutdown"]), "");
    assert!(!proc::is_alive(pid) && !proc::is_alive(supervisor.pid()));
    assert_eq!(supervisor.wait().code(), Some(0));
    ask(&supervisor, &["shutdown"]).expect_only_error(5);
}

#[test]
fn shutdown_kills_what_does_not_stop_in_time() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("deaf", &deaf());
    done(&supervisor, &["shutdown", "--timeout", "0.2"]);
    assert!(!proc::is_alive(supervisor.pid()));
    supervisor.expect_no_processes();
    assert_eq!(supervisor.wait().code(), Some(0));
}

#[test]
fn shutdown_without_waiting_leaves_the_supervisor_on_its_way() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("deaf", &deaf());
    done(&supervisor, &["shutdown", "--no-wait", "--timeout", "1h"]);
    assert!(proc::is_alive(supervisor.pid()));
    assert_eq!(supervisor.row("deaf", 0).state, "stopping");
}

#[test]
fn a_supervisor_ends_with_the_parent_that_it_was_told_of() {
    let scratch = Scratch::new();
    let script = format!(
        "'{}' run '{}' --parent $$ --runtime-dir '{}' & echo $!; wait",
        env!("CARGO_BIN_EXE_procnanny"),
        scratch.path().display(),
        scratch.text("run")
    );
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", &script]);
    let shell = Background::start(shell);
    let supervisor: i32 = shell.line().trim().parse().unwrap();
    super::common::eventually_true("it listens", || scratch.join("run/rpc").exists());
    shell.signal(Signal::SIGKILL);
    super::common::eventually_true("it ends", || !proc::is_alive(supervisor));
}
