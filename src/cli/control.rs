//! Commands on instances: a request that waits until it is so, and a line for what became of each.

use super::arguments::{Restart, Signal, Transition};
use super::client::{Call, Client};
use super::exit::{Exit, Failure, Refusal, complain, say};
use super::render::instances::{self, integer, name_of, results_table, text};
use super::render::style::Look;
use super::render::text::shell_word;
use super::values::Period;
use crate::api::arguments::LONGEST_WAIT;
use crate::config::units;
use crate::core::state::{AdminState, StateName};
use crate::sys::signals::signal_number;
use crate::wire::value::Value;
use std::time::Duration;

/// When a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// As soon as it is on its way.
    No,
    /// When it is so, or when this time is over; the supervisor's own unless given.
    UntilDone(Option<Duration>),
}

/// When an instance is as it was asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Success {
    /// When it is running.
    Running,
    /// When it is running, or was started once and has ended well.
    RunningOrDone,
    /// When it is running if it is wanted up.
    RunningIfWanted,
    /// Whatever it is: the supervisor waited for what was asked for.
    Any,
}

impl Wait {
    /// What `--no-wait` and `--timeout` say.
    ///
    /// # Errors
    /// Both at once, and a time longer than a request may take.
    pub fn new(no_wait: bool, timeout: Option<Period>) -> Result<Self, Failure> {
        match (no_wait, timeout) {
            (true, None) => Ok(Wait::No),
            (true, Some(_)) => Err(Failure::Usage(
                "--no-wait and --timeout contradict each other; leave one out".to_string(),
            )),
            (false, timeout) => bounded(timeout).map(Wait::UntilDone),
        }
    }

    /// Adds it to a request.
    pub fn of(self, call: Call) -> Call {
        match self {
            Wait::No => call,
            Wait::UntilDone(timeout) => call.waiting(timeout),
        }
    }
}

/// A time that a request may take.
///
/// # Errors
/// [`Failure::Usage`] for a longer one.
pub fn bounded(timeout: Option<Period>) -> Result<Option<Duration>, Failure> {
    match timeout {
        Some(Period(time)) if time > LONGEST_WAIT => {
            let longest = units::format_duration(LONGEST_WAIT);
            Err(Failure::Usage(format!("--timeout: nothing waits for longer than {longest}")))
        }
        Some(Period(time)) => Ok(Some(time)),
        None => Ok(None),
    }
}

/// `start`, `stop`, `once`, `kill`, `reset`.
///
/// # Errors
/// Everything that keeps it from being so.
pub fn on_selection(
    connect: impl FnOnce() -> Result<Client, Failure>,
    method: &str,
    selectors: &[String],
    wait: Wait,
    success: Success,
) -> Result<Exit, Failure> {
    require(method, selectors)?;
    let call = wait.of(Call::new(method).selecting(selectors));
    let success = if wait == Wait::No { Success::Any } else { success };
    carry_out(&mut connect()?, &call, success)
}

/// `restart`.
///
/// # Errors
/// As [`on_selection`].
pub fn restart(
    connect: impl FnOnce() -> Result<Client, Failure>,
    restart: &Restart,
) -> Result<Exit, Failure> {
    require("restart", &restart.selectors)?;
    let wait = Wait::new(restart.no_wait, restart.timeout)?;
    let mut call = Call::new("restart").selecting(&restart.selectors);
    match (restart.rolling, restart.parallel) {
        (false, None) => {}
        (false, Some(_)) => return Err(Failure::Usage("--parallel is for --rolling: give both".to_string())),
        (true, parallel) => call = call.with("rolling", true).with("parallel", parallel.unwrap_or(1)),
    }
    let success = match (wait, restart.rolling) {
        (Wait::No, _) => Success::Any,
        (Wait::UntilDone(_), false) => Success::Running,
        // What is down is left so.
        (Wait::UntilDone(_), true) => Success::RunningIfWanted,
    };
    carry_out(&mut connect()?, &wait.of(call), success)
}

/// `signal`.
///
/// # Errors
/// As [`on_selection`].
pub fn signal(connect: impl FnOnce() -> Result<Client, Failure>, signal: &Signal) -> Result<Exit, Failure> {
    require("signal", &signal.selectors)?;
    let Some(number) = signal_number(&signal.signal) else {
        let sentence = format!("there is no signal '{}'; 'kill -l' lists them", signal.signal);
        return Err(Failure::Usage(sentence));
    };
    let call = Call::new("signal").selecting(&signal.selectors).with("signal", number);
    carry_out(&mut connect()?, &call, Success::Any)
}

/// `transition`.
///
/// # Errors
/// As [`on_selection`].
pub fn transition(
    connect: impl FnOnce() -> Result<Client, Failure>,
    transition: &Transition,
) -> Result<Exit, Failure> {
    require("transition", &transition.selectors)?;
    let wait = Wait::new(transition.no_wait, transition.timeout)?;
    let call =
        Call::new("transition").selecting(&transition.selectors).with("state", transition.state.as_str());
    carry_out(&mut connect()?, &wait.of(call), Success::Any)
}

