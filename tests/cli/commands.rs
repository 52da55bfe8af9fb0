//! Commands on instances: what they do, what they print, and when they end.

use super::common::{EventSource, Supervisor, deaf, eventually_true, shell, sleeper};
use super::tool::{ask, done, run, tool_of, words};

#[test]
fn start_and_stop_end_when_it_is_so_and_say_what_became_of_each() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("minimum_run_duration", 0.2).with("instances", 2).with("autostart", false);
    supervisor.create("web", &settings);
    let printed = done(&supervisor, &["start", "web"]);
    let rows = supervisor.rows("web");
    assert!(rows.iter().all(|row| row.state == "running"), "it waited: {rows:?}");
    let pids: Vec<String> = rows.iter().map(|row| row.pid.to_string()).collect();
    let expected =
        [vec!["web/0", "running", "pid", pids[0].as_str()], vec!["web/1", "running", "pid", &pids[1]]];
    assert_eq!(words(&printed), expected);

    let printed = done(&supervisor, &["start", "web/1"]);
    assert_eq!(words(&printed), [["web/1", "running", "pid", &pids[1], "as", "it", "was"]]);

    let printed = done(&supervisor, &["stop", "web"]);
    assert_eq!(words(&printed), [["web/0", "exited", "stopped"], ["web/1", "exited", "stopped"]]);
    assert!(supervisor.rows("web").iter().all(|row| row.pid == 0 && row.admin_state == "down"));

    let printed = done(&supervisor, &["stop", "web/0"]);
    assert_eq!(words(&printed), [["web/0", "exited", "stopped", "as", "it", "was"]]);
}

#[test]
fn several_selectors_and_globs_name_instances() {
    let mut supervisor = Supervisor::start();
    for name in ["web a", "web b", "db"] {
        supervisor.create_running(name, &sleeper().with("instances", 2));
    }
    done(&supervisor, &["stop", "web*/1", "db/0"]);
    let rows = supervisor.client().list(&[]);
    let down = rows.iter().filter(|row| row.admin_state == "down");
    let names: Vec<_> = down.map(|row| format!("{}/{}", row.program, row.instance)).collect();
    assert_eq!(names, ["db/0", "web a/1", "web b/1"]);
}

#[test]
fn without_waiting_a_command_ends_while_it_is_on_its_way() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("deaf", &deaf());
    let printed = done(&supervisor, &["stop", "deaf", "--no-wait"]);
    assert_eq!(words(&printed)[0][..2], ["deaf/0", "stopping"]);
    supervisor.create("slow", &sleeper().with("minimum_run_duration", 3600).with("autostart", false));
    let printed = done(&supervisor, &["start", "--no-wait", "slow"]);
    assert_eq!(words(&printed)[0][..2], ["slow/0", "starting"]);
    let ran = ask(&supervisor, &["start", "slow", "--no-wait", "--timeout", "1"]);
    assert!(ran.expect_only_error(2).contains("--no-wait and --timeout"), "{ran:?}");
}

#[test]
fn restart_gives_new_processes_and_starts_what_was_down() {
    let mut supervisor = Supervisor::start();
    let before = supervisor.create_running("web", &sleeper())[0].pid;
    supervisor.create("db", &sleeper().with("autostart", false));
    let printed = done(&supervisor, &["restart", "web", "db"]);
    let (web, db) = (supervisor.row("web", 0), supervisor.row("db", 0));
    assert!(web.pid != before && web.state == "running" && db.state == "running", "{web:?} {db:?}");
    assert!(printed.contains(&format!("pid {}", web.pid)), "{printed}");
}

#[test]
fn kill_sends_sigkill_and_what_is_wanted_up_comes_back() {
    let mut supervisor = Supervisor::start();
    let before = supervisor.create_running("deaf", &deaf())[0].pid;
    let mut events = supervisor.events();
    done(&supervisor, &["kill", "deaf"]);
    let edge = events.until_state("deaf", 0, "starting");
    assert_eq!(edge.exitsignal, 9);
    let row = supervisor.until("deaf", 0, "it is back", |row| row.state == "running");
    assert!(row.pid != before && row.admin_state == "up", "{row:?}");
}

#[test]
fn once_runs_until_the_exit_and_tells_by_its_code_whether_it_went_well() {
    let mut supervisor = Supervisor::start();
    for (name, code) in [("good", 0), ("bad", 3)] {
        let settings = shell(&format!("exit {code}")).with("autostart", false);
        supervisor.create(name, &settings);
    }
    supervisor.create("stays", &sleeper().with("autostart", false));
    done(&supervisor, &["once", "good"]);
    let ran = ask(&supervisor, &["once", "bad"]);
    assert!(ran.expect_error(1).contains("exited with code 3"), "{ran:?}");
    let printed = done(&supervisor, &["once", "stays"]);
    assert!(printed.starts_with("stays/0  running  pid "), "{printed}");
    for (name, state, admin) in
        [("good", "exited", "down"), ("bad", "exited", "down"), ("stays", "running", "once")]
    {
        let row = supervisor.row(name, 0);
        assert_eq!((row.state.as_str(), row.admin_state.as_str()), (state, admin), "{row:?}");
    }
}

