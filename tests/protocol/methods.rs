//! `methods` is enough to build a client from, and the manual page says the same.

use crate::common::{Supervisor, sleeper};
use crate::wire::{Method, methods};
use procnanny::wire::value::Value;
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../man/procnanny-rpc.7");
const PROGRAM: &str = "web";

fn supervisor() -> (Supervisor, Vec<Method>) {
    let mut supervisor = Supervisor::start();
    supervisor.create_running(PROGRAM, &sleeper().with("stdout", "log"));
    let methods = methods(&mut supervisor.client());
    (supervisor, methods)
}

#[test]
fn every_method_is_described() {
    let (_supervisor, methods) = supervisor();
    let names: BTreeSet<&str> = methods.iter().map(|method| method.name.as_str()).collect();
    let expected = "create dance events history info kill list methods metrics once reload remove reopen reset \
                    restart scale shutdown signal start status stop tail transition update wait why";
    assert_eq!(names, expected.split(' ').collect());
    for method in &methods {
        assert!(["read", "control", "admin"].contains(&method.access.as_str()), "{method:?}");
        assert!(method.doc.ends_with('.'), "{method:?}");
        for argument in &method.arguments {
            assert!(argument.doc.ends_with('.') && !argument.kind.is_empty(), "{method:?}");
        }
    }
}

/// Shutdown comes last, after which there is nobody to answer.
#[test]
fn every_method_that_is_described_is_answered() {
    let (mut supervisor, mut methods) = supervisor();
    methods.sort_by_key(|method| (method.name == "shutdown", method.name == "remove", method.name.clone()));
    for method in &methods {
        let mut arguments = method.minimal(if method.name == "create" { "another" } else { PROGRAM });
        match method.name.as_str() {
            "remove" => arguments.push(("force", Value::Bool(true))),
            "update" => arguments.push(("description", Value::from("changed"))),
            // A state that does not come about here.
            "wait" => arguments = vec![("state", Value::from("backoff")), ("timeout", Value::Int(0))],
            _ => {}
        }
        let reply = supervisor.client().ask(&method.name, &arguments);
        let code = reply.get("code").and_then(Value::text);
        let expected = (method.name == "wait").then_some("timeout");
        assert_eq!(code, expected, "{} {arguments:?}: {reply:?}", method.name);
    }
    assert!(supervisor.wait().success());
}

#[test]
fn each_argument_that_is_required_is_missed_by_its_name() {
    let (mut supervisor, methods) = supervisor();
    let mut missed = 0;
    for method in &methods {
        for missing in method.arguments.iter().filter(|argument| argument.required) {
            let arguments = method.minimal(PROGRAM);
            let without: Vec<_> = arguments.into_iter().filter(|(name, _)| *name != missing.name).collect();
            let refused = supervisor.refusal(&method.name, &without);
            let sentence = format!("Message is missing '{}' field", missing.name);
            assert_eq!(
                (refused.code.as_str(), refused.sentence),
                ("bad-argument", sentence),
                "{}",
                method.name
            );
            missed += 1;
        }
    }
    assert!(missed >= 12, "{missed}");
}

#[test]
fn no_argument_is_taken_that_is_not_described() {
    let (mut supervisor, methods) = supervisor();
    for method in &methods {
        let mut arguments = method.minimal(PROGRAM);
        arguments.push(("zzzzzzzzzz", Value::Bool(true)));
        let refused = supervisor.refusal(&method.name, &arguments);
        assert_eq!(refused.code, "bad-argument", "{}", method.name);
        assert!(refused.sentence.contains("\"zzzzzzzzzz\""), "{refused:?}");
    }
}

#[test]
fn create_takes_the_settings_that_update_takes() {
    let (_supervisor, methods) = supervisor();
    let names = |name: &str| -> BTreeSet<String> {
        let method = methods.iter().find(|method| method.name == name).unwrap();
        method.arguments.iter().map(|argument| argument.name.clone()).collect()
    };
    let (create, update) = (names("create"), names("update"));
    let only_create: Vec<&String> = create.difference(&update).collect();
    assert_eq!(only_create, ["start"]);
    assert_eq!(update.difference(&create).count(), 0);
    let settings = "args autostart backoff_max backoff_min command description directory env flap_max give_up_after \
                    group instances ionice kill_leftovers minimum_run_duration nice restart restart_delay stderr stdout \
                    stop_scope stop_signal stop_timeout success_exit_codes user";
    assert!(settings.split(' ').all(|setting| create.contains(setting)), "{create:?}");
}

#[test]
fn the_manual_page_names_every_method_argument_type_and_field() {
    let (mut supervisor, methods) = supervisor();
    let page = PAGE.replace("\\-", "-");
    let words: BTreeSet<&str> = page.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').collect();
    let mut expected: Vec<String> = Vec::new();
    for method in methods {
        assert!(page.contains(&format!("\n.SS {}\n", method.name)), "no section on {}", method.name);
        expected.extend(method.arguments.iter().map(|argument| argument.name.clone()));
        expected.extend(method.arguments.iter().flat_map(|argument| words_of(&argument.kind)));
    }
    for reply in ["status", "info", "events", "reload"].map(|method| supervisor.call(method, &[])) {
        keys(&reply, &mut expected);
    }
    let codes = "malformed no-such-method bad-argument no-such-program no-such-instance exists not-running forbidden \
                 timeout busy failed bad-config";
    expected.extend(words_of(codes));
    // The one key that is the name of the program here.
    let unknown: Vec<&String> =
        expected.iter().filter(|word| *word != PROGRAM && !words.contains(word.as_str())).collect();
    assert_eq!(unknown, Vec::<&String>::new());
}

fn words_of(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_string).collect()
}

/// All keys of maps that are text, at any depth.
fn keys(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Map(entries) => {
            for (key, value) in entries {
                found.extend(key.text().map(str::to_string));
                keys(value, found);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| keys(element, found)),
        _ => {}
    }
}
