//! The restart policy: what follows a run that ended by itself, and how long the next start is delayed.

use super::program::{Restart, RestartPolicy};
use super::state::{AdminState, Verdict};
use std::time::Duration;

/// How a process ended, as wait(2) tells it, or that it never came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It called exit with this code, 0 to 255.
    Exited(i32),
    /// A signal ended it.
    Killed(i32),
    /// Its program could not be executed.
    NotExecuted,
}

/// How far a run had come when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It was not yet known to be healthy.
    Starting,
    /// It was healthy.
    Running,
}

/// A run that ended without having been asked to.
#[derive(Clone, Copy, Debug)]
pub struct EndedRun {
    /// How it ended.
    pub ending: Ending,
    /// How far it had come.
    pub reached: Reached,
    /// How long it lasted.
    pub duration: Duration,
}

/// What the policy says of the end of a run, and the flap count from now on.
///
/// A run under `once` is expected to end, so it is never a flap.
pub fn judge(policy: &RestartPolicy, admin: AdminState, run: EndedRun, flap_count: u32) -> (Verdict, u32) {
    match admin {
        AdminState::Once | AdminState::Down => return (Verdict::Done, flap_count),
        AdminState::Up => {}
    }
    let flapped = is_flap(policy, run);
    let flap_count = if flapped { flap_count.saturating_add(1) } else { flap_count };
    let verdict = if !is_restarted(policy, run.ending) {
        Verdict::Done
    } else if !flapped {
        Verdict::Again
    } else if policy.give_up_after > 0 && flap_count >= policy.give_up_after {
        Verdict::GiveUp
    } else if flap_count > policy.flap_max {
        Verdict::Flapping
    } else {
        Verdict::Flap
    };
    (verdict, flap_count)
}

/// Whether the ending counts as a failure of the program.
pub fn is_failure(policy: &RestartPolicy, ending: Ending) -> bool {
    match ending {
        Ending::Exited(code) => !policy.success_exit_codes.contains(&code),
        Ending::Killed(_) | Ending::NotExecuted => true,
    }
}

/// The delay before the start that follows flap number `flap_count`: `backoff_min`, doubled for each flap after
/// the first, at most `backoff_max`, and up to a tenth more or less so that a herd does not move in step.
///
/// `jitter` is any number; equally distributed numbers give equally distributed delays.
pub fn backoff_delay(policy: &RestartPolicy, flap_count: u32, jitter: u32) -> Duration {
    let doublings = flap_count.saturating_sub(1).min(31);
    spread(policy.backoff_min.saturating_mul(1 << doublings).min(policy.backoff_max), jitter)
}

/// A delay, up to a tenth more or less, so that a herd does not move in step. `jitter` as for [`backoff_delay`].
pub fn spread(delay: Duration, jitter: u32) -> Duration {
    // From 0.9 to 1.1 in steps of 1/4096: enough to spread a herd.
    let share = 0.9 + f64::from(jitter % 4096) / 4095.0 * 0.2;
    delay.mul_f64(share)
}

fn is_flap(policy: &RestartPolicy, run: EndedRun) -> bool {
    match (run.ending, run.reached) {
        (Ending::NotExecuted, _) | (_, Reached::Starting) => true,
        // A program that is ready at once and dies at once is no less of a storm.
        (_, Reached::Running) => run.duration < policy.backoff_min,
    }
}

