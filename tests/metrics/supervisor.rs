//! What the text tells of the supervisor itself.

use crate::common::{DEADLINE, Launcher, Supervisor, eventually, proc, shell, sleeper};
use crate::{args, text, text_of, value};
use procnanny::wire::value::Value;
use std::time::Duration;

#[test]
fn the_supervisor_counts_what_it_has() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 2));
    supervisor.create("db", &sleeper().with("start", false));
    let subscriber = supervisor.subscriber(&["state/"]);
    supervisor.do_and_wait("restart", "web");
    let told = text(&supervisor);
    let of = |sample: &str| value(&told, &format!("procnanny_{sample}"));
    assert_eq!(of("programs"), Some(2.0));
    assert_eq!((of("instances{state=\"running\"}"), of("instances{state=\"new\"}")), (Some(2.0), Some(1.0)));
    let version = format!("procnanny_build_info{{version=\"{}\",zmq_version=\"4.", env!("CARGO_PKG_VERSION"));
    assert!(told.contains(&version), "{told}");
    assert_eq!(of("subscribers"), Some(1.0));
    let events = supervisor.call("events", &[]);
    let latest = events.get("latest").and_then(Value::as_f64);
    assert_eq!(of("events_total"), latest);
    assert_eq!(of("events_held"), latest);
    // Both instances were told to stop, have stopped, and were started again.
    assert!(of("events_published_total").is_some_and(|count| count >= 6.0), "{told}");
    assert!(of("requests_total").is_some_and(|count| count >= 4.0), "{told}");
    assert!(of("resident_memory_bytes").is_some_and(|bytes| bytes > 1e6), "{told}");
    assert!(of("cpu_seconds_total{mode=\"user\"}").is_some() && of("uptime_seconds").is_some());
    assert_eq!(of("queue_length{queue=\"operations\"}"), Some(0.0));
    drop(subscriber);
}

#[test]
fn open_descriptors_and_their_limit_are_those_of_the_process() {
    let supervisor = Launcher::new().through_shell("ulimit -n 700; exec \"$@\"").start();
    let told = text(&supervisor);
    let counted = std::fs::read_dir(format!("/proc/{}/fd", supervisor.pid())).unwrap().count();
    let open = value(&told, "procnanny_open_descriptors").unwrap();
    // Clients come and go.
    assert!((open - counted as f64).abs() <= 3.0, "{open} told, {counted} counted");
    let (soft, _) = proc::open_files(supervisor.pid());
    assert_eq!(value(&told, "procnanny_open_descriptors_limit"), Some(soft as f64));
}

#[test]
fn who_waits_is_in_a_queue() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let mut waiting = supervisor.client();
    waiting.post("wait", args!["program" => "web", "state" => "failed", "timeout" => 3600]);
    let queued = || value(&text(&supervisor), "procnanny_queue_length{queue=\"waiters\"}");
    eventually("one waits", DEADLINE, || (queued() == Some(1.0)).then_some(()));
}

#[test]
fn what_became_of_captured_output_is_counted() {
    let mut supervisor = Supervisor::start();
    supervisor.create("talker", &shell("echo hello; exec sleep 3600").with("stdout", "log"));
    let of =
        |told: &str, fate: &str| value(told, &format!("procnanny_output_bytes_total{{fate=\"{fate}\"}}"));
    let told = eventually("what it said is taken", DEADLINE, || {
        let told = text(&supervisor);
        (of(&told, "taken") == Some(6.0)).then_some(told)
    });
    assert_eq!(of(&told, "dropped"), Some(0.0));
}

/// Turns are counted by how long they took, and there are none while nothing happens.
#[test]
fn an_idle_loop_does_not_turn() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 20));
    let mut client = supervisor.client();
    let mut look = || {
        let told = text_of(&mut client);
        let of = |sample: &str| value(&told, &format!("procnanny_loop_{sample}")).unwrap();
        assert_eq!(of("turn_seconds_bucket{le=\"+Inf\"}"), of("turn_seconds_count"));
        let longest = of("longest_turn_seconds");
        assert!(longest > 0.0 && longest <= of("turn_seconds_sum"), "{told}");
        (of("wakeups_total"), of("turn_seconds_count"))
    };
    let (wakeups, turns) = look();
    assert!(wakeups > 0.0 && turns >= wakeups);
    // Nothing to wait for: that nothing happens in a second is what is looked at.
    std::thread::sleep(Duration::from_secs(1));
    let (later_wakeups, later_turns) = look();
    // The last answer and the next question.
    assert!(
        later_wakeups - wakeups <= 5.0 && later_turns - turns <= 10.0,
        "{wakeups} {later_wakeups} {turns} {later_turns}"
    );
}
