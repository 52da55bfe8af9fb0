//! The first process of a pid namespace: as much of a machine as it is.

use super::common::{Launcher, Supervisor, eventually, is_root, proc, sleeper};
use crate::{args, skip};
use procnanny::sys::process::{Pid, kill};
use procnanny::sys::signals::signal_number;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

/// Runs what follows as the first process of a pid namespace, with mounts of its own, after a script has prepared them.
fn contained(script: &str) -> Launcher {
    let shell = format!("exec unshare -pmf --mount-proc --kill-child sh -c '{script} exec \"$@\"' sh \"$@\"");
    Launcher::new().through_shell(&shell).flag("--boot")
}

/// Whether there can be such a namespace here.
fn can_contain() -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["-pmf", "--mount-proc", "true"]).stderr(Stdio::null());
    is_root() && probe.status().is_ok_and(|status| status.success())
}

macro_rules! container {
    () => {
        if !can_contain() {
            skip!("no pid namespace with mounts of its own can be made here");
        }
    };
}

/// The first process in there, seen from here.
fn first(supervisor: &Supervisor) -> i32 {
    eventually("the first process", super::common::DEADLINE, || {
        proc::children(supervisor.pid()).first().copied()
    })
}

#[test]
fn what_is_missing_is_mounted_and_what_is_there_stays() {
    container!();
    let mut supervisor =
        contained("for place in /dev/shm /proc; do while umount -l $place; do :; done 2>&-; done;").start();
    let mounts = fs::read_to_string(format!("/proc/{}/mounts", first(&supervisor))).unwrap();
    let proc = mounts.lines().rfind(|line| line.starts_with("proc /proc ")).unwrap();
    assert!(proc.contains("rw,nosuid,nodev,noexec"), "{mounts}");
    let shared: Vec<&str> = mounts.lines().filter(|line| line.contains(" /dev/shm ")).collect();
    assert!(
        shared.last().is_some_and(|line| line.starts_with("tmpfs ") && line.contains("nosuid,nodev")),
        "{mounts}"
    );
    assert_eq!(
        mounts.matches(" /sys sysfs ").count(),
        fs::read_to_string("/proc/mounts").unwrap().matches(" /sys sysfs ").count()
    );
    assert_eq!(supervisor.stderr(), "");
    supervisor.create_running("web", &sleeper());
    supervisor.call("shutdown", args![]);
    assert_eq!(supervisor.wait().code(), Some(0));
}

#[test]
fn what_cannot_be_mounted_is_told_and_it_goes_on() {
    container!();
    let mut supervisor =
        contained("while umount -l /dev/shm; do :; done 2>&-; set -- setpriv --bounding-set -sys_admin,-sys_boot \"$@\";").start();
    eventually("a complaint", super::common::DEADLINE, || {
        supervisor
            .stderr()
            .contains("procnanny: cannot mount tmpfs on /dev/shm: Operation not permitted")
            .then_some(())
    });
    supervisor.create_running("web", &sleeper());
    // Nor may it end its namespace otherwise than by its exit.
    kill(Pid::new(first(&supervisor)).unwrap(), libc::SIGTERM).unwrap();
    assert_eq!(supervisor.wait().code(), Some(0));
    let told = supervisor.stderr();
    assert!(
        told.contains("cannot reboot this container, which ends all the same: Operation not permitted"),
        "{told}"
    );
}

/// The kernel tells the parent of the first process by the signal that ended that: reboot(2).
#[test]
fn a_signal_ends_it_as_it_would_end_a_machine() {
    container!();
    for (name, told) in [
        ("TERM", libc::SIGHUP),
        ("INT", libc::SIGHUP),
        ("RTMIN+5", libc::SIGHUP),
        ("USR1", libc::SIGINT),
        ("USR2", libc::SIGINT),
        ("PWR", libc::SIGINT),
        ("RTMIN+3", libc::SIGINT),
        ("RTMIN+4", libc::SIGINT),
    ] {
        let mut supervisor = contained("").start();
        supervisor.create_running("web", &sleeper());
        kill(Pid::new(first(&supervisor)).unwrap(), signal_number(name).unwrap()).unwrap();
        assert_eq!(supervisor.wait().signal(), Some(told), "{name}: {}", supervisor.stderr());
    }
}

