//! Cgroups: made for each instance, filled, killed, removed.

use crate::common::{
    DEADLINE, EventSource, Launcher, Supervisor, eventually, eventually_true, is_root, proc, shell, sleeper,
};
use crate::{args, failure, skip, start, table};
use procnanny::wire::value::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

/// Where version 2 is mounted.
fn mounted() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let line = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    Some(PathBuf::from(line.split(' ').nth(4)?))
}

/// The directory of the cgroup that a process is in.
fn directory(pid: i32) -> PathBuf {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let path = text.lines().find_map(|line| line.strip_prefix("0::/")).unwrap();
    mounted().unwrap().join(path)
}

fn empty() -> Value {
    Value::Map(Vec::new())
}

/// A supervisor that can make cgroups.
macro_rules! supervisor {
    () => {{
        let mut supervisor = Supervisor::start();
        let attempt = args!["program" => "attempt", "command" => "true", "instances" => 0, "cgroup" => empty()];
        let reply = supervisor.call_any("create", attempt);
        if let Some(why) = reply {
            skip!("{why}");
        }
        supervisor
    }};
}

trait CallAny {
    /// Why it is refused, if it is.
    fn call_any(&mut self, method: &str, arguments: crate::common::Arguments<'_>) -> Option<String>;
}

impl CallAny for Supervisor {
    fn call_any(&mut self, method: &str, arguments: crate::common::Arguments<'_>) -> Option<String> {
        let reply = self.client().ask(method, arguments);
        reply.get("error").and_then(Value::text).map(str::to_string)
    }
}

#[test]
fn each_instance_has_one_with_its_settings() {
    let mut supervisor = supervisor!();
    let own = directory(supervisor.pid());
    let settings = sleeper().with("instances", 2).with(
        "cgroup",
        table([("cgroup_max_depth", Value::Int(3)), ("cgroup.max.descendants", Value::from("4"))]),
    );
    let rows = supervisor.create_running("hello world", &settings);
    let family = own.join("procnanny").join(supervisor.pid().to_string());
    for row in &rows {
        let path = directory(row.pid);
        assert_eq!(path, family.join(format!("hello world.{}", row.instance)));
        let value = |file: &str| fs::read_to_string(path.join(file)).unwrap();
        assert_eq!(
            (value("cgroup.max.depth"), value("cgroup.max.descendants")),
            ("3\n".into(), "4\n".into())
        );
        assert_eq!(value("cgroup.procs"), format!("{}\n", row.pid));
    }
    // A restart goes to the same; other settings to one that has them.
    let made = fs::metadata(directory(rows[0].pid)).unwrap().ino();
    supervisor.do_and_wait("restart", "hello world");
    let pid = supervisor.row("hello world", 0).pid;
    assert_eq!(fs::metadata(directory(pid)).unwrap().ino(), made);
    let other = table([("cgroup_max_depth", Value::Int(2))]);
    supervisor.call("update", args!["program" => "hello world", "cgroup" => other, "restart" => true]);
    supervisor
        .until("hello world", 1, "the new settings", |row| !row.restart_needed && row.state == "running");
    let path = directory(supervisor.row("hello world", 1).pid);
    assert_eq!(fs::read_to_string(path.join("cgroup.max.depth")).unwrap(), "2\n");
    assert_eq!(fs::read_to_string(path.join("cgroup.max.descendants")).unwrap(), "max\n");
    // One that rests has none, and at the end nothing is left.
    supervisor.do_and_wait("stop", "hello world");
    eventually_true("the cgroups are removed", || {
        fs::read_dir(&family).unwrap().all(|it| !it.unwrap().path().is_dir())
    });
    supervisor.do_and_wait("start", "hello world");
    supervisor.call("shutdown", &[]);
    supervisor.wait();
    assert!(!family.exists(), "{} is left", family.display());
}

/// One that leaves a grandchild in a session of its own, where no signal to the group reaches it.
fn with_stray(scratch: &Path) -> (crate::common::ProgramSettings, PathBuf) {
    let file = scratch.join("stray");
    let script = format!(
        "setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 3600' & exec sleep 3600",
        file.display()
    );
    (shell(&script).with("minimum_run_duration", 0).with("cgroup", empty()), file)
}

#[track_caller]
fn stray(file: &Path) -> i32 {
    let text = eventually("the stray", DEADLINE, || fs::read_to_string(file).ok());
    fs::remove_file(file).unwrap();
    text.trim().parse().unwrap()
}

#[test]
fn all_that_is_in_it_ends_with_the_instance() {
    let mut supervisor = supervisor!();
    let (settings, file) = with_stray(supervisor.scratch().path());
    let pid = start(&mut supervisor, "web", &settings);
    let first = stray(&file);
    assert_eq!(directory(first), directory(pid));
    assert_ne!(proc::stat(first).unwrap().group, pid);
    supervisor.do_and_wait("stop", "web");
    eventually_true("the stray ends with a stop", || !proc::is_alive(first));
    supervisor.do_and_wait("start", "web");
    let second = stray(&file);
    supervisor.do_and_wait("kill", "web");
    eventually_true("the stray ends with a kill", || !proc::is_alive(second));
    let third = stray(&file);
    supervisor.call("remove", args!["program" => "web", "force" => true, "wait" => true]);
    eventually_true("the stray ends with a removal", || !proc::is_alive(third));
    let family = directory(supervisor.pid()).join("procnanny").join(supervisor.pid().to_string());
    eventually_true("the cgroup is removed", || !family.join("web.0").exists());
}

#[test]
fn all_that_is_in_it_ends_before_the_next_start() {
    let mut supervisor = supervisor!();
    let (settings, file) = with_stray(supervisor.scratch().path());
    let pid = start(&mut supervisor, "web", &settings.with_backoff("20ms"));
    let left = stray(&file);
    assert!(proc::send(pid, nix::sys::signal::Signal::SIGKILL));
    let next =
        supervisor.until("web", 0, "the next one", |row| row.start_count == 2 && row.state == "running");
    eventually_true("the stray ends", || !proc::is_alive(left));
    let second = stray(&file);
    assert_eq!(directory(second), directory(next.pid));
    assert!(proc::is_alive(next.pid) && proc::is_alive(second), "those that came later are not killed");
}

#[test]
fn what_is_to_be_left_alone_is_left_in_its_cgroup() {
    let mut supervisor = supervisor!();
    let (settings, file) = with_stray(supervisor.scratch().path());
    let pid = start(&mut supervisor, "web", &settings.with("kill_leftovers", false));
    let path = directory(pid);
    let left = stray(&file);
    supervisor.do_and_wait("stop", "web");
    assert!(proc::is_alive(left));
    // The next one gets another, as the first is still in use.
    supervisor.do_and_wait("start", "web");
    let second = supervisor.row("web", 0).pid;
    assert_eq!((directory(left), directory(second)), (path.clone(), path.with_file_name("web.0~2")));
    assert!(proc::send(left, nix::sys::signal::Signal::SIGKILL));
    eventually_true("the first is removed", || !path.exists());
    let left = stray(&file);
    supervisor.do_and_wait("stop", "web");
    assert!(proc::send(left, nix::sys::signal::Signal::SIGKILL));
    eventually_true("the second is removed", || !path.with_file_name("web.0~2").exists());
}

#[test]
fn a_value_that_the_kernel_refuses_fails_the_start() {
    let mut supervisor = supervisor!();
    let settings = sleeper().with("cgroup", table([("cgroup_max_depth", Value::from("deep"))]));
    let reason = failure(&mut supervisor, "web", &settings);
    assert!(reason.starts_with("cgroup: cannot write 'deep' to /"), "{reason}");
    assert!(reason.ends_with("/web.0/cgroup.max.depth: Invalid argument"), "{reason}");
    // Nothing is left of it, and it starts when it is put right.
    let right = table([("cgroup_max_depth", Value::Int(1))]);
    supervisor.call("update", args!["program" => "web", "cgroup" => right]);
    let row = supervisor.do_and_wait("start", "web").remove(0);
    assert_eq!(row.state, "running");
}

#[test]
fn one_that_vanished_is_made_again() {
    let mut supervisor = supervisor!();
    let settings = sleeper().with("cgroup", empty()).with_backoff("200ms");
    let pid = start(&mut supervisor, "web", &settings);
    let path = directory(pid);
    let mut events = supervisor.events();
    assert!(proc::send(pid, nix::sys::signal::Signal::SIGKILL));
    events.until_state("web", 0, "exited");
    fs::remove_dir(&path).unwrap();
    events.until_state("web", 0, "running");
    assert_eq!(directory(supervisor.row("web", 0).pid), path);
}

#[test]
fn a_controller_that_is_not_there_is_named() {
    let mut supervisor = supervisor!();
    let available = fs::read_to_string(directory(supervisor.pid()).join("cgroup.controllers")).unwrap();
    if available.split_whitespace().any(|controller| controller == "rdma") {
        skip!("every controller is there");
    }
    let settings = sleeper().with("cgroup", table([("rdma_max", Value::from("max"))]));
    let refusal = supervisor.create_refused("web", &settings);
    assert_eq!(refusal.code, "bad-argument");
    let words = "'cgroup' cannot be had: there is no controller 'rdma' in /";
    assert!(refusal.sentence.starts_with(words), "{}", refusal.sentence);
}

#[test]
fn limits_of_controllers_hold() {
    let mut supervisor = supervisor!();
    let available = fs::read_to_string(directory(supervisor.pid()).join("cgroup.controllers")).unwrap();
    if !["memory", "pids"]
        .iter()
        .all(|name| available.split_whitespace().any(|controller| controller == *name))
    {
        skip!("there is no controller for memory or pids");
    }
    let limits = table([("memory_max", Value::from("64M")), ("pids_max", Value::Int(7))]);
    let pid = start(&mut supervisor, "web", &sleeper().with("cgroup", limits));
    let value = |file: &str| fs::read_to_string(directory(pid).join(file)).unwrap();
    assert_eq!((value("memory.max"), value("pids.max")), ("67108864\n".to_string(), "7\n".to_string()));
}

/// A cgroup for a test, removed with all that is in it when it is dropped.
struct Delegated(PathBuf);

impl Delegated {
    fn new(name: &str) -> Option<Self> {
        let path = mounted()?.join(format!("procnanny-test-{}-{name}", std::process::id()));
        fs::create_dir(&path).ok()?;
        Some(Self(path))
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        let _ = crate::common::within(DEADLINE, || fs::remove_dir(&self.0).ok());
    }
}

/// Starts a supervisor in a cgroup.
#[track_caller]
fn launch_in(path: &Path, launcher: Launcher) -> Supervisor {
    let go = launcher.scratch().text("go");
    let script = format!("while [ ! -e {go} ]; do sleep 0.02; done; exec \"$@\"");
    let supervisor = launcher.through_shell(&script).spawn();
    fs::write(path.join("cgroup.procs"), supervisor.pid().to_string()).unwrap();
    fs::write(go, "").unwrap();
    supervisor.await_answer()
}

#[test]
fn an_ordinary_user_has_them_where_they_are_delegated() {
    if !is_root() {
        skip!("to delegate a cgroup takes root");
    }
    let Some(delegated) = Delegated::new("user") else { skip!("no cgroup can be made") };
    let path = &delegated.0;
    for file in ["", "cgroup.procs", "cgroup.subtree_control"] {
        chown(path.join(file), Some(65534), Some(65534)).unwrap();
    }
    let mut supervisor = launch_in(path, Launcher::new().ordinary_user());
    let pid = start(&mut supervisor, "web", &sleeper().with("cgroup", empty()));
    assert_eq!(directory(pid), path.join(format!("procnanny/{}/web.0", supervisor.pid())));
    supervisor.call("shutdown", &[]);
    supervisor.wait();
    assert!(!path.join("procnanny").exists());
}

/// A cgroup in which the controller `pids` is there, and settings that need it.
fn with_controller(name: &str) -> Option<(Delegated, crate::common::ProgramSettings)> {
    let delegated = Delegated::new(name)?;
    let controllers = fs::read_to_string(delegated.0.join("cgroup.controllers")).ok()?;
    let settings = sleeper().with("cgroup", table([("pids_max", Value::Int(9))]));
    controllers.split_whitespace().any(|controller| controller == "pids").then_some((delegated, settings))
}

#[test]
fn a_supervisor_makes_room_for_controllers() {
    let Some((delegated, settings)) = with_controller("room") else {
        skip!("no cgroup with pids can be made")
    };
    let path = &delegated.0;
    let mut supervisor = launch_in(path, Launcher::new());
    let family = path.join(format!("procnanny/{}", supervisor.pid()));
    // Who runs already, and has no cgroup of its own, goes along.
    let early = start(&mut supervisor, "early", &sleeper());
    assert_eq!(directory(early), *path);
    let pid = start(&mut supervisor, "web", &settings);
    assert_eq!(directory(pid), family.join("web.0"));
    assert_eq!(fs::read_to_string(family.join("web.0/pids.max")).unwrap(), "9\n");
    assert_eq!(directory(supervisor.pid()), family.join("supervisor"));
    assert_eq!(directory(early), family.join("supervisor"));
    let late = start(&mut supervisor, "late", &settings);
    assert_eq!(directory(late), family.join("late.0"));
    supervisor.call("shutdown", &[]);
    supervisor.wait();
    assert!(!family.join("web.0").exists() && !family.join("late.0").exists());
    fs::remove_dir(family.join("supervisor")).unwrap();
    fs::remove_dir(&family).unwrap();
    fs::remove_dir(path.join("procnanny")).unwrap();
}

#[test]
fn nobody_elses_process_is_moved() {
    let Some((delegated, settings)) = with_controller("others") else {
        skip!("no cgroup with pids can be made")
    };
    let path = &delegated.0;
    let mut other = std::process::Command::new("sleep").arg("3600").spawn().unwrap();
    let of_other = i32::try_from(other.id()).unwrap();
    fs::write(path.join("cgroup.procs"), other.id().to_string()).unwrap();
    let mut supervisor = launch_in(path, Launcher::new());
    let pid = start(&mut supervisor, "web", &settings);
    let top = mounted().unwrap().join(format!("procnanny/{}", supervisor.pid()));
    assert_eq!(directory(pid), top.join("web.0"), "the top of the hierarchy is the next best place");
    assert_eq!((directory(of_other), directory(supervisor.pid())), (path.clone(), path.clone()));
    supervisor.call("shutdown", &[]);
    supervisor.wait();
    assert!(!top.exists() && !path.join("procnanny").exists());
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn an_ordinary_user_is_told_what_is_missing() {
    if !is_root() || mounted().is_none() {
        skip!("whether a cgroup is delegated to us is not known");
    }
    let mut supervisor = Launcher::new().ordinary_user().start();
    let refusal = supervisor.create_refused("web", &sleeper().with("cgroup", empty()));
    assert_eq!(refusal.code, "bad-argument");
    assert!(
        refusal.sentence.contains("Permission denied; it has to be delegated to us"),
        "{}",
        refusal.sentence
    );
}
