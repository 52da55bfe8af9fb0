//! Where places are found, in texts of `/proc`; and a real cgroup, where this machine lets us make one.

use super::super::process::Pid;
use super::hierarchy::{Place, find};
use super::*;
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};

const HYBRID: &str = "\
30 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
36 30 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
41 30 0:38 / /sys/fs/cgroup/uni\\040fied rw,relatime shared:9 - cgroup2 cgroup2 rw
";

fn paths(mounts: &str, membership: &str) -> Result<Vec<String>, String> {
    let found = find(mounts, membership, Pid::new(12).unwrap()).map_err(|error| error.to_string())?;
    Ok(found.iter().map(|place| place.path().display().to_string()).collect())
}

#[test]
fn our_own_cgroup_goes_before_the_top() {
    let top = "/sys/fs/cgroup/uni fied".to_owned();
    assert_eq!(paths(HYBRID, "4:memory:/x\n0::/\n").unwrap(), std::slice::from_ref(&top));
    assert_eq!(paths(HYBRID, "0::/a/b\n").unwrap(), [format!("{top}/a/b"), top.clone()]);
    // Somebody who was executed anew in the cgroup that it had gone to.
    assert_eq!(paths(HYBRID, "0::/a/procnanny/12/supervisor\n").unwrap(), [format!("{top}/a"), top.clone()]);
    assert_eq!(paths(HYBRID, "0::/procnanny/12/supervisor\n").unwrap(), std::slice::from_ref(&top));
}

#[test]
fn a_part_of_the_hierarchy_may_be_mounted() {
    let part = "41 30 0:38 /box/1 /sys/fs/cgroup ro,relatime - cgroup2 cgroup rw\n";
    assert_eq!(paths(part, "0::/box/1/x\n").unwrap(), ["/sys/fs/cgroup/x", "/sys/fs/cgroup"]);
    assert!(paths(part, "0::/box/2\n").unwrap_err().contains("/box/2 is not below"));
    assert!(paths(HYBRID, "0::/../y\n").unwrap_err().contains("/../y is not below"));
}

#[test]
fn what_is_missing_is_named() {
    let first_version = HYBRID.lines().next().unwrap();
    assert!(paths(first_version, "0::/\n").unwrap_err().contains("not mounted"));
    assert!(paths("garbage\n", "0::/\n").unwrap_err().contains("not mounted"));
    assert!(paths(HYBRID, "4:memory:/x\n").unwrap_err().contains("no cgroup v2"));
}

#[test]
fn files_lead_to_controllers() {
    assert_eq!(controller_of("memory.swap.max"), Some("memory"));
    assert_eq!(controller_of("cgroup.max.depth"), None);
    assert!(known_controllers().any(|known| known == "pids"));
}

