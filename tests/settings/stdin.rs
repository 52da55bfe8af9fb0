//! Standard input.

use crate::common::{DEADLINE, Supervisor, command, eventually, proc, shell, sleeper};
use crate::{args, failure, start};
use std::fs::{self, OpenOptions};
use std::io::Write;

#[test]
fn input_comes_from_nowhere_or_from_a_file() {
    let mut supervisor = Supervisor::start();
    let pid = start(&mut supervisor, "none", &sleeper());
    assert_eq!(proc::link(pid, "fd/0"), "/dev/null");
    let pid = start(&mut supervisor, "null", &sleeper().with("stdin", "null"));
    assert_eq!(proc::link(pid, "fd/0"), "/dev/null");

    let (input, output) = (supervisor.scratch().text("input-0"), supervisor.scratch().text("output"));
    fs::write(&input, "what is in the file\n").unwrap();
    let pattern = supervisor.scratch().text("input-%i");
    let copy = shell(&format!("cat > {output}")).with("restart", "never").with("stdin", pattern.as_str());
    supervisor.create("copy", &copy);
    supervisor.wait_for("copy", "exited");
    assert_eq!(fs::read_to_string(output).unwrap(), "what is in the file\n");

    let reason = failure(&mut supervisor, "gone", &sleeper().with("stdin", "/nonexistent/input"));
    assert_eq!(reason, "stdin: No such file or directory (/nonexistent/input)");
}

#[test]
fn a_fifo_is_waited_for_and_nothing_else_is_held_up() {
    let mut supervisor = Supervisor::start();
    let fifo = supervisor.scratch().text("fifo");
    nix::unistd::mkfifo(fifo.as_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let output = supervisor.scratch().join("output");
    let script = format!("read line; echo \"$line\" > {}; exec sleep 3600", output.display());
    let settings = shell(&script).with("stdin", fifo.as_str()).with("stop_timeout", 3600);
    supervisor.create("reader", &settings.with("minimum_run_duration", 0));
    // It has a process, which waits; others go on, and it can be told to stop.
    assert_eq!(supervisor.row("reader", 0).state, "starting");
    start(&mut supervisor, "other", &sleeper());
    supervisor.do_and_wait("stop", "reader");
    assert_eq!(supervisor.row("reader", 0).state, "exited");

    supervisor.command("start", args!["program" => "reader"]);
    let mut writer = OpenOptions::new().write(true).open(&fifo).unwrap();
    writer.write_all(b"hello\n").unwrap();
    supervisor.wait_for("reader", "running");
    let text = eventually("the line", DEADLINE, || {
        fs::read_to_string(&output).ok().filter(|text| text.ends_with('\n'))
    });
    assert_eq!(text, "hello\n");
}

#[test]
fn a_program_that_reads_nothing_ends_at_once() {
    let mut supervisor = Supervisor::start();
    supervisor.create("cat", &command("cat", &[]).with("restart", "never"));
    assert_eq!(supervisor.wait_for("cat", "exited")[0].exitcode, 0);
}
