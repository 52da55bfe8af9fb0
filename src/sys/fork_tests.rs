//! Real children: what they become, what they report, what they inherit.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::unistd::{pipe, write};

use super::super::limits::{self, Limit, LimitValues};
use super::super::plan::{Blueprint, ChildDescriptor, ChildPlan, Credentials, Stream};
use super::super::poll::{Poller, Ready};
use super::super::priority::{self, IoClass, IoPriority};
use super::super::process::{kill, kill_group, own_effective_uid};
use super::super::scheduling::{CpuMask, SchedulingPolicy};
use super::super::signals;
use super::super::test_support::{await_end, end, in_child};
use super::super::wait::{Ended, Ending, peek, peek_any, reap};
use super::*;

fn strings(texts: &[&str]) -> Vec<CString> {
    texts.iter().map(|text| CString::new(*text).unwrap()).collect()
}

/// Executes the first of these with all of them as arguments, everything else as it is with us.
fn blueprint<'fd>(command: &[&str]) -> Blueprint<'fd> {
    let path = command.first().unwrap();
    let candidates = if path.contains('/') {
        strings(&[path])
    } else {
        strings(&[&format!("/nonexistent/{path}"), &format!("/usr/bin/{path}"), &format!("/bin/{path}")])
    };
    Blueprint {
        candidates,
        arguments: strings(command),
        environment: strings(&["PATH=/usr/bin:/bin", "LC_ALL=C"]),
        ..Blueprint::default()
    }
}

fn settled(status: &OwnedFd) -> ExecStatus {
    let poller = Poller::new().unwrap();
    poller.add(status.as_fd(), 0).unwrap();
    loop {
        match read_status(status.as_fd()) {
            ExecStatus::Pending => poller.wait(&mut Ready::with_capacity(1), None).unwrap(),
            settled => return settled,
        }
    }
}

fn run(blueprint: Blueprint<'_>) -> (ExecStatus, Ending) {
    let spawned = spawn(ChildPlan::new(blueprint)).unwrap();
    (settled(&spawned.status), end(spawned.pid))
}

#[test]
fn variables_that_hold_its_own_id_are_filled_in_by_the_child() {
    let (reader, writer) = pipe().unwrap();
    let environment = strings(&["A_PID=1", "A_PIDS=2", "PATH=/usr/bin:/bin"]);
    let script = r#"echo "$$ $A_PID $OUR_PID $A_PIDS""#;
    let spawned = spawn(ChildPlan::new(Blueprint {
        environment,
        own_pid: vec!["A_PID", "OUR_PID"],
        stdout: ChildDescriptor::From(writer.as_fd()),
        ..blueprint(&["sh", "-c", script])
    }));
    let spawned = spawned.unwrap();
    assert_eq!(settled(&spawned.status), ExecStatus::Executed);
    assert_eq!(end(spawned.pid), Ending::Exited(0));
    let mut told = [0; 128];
    let length = nix::unistd::read(&reader, &mut told).unwrap();
    let pid = spawned.pid;
    assert_eq!(std::str::from_utf8(&told[..length]).unwrap(), format!("{pid} {pid} {pid} 2\n"));
}

fn failed(step: Step, errno: Errno) -> ExecStatus {
    ExecStatus::Failed(StepError { step, errno })
}

/// What it prints, if it succeeds.
fn output(blueprint: Blueprint<'_>) -> (Pid, String) {
    let (reader, writer) = pipe().unwrap();
    let mut text = String::new();
    let printing = Blueprint { stdout: ChildDescriptor::From(writer.as_fd()), ..blueprint };
    let spawned = spawn(ChildPlan::new(printing)).unwrap();
    drop(writer);
    File::from(reader).read_to_string(&mut text).unwrap();
    assert_eq!(settled(&spawned.status), ExecStatus::Executed);
    assert_eq!(end(spawned.pid), Ending::Exited(0));
    (spawned.pid, text)
}

