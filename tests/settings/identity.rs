//! Groups, capabilities, no new privileges.

use crate::common::{Launcher, ProgramSettings, Supervisor, is_root, proc, sleeper, strings};
use crate::{failure, skip, start};
use procnanny::sys::capabilities;
use procnanny::wire::value::Value;

/// The sets that a process has, by their names in `/proc/PID/status`.
fn sets(pid: i32) -> [u64; 5] {
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|name| proc::signal_mask(pid, name))
}

fn as_nobody() -> ProgramSettings {
    sleeper().with("user", 65534).with("group", 65534)
}

#[test]
fn groups_replace_those_of_the_user() {
    if !is_root() {
        skip!("to join groups takes root");
    }
    let mut supervisor = Supervisor::start();
    let groups = |pid| proc::status_line(pid, "Groups");
    let numbers = Value::Array(vec![Value::Int(7), Value::from("70000")]);
    let pid = start(&mut supervisor, "two", &as_nobody().with("groups", numbers.clone()));
    assert_eq!(
        (groups(pid), proc::status_line(pid, "Gid")),
        ("7 70000".to_string(), ["65534"; 4].join("\t"))
    );
    let pid = start(&mut supervisor, "none", &as_nobody().with("groups", strings(&[])));
    assert_eq!(groups(pid), "");
    let pid = start(&mut supervisor, "ours", &sleeper().with("groups", numbers));
    assert_eq!((groups(pid), proc::status_line(pid, "Uid")), ("7 70000".to_string(), ["0"; 4].join("\t")));
    let pid = start(&mut supervisor, "by name", &as_nobody().with("groups", strings(&["root"])));
    assert_eq!(groups(pid), "0");
}

#[test]
fn capabilities_are_all_that_is_left() {
    if !is_root() {
        skip!("to cut the bounding set takes root");
    }
    let mut supervisor = Supervisor::start();
    let kept = capabilities::named("net_bind_service").unwrap() | capabilities::named("kill").unwrap();
    let names = strings(&["CAP_NET_BIND_SERVICE", "kill"]);
    // An ordinary user has them in all sets: they are ambient.
    let pid = start(&mut supervisor, "user", &as_nobody().with("capabilities", names.clone()));
    assert_eq!(sets(pid), [kept; 5]);
    assert_eq!(proc::status_line(pid, "Uid"), ["65534"; 4].join("\t"));
    // Root has what the bounding set leaves.
    let pid = start(&mut supervisor, "root", &sleeper().with("capabilities", names));
    assert_eq!(sets(pid), [0, kept, kept, kept, 0]);
    let pid = start(&mut supervisor, "root without", &sleeper().with("capabilities", strings(&[])));
    assert_eq!(sets(pid), [0; 5]);
    let pid = start(&mut supervisor, "user without", &as_nobody().with("capabilities", strings(&[])));
    assert_eq!(sets(pid), [0; 5]);
    // Who may change its user may do so.
    let pid = start(&mut supervisor, "setuid", &as_nobody().with("capabilities", strings(&["setuid"])));
    assert_eq!(sets(pid), [capabilities::named("setuid").unwrap(); 5]);
    // Without the setting nothing changes for root, and a user has none.
    let ours = sets(supervisor.pid());
    let pid = start(&mut supervisor, "as we are", &sleeper());
    assert_eq!(sets(pid), [0, ours[3], ours[3], ours[3], 0]);
    let pid = start(&mut supervisor, "as nobody", &as_nobody());
    assert_eq!(sets(pid), [0, 0, 0, ours[3], 0]);
}

#[test]
fn what_the_supervisor_does_not_have_it_cannot_give() {
    if !is_root() {
        skip!("to cut the bounding set takes root");
    }
    let missing = !capabilities::own_permitted().unwrap() & capabilities::of_kernel();
    let mut supervisor = Supervisor::start();
    let Some(name) = capabilities::names(missing).next() else { skip!("we have all capabilities") };
    let settings = as_nobody().with("capabilities", strings(&[name]));
    let reason = failure(&mut supervisor, "web", &settings);
    let expected = format!("capabilities: Operation not permitted (the supervisor itself has no {name})");
    assert_eq!(reason, expected);
}

#[test]
fn new_privileges_are_refused() {
    let mut supervisor = Supervisor::start();
    let refused = |pid| proc::status_line(pid, "NoNewPrivs");
    let pid = start(&mut supervisor, "refused", &sleeper().with("no_new_privileges", true));
    assert_eq!(refused(pid), "1");
    let pid = start(&mut supervisor, "as we are", &sleeper().with("no_new_privileges", false));
    assert_eq!(refused(pid), proc::status_line(supervisor.pid(), "NoNewPrivs"));
    if is_root() {
        let settings = as_nobody().with("no_new_privileges", true).with("capabilities", strings(&["kill"]));
        let pid = start(&mut supervisor, "both", &settings);
        assert_eq!((refused(pid).as_str(), sets(pid)), ("1", [1 << 5; 5]));
    }
}

#[test]
fn an_ordinary_user_can_only_give_up() {
    let mut supervisor = Launcher::new().ordinary_user().start();
    let pid = start(&mut supervisor, "refused", &sleeper().with("no_new_privileges", true));
    assert_eq!(proc::status_line(pid, "NoNewPrivs"), "1");
    let settings = sleeper().with("capabilities", strings(&["kill"]));
    let reason = failure(&mut supervisor, "capabilities", &settings);
    assert_eq!(reason, "capabilities: Operation not permitted (the supervisor itself has no kill)");
    let reason = failure(&mut supervisor, "groups", &sleeper().with("groups", strings(&["0"])));
    assert_eq!(reason, "groups: Operation not permitted");
}
