//! Programs that others wrote, one of which requires the other: nginx in front, redis behind it.

use crate::common::{DEADLINE, EventLog, EventSource, Launcher, Scratch, within};
use crate::{args, skip};
use procnanny::wire::value::Value;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

fn is_installed(program: &str) -> bool {
    let mut shell = Command::new("/bin/sh");
    let shell = shell.args(["-c", "command -v \"$1\"", "sh", program]).stdout(Stdio::null());
    shell.status().is_ok_and(|status| status.success())
}

/// The configuration of an nginx that stays in the foreground and answers on a socket in this directory.
fn nginx(place: &Path) -> String {
    let place = place.display();
    format!(
        "daemon off; pid {place}/pid; error_log {place}/error.log; worker_processes 1;\nevents {{}}\nhttp {{\n\
         access_log off; client_body_temp_path {place}/t1; proxy_temp_path {place}/t2; fastcgi_temp_path {place}/t3;\n\
         uwsgi_temp_path {place}/t4; scgi_temp_path {place}/t5;\n\
         server {{ listen unix:{place}/http; location / {{ return 200 'served'; }} }}\n}}\n"
    )
}

fn configuration(place: &Path) -> String {
    let place = place.display();
    format!(
        "[program.redis]\ncommand = \"redis-server\"\n\
         args = [\"--supervised\", \"systemd\", \"--port\", \"0\", \"--unixsocket\", \"{place}/redis\", \"--dir\", \
         \"{place}\", \"--save\", \"\"]\nreadiness = \"notify\"\nstart_timeout = 60\n\
         [program.nginx]\ncommand = \"nginx\"\nargs = [\"-c\", \"{place}/nginx.conf\", \"-e\", \"{place}/error.log\"]\n\
         requires = [\"redis\"]\nminimum_run_duration = 0\nstop_signal = \"QUIT\"\n"
    )
}

#[test]
fn nginx_starts_when_redis_is_ready_and_stops_before_it() {
    for program in ["redis-server", "nginx"] {
        if !is_installed(program) {
            skip!("there is no {program}");
        }
    }
    let place = Scratch::new();
    fs::write(place.join("nginx.conf"), nginx(place.path())).unwrap();
    let mut supervisor = Launcher::new().configuration(&configuration(place.path())).start();
    supervisor.wait_for("*", "running");
    let answer = within(DEADLINE, || {
        let mut server = UnixStream::connect(place.join("http")).ok()?;
        server.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
        let mut text = String::new();
        server.read_to_string(&mut text).ok()?;
        Some(text)
    });
    assert!(answer.is_some_and(|text| text.ends_with("served")));
    UnixStream::connect(place.join("redis")).unwrap();

    let mut events = EventLog::from_the_oldest(supervisor.client());
    let mut edges = Vec::new();
    let mut until = |events: &mut EventLog, program: &str, state: &str| loop {
        let edge = events.expect("an edge", |event| event.get("state").is_some());
        let text = |key| edge.get(key).and_then(Value::text).unwrap().to_string();
        edges.push((text("program"), text("state")));
        if edges.last() == Some(&(program.to_string(), state.to_string())) {
            return;
        }
    };
    until(&mut events, "nginx", "running");
    supervisor.call("stop", args!["program" => "*"]);
    until(&mut events, "redis", "exited");
    let place_of = |program: &str, state: &str| {
        let edge = (program.to_string(), state.to_string());
        edges.iter().position(|it| *it == edge).unwrap_or_else(|| panic!("no {edge:?} in {edges:?}"))
    };
    assert!(place_of("redis", "running") < place_of("nginx", "starting"), "{edges:?}");
    assert!(place_of("nginx", "exited") < place_of("redis", "stopping"), "{edges:?}");
}
