//! `history` and `why`: what became of instances, and what will.

use super::arguments::{History, Why};
use super::client::{Call, Client};
use super::exit::{Exit, Failure, say};
use super::render::style::Look;
use super::render::{history, why};
use super::status::without_id;
use super::values::Form;
use crate::wire::json;
use crate::wire::value::Value;

/// `history`.
///
/// # Errors
/// No such program or instance.
pub fn history(mut client: Client, command: &History) -> Result<Exit, Failure> {
    let mut call = Call::new("history").selecting(&command.selectors);
    if let Some(runs) = command.runs {
        call = call.with("limit", i64::from(runs.get()));
    }
    let reply = client.request(&call)?;
    let text = match Form::new(command.json) {
        Form::Json => format!("{}\n", json::to_pretty(&without_id(reply))),
        Form::Text => {
            let instances = instances(&reply, "history", &command.selectors)?;
            history::render(instances, Look::of_stdout())
        }
    };
    say(&text)?;
    Ok(Exit::Done)
}

/// `why`.
///
/// # Errors
/// No such program or instance.
pub fn why(mut client: Client, command: &Why) -> Result<Exit, Failure> {
    let reply = client.request(&Call::new("why").selecting(&command.selectors))?;
    let instances = instances(&reply, "why", &command.selectors)?;
    say(&why::render(instances, Look::of_stdout()))?;
    Ok(Exit::Done)
}

/// The instances of a reply, of which there has to be one.
fn instances<'a>(reply: &'a Value, key: &str, selectors: &[String]) -> Result<&'a [Value], Failure> {
    let instances = reply.get(key).and_then(Value::as_array).unwrap_or_default();
    if !instances.is_empty() {
        return Ok(instances);
    }
    Err(Failure::NoSuch(match selectors {
        [] => "there are no instances; 'procnanny create --help' says how to make some".to_string(),
        _ => format!("nothing matches '{}'; 'procnanny status' lists what there is", selectors.join("' '")),
    }))
}
