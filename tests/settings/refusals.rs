//! Settings are checked when they are given: what is refused names the setting and says what would be right.

use crate::common::{Supervisor, sleeper, strings};
use crate::{args, table};
use procnanny::wire::value::Value;

#[test]
fn what_is_wrong_is_said_at_once() {
    let mut supervisor = Supervisor::start();
    let one = |name: &str, value: &str| table([(name, Value::from(value))]);
    let cases: Vec<(&str, Value, &str)> = vec![
        ("groups", strings(&["no such group"]), "for 'no such group' a group of /etc/group or a number"),
        ("groups", Value::from("root"), "an array of names or numbers of groups"),
        ("umask", Value::from("0888"), "a mask of permissions"),
        ("chroot", Value::from("here"), "an absolute path"),
        ("stdin", Value::from("nul"), "\"null\" or an absolute path"),
        ("env_file", Value::from("/nonexistent.env"), "cannot read '/nonexistent.env': No such file"),
        ("inherit_env", strings(&["A=B"]), "true, false or an array of names"),
        ("scheduler", Value::from("fifo"), "\"fifo/N\""),
        ("scheduler", Value::from("rr/100"), "a priority N from 1 to 99"),
        ("cpus", Value::from("8191"), "there is no 8191"),
        ("cpus", Value::from("0-"), "a list of processors"),
        ("oom_score_adj", Value::Int(1001), "a whole number from -1000 to 1000"),
        ("limits", one("nofiles", "1"), "did you mean 'nofile'?"),
        ("limits", one("core", "64X"), "'limits.core' to be a number, a size"),
        (
            "limits",
            table([("as", table([("soft", Value::Int(2)), ("hard", Value::Int(1))]))]),
            "the soft value of 'limits.as' not to be above the hard one",
        ),
        ("capabilities", strings(&["net_bind_servic"]), "did you mean 'net_bind_service'?"),
        ("capabilities", Value::Bool(true), "an array of names of capabilities"),
        ("no_new_privileges", Value::from("maybe"), "true or false"),
        ("cgroup", one("memry_max", "1"), "did you mean 'memory'?"),
        ("cgroup", one("cgroup.procs", "1"), "files that are settings"),
        ("stop_command", Value::from("kill 'it"), "never closed"),
        ("stop_command", strings(&[]), "there is no command"),
    ];
    for (name, value, words) in cases {
        let settings = sleeper().with(name, value.clone());
        let refusal = supervisor.create_refused("web", &settings);
        assert_eq!(refusal.code, "bad-argument", "{name}");
        assert!(refusal.sentence.starts_with(&format!("'{name}' is ")), "{}", refusal.sentence);
        assert!(refusal.sentence.contains(words), "{name} {value:?}: {}", refusal.sentence);
    }
    assert!(supervisor.rows("*").is_empty(), "nothing was made");
}

#[test]
fn an_update_that_is_refused_changes_nothing() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let refused = args!["program" => "web", "umask" => "0077", "scheduler" => "never"];
    assert!(supervisor.refusal("update", refused).sentence.contains("'scheduler'"));
    assert!(!supervisor.row("web", 0).restart_needed);
    let reply = supervisor.call("update", args!["program" => "web", "umask" => "0077"]);
    assert!(reply.get("updated").is_some());
    assert!(supervisor.row("web", 0).restart_needed);
    // What is policy holds at once.
    supervisor.create_running("other", &sleeper());
    supervisor.call("update", args!["program" => "other", "stop_command" => "true"]);
    assert!(!supervisor.row("other", 0).restart_needed);
}

#[test]
fn the_methods_tell_of_all_of_them() {
    let mut supervisor = Supervisor::start();
    let methods = supervisor.call("methods", &[]);
    let arguments = methods.get("methods").and_then(|it| it.get("create")?.get("arguments")).unwrap();
    for (name, kind) in [
        ("limits", "table of limits"),
        ("groups", "array of strings or integers"),
        ("inherit_env", "boolean or array of strings"),
        ("stop_command", "string or array of strings"),
        ("cgroup", "table of strings"),
    ] {
        let argument = arguments.get(name).unwrap();
        assert_eq!(argument.get("type").and_then(Value::text), Some(kind), "{name}");
        assert!(argument.get("doc").and_then(Value::text).is_some_and(|doc| !doc.is_empty()));
    }
}
