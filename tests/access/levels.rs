//! Access levels: every method on an endpoint of each level.

use crate::common::{Client, Launcher, Supervisor, sleeper};
use crate::wire::{array, methods, text};

const LEVELS: [&str; 3] = ["read", "control", "admin"];

/// A supervisor with an endpoint of each level, in this order.
fn with_all_levels() -> (Supervisor, [String; 3]) {
    let launcher = Launcher::new();
    let run = launcher.scratch().join("run");
    // The last is the default endpoint by its path, which the fixtures use.
    let paths = LEVELS.map(|level| run.join(if level == "admin" { "rpc" } else { level }));
    let endpoints = paths.map(|path| format!("ipc://{}", path.display()));
    let launcher = LEVELS.iter().zip(&endpoints).fold(launcher, |launcher, (level, endpoint)| {
        launcher.endpoint(&format!("{endpoint},access={level}"))
    });
    (launcher.start(), endpoints)
}

#[test]
fn every_method_needs_its_level_and_gets_no_further_below() {
    let (mut supervisor, endpoints) = with_all_levels();
    supervisor.create_running("web", &sleeper());
    let methods = methods(&mut supervisor.client());
    let rank = |level: &str| LEVELS.iter().position(|known| *known == level).expect("a level");
    for (given, endpoint) in endpoints.iter().enumerate() {
        let mut client = Client::connect(endpoint);
        for method in &methods {
            // An argument that no method has: what is allowed is refused by its arguments, and nothing happens.
            let mut arguments = method.minimal("web");
            arguments.push(("zzzzzzzzzz", procnanny::wire::value::Value::Nil));
            arguments.push(("yyyyyyyyyy", procnanny::wire::value::Value::Int(1)));
            let refused = client.refusal(&method.name, &arguments);
            let allowed = rank(&method.access) <= given;
            let expected = if allowed { "bad-argument" } else { "forbidden" };
            assert_eq!(refused.code, expected, "{} over {}", method.name, LEVELS[given]);
            if !allowed {
                let sentence = format!(
                    "'{}' needs an endpoint with {} access, this one gives {}",
                    method.name, method.access, LEVELS[given]
                );
                assert_eq!(refused.sentence, sentence);
            }
        }
    }
}

#[test]
fn the_levels_are_those_of_the_manual_page() {
    let mut supervisor = Supervisor::start();
    let of_level = |level: &str| {
        let methods = methods(&mut supervisor.client());
        let mut names: Vec<String> =
            methods.into_iter().filter(|method| method.access == level).map(|method| method.name).collect();
        names.sort();
        names.join(" ")
    };
    let levels = LEVELS.map(of_level);
    assert_eq!(levels[0], "dance events history info list methods metrics status tail wait why");
    assert_eq!(levels[1], "kill once reopen reset restart scale signal start stop transition");
    assert_eq!(levels[2], "create reload remove shutdown update");
    assert_eq!(supervisor.try_wait(), None);
}

#[test]
fn a_level_allows_what_it_is_for() {
    let (mut supervisor, [read, control, _]) = with_all_levels();
    let before = supervisor.create_running("web", &sleeper());
    let program = crate::args!["program" => "web", "wait" => true];
    let mut reader = Client::connect(&read);
    assert_eq!(reader.list(&[]).len(), 1);
    assert_eq!(reader.refusal("stop", program).code, "forbidden");
    assert_eq!(supervisor.row("web", 0).pid, before[0].pid, "it was not stopped");
    let mut controller = Client::connect(&control);
    assert_ne!(controller.command("restart", program)[0].pid, before[0].pid);
    let create = crate::args!["program" => "another", "command" => "true"];
    assert_eq!(controller.refusal("create", create).code, "forbidden");
    assert_eq!(controller.refusal("shutdown", &[]).code, "forbidden");
    assert_eq!(supervisor.rows("*").len(), 1);
    // Who may not know whether there is such a method is told so all the same.
    assert_eq!(reader.refusal("fizzle", &[]).code, "no-such-method");
}

#[test]
fn loopback_over_tcp_is_for_reading_unless_told_otherwise() {
    let launcher = Launcher::new();
    let file = format!("ipc://{}", launcher.scratch().join("run").join("rpc").display());
    let launcher = launcher.endpoint(&file).endpoint("tcp://127.0.0.1:*");
    let mut supervisor = launcher.endpoint("tcp://127.0.0.1:*,access=control").start();
    supervisor.create_running("web", &sleeper());
    let info = supervisor.call("info", &[]);
    let endpoints: Vec<&str> = array(&info, "endpoints").iter().map(|it| text(it, "endpoint")).collect();
    let mut reader = Client::connect(endpoints[1]);
    assert_eq!(reader.list(&[]).len(), 1);
    assert_eq!(reader.refusal("stop", crate::args!["program" => "web"]).code, "forbidden");
    let mut controller = Client::connect(endpoints[2]);
    assert_eq!(controller.command("stop", crate::args!["program" => "web"]).len(), 1);
    assert_eq!(controller.refusal("shutdown", &[]).code, "forbidden");
    assert_eq!(supervisor.call("dance", &[]).as_map().map(<[_]>::len), Some(2));
}

#[test]
fn loopback_of_the_sixth_version_works_too() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        crate::skip!("there is no IPv6 here");
    }
    let launcher = Launcher::new();
    let file = format!("ipc://{}", launcher.scratch().join("run").join("rpc").display());
    let mut supervisor = launcher.endpoint(&file).endpoint("tcp://[::1]:*").start();
    let info = supervisor.call("info", &[]);
    let endpoint = text(&array(&info, "endpoints")[1], "endpoint").to_string();
    let client = zmq::Context::new().socket(zmq::DEALER).unwrap();
    client.set_linger(0).unwrap();
    client.set_ipv6(true).unwrap();
    client.set_rcvtimeo(20_000).unwrap();
    client.connect(&endpoint).unwrap();
    let reply = crate::wire::reply_to(&client, &crate::wire::encoded(&crate::wire::request("list", &[])));
    assert!(array(&reply, "instances").is_empty());
}
