use super::*;
use crate::core::exits::DeathCause;
use crate::core::ids::InstanceIndex;
use crate::core::program::{Origin, Settings};
use crate::core::state::State;
use crate::wire::msgpack::decode_reply;
use crate::wire::value::Value;
use std::collections::BTreeSet;
use std::time::Duration;

fn facts() -> Facts<'static> {
    Facts {
        strays: None,
        pid: 1,
        uptime: Duration::from_secs(90),
        run: "run",
        zmq: "4.3.5".to_string(),
        cpu: Some((1.5, 0.25)),
        resident: Some(8192),
        connections_refused: 3,
        rpc: vec![],
        events: vec![],
        output: Some(""),
        logger_pid: None,
        captured: [("output_taken", 21), ("output_written", 20), ("output_dropped", 1)],
        replies_dropped: 2,
        notifications_dropped: 1,
        hooks: HookCounts { queued: 31, running: 32, run: 40, failed: 7, dropped: 34 },
    }
}

fn inside() -> Inside {
    let mut turns = Histogram::default();
    turns.count(Duration::from_micros(200));
    Inside {
        turns,
        wakeups: 5,
        requests: 6,
        events: 7,
        held: 8,
        published: 9,
        subscribers: 10,
        queues: [("operations", 1), ("waiters", 2), ("surveys", 3), ("outboxes", 4)],
        unfetched: 11,
        descriptors: Some(12),
        most_descriptors: None,
    }
}

/// The text for one instance of a program of this name, once `change` was done to it.
fn text(name: &str, usage: Option<&ProcessUsage>, change: impl FnOnce(&mut Instance)) -> String {
    let mut fleet = Fleet::default();
    let id = fleet.create(name, Settings::default(), Origin::Request, Moment::default());
    let program = fleet.program_mut(id).unwrap();
    change(program.instances.get_mut(&InstanceIndex(0)).unwrap());
    let program = fleet.program(id).unwrap();
    let mut metrics = InstanceMetrics::default();
    metrics.add(program, 0, &program.instances[&InstanceIndex(0)], usage, Moment::default());
    let reply = metrics.reply(&fleet, &facts(), &inside()).finish(None);
    decode_reply(&reply).unwrap().get("text").and_then(Value::text).unwrap().to_string()
}

fn value<'a>(text: &'a str, sample: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))
}

#[test]
fn an_instance_is_told_in_samples_of_its_labels() {
    let usage = ProcessUsage { user_seconds: 1.5, system_seconds: 0.5, resident_bytes: 4096, threads: 2 };
    let text = text("we\"b", Some(&usage), |instance| {
        instance.state = State::Running;
        instance.admin = AdminState::Once;
        (instance.start_count, instance.flap_count) = (3, 6);
        instance.exits.count(DeathCause::Signal);
        instance.exits.count(DeathCause::Signal);
    });
    let of = |name: &str, more: &str| {
        value(&text, &format!("procnanny_instance_{name}{{program=\"we\\\"b\",instance=\"0\"{more}}}"))
    };
    assert_eq!(of("state", ",procnanny_instance_state=\"running\""), Some("1"));
    assert_eq!(of("state", ",procnanny_instance_state=\"new\""), Some("0"));
    assert_eq!(of("wanted_up", ""), Some("1"));
    assert_eq!(of("starts_total", ""), Some("3"));
    assert_eq!((of("flaps", ""), of("flapping", "")), (Some("6"), Some("1")));
    assert_eq!(of("exits_total", ",cause=\"signal\""), Some("2"));
    assert_eq!(of("exits_total", ",cause=\"exit\""), None);
    assert_eq!(of("uptime_seconds", ""), Some("0"));
    assert_eq!(of("last_exit_code", ""), None);
    assert_eq!(of("cpu_seconds_total", ",mode=\"user\""), Some("1.5"));
    assert_eq!(of("cpu_seconds_total", ",mode=\"system\""), Some("0.5"));
    assert_eq!((of("resident_memory_bytes", ""), of("threads", "")), (Some("4096"), Some("2")));
}

