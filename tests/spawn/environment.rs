//! The environment, the working directory, and what is substituted in them.

use crate::common::{Client, Launcher, Supervisor, command, proc, sleeper, strings};
use procnanny::wire::value::Value;
use std::fs;
use std::os::unix::fs::symlink;

/// Where sleep(1) is.
fn sleep() -> &'static str {
    let places = ["/bin/sleep", "/usr/bin/sleep"];
    places.into_iter().find(|path| fs::exists(path).unwrap()).expect("a program to run")
}

#[test]
fn the_environment_is_the_supervisors_with_what_is_configured_over_it() {
    let launcher = Launcher::new().env("COLOUR", "red").env("SHAPE", "round");
    let mut supervisor = launcher.start();
    let settings =
        sleeper().with_env("COLOUR", "blue").with_env("EMPTY", "").with_env("PROCNANNY_INSTANCE", "77");
    let pid = supervisor.create_running("web", &settings)[0].pid;
    let environment = proc::environment(pid);
    let all = |name: &str| -> Vec<&str> {
        environment.iter().filter(|(variable, _)| variable == name).map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!((all("COLOUR"), all("SHAPE"), all("EMPTY")), (vec!["blue"], vec!["round"], vec![""]));
    assert_eq!(all("PATH"), [std::env::var("PATH").unwrap()]);
    assert_eq!((all("PROCNANNY_PROGRAM"), all("PROCNANNY_INSTANCE")), (vec!["web"], vec!["0"]));
}

#[test]
fn every_process_is_told_who_it_is_and_where_the_supervisor_is() {
    let mut supervisor = Supervisor::start();
    for row in supervisor.create_running("hello world", &sleeper().with("instances", 3)) {
        let variable = |name| proc::variable(row.pid, name);
        assert_eq!(variable("PROCNANNY_PROGRAM").as_deref(), Some("hello world"));
        assert_eq!(variable("PROCNANNY_INSTANCE"), Some(row.instance.to_string()));
        let endpoint = variable("PROCNANNY_RPC").unwrap();
        let danced = Client::connect(&endpoint).call("dance", &[]);
        assert_eq!(danced.get("danced"), Some(&Value::Bool(true)));
    }
}

#[test]
fn letters_are_substituted_in_command_arguments_environment_and_directory() {
    let mut supervisor = Supervisor::start();
    let place = fs::canonicalize(supervisor.scratch().path()).unwrap().to_str().unwrap().to_string();
    for number in 0..2 {
        fs::create_dir(format!("{place}/web 1-{number}")).unwrap();
        symlink(sleep(), format!("{place}/sleep-{number}")).unwrap();
    }
    let settings = command(&format!("{place}/sleep-%i"), &["36%i0", "0%i"])
        .with("minimum_run_duration", 0)
        .with("instances", 2)
        .with("directory", format!("{place}/%n-%i"))
        .with_env("ALL", "%n|%i|%u|%g|%%|%Y|%|%%i");
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    for row in supervisor.create_running("web 1", &settings) {
        let number = row.instance;
        let arguments = [format!("{place}/sleep-{number}"), format!("36{number}0"), format!("0{number}")];
        assert_eq!(proc::arguments(row.pid), arguments);
        let value = proc::variable(row.pid, "ALL");
        assert_eq!(value, Some(format!("web 1|{number}|{uid}|{gid}|%|%Y|%|%i")));
        assert_eq!(proc::link(row.pid, "cwd"), format!("{place}/web 1-{number}"));
    }
    // What is shown is what was configured.
    let status = supervisor.call("status", &[]);
    let program = status.get("programs").and_then(|programs| programs.get("web 1")).unwrap();
    assert_eq!(program.get("command"), Some(&Value::from(format!("{place}/sleep-%i"))));
    assert_eq!(program.get("args"), Some(&strings(&["36%i0", "0%i"])));
}

#[test]
fn without_a_directory_it_is_the_supervisors() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    assert_eq!(proc::link(pid, "cwd"), proc::link(supervisor.pid(), "cwd"));
}

#[test]
fn a_command_is_looked_up_in_the_path_of_the_program() {
    let mut supervisor = Supervisor::start();
    symlink(sleep(), supervisor.scratch().join("a-name-of-our-own")).unwrap();
    let path = format!("/nonexistent:{}", supervisor.scratch().path().display());
    let settings = command("a-name-of-our-own", &["3600"]).with("minimum_run_duration", 0);
    let row = supervisor.create_running("web", &settings.with_env("PATH", &path)).remove(0);
    assert_eq!(proc::arguments(row.pid), ["a-name-of-our-own", "3600"]);
}
