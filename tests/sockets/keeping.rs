//! How long a socket lives.

use crate::common::{Launcher, Supervisor, eventually_true, proc, sleeper, strings};
use crate::{address, bound, idle, passed, server};
use crate::{args, skip};
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

/// A client that connects and reads an answer all the time, and tells which process answered last.
fn client(address: SocketAddr, last: &AtomicI32) {
    while last.load(Ordering::Relaxed) != OVER {
        let mut stream = TcpStream::connect(address).expect("no connection is refused");
        let mut answer = String::new();
        // One that was accepted just before its server was stopped may get no answer.
        let _ = stream.read_to_string(&mut answer);
        // A pace that leaves the processor to those who start.
        thread::sleep(Duration::from_millis(1));
        if let Some(pid) = answer.split(' ').next().and_then(|pid| pid.parse().ok()) {
            let _ =
                last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| (last != OVER).then_some(pid));
        }
    }
}

const OVER: i32 = -1;

#[test]
fn no_connection_is_refused_over_a_hundred_restarts() {
    let mut supervisor = Supervisor::start();
    let Some(settings) = server(&["tcp:127.0.0.1:0"]) else { skip!("there is no python3") };
    supervisor.create_running("web", &settings);
    let address = address(&mut supervisor, "web");
    let last = Arc::new(AtomicI32::new(0));
    let clients = [(); 2].map(|()| {
        let last = last.clone();
        thread::spawn(move || client(address, &last))
    });
    for _ in 0..100 {
        let pid = supervisor.do_and_wait("restart", "web")[0].pid;
        eventually_true("the new process serves", || last.load(Ordering::Relaxed) == pid);
    }
    last.store(OVER, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().unwrap());
    assert_eq!(supervisor.row("web", 0).start_count, 101);
}

#[test]
fn clients_wait_while_nobody_is_there_and_are_served_by_the_next() {
    let mut supervisor = Supervisor::start();
    let Some(settings) = server(&["tcp:127.0.0.1:0"]) else { skip!("there is no python3") };
    supervisor.create("web", &settings.with("autostart", false));
    let address = address(&mut supervisor, "web");
    let mut early = TcpStream::connect(address).unwrap();
    let first = supervisor.do_and_wait("start", "web")[0].pid;
    let mut answer = String::new();
    early.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with(&format!("{first} ")), "{answer}");

    supervisor.do_and_wait("stop", "web");
    let mut waiting = TcpStream::connect(address).unwrap();
    supervisor.call("scale", args!["program" => "web", "instances" => 0, "wait" => true]);
    supervisor.call("update", args!["program" => "web", "description" => "still there", "nice" => 1]);
    supervisor.call("scale", args!["program" => "web", "instances" => 1, "wait" => true]);
    let next = supervisor.do_and_wait("start", "web")[0].pid;
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with(&format!("{next} ")), "{answer}");
}

#[test]
fn an_update_opens_and_closes_what_changed_alone() {
    let mut supervisor = Supervisor::start();
    let file = supervisor.scratch().join("socket");
    let file_socket = format!("unix:{}", file.display());
    supervisor.create("web", &idle(&["tcp:127.0.0.1:0", &file_socket]).with("autostart", false));
    let before = bound(&mut supervisor, "web");
    let port = before[0].clone();
    let listens = |shown: &str| TcpStream::connect(shown.strip_prefix("tcp:").unwrap()).is_ok();
    assert!(listens(&port) && file.exists());

    // Another name, and one more: what is there already stays.
    let sockets = strings(&["http=tcp:127.0.0.1:0", "udp:127.0.0.1:0", &file_socket]);
    supervisor.call("update", args!["program" => "web", "sockets" => sockets]);
    let after = bound(&mut supervisor, "web");
    assert_eq!((after.len(), &after[0], &after[2]), (3, &port, &before[1]));
    let pid = supervisor.do_and_wait("start", "web")[0].pid;
    assert_eq!(proc::variable(pid, "LISTEN_FDNAMES").as_deref(), Some("http:web:web"));
    let inherited = passed(pid);
    assert!(!supervisor.row("web", 0).restart_needed);

    // One less. The process has it until it ends.
    supervisor.call("update", args!["program" => "web", "sockets" => strings(&["tcp:127.0.0.1:0"])]);
    assert_eq!(bound(&mut supervisor, "web"), *std::slice::from_ref(&port));
    assert!(!file.exists());
    assert!(supervisor.row("web", 0).restart_needed);
    let pid = supervisor.do_and_wait("restart", "web")[0].pid;
    assert_eq!(passed(pid), inherited[..1]);

    supervisor.do_and_wait("stop", "web");
    supervisor.call("update", args!["program" => "web", "sockets" => strings(&[])]);
    assert!(!listens(&port));
    let pid = supervisor.do_and_wait("start", "web")[0].pid;
    assert_eq!((passed(pid), proc::variable(pid, "LISTEN_FDS")), (vec![], None));
    let status = supervisor.call("status", &[]);
    assert!(status.get("programs").and_then(|it| it.get("web")).unwrap().get("sockets").is_none());
}

#[test]
fn an_update_that_is_refused_leaves_the_sockets_as_they_are() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &idle(&["tcp:127.0.0.1:0"]).with("autostart", false));
    let before = bound(&mut supervisor, "web");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("tcp:{}", taken.local_addr().unwrap());
    let sockets = strings(&["udp:127.0.0.1:0", &taken]);
    let refused = supervisor.refusal("update", args!["program" => "web", "sockets" => sockets]);
    assert_eq!(refused.code, "failed", "{refused:?}");
    assert_eq!(bound(&mut supervisor, "web"), before);
    TcpStream::connect(address(&mut supervisor, "web")).unwrap();
}

#[test]
fn a_program_that_goes_takes_its_sockets_along() {
    let mut supervisor = Supervisor::start();
    let file = supervisor.scratch().join("socket");
    let sockets = ["tcp:127.0.0.1:0", &format!("unix:{}", file.display())];
    supervisor.create_running("web", &idle(&sockets));
    let bound = bound(&mut supervisor, "web");
    let port = bound[0].strip_prefix("tcp:").unwrap();
    supervisor.call("remove", args!["program" => "web", "force" => true, "wait" => true]);
    assert!(!file.exists() && TcpStream::connect(port).is_err());
    // Also one that had no instance to take along.
    supervisor.create("web", &idle(&sockets).with("instances", 0));
    let bound = self::bound(&mut supervisor, "web");
    let port = bound[0].strip_prefix("tcp:").unwrap();
    assert!(file.exists() && TcpStream::connect(port).is_ok());
    supervisor.call("remove", args!["program" => "web"]);
    assert!(!file.exists() && TcpStream::connect(port).is_err());
}

#[test]
fn the_end_of_the_supervisor_is_that_of_its_sockets() {
    let mut supervisor = Launcher::new().ordinary_user().start();
    let file = supervisor.scratch().join("socket");
    let sockets = ["tcp:127.0.0.1:0", &format!("unix:{}", file.display())];
    supervisor.create_running("web", &idle(&sockets));
    supervisor.create("idle", &sleeper().with("instances", 0));
    let port = bound(&mut supervisor, "web")[0].strip_prefix("tcp:").unwrap().to_string();
    TcpStream::connect(&port).unwrap();
    supervisor.call("shutdown", &[]);
    assert!(supervisor.wait().success());
    assert!(!file.exists() && TcpStream::connect(&port).is_err());
}
