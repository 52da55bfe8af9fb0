//! `create` and `update`: settings in all their spellings.

use super::common::{Supervisor, eventually_true, proc, sleeper, strings};
use super::tool::{ask, done};
use procnanny::wire::value::Value;

/// A setting of a program, as `status` shows it.
#[track_caller]
fn setting(supervisor: &mut Supervisor, program: &str, name: &str) -> Value {
    let reply = supervisor.call("status", crate::args!["program" => program]);
    let shown = reply.get("programs").and_then(|programs| programs.get(program)).cloned();
    shown.and_then(|shown| shown.get(name).cloned()).unwrap_or_else(|| panic!("no {name} in {reply:?}"))
}

#[test]
fn a_setting_is_written_in_three_ways() {
    let mut supervisor = Supervisor::start();
    let line = [
        "create",
        "--nice",
        "5",
        "web",
        "--description=serves all",
        "instances=2",
        "ionice=best-effort/3",
        "--minimum-run-duration",
        "0",
        "--",
        "sleep",
        "3600",
    ];
    assert_eq!(done(&supervisor, &line), "created web\n");
    let expected: [(&str, Value); 6] = [
        ("nice", Value::Int(5)),
        ("description", Value::from("serves all")),
        ("ionice", Value::Int(3)),
        ("ionice_class", Value::from("best-effort")),
        ("command", Value::from("sleep")),
        ("args", strings(&["3600"])),
    ];
    for (name, value) in expected {
        assert_eq!(setting(&mut supervisor, "web", name), value, "{name}");
    }
    assert_eq!(supervisor.wait_for("web", "running").len(), 2);
}

#[test]
fn arrays_are_json_or_words_and_go_on_when_given_again() {
    let mut supervisor = Supervisor::start();
    let spellings =
        [&["args=3600,1,2"][..], &["args=[\"3600\"]", "--args", "1,2"], &["--args=3600", "args=1", "args=2"]];
    for (number, spelling) in spellings.into_iter().enumerate() {
        let name = format!("p{number}");
        done(&supervisor, &[&["create", &name, "command=sleep", "autostart=no"], spelling].concat());
        assert_eq!(setting(&mut supervisor, &name, "args"), strings(&["3600", "1", "2"]), "{spelling:?}");
    }
}

#[test]
fn policy_from_the_command_line_is_kept_to() {
    let mut supervisor = Supervisor::start();
    for (name, codes) in [("a", "success-exit-codes=[0, 3]"), ("b", "--success_exit_codes=0,3")] {
        let line = ["create", name, codes, "--restart", "on-failure", "backoff_min=1h", "backoff_max=1h"];
        done(&supervisor, &[&line[..], &["--", "sh", "-c", "exit 3"]].concat());
        let row = supervisor.until(name, 0, "it has ended", |row| row.exitcode == 3);
        assert_eq!((row.state.as_str(), row.retry_in), ("exited", None), "3 is no failure: {row:?}");
    }
    done(
        &supervisor,
        &[
            "create",
            "c",
            "--restart=on-failure",
            "--backoff-min",
            "1h",
            "backoff_max=1h",
            "--",
            "sh",
            "-c",
            "exit 3",
        ],
    );
    let row = supervisor.until("c", 0, "it has flapped", |row| row.flap_count == 1);
    assert!(row.retry_in.is_some_and(|delay| delay > 1800.0), "3 is a failure: {row:?}");
}

#[test]
fn tables_are_json_or_entries() {
    let mut supervisor = Supervisor::start();
    let line = [
        "create",
        "web",
        "--env",
        "A=1=2",
        "env.B=two words",
        "env={\"C\":\"3\"}",
        "--env.D=4",
        "--",
        "sleep",
        "3600",
    ];
    done(&supervisor, &line);
    let row =
        supervisor.until("web", 0, "it sleeps", |row| row.pid != 0 && proc::arguments(row.pid)[0] == "sleep");
    for (name, value) in [("A", "1=2"), ("B", "two words"), ("C", "3"), ("D", "4")] {
        assert_eq!(proc::variable(row.pid, name).as_deref(), Some(value), "{name}");
    }
}

#[test]
fn settings_that_are_wrong_are_refused_before_anything_is_made() {
    let supervisor = Supervisor::start();
    let wrong: [(&str, i32, &str); 9] = [
        ("flap_maks=3", 2, "did you mean 'flap_max'?"),
        ("zzz=3", 2, "'zzz'"),
        ("flap_max=many", 2, "a whole number"),
        ("autostart=perhaps", 2, "true or false"),
        ("stop_timeout=soon", 2, "a duration"),
        ("success_exit_codes=a,b", 2, "whole numbers"),
        ("restart=sometimes", 1, "'restart'"),
        ("user=no such user", 1, "'user'"),
        ("stop_signal=HOP", 1, "'stop_signal'"),
    ];
    for (setting, code, part) in wrong {
        let ran = ask(&supervisor, &["create", "web", setting, "--", "true"]);
        assert!(ran.expect_only_error(code).contains(part), "{setting}: {ran:?}");
    }
    let ran = ask(&supervisor, &["create", "-web", "--", "true"]);
    ran.expect_only_error(2);
    let ran = ask(&supervisor, &["create", "a/b", "--", "true"]);
    assert!(ran.expect_only_error(1).contains('/'), "{ran:?}");
    assert!(supervisor.client().list(&[]).is_empty());
}

#[test]
fn an_update_says_what_still_runs_with_old_settings_and_restarts_it_when_told_to() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    assert_eq!(done(&supervisor, &["update", "web", "stop_timeout=3"]), "updated web\n");
    let printed = done(&supervisor, &["update", "web", "env.A=1"]);
    assert!(printed.contains("'procnanny restart web'") && printed.contains("instance 0"), "{printed}");
    assert!(done(&supervisor, &["status", "web"]).contains("new settings wait for a restart"));
    assert_eq!(supervisor.row("web", 0).pid, pid);
    let printed = done(&supervisor, &["update", "web", "--restart", "env.A=2"]);
    assert!(printed.contains("restarting instance 0"), "{printed}");
    eventually_true("it has its new environment", || {
        let row = supervisor.row("web", 0);
        row.state == "running" && row.pid != pid && !row.restart_needed
    });
    let pid = supervisor.row("web", 0).pid;
    assert_eq!(proc::variable(pid, "A").as_deref(), Some("2"));
    // The setting of the same name is no switch.
    done(&supervisor, &["update", "web", "--restart", "never"]);
    let row = supervisor.row("web", 0);
    assert!(row.pid == pid && !row.restart_needed, "{row:?}");
    assert!(proc::send(pid, nix::sys::signal::Signal::SIGKILL));
    let row = supervisor.until("web", 0, "it has ended", |row| row.pid == 0);
    assert_eq!((row.state.as_str(), row.retry_in), ("exited", None), "it is not restarted: {row:?}");
}
