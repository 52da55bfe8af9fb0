//! The stories that the README tells, with its scripts as they stand there.

use crate::common::{DEADLINE, command, within};
use crate::common::{EventSource, Launcher, Scratch, eventually, eventually_true, sleeper, strings};
use crate::{args, hook, hooks, next_end, skip};
use procnanny::wire::json;
use procnanny::wire::value::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const README: &str = include_str!("../../README.md");

/// Puts a script of the README into a directory, under the name by which it calls itself.
fn script(scratch: &Scratch, name: &str) -> String {
    script_with(scratch, name, str::to_string)
}

/// As [`script`], with something in it replaced.
fn script_with(scratch: &Scratch, name: &str, replace: impl FnOnce(&str) -> String) -> String {
    let begin = format!("#!/bin/sh\n# /usr/local/bin/{name}: ");
    let found = README.split("```sh\n").find(|block| block.starts_with(&begin)).expect("a script");
    let (text, _) = found.split_once("```").unwrap();
    scratch.program(name, &replace(text), "755").to_str().unwrap().to_string()
}

fn is_there(program: &str) -> bool {
    let mut probe = Command::new(program);
    probe.arg("-v").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok()
}

/// The arguments of an nginx that stays in the foreground, listens on a socket in this directory, and passes requests on
/// to backends.
fn nginx(directory: &Path) -> [String; 4] {
    let place = directory.display();
    let configuration = format!(
        "daemon off; pid {place}/pid; error_log {place}/error.log; worker_processes 1;\nevents {{}}\nhttp {{\n\
         access_log off; client_body_temp_path {place}/t1; proxy_temp_path {place}/t2; fastcgi_temp_path {place}/t3;\n\
         uwsgi_temp_path {place}/t4; scgi_temp_path {place}/t5;\n\
         upstream web {{ include {place}/backends/*.conf; server 127.0.0.1:9 down; }}\n\
         server {{ listen unix:{place}/http; location / {{ proxy_pass http://web; }} }}\n}}\n"
    );
    fs::create_dir(directory.join("backends")).unwrap();
    fs::write(directory.join("nginx.conf"), configuration).unwrap();
    ["-c".to_string(), format!("{place}/nginx.conf"), "-e".to_string(), format!("{place}/error.log")]
}

/// Two servers on ports that follow one another, each of which answers everything with its number; the first port.
fn backends() -> u16 {
    let pair = || {
        let first = TcpListener::bind("127.0.0.1:0").ok()?;
        let port = first.local_addr().ok()?.port();
        let second = TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok()?;
        Some((port, [first, second]))
    };
    let (port, listeners) = eventually("two ports that follow one another", DEADLINE, pair);
    for (number, listener) in listeners.into_iter().enumerate() {
        // It ends with the test's process.
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let _ = connection.read(&mut [0; 4096]);
                let _ = write!(connection, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n{number}");
            }
        });
    }
    port
}

/// Who answers the next eight requests.
fn answers(directory: &Path) -> BTreeSet<String> {
    let answer = |_| {
        let mut connection = UnixStream::connect(directory.join("http")).unwrap();
        connection.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut reply = String::new();
        connection.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        if head.contains(" 200 ") { body.to_string() } else { head.lines().next().unwrap().to_string() }
    };
    (0..8).map(answer).collect()
}

#[test]
fn a_crashed_backend_is_taken_out_of_a_load_balancer() {
    if !is_there("nginx") {
        skip!("nginx is not installed");
    }
    let launcher = Launcher::new();
    let place = launcher.scratch().path().to_path_buf();
    let nginx = nginx(&place);
    let launcher = launcher
        .env("NGINX", &format!("nginx {}", nginx.join(" ")))
        .env("BACKENDS", place.join("backends").to_str().unwrap());
    let own_port = |text: &str| text.replace("8000", &backends().to_string());
    let command = script_with(launcher.scratch(), "nginx-backend", own_port);
    let mut supervisor = launcher.start();
    let mut events = supervisor.events();
    // It is a program as any other.
    let nginx = crate::common::command("nginx", &nginx.each_ref().map(String::as_str));
    supervisor.create("nginx", &nginx);
    eventually_true("nginx serves", || place.join("pid").exists() && place.join("http").exists());
    let entries = [("command", Value::from(command)), ("args", strings(&[])), ("concurrency", Value::Int(1))];
    let hook = hook(&["*->running", "running->*"], "", entries);
    let settings = sleeper().with("instances", 2).with_backoff(3600).with("hooks", hooks([hook]));
    let mut expect_answers = |hooks: usize, expected: &[&str]| {
        for _ in 0..hooks {
            let ended = next_end(&mut events);
            assert_eq!((ended.exitcode, ended.reason.as_deref(), ended.timed_out), (0, None, false));
        }
        // It is asked to reload, and does so in its own time.
        let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
        let mut seen = BTreeSet::new();
        let reached = within(DEADLINE, || {
            seen = answers(&place);
            (seen == expected).then_some(())
        });
        assert!(reached.is_some(), "expected {expected:?}, saw {seen:?}");
    };
    expect_answers(0, &["HTTP/1.1 502 Bad Gateway"]);
    supervisor.create_running("web", &settings);
    expect_answers(2, &["0", "1"]);
    supervisor.call("signal", args!["program" => "web/1", "signal" => "KILL"]);
    expect_answers(1, &["0"]);
    supervisor.command("start", args!["program" => "web/1", "wait" => true]);
    expect_answers(1, &["0", "1"]);
    supervisor.do_and_wait("stop", "web");
    expect_answers(2, &["HTTP/1.1 502 Bad Gateway"]);
}

