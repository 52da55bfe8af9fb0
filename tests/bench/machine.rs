//! What the machine and the kernel tell: where a run took place, and what a process has used.

use crate::Outcome;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::utsname::uname;
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A line on the machine, and on how busy it is with other things.
pub fn description() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": ")).map_or("unknown processor", |(_, model)| model);
    let kernel = uname().map(|it| it.release().to_string_lossy().into_owned()).unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("{cpus} cpus ({model}), {}, Linux {kernel}, load average {load}", std::env::consts::ARCH)
}

/// A line on the program that is measured.
pub fn build(binary: &Path) -> Outcome<String> {
    let contents = fs::read(binary).map_err(|error| format!("cannot read {}: {error}", binary.display()))?;
    // The path of the dynamic linker stands in a program that needs it (elf(5), PT_INTERP).
    let linker = b"/ld-";
    let head = contents.get(..4096).unwrap_or(&contents);
    let linking = if head.windows(linker.len()).any(|bytes| bytes == linker) { "dynamic" } else { "static" };
    Ok(format!("{}: {} KiB, {linking}", binary.display(), contents.len() / 1024))
}

/// The processor time that a process has used, all threads together.
pub fn cpu(pid: Pid) -> Outcome<Duration> {
    Ok(clock_gettime(clock_getcpuclockid(pid)?)?.into())
}

/// In bytes.
pub const MIB: f64 = 1024.0 * 1024.0;
/// What /proc counts in.
const KIB: f64 = 1024.0;

/// Memory that is a process's own, in MiB.
#[derive(Clone, Copy, Debug)]
pub struct Private {
    /// All of it: `Private_Clean` and `Private_Dirty`, or USS.
    pub all: f64,
    /// What is in no file.
    pub anonymous: f64,
}

/// The private memory of a process: `/proc/PID/smaps_rollup` of proc_pid_smaps(5).
pub fn private_memory(pid: Pid) -> Outcome<Private> {
    let sums = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let of = |name| field(&sums, name).map(|kib| kib * KIB / MIB);
    Ok(Private { all: of("Private_Clean:")? + of("Private_Dirty:")?, anonymous: of("Anonymous:")? })
}

/// Has the kernel forget what it holds of a file that nobody has mapped, as if the machine had just been started.
///
/// When a page of a program is touched, as much around it is mapped as the kernel holds in one piece. That is 64 KiB and
/// less of a file that was read as it was needed, and may be the whole file if it was written a moment ago, by a linker: so
/// the memory of a process would depend on when its program was built.
pub fn forget(path: &Path) -> Outcome<()> {
    let file = fs::File::open(path)?;
    file.sync_data()?;
    Ok(posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?)
}

/// How often the threads of a process were switched away from, by their own wish or not.
pub fn context_switches(pid: Pid) -> Outcome<f64> {
    let mut switches = 0.0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        switches +=
            field(&status, "voluntary_ctxt_switches:")? + field(&status, "nonvoluntary_ctxt_switches:")?;
    }
    Ok(switches)
}

fn field(lines: &str, name: &str) -> Outcome<f64> {
    let line = lines.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.split_whitespace().next()).and_then(|value| value.parse().ok());
    value.ok_or_else(|| format!("/proc has no {name}").into())
}
