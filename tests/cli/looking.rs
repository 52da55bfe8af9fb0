//! Commands that look: `status`, `info`, `call`, `states`.

use super::common::{Supervisor, shell, sleeper};
use super::tool::{Background, ask, done, run, tool, tool_of, words};
use procnanny::wire::json;
use procnanny::wire::value::Value;
use std::process::{Command, Stdio};

const STATES: [&str; 8] =
    ["new", "waiting", "starting", "running", "stopping", "exited", "backoff", "failed"];

/// A reply without what differs between two of the same.
fn lasting(reply: &Value) -> Value {
    const PASSING: [&str; 3] = ["id", "duration", "since"];
    let keep = |key: &Value| !key.text().is_some_and(|key| PASSING.contains(&key));
    match reply {
        Value::Map(entries) => {
            let kept = entries.iter().filter(|(key, _)| keep(key));
            Value::Map(kept.map(|(key, value)| (key.clone(), lasting(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.iter().map(lasting).collect()),
        other => other.clone(),
    }
}

#[test]
fn status_is_a_table_with_a_line_for_each_instance() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper().with("description", "serves"))[0].pid.to_string();
    supervisor.create("down", &sleeper().with("autostart", false));
    supervisor.create("flaps", &shell("exit 3").with("give_up_after", 1));
    supervisor.wait_for("flaps", "failed");
    let printed = done(&supervisor, &["status"]);
    let table = words(&printed);
    let heading = [
        "PROGRAM/INSTANCE",
        "STATE",
        "ADMIN",
        "PID",
        "UPTIME",
        "STARTS",
        "LAST",
        "EXIT",
        "REASON",
        "DESCRIPTION",
    ];
    assert_eq!(table[0], heading);
    assert_eq!(table[1], ["down/0", "new", "down", "-", "-", "0", "-"]);
    assert_eq!(table[2][..8], ["flaps/0", "failed", "up", "-", "-", "1", "exit", "3"]);
    assert!(printed.contains("exited with code 3"), "the reason is told: {printed}");
    assert_eq!(
        (&table[3][..4], table[3][5], table[3][7]),
        (&["web/0", "running", "up", pid.as_str()][..], "1", "serves")
    );
    // Columns are aligned: each state stands where its heading does.
    let column = printed.find("STATE").unwrap();
    assert!(
        printed
            .lines()
            .skip(1)
            .all(|line| line.as_bytes()[column - 1] == b' ' && line.as_bytes()[column] != b' ')
    );
    // In the order of the selection's programs, and those alone.
    let chosen = done(&supervisor, &["status", "web"]);
    assert_eq!(words(&chosen).len(), 2, "{chosen}");
}

#[test]
fn an_empty_supervisor_says_what_to_do() {
    let supervisor = Supervisor::start();
    assert!(done(&supervisor, &["status"]).contains("procnanny create"));
}

#[test]
fn in_a_pipe_nothing_is_coloured_or_cut() {
    let mut supervisor = Supervisor::start();
    let long = "x".repeat(300);
    supervisor.create("bad", &shell("exit 3").with("give_up_after", 1).with("description", long.as_str()));
    supervisor.wait_for("bad", "failed");
    for line in [&["status"][..], &["events"], &["info"], &["metrics"], &["states"]] {
        let mut command = tool_of(&supervisor, line);
        command.env("COLUMNS", "20").env("TERM", "xterm-256color");
        let printed = run(command).expect_done();
        assert!(!printed.contains('\u{1b}') && !printed.contains('…'), "{line:?}: {printed}");
        assert!(line != ["status"] || printed.contains(&long), "{printed}");
    }
}

#[test]
fn what_a_terminal_would_act_on_is_escaped() {
    let mut supervisor = Supervisor::start();
    let evil = "serves\u{1b}[2J\u{7}\u{9b}31m\u{202e}\nall";
    supervisor.create_running("web", &sleeper().with("description", evil));
    let missing = sleeper().with("command", "/none/\u{1b}]0;title\u{7}").with("give_up_after", 1);
    supervisor.create("gone", &missing);
    supervisor.wait_for("gone", "failed");
    for line in [&["status"][..], &["events"], &["call", "status"], &["status", "--json"], &["start", "gone"]]
    {
        let ran = ask(&supervisor, line);
        let strange = |c: char| c.is_control() && c != '\n';
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!all.contains(strange), "{line:?}: {all:?}");
    }
    let printed = done(&supervisor, &["status", "web"]);
    assert!(printed.contains("serves\\u{1b}[2J\\u{7}\\u{9b}31m\\u{202e}\\nall"), "{printed}");
}

#[test]
fn status_as_json_is_the_reply_to_list() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 3));
    supervisor.create("down", &sleeper().with("autostart", false));
    for selection in [&[][..], &["web"], &["web/1"], &["*"]] {
        let ran = ask(&supervisor, &[&["status", "--json"], selection].concat());
        let list = match selection {
            [one] => supervisor.call("list", crate::args!["program" => *one]),
            _ => supervisor.call("list", &[]),
        };
        assert_eq!(lasting(&json::parse(&ran.stdout).unwrap()), lasting(&list), "{selection:?}");
    }
}

