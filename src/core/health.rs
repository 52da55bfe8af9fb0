//! Whether a run is in health: what its checks and looks at its memory amount to. Pure; the shell runs the checks.

use std::fmt;
use std::time::Duration;

/// The settings that decide when a process that runs is given up on. They take effect at once when they are changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthPolicy {
    /// `health`; boxed, as most programs have none.
    pub check: Option<Box<HealthCheck>>,
    /// `memory_limit`, in bytes.
    pub memory_limit: Option<u64>,
}

/// A command that says by its exit code whether an instance is in health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What to execute, before substitution.
    pub command: String,
    /// Its arguments, before substitution.
    pub args: Vec<String>,
    /// How long after the start, and after the end of the last check, the next one begins.
    pub interval: Duration,
    /// How long it may take before it is killed, which is a failure.
    pub timeout: Duration,
    /// How many failures in a row make the instance unhealthy; at least 1.
    pub retries: u32,
    /// Failures of checks that began so soon after the start do not count, until one has succeeded.
    pub start_period: Duration,
}

/// What the checks of a run have said until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What follows from them.
    pub standing: Standing,
    /// How many have failed in a row.
    pub failures: u32,
}

/// Whether an instance is in health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// No check has succeeded yet.
    #[default]
    Starting,
    /// A check has succeeded, and not enough have failed since.
    Healthy,
    /// Enough checks in a row have failed.
    Unhealthy,
}

/// Why a process was given up on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ailment {
    /// Its health check failed again and again.
    Check {
        /// What the check did the last time, to follow its name.
        words: Box<str>,
        /// How often it failed in a row.
        failures: u32,
    },
    /// Its memory stayed above the limit.
    Memory {
        /// Its resident set, in bytes.
        resident: u64,
        /// `memory_limit`, in bytes.
        limit: u64,
    },
    /// It had not said in this time that it is ready.
    NotReady(Duration),
    /// It had not said for this time that it still works.
    Silent(Duration),
    /// It had said itself that it does not work any more.
    Broken,
}

/// At so many looks in a row the resident set is above `memory_limit` before a process is given up on.
pub const LOOKS_ABOVE: u32 = 2;

impl HealthPolicy {
    /// Whether anything is watched at all.
    pub fn is_on(&self) -> bool {
        self.check.is_some() || self.memory_limit.is_some()
    }
}

impl Record {
    /// A check has succeeded.
    pub fn succeeded(&mut self) {
        *self = Self { standing: Standing::Healthy, failures: 0 };
    }

    /// A check has failed that began when the run was this old.
    pub fn failed(&mut self, check: &HealthCheck, age: Duration) {
        if self.standing == Standing::Starting && age < check.start_period {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= check.retries {
            self.standing = Standing::Unhealthy;
        }
    }
}

impl Standing {
    /// The word that people and the wire use.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Starting => "starting",
            Standing::Healthy => "healthy",
            Standing::Unhealthy => "unhealthy",
        }
    }
}

impl fmt::Display for Ailment {
    /// A sentence, as a reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ailment::Check { words, failures: 0 | 1 } => write!(f, "unhealthy: its health check {words}"),
            Ailment::Check { words, failures } => {
                write!(f, "unhealthy: its health check {words}, the last of {failures} failures in a row")
            }
            Ailment::Memory { resident, limit } => {
                let (resident, limit) = (Size(*resident), Size(*limit));
                write!(f, "its memory ({resident}) stayed above memory_limit ({limit})")
            }
            Ailment::NotReady(time) => write!(f, "did not say in {} that it is ready", Seconds(*time)),
            Ailment::Silent(time) => write!(f, "its watchdog was not fed for {}", Seconds(*time)),
            Ailment::Broken => f.write_str("set off its watchdog itself"),
        }
    }
}

/// A duration in seconds, to the millisecond: `10 s`, `0.25 s`.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        write!(f, "{} s", Duration::from_millis(millis).as_secs_f64())
    }
}

/// A number of bytes, shown in MiB with at most one decimal, or below one in KiB.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1 << 20 {
            return write!(f, "{} KiB", self.0.div_ceil(1 << 10));
        }
        // In tenths, rounded.
        let tenths = (u128::from(self.0) * 10 + (1 << 19)) >> 20;
        match tenths % 10 {
            0 => write!(f, "{} MiB", tenths / 10),
            tenth => write!(f, "{}.{tenth} MiB", tenths / 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(retries: u32, start_period: u64) -> HealthCheck {
        HealthCheck {
            command: "true".to_string(),
            args: Vec::new(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(30),
            retries,
            start_period: Duration::from_secs(start_period),
        }
    }

    const LATE: Duration = Duration::from_secs(100);

    #[test]
    fn only_failures_in_a_row_make_it_unhealthy() {
        let check = check(3, 0);
        let mut record = Record::default();
        for _ in 0..5 {
            record.failed(&check, LATE);
            record.failed(&check, LATE);
            record.succeeded();
            assert_eq!(record, Record { standing: Standing::Healthy, failures: 0 });
        }
        record.failed(&check, LATE);
        record.failed(&check, LATE);
        assert_eq!(record.standing, Standing::Healthy);
        record.failed(&check, LATE);
        assert_eq!(record, Record { standing: Standing::Unhealthy, failures: 3 });
    }

    #[test]
    fn failures_of_the_beginning_do_not_count_until_one_succeeded() {
        let check = check(1, 10);
        let early = Duration::from_secs(9);
        let mut record = Record::default();
        record.failed(&check, early);
        assert_eq!(record, Record::default());
        record.succeeded();
        record.failed(&check, early);
        assert_eq!(record.standing, Standing::Unhealthy);
        let mut record = Record::default();
        record.failed(&check, Duration::from_secs(10));
        assert_eq!(record.standing, Standing::Unhealthy);
    }

    #[test]
    fn ailments_are_sentences() {
        let ailment = |failures| Ailment::Check { words: "exited with code 1".into(), failures };
        assert_eq!(ailment(1).to_string(), "unhealthy: its health check exited with code 1");
        let thrice = "unhealthy: its health check exited with code 1, the last of 3 failures in a row";
        assert_eq!(ailment(3).to_string(), thrice);
        let memory = |resident, limit| Ailment::Memory { resident, limit }.to_string();
        let sentence = "its memory (612 MiB) stayed above memory_limit (512 MiB)";
        assert_eq!(memory(612 << 20, 512 << 20), sentence);
        let sentence = "its memory (1.3 MiB) stayed above memory_limit (500 KiB)";
        assert_eq!(memory((1 << 20) + 300_000, 500 << 10), sentence);
        let time = Duration::from_micros(250_400);
        assert_eq!(Ailment::NotReady(time).to_string(), "did not say in 0.25 s that it is ready");
        let time = Duration::from_secs(10);
        assert_eq!(Ailment::Silent(time).to_string(), "its watchdog was not fed for 10 s");
        assert_eq!(Ailment::Broken.to_string(), "set off its watchdog itself");
        assert!(memory(u64::MAX, 0).contains("(17592186044416 MiB) stayed above memory_limit (0 KiB)"));
    }
}
