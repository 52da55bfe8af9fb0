//! The runtime directory: one supervisor at a time, in a directory that is its own alone.

use crate::common::{EventSource, Launcher, Scratch, Supervisor, is_root, sleeper};
use crate::skip;
use nix::sys::signal::Signal;
use nix::unistd::{Uid, chown};
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

#[test]
fn a_killed_supervisor_does_not_hinder_its_successor() {
    let mut killed = Supervisor::start();
    let orphan = killed.create_running("web", &sleeper())[0].pid;
    killed.signal(Signal::SIGKILL);
    assert_eq!(killed.wait().code(), None);
    assert!(is_socket(&killed.runtime_dir().join("rpc")), "the stale sockets are what this is about");
    let mut successor = Launcher::new().runtime_dir(killed.runtime_dir()).start();
    let row = successor.create_running("web", &sleeper()).remove(0);
    assert!(row.pid != orphan);
    let mut stream = successor.subscriber(&["state/web/"]);
    successor.do_and_wait("stop", "web");
    stream.expect_states("web", 0, &["stopping", "exited"]);
}

#[test]
fn a_second_supervisor_is_refused_and_the_first_undisturbed() {
    let mut first = Supervisor::start();
    let pid = first.create_running("web", &sleeper())[0].pid;
    let inode = |name: &str| fs::metadata(first.runtime_dir().join(name)).unwrap().ino();
    let before = [inode("rpc"), inode("events"), inode("lock")];
    let sentence = Launcher::new().runtime_dir(first.runtime_dir()).program("db=sleep 3600").refusal();
    let directory = first.runtime_dir().display().to_string();
    assert!(sentence.contains("another supervisor") && sentence.contains(&directory), "{sentence}");
    assert_eq!([inode("rpc"), inode("events"), inode("lock")], before);
    assert_eq!(first.client().list(&[]).len(), 1);
    assert_eq!(first.row("web", 0).pid, pid);
}

#[test]
fn one_after_the_other_is_fine() {
    let scratch = Scratch::new();
    let directory = scratch.join("run");
    for _ in 0..3 {
        let mut supervisor = Launcher::new().runtime_dir(&directory).start();
        supervisor.signal(Signal::SIGTERM);
        assert_eq!(supervisor.wait().code(), Some(0));
        assert!(!directory.join("rpc").exists() && !directory.join("events").exists());
    }
}

#[test]
fn a_directory_that_is_not_there_is_made_for_its_owner_alone() {
    let supervisor = Supervisor::start();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(supervisor.runtime_dir()), 0o700);
    for socket in ["rpc", "events"] {
        assert_eq!(mode(&supervisor.runtime_dir().join(socket)), 0o600, "{socket}");
    }
}

#[test]
fn a_directory_that_others_can_write_to_is_refused() {
    for mode in [0o777, 0o770, 0o702, 0o1777] {
        let scratch = Scratch::new();
        let directory = scratch.join("run");
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(mode)).unwrap();
        let sentence = Launcher::new().runtime_dir(&directory).refusal();
        assert!(sentence.contains("others can write to it"), "{sentence}");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "nothing is made in it");
    }
}

#[test]
fn a_symbolic_link_is_refused() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("real")).unwrap();
    fs::set_permissions(scratch.join("real"), Permissions::from_mode(0o700)).unwrap();
    symlink(scratch.join("real"), scratch.join("link")).unwrap();
    let sentence = Launcher::new().runtime_dir(&scratch.join("link")).refusal();
    assert!(sentence.contains("symbolic link"), "{sentence}");
    assert_eq!(fs::read_dir(scratch.join("real")).unwrap().count(), 0);
}

#[test]
fn a_symbolic_link_is_refused_also_when_the_path_ends_with_a_slash() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("real")).unwrap();
    fs::set_permissions(scratch.join("real"), Permissions::from_mode(0o700)).unwrap();
    symlink(scratch.join("real"), scratch.join("link")).unwrap();
    let sentence = Launcher::new().runtime_dir(&scratch.join("link/")).refusal();
    assert!(sentence.contains("symbolic link"), "{sentence}");
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    let sentence = Launcher::new().runtime_dir(Path::new("/usr")).ordinary_user().refusal();
    assert!(sentence.contains("belongs to user 0"), "{sentence}");
    if !is_root() {
        skip!("the rest takes root: to give a directory away");
    }
    let scratch = Scratch::new();
    let directory = scratch.join("run");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
    chown(&directory, Some(Uid::from_raw(54_321)), None).unwrap();
    let sentence = Launcher::new().runtime_dir(&directory).refusal();
    assert!(sentence.contains("belongs to user 54321"), "{sentence}");
}

#[test]
fn what_is_no_directory_or_cannot_be_made_is_refused() {
    let scratch = Scratch::new();
    fs::write(scratch.join("file"), "").unwrap();
    let sentence = Launcher::new().runtime_dir(&scratch.join("file")).refusal();
    assert!(sentence.contains("not a directory"), "{sentence}");
    let sentence = Launcher::new().runtime_dir(&scratch.join("not/there")).refusal();
    assert!(sentence.contains("No such file or directory"), "{sentence}");
    let long = scratch.join(&"x".repeat(120));
    let sentence = Launcher::new().runtime_dir(&long).refusal();
    assert!(sentence.contains("107"), "the limit is named: {sentence}");
}

#[test]
fn a_lock_that_another_user_or_a_link_put_there_does_no_harm() {
    let scratch = Scratch::new();
    let directory = scratch.join("run");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
    fs::write(scratch.join("precious"), "kept").unwrap();
    symlink(scratch.join("precious"), directory.join("lock")).unwrap();
    let sentence = Launcher::new().runtime_dir(&directory).refusal();
    assert!(sentence.contains("lock"), "{sentence}");
    assert_eq!(fs::read_to_string(scratch.join("precious")).unwrap(), "kept");
}
