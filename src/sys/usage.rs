//! What a process uses, as `/proc` shows it at that moment.

use std::fs;
use std::io;

use nix::unistd::{SysconfVar, sysconf};

use super::process::{self, Pid};

/// What a process uses, or has used up to now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessUsage {
    /// CPU time in user mode, in seconds, of all its threads.
    pub user_seconds: f64,
    /// CPU time in the kernel, in seconds, of all its threads.
    pub system_seconds: f64,
    /// Memory that is in RAM now, in bytes.
    pub resident_bytes: u64,
    /// How many threads it has.
    pub threads: u64,
}

/// What a process uses: two files, which take the kernel some ten microseconds and never wait for anything. What its
/// children use is not in it.
///
/// Only a child that was not reaped yet is sure to be the one that is meant.
///
/// # Errors
/// When `/proc` is not mounted, or does not show us this process.
pub fn of_process(pid: Pid) -> io::Result<ProcessUsage> {
    let stat = process::stat(pid)?;
    let ticks = sysconf(SysconfVar::CLK_TCK)?.and_then(|ticks| u64::try_from(ticks).ok()).unwrap_or(0);
    let (user_seconds, system_seconds, threads) =
        parse(&stat, ticks.max(1)).ok_or_else(process::strange_stat)?;
    // That file has it too, but without what each processor has not added up yet: some MiB on a large host.
    let resident_bytes = process::resident_bytes(pid)?;
    Ok(ProcessUsage { user_seconds, system_seconds, resident_bytes, threads })
}

/// Reads the fields that proc_pid_stat(5) numbers 14, 15 and 20: two times, in seconds, and a number of threads.
fn parse(stat: &str, ticks_a_second: u64) -> Option<(f64, f64, u64)> {
    let mut fields = process::stat_fields(stat)?.skip(11);
    let mut next = |skipped: usize| fields.nth(skipped)?.parse::<u64>().ok();
    let (user, system) = (next(0)?, next(0)?);
    let threads = next(4)?;
    let seconds = |ticks: u64| ticks as f64 / ticks_a_second as f64;
    Some((seconds(user), seconds(system), threads))
}

/// How many descriptors we have open.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn own_descriptors() -> io::Result<u64> {
    const DIRECTORY: &str = "/proc/self/fd";
    // Since Linux 6.2 the size of the directory is their number: proc_pid_fd(5). Before that it is 0.
    match fs::metadata(DIRECTORY)?.len() {
        // The one that it is read by is counted too.
        0 => Ok(u64::try_from(fs::read_dir(DIRECTORY)?.count()).unwrap_or(u64::MAX).saturating_sub(1)),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn fields_are_counted_from_the_end_of_the_name() {
        let stat = "7 (a) b (c) ) S 1 7 7 0 -1 4194560 90 0 0 0 250 31 0 0 20 0 3 0 8211 5000000 420 \
                    18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
        assert_eq!(parse(stat, 100), Some((2.5, 0.31, 3)));
        assert_eq!(parse("7 (x) S 1 7 7 0 -1 4194560 90 0 0 0 250 31 0", 100), None);
        assert_eq!(parse("", 100), None);
    }

    #[test]
    fn our_own_is_that_of_the_other_sources() {
        let usage = of_process(Pid::own()).unwrap();
        let resident = process::resident_bytes(Pid::own()).unwrap();
        // Other tests run meanwhile.
        assert!(usage.resident_bytes.abs_diff(resident) < 64 << 20, "{usage:?}, {resident}");
        let later = process::usage().unwrap();
        assert!(usage.user_seconds <= later.user_seconds + 0.02, "{usage:?}, {later:?}");
        assert!(usage.threads >= 1);
        assert!(of_process(Pid::new(i32::MAX).unwrap()).is_err());
    }

    #[test]
    fn descriptors_are_counted() {
        let listed = fs::read_dir("/proc/self/fd").unwrap().count();
        let held: Vec<File> = (0..100).map(|_| File::open("/dev/null").unwrap()).collect();
        // Other tests run meanwhile, and open few.
        assert!(own_descriptors().unwrap() + 50 > u64::try_from(listed + held.len()).unwrap());
    }
}
