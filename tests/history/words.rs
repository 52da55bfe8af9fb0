//! What a run said last: the end of its standard error, or of its standard output where that is empty.

use crate::common::{DEADLINE, EventLog, EventSource, ProgramSettings, Supervisor, eventually, shell};
use crate::{integer, not_again, only_run, runs, text};
use procnanny::wire::value::Value;

/// A script whose output is captured.
fn captured(script: &str) -> ProgramSettings {
    shell(script).with("stdout", "log").with("stderr", "log")
}

/// The last words of the only run of `web`, as soon as they are known.
#[track_caller]
fn words_of(settings: ProgramSettings) -> Value {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &not_again(settings));
    words(&mut supervisor)
}

#[track_caller]
fn words(supervisor: &mut Supervisor) -> Value {
    eventually("last words", DEADLINE, || {
        let run = only_run(supervisor, "web");
        run.get("last_output").filter(|words| **words != Value::Nil).cloned()
    })
}

#[test]
fn standard_error_goes_before_standard_output() {
    assert_eq!(words_of(captured("echo out; echo err >&2; exit 1")), Value::from("err\n"));
    assert_eq!(words_of(captured("echo out; exit 1")), Value::from("out\n"));
    assert_eq!(
        words_of(captured("echo out; echo err >&2").with("stderr", "stdout")),
        Value::from("out\nerr\n")
    );
}

#[test]
fn the_last_of_much_is_kept() {
    let words = words_of(captured("head -c 300000 /dev/zero | tr '\\0' x >&2; printf 'the end' >&2; exit 1"));
    let words = words.text().unwrap();
    assert_eq!(words.len(), 1024);
    assert!(words.ends_with("xxxthe end"), "{words}");
}

#[test]
fn what_is_no_text_is_kept_as_it_is() {
    assert_eq!(words_of(captured("printf 'a\\377b' >&2")), Value::Bin(b"a\xffb".to_vec()));
}

/// However soon the next run prints something, each has its own words, and who was silent has none.
#[test]
fn each_run_has_its_own() {
    let mut supervisor = Supervisor::start();
    let file = supervisor.scratch().join("count");
    let script = format!(
        "n=$(cat {0} 2>/dev/null || echo 0); echo $((n + 1)) > {0}; [ $n -eq 3 ] || echo \"run $n\" >&2; exit $n",
        file.display()
    );
    supervisor.create("web", &captured(&script).with("minimum_run_duration", 0).with_backoff(0));
    let mut events = EventLog::from_the_oldest(supervisor.client());
    events.expect("so many starts", |event| {
        integer(event, "seq") > 0 && event.get("start_count").and_then(Value::as_i64) >= Some(9)
    });
    supervisor.do_and_wait("stop", "web");
    let ended = |run: &Value| text(run, "cause") == "exit";
    let held = eventually("all last words", DEADLINE, || {
        let held: Vec<Value> = runs(&mut supervisor, "web", 0).into_iter().filter(ended).collect();
        let silent = held.iter().filter(|run| run.get("last_output") == Some(&Value::Nil)).count();
        (silent == 1).then_some(held)
    });
    for run in held {
        match integer(&run, "exitcode") {
            3 => assert_eq!(run.get("last_output"), Some(&Value::Nil)),
            code => assert_eq!(text(&run, "last_output"), format!("run {code}\n")),
        }
    }
}

#[test]
fn what_is_not_captured_is_not_known() {
    let mut supervisor = Supervisor::start();
    supervisor
        .create("web", &not_again(shell("echo lost >&2").with("stderr", "null").with("stdout", "null")));
    let run = only_run(&mut supervisor, "web");
    assert_eq!(run.get("last_output"), Some(&Value::Nil));
}

#[test]
fn on_a_terminal_they_do_no_harm() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &not_again(captured("printf 'first\\nbad: \\033[2Jx\\n\\n' >&2; exit 1")));
    words(&mut supervisor);
    let (text, code) = crate::command::procnanny(&supervisor, &["history", "web"]);
    assert_eq!(code, 0);
    assert_eq!(text.lines().last(), Some("    \"bad: \\u{1b}[2Jx\""), "{text}");
}
