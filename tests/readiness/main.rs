//! Programs that say when they are ready, how they are and that they still work; and those who say so in their place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod descriptor;
mod floods;
mod notify;
mod real;
mod senders;
mod start_timeout;
mod watchdog;

use common::{ProgramSettings, Row, Scratch, Supervisor, command, eventually_true, proc};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;

/// The functions that scripts of [`python`] have.
const PRELUDE: &str = include_str!("prelude.py");

/// Whether there is a Python to speak for programs.
fn has_python() -> bool {
    Command::new("python3").args(["-c", "import socket, array"]).status().is_ok_and(|status| status.success())
}

/// Skips a test for which there is no Python.
macro_rules! needs_python {
    () => {
        if !crate::has_python() {
            crate::skip!("there is no python3");
        }
    };
}
use needs_python;

/// A program in Python that speaks systemd's protocol, with the functions of the prelude.
fn python(script: &str) -> ProgramSettings {
    command("python3", &["-c", &format!("{PRELUDE}\n{script}")]).with("readiness", "notify")
}

/// One that says it is ready when the file `gate` is there, and then sleeps.
fn ready_at(gate: &str) -> ProgramSettings {
    python(&format!("await_file({gate:?})\nsay('READY=1')\nsleep()"))
}

fn open(scratch: &Scratch, gate: &str) {
    std::fs::write(scratch.join(gate), "").unwrap();
}

/// Waits for a file that a program makes.
#[track_caller]
fn wait_for_file(scratch: &Scratch, name: &str) {
    eventually_true(&format!("the file {name}"), || scratch.join(name).exists());
}

/// The process of an instance that is a `sleep`, once that is executed: before, it shows what the supervisor has.
#[track_caller]
fn sleeping(supervisor: &mut Supervisor, program: &str) -> i32 {
    let pid = supervisor.row(program, 0).pid;
    eventually_true("the program is executed", || {
        proc::arguments(pid).first().is_some_and(|it| it == "sleep")
    });
    pid
}

/// Where the process of an instance that is a `sleep` is to say that it is ready.
#[track_caller]
fn address_of(supervisor: &mut Supervisor, program: &str) -> String {
    let pid = sleeping(supervisor, program);
    proc::variable(pid, "NOTIFY_SOCKET").expect("it is told an address")
}

/// A socket that is connected to this address.
#[track_caller]
fn connect(address: &str) -> UnixDatagram {
    let name = address.strip_prefix('@').expect("an abstract name");
    let socket = UnixDatagram::unbound().unwrap();
    socket.connect_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap();
    socket
}

/// How many datagrams were dropped.
fn dropped(supervisor: &mut Supervisor) -> i64 {
    let info = supervisor.call("info", &[]);
    info.get("notifications_dropped").and_then(|count| count.as_i64()).unwrap()
}

#[track_caller]
fn expect_reason(row: &Row, expected: &str) {
    assert_eq!(row.reason.as_deref(), Some(expected), "{row:?}");
}
