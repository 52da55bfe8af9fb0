//! The environment: what is inherited, what files say, what goes over what.

use crate::common::{Launcher, Supervisor, proc, sleeper, strings};
use crate::{args, start};
use std::fs;

fn launched() -> Supervisor {
    Launcher::new().env("FROM_SUPERVISOR", "1").env("OVERRIDDEN", "by nobody").start()
}

fn variables(pid: i32, names: &[&str]) -> Vec<Option<String>> {
    names.iter().map(|name| proc::variable(pid, name)).collect()
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_string())).collect()
}

#[test]
fn files_go_over_what_is_inherited_and_env_over_both() {
    let mut supervisor = launched();
    let path = |name: &str| supervisor.scratch().text(name);
    let (first, second) = (path("first.env"), path("second.env"));
    fs::write(&first, "# the first\nOVERRIDDEN=first\nexport A='from the first'\nB=1\nC=1\n").unwrap();
    fs::write(&second, "B=\"from the\\\"second\\\"\" # a comment\nPATTERN=%n\n").unwrap();
    let names = ["FROM_SUPERVISOR", "OVERRIDDEN", "A", "B", "C", "PATTERN"];
    let settings = sleeper().with("env_file", strings(&[&first, &second])).with_env("C", "%n");
    let pid = start(&mut supervisor, "web", &settings);
    let expected = some(&["1", "first", "from the first", "from the\"second\"", "web", "%n"]);
    assert_eq!(variables(pid, &names), expected);

    // What a file says later counts when the setting is given again.
    fs::write(&first, "A=2\n").unwrap();
    supervisor.do_and_wait("restart", "web");
    assert_eq!(proc::variable(supervisor.row("web", 0).pid, "A").as_deref(), Some("from the first"));
    let reply = supervisor.call("update", args!["program" => "web", "env_file" => first.as_str()]);
    assert_eq!(reply.get("restart_needed").and_then(|it| it.as_array()).map(<[_]>::len), Some(1));
    supervisor.do_and_wait("restart", "web");
    let pid = supervisor.row("web", 0).pid;
    assert_eq!(variables(pid, &["A", "OVERRIDDEN"]), some(&["2", "by nobody"]));
    assert_eq!(proc::variable(pid, "B"), None);
}

#[test]
fn only_what_is_inherited_is_there() {
    let mut supervisor = launched();
    let nothing = start(&mut supervisor, "nothing", &sleeper().with("inherit_env", false).with_env("A", "1"));
    let mut names: Vec<String> = proc::environment(nothing).into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["A", "PROCNANNY_INSTANCE", "PROCNANNY_PROGRAM", "PROCNANNY_RPC"]);

    let only = sleeper().with("inherit_env", strings(&["FROM_SUPERVISOR", "PATH", "NOT_THERE"]));
    let pid = start(&mut supervisor, "only", &only);
    let found = variables(pid, &["FROM_SUPERVISOR", "OVERRIDDEN", "HOME", "NOT_THERE"]);
    assert_eq!(found, [Some("1".to_string()), None, None, None]);
    assert!(proc::variable(pid, "PATH").is_some());

    let all = start(&mut supervisor, "all", &sleeper().with("inherit_env", true));
    assert_eq!(variables(all, &["FROM_SUPERVISOR", "OVERRIDDEN"]), some(&["1", "by nobody"]));
}

#[test]
fn files_that_are_wrong_are_refused_with_file_and_line() {
    let mut supervisor = Supervisor::start();
    let path = supervisor.scratch().text("wrong.env");
    fs::write(&path, "A=1\nB\n").unwrap();
    let refusal = supervisor.create_refused("web", &sleeper().with("env_file", path.as_str()));
    assert_eq!(refusal.code, "bad-argument");
    assert!(refusal.sentence.contains(&format!("'{path}' has in line 2 no '='")), "{}", refusal.sentence);
    // It would hold everything up if it were opened as a file is.
    let fifo = supervisor.scratch().text("fifo");
    nix::unistd::mkfifo(fifo.as_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let refusal = supervisor.create_refused("web", &sleeper().with("env_file", fifo.as_str()));
    assert!(refusal.sentence.contains("not a regular file"), "{}", refusal.sentence);
}
