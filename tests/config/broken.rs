//! Broken files of every kind: all that is wrong is told, with its place, and nothing is started.

use super::common::{EventSource, Launcher, Scratch, proc};
use super::tool::{Ran, run, tool};
use crate::skip;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;

/// What `check` and `run` say of a file of this text: the same, with the path of the file as `FILE`.
#[track_caller]
fn told(text: impl AsRef<[u8]>) -> String {
    let scratch = Scratch::new();
    fs::write(scratch.join("a.toml"), text).unwrap();
    told_of(&scratch, "a.toml")
}

/// The same of what is at a path in a directory.
#[track_caller]
fn told_of(scratch: &Scratch, name: &str) -> String {
    let (path, dir) = (scratch.text(name), scratch.text("run"));
    let without_end = |ran: &Ran, end: &str| {
        assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
        ran.stderr.strip_suffix(end).unwrap_or_else(|| panic!("{ran:?}")).to_string()
    };
    let checked = without_end(&run(tool(&["check", &path])), " in the configuration\n");
    let ran = run(tool(&["run", "--runtime-dir", &dir, &path]));
    assert_eq!(without_end(&ran, " in the configuration; nothing was started\n"), checked);
    assert!(!scratch.join("run").exists(), "nothing was even begun");
    checked.replace(&path, "FILE").replace(&scratch.text(""), "DIR/")
}

#[test]
fn every_mistake_is_told_at_once_with_its_line_and_a_mark() {
    let text =
        "[program.web]\ncommand = \"x\"\n\tinstancs = 3\nnice = \"grün\" # ü\n\n[program.db]\nargs = [1]\n";
    assert_eq!(
        told(text),
        "FILE:3:2: there is no setting 'instancs'; did you mean 'instances'?\n\
        \x20 3 |  instancs = 3\n\
        \x20   |  ^^^^^^^^\n\
         FILE:4:8: 'nice' is \"grün\", expected a whole number from -20 to 19\n\
        \x20 4 | nice = \"grün\" # ü\n\
        \x20   |        ^^^^^^\n\
         FILE:7:9: 'args' is [1], expected an array of strings without NUL bytes\n\
        \x20 7 | args = [1]\n\
        \x20   |         ^\n\
         procnanny: 3 mistakes"
    );
}

#[test]
fn syntax_errors_are_told_with_their_places() {
    let told = told("[program.web]\ncommand = \"x\nargs = [\"a\"\n\n[program.\n");
    for part in ["FILE:2:13: ", "  2 | command = \"x\n", "FILE:5:1: ", "  5 | [program.\n", "2 mistakes"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_file_that_is_half_written_is_refused() {
    let whole = "[program.web]\ncommand = \"sleep\"\nargs = [\"3600\"]\n";
    // Wherever it is cut there is either a mistake, or less of it.
    for length in [3, 12, 20, 25, 40, whole.len() - 2] {
        let told = told(&whole[..length]);
        assert!(told.starts_with("FILE:"), "{length}: {told}");
    }
}

#[test]
fn a_program_in_two_files_is_told_of_with_both() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("conf")).unwrap();
    fs::write(scratch.join("conf/a.toml"), "\n[program.web]\ncommand='x'\n").unwrap();
    fs::write(scratch.join("conf/b.toml"), "[program.db]\ncommand='x'\n[program.web]\ncommand='y'\n")
        .unwrap();
    assert_eq!(
        told_of(&scratch, "conf"),
        "FILE/b.toml:3:10: program 'web' is in FILE/a.toml:2 already\n\
        \x20 3 | [program.web]\n\
        \x20   |          ^^^\n\
         procnanny: 1 mistake"
    );
}

