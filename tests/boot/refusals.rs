//! What is refused to who is not the first process of anything.

use super::common::{DEADLINE, Launcher, Supervisor};
use super::tool::{ask, run, tool};
use crate::args;

#[test]
fn only_a_first_process_boots() {
    let sentence = Launcher::new().flag("--boot").refusal();
    assert!(
        sentence.starts_with(
            "--boot is for the first process of a machine or of a container, and this is process "
        ),
        "{sentence}"
    );
    // By that name alone it is a command like any other.
    let scratch = super::common::Scratch::new();
    let link = scratch.join("init");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_procnanny"), &link).unwrap();
    let mut command = std::process::Command::new(link);
    command.arg("6");
    run(command).expect_only_error(2);
}

#[test]
fn a_supervisor_that_has_no_machine_cannot_end_one() {
    let mut supervisor = Supervisor::start();
    for word in ["--reboot", "--poweroff", "--halt"] {
        let ran = ask(&supervisor, &["shutdown", word]);
        assert!(ran.expect_only_error(1).contains("--boot"), "{ran:?}");
    }
    let refusal = supervisor.refusal("shutdown", args!["then" => "reboot"]);
    assert_eq!(refusal.code, "failed");
    let refusal = supervisor.refusal("shutdown", args!["then" => "sleep"]);
    assert_eq!(refusal.code, "bad-argument");
    assert!(
        refusal.sentence.contains("expected \"reboot\", \"poweroff\" or \"halt\""),
        "{}",
        refusal.sentence
    );
    assert!(super::common::within(DEADLINE / 40, || supervisor.try_wait()).is_none(), "it goes on");
}

#[test]
fn two_ends_exclude_each_other() {
    let ran = run(tool(&["shutdown", "--reboot", "--halt"]));
    assert_eq!(ran.expect_only_error(2), "--reboot and --halt exclude each other; leave one of them out");
}
