//! Where output goes: by default, to a path, joined, to the console, nowhere.

use super::common::{Launcher, Supervisor, eventually_true, proc, shell, sleeper};
use super::printing::{
    content, counted, expect_content, log_file, logger_pid, printing, printing_on, printing_once, tail,
    with_log_dir,
};
use super::tool::done;
use crate::args;

#[test]
fn output_is_captured_unless_somebody_says_otherwise() {
    let launcher = Launcher::new().program("web=sh -c 'echo out; echo err >&2; exec sleep 3600'");
    let mut supervisor = launcher.start();
    eventually_true("both are held", || {
        let both = ["stdout", "stderr"].map(|source| tail(&mut supervisor, "web", source));
        both == [(0, "out\n".to_string()), (0, "err\n".to_string())]
    });
    assert_eq!((supervisor.stdout(), supervisor.stderr()), (String::new(), String::new()));
}

#[test]
fn each_stream_has_its_file_in_the_directory_for_logs() {
    let mut supervisor = with_log_dir();
    let script = "echo I am $PROCNANNY_INSTANCE; echo error >&2";
    supervisor.create_running("hello world", &printing_on(script).with("instances", 2));
    expect_content(&log_file(&supervisor, "hello world.0.stdout.log"), "I am 0\n");
    expect_content(&log_file(&supervisor, "hello world.1.stdout.log"), "I am 1\n");
    expect_content(&log_file(&supervisor, "hello world.0.stderr.log"), "error\n");
}

#[test]
fn stderr_is_joined_to_stdout_in_order() {
    let mut supervisor = with_log_dir();
    let script = "for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done";
    supervisor.create_running("web", &printing_on(script).with("stderr", "stdout"));
    let expected: String = (1..=9).map(|i| format!("out {i}\nerr {i}\n")).collect();
    expect_content(&log_file(&supervisor, "web.0.stdout.log"), &expected);
    assert!(!log_file(&supervisor, "web.0.stderr.log").exists());
    let row = supervisor.row("web", 0);
    assert_eq!(proc::link(row.pid, "fd/1"), proc::link(row.pid, "fd/2"), "the same pipe");
}

#[test]
fn stderr_is_joined_to_a_stdout_that_is_not_captured() {
    let mut supervisor = Supervisor::start();
    let program = shell("echo err >&2; exec sleep 3600").with("stderr", "stdout");
    supervisor.create("web", &program);
    eventually_true("the supervisor's stdout has it", || supervisor.stdout() == "err\n");
    assert_eq!(supervisor.stderr(), "");
    supervisor.create_running("silent", &sleeper().with("stdout", "null").with("stderr", "stdout"));
    let row = supervisor.row("silent", 0);
    assert_eq!(["fd/1", "fd/2"].map(|fd| proc::link(row.pid, fd)), ["/dev/null"; 2]);
    assert_eq!(logger_pid(&mut supervisor), 0);
}

#[test]
fn a_path_is_a_log_file() {
    let mut supervisor = Supervisor::start();
    let path = supervisor.scratch().text("%n.%i.%s.txt");
    let program = printing_on("echo out; echo err >&2").with("stdout", path.as_str()).with("stderr", path);
    supervisor.create_running("web", &program);
    expect_content(&supervisor.scratch().join("web.0.stdout.txt"), "out\n");
    expect_content(&supervisor.scratch().join("web.0.stderr.txt"), "err\n");
}

#[test]
fn several_streams_share_a_file_in_whole_lines() {
    let mut supervisor = Supervisor::start();
    let path = supervisor.scratch().join("all.log");
    let log = procnanny::wire::value::Value::map([("file", path.to_str().unwrap().into())]);
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do printf 'a%.0s' 1 2 3; printf 'b%.0s' 1 2 3; echo; done";
    let program = printing_once(script).with("instances", 5).with("log", log);
    supervisor.create("web", &program);
    supervisor.wait_for("web", "exited");
    expect_content(&path, &"aaabbb\n".repeat(50));
}

#[test]
fn a_supervisor_none_of_whose_programs_is_captured_has_one_process() {
    let mut supervisor = Supervisor::start();
    let pipes = |pid| proc::descriptors(pid).iter().filter(|(_, path)| path.starts_with("pipe:")).count();
    let before = pipes(supervisor.pid());
    supervisor.create_running("inherits", &sleeper());
    supervisor.create_running("silent", &sleeper().with("stdout", "null").with("stderr", "null"));
    assert_eq!(logger_pid(&mut supervisor), 0);
    assert_eq!(proc::children(supervisor.pid()).len(), 2, "its two programs");
    assert_eq!(pipes(supervisor.pid()), before);
    supervisor.create_running("captured", &printing_on("echo x"));
    assert_ne!(logger_pid(&mut supervisor), 0);
    assert_eq!(proc::children(supervisor.pid()).len(), 4);
}

