//! A supervisor where there is nothing else, and every command of it.

use super::common::{eventually_true, proc};
use super::root::{Root, process_of};

/// Users and groups that no other file knows.
const PASSWD: &str = "root:x:0:0::/:/procnanny\nworker:x:4321:4322::/run:/procnanny\n";
const GROUP: &str = "root:x:0:\nworkers:x:4322:\nreaders:x:4323:worker\n";

/// What lives until it is stopped, and is there.
const LIVES: [&str; 4] = ["/procnanny", "metrics", "--listen", "127.0.0.1:0"];

const CONFIGURATION: &str = r#"
[supervisor]
log_dir = "/var/log"

[program.server]
command = "/procnanny"
args = ["metrics", "--listen", "127.0.0.1:0"]
user = "worker"
minimum_run_duration = 0

[program.talker]
command = "/procnanny"
args = ["init", "--", "/procnanny", "states"]
user = "worker"
group = "readers"
restart = "never"
requires = ["server"]
"#;

fn root() -> Option<Root> {
    let root = Root::new()?;
    root.write("etc/passwd", PASSWD);
    root.write("etc/group", GROUP);
    root.write("etc/procnanny/procnanny.toml", CONFIGURATION);
    Some(root)
}

#[test]
fn users_and_groups_are_known_by_name() {
    let Some(root) = root() else { return };
    let supervisor = root.supervise(&[]);
    let server = process_of(&supervisor, &LIVES);
    assert_eq!(proc::status_line(server, "Uid"), "4321\t4321\t4321\t4321");
    assert_eq!(proc::status_line(server, "Gid"), "4322\t4322\t4322\t4322");
    assert_eq!(proc::status_line(server, "Groups").trim(), "4322 4323");
    let refused = root.run(&["create", "x", "user=wroker", "--", "/procnanny"]);
    assert!(refused.expect_error(1).contains("did you mean 'worker'?"), "{refused:?}");
    root.done(&["shutdown"]);
    assert_eq!(supervisor.wait().status.code(), Some(0));
}

#[test]
fn every_command_works() {
    let Some(root) = root() else { return };
    let supervisor = root.supervise(&[]);
    assert!(root.done(&["check"]).contains("2 programs"));
    root.done(&["start", "server"]);
    assert!(root.done(&["status", "server"]).contains("running"));
    eventually_true("the end of what talks", || root.done(&["status"]).contains("exit 0"));
    assert!(root.read("var/log/talker.0.stdout.log").starts_with("FROM"));
    assert!(root.done(&["logs", "talker"]).contains("transition"));
    assert!(root.done(&["events"]).contains("talker/0"));
    assert!(root.done(&["history", "talker"]).contains("exit 0"));
    assert!(root.done(&["why", "talker"]).contains("talker/0"));
    let create: Vec<&str> =
        ["create", "other", "minimum_run_duration=0", "--"].into_iter().chain(LIVES).collect();
    root.done(&create);
    root.done(&["scale", "other", "2"]);
    root.done(&["update", "other", "nice=1"]);
    root.done(&["restart", "--rolling", "other"]);
    root.done(&["signal", "CONT", "other"]);
    root.done(&["kill", "other/1"]);
    root.done(&["transition", "backoff", "other/0"]);
    root.done(&["reset", "other"]);
    root.done(&["stop", "other"]);
    root.done(&["once", "--no-wait", "other/0"]);
    root.done(&["reload", "--dry-run"]);
    root.done(&["reload"]);
    root.done(&["reopen"]);
    root.done(&["remove", "other", "--force"]);
    assert!(root.done(&["metrics"]).contains("procnanny_"));
    assert!(root.call(&["list"]).get("instances").is_some());
    root.done(&["shutdown"]);
    assert_eq!(supervisor.wait().status.code(), Some(0));
}
