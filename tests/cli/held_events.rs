//! `events` without `-f`: what is held.

use super::common::{Supervisor, sleeper};
use super::tool::{ask, done, words};
use procnanny::wire::json;
use procnanny::wire::value::Value;

/// A supervisor in which something has happened to two programs.
fn eventful() -> Supervisor {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 2));
    supervisor.create_running("db", &sleeper());
    supervisor.do_and_wait("stop", "db");
    supervisor
}

fn objects(printed: &str) -> Vec<Value> {
    printed.lines().map(|line| json::parse(line).unwrap()).collect()
}

fn seqs(printed: &str) -> Vec<i64> {
    objects(printed).iter().map(|event| event.get("seq").and_then(Value::as_i64).unwrap()).collect()
}

#[test]
fn everything_that_is_held_is_printed_in_order() {
    let mut supervisor = eventful();
    let printed = done(&supervisor, &["events", "--json"]);
    let held = supervisor.call("events", crate::args!["since" => 0]);
    assert_eq!(objects(&printed), held.get("events").and_then(Value::as_array).unwrap());
    let seqs = seqs(&printed);
    assert_eq!(seqs, (1..=i64::try_from(seqs.len()).unwrap()).collect::<Vec<_>>());
}

#[test]
fn lines_for_people_tell_when_which_of_whom_and_what() {
    let mut supervisor = eventful();
    let printed = done(&supervisor, &["events", "db"]);
    let pid = words(&printed)[1].last().unwrap().to_string();
    let told: Vec<String> = words(&printed).iter().map(|line| line[2..].join(" ")).collect();
    let expected = [
        "db created".to_string(),
        format!("db/0 new -> starting pid {pid}"),
        format!("db/0 starting -> running pid {pid}"),
        format!("db/0 running -> stopping pid {pid}"),
    ];
    assert_eq!(told[..4], expected);
    let end = &told[4];
    assert!(end.starts_with("db/0 stopping -> exited SIGTERM after ") && end.ends_with(", stopped"), "{end}");
    let held = supervisor.call("events", crate::args!["since" => 0]);
    let last = held.get("latest").and_then(Value::as_i64).unwrap().to_string();
    let lines = words(&printed);
    let (time, seq) = (lines[4][0], lines[4][1]);
    assert!(time.len() == 24 && time.starts_with("20") && time.ends_with('Z'), "{time}");
    assert_eq!(seq, last);
}

#[test]
fn since_and_selectors_choose() {
    let supervisor = eventful();
    let all = seqs(&done(&supervisor, &["events", "--json"]));
    let last = *all.last().unwrap();
    let since = |since: &str| seqs(&done(&supervisor, &["events", "--json", "--since", since]));
    assert_eq!(since("3"), (4..=last).collect::<Vec<_>>());
    assert_eq!(since("0"), all);
    assert_eq!(since("now"), Vec::<i64>::new());
    assert_eq!(since(&last.to_string()), Vec::<i64>::new());

    let chosen = |selectors: &[&str]| {
        let printed = done(&supervisor, &[&["events", "--json"], selectors].concat());
        let of = |event: &Value| {
            let program = event.get("program").and_then(Value::text).unwrap_or("-");
            let instance = event.get("instance").and_then(Value::as_i64);
            instance.map_or(program.to_string(), |instance| format!("{program}/{instance}"))
        };
        let mut names: Vec<String> = objects(&printed).iter().map(of).collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(chosen(&["db"]), ["db", "db/0"]);
    assert_eq!(chosen(&["web/1"]), ["web", "web/1"]);
    assert_eq!(chosen(&["w*", "db/0"]), ["db", "db/0", "web", "web/0", "web/1"]);
    assert_eq!(chosen(&["nothing"]), Vec::<String>::new());
    let ran = ask(&supervisor, &["events", "--since", "-3"]);
    ran.expect_only_error(2);
}
