//! A machine with nothing in its image but procnanny and a configuration: its commands are the programs.

use super::image::Image;
use crate::means;

/// A program whose main process crashes, what happens then, and at last an order to the machine from one of its
/// programs. One of them asks over 127.0.0.1, so that there is such an address.
const STORY: &str = r#"
    [supervisor]
    hostname = "shed-1"
    rpc = ["ipc:///run/procnanny/rpc", "tcp://127.0.0.1:3333"]

    [program.web]
    command = "/procnanny"
    args = ["metrics", "--listen", "127.0.0.1:9275"]
    minimum_run_duration = "100ms"

    [program.crash]
    command = "/procnanny"
    args = ["signal", "ABRT", "web"]
    restart = "never"
    requires = ["web"]

    [[hook]]
    on = ["running->exited"]
    program = "web"
    command = "/procnanny"
    args = ["start", "--no-wait", "tell"]

    [program.tell]
    command = "/procnanny"
    args = ["--rpc", "tcp://127.0.0.1:3333", "history", "web"]
    autostart = false
    restart = "never"
    requires = ["web"]
    stdout = "inherit"

    # What is no configuration is shown line by line, and so any file can be looked at.
    [program.name]
    command = "/procnanny"
    args = ["check", "/proc/sys/kernel/hostname"]
    success_exit_codes = [1]
    restart = "never"
    requires = ["tell:completed"]
    stderr = "inherit"

    [program.mounts]
    command = "/procnanny"
    args = ["check", "/proc/self/mounts"]
    success_exit_codes = [1]
    restart = "never"
    requires = ["name:completed"]
    stderr = "inherit"

    [program.end]
    command = "/procnanny"
    args = ["shutdown", "--reboot"]
    requires = ["mounts:completed"]
"#;

#[test]
fn programs_run_a_crash_restarts_and_a_program_reboots_the_machine() {
    let means = means!();
    let mut machine = means.boot_plain(STORY);
    machine.expect("is the first process of this machine");
    // The history of a run that was killed, by the one that came after it: it waits until that is running.
    machine.expect("SIGABRT");
    machine.expect("shed-1");
    let mounts = machine.expect("mistakes in the configuration");
    for mount in [
        "proc /proc proc rw,nosuid,nodev,noexec",
        "sysfs /sys sysfs rw,nosuid,nodev,noexec",
        "devtmpfs /dev devtmpfs rw,nosuid,noexec",
        "devpts /dev/pts devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666",
        "tmpfs /dev/shm tmpfs rw,nosuid,nodev",
        "tmpfs /run tmpfs rw,nosuid,nodev,relatime",
        "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate",
    ] {
        assert!(mounts.contains(mount), "{mount}: {mounts}");
    }
    machine.expect_reboot();
    assert!(!machine.console().contains("procnanny: cannot"), "{}", machine.console());
}

#[test]
fn by_the_name_of_init_it_boots_with_the_default_configuration() {
    let means = means!();
    let configuration = "
        [program.end]
        command = \"/init\"
        args = [\"shutdown\", \"--poweroff\"]
        requires = [\"name:completed\"]
        [program.name]
        command = \"/init\"
        args = [\"check\", \"/proc/sys/kernel/hostname\"]
        success_exit_codes = [1, 2]
        restart = \"never\"
        stderr = \"inherit\"
    ";
    let image = Image::default()
        .program("procnanny", &means.program)
        .link("init", "procnanny")
        .directory("etc")
        .file("etc/hostname", "# from a file\nshed-2\n")
        .directory("etc/procnanny")
        .file("etc/procnanny/procnanny.toml", configuration);
    // Words that the kernel does not know, it hands on.
    let mut machine = means.boot(image, "splash single -z", &[]);
    machine.expect("is the first process of this machine");
    machine.expect("shed-2");
    machine.expect_power_off();
    assert!(!machine.console().contains("procnanny: cannot"), "{}", machine.console());
}

#[test]
fn what_is_done_when_everything_is_done_is_to_switch_off() {
    let means = means!();
    let mut machine = means.boot_plain(
        "
        supervisor.exit_when = \"all-done\"
        [program.look]
        command = \"/procnanny\"
        args = [\"status\"]
        restart = \"never\"
    ",
    );
    machine.expect_power_off();
}