/// The value of this line of `/proc/PID/status`.
fn line<'a>(status: &'a str, name: &str) -> &'a str {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap().trim()
}

#[test]
fn a_program_is_executed() {
    assert_eq!(run(blueprint(&["true"])), (ExecStatus::Executed, Ending::Exited(0)));
    assert_eq!(run(blueprint(&["false"])), (ExecStatus::Executed, Ending::Exited(1)));
    assert_eq!(output(blueprint(&["env"])).1, "PATH=/usr/bin:/bin\nLC_ALL=C\n");
}

#[test]
fn what_cannot_be_executed_is_reported() {
    let missing = (failed(Step::Exec, Errno::ENOENT), Ending::Exited(127));
    assert_eq!(run(blueprint(&["/nonexistent/program"])), missing);
    assert_eq!(run(blueprint(&["no-such-program"])), missing);
    assert_eq!(run(Blueprint { candidates: Vec::new(), ..blueprint(&["true"]) }), missing);
    let not_directory = (failed(Step::Exec, Errno::ENOTDIR), Ending::Exited(127));
    assert_eq!(run(blueprint(&["/etc/passwd/program"])), not_directory);
    let denied = (failed(Step::Exec, Errno::EACCES), Ending::Exited(126));
    assert_eq!(run(blueprint(&["/"])), denied);
    assert_eq!(run(blueprint(&["/etc/passwd"])), denied);
}

#[test]
fn candidates_are_tried_in_order() {
    let tried = |paths| run(Blueprint { candidates: strings(paths), ..blueprint(&["true"]) });
    let executed = (ExecStatus::Executed, Ending::Exited(0));
    assert_eq!(
        tried(&["/etc/passwd", "/etc/passwd/x", "/nonexistent/x", "/bin/true", "/bin/false"]),
        executed
    );
    let denied = (failed(Step::Exec, Errno::EACCES), Ending::Exited(126));
    assert_eq!(tried(&["/nonexistent/x", "/etc/passwd", "/nonexistent/y"]), denied);
    let long = format!("/{}", "x".repeat(300));
    assert_eq!(tried(&[&long, "/bin/true"]), executed);
}

#[test]
fn the_directory_is_changed_or_its_absence_reported() {
    let at =
        |directory| Blueprint { directory: Some(CString::new(directory).unwrap()), ..blueprint(&["pwd"]) };
    assert_eq!(output(at("/proc")).1, "/proc\n");
    assert_eq!(run(at("/nonexistent")), (failed(Step::Directory, Errno::ENOENT), Ending::Exited(126)));
}

#[test]
fn only_the_standard_descriptors_are_inherited() {
    let (_reader, writer) = pipe().unwrap();
    // SAFETY: only numbers; the duplicate, far up and not close-on-exec, is closed below.
    let leak = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_DUPFD, 900) };
    assert!(leak >= 900);
    // The fourth is the directory that is being listed.
    assert_eq!(output(blueprint(&["ls", "/proc/self/fd"])).1, "0\n1\n2\n3\n");
    // SAFETY: ours, and not used any more.
    unsafe { libc::close(leak) };
}

#[test]
fn standard_descriptors_may_change_places() {
    // SAFETY: the standard descriptors are open for as long as the tests run.
    let [stdin, stderr] = [0, 2].map(|descriptor| unsafe { BorrowedFd::borrow_raw(descriptor) });
    let swapped = |shown| {
        let mut blueprint = blueprint(&["readlink", shown]);
        blueprint.stdin = ChildDescriptor::From(stderr);
        blueprint.stderr = ChildDescriptor::From(stdin);
        output(blueprint).1.trim_end().to_owned()
    };
    let ours =
        |descriptor| fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap().display().to_string();
    assert_eq!(swapped("/proc/self/fd/0"), ours(2));
    assert_eq!(swapped("/proc/self/fd/2"), ours(0));
}

