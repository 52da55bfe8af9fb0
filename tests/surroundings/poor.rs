//! Where there is little: nothing to write to, no /proc, no /dev/null, no name for the user, few descriptors.

use crate::common::{DEADLINE, Launcher, Scratch, eventually, eventually_true, is_root, lines, proc};
use crate::skip;
use crate::tool::{Background, Ran, run};
use nix::sys::signal::Signal;
use std::fs;
use std::process::{Command, Stdio};

/// Programs of a configuration that are no more than `procnanny` itself, in a root that has nothing else.
const ONLY_OURSELVES: &str = r#"
    [supervisor]
    exit_when = "any-failed"

    [program.shown]
    command = "/procnanny"
    args = ["states"]
    restart = "never"
    stdout = "inherit"

    [program.dropped]
    command = "/procnanny"
    args = ["states"]
    restart = "never"
    stdout = "null"

    [program.last]
    command = "/procnanny"
    args = ["init", "--no-such-option"]
    restart = "never"
    requires = ["shown:completed", "dropped:completed"]
    stderr = "null"
"#;

/// A root with the program in it and that configuration.
fn root() -> Option<Scratch> {
    let scratch = Scratch::new();
    if !is_root() || !scratch.make_nearly_empty_root() {
        return None;
    }
    fs::write(scratch.join("procnanny.toml"), ONLY_OURSELVES).unwrap();
    Some(scratch)
}

fn in_root(root: &Scratch, redirected: &str, words: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let script = format!("exec env \"PATH=/:$PATH\" chroot \"$@\" {redirected}");
    command.args(["-c", &script, "sh"]).arg(root.path()).args(words).stdin(Stdio::null());
    command
}

/// This and nothing else was said; or nothing at all.
#[track_caller]
fn expect_only(stderr: &str, words: &str, is_said: bool) {
    let begins = stderr.starts_with(&format!("procnanny: {words}"));
    assert!(begins == is_said && stderr.lines().count() == usize::from(is_said), "{stderr}");
}

#[test]
fn in_an_empty_root_without_proc_and_dev_null() {
    let Some(root) = root() else {
        skip!("chroot takes root, and ldd has to find the libraries of the program")
    };
    for options in [&["--no-rpc"][..], &["--no-rpc", "--prefix"], &["--runtime-dir", "/run", "--prefix"]] {
        let words = [&["/procnanny", "run"], options, &["/procnanny.toml"]].concat();
        let ran = run(in_root(&root, "", &words));
        // What was to be thrown away was no error to who wrote it, so that the last one was started.
        assert_eq!(ran.status.code(), Some(2), "{options:?}: {ran:?}");
        let nobody_can_ask = options.contains(&"--no-rpc");
        expect_only(&ran.stderr, "last/0, now exited: exited with code 2", nobody_can_ask);
        let prefix = if options.contains(&"--prefix") { "shown/0 | " } else { "" };
        let count = ran.stdout.lines().filter(|line| line.starts_with(prefix)).count();
        assert!(count > 20 && count == ran.stdout.lines().count(), "{options:?}: {ran:?}");
    }
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        let words = ["/procnanny", "run", "--no-rpc", "/procnanny.toml"];
        let Ran { status, stderr, .. } = run(in_root(&root, closed, &words));
        assert_eq!(status.code(), Some(2), "{closed}: {stderr}");
        expect_only(&stderr, "last/0, now exited: exited with code 2", !closed.contains('2'));
    }
}

