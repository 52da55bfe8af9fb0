//! `procnanny init` where there is nothing else.

use super::root::Root;

#[test]
fn it_ends_as_its_command_did() {
    let Some(root) = Root::new() else { return };
    let states = root.done(&["init", "--", "/procnanny", "states"]);
    assert!(states.starts_with("FROM"), "{states}");
    assert_eq!(root.run(&["init", "--", "/procnanny", "no-such-command"]).status.code(), Some(2));
    let missing = root.run(&["init", "--", "sleep", "1"]);
    assert!(missing.expect_error(127).contains("it is in no directory of PATH"), "{missing:?}");
}

#[test]
fn what_asks_nobody_works() {
    let Some(root) = Root::new() else { return };
    assert!(root.done(&["--version"]).starts_with("procnanny "));
    assert!(root.done(&["--help"]).contains("Usage"));
    assert!(root.done(&["states", "--dot"]).starts_with("digraph"));
    root.run(&["status"]).expect_only_error(5);
    root.run(&["keygen"]).expect_error(1);
}