#[test]
fn reset_forgives_flaps_and_ends_the_delay() {
    let mut supervisor = Supervisor::start();
    let gate = supervisor.scratch().text("gate");
    let script = format!("[ -e '{gate}' ] || exit 1; exec sleep 3600");
    let settings = shell(&script).with("flap_max", 0).with_backoff(3600).with("minimum_run_duration", 0.05);
    supervisor.create("flaps", &settings);
    supervisor.wait_for("flaps", "backoff");
    std::fs::write(&gate, "").unwrap();
    done(&supervisor, &["reset", "flaps"]);
    let row = supervisor.until("flaps", 0, "it runs", |row| row.state == "running");
    assert_eq!((row.flap_count, row.start_count), (0, 2));
}

#[test]
fn signal_takes_names_and_numbers_and_sends_to_what_runs() {
    let mut supervisor = Supervisor::start();
    let dir = supervisor.scratch().path().display().to_string();
    let script = format!(
        "trap ': > {dir}/usr1' USR1; trap ': > {dir}/hup' HUP; : > {dir}/ready; while :; do sleep 0.02; done"
    );
    supervisor.create_running("traps", &shell(&script).with("minimum_run_duration", 0));
    supervisor.create("down", &sleeper().with("autostart", false));
    let appears = |name: &str| {
        eventually_true(name, || std::path::Path::new(&dir).join(name).exists());
    };
    appears("ready");
    let printed = done(&supervisor, &["signal", "SIGUSR1", "traps"]);
    assert!(printed.starts_with("traps/0  running  pid "), "{printed}");
    appears("usr1");
    done(&supervisor, &["signal", "1", "*"]);
    appears("hup");
    let ran = ask(&supervisor, &["signal", "HUP", "down"]);
    assert!(!ran.expect_error(1).is_empty(), "{ran:?}");
    let ran = ask(&supervisor, &["signal", "HOP", "traps"]);
    assert!(ran.expect_only_error(2).contains("'HOP'"), "{ran:?}");
}

#[test]
fn transition_leads_from_any_state_to_any_state() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    for state in ["failed", "running", "backoff", "waiting", "running", "exited", "running", "new"] {
        let printed = done(&supervisor, &["transition", state, "web"]);
        // What is waited for has been there; where it does not rest, it goes on.
        assert!(printed.starts_with("web/0  "), "{printed}");
        if state != "waiting" {
            assert_eq!(supervisor.row("web", 0).state, state);
        }
    }
    let ran = ask(&supervisor, &["transition", "flying", "web"]);
    assert!(ran.expect_only_error(2).contains("starting, running"), "{ran:?}");
}

#[test]
fn an_endpoint_on_the_command_line_goes_over_the_environment() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let mut command = tool_of(&supervisor, &["--rpc", &supervisor.endpoint("rpc"), "status", "web"]);
    command.env("PROCNANNY_RPC", "ipc:///nonexistent/rpc");
    run(command).expect_done();
    let mut command = tool_of(&supervisor, &["status"]);
    command.env("PROCNANNY_RPC", "http://example.org");
    let ran = run(command);
    assert!(ran.expect_only_error(2).contains("ipc://"), "{ran:?}");
}

#[test]
fn a_rolling_restart_says_what_became_of_each_and_why_it_halted() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 3));
    supervisor.create("down", &sleeper().with("autostart", false));
    let printed = done(&supervisor, &["restart", "--rolling", "--parallel=2", "*"]);
    let told: Vec<String> = words(&printed).iter().map(|line| line[..2].join(" ")).collect();
    assert_eq!(told, ["down/0 new", "web/0 running", "web/1 running", "web/2 running"]);
    assert!(supervisor.rows("web").iter().all(|row| row.start_count == 2));

    done(&supervisor, &["update", "web", "command=/nonexistent"]);
    let ran = ask(&supervisor, &["restart", "--rolling", "web"]);
    let told = ran.expect_error(1);
    assert!(
        told.contains("the rolling restart halted at web/0, which is exited: exec: No such file"),
        "{told}"
    );
    let ran = ask(&supervisor, &["restart", "--parallel", "2", "web"]);
    assert!(ran.expect_only_error(2).contains("--rolling"), "{ran:?}");
}

#[test]
fn a_start_that_waits_says_for_what() {
    let mut supervisor = Supervisor::start();
    supervisor.create("db", &sleeper().with("autostart", false));
    done(&supervisor, &["create", "web", "requires=db", "autostart=false", "--", "sleep", "3600"]);
    done(&supervisor, &["transition", "failed", "db"]);
    let ran = ask(&supervisor, &["start", "web"]);
    let expected =
        "web/0 is waiting, not running: waits for db, which is failed; it starts when that is there";
    assert!(ran.expect_error(1).contains(expected), "{ran:?}");
    let ran = ask(&supervisor, &["remove", "db"]);
    assert!(ran.expect_only_error(1).contains("'web' requires program 'db'"), "{ran:?}");
    assert!(ran.expect_only_error(1).ends_with("with 'procnanny remove --force'"), "{ran:?}");
}
