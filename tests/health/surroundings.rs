//! What a check is given: that it runs as the program does.

use crate::common::{Supervisor, is_root, proc, sleeper, strings};
use crate::{check, checked, lines};
use procnanny::wire::value::Value;
use std::fs;

#[test]
fn a_check_runs_as_the_program_does() {
    let mut supervisor = Supervisor::start();
    let scratch = supervisor.scratch().path().to_path_buf();
    let (place, told) = (scratch.join("place"), scratch.join("told"));
    fs::create_dir(&place).unwrap();
    // Found in the PATH of the program, and nowhere else.
    supervisor.scratch().program(
        "probe",
        "#!/bin/sh\ncat\nexec 9>&1 > told\nid -u; pwd; umask; ulimit -n; echo \"$@\"\n\
         echo \"$PROCNANNY_PROGRAM $PROCNANNY_INSTANCE $PROCNANNY_PID $A\"\n\
         readlink /proc/$$/fd/0 /proc/$$/fd/9 /proc/$$/fd/2\n\
         cut -d' ' -f5,6 /proc/$$/stat | sed \"s/$$/own/g\"\nmv told ../told\n",
        "755",
    );
    let probe = [("command", Value::from("probe")), ("args", strings(&["%n", "%i", "%%"]))];
    let path = format!("{}:/usr/bin:/bin", scratch.display());
    let mut settings = checked(sleeper(), check("", probe))
        .with("directory", place.to_str().unwrap())
        .with("umask", "0002")
        .with("limits", Value::map([("nofile", Value::Int(99))]))
        .with_env("PATH", &path)
        .with_env("A", "b");
    let mut uid = nix::unistd::getuid().as_raw();
    if is_root() {
        uid = 65534;
        for owned in [&scratch, &place] {
            std::os::unix::fs::chown(owned, Some(uid), None).unwrap();
        }
        settings = settings.with("user", 65534).with("group", 65534);
    }
    let pid = supervisor.create_running("web", &settings)[0].pid;
    let place = place.display().to_string();
    let (uid, of_program) = (uid.to_string(), format!("web 0 {pid} b"));
    let null = "/dev/null";
    let expected = [&uid, &place, "0002", "99", "web 0 %", &of_program, null, null, null, "own own"];
    assert_eq!(lines(&told, expected.len()), expected);
    assert_eq!(proc::variable(pid, "PROCNANNY_PID"), None, "the program itself does not get it");
    crate::until_health(&mut supervisor, "web", "healthy");
}
