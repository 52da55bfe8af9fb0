//! A process that cleans up after a test whose own process was killed, by a time limit or by hand, when no guard is
//! dropped any more. It waits for the end of a pipe that the test's process holds.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `$1` is the supervisor, `$2` the variable that marks it and all that it starts, `$3` the directory of the test.
const SCRIPT: &str = r#"
is_marked() { tr '\0' '\n' 2>/dev/null < "/proc/$1/environ" | grep -qx "$2"; }
# What ends the test may be sent to all of its group.
trap '' INT TERM HUP QUIT
read -r line
is_marked "$1" "$2" && kill -TERM "$1"
tries=0
while is_marked "$1" "$2" && [ $tries -lt 30 ]; do sleep 0.1; tries=$((tries + 1)); done
for directory in /proc/[0-9]*; do
    is_marked "${directory#/proc/}" "$2" && kill -KILL "${directory#/proc/}"
done
rm -rf "$3"
"#;

/// The process; it ends without a trace when this is dropped.
#[derive(Debug)]
pub struct Watcher(Child);

impl Watcher {
    /// Watches over a supervisor.
    pub fn over(supervisor: u32, (name, value): (&str, &str), directory: &Path) -> Self {
        let (supervisor, mark) = (supervisor.to_string(), format!("{name}={value}"));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "sh", &supervisor, &mark]).arg(directory);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
