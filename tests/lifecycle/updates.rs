//! update: what takes effect at once, what with the next start, and restarts that roll.

use crate::args;
use crate::common::{Arguments, EventLog, EventSource, Row, Supervisor, proc, sleeper, strings};
use crate::starter;
use procnanny::wire::value::Value;

fn environment(value: &str) -> Value {
    Value::map([("COLOUR", Value::from(value))])
}

/// The instances that an update says need a restart.
fn update(supervisor: &mut Supervisor, arguments: Arguments<'_>) -> Vec<i64> {
    let reply = supervisor.call("update", arguments);
    assert_eq!(reply.get("updated"), Some(&Value::from("web")));
    let needed = reply.get("restart_needed").and_then(Value::as_array).unwrap();
    needed.iter().map(|number| number.as_i64().unwrap()).collect()
}

fn colours(rows: &[Row]) -> Vec<Option<String>> {
    rows.iter().map(|row| proc::variable(row.pid, "COLOUR")).collect()
}

/// The next edges of all instances of `web`: number and state, until an event that is no edge.
fn edges_until(log: &mut EventLog, count: usize) -> Vec<(i64, String)> {
    let mut edge = || {
        let event = log.expect("an edge", |event| event.get("state").is_some());
        let row = Row::of(&event);
        (row.instance, row.state)
    };
    (0..count).map(|_| edge()).collect()
}

#[test]
fn policy_takes_effect_at_once() {
    let mut supervisor = Supervisor::start();
    let mut events = supervisor.events();
    supervisor.create("web", &starter());
    let pid = events.expect_states("web", 0, &["starting"])[0].pid;
    assert_eq!(update(&mut supervisor, args!["program" => "web", "minimum_run_duration" => 0]), []);
    assert_eq!(events.expect_event("updated").get("program"), Some(&Value::from("web")));
    assert_eq!(events.expect_states("web", 0, &["running"])[0].pid, pid);
    assert!(!supervisor.row("web", 0).restart_needed);
}

#[test]
fn a_delay_under_way_follows_its_policy() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("command", "false").with("flap_max", 0).with_backoff(3600);
    supervisor.create("web", &settings);
    supervisor.wait_for("web", "backoff");
    let mut events = supervisor.events();
    update(&mut supervisor, args!["program" => "web", "backoff_min" => "10ms", "command" => "sleep"]);
    events.expect_states("web", 0, &["starting", "running"]);
}

#[test]
fn what_is_fixed_at_a_start_waits_for_the_next() {
    let mut supervisor = Supervisor::start();
    let before =
        supervisor.create_running("web", &sleeper().with("instances", 2).with("env", environment("red")));
    assert_eq!(update(&mut supervisor, args!["program" => "web", "env" => environment("blue")]), [0, 1]);
    let between = supervisor.rows("web");
    assert!(between.iter().zip(&before).all(|(now, then)| now.pid == then.pid && now.restart_needed));
    assert_eq!(colours(&between), [Some("red".to_string()), Some("red".to_string())]);

    supervisor.command("restart", args!["program" => "web", "instance" => 1, "wait" => true]);
    let after = supervisor.rows("web");
    assert_eq!(after.iter().map(|row| row.restart_needed).collect::<Vec<_>>(), [true, false]);
    assert_eq!(colours(&after), [Some("red".to_string()), Some("blue".to_string())]);
    assert_eq!(after[0].pid, before[0].pid);
}

#[test]
fn equal_settings_need_no_restart() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    assert_eq!(update(&mut supervisor, args!["program" => "web", "args" => strings(&["3600"])]), []);
    assert!(!supervisor.row("web", 0).restart_needed);
}

#[test]
fn an_update_with_an_error_changes_nothing() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let wrong: [Arguments<'_>; 4] = [
        args!["program" => "web", "env" => environment("blue"), "nice" => 77],
        args!["program" => "web", "env" => environment("blue"), "user" => "nobody-of-that-name"],
        args!["program" => "web", "env" => environment("blue"), "commnad" => "true"],
        args!["program" => "web"],
    ];
    for arguments in wrong {
        assert_eq!(supervisor.refusal("update", arguments).code, "bad-argument", "{arguments:?}");
    }
    assert!(!supervisor.row("web", 0).restart_needed);
    let refusal = supervisor.refusal("update", args!["program" => "db", "nice" => 1]);
    assert_eq!(refusal.code, "no-such-program");
}

#[test]
fn the_number_of_instances_can_be_updated_too() {
    let mut supervisor = Supervisor::start();
    let pid = supervisor.create_running("web", &sleeper())[0].pid;
    let mut events = supervisor.events();
    assert_eq!(update(&mut supervisor, args!["program" => "web", "instances" => 2]), []);
    events.expect_states("web", 1, &["starting", "running"]);
    update(&mut supervisor, args!["program" => "web", "instances" => 1]);
    events.expect_states("web", 1, &["stopping", "exited"]);
    let rows = supervisor.rows("web");
    assert_eq!((rows.len(), rows[0].pid), (1, pid));
}

#[test]
fn a_rolling_restart_takes_one_after_the_other() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("instances", 3).with("minimum_run_duration", "50ms");
    let before = supervisor.create_running("web", &settings);
    let mut events = supervisor.events();
    let arguments = args!["program" => "web", "env" => environment("blue"), "restart" => true];
    assert_eq!(update(&mut supervisor, arguments), [0, 1, 2]);
    let expected: Vec<(i64, String)> = (0..3)
        .flat_map(|number| ["stopping", "starting", "running"].map(|state| (number, state.to_string())))
        .collect();
    assert_eq!(edges_until(&mut events, 9), expected);
    let after = supervisor.rows("web");
    assert!(after.iter().zip(&before).all(|(now, then)| now.pid != then.pid && !now.restart_needed));
    assert_eq!(colours(&after), vec![Some("blue".to_string()); 3]);
}

#[test]
fn a_rolling_restart_leaves_out_what_does_not_need_it() {
    let mut supervisor = Supervisor::start();
    let before = supervisor.create_running("web", &sleeper().with("instances", 3));
    update(&mut supervisor, args!["program" => "web", "env" => environment("blue")]);
    supervisor.command("restart", args!["program" => "web", "instance" => 1, "wait" => true]);
    supervisor.command("stop", args!["program" => "web", "instance" => 2, "wait" => true]);
    let between = supervisor.row("web", 1);
    let mut events = supervisor.events();
    assert_eq!(update(&mut supervisor, args!["program" => "web", "restart" => true]), [0]);
    events.expect_states("web", 0, &["stopping", "starting", "running"]);
    let after = supervisor.rows("web");
    assert!(after[0].pid != before[0].pid);
    assert_eq!((after[1].pid, after[2].state.as_str()), (between.pid, "exited"));
}

#[test]
fn a_rolling_restart_halts_at_the_first_that_does_not_come_to_run() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("instances", 3).with_backoff(3600);
    let before = supervisor.create_running("web", &settings);
    let mut events = supervisor.events();
    let broken = args!["program" => "web", "command" => "/nonexistent/web", "restart" => true];
    assert_eq!(update(&mut supervisor, broken), [0, 1, 2]);
    let halted = events.expect_event("restart_halted");
    assert_eq!(halted.get("instance"), Some(&Value::Int(0)));
    assert_eq!(halted.get("program"), Some(&Value::from("web")));
    let after = supervisor.rows("web");
    assert_eq!(after[0].pid, 0);
    assert!(after[0].reason().starts_with("exec: No such file or directory"), "{:?}", after[0]);
    assert!((1..3).all(|number| after[number].pid == before[number].pid && after[number].restart_needed));
}
