//! What a hook is told of the event that it is run for.

use super::events::write_event;
use crate::core::event::{Event, LogChange, SupervisorChange, What};
use crate::core::hook::Pattern;
use crate::core::ids::InstanceIndex;
use crate::wire::json;
use crate::wire::msgpack::{self, Writer};
use crate::wire::value::Value;
use std::sync::Arc;

/// The program and the instance that an event is about, as far as it is about one.
pub fn subject(event: &Event) -> Option<(&Arc<str>, InstanceIndex)> {
    match &event.what {
        What::State(state) => Some((&state.program, state.index)),
        What::Hook(hook) => Some((&hook.program, hook.index)),
        What::Admin { program, index, .. } => Some((program, *index)),
        What::Supervisor(SupervisorChange::Log(log)) => Some((&log.program, log.instance)),
        What::Program { .. } | What::Supervisor(_) => None,
    }
}

/// The word for what happened: the new state's name, unless it is something else that the hook waits for.
fn word(event: &Event, on: Pattern) -> String {
    match (on, &event.what) {
        (Pattern::Edge { .. }, What::State(state)) => state.state.as_str().to_string(),
        (sign, _) => sign.to_string(),
    }
}

/// The environment of a hook, beside what tells it whom the event is about.
pub fn variables(event: &Event, on: Pattern) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("PROCNANNY_EVENT", word(event, on)),
        ("PROCNANNY_SEQ", event.seq.0.to_string()),
        ("PROCNANNY_TIME", event.time.to_string()),
    ];
    if let What::State(state) = &event.what {
        all.extend([
            ("PROCNANNY_FROM", state.from.as_str().to_string()),
            ("PROCNANNY_STATE", state.state.as_str().to_string()),
            ("PROCNANNY_PID", state.pid.map_or(0, |pid| pid.raw()).to_string()),
            ("PROCNANNY_EXITCODE", state.exitcode.to_string()),
            ("PROCNANNY_EXITSIGNAL", state.exitsignal.to_string()),
            ("PROCNANNY_DURATION", state.duration.to_string()),
            ("PROCNANNY_FLAP_COUNT", state.flap_count.to_string()),
            ("PROCNANNY_REASON", state.reason.as_deref().unwrap_or("").to_string()),
        ]);
    }
    if let What::Supervisor(SupervisorChange::Log(log)) = &event.what
        && let LogChange::Dropped { bytes, reason } = &log.change
    {
        all.extend([
            ("PROCNANNY_SOURCE", log.source.as_str().to_string()),
            ("PROCNANNY_BYTES", bytes.to_string()),
            ("PROCNANNY_REASON", reason.as_deref().unwrap_or("").to_string()),
        ]);
    }
    all
}

/// The event as one line of JSON: the map that subscribers get, whose `event` is the word for what happened.
pub fn document(event: &Event, on: Pattern, run: &str) -> String {
    let mut writer = Writer::new();
    write_event(&mut writer, event, run);
    // What was just encoded is well-formed.
    let mut value = msgpack::decode(writer.as_slice()).unwrap_or(Value::Nil);
    if let Value::Map(entries) = &mut value
        && let Some((_, name)) = entries.iter_mut().find(|(key, _)| key.text() == Some("event"))
    {
        *name = Value::from(word(event, on));
    }
    let mut text = json::to_string(&value);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::StateEvent;
    use crate::core::ids::Seq;
    use crate::core::state::{AdminState, StateName};

    fn event() -> Event {
        let state = StateEvent {
            program: "hello world".into(),
            index: InstanceIndex(3),
            from: StateName::Running,
            state: StateName::Backoff,
            admin: AdminState::Up,
            pid: None,
            exitcode: -1,
            exitsignal: 9,
            duration: 0.25,
            start_count: 8,
            flap_count: 6,
            reason: Some("it said \"no\"\n".into()),
            cause: None,
            asked_by: None,
        };
        Event { seq: Seq(4711), time: 1_790_000_000.5, what: What::State(Box::new(state)) }
    }

    #[test]
    fn both_tell_the_same() {
        let (event, on) = (event(), Pattern::parse("*->backoff").unwrap());
        let text = document(&event, on, "run-1");
        assert!(text.ends_with("}\n") && text.matches('\n').count() == 1, "{text}");
        let value = json::parse(&text).unwrap();
        assert_eq!(value.get("reason").and_then(Value::text), Some("it said \"no\"\n"));
        assert_eq!(value.get("run").and_then(Value::text), Some("run-1"));
        assert_eq!(value.get("instance"), Some(&Value::Int(3)));
        let variables = variables(&event, on);
        for (name, given) in &variables {
            let shown = match value.get(&name.strip_prefix("PROCNANNY_").unwrap().to_lowercase()) {
                Some(Value::Str(text)) => text.clone(),
                Some(other) => json::to_string(other),
                None => panic!("no {name} in {text}"),
            };
            assert!(
                shown == *given || shown.parse::<f64>().ok() == given.parse().ok(),
                "{name}: {shown} {given}"
            );
        }
        assert_eq!(variables.len(), 11);
        assert!(variables.contains(&("PROCNANNY_EVENT", "backoff".to_string())));
        assert!(variables.contains(&("PROCNANNY_TIME", "1790000000.5".to_string())));
    }

    #[test]
    fn what_is_no_edge_has_its_own_word() {
        let text = document(&event(), Pattern::Flapping, "");
        assert_eq!(json::parse(&text).unwrap().get("event").and_then(Value::text), Some("flapping"));
        assert!(
            variables(&event(), Pattern::Unhealthy).contains(&("PROCNANNY_EVENT", "unhealthy".to_string()))
        );
    }
}
