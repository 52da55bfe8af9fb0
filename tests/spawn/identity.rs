//! User, groups, niceness and disk priority of a process.

use crate::common::{ProgramSettings, Supervisor, is_root, proc, sleeper};
use crate::skip;
use nix::unistd::{Group, User};
use procnanny::wire::value::Value;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// Real, effective, saved and file system id are all this one.
fn all_four(id: u32) -> String {
    [id.to_string(), id.to_string(), id.to_string(), id.to_string()].join("\t")
}

#[track_caller]
fn start(supervisor: &mut Supervisor, name: &str, settings: &ProgramSettings) -> i32 {
    supervisor.create_running(name, settings)[0].pid
}

fn groups_of(pid: i32) -> BTreeSet<u32> {
    proc::status_line(pid, "Groups").split_whitespace().map(|group| group.parse().unwrap()).collect()
}

#[test]
fn a_user_brings_its_ids_and_its_variables() {
    let Some(nobody) = User::from_name("nobody").unwrap().filter(|_| is_root()) else {
        skip!("to become another user takes root, and a user nobody");
    };
    let (uid, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
    let mut supervisor = Supervisor::start();
    for (name, user) in [("by name", Value::from("nobody")), ("by number", Value::from(uid))] {
        let pid = start(&mut supervisor, name, &sleeper().with("user", user));
        assert_eq!(proc::status_line(pid, "Uid"), all_four(uid));
        assert_eq!(proc::status_line(pid, "Gid"), all_four(gid));
        assert!(!groups_of(pid).contains(&0), "root's groups are left behind");
        let variable = |name| proc::variable(pid, name);
        assert_eq!(variable("HOME").map(Into::into), Some(nobody.dir.clone()));
        assert_eq!(variable("SHELL").map(Into::into), Some(nobody.shell.clone()));
        assert_eq!((variable("USER"), variable("LOGNAME")), (Some("nobody".into()), Some("nobody".into())));
        let status = supervisor.call("status", crate::args!["program" => name]);
        let program = status.get("programs").and_then(|programs| programs.get(name)).unwrap();
        assert_eq!(program.get("uid").and_then(Value::as_u64), Some(uid.into()));
        assert_eq!(program.get("gid").and_then(Value::as_u64), Some(gid.into()));
    }
    let pid =
        start(&mut supervisor, "at home", &sleeper().with("user", "nobody").with_env("HOME", "/elsewhere"));
    assert_eq!(proc::variable(pid, "HOME").as_deref(), Some("/elsewhere"));
}

/// A user who is a member of groups beside its own, and all its groups, from /etc/passwd and /etc/group.
fn user_with_groups() -> Option<(String, BTreeSet<u32>)> {
    let (passwd, group) = (fs::read_to_string("/etc/passwd").ok()?, fs::read_to_string("/etc/group").ok()?);
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let (name, own) = (fields[0], fields.get(3)?.parse().ok()?);
        let member = group.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            fields.get(3)?.split(',').any(|member| member == name).then(|| fields[2].parse().ok())?
        });
        let groups: BTreeSet<u32> = member.chain([own]).collect();
        (name != "root" && groups.len() > 1).then(|| (name.to_string(), groups))
    })
}

#[test]
fn a_user_brings_its_supplementary_groups() {
    let Some((user, groups)) = user_with_groups().filter(|_| is_root()) else {
        skip!("this takes root, and a user with supplementary groups");
    };
    let mut supervisor = Supervisor::start();
    let pid = start(&mut supervisor, "web", &sleeper().with("user", user.as_str()));
    assert_eq!(groups_of(pid), groups, "{user}");
}

#[test]
fn a_group_can_be_another_than_that_of_the_user() {
    let Some(group) = Group::from_name("nogroup").unwrap().filter(|_| is_root()) else {
        skip!("this takes root, and a group nogroup");
    };
    let gid = group.gid.as_raw();
    let mut supervisor = Supervisor::start();
    let pid = start(&mut supervisor, "group alone", &sleeper().with("group", "nogroup"));
    assert_eq!(proc::status_line(pid, "Gid"), all_four(gid));
    assert_eq!(proc::status_line(pid, "Uid"), all_four(0));
    let settings = sleeper().with("uid", 54_321).with("gid", 12_345);
    let pid = start(&mut supervisor, "without an account", &settings);
    assert_eq!(proc::status_line(pid, "Uid"), all_four(54_321));
    assert_eq!(proc::status_line(pid, "Gid"), all_four(12_345));
    assert_eq!(groups_of(pid), BTreeSet::from([12_345]));
}

#[test]
fn niceness_is_set_and_shown() {
    let mut supervisor = Supervisor::start();
    let inherited = proc::stat(supervisor.pid()).unwrap().nice;
    let pid = start(&mut supervisor, "polite", &sleeper().with("nice", 7));
    assert_eq!(proc::stat(pid).unwrap().nice, 7);
    let pid = start(&mut supervisor, "plain", &sleeper());
    assert_eq!(proc::stat(pid).unwrap().nice, inherited);
    let status = supervisor.call("status", &[]);
    let nice = |name| status.get("programs").and_then(|programs| programs.get(name)?.get("nice")?.as_i64());
    assert_eq!((nice("polite"), nice("plain")), (Some(7), Some(inherited.into())));
}

#[test]
fn disk_priority_is_set_and_shown() {
    let mut supervisor = Supervisor::start();
    let cases = [
        ("best-effort/6", "best-effort: prio 6", "best-effort", 6),
        ("3", "best-effort: prio 3", "best-effort", 3),
        ("idle", "idle", "idle", 0),
    ];
    for (given, seen, class, level) in cases {
        let name = given.replace('/', " ");
        let pid = start(&mut supervisor, &name, &sleeper().with("ionice", given));
        let Ok(output) = Command::new("ionice").args(["-p", &pid.to_string()]).output() else {
            skip!("ionice is missing");
        };
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), seen);
        let status = supervisor.call("status", crate::args!["program" => name.as_str()]);
        let program = status.get("programs").and_then(|programs| programs.get(&name)).unwrap();
        assert_eq!(program.get("ionice_class"), Some(&Value::from(class)));
        assert_eq!(program.get("ionice"), Some(&Value::Int(level)));
    }
}
