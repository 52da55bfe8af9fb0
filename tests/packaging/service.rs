//! The unit for systemd.

use super::block;
use super::common::Scratch;
use super::tool::{run, tool};
use crate::skip;
use procnanny::config::supervisor::SHUTDOWN_TIMEOUT;
use std::process::Command;
use std::time::Duration;

const PROGRAM: &str = "/usr/bin/procnanny";

fn unit() -> &'static str {
    block("ini", "# procnanny.service")
}

/// The value of a setting that stands there once.
#[track_caller]
fn setting(name: &str) -> &'static str {
    let mut lines = unit().lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = lines.next().unwrap_or_else(|| panic!("there is no {name}"));
    assert_eq!(lines.next(), None, "{name}");
    value
}

#[test]
fn systemd_understands_the_unit() {
    if !Command::new("systemd-analyze").arg("--version").output().is_ok_and(|output| output.status.success())
    {
        skip!("there is no systemd-analyze");
    }
    let scratch = Scratch::new();
    let text = unit().replace(PROGRAM, env!("CARGO_BIN_EXE_procnanny"));
    std::fs::write(scratch.join("procnanny.service"), text).unwrap();
    let mut verify = Command::new("systemd-analyze");
    let verify = verify.args(["verify", "--man=no"]).arg(scratch.join("procnanny.service"));
    let output = verify.output().unwrap();
    // It looks at the units that this one names, too, of which any may have a mistake.
    let told = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = told.lines().filter(|line| line.contains("procnanny")).collect();
    assert!(ours.is_empty(), "{told}");
}

#[test]
fn its_commands_are_commands() {
    for name in ["ExecStart", "ExecReload"] {
        let command = setting(name).strip_prefix(PROGRAM).unwrap().trim();
        run(tool(&["help", command])).expect_done();
    }
    let killed_after = setting("TimeoutStopSec").strip_suffix('s').unwrap().parse().unwrap();
    let needed = SHUTDOWN_TIMEOUT + Duration::from_secs(5);
    assert!(
        Duration::from_secs(killed_after) > needed,
        "procnanny has to have the time to stop its programs"
    );
}
