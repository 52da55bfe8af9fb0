//! Instances in rows: what `status` shows, and what commands answer.

use super::style::{Style, of_state};
use super::table::{Align, Cell, Table};
use super::time;
use crate::core::order;
use crate::core::readiness::is_announced;
use crate::core::state::StateName;
use crate::sys::signals::signal_name;
use crate::wire::value::Value;

/// The columns of `status`.
const COLUMNS: [(&str, Align); 9] = [
    ("PROGRAM/INSTANCE", Align::Left),
    ("STATE", Align::Left),
    ("ADMIN", Align::Left),
    ("PID", Align::Right),
    ("UPTIME", Align::Right),
    ("STARTS", Align::Right),
    ("LAST EXIT", Align::Left),
    ("REASON", Align::Left),
    ("DESCRIPTION", Align::Left),
];

/// The reply to `status`, read.
#[derive(Clone, Debug, Default)]
pub struct Instances<'a> {
    rows: Vec<Row<'a>>,
}

/// An instance, or a program that has none.
#[derive(Clone, Debug)]
struct Row<'a> {
    program: &'a str,
    description: &'a str,
    /// `None`: the program has no instances.
    instance: Option<(&'a Value, &'a Value)>,
}

impl<'a> Instances<'a> {
    /// Reads a reply to `status`. What it does not have is shown as missing, so that another version's is shown too.
    pub fn of(reply: &'a Value) -> Self {
        let programs = reply.get("programs").and_then(Value::as_map).unwrap_or_default();
        let mut rows = Vec::new();
        for (name, program) in programs {
            let name = name.text().unwrap_or("?");
            let description = text(program, "description");
            let row = |instance| Row { program: name, description, instance };
            match program.get("instances").and_then(Value::as_map) {
                Some(instances) if !instances.is_empty() => {
                    rows.extend(instances.iter().map(|(number, instance)| row(Some((number, instance)))));
                }
                Some(_) | None => rows.push(row(None)),
            }
        }
        order::sort_by_key(&mut rows, |row| row.program);
        Self { rows }
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether every instance is running.
    pub fn are_all_up(&self) -> bool {
        let mut instances = self.rows.iter().filter_map(|row| row.instance);
        instances.all(|(_, instance)| text(instance, "state") == StateName::Running.as_str())
    }

    /// Whether what is shown changes with time alone: uptimes and delays.
    pub fn are_moving(&self) -> bool {
        let mut instances = self.rows.iter().filter_map(|row| row.instance);
        instances.any(|(_, instance)| {
            integer(instance, "pid") != 0 || instance.get("retry_in") != Some(&Value::Nil)
        })
    }

    /// The table.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&COLUMNS);
        for row in &self.rows {
            table.row(row.cells());
        }
        table.drop_if_empty("REASON");
        table.drop_if_empty("DESCRIPTION");
        table
    }
}

impl Row<'_> {
    fn cells(&self) -> Vec<Cell> {
        let Some((number, instance)) = self.instance else {
            let mut cells = vec![Cell::from(self.program)];
            cells.extend(["-"; 6].map(|none| Cell::new(none, Style::Faint)));
            cells.extend([Cell::from("has no instances"), Cell::from(self.description)]);
            return cells;
        };
        let state = text(instance, "state");
        let (pid, uptime) = match integer(instance, "pid") {
            0 => ("-".to_string(), "-".to_string()),
            pid => (pid.to_string(), time::duration(float(instance, "duration"))),
        };
        vec![
            Cell::from(name(self.program, number)),
            Cell::new(state, of_state(state)),
            Cell::from(text(instance, "admin_state")),
            Cell::from(pid),
            Cell::from(uptime),
            Cell::from(integer(instance, "start_count").to_string()),
            Cell::from(last_exit(instance)),
            Cell::from(reason(instance)),
            Cell::from(self.description),
        ]
    }
}

/// How the last process ended, and after how long unless the reason says that.
fn last_exit(instance: &Value) -> String {
    let Some(duration) = instance.get("last_duration").and_then(Value::as_f64) else {
        return "-".to_string();
    };
    if told_reason(instance).is_some_and(|reason| tells_ending(&reason)) {
        return ending(instance);
    }
    format!("{} after {}", ending(instance), time::duration(duration))
}

/// Whether a reason says how a process ended.
pub fn tells_ending(reason: &str) -> bool {
    // What stands before a colon says what was made of it.
    let sentence = reason.rsplit(": ").next().unwrap_or(reason);
    sentence.starts_with("exited with code") || sentence.starts_with("killed by signal")
}

