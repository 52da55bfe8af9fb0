use super::*;
use crate::core::program::Settings;

fn create(line: &[&str]) -> Result<CreateCommand, String> {
    CreateCommand::from_args(&["procnanny", "create"], line).map_err(|exit| exit.output)
}

fn update(line: &[&str]) -> Result<UpdateCommand, String> {
    UpdateCommand::from_args(&["procnanny", "update"], line).map_err(|exit| exit.output)
}

/// The value of one setting, given in one word.
fn one(word: &str) -> Result<Value, String> {
    update(&["web", word]).map(|update| update.settings[0].1.clone())
}

#[test]
fn a_setting_is_written_in_three_ways() {
    for line in [["stop-timeout=5s"].as_slice(), &["--stop_timeout=5s"], &["--stop-timeout", "5s"]] {
        let line = [&["web"], line].concat();
        let expected = vec![("stop_timeout".to_string(), Value::from("5s"))];
        assert_eq!(update(&line).unwrap().settings, expected, "{line:?}");
    }
    // What follows is the value, whatever it looks like.
    assert_eq!(update(&["web", "--nice", "-5"]).unwrap().settings[0].1, Value::Int(-5));
}

#[test]
fn values_have_the_type_of_their_setting() {
    assert_eq!(one("instances=3"), Ok(Value::Int(3)));
    assert_eq!(one("description=3"), Ok(Value::from("3")));
    assert_eq!(one("autostart=no"), Ok(Value::Bool(false)));
    assert_eq!(one("uid=1000"), Ok(Value::Int(1000)));
    assert_eq!(one("user=nobody"), Ok(Value::from("nobody")));
    assert_eq!(one("restart_delay=2.5"), Ok(Value::from("2.5")));
    assert_eq!(one("success_exit_codes=0,3"), Ok(Value::Array(vec![Value::Int(0), Value::Int(3)])));
    assert_eq!(one("args=a,b"), Ok(texts(&["a".to_string(), "b".to_string()])));
    assert_eq!(one(r#"args=["a,b"]"#), Ok(texts(&["a,b".to_string()])));
    assert_eq!(one("args="), Ok(Value::Array(vec![])));
    assert_eq!(one("env.A=b=c"), Ok(Value::map([("A", Value::from("b=c"))])));
    assert_eq!(one("env=A=b"), Ok(Value::map([("A", Value::from("b"))])));
    assert_eq!(one(r#"env={"A":"b"}"#), Ok(Value::map([("A", Value::from("b"))])));
    assert_eq!(one("memory_limit=64M"), Ok(Value::from("64M")));
    assert_eq!(one("memory_limit=1000"), Ok(Value::Int(1000)));
    assert_eq!(one("health.retries=3"), Ok(Value::map([("retries", Value::Int(3))])));
    assert_eq!(one("health.interval=5s"), Ok(Value::map([("interval", Value::from("5s"))])));
    let args = Value::map([("args", texts(&["-q".to_string()]))]);
    assert_eq!(one(r#"health.args=["-q"]"#), Ok(args));
    assert_eq!(one("health={}"), Ok(Value::Map(vec![])));
    assert!(one("memory_limit=64MB").unwrap_err().contains("expected a size"));
    assert_eq!(one("log.keep=3"), Ok(Value::map([("keep", Value::Int(3))])));
    assert_eq!(one("log.markers=yes"), Ok(Value::map([("markers", Value::Bool(true))])));
    assert_eq!(one("log=max_size=1M"), Ok(Value::map([("max_size", Value::from("1M"))])));
    for wrong in ["instances=many", "autostart=maybe", "restart_delay=soon", "success_exit_codes=a", "env=A"]
    {
        assert!(one(wrong).unwrap_err().contains("expected"), "{wrong}");
    }
}

#[test]
fn arrays_and_tables_go_on_and_nothing_else_is_given_twice() {
    let given =
        create(&["web", "--args", "-c", "--env", "A=1", "args=x,y", "env.B=2", "command=sh"]).unwrap();
    let args = ["-c", "x", "y"].map(str::to_string);
    let env = Value::map([("A", Value::from("1")), ("B", Value::from("2"))]);
    let expected = [("args", texts(&args)), ("env", env), ("command", Value::from("sh"))];
    assert_eq!(given.settings, expected.map(|(name, value)| (name.to_string(), value)));
    assert!(update(&["web", "nice=1", "nice=2"]).unwrap_err().contains("twice"));
    assert!(update(&["web", "user=a", "uid=1"]).unwrap_err().contains("twice"));
    assert!(create(&["web", "command=a", "--", "b"]).unwrap_err().contains("twice"));
}

#[test]
fn what_stands_after_two_dashes_is_executed() {
    let given = create(&["a=b", "instances=2", "--", "sh", "-c", "--", "nice=1"]).unwrap();
    assert_eq!(given.name, "a=b");
    let args = ["-c", "--", "nice=1"].map(str::to_string);
    assert_eq!(
        given.settings[1..],
        [("command".to_string(), Value::from("sh")), ("args".to_string(), texts(&args))]
    );
    assert!(create(&["web", "--"]).unwrap_err().contains("nothing stands after --"));
    assert!(create(&["web"]).unwrap_err().contains("what to execute is missing"));
    assert!(create(&[]).unwrap_err().contains("a name"));
}

#[test]
fn what_is_unknown_is_named_with_the_nearest() {
    assert_eq!(one("nicee=1").unwrap_err(), "there is no setting 'nicee'; did you mean 'nice'?");
    assert_eq!(
        update(&["web", "--stop-timout", "1"]).unwrap_err(),
        "there is no setting 'stop-timout'; did you mean 'stop_timeout'?"
    );
    assert_eq!(one("fizzle=1").unwrap_err(), "there is no setting 'fizzle'");
    assert!(one("nice.x=1").is_err() && one("env.=1").is_err());
    assert!(update(&["web", "nice"]).unwrap_err().contains("KEY=VALUE"));
    assert!(update(&["web", "-n", "1"]).unwrap_err().contains("no option -n"));
    assert!(update(&["web", "--nice"]).unwrap_err().contains("needs a value"));
    assert!(update(&["web", "--nice", "--", "x"]).unwrap_err().contains("needs a value"));
    assert!(update(&["web"]).unwrap_err().contains("nothing to change"));
}

#[test]
fn restart_is_a_switch_of_update_and_a_setting_of_both() {
    let updated = |line: &[&str]| update(line).map(|update| (update.settings.len(), update.restart));
    assert_eq!(updated(&["web", "--restart"]), Ok((0, Restart::Now)));
    assert_eq!(updated(&["web", "--restart", "nice=1"]), Ok((1, Restart::Now)));
    assert_eq!(updated(&["web", "--restart", "never"]), Ok((1, Restart::Later)));
    assert_eq!(updated(&["web", "restart=never", "--restart"]), Ok((1, Restart::Now)));
    assert_eq!(create(&["web", "--restart", "never", "--", "x"]).unwrap().settings[0].0, "restart");
}

#[test]
fn the_values_of_the_setting_restart_are_all_known() {
    for word in RESTART_VALUES {
        assert_eq!(keys::apply(&mut Settings::default(), "restart", &Value::from(word)), Ok(()));
    }
    let error = keys::apply(&mut Settings::default(), "restart", &Value::from("x")).unwrap_err().to_string();
    assert_eq!(error.matches('"').count(), 2 * (RESTART_VALUES.len() + 1), "{error}");
}

#[test]
fn help_and_the_manual_know_every_setting() {
    let manual = include_str!("../../man/procnanny.1");
    let help = create(&["--help"]).unwrap_err();
    for key in keys::all() {
        assert!(key.names.iter().all(|name| help.contains(name)), "help of create: {}", key.name());
        let plain = key.default.trim_matches('"');
        // A default in words is told in words.
        let heading = match key.names {
            [name, other] => format!(".TP\n.BR {name} \", \" {other}\n"),
            _ if plain.is_empty() || plain.contains(' ') => format!(".TP\n.B {}\n", key.name()),
            _ => format!(".TP\n.BR {} \" (\" {plain} )\n", key.name()),
        };
        assert!(manual.contains(&heading), "procnanny.1: {heading}");
    }
    assert!(update(&["web", "-h"]).unwrap_err().contains("--restart"));
    assert!(create(&["web", "--", "prog", "--help"]).is_ok());
}
