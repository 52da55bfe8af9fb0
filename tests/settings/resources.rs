//! Limits, scheduling, processors, the order in which processes are killed when memory runs out.

use crate::common::{Launcher, Supervisor, command, is_root, proc, sleeper};
use crate::{failure, skip, start, table};
use procnanny::sys::limits::{self, Limit};
use procnanny::wire::value::Value;
use std::collections::BTreeMap;
use std::fs;

/// Soft and hard values of all limits, by the words of `/proc/PID/limits`.
fn limits_of(pid: i32) -> BTreeMap<String, (String, String)> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = |line: &str| {
        let (name, values) = line.split_at(26);
        let mut values = values.split_whitespace().map(str::to_string);
        (name.trim().to_string(), (values.next().unwrap(), values.next().unwrap()))
    };
    text.lines().skip(1).map(line).collect()
}

/// The words of `/proc/PID/limits`, see proc_pid_limits(5).
const WORDS: [(&str, &str); 16] = [
    ("as", "Max address space"),
    ("core", "Max core file size"),
    ("cpu", "Max cpu time"),
    ("data", "Max data size"),
    ("fsize", "Max file size"),
    ("locks", "Max file locks"),
    ("memlock", "Max locked memory"),
    ("msgqueue", "Max msgqueue size"),
    ("nice", "Max nice priority"),
    ("nofile", "Max open files"),
    ("nproc", "Max processes"),
    ("rss", "Max resident set"),
    ("rtprio", "Max realtime priority"),
    ("rttime", "Max realtime timeout"),
    ("sigpending", "Max pending signals"),
    ("stack", "Max stack size"),
];

/// A value below the hard limit that a sleeping process can live with, different for each limit.
fn bearable(limit: Limit, number: u64) -> (u64, u64) {
    let hard = limits::get(limit).unwrap().hard;
    let large = (1 << 30) + 4096 * number;
    (large.min(hard), large.saturating_add(4096).min(hard))
}

fn check_all_limits(supervisor: &mut Supervisor) {
    let asked = || {
        WORDS.iter().zip(1..).map(|((name, words), number)| {
            let (soft, hard) = bearable(Limit::named(name).unwrap(), number);
            (*name, *words, soft, hard)
        })
    };
    let both = |soft: u64, hard: u64| table([("soft", Value::from(soft)), ("hard", Value::from(hard))]);
    let all = Value::map(asked().map(|(name, _, soft, hard)| (name, both(soft, hard))));
    let pid = start(supervisor, "all", &sleeper().with("limits", all));
    let got = limits_of(pid);
    let shown = |value: u64| if value == u64::MAX { "unlimited".to_string() } else { value.to_string() };
    for (name, words, soft, hard) in asked() {
        assert_eq!(got.get(words), Some(&(shown(soft), shown(hard))), "{name}");
    }
}

#[test]
fn all_sixteen_limits_are_set() {
    check_all_limits(&mut Supervisor::start());
    check_all_limits(&mut Launcher::new().ordinary_user().start());
}

#[test]
fn limits_are_numbers_sizes_or_none() {
    let mut supervisor = Supervisor::start();
    let before = limits_of(supervisor.pid());
    let settings = table([
        ("core", Value::Int(0)),
        ("fsize", Value::from("64M")),
        ("nofile", table([("soft", Value::Int(20)), ("hard", Value::Int(30))])),
        ("cpu", Value::from("unlimited")),
    ]);
    let pid = start(&mut supervisor, "some", &sleeper().with("limits", settings));
    let got = limits_of(pid);
    let of = |name: &str| got.get(name).map(|(soft, hard)| (soft.as_str(), hard.as_str())).unwrap();
    assert_eq!(of("Max core file size"), ("0", "0"));
    assert_eq!(of("Max file size"), ("67108864", "67108864"));
    assert_eq!(of("Max open files"), ("20", "30"));
    assert_eq!(of("Max cpu time"), ("unlimited", "unlimited"));
    assert_eq!(got.get("Max address space"), before.get("Max address space"), "what is not named stays");
    // So few descriptors that nothing can be opened any more, and yet all that comes later can be set. (What is
    // executed may not find its libraries then.)
    let few = command("true", &[]).with("limits", table([("nofile", Value::Int(3))]));
    supervisor.create("few", &few.with("oom_score_adj", 900).with("restart", "never"));
    let reason = supervisor.wait_for("few", "exited")[0].reason().to_string();
    assert!(reason.starts_with("exited with code "), "{reason}");
}