/// A place that looks like one with these controllers: what is not made by hand is not there.
fn pretended(name: &str, controllers: &str) -> (PathBuf, Place) {
    let path = std::env::temp_dir().join(format!("procnanny-cgroup-{}-{name}", Pid::own()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir(&path).unwrap();
    fs::write(path.join("cgroup.controllers"), controllers).unwrap();
    (path.clone(), Place::at(path, vec!["memory".to_owned()]))
}

#[test]
fn a_controller_that_is_not_there_is_refused() {
    let (path, place) = pretended("controllers", "cpu pids\n");
    assert_eq!(place.check(&["pids", "cpu"]), Ok(()));
    let refused = |controller| place.check(&["cpu", controller]).unwrap_err().to_string();
    assert!(refused("memory").contains("in use by a hierarchy of version 1"), "{}", refused("memory"));
    assert!(refused("io").ends_with("which has cpu, pids"), "{}", refused("io"));
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn controllers_are_enabled_from_the_top_down() {
    let (path, place) = pretended("enable", "cpu pids\n");
    let ours = path.join("procnanny").join(Pid::own().to_string());
    fs::create_dir_all(&ours).unwrap();
    for directory in [&path, ours.parent().unwrap(), &ours] {
        fs::write(directory.join("cgroup.subtree_control"), "cpu\n").unwrap();
    }
    assert_eq!(place.enable(&["cpu", "pids"]).unwrap(), ours);
    for directory in [&path, ours.parent().unwrap(), &ours] {
        let written = fs::read_to_string(directory.join("cgroup.subtree_control")).unwrap();
        assert!(written.starts_with("+pid"), "{written}");
    }
    fs::remove_dir_all(path).unwrap();
}

/// Held by tests that make real cgroups: the directories that those are in go with the last of them.
static REAL: Mutex<()> = Mutex::new(());

/// Why there are no real cgroups here, for those tests that need one.
fn unusable() -> Option<String> {
    check(&[]).err().map(|error| error.to_string())
}

fn sleeper_in(cgroup: &Cgroup) -> Child {
    let child = Command::new("sleep").arg("3600").spawn().unwrap();
    write(&cgroup.procs(), &child.id().to_string()).unwrap();
    child
}

#[test]
fn a_cgroup_is_made_filled_killed_and_removed() {
    if let Some(why) = unusable() {
        return println!("skipped: {why}");
    }
    let _held = REAL.lock().unwrap_or_else(PoisonError::into_inner);
    let files = [("cgroup.max.depth", "3")];
    let cgroup = create("test.0", &[], files.into_iter()).unwrap();
    let second = create("test.0", &[], [].into_iter()).unwrap();
    // The first was empty, so it was made anew.
    assert_eq!(cgroup.procs(), second.procs());
    assert_eq!(fs::read_to_string(second.procs().with_file_name("cgroup.max.depth")).unwrap(), "max\n");
    let mut child = sleeper_in(&cgroup);
    assert_eq!(cgroup.remove(), Removal::Busy);
    let beside = create("test.0", &[], files.into_iter()).unwrap();
    assert!(beside.procs().ends_with("test.0~2/cgroup.procs"));
    assert_eq!(fs::read_to_string(beside.procs().with_file_name("cgroup.max.depth")).unwrap(), "3\n");
    fs::create_dir(beside.procs().with_file_name("below")).unwrap();
    assert_eq!((beside.remove(), beside.remove(), beside.exists()), (Removal::Done, Removal::Done, false));

    cgroup.kill();
    let killed = std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap());
    assert_eq!(killed, Some(libc::SIGKILL));
    assert_eq!(cgroup.remove(), Removal::Done);

    // Where the kernel cannot do it at once.
    let cgroup = create("test.1", &[], [].into_iter()).unwrap();
    let below = Cgroup { path: cgroup.path.join("below") };
    fs::create_dir(&below.path).unwrap();
    let mut children = [sleeper_in(&cgroup), sleeper_in(&below)];
    kill::one_by_one(&cgroup.path);
    for child in &mut children {
        child.wait().unwrap();
    }
    assert_eq!(cgroup.remove(), Removal::Done);
    remove_parents();
}

#[test]
fn a_value_that_is_refused_is_named() {
    if let Some(why) = unusable() {
        return println!("skipped: {why}");
    }
    let _held = REAL.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = |file, value| create("test.2", &[], [(file, value)].into_iter()).unwrap_err().to_string();
    let wrong = refused("cgroup.max.depth", "deep");
    assert!(
        wrong.starts_with("cannot write 'deep' to /") && wrong.ends_with(": Invalid argument"),
        "{wrong}"
    );
    assert!(refused("cgroup.nonsense", "1").ends_with("cgroup.nonsense: No such file or directory"));
    remove_parents();
}

#[test]
fn a_process_is_known_by_its_cgroup_wherever_that_is_mounted() {
    let supervisor = Pid::new(7).unwrap();
    let name = |membership: &str| name_in(membership, supervisor).map(|name| name.into_string().unwrap());
    assert_eq!(name("0::/procnanny/7/web.0\n").as_deref(), Some("web.0"));
    assert_eq!(name("1:cpu:/x\n0::/../a/procnanny/7/a b.12~2/below/it\n").as_deref(), Some("a b.12~2"));
    assert_eq!(name("0::/procnanny/77/web.0\n"), None);
    assert_eq!(name("0::/procnanny/7\n"), None);
    assert_eq!(name("0::/\n"), None);
    assert_eq!(name(""), None);
}

#[test]
fn what_a_killed_supervisor_left_is_removed() {
    if let Some(why) = unusable() {
        return println!("skipped: {why}");
    }
    let _held = REAL.lock().unwrap_or_else(PoisonError::into_inner);
    let cgroup = create("test.3", &[], [].into_iter()).unwrap();
    let directory = cgroup.path.parent().unwrap().to_owned();
    // A process that has ended, and so nobody.
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let left = directory.with_file_name(gone.id().to_string());
    fs::create_dir_all(left.join("web.0")).unwrap();
    assert_eq!(cgroup.remove(), Removal::Done);
    remove_parents();
    assert!(!directory.exists() && left.exists());
    let cgroup = create("test.3", &[], [].into_iter()).unwrap();
    assert!(!left.exists(), "{} is still there", left.display());
    assert_eq!(cgroup.remove(), Removal::Done);
    remove_parents();
}