#[test]
fn output_and_errors_may_be_joined() {
    let (reader, writer) = pipe().unwrap();
    let mut joined = blueprint(&["sh", "-c", "echo a; echo b >&2"]);
    joined.stdout = ChildDescriptor::From(writer.as_fd());
    joined.stderr = ChildDescriptor::From(writer.as_fd());
    assert_eq!(run(joined), (ExecStatus::Executed, Ending::Exited(0)));
    drop(writer);
    let mut text = String::new();
    File::from(reader).read_to_string(&mut text).unwrap();
    assert_eq!(text, "a\nb\n");
}

#[test]
fn closed_standard_descriptors_become_dev_null() {
    let outcome = in_child(|| {
        // SAFETY: only numbers and a structure to be filled. The child is about to end.
        unsafe {
            libc::close(0);
            libc::close(2);
            libc::fcntl(1, libc::F_SETFD, libc::FD_CLOEXEC);
            if child::place([Stream::Inherit; 3]).is_err() {
                return 1;
            }
            for descriptor in [0, 2] {
                let mut status: libc::stat = std::mem::zeroed();
                if libc::fstat(descriptor, &raw mut status) != 0 || status.st_rdev != libc::makedev(1, 3) {
                    return 2;
                }
            }
            if libc::fcntl(1, libc::F_GETFD) != 0 {
                return 3;
            }
        }
        0
    });
    assert_eq!(outcome, Ending::Exited(0));
}

#[test]
fn without_close_range_descriptors_are_closed_all_the_same() {
    let outcome = in_child(|| {
        // SAFETY: only numbers. The child is about to end.
        unsafe {
            let kept = libc::fcntl(0, libc::F_DUPFD, 500);
            let below = libc::fcntl(0, libc::F_DUPFD, 300);
            let above = libc::fcntl(0, libc::F_DUPFD, 700);
            let closed = child::close_one_by_one(&[], child::Own { report: kept, executable: None }).is_ok();
            let open = |descriptor| libc::fcntl(descriptor, libc::F_GETFD) >= 0;
            i32::from(
                !(closed && open(0) && open(1) && open(2) && open(kept) && !open(below) && !open(above)),
            )
        }
    });
    assert_eq!(outcome, Ending::Exited(0));
}

/// A pipe that holds these words and then ends.
fn holding(words: &str) -> OwnedFd {
    let (reader, writer) = pipe().unwrap();
    write(&writer, words.as_bytes()).unwrap();
    reader
}

#[test]
fn descriptors_are_passed_under_any_number_and_nothing_else_is() {
    let (first, second) = (holding("first"), holding("second"));
    let (one, other) = (first.as_raw_fd(), second.as_raw_fd());
    // Each under the number of the other, and one of them a second time.
    let passed = vec![(other, first.as_fd()), (one, second.as_fd()), (900, first.as_fd())];
    let read = format!("cat /proc/self/fd/{one} /proc/self/fd/{other} /proc/self/fd/900");
    let list = "ls /proc/self/fd | sort -n | tr '\\n' ' '";
    let script = format!("{read}; echo; {list}");
    let (_, text) = output(Blueprint { passed, ..blueprint(&["sh", "-c", &script]) });
    let mut expected = [0, 1, 2, one, other, 900];
    expected.sort_unstable();
    let numbers: Vec<i32> = text.lines().nth(1).unwrap().split(' ').filter_map(|n| n.parse().ok()).collect();
    assert_eq!(text.lines().next(), Some("secondfirst"));
    // The one beside them is that of the directory that `ls` reads.
    assert_eq!(numbers.iter().filter(|number| expected.contains(number)).count(), 6, "{numbers:?}");
    assert_eq!(numbers.len(), 7, "{numbers:?}");
}

#[test]
fn a_status_pipe_is_never_under_a_number_that_is_passed() {
    let lowest = holding("");
    let number = lowest.as_raw_fd() + 50;
    let passed = (3..number).map(|number| (number, lowest.as_fd())).collect();
    let missing = Blueprint { passed, ..blueprint(&["/nonexistent/program"]) };
    assert_eq!(run(missing), (failed(Step::Exec, Errno::ENOENT), Ending::Exited(127)));
}

