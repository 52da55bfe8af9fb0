//! `procnanny history` and `procnanny why`, as people see them.

use crate::common::{Supervisor, shell, sleeper};
use crate::{args, not_again, only_run};
use procnanny::wire::{json, value::Value};
use std::process::Command;

/// What a command prints, and its exit code.
pub fn procnanny(supervisor: &Supervisor, words: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_procnanny"))
        .args(["--rpc", &supervisor.endpoint("rpc")])
        .args(words)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code().unwrap())
}

#[test]
fn a_line_a_run() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &not_again(shell("exit 3")));
    only_run(&mut supervisor, "web");
    supervisor.do_and_wait("start", "web");
    supervisor.create_running("idle", &sleeper());
    supervisor.do_and_wait("stop", "idle");
    let (text, code) = procnanny(&supervisor, &["history", "web", "idle"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(code, 0);
    assert!(lines[0].starts_with("STARTED") && lines[0].contains("ASKED BY"), "{text}");
    assert_eq!((lines[1], lines[3]), ("idle/0", "web/0"), "{text}");
    assert!(lines[2].contains("stopped, SIGTERM"), "{text}");
    let client = format!("[{}] of uid ", std::process::id());
    assert!(lines[2].contains("stop, ") && lines[2].contains(&client), "{text}");
    assert!(lines[4].contains("exit 3") && lines[5].contains("exit 3"), "{text}");
    let (text, _) = procnanny(&supervisor, &["history", "web", "-n", "1"]);
    assert_eq!(text.lines().count(), 2, "{text}");
    let (text, _) = procnanny(&supervisor, &["history", "web", "--json"]);
    let reply = json::parse(&text).unwrap();
    assert_eq!(reply.get("history").and_then(Value::as_array).unwrap().len(), 1);
    assert_eq!(procnanny(&supervisor, &["history", "nope"]).1, 4);
    assert_eq!(procnanny(&supervisor, &["history", "n*"]).1, 4);
    assert_eq!(procnanny(&supervisor, &["history", "web", "-n", "0"]).1, 2);
}

#[test]
fn a_paragraph_an_instance() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &shell("exit 1").with("flap_max", 0).with_backoff(3600));
    supervisor.wait_for("web", "backoff");
    let (text, code) = procnanny(&supervisor, &["why", "web"]);
    assert_eq!((code, text.lines().count()), (0, 1), "{text}");
    assert!(text.starts_with("web/0 is in backoff since "), "{text}");
    assert!(
        text.contains(": it exited with code 1 after ")
            && text.contains(", the 1st flap in a row. It starts again in "),
        "{text}"
    );
    supervisor.create_running("idle", &sleeper().with("backoff_min", 0));
    let (text, _) = procnanny(&supervisor, &["why", "idle"]);
    assert!(text.contains("If it died now, it would be started again at once."), "{text}");
    supervisor.call("stop", args!["program" => "idle", "wait" => true]);
    let (text, _) = procnanny(&supervisor, &["why", "idle"]);
    assert!(text.starts_with("idle/0 is down since ") && text.contains("it was stopped"), "{text}");
    assert!(text.contains(" asked for that, with 'stop'"), "{text}");
    let (text, code) = procnanny(&supervisor, &["why", "n*"]);
    assert!(text.starts_with("procnanny: nothing matches 'n*'") && code == 4, "{text}");
}