#[test]
fn a_request_ends_it_as_it_would_end_a_machine() {
    container!();
    for (word, told) in [("reboot", libc::SIGHUP), ("poweroff", libc::SIGINT), ("halt", libc::SIGINT)] {
        let mut supervisor = contained("").start();
        supervisor.call("shutdown", args!["then" => word]);
        assert_eq!(supervisor.wait().signal(), Some(told), "{word}: {}", supervisor.stderr());
    }
}

#[test]
fn its_own_end_has_an_exit_code() {
    container!();
    let mut supervisor = contained("")
        .configuration("supervisor.exit_when = \"any-failed\"\n[program.a]\ncommand = \"/bin/sh\"\nargs = [\"-c\", \"exit 7\"]\nrestart = \"never\"")
        .spawn();
    assert_eq!(supervisor.wait().code(), Some(7), "{}", supervisor.stderr());
}

/// Its engine sees that, and starts it again.
#[test]
fn a_mistake_ends_it() {
    container!();
    let mut supervisor = contained("").configuration("[program.web]\ncomand = \"x\"\n").spawn();
    assert_eq!(supervisor.wait().code(), Some(1));
    assert!(supervisor.stderr().contains("did you mean 'command'?"), "{}", supervisor.stderr());
}

#[test]
fn the_console_takes_the_place_of_what_was_closed() {
    container!();
    let launcher = contained("");
    let console = launcher.scratch().join("console");
    fs::write(&console, "").unwrap();
    let script = format!(
        "exec unshare -pmf --mount-proc --kill-child sh -c 'mount --bind {} /dev/console || exit 9; \
         exec \"$@\" <&- >&- 2>&-' sh \"$@\"",
        console.display()
    );
    let supervisor = launcher.through_shell(&script).start();
    let first = first(&supervisor);
    for number in 0..3 {
        assert_eq!(proc::link(first, &format!("fd/{number}")), "/dev/console");
    }
}

#[test]
fn by_the_name_of_init_it_has_the_default_configuration() {
    container!();
    let scratch = super::common::Scratch::new();
    let link = scratch.join("init");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_procnanny"), &link).unwrap();
    let script = "
        mount -t tmpfs none /run && mount -t tmpfs none /etc || exit 9
        mkdir /etc/procnanny
        cat > /etc/procnanny/procnanny.toml
        exec \"$@\"";
    let configuration = "
        supervisor.exit_when = \"any-failed\"
        program.web = { command = \"/bin/sh\", args = [\"-c\", \"exit 5\"], restart = \"never\" }
    ";
    let mut command = Command::new("unshare");
    command.args(["-pmf", "--mount-proc", "--kill-child", "sh", "-c", script, "sh"]).arg(link);
    command.args(["splash", "single"]);
    let input = scratch.join("input");
    fs::write(&input, configuration).unwrap();
    command.stdin(fs::File::open(&input).unwrap());
    assert_eq!(super::tool::run(command).status.code(), Some(5));
}

/// A container that shares its host's name must not change it.
#[test]
fn the_name_of_a_host_is_left_alone() {
    container!();
    let before = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let configuration = "supervisor.hostname = \"not-the-host\"";
    let supervisor = contained("").configuration(configuration).start();
    assert!(supervisor.stderr().contains("this container has its host's"), "{}", supervisor.stderr());
    drop(supervisor);
    assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), before);
    // With a name of its own it has it.
    let own = "exec unshare -pmuf --mount-proc --kill-child \"$@\"";
    let supervisor = contained("").through_shell(own).configuration(configuration).start();
    let mut look = Command::new("nsenter");
    look.args(["-t", &first(&supervisor).to_string(), "-u", "cat", "/proc/sys/kernel/hostname"]);
    assert_eq!(super::tool::run(look).expect_done(), "not-the-host\n");
}