/// The end of a process in two words: `exit 1`, `SIGKILL`.
pub fn ending(of: &Value) -> String {
    match i32::try_from(integer(of, "exitsignal")).unwrap_or(0) {
        0 => format!("exit {}", integer(of, "exitcode")),
        signal => {
            let name = signal_name(signal);
            // A signal without a name is a number.
            if name.starts_with(|c: char| c.is_ascii_digit()) {
                format!("signal {name}")
            } else {
                format!("SIG{name}")
            }
        }
    }
}

/// The reason, as far as it says more than the last exit does. With a process there, it is about the one before.
pub fn told_reason(instance: &Value) -> Option<String> {
    let reason = instance.get("reason").and_then(Value::text)?;
    match integer(instance, "pid") {
        0 => Some(reason.to_string()),
        // It is about the present one.
        _ if is_announced(reason) || text(instance, "state") == StateName::Stopping.as_str() => {
            Some(reason.to_string())
        }
        _ if tells_ending(reason) => None,
        _ => Some(format!("before: {reason}")),
    }
}

/// Why it is in its state, and what comes next.
fn reason(instance: &Value) -> String {
    let mut parts = Vec::new();
    parts.extend(told_reason(instance));
    if text(instance, "state") == StateName::Running.as_str()
        && let Some(status) = instance.get("status_text").and_then(Value::text)
    {
        parts.push(format!("says \"{status}\""));
    }
    match integer(instance, "flap_count") {
        0 => {}
        1 => parts.push("1 flap".to_string()),
        flaps => parts.push(format!("{flaps} flaps in a row")),
    }
    if let Some(delay) = instance.get("retry_in").and_then(Value::as_f64) {
        parts.push(format!("starts in {}", time::duration(delay)));
    }
    parts.extend(strays(instance));
    if instance.get("restart_needed").and_then(Value::as_bool) == Some(true) {
        parts.push("new settings wait for a restart".to_string());
    }
    parts.join("; ")
}

/// How many processes have left it, and the first of them, since they are to be looked for by their ids.
fn strays(instance: &Value) -> Option<String> {
    const SHOWN: usize = 5;
    let strays = instance.get("strays").and_then(Value::as_array).unwrap_or_default();
    let pids: Vec<String> = strays.iter().filter_map(Value::as_i64).map(|pid| pid.to_string()).collect();
    let shown = pids.get(..SHOWN).unwrap_or(&pids).join(", ");
    match pids.len() {
        0 => None,
        1 => Some(format!("1 stray: {shown}")),
        count if count > SHOWN => Some(format!("{count} strays: {shown}, ...")),
        count => Some(format!("{count} strays: {shown}")),
    }
}

/// The rows of a reply's `results`.
pub fn results(reply: &Value) -> &[Value] {
    reply.get("results").and_then(Value::as_array).unwrap_or_default()
}

/// What became of instances: a line each.
pub fn results_table(rows: &[Value]) -> Table {
    let mut table = Table::new(&[("", Align::Left); 4]);
    for row in rows {
        let state = text(row, "state");
        let process = match integer(row, "pid") {
            0 => text(row, "reason").to_string(),
            pid => format!("pid {pid}"),
        };
        let unchanged = row.get("changed").and_then(Value::as_bool) == Some(false);
        let unchanged = if unchanged { "as it was" } else { "" };
        table.row(vec![
            Cell::from(name_of(row)),
            Cell::new(state, of_state(state)),
            Cell::from(process),
            Cell::new(unchanged, Style::Faint),
        ]);
    }
    table
}

/// `PROGRAM/INSTANCE` of a row or an event, as it is; `PROGRAM` for what is about a program as a whole.
pub fn name_of(row: &Value) -> String {
    match row.get("instance") {
        Some(number) => name(text(row, "program"), number),
        None => text(row, "program").to_string(),
    }
}

fn name(program: &str, number: &Value) -> String {
    format!("{program}/{}", number.as_u64().map_or("?".to_string(), |number| number.to_string()))
}

/// A string of a row; nothing if it has none.
pub fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::text).unwrap_or("")
}

/// An integer of a row; 0 if it has none.
pub fn integer(row: &Value, key: &str) -> i64 {
    row.get(key).and_then(Value::as_i64).unwrap_or(0)
}

