//! Hooks of configuration files: for all programs, for some, and changed by a reload.

use crate::common::{EventSource, Launcher, Supervisor, eventually_true, lines, proc, sleeper};
use crate::{count, hook, hooks, next_end, until_idle};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A hook as a file has it, which notes a word and the name of the program.
fn noting(diary: &Path, word: &str, more: &str) -> String {
    let script = format!("echo {word} $PROCNANNY_PROGRAM $PROCNANNY_STATE >> {}", diary.display());
    format!("[[hook]]\ncommand = '/bin/sh'\nargs = ['-c', '{script}']\n{more}\n")
}

fn program(name: &str) -> String {
    format!(
        "[program.{name}]\ncommand = 'sleep'\nargs = ['3600']\nminimum_run_duration = 0\nbackoff_min = 0\n"
    )
}

fn noted(path: &Path, count: usize) -> BTreeSet<String> {
    lines(path, count).into_iter().collect()
}

#[test]
fn they_are_for_the_programs_that_they_name_whoever_made_them() {
    let launcher = Launcher::new();
    let diary = launcher.scratch().join("diary");
    let all = noting(&diary, "all", "on = 'running'");
    let some = noting(&diary, "some", "on = ['running', 'failed']\nprogram = 'web*'");
    let text = [all, program("web"), program("db"), some].concat();
    let mut supervisor = launcher.configuration(&text).start();
    let expected = ["all web running", "all db running", "some web running"].map(str::to_string);
    assert_eq!(noted(&diary, 3), BTreeSet::from(expected));
    until_idle(&mut supervisor);
    fs::remove_file(&diary).unwrap();
    let own = hook(&["running"], &format!("echo own >> {}", diary.display()), []);
    supervisor.create_running("web-made", &sleeper().with("hooks", hooks([own])));
    let expected = ["all web-made running", "some web-made running", "own"].map(str::to_string);
    assert_eq!(noted(&diary, 3), BTreeSet::from(expected));
    until_idle(&mut supervisor);
    assert_eq!(count(&mut supervisor, "hooks_run"), 6);
}

#[test]
fn a_reload_changes_them_in_place() {
    let launcher = Launcher::new();
    let diary = launcher.scratch().join("diary");
    let [first, second, third] =
        ["first", "second", "third"].map(|word| noting(&diary, word, "on = 'running->exited'"));
    let web = program("web");
    let mut supervisor = launcher.configuration(&[&*first, &second, &web].concat()).start();
    let pid = supervisor.wait_for("web", "running")[0].pid;
    let reload = |supervisor: &mut Supervisor, text: String| {
        supervisor.configure(&text);
        let reply = supervisor.call("reload", &[]);
        let hooks = |key: &str| reply.get("hooks").and_then(|hooks| hooks.get(key)).and_then(Value::as_i64);
        assert_eq!(reply.get("unchanged"), Some(&Value::Int(1)), "the program is");
        (hooks("added").unwrap(), hooks("removed").unwrap())
    };
    assert_eq!(reload(&mut supervisor, [&*first, &second, &web].concat()), (0, 0));
    assert_eq!(reload(&mut supervisor, [&*second, &third, &web].concat()), (1, 1));
    assert_eq!(supervisor.row("web", 0).pid, pid);
    proc::send(pid, Signal::SIGKILL);
    let expected = ["second web exited", "third web exited"].map(str::to_string);
    assert_eq!(noted(&diary, 2), BTreeSet::from(expected));
    assert_eq!(reload(&mut supervisor, web.clone()), (0, 2));
    proc::send(supervisor.wait_for("web", "running")[0].pid, Signal::SIGKILL);
    supervisor.until("web", 0, "the next", |row| row.start_count == 3 && row.state == "running");
    until_idle(&mut supervisor);
    assert_eq!(lines(&diary, 2).len(), 2);
    // What is wrong changes nothing, hooks neither.
    supervisor.configure(&[&*first, "[[hook]]\non = 'fialed'\ncommand = 'x'\n", &web].concat());
    assert_eq!(supervisor.refusal("reload", &[]).code, "bad-config");
    proc::send(supervisor.wait_for("web", "running")[0].pid, Signal::SIGKILL);
    supervisor.until("web", 0, "the next", |row| row.start_count == 4 && row.state == "running");
    assert_eq!(count(&mut supervisor, "hooks_run"), 2);
}

