//! Where a configuration is: a file, a directory, what it includes, and where it is by default.

use super::common::{Launcher, Supervisor, eventually_true};
use super::tool::{run, tool, tool_of};
use procnanny::wire::value::Value;
use std::fs;

fn program(name: &str) -> String {
    format!("[program.'{name}']\ncommand = 'sleep'\nargs = ['3600']\nminimum_run_duration = 0\n")
}

#[track_caller]
fn names(supervisor: &mut Supervisor) -> Vec<String> {
    supervisor.rows("*").into_iter().map(|row| row.program).collect()
}

#[test]
fn a_file_and_what_it_includes() {
    let launcher = Launcher::new().configuration(&program("main"));
    fs::create_dir(launcher.scratch().join("programs.d")).unwrap();
    fs::write(launcher.scratch().join("programs.d/hello.toml"), program("hello world")).unwrap();
    // It includes all of them again, itself among them.
    let text = format!("include = ['*.toml', '../procnanny.toml']\n{}", program("last"));
    fs::write(launcher.scratch().join("programs.d/last.toml"), text).unwrap();
    let mut supervisor = launcher.program("option=sleep 3600").start();
    supervisor.wait_for("main", "running");
    assert_eq!(names(&mut supervisor), ["hello world", "last", "main", "option"]);
}

#[test]
fn a_directory_of_files() {
    let launcher = Launcher::new();
    let directory = launcher.scratch().join("conf");
    fs::create_dir(&directory).unwrap();
    for name in ["b.toml", "a.toml", "c.txt", ".d.toml"] {
        fs::write(directory.join(name), program(name)).unwrap();
    }
    let mut supervisor = launcher.path(&directory).start();
    assert_eq!(names(&mut supervisor), ["a.toml", "b.toml"]);
    fs::write(directory.join("c.toml"), program("c.toml")).unwrap();
    fs::remove_file(directory.join("a.toml")).unwrap();
    let reply = supervisor.call("reload", &[]);
    assert_eq!(reply.get("added"), Some(&Value::Array(vec![Value::from("c.toml")])));
    eventually_true("one is gone", || names(&mut supervisor) == ["b.toml", "c.toml"]);
}

#[test]
fn an_ordinary_user_has_a_place_by_default() {
    let launcher = Launcher::new().ordinary_user().configured_by_default();
    if nix::unistd::User::from_name("nobody").unwrap().is_none() && super::common::is_root() {
        crate::skip!("there is no ordinary user");
    }
    let home = launcher.scratch().text("");
    let launcher = launcher.env("XDG_CONFIG_HOME", &home);
    fs::create_dir(launcher.scratch().join("procnanny")).unwrap();
    let file = launcher.scratch().join("procnanny/procnanny.toml");
    fs::write(&file, program("web")).unwrap();
    let mut supervisor = launcher.start();
    let before = supervisor.wait_for("web", "running");
    // It was there: that it is not any more is a mistake, and not the wish to have no programs.
    fs::remove_file(&file).unwrap();
    let refusal = supervisor.refusal("reload", &[]);
    assert!(refusal.sentence.contains("is not there any more"), "{refusal:?}");
    assert_eq!(supervisor.rows("web")[0].pid, before[0].pid);
    fs::write(&file, "").unwrap();
    supervisor.call("reload", &[]);
    eventually_true("it is gone", || names(&mut supervisor).is_empty());
}

#[test]
fn a_path_is_relative_to_where_the_supervisor_was_started() {
    let scratch = super::common::Scratch::new();
    fs::write(scratch.join("a.toml"), program("web")).unwrap();
    let mut command = tool(&["check", "a.toml"]);
    command.current_dir(scratch.path());
    assert_eq!(run(command).expect_done(), "1 program with 1 instance in 1 file: no mistakes\n");
}

#[test]
fn an_empty_file_is_a_configuration_without_programs() {
    let mut supervisor = Launcher::new().configuration("").start();
    assert!(names(&mut supervisor).is_empty());
    let ran = run(tool_of(&supervisor, &["reload"]));
    assert_eq!(ran.expect_done(), "unchanged  0\n");
}
