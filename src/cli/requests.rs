//! `call`, `reopen`, `info` and `shutdown`: requests as they are.

use super::arguments::{Call as CallCommand, Info, Shutdown};
use super::client::{Call, Client};
use super::control::bounded;
use super::exit::{Exit, Failure, Refusal, say};
use super::render::style::Look;
use super::render::table::{Align, Cell, Table};
use super::render::time;
use super::status::without_id;
use crate::api::arguments::{DEFAULT_WAIT, LONGEST_WAIT};
use crate::config::supervisor::SHUTDOWN_TIMEOUT;
use crate::config::units;
use crate::core::signal_meaning::{After, OF_A_MACHINE};
use crate::wire::json;
use crate::wire::value::Value;
use std::time::Duration;

/// How long a supervisor may take to end, beyond the time it has for stopping programs.
const FAREWELL: Duration = Duration::from_secs(5);

/// `call`.
///
/// # Errors
/// Arguments that are none.
pub fn call(
    connect: impl FnOnce() -> Result<Client, Failure>,
    command: &CallCommand,
) -> Result<Exit, Failure> {
    let arguments = command.arguments.iter().map(|word| argument(word)).collect::<Result<Vec<_>, _>>()?;
    let call = arguments
        .iter()
        .fold(Call::new(&command.method), |call, (name, value)| call.with(name, value.clone()));
    let reply = connect()?.exchange(&call.taking(time_asked_for(&command.method, &arguments)))?;
    say(&format!("{}\n", json::to_pretty(&without_id(reply.clone()))))?;
    Ok(if Refusal::of(&reply).is_some() { Exit::Failed } else { Exit::Done })
}

/// Reads `KEY=VALUE`, where the value is JSON if it reads as JSON.
fn argument(word: &str) -> Result<(String, Value), Failure> {
    let (name, value) = word.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        Failure::Usage(format!("'{word}' is no argument: write KEY=VALUE; see 'procnanny call --help'"))
    })?;
    if matches!(name, "request" | "id") {
        return Err(Failure::Usage(format!(
            "'{name}' is not for you to give: the method and the client have it"
        )));
    }
    Ok((name.to_string(), json::parse(value).unwrap_or_else(|_| Value::from(value))))
}

/// How long an answer may take because that is what was asked for.
fn time_asked_for(method: &str, arguments: &[(String, Value)]) -> Duration {
    let argument = |wanted: &str| arguments.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let timeout = argument("timeout").and_then(|value| match value.as_f64() {
        Some(seconds) => units::duration_from_number(seconds).ok(),
        None => units::parse_duration(value.text()?).ok(),
    });
    let waits = method == "wait" || argument("wait") == Some(&Value::Bool(true));
    let unless_given = if waits { DEFAULT_WAIT } else { Duration::ZERO };
    timeout.unwrap_or(unless_given).min(LONGEST_WAIT)
}

/// `reopen`.
///
/// # Errors
/// Those of a request.
pub fn reopen(client: &mut Client) -> Result<Exit, Failure> {
    client.request(&Call::new("reopen"))?;
    Ok(Exit::Done)
}

/// `info`.
///
/// # Errors
/// Those of a request.
pub fn info(client: &mut Client, command: &Info) -> Result<Exit, Failure> {
    let reply = without_id(client.request(&Call::new("info"))?);
    if command.json {
        say(&format!("{}\n", json::to_pretty(&reply)))?;
    } else {
        say(&info_table(&reply).render(Look::of_stdout()))?;
    }
    Ok(Exit::Done)
}

/// A line for each thing there is to know, so that those of later versions are shown too.
fn info_table(reply: &Value) -> Table {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)]);
    let entries = reply.as_map().unwrap_or_default();
    for (name, value) in entries.iter().filter_map(|(name, value)| Some((name.text()?, value))) {
        match (name, value) {
            ("states", Value::Map(states)) => {
                let count =
                    |(state, count): &(Value, Value)| Some((state.text()?.to_string(), count.as_u64()?));
                let counts = states.iter().filter_map(count).filter(|(_, count)| *count > 0);
                let text: Vec<String> = counts.map(|(state, count)| format!("{count} {state}")).collect();
                table.row(vec![
                    "instances".into(),
                    Cell::from(if text.is_empty() { "none".to_string() } else { text.join(", ") }),
                ]);
            }
            ("endpoints", Value::Array(endpoints)) => {
                for endpoint in endpoints {
                    let part = |key: &str| endpoint.get(key).and_then(Value::text);
                    let access = part("access").map(|access| format!(" ({access})")).unwrap_or_default();
                    let text = format!("{}{access}", part("endpoint").unwrap_or("?"));
                    table.row(vec![Cell::from(part("socket").unwrap_or("?")), Cell::from(text)]);
                }
            }
            _ => table.row(vec![Cell::from(name.replace('_', " ")), Cell::from(shown(name, value))]),
        }
    }
    table
}

