//! Fixtures of the tests: a real supervisor in a directory of its own, clients of it, and a look into `/proc`.
//!
//! A guard owns each process and each directory: when it is dropped, also by a failed test, nothing stays behind.
#![allow(dead_code, unused_imports, reason = "each test binary compiles all of this and uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod client;
pub mod events;
pub mod namespace;
pub mod proc;
pub mod programs;
pub mod scratch;
pub mod supervisor;
mod watcher;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

pub use client::{Arguments, Client, Refusal, Row, strings};
pub use events::{EventLog, EventSource, Subscriber};
pub use namespace::namespace;
pub use programs::{ProgramSettings, command, deaf, shell, sleeper};
pub use scratch::Scratch;
pub use supervisor::{Launcher, Supervisor};

/// How long a test waits for what has to come. Far beyond what it takes, since machines are slow.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The pause between two looks at something that has no event.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until `look` finds something, and returns it.
///
/// # Panics
/// When there is nothing within `deadline`; the message tells `what` was awaited.
#[track_caller]
pub fn eventually<T>(what: &str, deadline: Duration, look: impl FnMut() -> Option<T>) -> T {
    within(deadline, look).unwrap_or_else(|| panic!("not within {deadline:?}: {what}"))
}

/// As [`eventually`], for those who go on without it.
pub fn within<T>(deadline: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let found = look();
        if found.is_some() || begun.elapsed() >= deadline {
            return found;
        }
        std::thread::sleep(PAUSE);
    }
}

/// As [`eventually`], for what is true or not.
#[track_caller]
pub fn eventually_true(what: &str, mut look: impl FnMut() -> bool) {
    eventually(what, DEADLINE, || look().then_some(()));
}

/// Waits until there are so many lines in a file, and returns them.
#[track_caller]
pub fn lines(path: &Path, count: usize) -> Vec<String> {
    eventually(&format!("{count} lines in {}", path.display()), DEADLINE, || {
        let text = fs::read_to_string(path).ok()?;
        let whole: Vec<String> = text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .map(str::to_string)
            .collect();
        (whole.len() >= count).then_some(whole)
    })
}

/// Checks that a delay was kept. It counts from the beginning of the turn of the loop in which it began, which on a slow
/// machine may be a while before anything is seen of it.
#[track_caller]
pub fn expect_delay(seconds: f64, nominal: f64) {
    assert!(seconds >= nominal / 2.0, "it took {seconds} s, where {nominal} s were to be waited");
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Prints why a test is skipped and returns from it.
#[macro_export]
macro_rules! skip {
    ($($why:tt)*) => {{
        println!("skipped: {}", format_args!($($why)*));
        return;
    }};
}

/// Arguments of a request: `args!["program" => "web", "instances" => 3]`.
#[macro_export]
macro_rules! args {
    ($($name:expr => $value:expr),* $(,)?) => {
        &[$(($name, procnanny::wire::value::Value::from($value))),*] as $crate::common::Arguments<'_>
    };
}
