//! Replies that are given later: they hold up nobody, and come when it is so or when the time is over.

use crate::args;
use crate::common::{Client, DEADLINE, Supervisor, client::rows, eventually_true, proc, shell, sleeper};
use crate::wire::text;
use procnanny::wire::value::Value;
use std::time::{Duration, Instant};

const NOTHING: Duration = Duration::ZERO;

#[test]
fn who_waits_holds_up_neither_others_nor_itself() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let mut patient = supervisor.client();
    let waits = patient.post("wait", args!["program" => "web", "state" => "running"]);
    let polls = patient.post("events", args!["since" => 1_000_000, "timeout" => 60]);
    // Its own later request is answered first.
    assert_eq!(patient.ask("dance", &[]).get("danced"), Some(&Value::Bool(true)));
    assert_eq!(supervisor.client().call("dance", &[]).get("danced"), Some(&Value::Bool(true)));
    assert_eq!(patient.receive(NOTHING), None, "neither {waits} nor {polls} is answered yet");

    supervisor.command("start", args!["program" => "web"]);
    let reply = patient.reply_to(waits, DEADLINE);
    let [row] = &rows(&reply, "results")[..] else { panic!("one row in {reply:?}") };
    assert_eq!((row.program.as_str(), row.state.as_str(), row.changed), ("web", "running", false));
}

#[test]
fn wait_is_answered_when_all_are_there_at_the_same_time() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false).with("instances", 2));
    let mut patient = supervisor.client();
    let waits = patient.post("wait", args!["program" => "web", "state" => "running"]);
    supervisor.do_and_wait("start", "web/0");
    supervisor.do_and_wait("stop", "web/0");
    supervisor.do_and_wait("start", "web/1");
    assert_eq!(patient.receive(NOTHING), None, "both have been running, but not together");
    supervisor.do_and_wait("start", "web/0");
    assert_eq!(rows(&patient.reply_to(waits, DEADLINE), "results").len(), 2);
    // What is so already is answered at once.
    supervisor.call("wait", args!["state" => "running", "timeout" => 0]);
}

#[test]
fn wait_needs_a_state_that_exists() {
    let mut supervisor = Supervisor::start();
    assert_eq!(supervisor.refusal("wait", &[]).sentence, "Message is missing 'state' field");
    for state in [Value::from("up"), Value::from(""), Value::Int(3), Value::from("Running")] {
        assert_eq!(supervisor.refusal("wait", args!["state" => state]).code, "bad-argument");
    }
}

#[test]
fn a_command_whose_time_is_over_says_how_things_are() {
    let mut supervisor = Supervisor::start();
    let stubborn = shell("trap '' TERM; while :; do sleep 0.01; done").with("stop_timeout", 0.3);
    let pid = supervisor.create_running("web", &stubborn.with("minimum_run_duration", 0))[0].pid;
    eventually_true("it ignores TERM", || proc::signal_mask(pid, "SigIgn") & (1 << 14) != 0);
    let begun = Instant::now();
    let refused = supervisor.refusal("stop", args!["program" => "web", "wait" => true, "timeout" => "100ms"]);
    // The clock of a request is that of the turn it came in.
    assert!(begun.elapsed() >= Duration::from_millis(50));
    assert_eq!(refused.code, "timeout");
    let [row] = &rows(&refused.reply, "results")[..] else { panic!("one row in {refused:?}") };
    assert_eq!((row.state.as_str(), row.admin_state.as_str(), row.changed), ("stopping", "down", true));
    // The command itself is not called off.
    assert_eq!(supervisor.wait_for("web", "exited")[0].reason(), "did not stop in time and was killed");
}

#[test]
fn time_outs_are_durations_of_at_most_a_day() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper());
    let good = [Value::Int(1), Value::Float(0.5), Value::from("1m"), Value::from("24h"), Value::Int(86_400)];
    for timeout in good {
        supervisor.call("wait", args!["program" => "web", "state" => "running", "timeout" => timeout]);
    }
    let bad = [Value::Int(-1), Value::Int(86_401), Value::Float(f64::NAN), Value::Float(f64::INFINITY)];
    for timeout in bad.into_iter().chain(["soon", "", "25h", "-1s"].map(Value::from)) {
        for method in ["wait", "events", "stop", "shutdown"] {
            let mut arguments = vec![("timeout", timeout.clone())];
            match method {
                "wait" => arguments.push(("state", Value::from("running"))),
                "stop" => arguments.push(("program", Value::from("web"))),
                _ => {}
            }
            assert_eq!(supervisor.refusal(method, &arguments).code, "bad-argument", "{method} {timeout:?}");
        }
    }
    assert_eq!(supervisor.row("web", 0).state, "running");
}

#[test]
fn many_may_wait_for_the_same() {
    const CLIENTS: usize = 20;
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| supervisor.client()).collect();
    let arguments = args!["program" => "web", "state" => "running"];
    let ids: Vec<i64> = clients.iter_mut().map(|client| client.post("wait", arguments)).collect();
    // Requests of one client are taken up in order: then each of them waits.
    clients.iter_mut().for_each(|client| assert!(client.ask("dance", &[]).get("danced").is_some()));
    supervisor.do_and_wait("start", "web");
    for (client, id) in clients.iter().zip(ids) {
        assert_eq!(rows(&client.reply_to(id, DEADLINE), "results").len(), 1);
    }
}

#[test]
fn a_client_that_goes_while_it_waits_harms_nobody() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    for _ in 0..3 {
        let mut gone = supervisor.client();
        gone.post("wait", args!["program" => "web", "state" => "running"]);
        gone.post("events", args!["since" => 1_000_000, "timeout" => 60]);
        assert!(gone.ask("dance", &[]).get("danced").is_some());
    }
    supervisor.do_and_wait("start", "web");
    assert_eq!(supervisor.row("web", 0).state, "running");
    assert_eq!(supervisor.try_wait(), None);
}

/// A reply that waits is no longer possible when the instance is gone: the time-out says so.
#[test]
fn waiting_for_what_is_removed_ends_with_its_time() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let mut patient = supervisor.client();
    let waits = patient.post("wait", args!["program" => "web", "state" => "running", "timeout" => 0.3]);
    assert!(patient.ask("dance", &[]).get("danced").is_some());
    supervisor.call("remove", args!["program" => "web"]);
    let reply = patient.reply_to(waits, DEADLINE);
    assert_eq!(text(&reply, "code"), "timeout");
    assert_eq!(rows(&reply, "results")[0].reason(), "removed");
}

#[test]
fn more_than_may_wait_are_busy() {
    const MAX: usize = 4096;
    const CLIENTS: usize = 16;
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &sleeper().with("start", false));
    let arguments = args!["program" => "web", "state" => "running"];
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| supervisor.client()).collect();
    for client in &mut clients {
        for _ in 0..MAX / CLIENTS {
            client.post("wait", arguments);
        }
        // Requests of one client are taken up in order: then all of them wait.
        assert!(client.ask("dance", &[]).get("danced").is_some());
    }
    assert_eq!(supervisor.refusal("wait", arguments).code, "busy");
    assert!(supervisor.call("dance", &[]).get("danced").is_some());
    supervisor.command("start", args!["program" => "web"]);
    for client in &clients {
        let replies = (0..MAX / CLIENTS).map(|_| client.receive(DEADLINE).expect("a reply"));
        assert!(replies.into_iter().all(|reply| reply.get("results").is_some()));
    }
}