fn is_restarted(policy: &RestartPolicy, ending: Ending) -> bool {
    match policy.restart {
        Restart::Always => true,
        Restart::OnFailure => is_failure(policy, ending),
        Restart::Never => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(ending: Ending, reached: Reached, seconds: f64) -> EndedRun {
        EndedRun { ending, reached, duration: Duration::from_secs_f64(seconds) }
    }

    fn judged(policy: &RestartPolicy, ending: Ending, reached: Reached, flaps: u32) -> (Verdict, u32) {
        judge(policy, AdminState::Up, run(ending, reached, 1.0), flaps)
    }

    #[test]
    fn an_exit_from_running_is_no_flap() {
        let policy = RestartPolicy::default();
        assert_eq!(judged(&policy, Ending::Exited(1), Reached::Running, 3), (Verdict::Again, 3));
    }

    #[test]
    fn a_run_shorter_than_backoff_min_is_a_flap_whatever_it_reached() {
        let policy = RestartPolicy::default();
        let short = run(Ending::Exited(0), Reached::Running, 0.4);
        assert_eq!(judge(&policy, AdminState::Up, short, 0), (Verdict::Flap, 1));
        let off = RestartPolicy { backoff_min: Duration::ZERO, ..policy };
        assert_eq!(judge(&off, AdminState::Up, short, 0), (Verdict::Again, 0));
    }

    #[test]
    fn above_flap_max_it_backs_off() {
        let policy = RestartPolicy::default();
        assert_eq!(judged(&policy, Ending::Exited(0), Reached::Starting, 4), (Verdict::Flap, 5));
        assert_eq!(judged(&policy, Ending::Exited(0), Reached::Starting, 5), (Verdict::Flapping, 6));
        let strict = RestartPolicy { flap_max: 0, ..policy };
        assert_eq!(judged(&strict, Ending::Exited(0), Reached::Starting, 0), (Verdict::Flapping, 1));
    }

    #[test]
    fn it_gives_up_at_the_nth_flap() {
        let policy = RestartPolicy { give_up_after: 2, ..RestartPolicy::default() };
        assert_eq!(judged(&policy, Ending::NotExecuted, Reached::Starting, 0), (Verdict::Flap, 1));
        assert_eq!(judged(&policy, Ending::NotExecuted, Reached::Starting, 1), (Verdict::GiveUp, 2));
    }

    #[test]
    fn restart_says_what_is_restarted() {
        let on_failure = RestartPolicy {
            restart: Restart::OnFailure,
            success_exit_codes: vec![0, 7],
            ..RestartPolicy::default()
        };
        assert_eq!(judged(&on_failure, Ending::Exited(7), Reached::Running, 0).0, Verdict::Done);
        assert_eq!(judged(&on_failure, Ending::Exited(1), Reached::Running, 0).0, Verdict::Again);
        assert_eq!(judged(&on_failure, Ending::Killed(15), Reached::Running, 0).0, Verdict::Again);
        let never = RestartPolicy { restart: Restart::Never, ..RestartPolicy::default() };
        assert_eq!(judged(&never, Ending::Killed(9), Reached::Starting, 0), (Verdict::Done, 1));
    }

    #[test]
    fn a_run_under_once_is_never_a_flap() {
        let policy = RestartPolicy::default();
        let short = run(Ending::Exited(1), Reached::Starting, 0.1);
        assert_eq!(judge(&policy, AdminState::Once, short, 2), (Verdict::Done, 2));
    }

    #[test]
    fn delays_double_up_to_the_cap() {
        let policy = RestartPolicy::default();
        let middle = |flaps| backoff_delay(&policy, flaps, 2048).as_secs_f64();
        for (flaps, seconds) in
            [(0, 0.5), (1, 0.5), (2, 1.0), (3, 2.0), (7, 32.0), (8, 60.0), (u32::MAX, 60.0)]
        {
            assert!((middle(flaps) - seconds).abs() < 0.01 * seconds, "{flaps} flaps: {}", middle(flaps));
        }
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_tenth(flaps in 0u32..100, jitter: u32) {
            let policy = RestartPolicy::default();
            let delay = backoff_delay(&policy, flaps, jitter).as_secs_f64();
            let plain = (0.5 * 2f64.powf(f64::from(flaps.saturating_sub(1).min(31)))).min(60.0);
            prop_assert!(delay >= plain * 0.899 && delay <= plain * 1.101);
        }
    }
}