#[test]
fn no_signal_is_blocked_or_ignored_and_the_session_is_its_own() {
    let (pid, status) = std::thread::spawn(|| {
        signals::block_all().unwrap();
        output(blueprint(&["cat", "/proc/self/status"]))
    })
    .join()
    .unwrap();
    for set in ["SigPnd", "SigBlk", "SigIgn", "SigCgt"] {
        assert_eq!(line(&status, set), "0000000000000000", "{set}");
    }
    for id in ["Pid", "NSpgid", "NSsid"] {
        assert_eq!(line(&status, id).split('\t').next_back(), Some(pid.to_string().as_str()), "{id}");
    }
}

/// A `cat` that lives until its standard input ends.
fn with_cat(change: impl FnOnce(&mut Blueprint<'_>), look: impl FnOnce(Pid)) -> Ending {
    let (reader, writer) = pipe().unwrap();
    let mut cat = blueprint(&["cat"]);
    cat.stdin = ChildDescriptor::From(reader.as_fd());
    change(&mut cat);
    let spawned = spawn(ChildPlan::new(cat)).unwrap();
    drop(reader);
    assert_eq!(settled(&spawned.status), ExecStatus::Executed);
    look(spawned.pid);
    drop(writer);
    end(spawned.pid)
}

#[test]
fn limits_and_priorities_are_set() {
    let ours = priority::nice().unwrap();
    let priority = IoPriority::new(IoClass::BestEffort, 6).unwrap();
    let ended = with_cat(
        |cat| {
            cat.limits = vec![
                (Limit::Core, LimitValues { soft: 0, hard: 0 }),
                (Limit::OpenFiles, LimitValues { soft: 60, hard: 61 }),
            ];
            cat.nice = Some(ours + 1);
            cat.io_priority = Some(priority);
        },
        |pid| {
            let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
            let of = |name| {
                let line: &str = limits.lines().find(|line| line.starts_with(name)).unwrap();
                line[26..].split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(of("Max core file size"), ["0", "0"]);
            assert_eq!(of("Max open files"), ["60", "61"]);
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            assert_eq!(stat.split(' ').nth(18).unwrap(), (ours + 1).to_string());
            const PROCESS: libc::c_long = 1;
            // SAFETY: only numbers.
            let io = unsafe { libc::syscall(libc::SYS_ioprio_get, PROCESS, libc::c_long::from(pid.get())) };
            assert_eq!(io, (2 << 13) | 6);
        },
    );
    assert_eq!(ended, Ending::Exited(0));
}

#[test]
fn a_limit_that_is_refused_is_named() {
    let values = LimitValues { soft: 2, hard: 1 };
    let refused = Blueprint { limits: vec![(Limit::Stack, values)], ..blueprint(&["true"]) };
    assert_eq!(run(refused), (failed(Step::Limit(Limit::Stack), Errno::EINVAL), Ending::Exited(126)));
}

#[test]
fn each_step_that_fails_is_named() {
    let path = || Some(CString::new("/nonexistent/file").unwrap());
    let plain = || blueprint(&["true"]);
    let cases = [
        (Step::Stdin, Errno::ENOENT, Blueprint { stdin_path: path(), ..plain() }),
        (Step::Cgroup, Errno::ENOENT, Blueprint { cgroup_procs: path(), ..plain() }),
        (Step::Chroot, Errno::ENOENT, Blueprint { chroot: path(), ..plain() }),
        (Step::OomScoreAdjust, Errno::EINVAL, Blueprint { oom_score_adjust: Some(5000), ..plain() }),
        (Step::Cpus, Errno::EINVAL, Blueprint { cpus: Some(CpuMask::new([])), ..plain() }),
        (
            Step::Scheduler,
            Errno::EINVAL,
            Blueprint { scheduling: Some(SchedulingPolicy::fifo(100)), ..plain() },
        ),
    ];
    for (step, errno, blueprint) in cases {
        assert_eq!(run(blueprint), (failed(step, errno), Ending::Exited(126)));
    }
}

#[test]
fn a_file_becomes_the_input_and_the_mask_is_set() {
    let mut shown = blueprint(&["sh", "-c", "umask; readlink /proc/self/fd/0"]);
    shown.stdin_path = Some(CString::new("/proc/self/cmdline").unwrap());
    shown.umask = Some(0o137);
    let (_, text) = output(shown);
    let (mask, link) = text.trim_end().split_once('\n').unwrap();
    assert_eq!(mask, "0137");
    assert!(link.starts_with("/proc/") && link.ends_with("/cmdline"), "{link}");
}

#[test]
fn credentials_are_taken_on_whole_or_refused() {
    let credentials = Credentials { uid: 65534, gid: 65533, groups: vec![7, 70000] };
    let mut other = blueprint(&["cat", "/proc/self/status"]);
    other.credentials = Some(credentials);
    if own_effective_uid() == 0 {
        let status = output(other).1;
        assert_eq!(line(&status, "Uid"), ["65534"; 4].join("\t"));
        assert_eq!(line(&status, "Gid"), ["65533"; 4].join("\t"));
        assert_eq!(line(&status, "Groups"), "7 70000");
        assert_eq!(line(&status, "CapEff"), "0000000000000000");
    } else {
        assert_eq!(run(other), (failed(Step::Groups, Errno::EPERM), Ending::Exited(126)));
    }
}

#[test]
fn an_end_is_seen_before_it_is_reaped_whatever_the_signal() {
    let signal = libc::SIGRTMIN() + 2;
    let killed = Ending::Killed { signal, core_dumped: false };
    let ended = with_cat(
        |cat| cat.limits = vec![(Limit::Core, LimitValues { soft: 0, hard: 0 })],
        |pid| {
            assert_eq!(peek(pid), Ok(None));
            assert_eq!(reap(pid), Ok(None));
            kill(pid, 0).unwrap();
            kill_group(pid, signal).unwrap();
            await_end(pid);
            assert_eq!(peek(pid), Ok(Some(Ended { pid, ending: killed })));
            assert!(peek_any().unwrap().is_some());
            // Not reaped, so it is still there to be signalled.
            kill(pid, 0).unwrap();
        },
    );
    assert_eq!(ended, killed);
}

#[test]
fn the_reaped_and_the_foreign_are_nobody() {
    let spawned = spawn(ChildPlan::new(blueprint(&["true"]))).unwrap();
    assert_eq!(end(spawned.pid), Ending::Exited(0));
    assert_eq!(peek(spawned.pid), Ok(None));
    assert_eq!(peek(Pid::own()), Ok(None));
    assert_eq!(kill_group(Pid::new(1).unwrap(), 0), Err(Errno::EINVAL));
    assert_eq!((Pid::new(0), Pid::new(-1)), (None, None));
}

#[test]
fn a_record_that_makes_no_sense_is_recognised() {
    let record = encode(Step::Nice, libc::EACCES);
    assert_eq!(decode(record), failed(Step::Nice, Errno::EACCES));
    for bytes in [&[0xff; RECORD_SIZE][..], &[0; RECORD_SIZE], &record[..3]] {
        let (reader, writer) = status_pipe(2).unwrap();
        assert_eq!(read_status(reader.as_fd()), ExecStatus::Pending);
        write(&writer, bytes).unwrap();
        assert_eq!(read_status(reader.as_fd()), ExecStatus::Vanished);
    }
}

#[test]
fn our_own_limit_of_open_files_is_raised_and_known() {
    let before = limits::get(Limit::OpenFiles).unwrap();
    assert_eq!(limits::raise_open_files().unwrap(), before);
    let after = limits::get(Limit::OpenFiles).unwrap();
    assert_eq!(after, LimitValues { soft: before.hard, hard: before.hard });
    limits::set(Limit::OpenFiles, before).unwrap();
}
