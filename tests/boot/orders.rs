//! Orders that come from outside: keys, and signals.

use crate::means;

const SLEEPER: &str = "
    [program.web]
    command = \"/procnanny\"
    args = [\"events\", \"-f\"]
    minimum_run_duration = 0
    [program.up]
    command = \"/procnanny\"
    args = [\"status\", \"web\"]
    requires = [\"web\"]
    restart = \"never\"
    stdout = \"inherit\"
";

#[test]
fn ctrl_alt_del_reboots_in_order() {
    let means = means!();
    let mut machine = means.boot_plain(SLEEPER);
    machine.expect("web/0");
    machine.order("sendkey ctrl-alt-delete");
    machine.expect_reboot();
}

/// As a host asks its guests to end: the kernel tells of the button in no way of its own, without a driver for it; a
/// program does, by a signal.
#[test]
fn a_machine_halts_by_the_word_of_a_program() {
    let means = means!();
    let end = "
        [program.end]
        command = \"/procnanny\"
        args = [\"shutdown\", \"--halt\"]
        requires = [\"web\"]
    ";
    let mut machine = means.boot_plain(&format!("{SLEEPER}{end}"));
    machine.expect_order("halt", "System halted");
}
