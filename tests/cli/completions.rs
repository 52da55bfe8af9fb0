//! Completion, with the shells themselves, on a terminal: a line is typed, Tab is pressed, and what the program is then
//! called with is looked at.

use super::common::{Launcher, Scratch, Supervisor, shell, sleeper};
use super::tmux::{Window, is_installed as has_tmux};
use super::tool::{run, tool, tool_of};
use crate::skip;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A shell: its name, how it only reads a script, how it is started without anybody's settings, and what it has to be
/// told.
struct Shell {
    name: &'static str,
    checks: &'static [&'static str],
    starts: &'static str,
    reads: &'static str,
}

const BASH: Shell = Shell {
    name: "bash",
    checks: &["-n"],
    starts: "exec bash --norc --noprofile -i",
    reads: "PS1='ready> '; source ./script",
};
const ZSH: Shell = Shell {
    name: "zsh",
    checks: &["-n"],
    starts: "exec zsh -f -i",
    reads: "PS1='ready> '; autoload -U compinit; compinit -u -D; source ./script",
};
const FISH: Shell = Shell {
    name: "fish",
    checks: &["--no-execute"],
    starts: "exec fish --no-config -i",
    reads: "function fish_prompt; echo 'ready> '; end; source ./script",
};

/// What is typed before Tab, and what the program is then called with. What is typed behind it is `~`.
const LINES: [(&str, &str); 32] = [
    // Commands, and options.
    ("procnanny statu", "<status><~>"),
    ("procnanny --vers", "<--version><~>"),
    ("procnanny status --js", "<status><--json><~>"),
    ("procnanny help transi", "<help><transition><~>"),
    ("procnanny init --stop", "<init><--stop-timeout><~>"),
    // Programs and instances.
    ("procnanny start hel", "<start><hello world><~>"),
    ("procnanny start 'hel", "<start><hello world><~>"),
    ("procnanny start \"hel", "<start><hello world><~>"),
    ("procnanny start hello\\ w", "<start><hello world><~>"),
    ("procnanny start hello\\ world/1", "<start><hello world/1><~>"),
    ("procnanny start 'hello world/1", "<start><hello world/1><~>"),
    ("procnanny start it", "<start><it's \"q\" $x><~>"),
    ("procnanny start 'it", "<start><it's \"q\" $x><~>"),
    ("procnanny start \"it", "<start><it's \"q\" $x><~>"),
    ("procnanny start port:8", "<start><port:80><~>"),
    ("procnanny update nob", "<update><nobody runs><~>"),
    ("procnanny call start program=hel", "<call><start><program=hello world><~>"),
    ("procnanny create x requires=port:80,'hel", "<create><x><requires=port:80,hello world><~>"),
    ("procnanny --rpc ipc:///nobody start hel", "<--rpc><ipc:///nobody><start><hel~>"),
    // What stands in tables.
    ("procnanny transition back", "<transition><backoff><~>"),
    ("procnanny signal WIN", "<signal><WINCH><~>"),
    ("procnanny logs --source stde", "<logs><--source><stderr><~>"),
    ("procnanny logs --source=stde", "<logs><--source=stderr><~>"),
    ("procnanny create x stop_t", "<create><x><stop_timeout=~>"),
    ("procnanny create x --stop-t", "<create><x><--stop-timeout><~>"),
    ("procnanny run --endpoint ipc:///x,access=con", "<run><--endpoint><ipc:///x,access=control><~>"),
    // Files, directories, and other commands.
    ("procnanny check fil", "<check><file name><~>"),
    ("procnanny run --log-dir dir", "<run><--log-dir><directory/~>"),
    ("procnanny run --log-dir=dir", "<run><--log-dir=directory/~>"),
    ("procnanny create x -- procnanny-uni", "<create><x><--><procnanny-unique><~>"),
    ("procnanny init -g cat fil", "<init><-g><cat><file name><~>"),
    ("procnanny create x -- procnanny transition back", "<create><x><--><procnanny><transition><backoff><~>"),
];