/// Whatever becomes of the name that it was called by, and without /proc, there is always another logger.
#[test]
fn the_logger_is_started_when_the_program_has_no_name_any_more() {
    let Some(root) = root() else {
        skip!("chroot takes root, and ldd has to find the libraries of the program")
    };
    for (name, words) in [("/other", &["/other"][..]), ("/bin/../third", &["third"])] {
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::copy(root.join("procnanny"), root.join(name.rsplit('/').next().unwrap())).unwrap();
        let program = "again=/procnanny states";
        let options = ["run", "--no-rpc", "--prefix", "--program", program, "/none"];
        let words = [words, &options].concat();
        fs::create_dir_all(root.join("none")).unwrap();
        fs::write(
            root.join("none/a.toml"),
            "[program.tick]\ncommand = '/procnanny'\nargs = ['--version']\nstdout = 'inherit'\n\
             minimum_run_duration = 0\nrestart_delay = '50ms'\nbackoff_min = '50ms'\nbackoff_max = '50ms'\n",
        )
        .unwrap();
        let command = in_root(&root, "", &words);
        let running = Background::start(command);
        running.line();
        let file = root.join(name.rsplit('/').next().unwrap());
        fs::remove_file(file).unwrap();
        for _ in 0..2 {
            let logger = eventually("there is a logger", DEADLINE, || {
                proc::own_children(running.pid(), "logger").first().copied()
            });
            assert!(proc::send(logger, Signal::SIGKILL));
            eventually_true("it is gone", || !proc::is_alive(logger));
            // What was in the pipe, and what its successor takes.
            for _ in 0..20 {
                assert!(running.line().starts_with("tick/0 | procnanny "));
            }
        }
        running.signal(Signal::SIGTERM);
        assert_eq!(running.wait().status.code(), Some(0));
    }
}

/// A shell that makes the file system of a mount namespace read-only, without /proc and, if asked, with nothing in /dev;
/// leaves one directory that can be written to, if asked; and becomes nobody in particular, with an empty environment.
const NARROW: &str = r#"
mount --make-rprivate / && mount -o remount,bind,ro / || exit 90
mount -t tmpfs none /tmp && cp "$1" /tmp/procnanny && printf %s "$2" > /tmp/procnanny.toml || exit 90
mkdir -m 755 /tmp/one && mount -t tmpfs -o uid=54321,mode=755 none /tmp/one || exit 90
mount -o remount,ro /tmp || exit 90
for directory in /var/tmp /dev/shm /run; do mount -t tmpfs -o ro none $directory || exit 90; done
[ "$3" = one ] || mount -o remount,ro /tmp/one || exit 90
[ "$4" = dev ] || mount -t tmpfs -o ro none /dev || exit 90
umount -l /proc || exit 90
[ -e /proc/self ] && exit 90
shift 4
cd /
exec env -i PATH="$PATH" setpriv --reuid 54321 --regid 54321 --clear-groups "$@"
"#;

/// Programs that look around, of which the last ends it all with 7.
const LOOKERS: &str = r#"
    [supervisor]
    exit_when = "any-failed"

    [program.a]
    command = "sh"
    args = ["-c", "echo uid $(id -u) home ${HOME-none}; read word; echo read $?; [ -w /tmp ] || echo no file"]
    restart = "never"
    stdout = "inherit"
    stderr = "inherit"

    [program.b]
    command = "sh"
    args = ["-c", "echo thrown away && exit 7"]
    restart = "never"
    requires = ["a:completed"]
    stdout = "null"
"#;

fn narrow(namespaces: &[&str], writable: &str, dev: &str, text: &str, words: &[&str]) -> Ran {
    let mut command = Command::new("unshare");
    command.args(namespaces).args(["sh", "-c", NARROW, "sh", env!("CARGO_BIN_EXE_procnanny"), text]);
    command.args([writable, dev]).args(words).stdin(Stdio::null()).current_dir("/");
    run(command)
}

#[test]
fn as_any_user_on_a_read_only_root_without_proc() {
    if !is_root() {
        skip!("to be another user takes root");
    }

    for namespaces in [&["-m"][..], &["-mpf", "--kill-child"]] {
        for dev in ["dev", "no dev"] {
            let run = ["/tmp/procnanny", "run", "--no-rpc", "--prefix", "/tmp/procnanny.toml"];
            let ran = narrow(namespaces, "none", dev, LOOKERS, &run);
            if matches!(ran.status.code(), Some(1 | 90)) {
                skip!("the mounts cannot be made here: {ran:?}");
            }
            let said = "a/0 | uid 54321 home none\na/0 | read 1\na/0 | no file\n";
            assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(7), said), "{ran:?}");
            expect_only(&ran.stderr, "b/0, now exited: exited with code 7", true);
        }
    }
}

