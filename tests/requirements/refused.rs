//! What is refused: names that nobody has, cycles, and the removal of what is required.

use crate::args;
use crate::common::{Supervisor, sleeper, strings};
use crate::requiring;

/// `a`, and `b` that requires it, both down.
fn two() -> Supervisor {
    let mut supervisor = Supervisor::start();
    supervisor.create("a", &sleeper().with("autostart", false));
    supervisor.create("b", &requiring(&["a"]).with("autostart", false));
    supervisor
}

#[test]
fn unknown_names_are_refused() {
    let mut supervisor = two();
    let refusal = supervisor.create_refused("web", &requiring(&["a", "bb"]));
    let expected = "'requires' names 'bb', and there is no such program; did you mean 'b'?";
    assert_eq!((refusal.code.as_str(), refusal.sentence.as_str()), ("bad-argument", expected));
    assert_eq!(supervisor.refusal("status", args!["program" => "web"]).code, "no-such-program");
    let refusal =
        supervisor.refusal("update", args!["program" => "a", "requires" => strings(&["x:completed"])]);
    assert!(refusal.sentence.starts_with("'requires' names 'x'"), "{refusal:?}");
    // What is not the name of a program at all.
    for wrong in ["", "w*", "a/0", ":completed"] {
        let refusal = supervisor.create_refused("web", &requiring(&[wrong]));
        assert!(refusal.sentence.contains("'requires' is"), "{wrong}: {refusal:?}");
    }
    let many: Vec<String> = (0..1001).map(|number| format!("p{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(supervisor.create_refused("web", &requiring(&many)).sentence.contains("at most 1000"));
    // Only a want may be in vain.
    supervisor.create("web", &sleeper().with("wants", strings(&["nobody"])));
}

#[test]
fn a_cycle_is_refused_and_printed() {
    let mut supervisor = two();
    let refusal = supervisor.refusal("update", args!["program" => "a", "requires" => strings(&["b"])]);
    let expected = "'requires' makes a cycle, in which nothing could start: a -> b -> a";
    assert_eq!((refusal.code.as_str(), refusal.sentence.as_str()), ("bad-argument", expected));
    let refusal = supervisor.refusal("update", args!["program" => "a", "wants" => strings(&["b:completed"])]);
    assert!(refusal.sentence.starts_with("'wants' makes a cycle"), "{refusal:?}");
    let refusal = supervisor.create_refused("c", &requiring(&["c"]));
    assert!(refusal.sentence.ends_with(": c -> c"), "{refusal:?}");
    // Nothing has changed by that: both start.
    supervisor.do_and_wait("start", "*");
    assert!(supervisor.rows("b")[0].state == "running");
}

#[test]
fn a_cycle_is_closed_by_whom_others_want() {
    let mut supervisor = Supervisor::start();
    supervisor.create("a", &sleeper().with("wants", strings(&["later"])));
    let refusal = supervisor.create_refused("later", &requiring(&["a"]));
    assert!(refusal.sentence.ends_with(": later -> a -> later"), "{refusal:?}");
    supervisor.create_running("later", &sleeper());
}

#[test]
fn what_is_required_is_not_removed() {
    let mut supervisor = two();
    let refusal = supervisor.refusal("remove", args!["program" => "a"]);
    assert_eq!(refusal.code, "busy");
    assert!(refusal.sentence.starts_with("'b' requires program 'a'"), "{refusal:?}");
    supervisor.create("c", &requiring(&["a"]));
    let refusal = supervisor.refusal("remove", args!["program" => "a"]);
    assert!(refusal.sentence.starts_with("'b' and 'c' require program 'a'"), "{refusal:?}");
    supervisor.call("remove", args!["program" => "a", "force" => true, "wait" => true]);
    assert_eq!(supervisor.row("c", 0).reason(), "waits for a, but there is no such program");
    // Those that nobody requires any more go as before, and so do those that are only wanted.
    supervisor.call("remove", args!["program" => "b"]);
    supervisor.create("d", &sleeper().with("autostart", false));
    supervisor.create("e", &sleeper().with("wants", strings(&["d"])));
    supervisor.call("remove", args!["program" => "d"]);
}