fn is_installed(shell: &Shell) -> bool {
    Command::new(shell.name).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn completes(shell: &Shell) {
    if !has_tmux() {
        skip!("there is no tmux");
    }
    if !is_installed(shell) {
        skip!("there is no {}", shell.name);
    }
    let supervisor = with_programs();
    let window = window(shell, &supervisor);
    window.expect("a prompt", |lines| lines.iter().any(|line| line.contains(['>', '$', '#', '%'])));
    window.resize(160, 40);
    window.type_text(&format!("{}; procnanny", shell.reads));
    window.press(&["Enter"]);
    window.expect("it has read the script", |lines| lines.iter().any(|line| line == "called:"));
    for (number, (line, expected)) in LINES.iter().enumerate() {
        let expected = format!("called:{}", expected.replace('~', &number.to_string()));
        window.type_text(line);
        window.press(&["Tab"]);
        window.type_text(&number.to_string());
        window.press(&["Enter"]);
        window.expect(&format!("{line} => {expected}"), |lines| lines.contains(&expected));
    }
}

/// A supervisor with programs whose names are hard to write.
fn with_programs() -> Supervisor {
    let mut supervisor = Launcher::new().start();
    supervisor.create("hello world", &sleeper().with("instances", 2));
    supervisor.create("it's \"q\" $x", &sleeper());
    supervisor.create("port:80", &shell("exec sleep 1000"));
    supervisor.create("nobody runs", &sleeper().with("instances", 0));
    supervisor
}

/// The shell, which finds the program in its PATH, beside files to be named.
fn window(shell: &Shell, supervisor: &Supervisor) -> Window {
    let scratch = Scratch::new();
    let script = run(tool(&["completions", shell.name])).expect_done();
    scratch.program("script", &script, "0600");
    let checked = Command::new(shell.name).args(shell.checks).arg(scratch.join("script")).output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
    let stub = format!(
        "#!/bin/sh\n[ \"$1\" != complete ] || exec '{}' \"$@\"\n\
         printf 'called:'; for word; do printf '<%s>' \"$word\"; done; echo\n",
        env!("CARGO_BIN_EXE_procnanny")
    );
    std::fs::create_dir(scratch.join("bin")).unwrap();
    scratch.program("bin/procnanny", &stub, "0700");
    scratch.program("bin/procnanny-unique", &stub, "0700");
    std::fs::create_dir(scratch.join("directory")).unwrap();
    scratch.program("file name", "", "0600");
    let path = format!("{}:{}", scratch.text("bin"), std::env::var("PATH").unwrap());
    let home = scratch.text("");
    let endpoint = supervisor.endpoint("rpc");
    Window::running(scratch, shell.starts, &[("PATH", &path), ("HOME", &home), ("PROCNANNY_RPC", &endpoint)])
}

#[test]
fn bash_completes() {
    completes(&BASH);
}

#[test]
fn zsh_completes() {
    completes(&ZSH);
}

#[test]
fn fish_completes() {
    completes(&FISH);
}

#[test]
fn shells_find_the_script_where_it_is_installed() {
    let scratch = Scratch::new();
    let home = scratch.text("");
    let install = |shell: &str, directory: &str, name: &str| {
        std::fs::create_dir_all(scratch.join(directory)).unwrap();
        let script = run(tool(&["completions", shell])).expect_done();
        scratch.program(&format!("{directory}/{name}"), &script, "0600");
    };
    let path = |program: &str| {
        let directory = Path::new(program).parent().unwrap().display();
        format!("{directory}:{}", std::env::var("PATH").unwrap())
    };
    let path = path(env!("CARGO_BIN_EXE_procnanny"));
    if is_installed(&FISH) {
        install("fish", ".config/fish/completions", "procnanny.fish");
        let mut fish = Command::new("fish");
        fish.args(["-c", "complete -C 'procnanny reop'"]).env_remove("XDG_CONFIG_HOME");
        let told = fish.env("HOME", &home).env("PATH", &path).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        assert!(told.starts_with("reopen\topen all log files"), "{told}");
    }
    if is_installed(&ZSH) {
        install("zsh", "functions", "_procnanny");
        let mut zsh = Command::new("zsh");
        let script =
            "fpath=(~/functions $fpath); autoload -U compinit; compinit -u -D; print $_comps[procnanny]";
        let told = zsh.args(["-f", "-c", script]).env("HOME", &home).output().unwrap();
        assert_eq!(String::from_utf8(told.stdout).unwrap(), "_procnanny\n");
    }
}

#[test]
fn other_shells_are_wrong_usage() {
    for line in [&["completions"][..], &["completions", "csh"], &["completions", "bash", "zsh"]] {
        let ran = run(tool(line));
        let sentence = ran.expect_only_error(2);
        assert!(line.len() != 2 || sentence.contains("expected bash, zsh or fish"), "{sentence}");
    }
    let ran = run(tool(&["complete"]));
    assert!(ran.expect_only_error(2).contains("procnanny completions"), "{ran:?}");
}

#[test]
fn without_a_supervisor_it_is_quick_and_quiet() {
    let scratch = Scratch::new();
    let nobody = format!("ipc://{}", scratch.text("rpc"));
    let begun = Instant::now();
    let told = run(tool(&["complete", "zsh", "--rpc", &nobody, "start", "w"])).expect_done();
    assert_eq!(told, "words\t\n");
    // A supervisor that is stopped answers nobody.
    let supervisor = with_programs();
    supervisor.signal(nix::sys::signal::Signal::SIGSTOP);
    let told = run(tool_of(&supervisor, &["complete", "zsh", "start", "w"])).expect_done();
    supervisor.signal(nix::sys::signal::Signal::SIGCONT);
    assert_eq!(told, "words\t\n");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
