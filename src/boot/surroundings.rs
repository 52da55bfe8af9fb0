//! What programs find around them: a console, an environment, a name of the machine, 127.0.0.1.

use super::Domain;
use super::cannot;
use crate::sys::{machine, process, standard};
use nix::unistd::sethostname;
use std::env;
use std::fs;
use std::io;

const CONSOLE: &std::ffi::CStr = c"/dev/console";

/// Where programs are looked for, as login(1) has it for root; the kernel says nothing about it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Puts the console in the place of standard descriptors that the kernel could not open, as there was no /dev yet.
pub fn open_console(troubles: &mut Vec<String>) {
    if let Err(errno) = standard::open_what_was_closed(CONSOLE) {
        troubles.push(cannot("open /dev/console", errno));
    }
}

/// The kernel gives its first process `HOME=/` and `TERM=linux`, whatever its console is, and what it did not understand
/// of its own command line (init/main.c).
pub fn complete_environment() {
    let is = |name: &str, value: &str| env::var_os(name).is_none_or(|found| found == value);
    if is("PATH", "") {
        process::set_variable("PATH", PATH);
    }
    if is("HOME", "/") && fs::exists("/root").unwrap_or(false) {
        process::set_variable("HOME", "/root");
    }
    if is("TERM", "linux") && !machine::is_virtual_terminal(io::stderr()) {
        // What is at the other end of a line is not known; nearly everything does at least what this one did.
        process::set_variable("TERM", "vt220");
    }
}

/// Programs of one machine talk to each other over it.
pub fn bring_up_loopback(troubles: &mut Vec<String>) {
    if let Err(errno) = machine::bring_up_loopback() {
        troubles.push(cannot("bring up the loopback interface", errno));
    }
}

/// Sets the name of the machine: that which is configured, or else that of `/etc/hostname`.
pub fn set_name(configured: Option<&str>, domain: Domain) -> Option<String> {
    let file =
        || fs::read_to_string("/etc/hostname").ok().and_then(|text| name_in(&text).map(str::to_string));
    let name = configured.map(str::to_string).or_else(file)?;
    if domain == Domain::Container && shares_its_name() {
        // It would be the host that is renamed.
        return configured.map(|name| format!("the name {name} is not set: this container has its host's"));
    }
    sethostname(&name).err().map(|errno| cannot(&format!("set the name of the machine to '{name}'"), errno))
}

/// The first line that is no comment: hostname(5).
fn name_in(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Whether the name is that of the whole machine; `PROC_UTS_INIT_INO` of linux/proc_ns.h.
fn shares_its_name() -> bool {
    const FIRST: &str = "uts:[4026531838]";
    fs::read_link("/proc/self/ns/uts").map_or(true, |namespace| namespace.as_os_str() == FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_first_line_that_is_no_comment() {
        assert_eq!(name_in("# who we are\n\n  shed-1 \nother\n"), Some("shed-1"));
        assert_eq!(name_in("shed-1"), Some("shed-1"));
        assert_eq!(name_in("#\n\n"), None);
    }
}