#[test]
fn a_captured_one_that_becomes_another_is_so_with_its_next_start() {
    let mut supervisor = with_log_dir();
    let file = log_file(&supervisor, "web.0.stdout.log");
    supervisor.create_running("web", &printing_on("echo run"));
    expect_content(&file, "run\n");
    let update = |supervisor: &mut Supervisor, to: &str| {
        supervisor.call("update", args!["program" => "web", "stdout" => to]);
        supervisor.do_and_wait("restart", "web");
    };
    update(&mut supervisor, "null");
    let row = supervisor.row("web", 0);
    assert_eq!(proc::link(row.pid, "fd/1"), "/dev/null");
    let sentence = supervisor.refusal("tail", args!["program" => "web", "instance" => 0]).sentence;
    assert!(sentence.contains("set stdout to \"log\""), "{sentence}");
    let other = supervisor.scratch().join("other.txt");
    update(&mut supervisor, other.to_str().unwrap());
    expect_content(&other, "run\n");
    update(&mut supervisor, "log");
    expect_content(&file, "run\nrun\n");
    assert_eq!(content(&other), "run\n");
}

#[test]
fn the_console_is_prefixed_when_that_is_asked_for() {
    let launcher = Launcher::new().flag("--prefix");
    let mut supervisor = launcher.start();
    let program = shell("echo out; echo err >&2; exec sleep 3600").with("minimum_run_duration", 0);
    supervisor.create_running("hello world", &program);
    eventually_true("its lines are there", || {
        (supervisor.stdout(), supervisor.stderr())
            == ("hello world/0 | out\n".to_string(), "hello world/0 | err\n".to_string())
    });
    assert_eq!(tail(&mut supervisor, "hello world", "stdout").1, "out\n");
    assert_eq!(done(&supervisor, &["logs", "hello world"]), "out\nerr\n");
}

#[test]
fn everything_is_counted() {
    let mut supervisor = with_log_dir();
    supervisor.create("web", &printing_once("printf 12345; printf 678 >&2"));
    supervisor.wait_for("web", "exited");
    eventually_true("all is written", || counted(&mut supervisor, "output_written") == 8);
    assert_eq!(counted(&mut supervisor, "output_taken"), 8);
    assert_eq!(counted(&mut supervisor, "output_dropped"), 0);
    // What is gone still counts.
    supervisor.call("remove", args!["program" => "web", "wait" => true]);
    supervisor.create("web", &printing_once("printf 12345"));
    supervisor.wait_for("web", "exited");
    eventually_true("that too", || counted(&mut supervisor, "output_taken") == 13);
}

#[test]
fn output_of_a_process_that_is_left_behind_is_the_programs_output() {
    let mut supervisor = with_log_dir();
    let go = supervisor.scratch().join("go");
    // One in a session of its own is not killed with its parent.
    let script =
        format!("setsid sh -c 'until [ -e {} ]; do sleep 0.01; done; echo late' & echo early", go.display());
    let program = printing_once(&script).with("kill_leftovers", false);
    supervisor.create("web", &program);
    supervisor.wait_for("web", "exited");
    assert_eq!(tail(&mut supervisor, "web", "stdout").1, "early\n");
    std::fs::write(&go, "").unwrap();
    expect_content(&log_file(&supervisor, "web.0.stdout.log"), "early\nlate\n");
}

#[test]
fn what_is_printed_last_is_written_when_the_supervisor_has_ended() {
    let mut supervisor = with_log_dir();
    let file = log_file(&supervisor, "web.0.stdout.log");
    let script = "trap 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo last words $i; done; exit' TERM; echo ready; \
                  while :; do sleep 0.01; done";
    supervisor.create_running("web", &printing(script));
    expect_content(&file, "ready\n");
    supervisor.call("shutdown", &[]);
    assert!(supervisor.wait().success());
    let expected: String = (1..=2000).map(|i| format!("last words {i}\n")).collect();
    assert_eq!(content(&file), format!("ready\n{expected}"));
    supervisor.expect_no_processes();
}
