//! Events as lines: when, which, of whom, what happened.

use super::instances::{ending, integer, name_of, tells_ending, text};
use super::style::{Look, Style, of_state};
use super::text::{escape, width};
use super::time;
use crate::core::state::StateName;
use crate::wire::json;
use crate::wire::value::Value;

/// How much of when is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// `2026-11-23T08:00:00.123Z`, and the number of the event.
    InFull,
    /// `08:00:00.123`.
    Today,
}

/// `stopping -> starting` and the like.
const EDGE_WIDTH: usize = 20;

/// Makes lines of events, whose columns stay where the widest name so far has put them.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    look: Look,
    when: When,
    name_width: usize,
    seq_width: usize,
}

impl Lines {
    /// Lines that look like this.
    pub fn new(look: Look) -> Self {
        Self { look, when: When::InFull, name_width: 10, seq_width: 4 }
    }

    /// The same without the day and the number, for where there is little room.
    pub fn brief(look: Look) -> Self {
        Self { when: When::Today, ..Self::new(look) }
    }

    /// Makes the columns wide enough for an event.
    pub fn make_room(&mut self, event: &Value) {
        self.seq_width = self.seq_width.max(integer(event, "seq").to_string().len());
        self.name_width = self.name_width.max(width(&escape(&subject(event))));
    }

    /// The line of an event, without its end.
    pub fn line(&mut self, event: &Value) -> String {
        self.make_room(event);
        let when = self.when(event);
        let name = escape(&subject(event));
        let padding = self.name_width - width(&name);
        let before = format!("{when}  {name}{:padding$}  ", "");
        let (what, style) = what(event);
        let what = escape(&what);
        let after = match escape(&detail(event)).as_str() {
            "" => String::new(),
            detail => format!("{:padding$}  {detail}", "", padding = EDGE_WIDTH.saturating_sub(width(&what))),
        };
        self.look.joined(&[(&before, Style::Plain), (&what, style), (&after, Style::Plain)])
    }

    fn when(&self, event: &Value) -> String {
        let at = time::timestamp(event.get("time").and_then(Value::as_f64).unwrap_or(0.0));
        match self.when {
            When::InFull => format!("{at}  {:>width$}", integer(event, "seq"), width = self.seq_width),
            When::Today => {
                let clock = at.split_once('T').map_or(at.as_str(), |(_, clock)| clock);
                clock.trim_end_matches('Z').to_string()
            }
        }
    }

    /// A line that a program printed, in the place of what happened.
    pub fn said(&self, text: &str) -> String {
        let when = width(&self.when(&Value::Nil));
        let before = format!("{:indent$}", "", indent = when + self.name_width + 4);
        self.look.joined(&[(&before, Style::Plain), (&format!("\"{}\"", escape(text)), Style::Faint)])
    }
}

/// Whom an event is about.
fn subject(event: &Value) -> String {
    if event.get("program").is_some() { name_of(event) } else { "supervisor".to_string() }
}

/// What happened, in a word or two.
fn what(event: &Value) -> (String, Style) {
    if is_edge(event) {
        let (from, state) = (text(event, "from"), text(event, "state"));
        return (format!("{from} -> {state}"), of_state(state));
    }
    if event.get("admin_state").is_some() {
        let (from, admin) = (text(event, "from"), text(event, "admin_state"));
        return (format!("admin {from} -> {admin}"), Style::Plain);
    }
    if is_hook(event) {
        return (format!("hook {}", text(event, "on")), Style::Plain);
    }
    let name = event.get("event").and_then(Value::text).unwrap_or("?");
    (name.to_string(), Style::Strong)
}