/// A value with its unit.
fn shown(name: &str, value: &Value) -> String {
    match (name, value) {
        ("uptime", Value::Float(seconds)) => time::duration(*seconds),
        ("cpu_user" | "cpu_system", Value::Float(seconds)) => format!("{seconds:.2} s"),
        ("memory", Value::Int(bytes)) => format!("{} KiB", bytes / 1024),
        (_, Value::Str(text)) => text.clone(),
        (_, Value::Nil) => "-".to_string(),
        _ => json::to_string(value),
    }
}

/// `shutdown`.
///
/// # Errors
/// Those of a request, and a supervisor that stays.
pub fn shutdown(
    connect: impl FnOnce() -> Result<Client, Failure>,
    command: &Shutdown,
) -> Result<Exit, Failure> {
    let timeout = bounded(command.timeout)?;
    let then = then(command)?;
    let mut client = connect()?;
    let mut call = Call::new("shutdown");
    if let Some(word) = then {
        call = call.with("then", word);
    }
    if let Some(timeout) = timeout {
        call = call.with("timeout", timeout.as_secs_f64());
    }
    let process = client.endpoint().listener();
    let reply = client.request(&call)?;
    if !command.no_wait {
        // It has other time than by default if that is configured.
        let told = reply.get("timeout").and_then(Value::as_f64);
        let told = told.and_then(|seconds| units::duration_from_number(seconds).ok());
        client.await_end(process, told.unwrap_or(SHUTDOWN_TIMEOUT).saturating_add(FAREWELL))?;
    }
    Ok(Exit::Done)
}

/// What becomes of the machine, in the word of the protocol.
fn then(command: &Shutdown) -> Result<Option<&'static str>, Failure> {
    let asked = OF_A_MACHINE.into_iter().filter(|(_, after)| match after {
        After::Reboot => command.reboot,
        After::PowerOff => command.poweroff,
        After::Halt => command.halt,
        After::Exit => false,
    });
    let words: Vec<&'static str> = asked.map(|(word, _)| word).collect();
    match words.as_slice() {
        [] => Ok(None),
        [word] => Ok(Some(word)),
        [one, other, ..] => {
            Err(Failure::Usage(format!("--{one} and --{other} exclude each other; leave one of them out")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_json_where_they_read_as_json() {
        let read = |word: &str| argument(word).unwrap();
        assert_eq!(read("a=1"), ("a".to_string(), Value::Int(1)));
        assert_eq!(read("a=b=c"), ("a".to_string(), Value::from("b=c")));
        assert_eq!(read("a=[\"b\"]").1, Value::Array(vec![Value::from("b")]));
        assert_eq!(read("a=true").1, Value::Bool(true));
        assert_eq!(read("a=\"1\"").1, Value::from("1"));
        assert_eq!(read("a=").1, Value::from(""));
        for wrong in ["a", "=a", "request=status", "id=1"] {
            assert!(matches!(argument(wrong), Err(Failure::Usage(_))), "{wrong}");
        }
    }

    #[test]
    fn an_answer_may_take_as_long_as_was_asked_for() {
        let time = |method: &str, words: &[&str]| {
            let arguments: Vec<_> = words.iter().map(|word| argument(word).unwrap()).collect();
            time_asked_for(method, &arguments)
        };
        assert_eq!(time("status", &[]), Duration::ZERO);
        assert_eq!(time("wait", &[]), DEFAULT_WAIT);
        assert_eq!(time("start", &["wait=true"]), DEFAULT_WAIT);
        assert_eq!(time("start", &["wait=true", "timeout=2.5"]), Duration::from_millis(2500));
        assert_eq!(time("events", &["timeout=5m"]), Duration::from_secs(300));
        assert_eq!(time("events", &["timeout=1000000"]), LONGEST_WAIT);
        assert_eq!(time("events", &["timeout=soon"]), Duration::ZERO);
    }

    #[test]
    fn info_is_a_line_a_fact() {
        let reply = json::parse(
            r#"{"version":"0.1.0","uptime":90.0,"states":{"new":0,"running":2,"failed":1},"memory":2048,
                "endpoints":[{"socket":"rpc","endpoint":"ipc:///x","access":"admin"}],"later_fact":[1]}"#,
        );
        assert_eq!(
            info_table(&reply.unwrap()).render(Look::PLAIN),
            "version     0.1.0\nuptime      1m 30s\ninstances   2 running, 1 failed\nmemory      2 KiB\n\
             rpc         ipc:///x (admin)\nlater fact  [1]\n"
        );
    }
}
