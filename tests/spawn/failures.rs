//! Starts that fail: the reason names the step and says what the system said, and it recovers by itself.

use crate::args;
use crate::common::{
    EventSource, Launcher, ProgramSettings, Row, Supervisor, command, is_root, proc, sleeper,
};
use crate::skip;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Creates a program that cannot be started, and checks what is on record of that.
#[track_caller]
fn expect_failure(supervisor: &mut Supervisor, settings: &ProgramSettings, reason: &str) -> Row {
    let name = format!("web: {reason}").replace('/', "|");
    supervisor.create(&name, &settings.clone().with_backoff(3600).with("autostart", false));
    let answered = supervisor.do_and_wait("start", &name).remove(0);
    assert_eq!((answered.state.as_str(), answered.reason()), ("exited", reason));
    let row = supervisor.row(&name, 0);
    assert_eq!((row.state.as_str(), row.admin_state.as_str(), row.pid), ("exited", "up", 0));
    assert_eq!((row.start_count, row.flap_count, row.reason()), (1, 1, reason));
    assert!(row.retry_in.is_some());
    row
}

#[test]
fn commands_that_cannot_be_executed_say_why() {
    let mut supervisor = Supervisor::start();
    let file = |name: &str, content: &str, mode: &str| {
        supervisor.scratch().program(name, content, mode).to_str().unwrap().to_string()
    };
    let plain = file("plain", "#!/bin/sh\n", "0644");
    let nonsense = file("nonsense", "neither a program nor a script\n", "0755");
    let orphaned = file("orphaned", "#!/nonexistent/interpreter\n", "0755");
    let directory = supervisor.scratch().path().to_str().unwrap().to_string();
    let cases = [
        ("/nonexistent/web", "No such file or directory"),
        ("no-command-of-this-name", "No such file or directory"),
        ("/dev/null/web", "Not a directory"),
        (plain.as_str(), "Permission denied"),
        (directory.as_str(), "Permission denied"),
        (nonsense.as_str(), "Exec format error"),
        (orphaned.as_str(), "No such file or directory"),
    ];
    for (path, words) in cases {
        // One whose directories everybody may search.
        let settings = command(path, &[]).with_env("PATH", "/bin:/usr/bin");
        let row = expect_failure(&mut supervisor, &settings, &format!("exec: {words} ({path})"));
        assert_eq!((row.exitcode, row.exitsignal), (127, 0));
    }
}

#[test]
fn working_directories_that_cannot_be_entered_say_why() {
    let mut supervisor = Supervisor::start();
    let file = supervisor.scratch().text("file");
    fs::write(&file, "").unwrap();
    for (path, words) in
        [("/nonexistent/place", "No such file or directory"), (file.as_str(), "Not a directory")]
    {
        let reason = format!("directory: {words} ({path})");
        expect_failure(&mut supervisor, &sleeper().with("directory", path), &reason);
    }
}

#[test]
fn a_working_directory_that_is_gone_fails_the_next_start_and_is_found_again() {
    let mut supervisor = Supervisor::start();
    let directory = supervisor.scratch().text("place");
    fs::create_dir(&directory).unwrap();
    let settings = sleeper().with("directory", directory.as_str()).with_backoff("20ms");
    supervisor.create_running("web", &settings);
    fs::remove_dir(&directory).unwrap();
    let mut events = supervisor.events();
    supervisor.command("restart", args!["program" => "web"]);
    let edges = events.expect_states("web", 0, &["stopping", "starting", "exited"]);
    assert_eq!(edges[2].reason(), format!("directory: No such file or directory ({directory})"));
    fs::create_dir(&directory).unwrap();
    events.until_state("web", 0, "running");
    let row = supervisor.row("web", 0);
    assert_eq!((row.state.as_str(), row.reason), ("running", None));
}

#[test]
fn what_an_ordinary_user_may_not_have_says_so() {
    let mut supervisor = Launcher::new().ordinary_user().start();
    let cases = [
        (sleeper().with("nice", -5), "nice: Permission denied"),
        (sleeper().with("ionice", "realtime/0"), "ionice: Operation not permitted"),
        (sleeper().with("user", "root"), "groups: Operation not permitted"),
        (sleeper().with("group", 0), "groups: Operation not permitted"),
    ];
    for (number, (settings, reason)) in cases.into_iter().enumerate() {
        let name = format!("case {number}");
        supervisor.create(&name, &settings.with_backoff(3600));
        let row = supervisor.wait_for(&name, "exited").remove(0);
        assert_eq!((row.reason(), row.flap_count, row.pid), (reason, 1, 0));
    }
}

/// Sets the soft limit of processes of the user of a process, for that process.
fn limit_processes(pid: i32, limit: u32) -> bool {
    let id = |name| proc::status_line(pid, name).split('\t').next().unwrap().parse().unwrap();
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &pid.to_string(), &format!("--nproc={limit}:")]);
    if is_root() {
        prlimit.uid(id("Uid")).gid(id("Gid"));
    }
    prlimit.status().is_ok_and(|status| status.success())
}

#[test]
fn a_fork_that_fails_is_a_flap_and_the_next_one_succeeds() {
    let mut supervisor = Launcher::new().ordinary_user().start();
    let pid = supervisor.pid();
    // As many as that are the supervisor's own threads. It notices when it forks.
    if !limit_processes(pid, 1) {
        skip!("prlimit is missing");
    }
    supervisor.create("web", &sleeper().with_backoff("20ms"));
    let row = supervisor.until("web", 0, "a flap", |row| row.flap_count > 0 && row.pid == 0);
    assert_eq!(row.reason(), "fork: Resource temporarily unavailable");
    assert!(limit_processes(pid, 1000));
    let row = supervisor.wait_for("web", "running").remove(0);
    assert_eq!(row.reason, None);
}

#[test]
fn unknown_users_and_groups_are_refused_when_they_are_given() {
    let mut supervisor = Supervisor::start();
    for (setting, name) in [("user", "no-such-user"), ("group", "no-such-group"), ("uid", "no-such-user")] {
        let refusal = supervisor.create_refused("web", &sleeper().with(setting, name));
        assert_eq!(refusal.code, "bad-argument");
        let sentence = &refusal.sentence;
        assert!(sentence.contains(&format!("'{setting}'")) && sentence.contains(name), "{sentence}");
    }
    // A number needs no entry, but then its group has to be given.
    let stranger = sleeper().with("user", 4_294_000_000_u32);
    let refusal = supervisor.create_refused("web", &stranger);
    assert!(refusal.sentence.contains("'group'"), "{}", refusal.sentence);
    supervisor.create("web", &stranger.with("group", 4_294_000_000_u32).with("autostart", false));
}