#[test]
fn without_a_place_for_its_sockets_it_says_what_to_do() {
    if !is_root() {
        skip!("to be another user takes root");
    }
    let run = ["/tmp/procnanny", "run", "/tmp/procnanny.toml"];
    let ran = narrow(&["-m"], "none", "dev", "", &run);
    if ran.status.code() == Some(90) {
        skip!("the mounts cannot be made here: {ran:?}");
    }
    let sentence = ran.expect_only_error(1);
    for part in ["/tmp/procnanny-54321", "Read-only", "--runtime-dir", "--no-rpc"] {
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[test]
fn with_a_single_writable_directory() {
    if !is_root() {
        skip!("to be another user takes root");
    }
    let text = "[program.web]\ncommand = 'sleep'\nargs = ['3600']\nminimum_run_duration = 0\n";
    let script = r#"
        /tmp/procnanny run --runtime-dir /tmp/one /tmp/procnanny.toml &
        export PROCNANNY_RPC=ipc:///tmp/one/rpc
        for try in $(seq 200); do /tmp/procnanny status web 2>/tmp/one/why && break; sleep 0.05; done
        /tmp/procnanny shutdown && wait $! && rm /tmp/one/why && ls /tmp/one"#;
    let ran = narrow(&["-m"], "one", "dev", text, &["sh", "-c", script]);
    if ran.status.code() == Some(90) {
        skip!("the mounts cannot be made here: {ran:?}");
    }
    let printed = ran.expect_done();
    assert!(printed.contains("web/0") && printed.ends_with("lock\n"), "{printed}");
}

#[test]
fn whatever_it_inherited_programs_start_clean() {
    let hostile = ["--ignore-signal", "--block-signal"];
    if !Command::new("env").args(hostile).arg("true").status().is_ok_and(|status| status.success()) {
        skip!("env cannot ignore and block signals");
    }
    let scratch = Scratch::new();
    let script = "exec env --ignore-signal --block-signal \"$@\" <&- 5</dev/null 6>/dev/null";
    let mut supervisor = Launcher::new()
        .no_rpc()
        .through_shell(script)
        .configuration(&format!(
            "[program.web]\ncommand = 'sh'\nargs = ['-c', 'echo $$ >> {}; exec sleep 3600']\nstdout = 'inherit'\n",
            scratch.text("web")
        ))
        .spawn();
    let pid: i32 = lines(&scratch.join("web"), 1)[0].parse().unwrap();
    for mask in ["SigBlk", "SigIgn", "SigCgt"] {
        eventually_true("a clean process", || proc::signal_mask(pid, mask) == 0);
    }
    proc::expect_descriptors(
        pid,
        &[
            (0, "/dev/null"),
            (1, supervisor.scratch().text("stdout").as_str()),
            (2, proc::link(pid, "fd/2").as_str()),
        ],
    );
    // Its death is seen, though the kernel was told to reap children by itself.
    assert!(proc::send(pid, Signal::SIGKILL));
    lines(&scratch.join("web"), 2);
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
}

#[test]
fn that_only_few_files_can_be_open_is_told() {
    let scratch = Scratch::new();
    let mut supervisor = Launcher::new()
        .no_rpc()
        .through_shell("ulimit -n 24; exec \"$@\"")
        .program(&format!("web=sh -c 'echo $$ >> {}; exec sleep 3600'", scratch.text("web")))
        .spawn();
    lines(&scratch.join("web"), 1);
    let told = supervisor.stderr();
    assert!(told.starts_with("procnanny: only 24 files can be open") && told.contains("ulimit -n"), "{told}");
    supervisor.signal(Signal::SIGTERM);
    assert_eq!(supervisor.wait().code(), Some(0));
}
