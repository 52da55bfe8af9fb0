//! Why an instance is in its state, as a paragraph that a person would write.

use super::instances::{integer, name_of, text};
use super::style::{Look, Style, of_state};
use super::text::{escape, wrap};
use super::{asker, time};
use crate::wire::value::Value;

/// A paragraph for each instance.
pub fn render(instances: &[Value], look: Look) -> String {
    let paragraphs: Vec<String> = instances.iter().map(|instance| paragraph(instance, look)).collect();
    paragraphs.join("\n")
}

fn paragraph(instance: &Value, look: Look) -> String {
    let name = escape(&name_of(instance));
    let state = text(instance, "state");
    let sentences: Vec<String> = [
        Some(present(instance)),
        led(instance),
        waits(instance),
        timers(instance),
        flaps(instance),
        if_it_died(instance),
        is(instance, "restart_needed").then(|| "Changed settings wait for its next start".to_string()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let told = escape(&format!("{}.", sentences.join(". ")));
    let lines = match look.width {
        Some(columns) => wrap(&format!("{name} {told}"), columns.max(1)),
        None => vec![format!("{name} {told}")],
    };
    let mut paragraph = String::new();
    for (number, line) in lines.into_iter().enumerate() {
        // The name stands out, in the colour of the state.
        match line.strip_prefix(&name) {
            Some(rest) if number == 0 => {
                paragraph.push_str(&look.paint(&name, emphasis(state)));
                paragraph.push_str(rest);
            }
            Some(_) | None => paragraph.push_str(&line),
        }
        paragraph.push('\n');
    }
    paragraph
}

fn emphasis(state: &str) -> Style {
    match of_state(state) {
        Style::Faint | Style::Plain => Style::Strong,
        style => style,
    }
}

/// What it is, since when and, where that is how its last run ended, why.
fn present(instance: &Value) -> String {
    let state = text(instance, "state");
    let is = match state {
        "backoff" | "failed" => format!("is in {state}"),
        "exited" if text(instance, "admin_state") == "down" => "is down".to_string(),
        "exited" => "is between two runs".to_string(),
        _ => format!("is {state}"),
    };
    let pid = match integer(instance, "pid") {
        0 => String::new(),
        pid => format!(" (pid {pid})"),
    };
    let since = time::duration(seconds(instance, "since"));
    let reason = instance.get("reason").and_then(Value::text);
    let why = match reason {
        Some(reason) if has_process(state) && state != "stopping" && !is_present(reason) => {
            format!("; before that, {}", clause(reason))
        }
        Some(reason) => format!(": {}", clause(reason)),
        None => String::new(),
    };
    let flaps = integer(instance, "flap_count");
    let is_flap = matches!(state, "exited" | "backoff") && flaps > 0 && reason.is_some();
    let flap = if is_flap { format!(", the {} flap in a row", ordinal(flaps)) } else { String::new() };
    format!("{is}{pid} since {since}{why}{flap}")
}

fn is_present(reason: &str) -> bool {
    crate::core::readiness::is_announced(reason)
}

fn has_process(state: &str) -> bool {
    crate::core::state::StateName::parse(state).is_some_and(|state| state.has_process())
}

/// A reason as a clause with its subject.
fn clause(reason: &str) -> String {
    let begins = |words: &[&str]| words.iter().any(|word| reason.starts_with(word));
    if begins(&["exited with", "did not", "says ", "closed ", "set off", "waits for"]) {
        return format!("it {reason}");
    }
    if begins(&["stopped", "killed by", "unhealthy", "was not executed"]) {
        return format!("it was {}", reason.strip_prefix("was ").unwrap_or(reason));
    }
    if begins(&["held "]) {
        return format!("it is {reason}");
    }
    reason.to_string()
}

/// What led to the state, and who asked for it.
fn led(instance: &Value) -> Option<String> {
    let edge = instance.get("last_edge").filter(|edge| **edge != Value::Nil)?;
    if let Some(sentence) = edge.get("asked_by").and_then(asker::sentence) {
        return Some(sentence);
    }
    let words = match (text(edge, "input"), text(instance, "state")) {
        ("healthy", _) => "It counted as healthy when it had run for minimum_run_duration",
        ("ready", _) => "It has said that it is ready",
        ("executed", "running") => "It counted as healthy as soon as it was executed",
        ("retry", "starting") => "It was started when the delay after its last run was over",
        ("exit", "starting") => "It was started when the process before had ended",
        ("requirements met", _) => "It was started when all that it requires was there",
        ("requirements lost", _) => "Something that it requires went away",
        _ => return None,
    };
    Some(words.to_string())
}

fn waits(instance: &Value) -> Option<String> {
    let what = instance.get("waits_for").and_then(Value::text)?;
    if text(instance, "reason").starts_with("waits for") {
        return None;
    }
    // That a delay is waited for is told by its timer.
    (!timers_of(instance).iter().any(|timer| is_delay(text(timer, "name"))))
        .then(|| format!("It waits for {what}"))
}

fn timers_of(instance: &Value) -> &[Value] {
    instance.get("timers").and_then(Value::as_array).unwrap_or_default()
}

fn is_delay(timer: &str) -> bool {
    matches!(timer, "restart-delay" | "backoff-delay")
}

/// What happens by itself, the next thing first.
fn timers(instance: &Value) -> Option<String> {
    let told: Vec<String> = timers_of(instance).iter().map(timer).collect();
    (!told.is_empty()).then(|| told.join(". "))
}

fn timer(timer: &Value) -> String {
    let within = time::duration(seconds(timer, "in"));
    match text(timer, "name") {
        "healthy" => format!("In {within} it counts as healthy"),
        "settled" => format!("In {within} its run has lasted long enough to forgive earlier flaps"),
        "start-timeout" => format!("In {within} it is given up on, unless it is ready by then"),
        "stop-timeout" => format!("In {within} it is killed, unless it ends before"),
        "restart-delay" | "backoff-delay" => format!("It starts again in {within}"),
        "watchdog" => format!("In {within} its watchdog gives it up, unless it is fed"),
        "health-check" => format!("Its next health check begins in {within}"),
        "stop-command" => format!("In {within} its stop signal follows its stop command"),
        other => format!("Its timer '{other}' fires in {within}"),
    }
}

/// Flaps that are not forgiven yet.
fn flaps(instance: &Value) -> Option<String> {
    let forgiven = instance.get("flaps_forgiven").and_then(Value::text)?;
    let flaps = match integer(instance, "flap_count") {
        1 => "Its flap is".to_string(),
        count => format!("Its {count} flaps are"),
    };
    Some(format!("{flaps} forgiven {forgiven}"))
}

fn if_it_died(instance: &Value) -> Option<String> {
    let prospects = instance.get("if_it_died").and_then(Value::as_array)?;
    match prospects {
        [] => None,
        [one] if text(instance, "state") == "stopping" => {
            Some(format!("When it ends, it {}", will(one, "is", "stays")))
        }
        [one] => Some(format!("If it died now, it would {}", will(one, "be", "stay"))),
        several => {
            let parts = several.iter().map(|prospect| {
                let with =
                    if text(prospect, "ending") == "success" { "with success" } else { "with a failure" };
                format!("{with}, it would {}", will(prospect, "be", "stay"))
            });
            Some(format!("If it ended now {}", parts.collect::<Vec<_>>().join("; ")))
        }
    }
}

/// What follows, with the verb in its form.
fn will(prospect: &Value, be: &str, stay: &str) -> String {
    let state = text(prospect, "state");
    let within = prospect.get("within").and_then(Value::as_f64);
    let flap = match text(prospect, "verdict") {
        "flap" | "flapping" | "give up" => {
            format!(", since that would be the {} flap in a row", ordinal(integer(prospect, "flap_count")))
        }
        _ => String::new(),
    };
    match (text(prospect, "then"), within) {
        ("starts", Some(delay)) if delay > 0.0 => {
            let held = if state == "backoff" { " held in backoff and" } else { "" };
            format!("{be}{held} started again after {}{flap}", time::duration(delay))
        }
        ("starts", _) => format!("{be} started again at once{flap}"),
        ("waits", _) => format!("{be} started again as soon as all that it requires is there"),
        ("gone", _) => format!("{be} gone"),
        _ if state == "failed" => format!("{be} held in failed{flap}"),
        _ if state == "new" => format!("{be} new again, its counters and history forgotten"),
        _ => format!("{stay} down{flap}"),
    }
}

fn seconds(of: &Value, key: &str) -> f64 {
    of.get(key).and_then(Value::as_f64).unwrap_or(0.0)
}

fn is(of: &Value, key: &str) -> bool {
    of.get(key).and_then(Value::as_bool) == Some(true)
}

fn ordinal(number: i64) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

#[cfg(test)]
#[path = "why_tests.rs"]
mod tests;
