//! Each cause of an end, produced for real, and read back from `history` and from the event of the edge.

use crate::common::{EventSource, Launcher, Supervisor, command, deaf, is_root, shell, sleeper, strings};
use crate::{args, asked, integer, not_again, only_run, skip, text};
use nix::sys::signal::Signal;
use procnanny::wire::value::Value;
use std::fs;

/// The one run of `web`, whose end the events tell in the same way.
#[track_caller]
fn ended(supervisor: &mut Supervisor, events: &mut impl EventSource, cause: &str) -> Value {
    let event = events
        .expect("an edge that ends a run", |event| event.get("cause").is_some_and(|it| *it != Value::Nil));
    let run = only_run(supervisor, "web");
    assert_eq!((text(&run, "cause"), text(&event, "cause")), (cause, cause), "{run:?}");
    assert_eq!(run.get("asked_by"), event.get("asked_by"));
    for key in ["exitcode", "exitsignal"] {
        assert_eq!(integer(&run, key), integer(&event, key));
    }
    run
}

#[track_caller]
fn run_of(settings: crate::common::ProgramSettings, cause: &str) -> Value {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    supervisor.create("web", &not_again(settings));
    ended(&mut supervisor, &mut events, cause)
}

#[test]
fn an_exit() {
    let run = run_of(shell("exit 3"), "exit");
    assert_eq!((integer(&run, "exitcode"), integer(&run, "exitsignal")), (3, 0));
    assert_eq!((text(&run, "reached"), asked(&run)), ("starting", ""));
    assert!(text(&run, "reason").starts_with("exited with code 3 after "));
}

#[test]
fn a_signal_that_nobody_here_sent() {
    for (signal, number) in [("TERM", 15), ("KILL", 9)] {
        let script = format!("kill -{signal} $$; sleep 1000");
        let run = run_of(shell(&script).with("minimum_run_duration", 0), "signal");
        assert_eq!((integer(&run, "exitcode"), integer(&run, "exitsignal")), (-1, number));
        assert_eq!((asked(&run), run.get("core_dumped")), ("", Some(&Value::Bool(false))));
    }
}

#[test]
fn a_signal_that_a_client_had_sent() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    supervisor.create_running("web", &not_again(sleeper()));
    supervisor.command("signal", args!["program" => "web", "signal" => "USR1"]);
    let run = ended(&mut supervisor, &mut events, "signal");
    assert_eq!((integer(&run, "exitsignal"), asked(&run), text(&run, "reached")), (10, "signal", "running"));
}

#[test]
fn a_core_dump() {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if pattern.starts_with(['|', '/']) || pattern.trim().is_empty() {
        skip!("cores do not go to the directory of the process: {}", pattern.trim());
    }
    let mut supervisor = Launcher::new().start();
    let mut events = supervisor.events();
    let limits = Value::map([("core", Value::from("unlimited"))]);
    let settings = shell("kill -ABRT $$; sleep 1000")
        .with("limits", limits)
        .with("directory", supervisor.scratch().path().to_str().unwrap());
    if !is_root() {
        skip!("the limit of cores may be lower than what is asked for");
    }
    supervisor.create("web", &not_again(settings));
    let run = ended(&mut supervisor, &mut events, "signal");
    assert_eq!((integer(&run, "exitsignal"), run.get("core_dumped")), (6, Some(&Value::Bool(true))));
}

#[test]
fn a_stop() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    supervisor.create_running("web", &sleeper());
    supervisor.do_and_wait("stop", "web");
    let run = ended(&mut supervisor, &mut events, "stopped");
    assert_eq!((integer(&run, "exitsignal"), asked(&run), text(&run, "reason")), (15, "stop", "stopped"));
}

#[test]
fn a_stop_that_took_too_long() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    supervisor.create_running("web", &deaf().with("stop_timeout", 0.1));
    supervisor.do_and_wait("stop", "web");
    let run = ended(&mut supervisor, &mut events, "stop-timeout");
    assert_eq!((integer(&run, "exitsignal"), asked(&run)), (9, "stop"));
}

#[test]
fn a_start_that_took_too_long() {
    let settings = sleeper().with("readiness", "notify").with("start_timeout", 0.2);
    let run = run_of(settings, "start-timeout");
    assert_eq!((asked(&run), text(&run, "reached")), ("start-timeout", "starting"));
    assert_eq!(text(&run, "reason"), "did not say in 0.2 s that it is ready");
}

#[test]
fn a_watchdog() {
    const READY: &str = "import os, socket, time\n\
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', '\\0' + os.environ['NOTIFY_SOCKET'][1:])\n\
        time.sleep(1000)";
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        skip!("there is no python3");
    }
    let settings = command("python3", &["-c", READY]).with("readiness", "notify").with("watchdog", 0.3);
    let run = run_of(settings, "watchdog");
    assert_eq!((asked(&run), text(&run, "reached")), ("watchdog", "running"));
}

#[test]
fn a_health_check() {
    let check = Value::map([
        ("command", Value::from("/bin/sh")),
        ("args", strings(&["-c", "exit 7"])),
        ("interval", Value::Float(0.1)),
        ("retries", Value::Int(1)),
    ]);
    let run = run_of(sleeper().with("health", check), "unhealthy");
    assert_eq!(asked(&run), "health-check");
    assert_eq!(text(&run, "reason"), "unhealthy: its health check exited with code 7");
}

/// Takes as long as it takes to look at memory twice.
#[test]
fn a_memory_limit() {
    let run = run_of(sleeper().with("memory_limit", 1), "memory-limit");
    assert_eq!((asked(&run), text(&run, "reached")), ("memory-limit", "running"));
    assert!(text(&run, "reason").contains("stayed above memory_limit"));
}

#[test]
fn a_program_that_is_not_there() {
    let run = run_of(command("/does/not/exist", &[]), "spawn-failed");
    assert_eq!(text(&run, "reason"), "exec: No such file or directory (/does/not/exist)");
    assert_eq!((integer(&run, "exitcode"), text(&run, "reached"), asked(&run)), (127, "starting", ""));
}

#[test]
fn no_memory_in_its_cgroup() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    let limit = Value::map([("memory.max", Value::from("8M")), ("memory.swap.max", Value::from("0"))]);
    let greedy = shell("exec tail /dev/zero").with("cgroup", limit);
    let name = ("program", Value::from("web"));
    let arguments: Vec<_> =
        [name].into_iter().chain(not_again(greedy).entries().map(|(k, v)| (leak(k), v))).collect();
    let reply = supervisor.client().ask("create", &arguments);
    if let Some(why) = reply.get("error") {
        skip!("no cgroup with a limit of memory: {why:?}");
    }
    let run = ended(&mut supervisor, &mut events, "oom");
    assert_eq!((integer(&run, "exitsignal"), asked(&run)), (9, ""));
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_string().into_boxed_str())
}

#[test]
fn a_shutdown() {
    let mut supervisor = Supervisor::start();
    let subscriber = supervisor.subscriber(&["state/"]);
    let mut subscriber = subscriber;
    supervisor.create_running("web", &sleeper());
    supervisor.signal(Signal::SIGTERM);
    let event = subscriber.expect("the end of the run", |event| text(event, "cause") == "stopped");
    let asker = event.get("asked_by").unwrap();
    assert_eq!(text(asker, "what"), "shutdown");
    assert_eq!(integer(asker, "pid"), i64::from(std::process::id()));
    supervisor.wait();
}