/// What else there is to say.
fn detail(event: &Value) -> String {
    if is_hook(event) {
        return of_hook(event);
    }
    if !is_edge(event) {
        return rest(event);
    }
    let has_process = |key: &str| StateName::parse(text(event, key)).is_some_and(StateName::has_process);
    let mut parts = Vec::new();
    match integer(event, "pid") {
        0 => {}
        pid => parts.push(format!("pid {pid}")),
    }
    // What starts has the reason of the edge before.
    let is_told_before = text(event, "state") == StateName::Starting.as_str();
    let reason = event.get("reason").and_then(Value::text).filter(|_| !is_told_before);
    let is_told = reason.is_some_and(tells_ending);
    if has_process("from") && !has_process("state") && !is_told {
        let duration = event.get("duration").and_then(Value::as_f64).unwrap_or(0.0);
        parts.push(format!("{} after {}", ending(event), time::duration(duration)));
    }
    parts.extend(reason.map(str::to_string));
    if !has_process("state") {
        match integer(event, "flap_count") {
            0 => {}
            flaps => parts.push(format!("flap {flaps}")),
        }
    }
    parts.join(", ")
}

/// What was run, for which event, and what came of it.
fn of_hook(event: &Value) -> String {
    let outcome = match event.get("reason").and_then(Value::text) {
        Some(reason) => format!("was not executed: {reason}"),
        None => {
            let duration = time::duration(event.get("duration").and_then(Value::as_f64).unwrap_or(0.0));
            match event.get("timed_out").and_then(Value::as_bool) {
                Some(true) => format!("took too long, killed after {duration}"),
                Some(false) | None => format!("{} after {duration}", ending(event)),
            }
        }
    };
    format!("{} for {}: {outcome}", text(event, "hook"), integer(event, "of"))
}

fn is_hook(event: &Value) -> bool {
    event.get("hook").is_some()
}

fn is_edge(event: &Value) -> bool {
    event.get("state").is_some()
}