/// Asks, says what became of each instance, and what is not as it should be.
///
/// # Errors
/// Everything that keeps it from being so.
pub fn carry_out(client: &mut Client, call: &Call, success: Success) -> Result<Exit, Failure> {
    let reply = client.exchange(call)?;
    let refusal = Refusal::of(&reply);
    let rows = instances::results(&reply);
    say(&results_table(rows).render(Look::of_stdout()))?;
    if let Some(refusal) = refusal {
        return Err(Failure::Refused(refusal));
    }
    let mut exit = Exit::Done;
    for row in rows {
        if is_as_asked(row, success) || (success == Success::RunningOrDone && has_ended_well(client, row)?) {
            continue;
        }
        complain(&complaint(row, success));
        exit = Exit::Failed;
    }
    Ok(exit)
}

/// Whether an instance is as it was asked to be, as far as its row tells.
fn is_as_asked(row: &Value, success: Success) -> bool {
    let running = text(row, "state") == StateName::Running.as_str();
    match success {
        Success::Running | Success::RunningOrDone => running,
        Success::RunningIfWanted => running || !is_wanted(row),
        Success::Any => true,
    }
}

/// Whether an instance that was to run once has done so with success. The row of a command has no exit code.
fn has_ended_well(client: &mut Client, row: &Value) -> Result<bool, Failure> {
    if is_wanted(row) || text(row, "state") != StateName::Exited.as_str() {
        return Ok(false);
    }
    let reply = client.request(&Call::new("list").selecting(&[name_of(row)]))?;
    let instances = reply.get("instances").and_then(Value::as_array).unwrap_or_default();
    Ok(instances.first().is_some_and(|instance| integer(instance, "exitcode") == 0))
}

fn is_wanted(row: &Value) -> bool {
    text(row, "admin_state") != AdminState::Down.as_str()
}

/// What is not as it should be, and what to do about it.
fn complaint(row: &Value, success: Success) -> String {
    let (name, state) = (name_of(row), text(row, "state"));
    let reason =
        row.get("reason").and_then(Value::text).map(|reason| format!(": {reason}")).unwrap_or_default();
    let next = if state == StateName::Waiting.as_str() {
        "it starts when that is there".to_string()
    } else if is_wanted(row) && state != StateName::Failed.as_str() {
        format!("the supervisor tries again; 'procnanny status {}' shows when", shell_word(&name))
    } else {
        let command = if success == Success::RunningOrDone { "once" } else { "start" };
        format!("'procnanny {command} {}' tries again", shell_word(&name))
    };
    format!("{name} is {state}, not running{reason}; {next}")
}

fn require(command: &str, selectors: &[String]) -> Result<(), Failure> {
    if !selectors.is_empty() {
        return Ok(());
    }
    Err(Failure::Usage(format!("{command} what? Name a program; '*' in quotes is all of them")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    fn row(state: &str, admin: &str) -> Value {
        let row = format!(
            r#"{{"program":"web","instance":0,"state":"{state}","admin_state":"{admin}","reason":"exited with code 1"}}"#
        );
        json::parse(&row).unwrap()
    }

    #[test]
    fn what_counts_as_success_depends_on_what_was_asked() {
        assert!(is_as_asked(&row("running", "up"), Success::Running));
        assert!(!is_as_asked(&row("starting", "up"), Success::Running));
        assert!(!is_as_asked(&row("exited", "down"), Success::Running));
        assert!(is_as_asked(&row("exited", "down"), Success::RunningIfWanted));
        assert!(!is_as_asked(&row("backoff", "up"), Success::RunningIfWanted));
        assert!(is_as_asked(&row("backoff", "up"), Success::Any));
    }

    #[test]
    fn complaints_say_what_happens_next() {
        assert_eq!(
            complaint(&row("backoff", "up"), Success::Running),
            "web/0 is backoff, not running: exited with code 1; the supervisor tries again; 'procnanny status web/0' shows when"
        );
        assert!(
            complaint(&row("failed", "up"), Success::Running)
                .ends_with("'procnanny start web/0' tries again")
        );
        assert!(
            complaint(&row("exited", "down"), Success::RunningOrDone)
                .ends_with("'procnanny once web/0' tries again")
        );
    }

    #[test]
    fn waits_are_bounded_and_not_contradictory() {
        let minute = Period(Duration::from_secs(60));
        assert_eq!(Wait::new(true, None).unwrap(), Wait::No);
        assert_eq!(Wait::new(false, Some(minute)).unwrap(), Wait::UntilDone(Some(minute.0)));
        assert!(matches!(Wait::new(true, Some(minute)), Err(Failure::Usage(_))));
        let long = Period(LONGEST_WAIT + Duration::from_secs(1));
        assert!(matches!(Wait::new(false, Some(long)), Err(Failure::Usage(_))));
    }
}
