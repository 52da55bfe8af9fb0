//! What the processes of a program get.

use crate::common::{Launcher, Supervisor, eventually_true, proc, sleeper, strings};
use crate::{address, bound, idle, passed, server};
use crate::{args, skip};
use std::io::Read;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;

const NULL: &str = "/dev/null";

#[test]
fn the_variables_and_descriptors_are_those_of_systemd() {
    let mut supervisor = Supervisor::start();
    let file = format!("file=unix:{}", supervisor.scratch().text("%n.sock"));
    let sockets = ["tcp:127.0.0.1:0", &file, "dns=udp:127.0.0.1:0"];
    let pid = supervisor.create_running("web:1", &idle(&sockets))[0].pid;
    let told = |name: &str| proc::variable(pid, name);
    assert_eq!(told("LISTEN_FDS").as_deref(), Some("3"));
    assert_eq!(told("LISTEN_PID"), Some(pid.to_string()));
    assert_eq!(told("LISTEN_FDNAMES").as_deref(), Some("web_1:file:dns"));
    let numbers: Vec<i32> = passed(pid).iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [3, 4, 5]);
    // Its own sockets and nothing else.
    let expected = passed(pid);
    let mut expected: Vec<(i32, &str)> =
        expected.iter().map(|(number, what)| (*number, what.as_str())).collect();
    expected.splice(0..0, [(0, NULL), (1, NULL), (2, NULL)]);
    proc::expect_descriptors(pid, &expected);

    let shown = bound(&mut supervisor, "web:1");
    assert!(shown[0].starts_with("tcp:127.0.0.1:") && shown[2].starts_with("udp:127.0.0.1:"), "{shown:?}");
    assert_eq!(shown[1], format!("unix:{}", supervisor.scratch().text("web:1.sock")));
    assert!(!shown.iter().any(|address| address.ends_with(":0")), "{shown:?}");
    UnixStream::connect(supervisor.scratch().join("web:1.sock")).unwrap();
}

#[test]
fn a_readiness_descriptor_stands_behind_them() {
    let mut supervisor = Supervisor::start();
    let script = "test $LISTEN_FDS = 1 && test $LISTEN_PID = $$ && echo >&4; exec sleep 3600";
    let settings = crate::common::shell(script).with("sockets", strings(&["tcp:127.0.0.1:0"]));
    let pid = supervisor.create_running("web", &settings.with("readiness", "fd:4"))[0].pid;
    assert_eq!(passed(pid).len(), 1);
}

#[test]
fn a_server_is_reached_over_what_it_was_passed() {
    let mut supervisor = Supervisor::start();
    let file = supervisor.scratch().text("socket");
    let Some(settings) = server(&["tcp:localhost:0"]) else { skip!("there is no python3") };
    let tcp = supervisor.create_running("tcp", &settings)[0].pid;
    let mut answer = String::new();
    TcpStream::connect(address(&mut supervisor, "tcp")).unwrap().read_to_string(&mut answer).unwrap();
    assert_eq!(answer, format!("{tcp} 1 {tcp} tcp"));

    let unix = supervisor.create_running("unix", &server(&[&format!("x=unix:{file}")]).unwrap())[0].pid;
    let mut answer = String::new();
    UnixStream::connect(file).unwrap().read_to_string(&mut answer).unwrap();
    assert_eq!(answer, format!("{unix} 1 {unix} x"));
}

#[test]
fn datagrams_wait_for_whoever_reads_them() {
    let mut supervisor = Supervisor::start();
    let output = supervisor.scratch().join("output");
    const READER: &str = "
import os, socket
data, _ = socket.socket(fileno=3).recvfrom(100)
open(os.environ['OUTPUT'], 'wb').write(data)
";
    if server(&[]).is_none() {
        skip!("there is no python3");
    }
    let reader = crate::common::command("python3", &["-I", "-S", "-c", READER]).with("restart", "never");
    let reader = reader.with("sockets", strings(&["udp:127.0.0.1:0"])).with("autostart", false);
    supervisor.create("reader", &reader.with_env("OUTPUT", output.to_str().unwrap()));
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"before anybody was there", address(&mut supervisor, "reader")).unwrap();
    supervisor.command("start", args!["program" => "reader"]);
    eventually_true("the datagram", || {
        std::fs::read(&output).is_ok_and(|read| read == b"before anybody was there")
    });
}

#[test]
fn all_instances_share_the_sockets() {
    let mut supervisor = Supervisor::start();
    let rows = supervisor.create_running("web", &idle(&["tcp:127.0.0.1:0"]).with("instances", 5));
    let sockets: Vec<_> = rows.iter().map(|row| passed(row.pid)).collect();
    assert!(sockets.iter().all(|one| one.len() == 1 && *one == sockets[0]), "{sockets:?}");
    let pids: Vec<_> = rows.iter().map(|row| proc::variable(row.pid, "LISTEN_PID")).collect();
    assert_eq!(pids, rows.iter().map(|row| Some(row.pid.to_string())).collect::<Vec<_>>());
    supervisor.call("scale", args!["program" => "web", "instances" => 6, "wait" => true]);
    assert_eq!(passed(supervisor.row("web", 5).pid), sockets[0]);
}

#[test]
fn other_programs_get_none_of_it_nor_what_the_supervisor_was_told() {
    let launcher = Launcher::new().env("LISTEN_FDS", "1").env("LISTEN_PID", "1").env("LISTEN_FDNAMES", "x");
    let mut supervisor = launcher.start();
    supervisor.create_running("web", &idle(&["tcp:127.0.0.1:0", "udp:127.0.0.1:0"]));
    let other = supervisor.create_running("other", &idle(&[]))[0].pid;
    proc::expect_descriptors(other, &[(0, NULL), (1, NULL), (2, NULL)]);
    let told = proc::environment(other);
    assert!(!told.iter().any(|(name, _)| name.starts_with("LISTEN_")), "{told:?}");
    // What was configured for it is its own.
    let own = supervisor.create_running("own", &sleeper().with_env("LISTEN_FDS", "0"))[0].pid;
    assert_eq!(proc::variable(own, "LISTEN_FDS").as_deref(), Some("0"));
    // But not in the place of what is passed.
    let both = idle(&["udp:127.0.0.1:0"]).with_env("LISTEN_FDS", "9").with_env("LISTEN_PID", "9");
    let both = supervisor.create_running("both", &both)[0].pid;
    let told = proc::environment(both);
    let listen: Vec<_> = told.iter().filter(|(name, _)| name.starts_with("LISTEN_")).collect();
    assert_eq!(listen.len(), 3, "{listen:?}");
    assert_eq!(proc::variable(both, "LISTEN_PID"), Some(both.to_string()));
}

#[test]
fn all_addresses_are_of_both_versions() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &idle(&["tcp:*:0"]));
    let [shown] = <[String; 1]>::try_from(bound(&mut supervisor, "web")).unwrap();
    let port: u16 = shown.strip_prefix("tcp:*:").unwrap().parse().unwrap();
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        skip!("there is no IPv6 here");
    }
    TcpStream::connect(("::1", port)).unwrap();
    supervisor.create("six", &idle(&["tcp:[::]:0"]));
    let [shown] = <[String; 1]>::try_from(bound(&mut supervisor, "six")).unwrap();
    let port: u16 = shown.strip_prefix("tcp:[::]:").unwrap().parse().unwrap();
    TcpStream::connect(("::1", port)).unwrap();
    // The fourth version of the same port is free for others.
    supervisor.create("four", &idle(&[&format!("tcp:0.0.0.0:{port}")]));
}
