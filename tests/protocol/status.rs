//! `status` and `list`: field by field and type by type.

use crate::args;
use crate::common::{DEADLINE, Supervisor, command, eventually, shell, sleeper, strings};
use crate::wire::{entries, text};
use procnanny::wire::value::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// What `status` says of one program.
#[track_caller]
fn program(supervisor: &mut Supervisor, name: &str) -> Value {
    let reply = supervisor.call("status", args!["program" => name]);
    let [(key, program)] = entries(&reply, "programs") else { panic!("one program in {reply:?}") };
    assert_eq!(key, &Value::from(name));
    program.clone()
}

/// What `status` says of one instance, which has to be under an integer.
#[track_caller]
fn instance(supervisor: &mut Supervisor, name: &str, number: i64) -> Value {
    let program = program(supervisor, name);
    let instances = entries(&program, "instances").iter();
    let mut found =
        instances.filter(|(key, _)| *key == Value::Int(number)).map(|(_, instance)| instance.clone());
    found.next().unwrap_or_else(|| panic!("no {number} in {program:?}"))
}

/// Checks fields of a map, each with its type: 0 is not 0.0.
#[track_caller]
fn expect(map: &Value, fields: &[(&str, Value)]) {
    for (name, value) in fields {
        assert_eq!(map.get(name), Some(value), "{name} in {map:?}");
    }
}

#[track_caller]
fn float(map: &Value, name: &str) -> f64 {
    match map.get(name) {
        Some(Value::Float(number)) => *number,
        other => panic!("{name} is {other:?}, not a float"),
    }
}

fn own_ids() -> (Value, Value) {
    (Value::from(nix::unistd::geteuid().as_raw()), Value::from(nix::unistd::getegid().as_raw()))
}

#[test]
fn a_program_is_shown_as_it_was_configured() {
    let mut supervisor = Supervisor::start();
    let args = ["ruby", "-e", "sleep(rand * 10); puts :OK %n %%"];
    let hello = command("/usr/bin/env", &args).with("nice", 1).with("instances", 3).with("start", false);
    supervisor.create("hello world", &hello);
    let shown = program(&mut supervisor, "hello world");
    let (uid, gid) = own_ids();
    expect(
        &shown,
        &[
            ("command", Value::from("/usr/bin/env")),
            ("args", strings(&args)),
            ("description", Value::from("")),
            ("uid", uid),
            ("gid", gid),
            ("nice", Value::Int(1)),
            ("ionice", Value::Int(0)),
            ("ionice_class", Value::from("none")),
            ("active", Value::Bool(false)),
        ],
    );
    let numbers: Vec<&Value> = entries(&shown, "instances").iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [&Value::Int(0), &Value::Int(1), &Value::Int(2)]);
}

#[test]
fn an_instance_that_never_ran_has_zeroes_and_nils() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let shown = instance(&mut supervisor, "web", 0);
    expect(
        &shown,
        &[
            ("pid", Value::Int(0)),
            ("state", Value::from("new")),
            ("exitcode", Value::Int(0)),
            ("exitsignal", Value::Int(0)),
            ("admin_state", Value::from("down")),
            ("start_time", Value::Nil),
            ("duration", Value::Float(0.0)),
            ("start_count", Value::Int(0)),
            ("flap_count", Value::Int(0)),
            ("last_duration", Value::Nil),
            ("flapping", Value::Bool(false)),
            ("retry_in", Value::Nil),
            ("reason", Value::Nil),
            ("ready", Value::Bool(false)),
            ("status_text", Value::Nil),
            ("restart_needed", Value::Bool(false)),
            ("health", Value::Nil),
            ("strays", Value::Array(Vec::new())),
        ],
    );
    assert!(float(&shown, "since") >= 0.0);
}