#[test]
fn a_limit_beyond_ours_is_named_with_what_was_asked() {
    // Root may raise limits, if it has the right to.
    let mut supervisor = Launcher::new().ordinary_user().through_shell("ulimit -c 0; exec \"$@\"").start();
    let settings = sleeper().with("limits", table([("core", Value::from("1K"))]));
    let reason = failure(&mut supervisor, "web", &settings);
    assert_eq!(reason, "limits.core: Operation not permitted (soft 1024, hard 1024)");
}

/// Policy and real-time priority: fields 41 and 40 of `/proc/PID/stat`.
fn policy(pid: i32) -> (i32, i32) {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = text[text.rfind(')').unwrap() + 2..].split(' ').collect();
    (fields[38].parse().unwrap(), fields[37].parse().unwrap())
}

#[test]
fn scheduling_policies_are_taken_on() {
    let mut supervisor = Supervisor::start();
    for (name, number) in [("other", 0), ("batch", 3), ("idle", 5)] {
        let pid = start(&mut supervisor, name, &sleeper().with("scheduler", name));
        assert_eq!(policy(pid), (number, 0), "{name}");
    }
    if !is_root() {
        skip!("real time takes root");
    }
    for (name, expected) in [("fifo/3", (1, 3)), ("rr/2", (2, 2))] {
        let settings = sleeper().with("scheduler", name).with("user", 65534).with("group", 65534);
        let pid = start(&mut supervisor, &name.replace('/', " "), &settings);
        assert_eq!(policy(pid), expected, "{name}");
    }
}

#[test]
fn processors_are_bound() {
    let mut supervisor = Supervisor::start();
    let allowed = |pid| proc::status_line(pid, "Cpus_allowed_list");
    let ours = allowed(supervisor.pid());
    let first = ours.split(['-', ',']).next().unwrap().to_string();
    let pid = start(&mut supervisor, "first", &sleeper().with("cpus", first.as_str()));
    assert_eq!(allowed(pid), first);
    let pid = start(&mut supervisor, "all", &sleeper().with("cpus", ours.as_str()));
    assert_eq!(allowed(pid), ours);
    let pid = start(&mut supervisor, "by number", &sleeper().with("cpus", first.parse::<i64>().unwrap()));
    assert_eq!(allowed(pid), first);
    let pid = start(&mut supervisor, "ours", &sleeper());
    assert_eq!(allowed(pid), ours);
}

fn oom_score_adjust(pid: i32) -> i32 {
    fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap().trim().parse().unwrap()
}

#[test]
fn the_score_that_memory_is_freed_by_is_set() {
    for mut supervisor in [Supervisor::start(), Launcher::new().ordinary_user().start()] {
        let ours = oom_score_adjust(supervisor.pid());
        let pid = start(&mut supervisor, "first to go", &sleeper().with("oom_score_adj", 1000));
        assert_eq!(oom_score_adjust(pid), 1000);
        let pid = start(&mut supervisor, "as we are", &sleeper());
        assert_eq!(oom_score_adjust(pid), ours);
    }
}

#[test]
fn an_ordinary_user_cannot_go_first() {
    let mut supervisor = Launcher::new().ordinary_user().start();
    let reason = failure(&mut supervisor, "real time", &sleeper().with("scheduler", "rr/99"));
    assert_eq!(reason, "scheduler: Operation not permitted");
    let reason = failure(&mut supervisor, "last to go", &sleeper().with("oom_score_adj", -1000));
    assert_eq!(reason, "oom_score_adj: Permission denied");
    let pid = start(&mut supervisor, "batch", &sleeper().with("scheduler", "batch"));
    assert_eq!(policy(pid), (3, 0));
}