#[test]
fn mistakes_of_all_files_are_told() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("programs.d")).unwrap();
    fs::write(scratch.join("a.toml"), "[supervisor]\nexit_when = 'x'\n").unwrap();
    fs::write(scratch.join("programs.d/1.toml"), "= 1").unwrap();
    fs::write(scratch.join("programs.d/2.toml"), "[program.web]\nuser = 'rooot'\n").unwrap();
    fs::write(scratch.join("programs.d/3.toml"), b"\xff").unwrap();
    let told = told_of(&scratch, "a.toml");
    for part in [
        "FILE:2:13: 'exit_when' is \"x\", expected \"never\", \"all-done\" or \"any-failed\"\n",
        "DIR/programs.d/1.toml:1:1: ",
        "DIR/programs.d/2.toml:2:8: 'user' is \"rooot\", expected a user of /etc/passwd or a number; did you mean 'root'?\n",
        "DIR/programs.d/3.toml:1:1: here is a byte that is not UTF-8",
        "4 mistakes",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn files_that_are_none_are_refused_in_words() {
    let scratch = Scratch::new();
    assert_eq!(
        told_of(&scratch, "missing"),
        "FILE: cannot be read: No such file or directory\nprocnanny: 1 mistake"
    );
    // To open it would wait for a writer.
    mkfifo(&scratch.join("fifo"), Mode::S_IRWXU).unwrap();
    assert_eq!(told_of(&scratch, "fifo"), "FILE: is no regular file\nprocnanny: 1 mistake");
    let names = ["a.toml", "b.toml"];
    fs::create_dir_all(scratch.join("dir/a.toml")).unwrap();
    mkfifo(&scratch.join("dir/b.toml"), Mode::S_IRWXU).unwrap();
    let told = told_of(&scratch, "dir");
    assert!(names.iter().all(|name| told.contains(&format!("FILE/{name}: is "))), "{told}");
}

#[test]
fn a_huge_file_is_refused_without_reading_it() {
    let scratch = Scratch::new();
    // Nothing of it is on the disk.
    File::create(scratch.join("huge.toml")).unwrap().set_len(100 << 20).unwrap();
    let told = told_of(&scratch, "huge.toml");
    assert!(told.starts_with("FILE: has 104857600 bytes, a configuration has at most 4194304"), "{told}");
    // With less memory than that.
    let script = format!("ulimit -v 65536; exec '{}' check \"$1\"", env!("CARGO_BIN_EXE_procnanny"));
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", &script, "sh", &scratch.text("huge.toml")]);
    assert!(run(shell).stderr.contains("has 104857600 bytes"));
}

#[test]
fn an_ordinary_user_is_told_what_it_may_not_read() {
    let launcher = Launcher::new().configuration("").ordinary_user();
    let path = launcher.scratch().join("procnanny.toml");
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    let mut supervisor = launcher.spawn();
    assert_eq!(supervisor.wait().code(), Some(1));
    let told = supervisor.stderr();
    assert!(told.contains(&format!("{}: cannot be read: Permission denied", path.display())), "{told}");
}

#[test]
fn garbage_is_told_in_few_lines_and_does_no_harm() {
    let told = told("\u{1b}[2J= \u{7f}\u{1}".repeat(50_000));
    assert!(!told.contains(['\u{1b}', '\u{7f}', '\u{1}']) && told.len() < 100_000, "{told}");
    let rows: String = (0..500).map(|row| format!("zzzzzz{row} = 1\n")).collect();
    let told = self::told(format!("[program.web]\n{rows}"));
    assert!(told.ends_with("procnanny: 500 mistakes, of which 100 are shown,"), "{told}");
}

#[test]
fn a_program_of_the_command_line_that_a_file_has_is_told_of_with_both() {
    let scratch = Scratch::new();
    fs::write(scratch.join("a.toml"), "[program.web]\ncommand = 'sleep'\n").unwrap();
    let (path, dir) = (scratch.text("a.toml"), scratch.text("run"));
    let ran = run(tool(&["run", &path, "--runtime-dir", &dir, "--program", "web=sleep 1"]));
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        ran.stderr.starts_with(&format!("{path}:1:1: program 'web' is on the command line too")),
        "{ran:?}"
    );
}

#[test]
fn without_a_place_to_look_there_is_nothing_to_check() {
    if super::common::is_root() {
        skip!("root's place is the machine's own");
    }
    let mut command = tool(&["check"]);
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    let ran = run(command);
    assert!(ran.expect_only_error(1).contains("/nonexistent/procnanny/procnanny.toml"), "{ran:?}");
}

#[test]
fn a_reload_of_a_file_that_is_no_file_any_more_changes_nothing() {
    let mut supervisor = Launcher::new()
        .configuration("[program.web]\ncommand='sleep'\nargs=['3600']\nminimum_run_duration=0\n")
        .start();
    let before = supervisor.wait_for("web", "running");
    let path = supervisor.scratch().join("procnanny.toml");
    for replace in [
        (|path| fs::remove_file(path).unwrap()) as fn(&std::path::Path),
        |path| mkfifo(path, Mode::S_IRWXU).unwrap(),
        |path| {
            fs::remove_file(path).unwrap();
            File::create(path).unwrap().set_len(100 << 20).unwrap();
        },
        |path| fs::write(path, b"[program.web]\n\xff").unwrap(),
    ] {
        replace(&path);
        let refusal = supervisor.refusal("reload", &[]);
        assert_eq!(refusal.code, "bad-config");
        let mut events = supervisor.events();
        supervisor.signal(Signal::SIGHUP);
        events.expect_event("reload_failed");
        assert_eq!(supervisor.rows("web")[0].pid, before[0].pid);
    }
    assert!(proc::is_alive(before[0].pid));
}
