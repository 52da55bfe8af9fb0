//! `--no-rpc`: everything but somebody who could be talked to.

use crate::common::{DEADLINE, Launcher, Scratch, Supervisor, eventually, eventually_true, lines, proc};
use crate::tool::{run, tool};
use nix::sys::signal::Signal;
use std::fs;

/// A configuration of programs that say what they do in files of a directory.
fn configuration(scratch: &Scratch, more: &str) -> String {
    let place = scratch.path().display();
    format!(
        r#"
        [program.flap]
        command = "/bin/sh"
        args = ["-c", "echo flap >> {place}/flaps; exit 1"]
        backoff_min = "10ms"
        backoff_max = "10ms"

        [program.web]
        command = "/bin/sh"
        args = ["-c", "echo $$ >> {place}/web; echo said; exec sleep 3600"]
        minimum_run_duration = 0
        stdout = "{place}/web.log"

        {more}
    "#
    )
}

/// The process id that `web` has written for the n-th time.
fn web(scratch: &Scratch, count: usize) -> i32 {
    lines(&scratch.join("web"), count).last().unwrap().parse().unwrap()
}

fn expect_no_traces(supervisor: &Supervisor) {
    let pid = supervisor.pid();
    assert_eq!(proc::status_line(pid, "Threads"), "1");
    for (number, path) in proc::descriptors(pid).into_iter().filter(|(number, _)| *number > 2) {
        // Of files it has none but what it needs for programs and for the logger.
        let is_file = path.starts_with('/') && path != "/dev/null" && !path.starts_with("/memfd:");
        assert!(!is_file || path == proc::link(pid, "exe"), "{number} is {path}");
    }
}

#[test]
fn programs_run_and_nothing_is_left_of_it() {
    let scratch = Scratch::new();
    let script = format!("echo $PROCNANNY_PROGRAM ${{PROCNANNY_RPC-none}} >> {}", scratch.text("hooked"));
    let hook = format!("[[hook]]\non = '*->running'\ncommand = '/bin/sh'\nargs = ['-c', '{script}']");
    let text = configuration(&scratch, &hook);
    let launcher = Launcher::new().no_rpc().configuration(&text);
    let empty = launcher.scratch().join("empty");
    fs::create_dir(&empty).unwrap();
    let mut supervisor = launcher
        .env("XDG_RUNTIME_DIR", empty.to_str().unwrap())
        .env("TMPDIR", empty.to_str().unwrap())
        .env("PROCNANNY_RPC", "ipc:///run/procnanny/rpc")
        .spawn();
    // Restarts, hooks, and files of output.
    lines(&scratch.join("flaps"), 5);
    let pid = web(&scratch, 1);
    assert_eq!(lines(&scratch.join("hooked"), 1), ["web none"]);
    assert_eq!(lines(&scratch.join("web.log"), 1), ["said"]);
    assert_eq!(proc::variable(pid, "PROCNANNY_RPC"), None);
    assert_eq!(proc::variable(pid, "PROCNANNY_PROGRAM").as_deref(), Some("web"));
    expect_no_traces(&supervisor);
    // The logger, too, has nothing to publish.
    let logger = proc::own_children(supervisor.pid(), "logger")[0];
    assert_eq!(proc::status_line(logger, "Threads"), "1");
    assert!(proc::send(pid, Signal::SIGKILL));
    assert!(web(&scratch, 2) != pid);
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "something was written");
    supervisor.expect_no_processes();
}

#[test]
fn why_something_does_not_run_is_said_once_as_nobody_can_ask() {
    let scratch = Scratch::new();
    let text = format!(
        "{}
        [program.typo]
        command = 'no-such-command'
        backoff_min = '10ms'
        backoff_max = '10ms'

        [program.job]
        command = 'sh'
        args = ['-c', 'exit 3']
        restart = 'on-failure'
        give_up_after = 2
        backoff_min = '10ms'

        [program.once]
        command = 'sh'
        args = ['-c', 'kill -9 $$']
        restart = 'never'

        [program.fine]
        command = 'true'
        restart = 'never'",
        configuration(&scratch, "")
    );
    let mut supervisor = Launcher::new().no_rpc().configuration(&text).spawn();
    lines(&scratch.join("flaps"), 30);
    let expected = [
        "procnanny: flap/0, now backoff: exited with code 1 after ",
        "procnanny: job/0, now failed: held after 2 flaps in a row: exited with code 3 after ",
        "procnanny: once/0, now exited: killed by signal 9 (KILL) after ",
        "procnanny: typo/0, now backoff: exec: No such file or directory (no-such-command)",
        "procnanny: typo/0, now exited: exec: No such file or directory (no-such-command)",
    ];
    eventually_true("all is said", || supervisor.stderr().lines().count() >= expected.len());
    let said = supervisor.stderr();
    let mut said: Vec<&str> = said.lines().collect();
    said.sort_unstable();
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (line, begin) in said.iter().zip(expected) {
        assert!(line.starts_with(begin), "{line}: {begin}");
    }
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
}

