//! A shell on the serial console, as a program of its own.

use super::image::Image;
use super::machine::{Machine, Means, installed};
use crate::{means, skip};
use std::path::Path;

const CONSOLE: &str = "
    [program.console]
    command = \"/bin/sh\"
    args = [\"-i\"]
    tty = \"/dev/ttyS0\"
    stop_signal = \"HUP\"
    minimum_run_duration = 0
    env = { PS1 = \"# \" }
";

fn image(means: &Means, busybox: &Path) -> Image {
    let commands =
        ["sh", "tty", "ps", "kill", "sleep", "cat", "reboot", "poweroff", "halt", "stty", "grep", "setsid"];
    let image = means.image(CONSOLE).directory("bin").program("bin/busybox", busybox);
    commands.iter().fold(image, |image, name| image.link(&format!("bin/{name}"), "busybox"))
}

/// A machine at whose console a shell has said that it is there.
fn boot(means: &Means, busybox: &Path) -> Machine {
    let image = image(means, busybox);
    let mut machine = means.boot(image, "rdinit=/procnanny -- run --boot /procnanny.toml", &[]);
    machine.expect("is the first process of this machine");
    // What is typed before it has taken the terminal is gone with whoever had that before.
    machine.expect("# ");
    machine.type_line("echo up-$((6 * 7))");
    machine.expect("up-42");
    machine
}

#[test]
fn a_shell_has_the_console_and_comes_back_sane() {
    let means = means!();
    let Some(busybox) = installed("busybox") else { skip!("busybox is not installed") };
    let mut machine = boot(&means, &busybox);
    machine.type_line("echo \"[$(tty) $HOME $TERM $PATH]\"");
    machine.expect("[/dev/ttyS0 /root vt220 /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin]");
    // What Ctrl-C reaches: the terminal is that of its session, with a job in the foreground.
    machine.type_line("echo asleep; sleep 3600");
    machine.expect("asleep\r\n");
    machine.press("\x03");
    machine.expect("# ");
    machine.type_line("echo after=$?");
    machine.expect("after=130");
    machine.type_line("stty raw -echo; kill -KILL $$");
    machine.expect("BusyBox");
    machine.expect("# ");
    machine.type_line("echo raw:$(stty -a | grep -c -- -icanon)");
    machine.expect("raw:0");
    // Its own end is followed by another one.
    machine.type_line("exit");
    machine.expect("BusyBox");
    machine.expect("# ");
    machine.type_line("echo third-$((2 + 2))");
    machine.expect("third-4");
    machine.type_line("reboot");
    machine.expect_reboot();
}

/// The commands of busybox send the signals of busybox' init.
#[test]
fn the_habits_of_busybox_are_understood() {
    let means = means!();
    let Some(busybox) = installed("busybox") else { skip!("busybox is not installed") };
    let mut machine = boot(&means, &busybox);
    machine.type_line("poweroff");
    machine.expect_power_off();
    let mut machine = boot(&means, &busybox);
    // What has nobody left to end it, and does not heed what is asked of it.
    machine.type_line("(trap '' HUP TERM INT; exec sleep 3600) & halt");
    machine.expect_order("halt", "System halted");
}

/// Instead of a panic of the kernel, it begins anew, and nothing runs twice.
#[test]
fn a_crash_of_the_first_process_is_not_the_end() {
    let means = means!();
    let Some(busybox) = installed("busybox") else { skip!("busybox is not installed") };
    let mut machine = boot(&means, &busybox);
    for signal in ["SEGV", "ABRT"] {
        machine.type_line("setsid sleep 3600 & sleep 1");
        machine.expect("# ");
        machine.type_line(&format!("kill -{signal} 1"));
        machine.expect("procnanny: crashed; it begins anew in a second");
        machine.expect(&format!("procnanny had crashed (SIG{signal})"));
        machine.expect("BusyBox");
        machine.expect("# ");
        machine.type_line("echo left:$(ps | grep -c '[s]leep 3600')");
        machine.expect("left:0");
        machine.expect("# ");
    }
    machine.order("sendkey ctrl-alt-delete");
    machine.expect_reboot();
}
