//! What processes use, as `list`, `status` and the text have it.

use crate::common::{DEADLINE, Supervisor, eventually, shell, sleeper};
use crate::{args, of_instance, text};
use procnanny::wire::value::Value;

const FIELDS: [&str; 4] = ["cpu_user", "cpu_system", "memory", "threads"];

/// The row of an instance with what its process uses.
#[track_caller]
fn row(supervisor: &mut Supervisor, program: &str) -> Value {
    let reply = supervisor.call("list", args!["program" => program, "usage" => true]);
    reply.get("instances").and_then(Value::as_array).unwrap()[0].clone()
}

#[test]
fn rows_tell_what_processes_use_only_when_asked() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    supervisor.create("idle", &sleeper().with("start", false));
    let plain = supervisor.call("list", args![]);
    for row in plain.get("instances").and_then(Value::as_array).unwrap() {
        assert!(FIELDS.iter().all(|field| row.get(field).is_none()), "{row:?}");
    }
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap();
    // It grows for a moment after it was executed.
    let web = eventually("its memory is that which the kernel tells", DEADLINE, || {
        let web = row(&mut supervisor, "web");
        let pid = web.get("pid").and_then(Value::as_i64).unwrap();
        let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
        let pages: i64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
        let memory = web.get("memory").and_then(Value::as_i64).unwrap();
        (memory == pages * page && memory > 1 << 20).then_some(web)
    });
    assert_eq!(web.get("threads"), Some(&Value::Int(1)));
    // Without a process there is nothing that it uses.
    let idle = row(&mut supervisor, "idle");
    assert!(FIELDS.iter().all(|field| idle.get(field) == Some(&Value::Nil)), "{idle:?}");
    // The nested form has the same.
    let status = supervisor.call("status", args!["program" => "web", "usage" => true]);
    let program = status.get("programs").unwrap().get("web").unwrap();
    let (_, nested) = &program.get("instances").unwrap().as_map().unwrap()[0];
    assert_eq!(nested.get("memory"), web.get("memory"));
    assert!(FIELDS.iter().all(|field| nested.get(field).is_some_and(|it| *it != Value::Nil)), "{nested:?}");
}

#[test]
fn processor_time_grows_with_work() {
    let mut supervisor = Supervisor::start();
    supervisor.create("busy", &shell("while :; do :; done"));
    let used = |row: &Value| row.get("cpu_user").and_then(Value::as_f64);
    eventually("it has used some time", DEADLINE, || {
        used(&row(&mut supervisor, "busy")).filter(|it| *it >= 0.2)
    });
    let told = text(&supervisor);
    let user = of_instance(&told, "busy", "cpu_seconds_total", ",mode=\"user\"").unwrap();
    assert!(user >= 0.2, "{user}");
    assert_eq!(of_instance(&told, "busy", "threads", ""), Some(1.0));
    assert!(of_instance(&told, "busy", "resident_memory_bytes", "").is_some_and(|bytes| bytes > 0.0));
    let without = supervisor.call("metrics", args!["usage" => false]);
    let without = without.get("text").and_then(Value::text).unwrap();
    assert!(!without.contains("procnanny_instance_threads{"), "{without}");
    assert!(without.contains("procnanny_instance_starts_total{"), "{without}");
}

#[test]
fn usage_is_true_or_false() {
    let mut supervisor = Supervisor::start();
    for method in ["list", "status", "metrics"] {
        let refusal = supervisor.refusal(method, args!["usage" => "yes"]);
        assert_eq!(refusal.code, "bad-argument");
        assert_eq!(refusal.sentence, "'usage' is \"yes\", expected true or false");
    }
}
