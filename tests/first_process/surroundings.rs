//! Nobody else is ever signalled, and nothing wakes it while nothing happens.

use super::common::{Launcher, Supervisor, proc, within};
use super::{expect_end, with_daemon, written};
use crate::args;
use crate::skip;
use nix::sys::signal::Signal;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A process that is not the supervisor's, though it looks like it; killed when this is dropped.
struct Bystander(Child);

impl Bystander {
    /// With the environment that a process of an instance has.
    fn like_one_of(supervisor: &Supervisor) -> Self {
        let mut command = Command::new("sleep");
        command.arg("3600").stdin(Stdio::null()).env("PROCNANNY_PROGRAM", "web");
        command.env("PROCNANNY_INSTANCE", "0").env("PROCNANNY_RPC", supervisor.endpoint("rpc"));
        Self(command.spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn who_only_looks_like_one_of_its_own_is_left_alone() {
    let mut supervisor = Supervisor::start();
    let bystander = Bystander::like_one_of(&supervisor);
    let there = supervisor.scratch().text("there");
    supervisor.create_running("web", &with_daemon(&format!("trap \"\" TERM; echo > {there}; sleep 3600")));
    written(there.as_ref());
    supervisor.call("shutdown", args!["timeout" => "300ms"]);
    expect_end(&mut supervisor, 0);
    assert!(proc::is_alive(bystander.pid()));
}

fn strace_works() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success())
}

/// Every signal that it sends goes to a process or a group that it or one of its own has made.
#[test]
fn every_signal_goes_to_one_of_its_own() {
    if !strace_works() {
        skip!("strace is missing, or may not trace");
    }
    let launcher = Launcher::new();
    let trace = launcher.scratch().text("trace");
    let calls = "kill,tkill,tgkill,pidfd_open,pidfd_send_signal,rt_sigqueueinfo";
    let mut supervisor =
        launcher.through_shell(&format!("exec strace -qq -e trace={calls} -o {trace} \"$@\"")).start();
    let bystander = Bystander::like_one_of(&supervisor);
    let [daemon, child] = ["daemon", "child"].map(|name| supervisor.scratch().join(name));
    let script = format!(
        "trap \"\" TERM; sleep 3600 & echo $! > {}; echo $$ > {}; wait",
        child.display(),
        daemon.display()
    );
    let main = supervisor.create_running("web", &with_daemon(&script))[0].pid;
    let own = [main, written(&daemon).parse().unwrap(), written(&child).parse().unwrap()];
    supervisor.call("shutdown", args!["timeout" => "300ms"]);
    expect_end(&mut supervisor, 0);
    assert!(proc::is_alive(bystander.pid()));
    let trace = std::fs::read_to_string(trace).unwrap();
    let targets: Vec<i32> = trace
        .lines()
        .filter_map(|line| line.strip_prefix("kill(").or_else(|| line.strip_prefix("pidfd_open(")))
        .map(|rest| rest.split([',', ')']).next().unwrap().parse().unwrap())
        .collect();
    assert!(targets.iter().all(|target| own.contains(&target.abs()) && *target != -1), "{own:?}: {trace}");
    assert!(own.iter().all(|pid| targets.iter().any(|target| target.abs() == *pid)), "{own:?}: {trace}");
}

#[test]
fn nothing_wakes_it_while_nothing_happens() {
    let mut supervisor = Supervisor::start();
    let there = supervisor.scratch().text("there");
    supervisor.create_running("web", &with_daemon(&format!("echo > {there}; sleep 3600")));
    written(there.as_ref());
    // That there are strays is no reason to look after them.
    supervisor.call("status", &[]);
    let pid = supervisor.pid();
    let switches = || {
        let of = |name: &str| proc::status_line(pid, name).parse::<u64>().unwrap();
        of("voluntary_ctxt_switches")
    };
    let mut before = switches();
    let is_idle = within(Duration::from_secs(10), || {
        std::thread::sleep(Duration::from_secs(1));
        (std::mem::replace(&mut before, switches()) == switches()).then_some(())
    });
    assert!(is_idle.is_some(), "it was woken in every second");
    supervisor.signal(Signal::SIGTERM);
    expect_end(&mut supervisor, 0);
}