#[test]
fn a_reload_by_signal_and_an_end_of_its_own() {
    let scratch = Scratch::new();
    let done = "[program.done]\ncommand = 'sh'\nargs = ['-c', 'exit 7']\nrestart = 'never'\n";
    let mut supervisor = Launcher::new().no_rpc().configuration(&configuration(&scratch, "")).spawn();
    web(&scratch, 1);
    supervisor.configure(&configuration(&scratch, done));
    supervisor.signal(Signal::SIGHUP);
    eventually_true("it says what came of it", || {
        supervisor.stderr().contains("reloaded: 1 added, 0 changed")
    });
    let ending = format!("{}[supervisor]\nexit_when = 'any-failed'\n", configuration(&scratch, done));
    supervisor.configure(&ending);
    supervisor.signal(Signal::SIGHUP);
    assert_eq!(supervisor.wait().code(), Some(7));
    supervisor.expect_no_processes();
}

#[test]
fn several_can_run_and_disturb_no_other() {
    let mut other = Supervisor::start();
    let scratches = [Scratch::new(), Scratch::new()];
    let start = |scratch: &Scratch| {
        Launcher::new()
            .no_rpc()
            .env("XDG_RUNTIME_DIR", other.runtime_dir().parent().unwrap().to_str().unwrap())
            .configuration(&configuration(scratch, ""))
            .spawn()
    };
    let mut both = scratches.each_ref().map(start);
    for scratch in &scratches {
        web(scratch, 1);
    }
    other.call("dance", &[]);
    for supervisor in &mut both {
        supervisor.signal(Signal::SIGINT);
        assert_eq!(supervisor.wait().code(), Some(0));
    }
    other.call("dance", &[]);
}

#[test]
fn options_that_contradict_it_are_refused() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.text(name);
    for option in ["--endpoint", "--events", "--runtime-dir"] {
        let value = if option == "--runtime-dir" { path("run") } else { format!("ipc://{}", path("socket")) };
        let ran = run(tool(&["run", "--no-rpc", option, &value, &path("")]));
        assert!(ran.expect_only_error(2).contains(option), "{ran:?}");
    }
    fs::write(scratch.join("no-rpc.toml"), "[supervisor]\nrpc = false\n").unwrap();
    for (option, value) in [("--events", format!("ipc://{}", path("socket"))), ("--runtime-dir", path("run"))]
    {
        let ran = run(tool(&["run", option, &value, &path("no-rpc.toml")]));
        let sentence = ran.expect_only_error(2);
        assert!(sentence.contains(option) && sentence.contains("rpc = false"), "{ran:?}");
    }
    for other in ["events = ['ipc:///tmp/x']", "runtime_dir = '/tmp/x'"] {
        fs::write(scratch.join("both.toml"), format!("[supervisor]\nrpc = false\n{other}\n")).unwrap();
        let ran = run(tool(&["check", &path("both.toml")]));
        let name = other.split(' ').next().unwrap();
        assert_eq!(ran.status.code(), Some(1), "{ran:?}");
        assert!(ran.stderr.contains(&format!("'{name}' has no meaning with rpc = false")), "{ran:?}");
        assert!(ran.stderr.contains("both.toml:3:1"), "{ran:?}");
    }
    assert!(!scratch.join("run").exists() && !scratch.join("socket").exists());
}

#[test]
fn what_the_file_says_of_endpoints_is_told_to_have_no_effect() {
    let scratch = Scratch::new();
    let endpoint = scratch.text("socket");
    let supervisor_table =
        format!("[supervisor]\nrpc = ['ipc://{endpoint}']\nruntime_dir = '{endpoint}.d'\n");
    let text = configuration(&scratch, "") + &supervisor_table;
    let mut supervisor = Launcher::new().no_rpc().configuration(&text).spawn();
    web(&scratch, 1);
    let told = "procnanny: runtime_dir, rpc in [supervisor]: without effect, because of --no-rpc\n";
    assert!(supervisor.stderr().starts_with(told), "{}", supervisor.stderr());
    assert!(!scratch.join("socket").exists() && !scratch.join("socket.d").exists());
    // A change of it is none that waits for anything.
    supervisor.configure(&(configuration(&scratch, "") + "[supervisor]\nrpc = ['ipc:///tmp/other']\n"));
    supervisor.signal(Signal::SIGHUP);
    let said = eventually("it was reloaded", DEADLINE, || {
        Some(supervisor.stderr()).filter(|text| text.contains("reloaded"))
    });
    assert!(!said.contains("wait until"), "{said}");
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
}

#[test]
fn the_file_alone_can_ask_for_it_and_an_endpoint_goes_over_that() {
    let scratch = Scratch::new();
    let text = configuration(&scratch, "") + "[supervisor]\nrpc = false\n";
    let path = scratch.join("procnanny.toml");
    fs::write(&path, &text).unwrap();
    let supervisor = Launcher::new().no_rpc().path(&path).spawn();
    web(&scratch, 1);
    expect_no_traces(&supervisor);
    drop(supervisor);
    let endpoint = format!("ipc://{}", scratch.text("rpc"));
    let mut served = Launcher::new().endpoint(&endpoint).path(&path).spawn();
    web(&scratch, 2);
    let mut client = crate::common::Client::connect(&endpoint);
    client.call("dance", &[]);
    served.signal(Signal::SIGTERM);
    assert_eq!(served.wait().code(), Some(0));
}
