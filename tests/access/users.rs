//! Other users: who has no permission does not get through, and who was given it does.

use crate::common::{Launcher, Supervisor, is_root, sleeper};
use crate::skip;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const NOBODY: u32 = 65534;
const OTHER: u32 = 65533;

/// The program, where other users get at it.
fn copy(supervisor: &Supervisor) -> PathBuf {
    let path = supervisor.scratch().copy_of_program(Path::new(env!("CARGO_BIN_EXE_procnanny")));
    std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(supervisor.scratch().path(), Permissions::from_mode(0o755)).unwrap();
    path
}

/// What `procnanny call METHOD` ends with when a user calls it: code, and what it printed.
fn call(program: &Path, endpoint: &str, user: (u32, u32), words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    command.args(["--rpc", endpoint, "call"]).args(words).uid(user.0).gid(user.1).current_dir("/");
    let output = command.output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(printed).unwrap())
}

#[test]
fn another_user_does_not_get_at_the_default_endpoint() {
    if !is_root() {
        skip!("only root can become another user");
    }
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let client = copy(&supervisor);
    // Also where the directory lets others through, the socket does not.
    for mode in [0o700, 0o755] {
        std::fs::set_permissions(supervisor.runtime_dir(), Permissions::from_mode(mode)).unwrap();
        for socket in ["rpc", "events"] {
            let path = supervisor.runtime_dir().join(socket);
            let mut connect = Command::new("/bin/sh");
            connect.args(["-c", "test -r \"$0\" || test -w \"$0\""]).arg(&path).uid(NOBODY).gid(NOBODY);
            assert_eq!(connect.status().unwrap().code(), Some(1), "{mode:o} {socket}");
        }
        let (code, printed) =
            call(&client, &supervisor.endpoint("rpc"), (NOBODY, NOBODY), &["stop", "program=web"]);
        assert_ne!(code, Some(0), "{printed}");
        assert!(printed.contains("Permission denied"), "{printed}");
    }
    let (code, printed) = call(&client, &supervisor.endpoint("rpc"), (0, 0), &["dance"]);
    assert_eq!((code, printed.contains("danced")), (Some(0), true), "{printed}");
    assert_eq!(supervisor.row("web", 0).state, "running");
}

#[test]
fn a_group_that_was_given_an_endpoint_gets_at_it() {
    if !is_root() {
        skip!("only root can give a socket to a group");
    }
    let launcher = Launcher::new();
    let shared = launcher.scratch().join("shared");
    let default = launcher.scratch().join("run").join("rpc");
    let launcher = launcher.endpoint(&format!("ipc://{}", default.display()));
    let mut supervisor =
        launcher.endpoint(&format!("ipc://{},access=read,mode=0660", shared.display())).start();
    supervisor.create("web", &sleeper().with("start", false));
    chown(&shared, None, Some(OTHER)).unwrap();
    let (client, endpoint) = (copy(&supervisor), format!("ipc://{}", shared.display()));
    let (code, printed) = call(&client, &endpoint, (NOBODY, OTHER), &["list"]);
    assert_eq!((code, printed.contains("web")), (Some(0), true), "{printed}");
    let (code, printed) = call(&client, &endpoint, (NOBODY, OTHER), &["start", "program=web"]);
    assert_eq!((code, printed.contains("forbidden")), (Some(1), true), "{printed}");
    let (code, printed) = call(&client, &endpoint, (NOBODY, NOBODY), &["list"]);
    assert_ne!(code, Some(0), "{printed}");
    assert_eq!(supervisor.row("web", 0).start_count, 0);
}

#[test]
fn an_endpoint_is_given_to_a_group() {
    if !is_root() {
        skip!("only root can give a socket to a group");
    }
    let launcher = Launcher::new();
    let default = format!("ipc://{}", launcher.scratch().join("run").join("rpc").display());
    let directory = launcher.scratch().join("shared");
    std::fs::create_dir(&directory).unwrap();
    chown(&directory, None, Some(OTHER)).unwrap();
    std::fs::set_permissions(&directory, Permissions::from_mode(0o710)).unwrap();
    let (rpc, events) = (directory.join("rpc"), directory.join("events"));
    let launcher = launcher.endpoint(&default);
    let launcher = launcher.endpoint(&format!("ipc://{},access=read,group={OTHER}", rpc.display()));
    let launcher = launcher.option("--events", format!("ipc://{},group={OTHER},mode=0620", events.display()));
    let mut supervisor = launcher.start();
    supervisor.create("web", &sleeper().with("start", false));
    for (path, mode) in [(&rpc, 0o660), (&events, 0o620)] {
        let found = std::fs::symlink_metadata(path).unwrap();
        assert_eq!((found.gid(), found.permissions().mode() & 0o7777), (OTHER, mode));
    }
    let (client, endpoint) = (copy(&supervisor), format!("ipc://{}", rpc.display()));
    let (code, printed) = call(&client, &endpoint, (NOBODY, OTHER), &["list"]);
    assert_eq!((code, printed.contains("web")), (Some(0), true), "{printed}");
    let (code, printed) = call(&client, &endpoint, (NOBODY, NOBODY), &["list"]);
    assert_ne!(code, Some(0), "{printed}");
}

#[test]
fn a_group_that_could_not_get_at_its_endpoint_is_refused() {
    let scratch = crate::common::Scratch::new();
    let endpoint = format!("ipc://{},group={OTHER}", scratch.text("rpc"));
    let refusal = |mode: u32| {
        std::fs::set_permissions(scratch.path(), Permissions::from_mode(mode)).unwrap();
        Launcher::new().endpoint(&endpoint).refusal()
    };
    let said = refusal(0o700);
    assert!(said.contains(&format!("group {OTHER} cannot get into its directory")), "{said}");
    assert!(said.contains("chmod 0710"), "{said}");
    // The group of the directory is another one.
    assert!(refusal(0o710).contains("cannot get into"));
    assert!(refusal(0o777).contains("others can write to its directory"));
    assert!(
        Launcher::new()
            .endpoint("ipc:///nonexistent/rpc,group=0")
            .refusal()
            .contains("/nonexistent: No such")
    );
    assert!(
        Launcher::new()
            .endpoint("tcp://127.0.0.1:*,group=0")
            .refusal()
            .contains("mode and group are for ipc")
    );
    assert!(!scratch.join("rpc").exists());
}

#[test]
fn an_ordinary_user_has_a_supervisor_of_its_own() {
    if !is_root() {
        skip!("only root can start it as another user");
    }
    let mut supervisor = Launcher::new().user(NOBODY, NOBODY).start();
    let rows = supervisor.create_running("web", &sleeper());
    let uids = crate::common::proc::status_line(rows[0].pid, "Uid");
    assert!(uids.split_whitespace().all(|uid| uid == NOBODY.to_string()), "{uids}");
    let status = supervisor.call("status", crate::args!["program" => "web"]);
    let program = status.get("programs").and_then(|programs| programs.get("web")).unwrap();
    assert_eq!(crate::wire::integer(program, "uid"), i64::from(NOBODY));
    let mut refused = Launcher::new().user(OTHER, OTHER).runtime_dir(supervisor.runtime_dir()).spawn();
    assert_eq!(refused.wait().code(), Some(1));
    assert!(
        refused.stderr().contains(&supervisor.runtime_dir().display().to_string()),
        "{}",
        refused.stderr()
    );
}