/// Receives one request, and returns its body.
fn receive(listener: &TcpListener) -> String {
    listener.set_nonblocking(true).unwrap();
    let mut connection: TcpStream = eventually("a request", DEADLINE, || listener.accept().ok()).0;
    connection.set_nonblocking(false).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut request = String::new();
    let mut byte = [0];
    while !request.ends_with("\r\n\r\n") {
        connection.read_exact(&mut byte).unwrap();
        request.push(byte[0].into());
    }
    let length = request.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    connection.read_exact(&mut body).unwrap();
    connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    assert!(request.starts_with("POST /alerts HTTP/1.1\r\n"), "{request}");
    String::from_utf8(body).unwrap()
}

#[test]
fn an_alert_is_sent() {
    if !is_there("curl") {
        skip!("curl is not installed");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    let launcher = Launcher::new().env("ALERT_URL", &url).env("no_proxy", "127.0.0.1");
    let alert = script(launcher.scratch(), "alert");
    let mut supervisor = launcher.start();
    let mut events = supervisor.events();
    let entries = [("command", Value::from(alert)), ("args", strings(&[]))];
    let hook = hook(&["flapping", "failed", "unhealthy"], "", entries);
    let settings = command("false", &[]).with("flap_max", 100).with_backoff(0).with("give_up_after", 2);
    supervisor.create("web", &settings.with("hooks", hooks([hook])));
    let told = json::parse(receive(&listener).trim_end()).unwrap();
    assert_eq!(told.get("event"), Some(&Value::from("failed")));
    assert_eq!((told.get("flap_count"), told.get("exitcode")), (Some(&Value::Int(2)), Some(&Value::Int(1))));
    assert_eq!(next_end(&mut events).exitcode, 0);
}

#[test]
fn a_rebuild_is_triggered() {
    if !is_there("make") {
        skip!("make is not installed");
    }
    let path = std::env::var("PATH").unwrap();
    let tool = Path::new(env!("CARGO_BIN_EXE_procnanny")).parent().unwrap().display().to_string();
    let launcher = Launcher::new().env("PATH", &format!("{tool}:{path}"));
    let sources = launcher.scratch().join("sources");
    let launcher = launcher.env("SOURCES", sources.to_str().unwrap());
    let app = sources.join("app");
    fs::create_dir_all(&app).unwrap();
    fs::write(
        app.join("Makefile"),
        "app:\n\tprintf '#!/bin/sh\\nexec sleep 3600\\n' > app.new\n\tchmod 755 app.new\n\tmv app.new app\n",
    )
    .unwrap();
    let rebuild = script(launcher.scratch(), "rebuild");
    let mut supervisor = launcher.start();
    let mut events = supervisor.events();
    let entries =
        [("command", Value::from(rebuild)), ("args", strings(&[])), ("timeout", Value::from("10m"))];
    // It was never built, so that it cannot be executed.
    let settings = command(app.join("app").to_str().unwrap(), &[])
        .with("minimum_run_duration", 0)
        .with_backoff(0.01)
        .with("give_up_after", 3)
        .with("hooks", hooks([hook(&["failed"], "", entries)]));
    supervisor.create("app", &settings);
    let given_up = events.until_state("app", 0, "failed");
    assert_eq!(given_up.flap_count, 3);
    let ended = next_end(&mut events);
    assert_eq!((ended.exitcode, ended.on.as_str()), (0, "*->failed"), "{}", supervisor.stderr());
    supervisor.wait_for("app", "running");
}
