//! Sockets that are opened for programs: what the processes get, how long the sockets live, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod files;
mod keeping;
mod passing;
mod refusals;
mod reloading;

use common::{ProgramSettings, Supervisor, proc, sleeper, strings};
use procnanny::wire::value::Value;
use std::net::SocketAddr;

/// A program that does nothing with its sockets.
fn idle(sockets: &[&str]) -> ProgramSettings {
    sleeper().with("sockets", strings(sockets)).with("stdout", "null").with("stderr", "null")
}

/// A server that tells each client which process it talks to, and what that was told of its sockets; `None` without a
/// Python. Whoever connects is served, or waits for the next one.
fn server(sockets: &[&str]) -> Option<ProgramSettings> {
    const SERVER: &str = "
import os, socket
listener = socket.socket(fileno=3)
while True:
    connection, _ = listener.accept()
    told = [os.environ['LISTEN_' + name] for name in ('FDS', 'PID', 'FDNAMES')]
    connection.sendall(' '.join([str(os.getpid()), *told]).encode())
    connection.close()
";
    let version = std::process::Command::new("python3").arg("--version").output();
    version.is_ok_and(|output| output.status.success()).then(|| {
        let server =
            common::command("python3", &["-I", "-S", "-c", SERVER]).with("sockets", strings(sockets));
        server.with("minimum_run_duration", 0)
    })
}

/// The addresses of the sockets of a program, as `status` tells them.
#[track_caller]
fn bound(supervisor: &mut Supervisor, program: &str) -> Vec<String> {
    let status = supervisor.call("status", args!["program" => program]);
    let sockets = status.get("programs").and_then(|programs| programs.get(program)?.get("sockets").cloned());
    let sockets = sockets.unwrap_or(Value::Array(Vec::new()));
    sockets.as_array().unwrap().iter().map(|address| address.text().unwrap().to_string()).collect()
}

/// The address of the one TCP or UDP socket of a program.
#[track_caller]
fn address(supervisor: &mut Supervisor, program: &str) -> SocketAddr {
    let bound = bound(supervisor, program);
    let [address] = bound.as_slice() else { panic!("not one socket: {bound:?}") };
    address.split_once(':').unwrap().1.replace('*', "127.0.0.1").parse().unwrap()
}

/// The descriptors of a process from 3 on, without what C libraries open and close again.
#[track_caller]
fn passed(pid: i32) -> Vec<(i32, String)> {
    let open = proc::descriptors(pid).into_iter().filter(|(number, _)| *number > 2);
    open.filter(|(_, what)| what.starts_with("socket:")).collect()
}
