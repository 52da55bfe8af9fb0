//! Sockets that cannot be had, and what is no socket.

use crate::common::{Launcher, Supervisor, is_root};
use crate::{bound, idle, skip};
use std::net::{TcpListener, UdpSocket};

#[test]
fn what_is_no_socket_is_a_bad_argument() {
    let mut supervisor = Supervisor::start();
    for (wrong, words) in [
        ("tcp:example.org:80", "a numeric address"),
        ("tcp:80", "a port"),
        ("sctp:*:80", "tcp:HOST:PORT, udp:HOST:PORT or unix:PATH"),
        ("unix:relative", "the absolute path"),
        ("unix:/run/%i", "without %i"),
    ] {
        let refused = supervisor.create_refused("web", &idle(&[wrong]));
        assert_eq!(refused.code, "bad-argument", "{wrong}");
        assert!(refused.sentence.starts_with("'sockets' is "), "{}", refused.sentence);
        assert!(refused.sentence.contains(words), "{}", refused.sentence);
    }
    let settings = idle(&["tcp:127.0.0.1:0", "udp:127.0.0.1:0"]).with("readiness", "fd:4");
    let taken = supervisor.create_refused("web", &settings);
    assert_eq!(
        (taken.code.as_str(), taken.sentence.contains("take \"fd:5\"")),
        ("bad-argument", true),
        "{taken:?}"
    );
    let twice = supervisor.create_refused("web", &idle(&["tcp:*:80", "tcp::80"]));
    assert!(twice.sentence.contains("twice"), "{}", twice.sentence);
    assert!(supervisor.rows("*").is_empty());
}

#[test]
fn a_port_that_somebody_has_is_told_with_the_systems_words() {
    let mut supervisor = Supervisor::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = [
        format!("tcp:{}", listener.local_addr().unwrap()),
        format!("udp:{}", datagrams.local_addr().unwrap()),
        "tcp:192.0.2.1:80".to_string(),
        format!("unix:{}", supervisor.scratch().text("no/such/directory")),
        format!("unix:/{}", "x".repeat(107)),
    ];
    let words = [
        "Address already in use",
        "Address already in use",
        "Cannot assign requested address",
        "No such file or directory",
        "File name too long",
    ];
    let before = open_sockets(&supervisor);
    for (socket, words) in taken.iter().zip(words) {
        let refused = supervisor.create_refused("web", &idle(&["tcp:127.0.0.1:0", socket]));
        assert_eq!(refused.code, "failed");
        let begin = format!("'sockets': cannot open {socket}: {words}");
        assert!(refused.sentence.starts_with(&begin), "{}", refused.sentence);
    }
    assert!(supervisor.rows("*").is_empty());
    // None of those that could be opened beside stayed open.
    assert_eq!(open_sockets(&supervisor), before);
    supervisor.create("web", &idle(&["tcp:127.0.0.1:0"]));
    assert_eq!(open_sockets(&supervisor), before + 1);
}

/// How many sockets the supervisor has, those of its clients among them, of which there is one all the time.
fn open_sockets(supervisor: &Supervisor) -> usize {
    let open = crate::common::proc::descriptors(supervisor.pid());
    open.iter().filter(|(_, what)| what.starts_with("socket:")).count()
}

#[test]
fn two_programs_do_not_share_a_socket() {
    let mut supervisor = Supervisor::start();
    supervisor.create("first", &idle(&["tcp:127.0.0.1:0"]));
    let taken = bound(&mut supervisor, "first").remove(0);
    let refused = supervisor.create_refused("second", &idle(&[&taken]));
    assert!(refused.sentence.contains("another program's socket"), "{}", refused.sentence);
}

#[test]
fn an_ordinary_user_has_sockets_too_but_no_low_ports() {
    let mut supervisor = Launcher::new().ordinary_user().start();
    let pid = supervisor.create_running("web", &idle(&["tcp:127.0.0.1:0"]))[0].pid;
    assert_eq!(crate::passed(pid).len(), 1);
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if !is_root() || first_free.is_ok_and(|first| first.trim() != "1024") {
        skip!("what ordinary users may is not known here");
    }
    let refused = supervisor.create_refused("low", &idle(&["tcp:127.0.0.1:80"]));
    assert!(
        refused.sentence.contains("Permission denied") && refused.sentence.contains("1024"),
        "{refused:?}"
    );
}
