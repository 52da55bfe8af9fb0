//! Processes that lost their parents come to the supervisor, and no zombie stays.

use crate::common::{DEADLINE, Supervisor, eventually, eventually_true, proc, shell, sleeper};

/// Waits until the supervisor has exactly these children, zombies included.
fn expect_children(supervisor: &Supervisor, expected: &[i32]) {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    eventually_true("no other child", || {
        let mut children = proc::children(supervisor.pid());
        children.sort_unstable();
        children == expected
    });
}

#[test]
fn a_process_that_forked_twice_is_adopted_and_reaped() {
    let mut supervisor = Supervisor::start();
    let (file, gate) = (supervisor.scratch().text("pid"), supervisor.scratch().text("gate"));
    let daemon =
        format!("echo $$ > {file}.new; mv {file}.new {file}; while [ ! -e {gate} ]; do sleep 0.02; done");
    let script = format!("(sh -c '{daemon}' &); exec sleep 3600");
    let main = supervisor.create_running("web", &shell(&script).with("minimum_run_duration", 0))[0].pid;
    let orphan: i32 = eventually("the orphan's id", DEADLINE, || std::fs::read_to_string(&file).ok())
        .trim()
        .parse()
        .unwrap();
    eventually_true("it is adopted", || {
        proc::stat(orphan).is_some_and(|stat| stat.parent == supervisor.pid())
    });
    std::fs::write(&gate, "").unwrap();
    eventually_true("it is reaped", || proc::stat(orphan).is_none());
    expect_children(&supervisor, &[main]);
}

#[test]
fn a_crowd_of_orphans_leaves_no_zombie() {
    let mut supervisor = Supervisor::start();
    let script = "i=0; while [ $i -lt 100 ]; do (sleep 0.01 &); i=$((i+1)); done; exec sleep 3600";
    let settings = shell(script).with("minimum_run_duration", 0);
    let main = supervisor.create_running("web", &settings)[0].pid;
    let bystander = supervisor.create_running("db", &sleeper())[0].pid;
    eventually_true("the crowd is made", || proc::arguments(main) == ["sleep", "3600"]);
    expect_children(&supervisor, &[main, bystander]);
    let rows = [supervisor.row("web", 0), supervisor.row("db", 0)];
    assert!(rows.iter().all(|row| row.state == "running" && row.start_count == 1));
}

#[test]
fn many_that_end_at_once_leave_no_zombie() {
    let mut supervisor = Supervisor::start();
    let settings = sleeper().with("instances", 100).with("restart", "never");
    let rows = supervisor.create_running("web", &settings);
    for row in &rows {
        assert!(proc::send(row.pid, nix::sys::signal::Signal::SIGKILL));
    }
    for row in supervisor.wait_for("web", "exited") {
        assert_eq!((row.exitsignal, row.pid), (9, 0));
    }
    expect_children(&supervisor, &[]);
}
