//! Whoever loses its parent below an init is reaped by it.

use super::common::{Scratch, eventually_true, proc};
use super::inits::{Place, own, places};

fn zombies_of(init: i32) -> usize {
    let is_zombie = |pid: &i32| proc::stat(*pid).is_some_and(|stat| stat.state == 'Z');
    proc::children(init).iter().filter(|pid| is_zombie(pid)).count()
}

#[test]
fn five_thousand_orphans_leave_no_zombie() {
    // Each subshell leaves a child behind that outlives it, or not, as it happens.
    let script = "
i=0
while [ $i -lt 5000 ]; do (: & :); i=$((i + 1)); done
echo ready
exec sleep 60";
    for place in places() {
        let running = own(&[]).start_ready(place, script);
        let init = running.pid();
        eventually_true("only the command is left", || proc::children(init).len() == 1);
        assert_eq!(zombies_of(init), 0, "{place:?}");
        running.send(libc::SIGTERM);
        assert_eq!(running.wait().status.code(), Some(143));
    }
}

/// Says so when its parent, whose id it is given, has ended.
const ORPHAN: &str = r#"#!/bin/sh
parent() { cut -d' ' -f4 "/proc/$$/stat"; }
while [ "$(parent)" = "$1" ]; do sleep 0.01; done
echo orphan
exit 4
"#;

#[test]
fn orphans_are_ours_and_a_warning_if_that_is_asked_for() {
    let scratch = Scratch::new();
    let orphan = scratch.program("orphan", ORPHAN, "700");
    let script = format!("sh -c '{} $$ &'; echo ready; exec sleep 60", orphan.display());
    for place in places() {
        let running = own(&["-w"]).start(place, &["sh", "-c", &script]);
        let mut lines = [running.line(), running.line()];
        lines.sort();
        assert_eq!(lines, ["orphan\n", "ready\n"]);
        let warning = running.complaint();
        assert!(warning.starts_with("procnanny: reaped orphan "), "{warning}");
        assert!(warning.ends_with(", which exited with code 4\n"), "{warning}");
        running.send(libc::SIGTERM);
        assert_eq!(running.wait().status.code(), Some(143));
    }
}

#[test]
fn an_orphan_that_lives_on_does_not_keep_the_init() {
    for place in places() {
        // It does not hold our pipes either.
        let ran = own(&[]).shell(place, "(sleep 60 >/dev/null 2>&1 & echo $!); exit 6");
        assert_eq!(ran.status.code(), Some(6), "{place:?}");
        if place == Place::Here {
            proc::send(ran.stdout.trim().parse().unwrap(), nix::sys::signal::Signal::SIGKILL);
        }
    }
}
