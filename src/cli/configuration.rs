//! `check` and `reload`: the configuration, here and in a supervisor that runs.

use super::arguments::{Check, Reload};
use super::client::{Call, Client};
use super::exit::{Exit, Failure, Refusal, say, tell};
use super::render::mistakes;
use super::render::style::Look;
use super::render::table::{Align, Cell, Table};
use crate::config::file::{self, Configuration, FileErrors, Location};
use crate::wire::value::Value;

/// `check`.
///
/// # Errors
/// No configuration, and all that is wrong with it.
pub fn check(command: Check) -> Result<Exit, Failure> {
    let location = Location::new(command.path);
    let configuration = load(&location, "")?;
    if configuration.files == 0
        && let Location::Default(path) = &location
    {
        let sentence =
            format!("there is no configuration at {}; name one: 'procnanny check PATH'", path.display());
        return Err(Failure::Failed(sentence));
    }
    say(&format!("{}\n", summary(&configuration)))?;
    Ok(Exit::Done)
}

/// Reads the configuration, and tells all that is wrong with it.
///
/// # Errors
/// That something is, and what follows from it.
pub fn load(location: &Location, consequence: &str) -> Result<Configuration, Failure> {
    file::load(location).map_err(|errors| told(&errors, consequence))
}

/// Tells all that is wrong with a configuration.
pub fn told(errors: &FileErrors, consequence: &str) -> Failure {
    tell(&mistakes::render(&errors.told));
    Failure::Failed(count_of(errors.count(), errors.more, consequence))
}

fn count_of(count: usize, more: usize, consequence: &str) -> String {
    let mistakes = if count == 1 { "1 mistake".to_string() } else { format!("{count} mistakes") };
    let rest = if more > 0 { format!(", of which {} are shown,", count - more) } else { String::new() };
    format!("{mistakes}{rest} in the configuration{consequence}")
}

fn summary(configuration: &Configuration) -> String {
    let plural = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    let programs = &configuration.programs;
    let instances =
        programs.iter().map(|program| usize::try_from(program.settings.instances).unwrap_or(0)).sum();
    format!(
        "{} with {} in {}: no mistakes",
        plural(programs.len(), "program"),
        plural(instances, "instance"),
        plural(configuration.files, "file")
    )
}

/// `reload`.
///
/// # Errors
/// All that is wrong with the configuration; then nothing was changed.
pub fn reload(client: &mut Client, command: &Reload) -> Result<Exit, Failure> {
    let reply = client.exchange(&Call::new("reload").with("dry_run", command.dry_run))?;
    if let Some(refusal) = Refusal::of(&reply) {
        let errors = mistakes::of_reply(&reply);
        if errors.is_empty() {
            return Err(Failure::Refused(refusal));
        }
        tell(&mistakes::render(&errors));
        let more = reply.get("more").and_then(Value::as_u64).and_then(|more| usize::try_from(more).ok());
        let more = more.unwrap_or(0);
        return Err(Failure::Failed(count_of(errors.len() + more, more, "; nothing was changed")));
    }
    // Nothing is cut: which instances are meant is what it is asked for.
    say(&changes(&reply).render(Look { width: None, ..Look::of_stdout() }))?;
    Ok(Exit::Done)
}

/// What a reload changes, a line each; what it does not do is left out.
fn changes(reply: &Value) -> Table {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)]);
    let mut row = |what: &str, names: Vec<String>| {
        if !names.is_empty() {
            table.row(vec![Cell::from(what), Cell::from(names.join(", "))]);
        }
    };
    let list = |key: &str| -> Vec<String> {
        let items = reply.get(key).and_then(Value::as_array).unwrap_or_default();
        items.iter().filter_map(Value::text).map(str::to_string).collect()
    };
    row("added", list("added"));
    row("changed", list("changed").into_iter().map(|name| with_settings(reply, name)).collect());
    row("removed", list("removed"));
    row("unchanged", vec![reply.get("unchanged").and_then(Value::as_u64).unwrap_or(0).to_string()]);
    let hooks = |key: &str| reply.get("hooks").and_then(|hooks| hooks.get(key)).and_then(Value::as_u64);
    let count = |key| hooks(key).filter(|count| *count > 0).map(|count| format!("{count} {key}"));
    row("hooks", ["added", "removed"].into_iter().filter_map(count).collect());
    for (key, what) in
        [("start", "start"), ("stop", "stop"), ("restart", "restart"), ("update", "change in place")]
    {
        row(what, list(key));
    }
    row("when the supervisor is started again", list("restart_needed"));
    table
}

/// A program, and the settings of it that differ.
fn with_settings(reply: &Value, name: String) -> String {
    let settings = reply.get("settings").and_then(|settings| settings.get(&name));
    let keys = settings.and_then(Value::as_array).unwrap_or_default();
    let keys: Vec<&str> = keys.iter().filter_map(Value::text).collect();
    format!("{name} ({})", keys.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    #[test]
    fn a_reload_is_a_line_for_each_kind_of_change() {
        let reply = json::parse(
            r#"{"added":["web"],"changed":["db"],"removed":[],"unchanged":3,"settings":{"db":["nice","env"]},
                "start":["web/0","web/1"],"stop":[],"restart":["db/0"],"update":[],"restart_needed":["rpc"],
                "hooks":{"added":2,"removed":0}}"#,
        );
        assert_eq!(
            changes(&reply.unwrap()).render(Look::PLAIN),
            "added                                 web\n\
             changed                               db (nice, env)\n\
             unchanged                             3\n\
             hooks                                 2 added\n\
             start                                 web/0, web/1\n\
             restart                               db/0\n\
             when the supervisor is started again  rpc\n"
        );
    }

    #[test]
    fn mistakes_are_counted() {
        assert_eq!(count_of(1, 0, ""), "1 mistake in the configuration");
        assert_eq!(count_of(150, 50, "; x"), "150 mistakes, of which 100 are shown, in the configuration; x");
    }
}
