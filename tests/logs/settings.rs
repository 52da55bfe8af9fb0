//! Settings of output are checked when they are given.

use super::common::{Launcher, Supervisor, sleeper};
use procnanny::wire::value::Value;

#[test]
fn what_is_wrong_is_refused_with_what_would_be_right() {
    let mut supervisor = Supervisor::start();
    let mut refused = |name: &str, value: Value| {
        let refusal = supervisor.create_refused("web", &sleeper().with(name, value));
        assert_eq!(refusal.code, "bad-argument");
        refusal.sentence
    };
    assert_eq!(
        refused("stdout", "stdout".into()),
        "'stdout' is \"stdout\", expected \"log\", \"inherit\", \"null\" or an absolute path"
    );
    assert!(
        refused("stderr", "web.log".into())
            .ends_with("expected \"stdout\", \"log\", \"inherit\", \"null\" or an absolute path")
    );
    let entry = |name: &str, value: Value| Value::map([(name, value)]);
    assert!(refused("log", entry("max-size", 1.into())).contains("did you mean 'max_size'?"));
    assert!(
        refused("log", entry("keep", "many".into()))
            .contains("'log.keep' to be a whole number from 0 to 1000")
    );
    assert!(refused("log", entry("file", "web.log".into())).contains("'log.file' to be an absolute path"));
    assert!(refused("log", entry("on_full", "wait".into())).contains("\"drop\" or \"block\""));
    assert!(refused("log", "10M".into()).contains("expected a table"));
    assert!(supervisor.call("list", &[]).get("instances").unwrap().as_array().unwrap().is_empty());
}

#[test]
fn a_directory_for_logs_is_named_from_where_one_stands() {
    let launcher = Launcher::new().program("web=sh -c 'echo hello; exec sleep 3600'");
    let scratch = launcher.scratch().path().to_path_buf();
    let launcher = launcher.through_shell(&format!("cd {} && exec \"$@\"", scratch.display()));
    let supervisor = launcher.option("--log-dir", "logs/here/").start();
    super::printing::expect_content(&scratch.join("logs/here/web.0.stdout.log"), "hello\n");
    drop(supervisor);
}