fn float(row: &Value, key: &str) -> f64 {
    row.get(key).and_then(Value::as_f64).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::style::Look;
    use super::*;
    use crate::wire::json;

    fn table(json: &str) -> String {
        Instances::of(&json::parse(json).unwrap()).table().render(Look::PLAIN)
    }

    /// As the wire has it: instances under integers.
    fn reply(state: &str, more: &str) -> Value {
        let fields = format!(
            r#"{{"pid":0,"state":"{state}","exitcode":1,"exitsignal":0,"admin_state":"up","duration":0.0,
            "start_count":3,"flap_count":0,"last_duration":2.5,"retry_in":null,"reason":null{more}}}"#
        );
        let instance = json::parse(&fields).unwrap();
        let program = Value::map([("instances", Value::Map(vec![(Value::Int(4), instance)]))]);
        Value::map([("programs", Value::map([("hello world", program)]))])
    }

    #[test]
    fn a_row_an_instance() {
        let exited = reply("exited", "");
        let instances = Instances::of(&exited);
        assert!(!instances.are_all_up() && !instances.are_moving() && !instances.is_empty());
        assert_eq!(
            instances.table().render(Look::PLAIN),
            "PROGRAM/INSTANCE  STATE   ADMIN  PID  UPTIME  STARTS  LAST EXIT\n\
             hello world/4     exited  up       -       -       3  exit 1 after 2.5s\n"
        );
        let running = reply("running", "");
        assert!(Instances::of(&running).are_all_up());
    }

    #[test]
    fn the_reason_is_told_with_what_comes_next() {
        let instance = |json: &str| json::parse(json).unwrap();
        let flapping = instance(r#"{"pid":0,"reason":"exited with code 1","flap_count":2,"retry_in":1.5}"#);
        assert_eq!(reason(&flapping), "exited with code 1; 2 flaps in a row; starts in 1.5s");
        let started =
            instance(r#"{"pid":7,"reason":"exec: No such file","flap_count":1,"restart_needed":true}"#);
        assert_eq!(reason(&started), "before: exec: No such file; 1 flap; new settings wait for a restart");
        let hung = instance(r#"{"pid":7,"state":"stopping","reason":"its watchdog was not fed for 2 s"}"#);
        assert_eq!(reason(&hung), "its watchdog was not fed for 2 s");
        let loading = instance(r#"{"pid":7,"state":"starting","reason":"says \"loading\""}"#);
        assert_eq!(reason(&loading), "says \"loading\"");
        let works = instance(r#"{"pid":7,"state":"running","reason":null,"status_text":"12 clients"}"#);
        assert_eq!(reason(&works), "says \"12 clients\"");
        let left = |strays: &str| {
            let row =
                format!(r#"{{"pid":7,"state":"running","reason":null,"flap_count":1,"strays":{strays}}}"#);
            reason(&instance(&row))
        };
        assert_eq!([left("[]"), left("null"), left("[9]")], ["1 flap", "1 flap", "1 flap; 1 stray: 9"]);
        assert_eq!(left("[5,6,7,8,9]"), "1 flap; 5 strays: 5, 6, 7, 8, 9");
        assert_eq!(left("[1,2,3,4,5,6]"), "1 flap; 6 strays: 1, 2, 3, 4, 5, ...");
        let again = instance(
            r#"{"pid":7,"reason":"exited with code 1 after 2.0 s","last_duration":2.0,"exitcode":1}"#,
        );
        assert_eq!((reason(&again), last_exit(&again)), (String::new(), "exit 1 after 2s".to_string()));
        let rests = instance(
            r#"{"pid":0,"reason":"exited with code 1 after 2.0 s","last_duration":2.0,"exitcode":1}"#,
        );
        assert_eq!(last_exit(&rests), "exit 1");
    }

    #[test]
    fn ends_of_processes() {
        let end = |code: i64, signal: i64| {
            ending(&Value::map([("exitcode", Value::Int(code)), ("exitsignal", Value::Int(signal))]))
        };
        assert_eq!(end(0, 0), "exit 0");
        assert_eq!(end(-1, 9), "SIGKILL");
        assert_eq!(end(-1, 99), "signal 99");
        assert_eq!(end(3, i64::MAX), "exit 3");
    }

    #[test]
    fn a_program_without_instances_has_a_row_and_strange_replies_do_no_harm() {
        let text = table(r#"{"programs":{"empty":{"instances":{},"description":"of no use"}}}"#);
        assert!(text.contains("empty") && text.contains("has no instances  of no use"), "{text}");
        assert!(Instances::of(&Value::Nil).is_empty());
        assert!(table(r#"{"programs":{"a\u001b[2J":{"instances":{"0":7}}}}"#).contains("a\\u{1b}[2J/?"));
    }

    #[test]
    fn what_became_of_instances() {
        let rows = json::parse(
            r#"[{"program":"web","instance":0,"state":"running","pid":123,"changed":true},
                {"program":"web","instance":10,"state":"exited","pid":0,"changed":false,
                "reason":"stopped"}]"#,
        )
        .unwrap();
        let text = results_table(rows.as_array().unwrap()).render(Look::PLAIN);
        assert_eq!(text, "web/0   running  pid 123\nweb/10  exited   stopped  as it was\n");
    }
}
