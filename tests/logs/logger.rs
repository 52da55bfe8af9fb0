//! The process of the logger: killed, stopped, in trouble; and what goes on meanwhile.

use super::common::{
    EventSource, Launcher, Scratch, Supervisor, eventually, eventually_true, proc, shell, sleeper,
};
use super::printing::{
    content, counting, expect_content, log_file, logger_pid, printing, printing_on, printing_once, tail,
    with_log_dir,
};
use crate::args;
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// The numbers of `line N` in the files of a stream, oldest first.
fn numbers(supervisor: &Supervisor, name: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    for suffix in (1..=9).rev().map(|number| format!(".{number}")).chain([String::new()]) {
        let content = content(&log_file(supervisor, &format!("{name}{suffix}")));
        numbers.extend(content.lines().map(|line| {
            let number = line.strip_prefix("line ").unwrap_or_else(|| panic!("{line:?}"));
            number.parse::<u64>().unwrap()
        }));
    }
    numbers
}

#[test]
fn a_logger_that_is_killed_loses_nothing() {
    let mut supervisor = with_log_dir();
    let mut events = supervisor.events();
    let (stop, last) = (supervisor.scratch().join("stop"), supervisor.scratch().join("last"));
    supervisor.create_running("web", &counting(&stop, &last));
    let bystander = supervisor.create_running("bystander", &sleeper());
    let taken = |supervisor: &mut Supervisor| super::printing::counted(supervisor, "output_taken");
    for _ in 0..5 {
        let before = taken(&mut supervisor);
        eventually_true("it writes", || taken(&mut supervisor) > before + 1000);
        let logger = logger_pid(&mut supervisor);
        proc::send(logger, Signal::SIGKILL);
        let restarted = events.expect_event("logger_restarted");
        let reason = restarted.get("reason").and_then(Value::text).unwrap();
        assert_eq!(reason, "was killed by signal 9 (KILL)");
        assert_ne!(restarted.get("pid").and_then(Value::as_i64), Some(i64::from(logger)));
    }
    fs::write(&stop, "").unwrap();
    let count: u64 =
        eventually("it says how many", super::common::DEADLINE, || content(&last).trim().parse().ok());
    eventually_true("all is written", || numbers(&supervisor, "web.0.stdout.log").last() == Some(&count));
    let numbers = numbers(&supervisor, "web.0.stdout.log");
    assert!(numbers.iter().copied().eq(1..=count), "each line once: {} of {count}", numbers.len());
    // Its death is nobody else's.
    let rows = [supervisor.rows("web"), supervisor.rows("bystander")].concat();
    assert!(rows.iter().all(|row| row.start_count == 1 && row.state == "running"), "{rows:?}");
    assert_eq!(rows[1].pid, bystander[0].pid);
}

#[test]
fn a_logger_that_hangs_holds_up_nobody() {
    let mut supervisor = with_log_dir();
    let ran = supervisor.scratch().text("ran");
    let script = format!("echo one run; echo > {ran}.$$");
    supervisor.create_running("web", &printing_on(&script).with("backoff_min", 0));
    expect_content(&log_file(&supervisor, "web.0.stdout.log"), "one run\n");
    let logger = logger_pid(&mut supervisor);
    proc::send(logger, Signal::SIGSTOP);
    eventually_true("it is stopped", || proc::stat(logger).is_some_and(|stat| stat.state == 'T'));
    for round in 2..=11 {
        let pid = supervisor.row("web", 0).pid;
        eventually_true("it has printed", || fs::exists(format!("{ran}.{pid}")).unwrap());
        proc::send(pid, Signal::SIGKILL);
        supervisor
            .until("web", 0, "its successor runs", |row| row.start_count == round && row.state == "running");
    }
    let pid = supervisor.row("web", 0).pid;
    eventually_true("it has printed", || fs::exists(format!("{ran}.{pid}")).unwrap());
    // New ones too, more than the channel to the logger has room for.
    let many = printing("exec sleep 3600").with("instances", 200);
    supervisor.create_running("many", &many);
    supervisor.call("remove", args!["program" => "many", "force" => true, "wait" => true]);
    proc::send(logger, Signal::SIGCONT);
    expect_content(&log_file(&supervisor, "web.0.stdout.log"), &"one run\n".repeat(11));
    supervisor.create_running("after", &printing_on("echo after"));
    expect_content(&log_file(&supervisor, "after.0.stdout.log"), "after\n");
}

