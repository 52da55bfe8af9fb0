//! Hooks on the command line: given, shown, and told of.

use crate::common::Supervisor;
use crate::next_end;
use std::process::Command;

/// Runs the command line against a supervisor; what it prints, and whether that went well.
fn run(supervisor: &Supervisor, words: &[&str]) -> (String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_procnanny"));
    let output = command.args(words).env("PROCNANNY_RPC", supervisor.endpoint("rpc")).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.success())
}

#[test]
fn they_are_given_as_json_and_told_in_a_line() {
    let supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let first = r#"{"on": "running", "command": "/bin/sh", "args": ["-c", "exit 3"]}"#;
    let second = r#"{"on": ["running->stopping", "failed"], "command": "/nonexistent"}"#;
    let words = ["create", "web", "minimum_run_duration=0", "--hooks", first, "--hooks", second, "--"];
    let (told, done) = run(&supervisor, &[&words[..], &["sleep", "3600"]].concat());
    assert!(done, "{told}");
    let of = next_end(&mut events).of;
    assert!(run(&supervisor, &["stop", "web"]).1);
    next_end(&mut events);
    let (told, _) = run(&supervisor, &["events", "web/0"]);
    let line = |part: &str| told.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{told}"));
    let ran = line("hook *->running");
    assert!(ran.contains("  web/0  ") && ran.contains(&format!("/bin/sh for {of}: exit 3 after ")), "{ran}");
    let refused = line("hook running->stopping");
    let why = "was not executed: exec: No such file or directory (/nonexistent)";
    assert!(refused.ends_with(why), "{refused}");
    let (told, _) = run(&supervisor, &["info"]);
    let counts: Vec<&str> = told.lines().filter(|line| line.starts_with("hooks ")).collect();
    let counts: Vec<String> =
        counts.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        counts,
        ["hooks queued 0", "hooks running 0", "hooks run 2", "hooks failed 2", "hooks dropped 0"]
    );
    let (told, done) = run(&supervisor, &["update", "web", "--hooks", r#"{"on": "fialed", "command": "x"}"#]);
    assert!(!done && told.contains("did you mean 'failed'?"), "{told}");
    let (told, done) = run(&supervisor, &["update", "web", "--hooks", "alert"]);
    assert!(!done && told.contains("expected a hook as a JSON object, or an array of them"), "{told}");
    assert!(run(&supervisor, &["update", "web", "--hooks", "[]"]).1);
}
