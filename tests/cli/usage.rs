//! What may be typed: help, the version, and what is wrong usage.

use super::tool::{run, tool};

/// All commands there are.
const COMMANDS: [&str; 32] = [
    "top",
    "logs",
    "reopen",
    "run",
    "check",
    "init",
    "demo",
    "status",
    "start",
    "stop",
    "restart",
    "once",
    "kill",
    "reset",
    "signal",
    "transition",
    "create",
    "update",
    "scale",
    "remove",
    "reload",
    "events",
    "history",
    "why",
    "call",
    "states",
    "keygen",
    "info",
    "metrics",
    "healthcheck",
    "shutdown",
    "completions",
];

#[test]
fn the_version_is_on_standard_output() {
    let printed = run(tool(&["--version"])).expect_done();
    assert_eq!(printed, format!("procnanny {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_command_has_help_on_standard_output() {
    let page = run(tool(&["--help"])).expect_done();
    assert_eq!(run(tool(&["help"])).expect_done(), page);
    assert_eq!(run(tool(&["-h"])).expect_done(), page);
    for command in COMMANDS {
        assert!(
            page.lines().any(|line| line.split_whitespace().next() == Some(command)),
            "{command}: {page}"
        );
        let help = run(tool(&[command, "--help"])).expect_done();
        assert!(help.contains(&format!("procnanny {command}")), "{help}");
        assert_eq!(run(tool(&["help", command])).expect_done(), help);
        assert_eq!(run(tool(&[command, "-h"])).expect_done(), help);
    }
    let listed = page.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let listed = listed.take_while(|line| line.starts_with(' ')).filter(|line| !line.starts_with("    "));
    assert_eq!(listed.count(), COMMANDS.len(), "{page}");
    let settings = run(tool(&["create", "--help"])).expect_done();
    for setting in ["minimum_run_duration", "flap_max", "stop_signal", "env", "user"] {
        assert!(settings.contains(setting), "{setting}: {settings}");
    }
}

#[test]
fn wrong_usage_is_two_with_a_sentence_on_standard_error() {
    let wrong: [(&[&str], &str); 22] = [
        (&[], "--help"),
        (&["stauts"], "did you mean 'status'?"),
        (&["strat", "web"], "did you mean 'start'?"),
        (&["help", "stpo"], "did you mean 'stop'?"),
        (&["dance"], "--help"),
        (&["status", "--jsn"], "--jsn"),
        (&["start"], "Name a program"),
        (&["stop", "--timeout", "soon", "web"], "soon"),
        (&["stop", "web", "--timeout"], "--timeout"),
        (&["stop", "web", "--timeout", "3d"], "--timeout"),
        (&["signal"], "signal"),
        (&["signal", "HUP"], "Name a program"),
        (&["transition", "dead", "web"], "dead"),
        (&["scale", "web", "many"], "many"),
        (&["scale", "web"], "instances"),
        (&["create", "web"], "after --"),
        (&["create", "web", "comand=sleep", "--", "true"], "did you mean 'command'?"),
        (&["update", "web"], "nothing to change"),
        (&["events", "--since", "yesterday"], "yesterday"),
        (&["call", "list", "web"], "KEY=VALUE"),
        (&["demo", "--seconds", "x"], "x"),
        (&["--rpc", "ipc:///x", "states"], "--rpc"),
    ];
    for (line, part) in wrong {
        // Whether there is a supervisor or not.
        let ran = run(tool(line));
        assert!(ran.expect_only_error(2).contains(part), "{line:?}: {ran:?}");
    }
}

#[test]
fn what_is_no_text_is_wrong_usage() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = tool(&["status"]);
    command.arg(std::ffi::OsStr::from_bytes(b"w\xffb"));
    let ran = run(command);
    assert!(ran.expect_only_error(2).contains("UTF-8"), "{ran:?}");
}

#[test]
fn what_a_terminal_would_act_on_is_escaped_in_complaints() {
    let ran = run(tool(&["sta\u{1b}[2Jtus"]));
    assert!(ran.expect_only_error(2).contains("\\u{1b}[2J") && !ran.stderr.contains('\u{1b}'), "{ran:?}");
}