#[test]
fn a_program_whose_pipe_is_full_goes_on_when_there_is_a_logger_again() {
    let mut supervisor = with_log_dir();
    supervisor.create_running("first", &printing_on("echo x"));
    let logger = logger_pid(&mut supervisor);
    proc::send(logger, Signal::SIGSTOP);
    let script = "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); echo line $i; done; echo done";
    supervisor.create("web", &printing_once(script));
    proc::send(logger, Signal::SIGKILL);
    supervisor.wait_for("web", "exited");
    let file = log_file(&supervisor, "web.0.stdout.log");
    super::printing::until_content(&file, "all of it", |content| content.ends_with("line 50000\ndone\n"));
    assert_eq!(content(&file).lines().count(), 50_001);
}

#[test]
fn programs_do_not_die_of_their_output_when_the_supervisor_is_killed() {
    let mut supervisor = with_log_dir();
    let file = log_file(&supervisor, "web.0.stdout.log");
    let program = printing("trap 'exit 9' PIPE; i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done");
    let row = supervisor.create_running("web", &program).remove(0);
    eventually_true("it prints", || !content(&file).is_empty());
    supervisor.signal(Signal::SIGKILL);
    supervisor.wait();
    let before = content(&file).lines().count();
    eventually_true("it goes on, and so does the logger", || content(&file).lines().count() > before + 20);
    assert!(proc::is_alive(row.pid));
}

#[test]
fn one_that_outlives_its_supervisor_leaves_the_socket_of_the_next_one_alone() {
    let place = Scratch::new();
    let supervised = || {
        let mut supervisor = Launcher::new().runtime_dir(&place.join("run")).start();
        let row = supervisor.create_running("web", &printing_on("echo x")).remove(0);
        eventually_true("it is read", || tail(&mut supervisor, "web", "stdout").1 == "x\n");
        let logger = logger_pid(&mut supervisor);
        (supervisor, row.pid, logger)
    };
    let socket = place.join("run/output");
    let (mut killed, program, logger) = supervised();
    killed.signal(Signal::SIGKILL);
    killed.wait();
    let (_supervisor, ..) = supervised();
    let inode = fs::metadata(&socket).unwrap().ino();
    proc::send(program, Signal::SIGKILL);
    eventually_true("the old logger has ended", || !proc::is_alive(logger));
    assert_eq!(fs::metadata(&socket).unwrap().ino(), inode);
}

#[test]
fn one_that_dies_again_and_again_is_started_more_slowly_and_that_is_told() {
    let mut supervisor = with_log_dir();
    let mut events = supervisor.events();
    supervisor.create_running("web", &printing_on("echo x"));
    expect_content(&log_file(&supervisor, "web.0.stdout.log"), "x\n");
    let mut failed = None;
    // On a slow machine it may have lived long enough now and then.
    for _ in 0..100 {
        proc::send(logger_pid(&mut supervisor), Signal::SIGKILL);
        let event = events.expect("it is gone", |event| {
            let word = event.get("event").and_then(Value::text);
            matches!(word, Some("logger_restarted" | "logger_failed"))
        });
        if event.get("event").and_then(Value::text) == Some("logger_failed") {
            failed = Some(event);
            break;
        }
    }
    let failed = failed.expect("it is told");
    assert!(failed.get("reason").and_then(Value::text).unwrap().contains("again and again"), "{failed:?}");
    // Nobody waits for it, and in a second there is another.
    supervisor.do_and_wait("restart", "web");
    eventually_true("there is another one", || logger_pid(&mut supervisor) != 0);
    expect_content(&log_file(&supervisor, "web.0.stdout.log"), "x\nx\n");
}

#[test]
fn it_works_as_an_ordinary_user() {
    let launcher = Launcher::new().ordinary_user();
    let directory = launcher.scratch().join("log");
    let mut supervisor = launcher.option("--log-dir", directory).start();
    let program = shell("echo hello; exec sleep 3600").with("stdout", "log").with("minimum_run_duration", 0);
    supervisor.create_running("web", &program);
    expect_content(&log_file(&supervisor, "web.0.stdout.log"), "hello\n");
    assert_eq!(tail(&mut supervisor, "web", "stdout").1, "hello\n");
}
