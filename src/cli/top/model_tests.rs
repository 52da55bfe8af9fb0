//! Replies and events, and what is known after them.

use super::super::runs::End;
use super::*;
use crate::wire::json;

fn row(more: &str) -> String {
    format!(
        r#"{{"program":"web","instance":0,"state":"running","admin_state":"up","pid":7,"duration":10.0,
        "start_count":2,"flap_count":0,"exitcode":1,"exitsignal":0,"last_duration":2.5,"retry_in":null,
        "reason":null{more}}}"#
    )
}

fn listing(rows: &[String]) -> Value {
    json::parse(&format!(r#"{{"instances":[{}]}}"#, rows.join(","))).unwrap()
}

fn only(model: &Model) -> &Row {
    model.rows.values().next().unwrap()
}

#[test]
fn a_share_of_a_processor_takes_two_readings_of_one_process() {
    let usage = |cpu: f64| row(&format!(r#","cpu_user":{cpu},"cpu_system":1.0,"memory":4096"#));
    let mut model = Model::default();
    model.take_all(&listing(&[usage(5.0)]), 100.0);
    assert_eq!((only(&model).cpu, only(&model).usage.unwrap().memory), (None, 4096));
    model.take_some(&listing(&[usage(6.0)]), 102.0);
    assert_eq!(only(&model).cpu, Some(50.0));
    model.take_some(&listing(&[usage(6.0)]), 102.1);
    assert_eq!(only(&model).cpu, Some(50.0), "too soon to tell");
    model.take_some(&listing(&[usage(7.0).replace(r#""pid":7"#, r#""pid":8"#)]), 104.0);
    assert_eq!(only(&model).cpu, None, "another process");
    model.take_some(&listing(&[row("")]), 106.0);
    assert_eq!(only(&model).usage, None, "a supervisor that does not tell");
}

#[test]
fn events_keep_rows_up_to_date() {
    let mut model = Model::default();
    model.take_all(&listing(&[row("")]), 100.0);
    assert_eq!(only(&model).uptime(105.0), Some(15.0));
    let event = |json: &str| json::parse(json).unwrap();
    let died = event(
        r#"{"seq":5,"program":"web","instance":0,"from":"running","state":"backoff","admin_state":"up","pid":0,
        "exitcode":-1,"exitsignal":9,"duration":12.0,"start_count":2,"flap_count":6,"reason":"killed"}"#,
    );
    assert_eq!(model.take_event(&died, true, 106.0), Told::All);
    let dead = only(&model);
    assert_eq!((dead.state.as_str(), dead.flaps, dead.last_exit.as_str()), ("backoff", 6, "SIGKILL"));
    assert!(dead.is_vague() && dead.uptime(107.0).is_none());
    assert_eq!(dead.runs.letters(), "xk");
    let down = event(r#"{"seq":6,"program":"web","instance":0,"from":"up","admin_state":"down"}"#);
    assert_eq!(model.take_event(&down, true, 106.0), Told::All);
    assert_eq!((only(&model).admin.as_str(), only(&model).state.as_str()), ("down", "backoff"));
    let scaled = event(r#"{"seq":7,"program":"web","event":"scaled","instances":2}"#);
    assert_eq!(model.take_event(&scaled, true, 106.0), Told::Something);
    assert_eq!(model.take_event(&scaled, false, 106.0), Told::Nothing);
    let hook = event(r#"{"seq":8,"program":"web","instance":0,"event":"hook","exitcode":0}"#);
    assert_eq!(model.take_event(&hook, true, 106.0), Told::Nothing);
    let unknown = event(r#"{"seq":8,"program":"web","instance":9,"state":"running","admin_state":"up"}"#);
    assert_eq!(model.take_event(&unknown, true, 106.0), Told::Something);
}

#[test]
fn what_is_not_listed_is_gone_and_what_stays_keeps_its_past() {
    let mut model = Model::default();
    let other = row("").replace(r#""instance":0"#, r#""instance":1"#);
    model.take_all(&listing(&[row(""), other.replace("running", "dancing")]), 100.0);
    assert_eq!(model.states(), [("running", 1), ("dancing", 1)]);
    let history = r#"{"history":[{"program":"web","instance":0,"runs":[{"duration":90,"cause":"signal","exitsignal":11}]}]}"#;
    model.take_history(&json::parse(history).unwrap());
    model.take_all(&listing(&[row("")]), 101.0);
    assert_eq!(model.rows.len(), 1);
    let mut expected = Runs::default();
    expected.push(Run { lasted: 90.0, end: End::Killed });
    assert_eq!(only(&model).runs, expected);
}

#[test]
fn events_are_counted_between_two_readings() {
    let info = json::parse(r#"{"uptime":5}"#).unwrap();
    let mut model = Model::default();
    model.begin_after(10);
    model.take_info(&info, 100.0);
    model.take_event(&json::parse(r#"{"seq":30,"event":"reloaded"}"#).unwrap(), false, 101.0);
    model.take_info(&info, 102.0);
    assert_eq!(model.own.event_rate, 10.0);
    assert_eq!(model.own.began, 97.0);
    model.take_event(&json::parse(r#"{"seq":40,"event":"reloaded"}"#).unwrap(), false, 102.0);
    model.take_info(&info, 102.1);
    assert_eq!(model.own.event_rate, 10.0, "too soon to tell");
    model.take_info(&info, 103.0);
    assert_eq!(model.own.event_rate, 10.0);
    model.begin_after(2);
    model.take_info(&info, 104.0);
    assert_eq!(model.own.event_rate, 0.0);
}