#[test]
fn what_waits_for_one_that_stays_goes_on_and_for_one_that_goes_is_dropped() {
    let launcher = Launcher::new();
    let go = launcher.scratch().join("go");
    let held = |code: u32| {
        let script = format!("while ! test -e {}; do sleep 0.02; done; exit {code}", go.display());
        format!(
            "[[hook]]\non = ['starting', 'running']\ncommand = '/bin/sh'\nargs = ['-c', '{script}']\ntimeout = '1h'\n"
        )
    };
    let mut supervisor = launcher.configuration(&[held(1), held(2), program("web")].concat()).start();
    let mut events = supervisor.subscriber(&["hook/", "supervisor"]);
    supervisor.wait_for("web", "running");
    eventually_true("one of each waits", || count(&mut supervisor, "hooks_queued") == 2);
    supervisor.configure(&[held(2), program("web")].concat());
    supervisor.call("reload", &[]);
    assert_eq!(count(&mut supervisor, "hooks_queued"), 1);
    assert_eq!(events.expect_event("hooks_dropped").get("count"), Some(&Value::Int(1)));
    fs::write(&go, "").unwrap();
    let mut codes: Vec<i64> =
        (0..3).map(|_| crate::Ended::read(&events.expect_event("hook")).exitcode).collect();
    codes.sort_unstable();
    assert_eq!(codes, [1, 2, 2]);
}

#[test]
fn the_hooks_of_a_program_of_a_file_change_with_it() {
    let hook = |code: u32| {
        format!("hooks = [{{ on = 'running->exited', command = '/bin/sh', args = ['-c', 'exit {code}'] }}]\n")
    };
    let mut supervisor = Launcher::new().configuration(&(program("web") + &hook(3))).start();
    let mut events = supervisor.events();
    let pid = supervisor.wait_for("web", "running")[0].pid;
    supervisor.configure(&(program("web") + &hook(4)));
    let reply = supervisor.call("reload", &[]);
    assert_eq!(reply.get("changed"), Some(&Value::Array(vec![Value::from("web")])));
    assert_eq!(supervisor.row("web", 0).pid, pid);
    proc::send(pid, Signal::SIGKILL);
    assert_eq!(next_end(&mut events).exitcode, 4);
}

#[test]
fn each_mistake_is_told_at_its_place() {
    let launcher = Launcher::new();
    let path = launcher.scratch().join("a.toml");
    let text = "[[hook]]\non = [\"failed\", \"runing->exited\"]\ncommand = \"x\"\n[[hook]]\non = \"failed\"\n\
                [[hook]]\non = \"failed\"\ncomand = \"x\"\ntimeout = \"soon\"\n";
    fs::write(&path, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_procnanny")).arg("check").arg(&path).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expect = |place: &str, words: &str| {
        let begin = format!("{}:{place}: ", path.display());
        let line = told.lines().find(|line| line.starts_with(&begin));
        assert!(line.is_some_and(|line| line.contains(words)), "{begin}{words}: {told}");
    };
    expect("2:17", "there is no 'runing', did you mean 'running'?");
    expect("4:1", "a hook has no 'command'");
    expect("8:1", "there is no setting 'comand'; did you mean 'command'?");
    expect("9:11", "'timeout' is \"soon\", expected a duration");
    fs::write(&path, "[hook]\non = \"failed\"\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_procnanny")).arg("check").arg(&path).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("'hook' is an array of tables, each of which begins with [[hook]]"), "{told}");
}
