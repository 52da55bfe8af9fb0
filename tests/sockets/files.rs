//! Sockets that are files.

use crate::common::{Launcher, Supervisor, eventually_true};
use crate::{bound, idle};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

fn socket_at(path: &Path) -> String {
    format!("unix:{}", path.display())
}

#[test]
fn everybody_who_finds_it_may_connect_whatever_the_umask() {
    for umask in ["000", "077"] {
        let mut supervisor = Launcher::new().through_shell(&format!("umask {umask}; exec \"$@\"")).start();
        let file = supervisor.scratch().join("socket");
        supervisor.create("web", &idle(&[&socket_at(&file)]).with("autostart", false));
        let found = std::fs::symlink_metadata(&file).unwrap();
        assert!(found.file_type().is_socket());
        assert_eq!(found.permissions().mode() & 0o7777, 0o666);
        // What the supervisor makes beside is as before.
        supervisor.do_and_wait("start", "web");
        let mask = u32::from_str_radix(&crate::common::proc::status_line(supervisor.pid(), "Umask"), 8);
        assert_eq!(mask, u32::from_str_radix(umask, 8));
    }
}

#[test]
fn what_was_left_behind_is_replaced() {
    let mut supervisor = Supervisor::start();
    let file = supervisor.scratch().join("socket");
    drop(UnixListener::bind(&file).unwrap());
    // A child that another test has just forked may hold it for a moment more.
    eventually_true("nobody listens", || UnixStream::connect(&file).is_err());
    supervisor.create("web", &idle(&[&socket_at(&file)]));
    UnixStream::connect(&file).unwrap();
}

#[test]
fn what_somebody_listens_at_or_is_no_socket_stays() {
    let mut supervisor = Supervisor::start();
    let (live, regular) = (supervisor.scratch().join("live"), supervisor.scratch().join("regular"));
    let listener = UnixListener::bind(&live).unwrap();
    std::fs::write(&regular, "precious").unwrap();
    for path in [&live, &regular] {
        let refused = supervisor.create_refused("web", &idle(&[&socket_at(path)]));
        assert_eq!(refused.code, "failed");
        let words = format!("'sockets': cannot open {}: Address already in use", socket_at(path));
        assert!(refused.sentence.starts_with(&words), "{}", refused.sentence);
    }
    assert!(supervisor.rows("*").is_empty());
    let _client = UnixStream::connect(&live).unwrap();
    listener.accept().unwrap();
    assert_eq!(std::fs::read_to_string(&regular).unwrap(), "precious");
}

#[test]
fn what_took_its_place_is_not_removed() {
    let mut supervisor = Supervisor::start();
    let file = supervisor.scratch().join("socket");
    supervisor.create("web", &idle(&[&socket_at(&file)]).with("instances", 0));
    assert_eq!(bound(&mut supervisor, "web"), [socket_at(&file)]);
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "of somebody else").unwrap();
    supervisor.call("remove", crate::args!["program" => "web"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "of somebody else");
}
