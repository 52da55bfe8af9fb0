//! Errors: each code, and what the sentence tells.

use crate::args;
use crate::common::{Launcher, Refusal, Supervisor, eventually, is_root, proc, shell, sleeper};
use crate::skip;
use crate::wire::{dealer, encoded, reply_to, request};
use procnanny::wire::value::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[track_caller]
fn expect(refused: &Refusal, code: &str, words: &str) {
    assert_eq!(refused.code, code, "{refused:?}");
    assert!(refused.sentence.contains(words), "{refused:?}");
}

#[test]
fn an_error_is_a_map_of_sentence_code_and_request() {
    let supervisor = Supervisor::start();
    let fizzle = request("fizzle", &[]);
    let reply = reply_to(&dealer(&supervisor), &encoded(&fizzle));
    let expected = Value::map([
        ("error", Value::from("No such method requested")),
        ("code", Value::from("no-such-method")),
        ("request", fizzle),
    ]);
    assert_eq!(reply, expected);
}

#[test]
fn malformed_is_what_is_not_one_map_with_string_keys() {
    let supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    let not_even_messagepack: [(&[u8], &str); 4] = [
        (b"", "empty"),
        (b"\xc1", "0xc1"),
        (b"\xcd\x01", "ends within"),
        (b"\x80\xc0", "followed by more bytes (1)"),
    ];
    for (frame, words) in not_even_messagepack {
        let reply = reply_to(&client, frame);
        let (code, request) = (reply.get("code"), reply.get("request"));
        assert_eq!((code, request), (Some(&Value::from("malformed")), Some(&Value::Nil)), "{frame:?}");
        assert!(reply.get("error").and_then(Value::text).unwrap().contains(words), "{reply:?}");
    }
    let keyed = Value::Map(vec![(Value::from("request"), Value::from("dance")), (Value::Int(1), Value::Nil)]);
    for other in [Value::Nil, Value::from("dance"), Value::Array(vec![]), keyed] {
        let reply = reply_to(&client, &encoded(&other));
        assert_eq!(reply.get("code"), Some(&Value::from("malformed")));
        assert_eq!(reply.get("request"), Some(&other), "it is shown as it was understood");
    }
}

#[test]
fn bad_argument_names_what_is_wrong_and_what_would_be_right() {
    let mut supervisor = Supervisor::start();
    let client = dealer(&supervisor);
    let reply = reply_to(&client, b"\x80");
    assert_eq!(reply.get("error"), Some(&Value::from("Message had no 'request' field")));
    assert_eq!(reply.get("code"), Some(&Value::from("bad-argument")));
    expect(&supervisor.refusal("start", &[]), "bad-argument", "Message is missing 'program' field");
    expect(&supervisor.refusal("start", args!["program" => 7]), "bad-argument", "'program' is 7, expected");
    let typo = supervisor.refusal("start", args!["program" => "x", "instence" => 1]);
    expect(&typo, "bad-argument", "no argument \"instence\"; did you mean 'instance'?");
    let far = supervisor.refusal("dance", args!["partner" => "x"]);
    expect(&far, "bad-argument", "There is no argument \"partner\"");
    assert!(!far.sentence.contains("did you mean"));
    let setting = supervisor.refusal("create", args!["program" => "x", "command" => "x", "instanses" => 1]);
    expect(&setting, "bad-argument", "did you mean 'instances'?");
    let state = supervisor.refusal("transition", args!["program" => "x", "state" => "flying"]);
    expect(&state, "bad-argument", "\"backoff\" or \"failed\"");
    let name = supervisor.refusal("create", args!["program" => "a/b", "command" => "x"]);
    expect(&name, "bad-argument", "'/'");
    let user =
        supervisor.refusal("create", args!["program" => "x", "command" => "x", "user" => "no one here"]);
    expect(&user, "bad-argument", "'user'");
}

#[test]
fn a_value_that_is_shown_in_a_sentence_is_short_and_tame() {
    let mut supervisor = Supervisor::start();
    let long = supervisor.refusal("wait", args!["state" => "\u{1b}[31m".repeat(10_000)]);
    expect(&long, "bad-argument", "'state'");
    assert!(long.sentence.len() < 400 && !long.sentence.contains('\u{1b}'), "{long:?}");
    let name = supervisor.refusal("status", args!["program" => "\u{1b}]0;x\u{7}\n"]);
    expect(&name, "no-such-program", "\\u{1b}");
    assert!(!name.sentence.contains(['\u{1b}', '\n']));
}

#[test]
fn what_does_not_exist_or_exists_already() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    expect(
        &supervisor.refusal("status", args!["program" => "wbe"]),
        "no-such-program",
        "did you mean 'web'?",
    );
    expect(&supervisor.refusal("start", args!["program" => "x*"]), "no-such-program", "'x*'");
    for method in ["update", "remove", "scale"] {
        let arguments = match method {
            "update" => args!["program" => "wbe", "description" => "x"],
            "scale" => args!["program" => "wbe", "instances" => 1],
            _ => args!["program" => "wbe"],
        };
        expect(&supervisor.refusal(method, arguments), "no-such-program", "'wbe'; did you mean 'web'?");
    }
    expect(&supervisor.refusal("stop", args!["program" => "web/1"]), "no-such-instance", "no instance 1");
    expect(&supervisor.create_refused("web", &sleeper()), "exists", "'web'");
}

#[test]
fn a_signal_needs_a_process() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let arguments = args!["program" => "web", "signal" => "HUP"];
    expect(&supervisor.refusal("signal", arguments), "not-running", "process");
}

/// As root a process can become one that its supervisor, an ordinary user, may not signal.
#[test]
fn a_signal_that_the_system_refuses_has_failed() {
    const NOBODY: u32 = 65534;
    let setpriv = Path::new("/usr/bin/setpriv");
    if !is_root() || !setpriv.exists() {
        skip!("only root can make a process that its supervisor may not signal, and only with setpriv");
    }
    let launcher = Launcher::new().user(NOBODY, NOBODY);
    let escape = launcher.scratch().join("escape");
    std::fs::copy(setpriv, &escape).unwrap();
    std::fs::set_permissions(&escape, std::fs::Permissions::from_mode(0o4755)).unwrap();
    let mut supervisor = launcher.start();
    let script = format!("exec {} --ruid 0 sleep 3600", escape.display());
    supervisor.create("root", &shell(&script).with("stop_timeout", 0.1));
    let pid = supervisor.row("root", 0).pid;
    eventually("it has become root's", crate::common::DEADLINE, || {
        proc::status_line(pid, "Uid").starts_with("0\t0\t0").then_some(())
    });
    let refused = supervisor.refusal("signal", args!["program" => "root", "signal" => "HUP"]);
    // So that the supervisor need not wait for what it cannot end.
    proc::send(pid, nix::sys::signal::Signal::SIGKILL);
    expect(&refused, "failed", "Operation not permitted");
}

#[test]
fn a_program_that_runs_is_busy() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    expect(&supervisor.refusal("remove", args!["program" => "web"]), "busy", "runs");
}

#[test]
fn a_time_out_tells_how_things_are() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let arguments = args!["program" => "web", "state" => "running", "timeout" => 0.05];
    let refused = supervisor.refusal("wait", arguments);
    expect(&refused, "timeout", "in time");
    let rows = crate::common::client::rows(&refused.reply, "results");
    assert_eq!((rows.len(), rows[0].state.as_str()), (1, "new"));
    assert!(refused.reply.get("request").is_some_and(|request| request.get("state").is_some()));
}
