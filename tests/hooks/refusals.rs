//! Settings of hooks are checked when they are given, and shown as they were understood.

use crate::common::{Supervisor, sleeper};
use crate::{args, hook, hooks};
use procnanny::wire::value::Value;

#[test]
fn what_is_wrong_is_refused_by_name() {
    let mut supervisor = Supervisor::start();
    let refused = |supervisor: &mut Supervisor, value: Value| {
        let refusal = supervisor.create_refused("web", &sleeper().with("hooks", value));
        assert_eq!(refusal.code, "bad-argument");
        assert!(refusal.sentence.starts_with("'hooks' is "), "{}", refusal.sentence);
        refusal.sentence.split_once(", expected ").unwrap().1.to_string()
    };
    let with = |name: &str, value: Value| hooks([hook(&["running"], "", [(name, value)])]);
    for (value, words) in [
        (with("on", "runing->exited".into()), "there is no 'runing', did you mean 'running'?"),
        (with("on", "log_droped".into()), "there is no 'log_droped'"),
        (with("timout", 1.into()), "there is no 'timout', did you mean 'timeout'?"),
        (with("timeout", "soon".into()), "'timeout' of a hook to be a duration"),
        (with("concurrency", 0.into()), "'concurrency' of a hook to be a whole number from 1 to 100"),
        (with("user", "nobdy".into()), "did you mean 'nobody'?"),
        (with("program", "web".into()), "is for that program alone"),
        (with("command", "".into()), "'command' of a hook to be a non-empty string"),
        (hooks([Value::map([("on", Value::from("failed"))])]), "a hook has no 'command'"),
        (hooks([Value::map([("command", Value::from("x"))])]), "a hook has no 'on'"),
        ("x".into(), "an array of at most 100 hooks"),
    ] {
        let expected = refused(&mut supervisor, value);
        assert!(expected.contains(words), "{words}: {expected}");
    }
    supervisor.create_running("web", &sleeper());
    let update = args!["program" => "web", "hooks" => with("on", "never".into())];
    assert_eq!(supervisor.refusal("update", update).code, "bad-argument");
    assert_eq!(supervisor.row("web", 0).state, "running");
}
