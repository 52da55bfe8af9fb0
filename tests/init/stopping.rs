//! A command that does not heed SIGTERM.

use super::inits::{Place, own, places};

const DEAF: &str = "trap '' TERM INT; echo ready; while :; do sleep 0.01; done";

#[test]
fn a_command_that_does_not_heed_term_is_killed_in_time_and_its_group_with_it() {
    for place in places() {
        let running = own(&["--stop-timeout", "200ms"]).start_ready(place, DEAF);
        running.send(libc::SIGTERM);
        let ran = running.wait();
        assert_eq!(ran.status.code(), Some(128 + libc::SIGKILL), "{place:?}");
        assert!(ran.stderr.contains("has not ended in time, and is killed"), "{ran:?}");
    }
}

#[test]
fn the_time_counts_from_the_first_term_that_arrives_as_whatever() {
    let options = ["--stop-timeout", "100ms", "-r", "TERM:INT"];
    let running = own(&options).start_ready(Place::Here, DEAF);
    running.send(libc::SIGTERM);
    running.send(libc::SIGTERM);
    assert_eq!(running.wait().status.code(), Some(128 + libc::SIGKILL));
}

#[test]
fn a_term_that_is_dropped_asks_for_nothing_and_other_signals_neither() {
    let options = ["--stop-timeout", "1ms", "-r", "TERM:0"];
    let script = "trap 'exit 8' USR1; trap : INT; echo ready; while :; do sleep 0.01; done";
    let running = own(&options).start_ready(Place::Here, script);
    running.send(libc::SIGTERM);
    running.send(libc::SIGINT);
    // It would be killed by now.
    std::thread::sleep(std::time::Duration::from_millis(100));
    running.send(libc::SIGUSR1);
    assert_eq!(running.wait().status.code(), Some(8));
}

#[test]
fn a_command_that_heeds_term_has_the_time_it_needs() {
    let script = "trap 'sleep 0.1; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
    let running = own(&["--stop-timeout", "1h"]).start_ready(Place::Here, script);
    running.send(libc::SIGTERM);
    assert_eq!(running.wait().status.code(), Some(3));
}
