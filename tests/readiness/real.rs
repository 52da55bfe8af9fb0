//! Programs that others wrote.

use crate::common::{Supervisor, command, shell};
use crate::skip;
use std::process::{Command, Stdio};

/// Whether a program is installed.
fn is_installed(program: &str) -> bool {
    let mut shell = Command::new("/bin/sh");
    let shell = shell.args(["-c", "command -v \"$1\"", "sh", program]).stdout(Stdio::null());
    shell.status().is_ok_and(|status| status.success())
}

#[test]
fn redis_says_when_it_is_ready() {
    if !is_installed("redis-server") {
        skip!("there is no redis-server");
    }
    let mut supervisor = Supervisor::start();
    let (directory, socket) = (supervisor.scratch().text(""), supervisor.scratch().text("redis"));
    let args = [
        "--supervised",
        "systemd",
        "--port",
        "0",
        "--unixsocket",
        &socket,
        "--dir",
        &directory,
        "--save",
        "",
    ];
    let settings = command("redis-server", &args).with("readiness", "notify").with("start_timeout", 60);
    let row = supervisor.create_running("redis", &settings).remove(0);
    assert_eq!(row.status_text.as_deref(), Some("Ready to accept connections"));
    assert_eq!((row.start_count, row.flap_count), (1, 0));
    // What it says is so.
    std::os::unix::net::UnixStream::connect(&socket).unwrap();
    let row = supervisor.do_and_wait("stop", "redis").remove(0);
    assert_eq!((row.exitcode, row.reason.as_deref()), (0, Some("stopped")));
}

/// It sends `BARRIER=1` behind it, and waits: so it is there until it is heard, though it is a child that ends at once.
#[test]
fn systemd_notify_speaks_for_a_script() {
    if !is_installed("systemd-notify") {
        skip!("there is no systemd-notify");
    }
    let mut supervisor = Supervisor::start();
    let script = "systemd-notify --status='half done' && systemd-notify --ready && exec sleep 3600";
    let row = supervisor.create_running("web", &shell(script).with("readiness", "notify")).remove(0);
    assert_eq!(row.status_text.as_deref(), Some("half done"));
}