#[test]
fn an_instance_that_starts_or_runs_has_a_process_and_times() {
    let mut supervisor = Supervisor::start();
    supervisor.create("slow", &command("sleep", &["3600"]));
    supervisor.create_running("fast", &sleeper());
    for (name, state, ready) in [("slow", "starting", false), ("fast", "running", true)] {
        let shown = instance(&mut supervisor, name, 0);
        expect(
            &shown,
            &[
                ("state", Value::from(state)),
                ("exitcode", Value::Int(0)),
                ("exitsignal", Value::Int(0)),
                ("admin_state", Value::from("up")),
                ("start_count", Value::Int(1)),
                ("flap_count", Value::Int(0)),
                ("last_duration", Value::Nil),
                ("flapping", Value::Bool(false)),
                ("retry_in", Value::Nil),
                ("reason", Value::Nil),
                ("ready", Value::Bool(ready)),
            ],
        );
        let pid = shown.get("pid").and_then(Value::as_i64).unwrap();
        assert!(crate::common::proc::is_alive(i32::try_from(pid).unwrap()));
        let age =
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() - float(&shown, "start_time");
        assert!((0.0..60.0).contains(&age), "{age}");
        assert!((0.0..60.0).contains(&float(&shown, "duration")));
        assert_eq!(program(&mut supervisor, name).get("active"), Some(&Value::Bool(true)));
    }
}

#[test]
fn ends_are_told_by_code_or_by_signal() {
    let mut supervisor = Supervisor::start();
    let once = |script: &str| shell(script).with("restart", "never");
    supervisor.create("code", &once("exit 3"));
    supervisor.create("signal", &once("kill -KILL $$"));
    supervisor.create("success", &once("exit 0"));
    supervisor.create("missing", &command("/nonexistent/x", &[]).with("restart", "never"));
    let ends = [("code", 3, 0), ("signal", -1, 9), ("success", 0, 0), ("missing", 127, 0)];
    for (name, exitcode, exitsignal) in ends {
        supervisor.wait_for(name, "exited");
        let shown = instance(&mut supervisor, name, 0);
        expect(
            &shown,
            &[
                ("pid", Value::Int(0)),
                ("exitcode", Value::Int(exitcode)),
                ("exitsignal", Value::Int(exitsignal)),
                ("admin_state", Value::from("down")),
                ("duration", Value::Float(0.0)),
                ("start_count", Value::Int(1)),
                ("retry_in", Value::Nil),
            ],
        );
        assert!(float(&shown, "last_duration") >= 0.0 && float(&shown, "start_time") > 0.0);
    }
    let reasons = [
        ("code", "exited with code 3"),
        ("signal", "killed by signal 9 (KILL)"),
        ("missing", "/nonexistent/x"),
    ];
    for (name, words) in reasons {
        let shown = instance(&mut supervisor, name, 0);
        assert!(text(&shown, "reason").contains(words), "{shown:?}");
    }
}

#[test]
fn a_flapping_instance_says_when_it_is_tried_again() {
    let mut supervisor = Supervisor::start();
    supervisor.create(
        "web",
        &shell("exit 1").with("flap_max", 0).with("backoff_min", 300).with("backoff_max", 300),
    );
    supervisor.wait_for("web", "backoff");
    let shown = instance(&mut supervisor, "web", 0);
    let fields =
        [("flapping", Value::Bool(true)), ("flap_count", Value::Int(1)), ("admin_state", Value::from("up"))];
    expect(&shown, &fields);
    assert!((200.0..=330.0).contains(&float(&shown, "retry_in")));
}

#[test]
fn numbers_of_instances_are_in_order_and_any_number() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false).with("instances", 300));
    let shown = program(&mut supervisor, "web");
    let numbers = entries(&shown, "instances").iter().map(|(number, _)| number.clone());
    assert!(numbers.eq((0..300).map(Value::Int)));
}

