//! Whatever it was started with, it works, and the command starts clean; and it leaves others alone.

use super::common::{Scratch, eventually_true, is_root, proc};
use super::inits::{Place, own, places};
use super::tool::run;
use crate::skip;
use std::process::{Command, Stdio};

/// `procnanny init` behind a shell that prepares something, in front of a command.
fn prepared(script: &str, options: &[&str], words: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).args(own(options).0).args(words).stdin(Stdio::null());
    command
}

#[test]
fn with_closed_standard_descriptors() {
    let scratch = Scratch::new();
    let list = format!("ls -l /proc/$$/fd > {}; exit 3", scratch.join("list").display());
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        let status = prepared(&format!("exec \"$@\" {closed}"), &[], &["sh", "-c", &list]).status().unwrap();
        assert_eq!(status.code(), Some(3), "{closed}");
        let list = std::fs::read_to_string(scratch.join("list")).unwrap();
        let opened = closed.split(' ').count();
        assert!(list.matches("/dev/null").count() >= opened, "{closed}: {list}");
        assert!(
            [" 0 -> ", " 1 -> ", " 2 -> "].iter().all(|number| list.contains(number)),
            "{closed}: {list}"
        );
    }
}

#[test]
fn the_command_gets_the_standard_descriptors_and_no_others() {
    let running = own(&[]).start_ready(Place::Here, "echo ready; exec sleep 60");
    let open: Vec<i32> = proc::descriptors(running.child()).into_iter().map(|(number, _)| number).collect();
    eventually_true("three are open", || proc::descriptors(running.child()).len() == 3);
    assert!(open.starts_with(&[0, 1, 2]), "{open:?}");
}

#[test]
fn with_signals_ignored_and_blocked() {
    let hostile = ["--ignore-signal", "--block-signal"];
    if !Command::new("env").args(hostile).arg("true").status().is_ok_and(|status| status.success()) {
        skip!("env cannot ignore and block signals");
    }
    for place in places() {
        let mut init = own(&[]);
        init.0.splice(0..0, ["env", "--ignore-signal", "--block-signal"].map(str::to_string));
        let script = "(exit 4 &); (exit 5); [ $? = 5 ] || exit 9; echo ready; exec sleep 60";
        let running = init.start_ready(place, script);
        let child = running.child();
        for mask in ["SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"] {
            eventually_true("a clean process", || proc::signal_mask(child, mask) == 0);
        }
        running.send(libc::SIGTERM);
        assert_eq!(running.wait().status.code(), Some(143), "{place:?}");
    }
}

#[test]
fn with_nobody_who_reads_what_it_says() {
    // Standard error is a pipe without a reader: each warning is an EPIPE, and a SIGPIPE to itself, none of which is
    // the command's business.
    let script =
        "sleep 0.2; (: & :); (: & :); kill -USR1 $PPID; trap 'echo pipe' PIPE; sleep 0.2; echo end; exit 0";
    let mut init = own(&["-v"]);
    init.0.extend(["sh".to_string(), "-c".to_string(), format!("trap '' USR1; {script}")]);
    let mut command = Command::new("sh");
    command.args(["-c", "{ \"$@\" 2>&1 >&3 | true; } 3>&1", "sh"]).args(&init.0).stdin(Stdio::null());
    assert_eq!(run(command).expect_done(), "end\n");
}

/// Each line is read only when all has been written: more than a pipe holds.
#[test]
fn with_somebody_who_does_not_read_what_it_says() {
    let script = "i=0; while [ $i -lt 3000 ]; do (: & :); i=$((i + 1)); done; exit 8";
    let mut child =
        own(&["-v"]).command(Place::Here, &["sh", "-c", script]).stderr(Stdio::piped()).spawn().unwrap();
    let unread = child.stderr.take();
    let status =
        super::common::eventually("it ends", 3 * super::common::DEADLINE, || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(8));
    drop(unread);
}

/// A shell that makes the file system of a mount namespace read-only, and one without /proc, and becomes nobody in
/// particular. The program is copied to where anybody may execute it.
const NARROW: &str = "
mount --make-rprivate / && mount -o remount,bind,ro / || exit 90
mount -t tmpfs none /tmp && cp \"$1\" /tmp/procnanny && mount -o remount,ro /tmp || exit 93
for directory in /var/tmp /dev/shm /run; do mount -t tmpfs -o ro none $directory; done
umount -l /proc || exit 91
[ -e /proc/self ] && exit 92
shift
exec setpriv --reuid 54321 --regid 54321 --clear-groups /tmp/procnanny \"$@\"
";

