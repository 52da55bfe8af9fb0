//! `tail`: what is held of what was printed.

use super::common::{Supervisor, eventually_true, proc, sleeper};
use super::printing::{expect_tail, logger_pid, printing_on, printing_once, shown, tail};
use super::tool::{ask, done};
use crate::args;
use nix::sys::signal::Signal;

#[test]
fn the_last_words_are_there_right_after_an_exit() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &printing_once("echo $PROCNANNY_INSTANCE says goodbye").with("start", false));
    for round in 1..=20 {
        supervisor.command("start", args!["program" => "web"]);
        supervisor.until("web", 0, "it has ended", |row| row.state == "exited" && row.start_count == round);
        let said = tail(&mut supervisor, "web", "stdout").1;
        assert_eq!(said.lines().count(), usize::try_from(round).unwrap(), "{said}");
    }
    assert_eq!(done(&supervisor, &["logs", "-n", "1", "web"]), "0 says goodbye\n");
}

#[test]
fn sixteen_kibibytes_are_held_and_numbered() {
    let mut supervisor = Supervisor::start();
    supervisor.create(
        "web",
        &printing_once("i=0; while [ $i -lt 3000 ]; do i=$((i+1)); printf '%07d\\n' $i; done"),
    );
    supervisor.wait_for("web", "exited");
    eventually_true("all of it was taken", || {
        super::printing::counted(&mut supervisor, "output_taken") == 24_000
    });
    let (offset, data) = tail(&mut supervisor, "web", "stdout");
    assert_eq!((offset, data.len()), (24_000 - (16 << 10), 16 << 10));
    let expected: String = (3000 - 2047..=3000).map(|i| format!("{i:07}\n")).collect();
    assert_eq!(data, expected);
    let part = |bytes: i64| args_of(bytes);
    assert_eq!(shown(&supervisor.call("tail", &part(8))), (23_992, "0003000\n".to_string()));
    assert_eq!(shown(&supervisor.call("tail", &part(0))), (24_000, String::new()));
    assert_eq!(shown(&supervisor.call("tail", &part(1 << 20))).1.len(), 16 << 10);
}

fn args_of(bytes: i64) -> [(&'static str, procnanny::wire::value::Value); 3] {
    [("program", "web".into()), ("instance", 0.into()), ("bytes", bytes.into())]
}

#[test]
fn what_is_not_captured_is_refused_with_what_would_change_that() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("stderr", "null"));
    supervisor.create_running("joined", &printing_on("true").with("stderr", "stdout"));
    let mut refused = |program: &str, source: &str| {
        let refusal =
            supervisor.refusal("tail", args!["program" => program, "instance" => 0, "source" => source]);
        (refusal.code, refusal.sentence)
    };
    let failed = |sentence: &str| ("failed".to_string(), sentence.to_string());
    assert_eq!(
        refused("web", "stdout"),
        failed("stdout of 'web' goes to the supervisor's: set stdout to \"log\" to have it kept")
    );
    assert_eq!(
        refused("web", "stderr"),
        failed("stderr of 'web' is thrown away: set stderr to \"log\" to have it kept")
    );
    assert!(refused("joined", "stderr").1.contains("ask for stdout"));
    let said = ask(&supervisor, &["logs", "web"]);
    assert!(said.expect_only_error(1).contains("set stdout to \"log\""), "{said:?}");
    assert_eq!(done(&supervisor, &["logs", "joined"]), "", "one of its streams is captured");
}

#[test]
fn what_is_not_there_is_refused() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &printing_once("true").with("start", false));
    let mut code = |program: &str, instance: i64, more: (&str, &str)| {
        let arguments = args!["program" => program, "instance" => instance, more.0 => more.1];
        supervisor.refusal("tail", arguments).code
    };
    assert_eq!(code("wbe", 0, ("source", "stdout")), "no-such-program");
    assert_eq!(code("web", 1, ("source", "stdout")), "no-such-instance");
    assert_eq!(code("web", 0, ("source", "stdin")), "bad-argument");
    assert_eq!(code("web", 0, ("bytes", "many")), "bad-argument");
    assert_eq!(tail(&mut supervisor, "web", "stdout"), (0, String::new()), "it has never run");
    ask(&supervisor, &["logs", "wbe"]).expect_only_error(4);
    ask(&supervisor, &["logs"]).expect_only_error(2);
    ask(&supervisor, &["logs", "--source", "stdin", "web"]).expect_only_error(2);
}

#[test]
fn it_answers_while_the_logger_hangs() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &printing_on("echo before"));
    expect_tail(&mut supervisor, "web", "before\n");
    let logger = logger_pid(&mut supervisor);
    proc::send(logger, Signal::SIGSTOP);
    supervisor.do_and_wait("restart", "web");
    // What it prints now waits in its pipe.
    assert_eq!(tail(&mut supervisor, "web", "stdout").1, "before\n");
    proc::send(logger, Signal::SIGCONT);
    expect_tail(&mut supervisor, "web", "before\nbefore\n");
}
