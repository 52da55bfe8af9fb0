//! `exit_when`: the supervisor ends by itself, and its exit code tells how.

use super::common::{Launcher, Supervisor, deaf, proc, shell, sleeper};
use crate::args;
use nix::sys::signal::Signal;

fn ends(when: &str, programs: &str) -> Supervisor {
    let text = format!("[supervisor]\nexit_when = '{when}'\nshutdown_timeout = '500ms'\n{programs}");
    Launcher::new().configuration(&text).spawn()
}

fn program(name: &str, script: &str, more: &str) -> String {
    format!("[program.{name}]\ncommand = 'sh'\nargs = ['-c', '{script}']\n{more}\n")
}

#[test]
fn all_done_is_success_when_everything_was() {
    let one = program("one", "exit 0", "restart = 'never'");
    let two = program("two", "sleep 0.2", "restart = 'on-failure'\ninstances = 3");
    let mut supervisor = ends("all-done", &format!("{one}{two}"));
    assert_eq!(supervisor.wait().code(), Some(0));
    supervisor.expect_no_processes();
}

#[test]
fn all_done_tells_of_a_failure() {
    let one = program("one", "sleep 0.2; exit 0", "restart = 'never'");
    let two = program("two", "exit 7", "restart = 'never'");
    assert_eq!(ends("all-done", &format!("{one}{two}")).wait().code(), Some(7));
    let killed = program("one", "kill -TERM $$", "restart = 'never'");
    assert_eq!(ends("all-done", &killed).wait().code(), Some(128 + 15));
}

#[test]
fn any_failed_ends_everything_with_its_code() {
    let stays = program("stays", "exec sleep 3600", "");
    let mut supervisor =
        ends("any-failed", &(program("fails", "sleep 0.1; exit 3", "restart = 'never'") + &stays));
    assert_eq!(supervisor.wait().code(), Some(3));
    supervisor.expect_no_processes();
    let gives_up = program("fails", "exit 4", "give_up_after = 2\nbackoff_min = 0.01");
    assert_eq!(ends("any-failed", &(gives_up + &stays)).wait().code(), Some(4));
    let not_there = "[program.fails]\ncommand = '/nonexistent'\nrestart = 'never'\n";
    assert_eq!(ends("any-failed", not_there).wait().code(), Some(127));
}

#[test]
fn what_is_no_failure_for_good_ends_nothing() {
    let restarted = program("restarted", "exit 1", "backoff_min = 0.01\nbackoff_max = 0.01");
    let held = program("held", "exit 1", "flap_max = 0\nbackoff_min = 3600\nbackoff_max = 3600");
    let done = program("done", "exit 0", "restart = 'never'");
    let mut supervisor = ends("any-failed", &(restarted + &done + &held)).await_answer();
    supervisor.until("restarted", 0, "it has failed and is tried again", |row| row.start_count > 4);
    // Stopped while it waits for its next start: by an operator, and not for good.
    supervisor.do_and_wait("stop", "restarted");
    supervisor.wait_for("held", "backoff");
    supervisor.do_and_wait("stop", "held");
    assert_eq!(supervisor.row("done", 0).state, "exited");
    supervisor.create_running("another", &sleeper());
    supervisor.do_and_wait("stop", "another");
    assert_eq!(supervisor.try_wait(), None);
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
}

#[test]
fn all_done_does_not_come_before_anything_was_wanted() {
    let mut supervisor = ends("all-done", &program("later", "exit 0", "autostart = false")).await_answer();
    supervisor.create("never", &shell("exit 1").with("autostart", false));
    assert_eq!(supervisor.row("later", 0).state, "new");
    // A program in the place of another: for a moment nothing is wanted.
    supervisor.create_running("old", &sleeper());
    supervisor.create_running("new", &sleeper());
    supervisor.call("remove", args!["program" => "old", "force" => true]);
    assert_eq!(supervisor.try_wait(), None);
    supervisor.command("stop", args!["program" => "new"]);
    assert_eq!(supervisor.wait().code(), Some(0));
}

#[test]
fn a_reload_that_replaces_everything_is_not_the_end() {
    // More than are stopped in one turn of its loop: after the last of them, nothing is wanted for a turn.
    let first = program("first", "exec sleep 3600", "minimum_run_duration = 0\ninstances = 128");
    let mut supervisor = ends("all-done", &first).await_answer();
    supervisor.wait_for("first", "running");
    let second = program("second", "exec sleep 3600", "minimum_run_duration = 0");
    supervisor.configure(&format!("[supervisor]\nexit_when = 'all-done'\n{second}"));
    supervisor.call("reload", &[]);
    let pid = supervisor.wait_for("second", "running")[0].pid;
    assert!(proc::is_alive(pid));
    supervisor.command("stop", args!["program" => "second"]);
    assert_eq!(supervisor.wait().code(), Some(0));
}

#[test]
fn a_signal_while_it_ends_does_not_change_the_code() {
    let fails = program("fails", "sleep 0.1; exit 9", "restart = 'never'");
    let text = format!("[supervisor]\nexit_when = 'any-failed'\n{fails}");
    let mut supervisor = Launcher::new().configuration(&text).start();
    supervisor.create("deaf", &deaf());
    supervisor.until("deaf", 0, "it is told to stop", |row| row.state == "stopping");
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(9));
}
