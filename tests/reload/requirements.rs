//! Programs of files that require each other: started in order, checked as a whole, and changed as a whole.

use super::common::{EventSource, Launcher, ProgramSettings, Supervisor, eventually_true, sleeper, strings};
use super::{program, reload};
use crate::args;
use procnanny::wire::value::Value;

/// The mistakes that a reload is refused for.
#[track_caller]
fn mistakes(supervisor: &mut Supervisor, text: &str) -> Vec<String> {
    supervisor.configure(text);
    let refusal = supervisor.refusal("reload", &[]);
    assert_eq!(refusal.code, "bad-config");
    let errors = refusal.reply.get("errors").and_then(Value::as_array).unwrap();
    errors.iter().map(|error| error.get("message").and_then(Value::text).unwrap().to_string()).collect()
}

fn requiring(requires: &str) -> ProgramSettings {
    sleeper().with("requires", strings(&[requires]))
}

#[test]
fn the_order_of_a_file_does_not_matter() {
    let text = program("a", "requires = ['b']") + &program("b", "wants = ['c']") + &program("c", "");
    let mut supervisor = Launcher::new().configuration(&text).start();
    supervisor.wait_for("*", "running");
    let mut events = super::common::EventLog::from_the_oldest(supervisor.client());
    for (name, state) in [("c", "starting"), ("c", "running"), ("b", "running"), ("a", "running")] {
        events.until_state(name, 0, state);
    }
}

#[test]
fn cycles_and_unknown_names_are_mistakes_with_their_places() {
    let mut supervisor = Launcher::new().configuration(&program("a", "")).start();
    let before = supervisor.wait_for("a", "running");
    let text = program("a", "requires = ['b']") + &program("b", "requires = ['a', 'cc']") + &program("c", "");
    let told = mistakes(&mut supervisor, &text);
    assert_eq!(
        told,
        [
            "'requires' makes a cycle, in which nothing could start: a -> b -> a",
            "'requires' names 'cc', and there is no such program; did you mean 'c'?",
        ]
    );
    assert_eq!(supervisor.row("a", 0).pid, before[0].pid);
}

#[test]
fn what_others_require_stays_in_the_file() {
    let mut supervisor = Launcher::new().configuration(&program("db", "")).start();
    supervisor.create_running("web", &requiring("db"));
    let told = mistakes(&mut supervisor, "");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("program 'web' is still there: 'requires' names 'db'"), "{told:?}");
    let told = mistakes(&mut supervisor, &program("db", "wants = ['web']"));
    assert!(told[0].contains("db -> web -> db"), "{told:?}");
    // What was missing before is no mistake of the file.
    supervisor.call("remove", args!["program" => "web", "force" => true, "wait" => true]);
    supervisor.create("web", &requiring("db"));
    supervisor.create("x", &sleeper().with("autostart", false));
    supervisor.create("y", &requiring("x"));
    supervisor.call("remove", args!["program" => "x", "force" => true, "wait" => true]);
    reload(&mut supervisor, &(program("db", "") + &program("new", "")));
    supervisor.wait_for("new", "running");
}

#[test]
fn requirements_are_turned_round_in_place() {
    let text = program("a", "requires = ['b']") + &program("b", "");
    let mut supervisor = Launcher::new().configuration(&text).start();
    let before = supervisor.wait_for("*", "running");
    let mut events = supervisor.events();
    reload(&mut supervisor, &(program("a", "") + &program("b", "requires = ['a']")));
    let after = supervisor.rows("*");
    assert!(after.iter().zip(&before).all(|(now, then)| now.pid == then.pid), "{after:?}");
    supervisor.do_and_wait("stop", "*");
    events.until_state("b", 0, "exited");
    events.until_state("a", 0, "stopping");
}

#[test]
fn one_that_is_bound_lives_through_the_removal_of_what_it_no_longer_requires() {
    let text = program("db", "") + &program("web", "requires = ['db']\nbound = true");
    let mut supervisor = Launcher::new().configuration(&text).start();
    let pid = supervisor.wait_for("*", "running")[1].pid;
    let text = program("new", "") + &program("web", "requires = ['new']\nbound = true");
    reload(&mut supervisor, &text);
    supervisor.wait_for("new", "running");
    eventually_true("what is gone has stopped", || supervisor.rows("*").len() == 2);
    assert_eq!(supervisor.row("web", 0).pid, pid);
}
