//! `status`: a table for people, JSON for programs. Live it is [`super::watch`].

use super::arguments::Status;
use super::client::{Call, Client};
use super::exit::{Exit, Failure, say};
use super::render::instances::Instances;
use super::render::style::Look;
use super::values::Form;
use super::watch;
use crate::core::glob;
use crate::core::state::StateName;
use crate::wire::json;
use crate::wire::value::Value;

/// `status`.
///
/// # Errors
/// No such program or instance.
pub fn status(mut client: Client, status: &Status) -> Result<Exit, Failure> {
    let form = Form::new(status.json);
    if status.watch {
        return watch::watch(client, &status.selectors, form);
    }
    let reply = client.request(&request(&status.selectors, form))?;
    if form == Form::Json {
        say(&format!("{}\n", json::to_pretty(&without_id(reply.clone()))))?;
        let rows = reply.get("instances").and_then(Value::as_array).unwrap_or_default();
        let up = rows
            .iter()
            .all(|row| row.get("state").and_then(Value::text) == Some(StateName::Running.as_str()));
        return judge(&status.selectors, rows.is_empty(), up);
    }
    let instances = Instances::of(&reply);
    if instances.is_empty() && status.selectors.is_empty() {
        say("There are no programs yet; 'procnanny create --help' says how to make one.\n")?;
        return Ok(Exit::Done);
    }
    if !instances.is_empty() {
        say(&instances.table().render(Look::of_stdout()))?;
    }
    judge(&status.selectors, instances.is_empty(), instances.are_all_up())
}

/// The request that has what is shown in this form.
pub fn request(selectors: &[String], form: Form) -> Call {
    let method = match form {
        Form::Text => "status",
        Form::Json => "list",
    };
    Call::new(method).selecting(selectors)
}

/// The exit code: without names a listing is a listing; with names it is a question.
fn judge(selectors: &[String], is_empty: bool, is_up: bool) -> Result<Exit, Failure> {
    if selectors.is_empty() || (is_up && !is_empty) {
        return Ok(Exit::Done);
    }
    // A name that does not exist is refused, so what matched nothing are globs; or programs without instances.
    if is_empty && selectors.iter().all(|selector| glob::is_pattern(selector)) {
        let sentence =
            format!("nothing matches '{}'; 'procnanny status' lists what there is", selectors.join("' '"));
        return Err(Failure::NoSuch(sentence));
    }
    Ok(if is_up { Exit::Done } else { Exit::NotUp })
}

/// The reply without what is only of use on the wire.
pub fn without_id(reply: Value) -> Value {
    match reply {
        Value::Map(entries) => {
            Value::Map(entries.into_iter().filter(|(key, _)| key.text() != Some("id")).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_answers_what_was_asked() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
        let judged = |selectors: &[&str], is_empty, is_up| judge(&names(selectors), is_empty, is_up);
        assert_eq!(judged(&[], false, false).unwrap(), Exit::Done);
        assert_eq!(judged(&[], true, true).unwrap(), Exit::Done);
        assert_eq!(judged(&["web"], false, true).unwrap(), Exit::Done);
        assert_eq!(judged(&["web"], false, false).unwrap(), Exit::NotUp);
        assert_eq!(judged(&["web"], true, true).unwrap(), Exit::Done, "a program without instances");
        let Err(Failure::NoSuch(sentence)) = judged(&["w*", "x?"], true, true) else { panic!() };
        assert!(sentence.starts_with("nothing matches 'w*' 'x?'"), "{sentence}");
    }

    #[test]
    fn the_id_is_of_no_use_to_anybody_else() {
        let reply = Value::map([("danced", Value::Bool(true)), ("id", Value::Int(1))]);
        assert_eq!(without_id(reply), Value::map([("danced", Value::Bool(true))]));
    }
}