#[test]
fn what_nobody_looked_at_is_left_out() {
    let text = text("web", None, |_| {});
    assert!(!text.contains("\nprocnanny_instance_threads{"));
    assert!(text.contains("\nprocnanny_instance_starts_total{program=\"web\",instance=\"0\"} 0\n"));
}

#[test]
fn the_supervisor_is_told_of_too() {
    let text = text("web", None, |_| {});
    for (sample, expected) in [
        ("procnanny_build_info{version=\"0.1.0\",zmq_version=\"4.3.5\"}", "1"),
        ("procnanny_uptime_seconds", "90"),
        ("procnanny_programs", "1"),
        ("procnanny_instances{state=\"new\"}", "1"),
        ("procnanny_loop_turn_seconds_bucket{le=\"0.0001\"}", "0"),
        ("procnanny_loop_turn_seconds_bucket{le=\"0.00025\"}", "1"),
        ("procnanny_loop_turn_seconds_count", "1"),
        ("procnanny_loop_wakeups_total", "5"),
        ("procnanny_requests_total", "6"),
        ("procnanny_events_total", "7"),
        ("procnanny_events_held", "8"),
        ("procnanny_events_published_total", "9"),
        ("procnanny_subscribers", "10"),
        ("procnanny_queue_length{queue=\"outboxes\"}", "4"),
        ("procnanny_outbox_bytes", "11"),
        ("procnanny_open_descriptors", "12"),
        ("procnanny_cpu_seconds_total{mode=\"system\"}", "0.25"),
        ("procnanny_resident_memory_bytes", "8192"),
        ("procnanny_output_bytes_total{fate=\"written\"}", "20"),
        ("procnanny_hooks_total{result=\"succeeded\"}", "33"),
        ("procnanny_hooks_total{result=\"failed\"}", "7"),
        ("procnanny_hooks_total{result=\"dropped\"}", "34"),
        ("procnanny_hooks_running", "32"),
        ("procnanny_queue_length{queue=\"hooks\"}", "31"),
        ("procnanny_replies_dropped_total", "2"),
        ("procnanny_notifications_dropped_total", "1"),
        ("procnanny_connections_refused_total", "3"),
    ] {
        assert_eq!(value(&text, sample), Some(expected), "{sample}");
    }
    assert_eq!(value(&text, "procnanny_open_descriptors_limit"), None);
    assert!(text.ends_with("\n# EOF\n"));
}

/// Each row of the table is told once, and nothing that is no row.
#[test]
fn all_families_are_there() {
    let text = text("web", None, |_| {});
    let told: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let rows = f::OF_INSTANCES.iter().chain(f::OF_SUPERVISOR);
    let expected: BTreeSet<String> =
        rows.map(|family| format!("{} {}", family.name, family.kind.as_str())).collect();
    assert_eq!(told.iter().map(|row| (*row).to_string()).collect::<BTreeSet<_>>(), expected);
    assert_eq!(told.len(), expected.len());
}

/// `PROCNANNY_WRITE_MAN=1 cargo test --lib metrics` writes it.
#[test]
fn the_manual_page_has_the_same_families() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/man/procnanny-rpc.7");
    let mut page = std::fs::read_to_string(path).unwrap();
    for (mark, families) in [("instances", f::OF_INSTANCES), ("the supervisor", f::OF_SUPERVISOR)] {
        let (begin, end) =
            (format!(".\\\" metrics of {mark}: begin\n"), format!(".\\\" metrics of {mark}: end\n"));
        let (before, rest) = page.split_once(&begin).expect("a mark");
        let (_, after) = rest.split_once(&end).expect("a mark");
        page = format!("{before}{begin}{}{end}{after}", rows(families));
    }
    for cause in DeathCause::ALL {
        let word = format!("{} ", cause.as_str().replace('-', "\\-"));
        assert!(page.contains(&format!(".BR {word}")), "the page has no cause {word}");
    }
    if std::env::var_os("PROCNANNY_WRITE_MAN").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == page,
        "the page's tables are not those of the families"
    );
}

fn rows(families: &[Family]) -> String {
    let row = |family: &Family| {
        let help = family.help.replace('-', "\\-").replace(". ", ".\n");
        format!(".TP\n.BR {} \" (\" {} )\n{help}\n", family.name, family.kind.as_str())
    };
    families.iter().map(row).collect()
}
