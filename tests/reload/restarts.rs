//! Restarts by a reload: one instance at a time, and what was held back is tried again.

use super::common::{EventSource, Launcher, Row, eventually_true};
use super::{list, program, reload};
use crate::args;
use procnanny::wire::value::Value;

#[test]
fn one_instance_at_a_time_and_the_next_when_it_runs() {
    let text = |more: &str| program("web", &format!("instances = 3\n{more}"));
    let mut supervisor = Launcher::new().configuration(&text("")).start();
    supervisor.wait_for("web", "running");
    let mut events = supervisor.events();
    reload(&mut supervisor, &text("umask = '0027'"));
    let mut edge = || {
        let row = Row::of(&events.expect("an edge", |event| event.get("state").is_some()));
        (row.instance, row.state)
    };
    for instance in 0..3 {
        for state in ["stopping", "starting", "running"] {
            assert_eq!(edge(), (instance, state.to_string()));
        }
    }
}

#[test]
fn it_halts_when_one_does_not_get_there() {
    let mut supervisor = Launcher::new().configuration(&program("web", "instances = 3")).start();
    let before = supervisor.wait_for("web", "running");
    let mut events = supervisor.events();
    reload(
        &mut supervisor,
        &program("web", "instances = 3\ndirectory = '/nonexistent'\nbackoff_min = 3600\nbackoff_max = 3600"),
    );
    let halted = events.expect_event("restart_halted");
    assert_eq!(
        (halted.get("program"), halted.get("instance")),
        (Some(&Value::from("web")), Some(&Value::Int(0)))
    );
    let now = supervisor.rows("web");
    assert!(before[1..].iter().zip(&now[1..]).all(|(old, new)| old.pid == new.pid), "{now:?}");
    // Mended: what was held back is tried at once, and the others follow.
    let reply = reload(&mut supervisor, &program("web", "instances = 3"));
    assert_eq!(list(&reply, "restart"), ["web/1", "web/2"]);
    supervisor.do_and_wait("start", "web/0");
    supervisor.wait_for("web", "running");
}

#[test]
fn what_was_held_back_is_tried_with_what_is_new() {
    let broken = "[program.web]\ncommand = '/nonexistent'\nflap_max = 0\nbackoff_min = 3600\nbackoff_max = 3600\ninstances = 2\n";
    let failed = "[program.failed]\ncommand = '/nonexistent'\ngive_up_after = 1\n";
    let mut supervisor = Launcher::new().configuration(&format!("{broken}{failed}")).start();
    supervisor.wait_for("web", "backoff");
    supervisor.wait_for("failed", "failed");
    let reply = reload(&mut supervisor, &(program("web", "instances = 2") + &program("failed", "")));
    assert_eq!(list(&reply, "start"), ["web/0", "web/1", "failed/0"]);
    assert!(list(&reply, "restart").is_empty());
    supervisor.wait_for("*", "running");
}

#[test]
fn a_second_reload_takes_the_place_of_a_restart_under_way() {
    let text = |nice: i32| {
        let slow = "minimum_run_duration = '300ms'";
        program("web", &format!("instances = 2\nnice = {nice}")).replace("minimum_run_duration = 0", slow)
    };
    let mut supervisor = Launcher::new().configuration(&text(1)).start();
    supervisor.wait_for("web", "running");
    reload(&mut supervisor, &text(2));
    reload(&mut supervisor, &text(3));
    let own = super::common::proc::stat(supervisor.pid()).unwrap().nice;
    eventually_true("all run with the last", || {
        let rows = supervisor.rows("web");
        let nice = |row: &Row| super::common::proc::stat(row.pid).map(|stat| stat.nice - own);
        rows.iter().all(|row| row.state == "running" && nice(row) == Some(3))
    });
}

#[test]
fn what_is_stopped_meanwhile_is_not_restarted_when_its_turn_comes() {
    // The second one does not heed its signal, and so is still there when its turn comes.
    let text = |nice: i32| {
        let script = r#"[ %i = 1 ] && trap "" TERM; while :; do sleep 1; done"#;
        format!(
            "[program.web]\ncommand = 'sh'\nargs = ['-c', '{script}']\ninstances = 2\nnice = {nice}\n\
             minimum_run_duration = '300ms'\nstop_timeout = 3600\n"
        )
    };
    let mut supervisor = Launcher::new().configuration(&text(1)).start();
    supervisor.wait_for("web", "running");
    let mut events = supervisor.events();
    assert_eq!(list(&reload(&mut supervisor, &text(2)), "restart"), ["web/0", "web/1"]);
    supervisor.command("stop", args!["program" => "web/1"]);
    events.until_state("web", 0, "running");
    supervisor.call("dance", &[]);
    let row = supervisor.row("web", 1);
    assert_eq!((row.state.as_str(), row.admin_state.as_str()), ("stopping", "down"));
    supervisor.command("kill", args!["program" => "web/1"]);
    let row = supervisor.until("web", 1, "it has stopped", |row| row.pid == 0);
    assert_eq!((row.state.as_str(), row.start_count), ("exited", 1));
}