#[test]
fn a_program_without_instances_is_shown_and_one_that_is_not_selected_is_not() {
    let mut supervisor = Supervisor::start();
    supervisor.create("empty", &sleeper().with("instances", 0));
    supervisor.create("web", &sleeper().with("start", false));
    let names = |reply: &Value| -> Vec<String> {
        entries(reply, "programs").iter().map(|(name, _)| name.text().unwrap().to_string()).collect()
    };
    let mut all = names(&supervisor.call("status", &[]));
    all.sort();
    assert_eq!(all, ["empty", "web"]);
    let empty = program(&mut supervisor, "empty");
    assert_eq!(
        (empty.get("instances"), empty.get("active")),
        (Some(&Value::Map(vec![])), Some(&Value::Bool(false)))
    );
    assert_eq!(names(&supervisor.call("status", args!["program" => "w*"])), ["web"]);
    assert!(names(&supervisor.call("status", args!["program" => "x*"])).is_empty());
    let other = supervisor.call("status", args!["program" => "*", "instance" => 1]);
    assert!(!names(&other).contains(&"web".to_string()), "no instance of it is selected");
}

#[test]
fn what_its_processes_run_as_is_shown() {
    let mut supervisor = Supervisor::start();
    let priorities = [("idle", "idle", 0), ("best-effort/3", "best-effort", 3), ("6", "best-effort", 6)];
    for (given, class, level) in priorities {
        supervisor
            .create(given.replace('/', " ").as_str(), &sleeper().with("start", false).with("ionice", given));
        let shown = program(&mut supervisor, &given.replace('/', " "));
        expect(&shown, &[("ionice_class", Value::from(class)), ("ionice", Value::Int(level))]);
    }
    let user =
        sleeper().with("start", false).with("uid", 65534).with("gid", 65533).with("description", "who?");
    supervisor.create("user", &user);
    let shown = program(&mut supervisor, "user");
    expect(
        &shown,
        &[("uid", Value::Int(65534)), ("gid", Value::Int(65533)), ("description", Value::from("who?"))],
    );
}

#[test]
fn list_is_the_same_in_rows() {
    let mut supervisor = Supervisor::start();
    supervisor.create("b", &sleeper().with("start", false).with("instances", 2));
    supervisor.create("a b", &shell("exit 1").with("restart", "never"));
    supervisor.wait_for("a b", "exited");
    let reply = supervisor.call("list", &[]);
    let rows = reply.get("instances").and_then(Value::as_array).unwrap();
    let place = |row: &Value| (text(row, "program").to_string(), row.get("instance").and_then(Value::as_i64));
    let places: Vec<_> = rows.iter().map(place).collect();
    assert_eq!(
        places,
        [("a b".to_string(), Some(0)), ("b".to_string(), Some(0)), ("b".to_string(), Some(1))]
    );
    for row in rows {
        let (name, number) = place(row);
        let shown = instance(&mut supervisor, &name, number.unwrap());
        let timeless = |map: &Value| -> Vec<(Value, Value)> {
            let own = |key: &Value| matches!(key.text(), Some("program" | "instance" | "since"));
            map.as_map().unwrap().iter().filter(|(key, _)| !own(key)).cloned().collect()
        };
        assert_eq!(timeless(row), timeless(&shown));
    }
    assert!(has_only_text_keys(&reply));
    assert!(!has_only_text_keys(&supervisor.call("status", &[])));
}

fn has_only_text_keys(value: &Value) -> bool {
    match value {
        Value::Map(entries) => {
            entries.iter().all(|(key, value)| matches!(key, Value::Str(_)) && has_only_text_keys(value))
        }
        Value::Array(elements) => elements.iter().all(has_only_text_keys),
        _ => true,
    }
}

#[test]
fn a_process_with_settings_of_yesterday_needs_a_restart() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    supervisor.call("update", args!["program" => "web", "args" => strings(&["7200"])]);
    expect(&instance(&mut supervisor, "web", 0), &[("restart_needed", Value::Bool(true))]);
    supervisor.do_and_wait("restart", "web");
    let shown = eventually("the new process runs", DEADLINE, || {
        Some(instance(&mut supervisor, "web", 0)).filter(|it| text(it, "state") == "running")
    });
    expect(&shown, &[("restart_needed", Value::Bool(false)), ("start_count", Value::Int(2))]);
}