#[test]
fn watching_in_a_pipe_prints_what_changes() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let watch = Background::start(tool_of(&supervisor, &["status", "--watch", "--json", "web"]));
    let state = |object: &Value| {
        let row = object.get("instances").and_then(Value::as_array).unwrap()[0].clone();
        row.get("state").and_then(Value::text).unwrap().to_string()
    };
    assert_eq!(state(&watch.object()), "running");
    done(&supervisor, &["stop", "web"]);
    while state(&watch.object()) != "exited" {}
    watch.signal(nix::sys::signal::Signal::SIGINT);
    assert_eq!(watch.wait().status.code(), Some(0));
}

#[test]
fn call_sends_json_and_strings_and_prints_the_reply() {
    let mut supervisor = Supervisor::start();
    assert_eq!(done(&supervisor, &["call", "dance"]), "{\"danced\": true}\n");
    let created = [
        "call",
        "create",
        "program=web",
        "command=sleep",
        "args=[\"3600\"]",
        "instances=2",
        "env={\"A\":\"1\"}",
    ];
    assert!(done(&supervisor, &created).contains(r#""created": "web""#));
    let reply = supervisor.call("status", crate::args!["program" => "web"]);
    let web = reply.get("programs").and_then(|programs| programs.get("web")).unwrap();
    assert_eq!(web.get("args"), Some(&super::common::strings(&["3600"])));
    let printed = done(&supervisor, &["call", "list", "program=[\"web\"]", "instance=1"]);
    let reply = json::parse(&printed).unwrap();
    assert_eq!(super::common::client::rows(&reply, "instances").len(), 1);
    // What is refused is a reply, too, and no complaint.
    let ran = ask(&supervisor, &["call", "stop", "program=wob"]);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(1), ""));
    let reply = json::parse(&ran.stdout).unwrap();
    assert_eq!(reply.get("code").and_then(Value::text), Some("no-such-program"));
}

#[test]
fn info_tells_about_the_supervisor() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 2));
    let printed = done(&supervisor, &["info"]);
    for part in
        [env!("CARGO_PKG_VERSION"), &supervisor.endpoint("rpc"), "2 running", &supervisor.pid().to_string()]
    {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let reply = json::parse(&done(&supervisor, &["info", "--json"])).unwrap();
    assert_eq!(reply.get("pid").and_then(Value::as_i64), Some(i64::from(supervisor.pid())));
}

#[test]
fn the_table_of_states_names_every_state() {
    let printed = run(tool(&["states"])).expect_done();
    for state in STATES {
        let (from, to): (Vec<_>, Vec<_>) = (words(&printed), words(&printed));
        assert!(from.iter().any(|line| line.first() == Some(&state)), "{state} can be left: {printed}");
        assert!(to.iter().any(|line| line.get(1) == Some(&state)), "{state} can be reached: {printed}");
    }
}

#[test]
fn the_graph_of_states_is_one_that_graphviz_reads() {
    let graph = run(tool(&["states", "--dot"])).expect_done();
    assert!(graph.starts_with("digraph procnanny {\n") && graph.ends_with("}\n"), "{graph}");
    for state in STATES {
        assert!(
            graph.contains(&format!(" {state} -> ")) && graph.contains(&format!(" -> {state} ")),
            "{state}"
        );
    }
    for (open, close) in [('{', '}'), ('[', ']')] {
        assert_eq!(graph.matches(open).count(), graph.matches(close).count());
    }
    for line in graph.lines() {
        assert_eq!(line.matches('"').count() % 2, 0, "{line}");
        let ends = line.ends_with(['{', '}', ';']);
        assert!(ends, "every line is a statement: {line}");
    }
    let dot = Command::new("dot").arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut dot) = dot else { crate::skip!("dot is not installed: the graph is not drawn") };
    std::io::Write::write_all(&mut dot.stdin.take().unwrap(), graph.as_bytes()).unwrap();
    let drawn = dot.wait_with_output().unwrap();
    assert!(drawn.status.success() && String::from_utf8_lossy(&drawn.stdout).contains("backoff"));
}

#[test]
fn nobody_reading_any_more_is_no_error() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 300));
    for line in ["events", "events -f", "status", "status --watch", "events --json", "states", "help create"]
    {
        let script = format!("{{ '{}' {line}; echo $? >&2; }} | head -n 1", env!("CARGO_BIN_EXE_procnanny"));
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script]).env("PROCNANNY_RPC", supervisor.endpoint("rpc"));
        let ran = run(shell);
        assert_eq!((ran.stderr.as_str(), ran.stdout.lines().count()), ("0\n", 1), "{line}: {ran:?}");
    }
}