/// What an event of another kind holds beside what every event has, so that those of later versions are told too.
fn rest(event: &Value) -> String {
    const COMMON: [&str; 8] = ["event", "time", "seq", "run", "program", "instance", "from", "admin_state"];
    let entries = event.as_map().unwrap_or_default();
    let others = entries.iter().filter_map(|(key, value)| Some((key.text()?, value)));
    let others = others.filter(|(key, _)| !COMMON.contains(key));
    let part = |(key, value): (&str, &Value)| match value.text() {
        Some(text) => format!("{key} {text}"),
        None => format!("{key} {}", json::to_string(value)),
    };
    others.map(part).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> String {
        Lines::new(Look::PLAIN).line(&crate::wire::json::parse(json).unwrap())
    }

    #[test]
    fn edges() {
        let start = r#"{"time":0.5,"seq":7,"program":"web","instance":0,"event":"starting","from":"exited",
            "state":"starting","admin_state":"up","pid":12,"duration":0.0,"reason":"exited with code 1"}"#;
        assert_eq!(line(start), "1970-01-01T00:00:00.500Z     7  web/0       exited -> starting    pid 12");
        let hung = r#"{"time":0,"seq":8,"program":"web","instance":0,"from":"running","state":"stopping","pid":7,
            "exitcode":0,"exitsignal":0,"duration":2.5,"reason":"its watchdog was not fed for 2 s"}"#;
        assert!(
            line(hung).ends_with("running -> stopping   pid 7, its watchdog was not fed for 2 s"),
            "{}",
            line(hung)
        );
        let stop = r#"{"time":0,"seq":8,"program":"web","instance":0,"from":"stopping","state":"exited","pid":0,
            "exitcode":-1,"exitsignal":15,"duration":2.5,"reason":"stopped"}"#;
        assert!(line(stop).ends_with("stopping -> exited    SIGTERM after 2.5s, stopped"), "{}", line(stop));
        let ill = r#"{"time":0,"seq":8,"program":"web","instance":0,"from":"running","state":"stopping","pid":12,
            "reason":"unhealthy: its health check exited with code 1"}"#;
        let told = "running -> stopping   pid 12, unhealthy: its health check exited with code 1";
        assert!(line(ill).ends_with(told), "{}", line(ill));
        let ill = ill
            .replace("running", "stopping")
            .replace(r#""state":"stopping","pid":12"#, r#""state":"exited","exitsignal":15"#);
        let told = "SIGTERM after 0s, unhealthy: its health check exited with code 1";
        assert!(line(&ill).ends_with(told), "{}", line(&ill));
        let flap = r#"{"time":0,"seq":8,"program":"web","instance":0,"from":"starting","state":"backoff","pid":0,
            "exitcode":1,"flap_count":6,"reason":"exited with code 1 after 0.1 s"}"#;
        assert!(
            line(flap).ends_with("starting -> backoff   exited with code 1 after 0.1 s, flap 6"),
            "{}",
            line(flap)
        );
    }

    #[test]
    fn brief_lines_have_neither_day_nor_number() {
        let mut lines = Lines::brief(Look::PLAIN);
        let created = r#"{"time":0.5,"seq":7,"program":"web","event":"created"}"#;
        let line = lines.line(&crate::wire::json::parse(created).unwrap());
        assert_eq!(line, "00:00:00.500  web         created");
        assert_eq!(lines.said("hello").find('"'), line.find("created"));
    }

    #[test]
    fn other_events() {
        let admin = r#"{"time":0,"seq":1,"program":"web","instance":3,"event":"admin","from":"up","admin_state":"down"}"#;
        assert!(line(admin).ends_with("web/3       admin up -> down"), "{}", line(admin));
        let scaled = r#"{"time":0,"seq":1,"program":"web","event":"scaled","instances":4}"#;
        assert!(line(scaled).ends_with("web         scaled                instances 4"), "{}", line(scaled));
        let started = r#"{"time":0,"seq":1,"event":"started","run":"x"}"#;
        assert!(line(started).ends_with("supervisor  started"), "{}", line(started));
        assert!(line("{}").ends_with("supervisor  ?"), "{}", line("{}"));
    }

    #[test]
    fn hooks() {
        let hook = |outcome: &str| {
            line(&format!(
                r#"{{"time":0,"seq":9,"program":"web","instance":0,"event":"hook","hook":"/bin/a","on":"*->backoff",
                "of":7,"pid":12,"duration":1.5,{outcome}}}"#
            ))
        };
        let told = |outcome: &str, end: &str| assert!(hook(outcome).ends_with(end), "{}", hook(outcome));
        let done = r#""exitcode":0,"exitsignal":0,"timed_out":false,"reason":null"#;
        told(done, "web/0       hook *->backoff       /bin/a for 7: exit 0 after 1.5s");
        told(r#""exitcode":-1,"exitsignal":15,"timed_out":false"#, "for 7: SIGTERM after 1.5s");
        told(r#""exitcode":-1,"exitsignal":9,"timed_out":true"#, "for 7: took too long, killed after 1.5s");
        let absent =
            r#""exitcode":127,"timed_out":false,"reason":"exec: No such file or directory (/bin/a)""#;
        told(absent, "for 7: was not executed: exec: No such file or directory (/bin/a)");
    }

    #[test]
    fn a_line_is_cut_where_it_has_to_end() {
        let event = Value::map([("event", Value::from("created")), ("program", Value::from("web"))]);
        for columns in 0..60 {
            let line = Lines::new(Look { width: Some(columns), ..Look::PLAIN }).line(&event);
            assert!(width(&line) <= columns, "{columns}: {line}");
        }
    }

    #[test]
    fn columns_stay_and_names_do_no_harm() {
        let mut lines = Lines::new(Look::PLAIN);
        let event =
            |name: &str| Value::map([("program", Value::from(name)), ("event", Value::from("created"))]);
        let wide = lines.line(&event("a\u{1b}[2Jlong name"));
        assert!(wide.contains("a\\u{1b}[2Jlong name  created"), "{wide}");
        assert_eq!(lines.line(&event("b")).find("created"), wide.find("created"));
    }
}
