//! `healthcheck`: one line and 0 or 1, for container engines. Whatever keeps it from being known that all is well, it is
//! not.

use super::arguments::Healthcheck;
use super::client::{Call, Client};
use super::endpoint::Endpoint;
use super::exit::{Exit, Failure, say};
use crate::core::state::{AdminState, StateName};
use crate::wire::value::Value;
use std::time::{Duration, Instant};

/// How long it may take unless told otherwise. Engines wait longer, as a rule.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many of those that are not running are named.
const MOST_NAMED: usize = 3;

/// `healthcheck`.
///
/// # Errors
/// None: what is wrong is printed, and the exit code is 1.
pub fn healthcheck(rpc: Option<&str>, command: &Healthcheck) -> Result<Exit, Failure> {
    let (line, exit) = match examine(rpc, command) {
        Ok(line) => (format!("healthy: {line}"), Exit::Done),
        Err(line) => (format!("unhealthy: {line}"), Exit::Failed),
    };
    // The exit code is what matters, whether anybody reads this or not.
    let _ = say(&format!("{line}\n"));
    Ok(exit)
}

fn examine(rpc: Option<&str>, command: &Healthcheck) -> Result<String, String> {
    let told = |failure: Failure| failure.to_string();
    let patience = command.timeout.map_or(PATIENCE, |time| time.0);
    let deadline = Instant::now() + patience;
    let endpoint = Endpoint::chosen(rpc).map_err(told)?;
    let mut client = Client::connect_within(&endpoint, patience).map_err(told)?;
    let left = deadline.saturating_duration_since(Instant::now());
    let call = Call::new("list").selecting(&command.selectors).answered_within(left);
    judge(&client.request(&call).map_err(told)?, &command.selectors)
}

/// How the instances of a reply to `list` are: as long as all that are wanted up are running, all is well.
fn judge(reply: &Value, selectors: &[String]) -> Result<String, String> {
    let rows = reply.get("instances").and_then(Value::as_array).unwrap_or_default();
    let text = |row: &Value, key| row.get(key).and_then(Value::text).map(str::to_string).unwrap_or_default();
    let wanted: Vec<&Value> =
        rows.iter().filter(|row| text(row, "admin_state") != AdminState::Down.as_str()).collect();
    let is_running = |row: &&&Value| text(row, "state") == StateName::Running.as_str();
    let missing: Vec<&&Value> = wanted.iter().filter(|row| !is_running(row)).collect();
    if rows.is_empty() && !selectors.is_empty() {
        return Err(format!("nothing matches '{}'", selectors.join("' '")));
    }
    if wanted.is_empty() {
        return Ok("nothing is wanted up".to_string());
    }
    let summary = format!("{} of {} running", wanted.len() - missing.len(), wanted.len());
    let named = missing.iter().take(MOST_NAMED).map(|row| {
        let number = row.get("instance").and_then(Value::as_u64).unwrap_or(0);
        format!("{}/{number} {}", text(row, "program"), text(row, "state"))
    });
    let named: Vec<String> = named.collect();
    match missing.len().checked_sub(named.len()) {
        _ if missing.is_empty() => Ok(summary),
        Some(more @ 1..) => Err(format!("{summary}; {}, {more} more", named.join(", "))),
        Some(0) | None => Err(format!("{summary}; {}", named.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(rows: &[(&str, i64, &str, &str)]) -> Value {
        let row = |(program, instance, admin, state): &(&str, i64, &str, &str)| {
            Value::map([
                ("program", Value::from(*program)),
                ("instance", Value::Int(*instance)),
                ("admin_state", Value::from(*admin)),
                ("state", Value::from(*state)),
            ])
        };
        Value::map([("instances", Value::Array(rows.iter().map(row).collect()))])
    }

    fn judged(rows: &[(&str, i64, &str, &str)]) -> Result<String, String> {
        judge(&reply(rows), &[])
    }

    #[test]
    fn all_that_is_wanted_up_is_to_run() {
        assert_eq!(judged(&[]), Ok("nothing is wanted up".to_string()));
        assert_eq!(judged(&[("job", 0, "down", "exited")]), Ok("nothing is wanted up".to_string()));
        let mut rows =
            vec![("web", 0, "up", "running"), ("job", 0, "down", "exited"), ("once", 0, "once", "running")];
        assert_eq!(judged(&rows), Ok("2 of 2 running".to_string()));
        rows.push(("web", 1, "up", "starting"));
        assert_eq!(judged(&rows), Err("2 of 3 running; web/1 starting".to_string()));
        rows.push(("db", 0, "up", "backoff"));
        rows.push(("db", 1, "up", "exited"));
        let three = "2 of 5 running; web/1 starting, db/0 backoff, db/1 exited";
        assert_eq!(judged(&rows), Err(three.to_string()));
        rows.push(("db", 2, "up", "failed"));
        let four = "2 of 6 running; web/1 starting, db/0 backoff, db/1 exited, 1 more";
        assert_eq!(judged(&rows), Err(four.to_string()));
    }

    #[test]
    fn what_is_named_is_to_be_there() {
        let selectors = ["w*".to_string()];
        assert_eq!(judge(&reply(&[]), &selectors), Err("nothing matches 'w*'".to_string()));
    }
}