#[test]
fn as_any_user_on_a_read_only_root_without_proc() {
    if !is_root() {
        skip!("to be another user takes root");
    }
    let script = "
        (: & :); (: & :)
        (: > /tmp/file) 2>/dev/null && exit 80
        [ $(id -u) = 54321 ] || exit 81
        kill -TERM $PPID
        exec sleep 60";
    for words in [&["unshare", "-m"][..], &["unshare", "-mpf", "--kill-child"]] {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(["sh", "-c", NARROW, "sh"])
            .args(own(&[]).0)
            .args(["sh", "-c", script]);
        command.stdin(Stdio::null()).current_dir("/");
        let ran = run(command);
        if matches!(ran.status.code(), Some(1 | 90..=93)) {
            skip!("the mounts cannot be made here: {ran:?}");
        }
        assert_eq!(ran.status.code(), Some(143), "{words:?}: {ran:?}");
    }
}

#[test]
fn in_an_empty_root_with_closed_standard_descriptors() {
    if !is_root() {
        skip!("chroot takes root");
    }
    let scratch = Scratch::new();
    if !scratch.make_nearly_empty_root() {
        skip!("the libraries of the program cannot be found");
    }
    for closed in ["", "<&-", "<&- >&-", "<&- >&- 2>&-"] {
        let script = format!("exec chroot \"$@\" {closed}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(scratch.path()).args(["/procnanny", "init", "-e", "2", "--"]);
        command.args(["/procnanny", "init", "--no-such-option"]);
        assert_eq!(run(command).status.code(), Some(0), "{closed}");
    }
}

fn strace() -> Option<&'static str> {
    Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .status()
        .ok()
        .filter(|it| it.success())?;
    Some("strace")
}

/// The system calls of an init and of no other process, by lines.
fn traced(options: &[&str], script: &str) -> Option<Vec<String>> {
    let scratch = Scratch::new();
    let mut command = Command::new(strace()?);
    command.args(["-qq", "-o", &scratch.text("trace")]).args(own(options).0).args(["sh", "-c", script]);
    let ran = run(command);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let trace = std::fs::read_to_string(scratch.join("trace")).unwrap();
    Some(trace.lines().map(str::to_string).collect())
}

#[test]
fn nothing_wakes_it_while_nothing_happens() {
    // It is idle for as long as the command sleeps: one call that waits, and it ends with the command.
    for options in [&[][..], &["--stop-timeout", "1s"]] {
        let Some(trace) = traced(options, "exec sleep 1.5") else {
            skip!("strace is missing, or may not trace")
        };
        let waits: Vec<&String> = trace.iter().filter(|line| line.contains("rt_sigtimedwait")).collect();
        assert_eq!(waits.len(), 1, "{waits:?}");
        assert!(waits[0].contains("SIGCHLD"), "{waits:?}");
    }
}

#[test]
fn nobody_but_the_command_is_ever_signalled() {
    let script = "
        trap : USR1 HUP CONT TERM
        for signal in USR1 HUP CONT TERM WINCH; do kill -$signal $PPID; done
        (: & :); (sh -c 'kill -USR1 $$' & :)
        (sleep 0.1; kill -CONT $$) & kill -STOP $$
        sleep 0.3
        exit 0";
    for options in [&[][..], &["-g"], &["-r", "USR1:USR2", "-g"]] {
        let script = if options.contains(&"-r") {
            script.replace("trap :", "trap : USR2")
        } else {
            script.to_string()
        };
        let Some(trace) = traced(options, &script) else { skip!("strace is missing, or may not trace") };
        let child = trace.iter().find_map(|line| line.strip_prefix("setpgid(")?.split(',').next()).unwrap();
        let own_targets = [format!("kill({child}, "), format!("kill(-{child}, ")];
        let signals: Vec<&String> = trace.iter().filter(|line| line.contains("kill(")).collect();
        assert!(signals.len() >= 5, "{signals:?}");
        for signal in signals {
            assert!(own_targets.iter().any(|target| signal.starts_with(target)), "{signal}");
        }
    }
}

#[test]
fn it_has_no_thread() {
    let running = own(&[]).start_ready(Place::Here, "echo ready; exec sleep 60");
    let init = running.pid();
    assert_eq!(proc::status_line(init, "Threads"), "1");
    running.send(libc::SIGTERM);
    assert_eq!(running.wait().status.code(), Some(143));
}
