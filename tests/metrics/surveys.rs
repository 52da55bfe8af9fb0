//! Many instances are looked at in many turns, and everybody else is served between them.

use crate::common::{DEADLINE, ProgramSettings, Supervisor, sleeper};
use crate::{args, text};
use procnanny::wire::value::Value;
use std::collections::BTreeMap;

/// One that has many instances, of which none costs a process.
fn resting(instances: i64) -> ProgramSettings {
    sleeper().with("start", false).with("instances", instances)
}

#[test]
fn each_of_many_is_told_once() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 150));
    supervisor.create("many", &resting(1000));
    let told = text(&supervisor);
    let count = |what: &str| told.lines().filter(|line| line.starts_with(what)).count();
    assert_eq!(count("procnanny_instance_starts_total{program=\"web\","), 150);
    assert_eq!(count("procnanny_instance_threads{program=\"web\","), 150);
    assert_eq!(count("procnanny_instance_starts_total{program=\"many\","), 1000);
    assert_eq!(count("procnanny_instance_state{program=\"many\","), 8000);
    let reply = supervisor.call("list", args!["usage" => true]);
    let rows = reply.get("instances").and_then(Value::as_array).unwrap();
    assert_eq!(rows.len(), 1150);
    let looked_at = rows.iter().filter(|row| row.get("threads") == Some(&Value::Int(1))).count();
    assert_eq!(looked_at, 150);
}

#[test]
fn what_is_removed_meanwhile_is_no_trouble() {
    let mut supervisor = Supervisor::start();
    supervisor.create("many", &resting(2000));
    let mut client = supervisor.client();
    let metrics = client.post("metrics", &[]);
    let status = client.post("status", args!["usage" => true]);
    client.post("remove", args!["program" => "many"]);
    let mut other = supervisor.client();
    assert_eq!(other.call("dance", &[]).get("danced"), Some(&Value::Bool(true)));
    let told = client.reply_to(metrics, DEADLINE);
    assert!(told.get("text").and_then(Value::text).is_some_and(|text| text.ends_with("\n# EOF\n")));
    assert!(client.reply_to(status, DEADLINE).get("programs").is_some());
}

#[test]
fn a_flood_of_questions_is_refused_and_not_kept() {
    let mut supervisor = Supervisor::start();
    supervisor.create("many", &resting(1000));
    let mut client = supervisor.client();
    let ids: Vec<i64> = (0..300).map(|_| client.post("list", args!["usage" => true])).collect();
    let mut codes = BTreeMap::<String, usize>::new();
    for _ in ids {
        let reply = client.receive(DEADLINE).expect("each is answered");
        let code = reply.get("code").and_then(Value::text).unwrap_or("");
        *codes.entry(code.to_string()).or_default() += 1;
    }
    assert!(codes.contains_key("busy") && codes.contains_key("") && codes.len() == 2, "{codes:?}");
    assert!(text(&supervisor).ends_with("\n# EOF\n"));
}

#[test]
fn a_supervisor_that_ends_leaves_nobody_waiting() {
    let mut supervisor = Supervisor::start();
    supervisor.create("many", &resting(20_000));
    let mut client = supervisor.client();
    let metrics = client.post("metrics", &[]);
    client.post("shutdown", &[]);
    // Either it was done before, or it is refused.
    let reply = client.reply_to(metrics, DEADLINE);
    assert!(reply.get("text").is_some() || reply.get("error").is_some(), "{reply:?}");
    assert!(supervisor.wait().success());
}
