//! Sockets as files: their modes, from the first moment on, and their end.

use crate::common::{Launcher, Supervisor, eventually};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

fn mode(path: &Path) -> Option<u32> {
    std::fs::symlink_metadata(path).ok().map(|found| found.permissions().mode() & 0o7777)
}

#[test]
fn the_default_sockets_are_for_their_owner_alone() {
    let supervisor = Supervisor::start();
    assert_eq!(mode(supervisor.runtime_dir()), Some(0o700));
    for name in ["rpc", "events"] {
        let path = supervisor.runtime_dir().join(name);
        let found = std::fs::symlink_metadata(&path).unwrap();
        assert!(found.file_type().is_socket());
        assert_eq!((mode(&path), found.uid()), (Some(0o600), nix::unistd::geteuid().as_raw()), "{name}");
    }
}

#[test]
fn a_mode_that_was_asked_for_is_the_mode_whatever_the_umask() {
    for (umask, asked, expected) in
        [("000", "", 0o600), ("077", ",mode=0660", 0o660), ("000", ",mode=0o640", 0o640)]
    {
        let launcher = Launcher::new().through_shell(&format!("umask {umask}; exec \"$@\""));
        let path = launcher.scratch().join("run").join("rpc");
        let _supervisor = launcher.endpoint(&format!("ipc://{}{asked}", path.display())).start();
        assert_eq!(mode(&path), Some(expected), "{asked}");
        assert_eq!(mode(&path.with_file_name("events")), Some(0o600));
    }
}

/// Whoever looks all the time never sees another mode than the last one.
#[test]
fn a_socket_has_its_mode_from_the_first_moment() {
    for _ in 0..5 {
        let launcher = Launcher::new().through_shell("umask 000; exec \"$@\"");
        let directory = launcher.scratch().join("run");
        let mut supervisor = launcher.spawn();
        // No pause: what is open for a moment only is to be seen.
        let seen = loop {
            match (mode(&directory.join("rpc")), mode(&directory.join("events"))) {
                (None, _) | (Some(0o600), None) => assert_eq!(supervisor.try_wait(), None),
                modes => break modes,
            }
        };
        assert_eq!(seen, (Some(0o600), Some(0o600)));
        assert_eq!(mode(&directory), Some(0o700));
    }
}

#[test]
fn sockets_go_with_the_supervisor_wherever_they_are() {
    let launcher = Launcher::new();
    let elsewhere = launcher.scratch().join("elsewhere");
    let default = launcher.scratch().join("run").join("rpc");
    let launcher = launcher.endpoint(&format!("ipc://{}", default.display()));
    let mut supervisor = launcher.endpoint(&format!("ipc://{},access=read", elsewhere.display())).start();
    assert!(elsewhere.exists());
    supervisor.call("shutdown", &[]);
    assert!(supervisor.wait().success());
    let left: Vec<_> =
        [default.with_file_name("events"), default, elsewhere].into_iter().filter(|it| it.exists()).collect();
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
}

#[test]
fn what_a_dead_supervisor_left_is_replaced() {
    let launcher = Launcher::new();
    let directory = launcher.scratch().join("run");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700)).unwrap();
    for name in ["rpc", "events"] {
        drop(UnixListener::bind(directory.join(name)).unwrap());
    }
    let supervisor = launcher.start();
    eventually("its sockets are there", crate::common::DEADLINE, || {
        (mode(&directory.join("rpc")) == Some(0o600) && mode(&directory.join("events")) == Some(0o600))
            .then_some(())
    });
    assert!(supervisor.client().call("dance", &[]).get("danced").is_some());
}
