//! What a run has used: its process, and those that it waited for.

use crate::common::{Supervisor, shell};
use crate::{float, integer, not_again, only_run};

#[test]
fn a_busy_program_has_used_time_and_memory() {
    let mut supervisor = Supervisor::start();
    let busy = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done";
    supervisor.create("web", &not_again(shell(busy)));
    let run = only_run(&mut supervisor, "web");
    let cpu = float(&run, "cpu_user") + float(&run, "cpu_system");
    assert!(cpu > 0.0 && cpu <= float(&run, "duration") + 1.0, "{run:?}");
    assert!((100 << 10..1 << 40).contains(&integer(&run, "max_rss")), "{run:?}");
}

#[test]
fn its_children_count_as_soon_as_it_has_waited_for_them() {
    let mut supervisor = Supervisor::start();
    let busy = "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done'; exit 0";
    supervisor.create("web", &not_again(shell(busy)));
    let run = only_run(&mut supervisor, "web");
    assert!(float(&run, "cpu_user") + float(&run, "cpu_system") > 0.0, "{run:?}");
}

#[test]
fn where_there_was_no_program_there_is_little() {
    let mut supervisor = Supervisor::start();
    supervisor.create("web", &not_again(crate::common::command("/does/not/exist", &[])));
    let run = only_run(&mut supervisor, "web");
    assert!(float(&run, "cpu_user") < 1.0 && float(&run, "duration") < 10.0, "{run:?}");
}
