//! Sockets of programs in configuration files.

use crate::common::{Launcher, Supervisor, eventually_true};
use crate::{args, bound, passed};
use procnanny::wire::value::Value;
use std::net::{TcpListener, TcpStream};

/// A configuration with a program of that name and these sockets.
fn configuration(name: &str, sockets: &str, more: &str) -> String {
    format!(
        "[program.{name}]\ncommand = \"sleep\"\nargs = [\"3600\"]\nminimum_run_duration = 0\n\
         sockets = [{sockets}]\n{more}"
    )
}

fn listens(address: &str) -> bool {
    TcpStream::connect(address.strip_prefix("tcp:").unwrap()).is_ok()
}

fn start(sockets: &str) -> Supervisor {
    let mut supervisor = Launcher::new().configuration(&configuration("web", sockets, "")).start();
    supervisor.wait_for("web", "running");
    supervisor
}

#[test]
fn a_reload_keeps_what_is_named_still_also_under_another_name() {
    let mut supervisor = start("\"tcp:127.0.0.1:0\"");
    let before = bound(&mut supervisor, "web");
    let inherited = passed(supervisor.row("web", 0).pid);
    supervisor.configure(&configuration("web", "\"tcp:127.0.0.1:0\", \"udp:127.0.0.1:0\"", "nice = 1\n"));
    supervisor.call("reload", &[]);
    let after = bound(&mut supervisor, "web");
    assert_eq!((after.len(), &after[0]), (2, &before[0]));

    supervisor.configure(&configuration("site", "\"tcp:127.0.0.1:0\"", ""));
    supervisor.call("reload", &[]);
    assert_eq!(bound(&mut supervisor, "site"), before);
    let pid = supervisor.wait_for("site", "running")[0].pid;
    assert_eq!(passed(pid), inherited);
    eventually_true("the one of the old name is gone", || {
        let rows = supervisor.call("list", &[]);
        rows.get("instances").and_then(Value::as_array).is_some_and(|rows| rows.len() == 1)
    });
    assert!(listens(&before[0]));

    supervisor.configure("");
    supervisor.call("reload", &[]);
    eventually_true("nobody listens any more", || !listens(&before[0]));
}

#[test]
fn a_reload_with_a_socket_that_cannot_be_had_changes_nothing() {
    let mut supervisor = start("\"tcp:127.0.0.1:0\"");
    let (before, pid) = (bound(&mut supervisor, "web"), supervisor.row("web", 0).pid);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("\"tcp:{}\"", listener.local_addr().unwrap());
    let more = configuration("other", &taken, "");
    supervisor.configure(&configuration("web", "\"udp:127.0.0.1:0\"", &more));
    let refused = supervisor.refusal("reload", &[]);
    assert_eq!(refused.code, "bad-config");
    let told = format!("{:?}", refused.reply);
    assert!(told.contains("Address already in use") && told.contains("'sockets'"), "{told}");
    assert_eq!((bound(&mut supervisor, "web"), supervisor.row("web", 0).pid), (before, pid));
    assert_eq!(supervisor.call("list", args![]).get("instances").and_then(Value::as_array).unwrap().len(), 1);
}

#[test]
fn a_socket_that_cannot_be_had_is_told_at_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("tcp:{}", listener.local_addr().unwrap());
    let said = Launcher::new().configuration(&configuration("web", &format!("{taken:?}"), "")).refusal();
    assert!(said.contains(&format!("'sockets': cannot open {taken}: Address already in use")), "{said}");
}
