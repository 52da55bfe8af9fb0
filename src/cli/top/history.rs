//! The page about how the runs of an instance ended.

use super::columns::{Pieces, size};
use crate::cli::render::instances::{ending, text};
use crate::cli::render::style::Style;
use crate::cli::render::text::escape;
use crate::cli::render::time;
use crate::wire::value::Value;

/// The lines for a reply to `history` about one instance, oldest run first, as the end is what is seen first.
pub fn page(reply: &Value) -> Vec<Pieces> {
    let instance = reply.get("history").and_then(Value::as_array).and_then(|all| all.first());
    let runs = instance.and_then(|it| it.get("runs")).and_then(Value::as_array).unwrap_or_default();
    if runs.is_empty() {
        return vec![vec![("No run of it has ended yet.".to_string(), Style::Faint)]];
    }
    runs.iter().flat_map(lines).collect()
}

/// When it began, how long it lasted, how it ended, what it used; below, what it said last.
fn lines(run: &Value) -> Vec<Pieces> {
    let number = |key: &str| run.get(key).and_then(Value::as_f64);
    let start = time::timestamp(number("start_time").unwrap_or(0.0));
    let lasted = time::duration(number("duration").unwrap_or(0.0));
    let cause = text(run, "cause");
    let ended =
        if matches!(cause, "exit" | "signal") { ending(run) } else { format!("{cause}, {}", ending(run)) };
    let style = match (cause, ending(run).as_str()) {
        ("exit", "exit 0") => Style::Good,
        ("stopped" | "requirement", _) => Style::Plain,
        _ => Style::Bad,
    };
    let cpu = number("cpu_user").unwrap_or(0.0) + number("cpu_system").unwrap_or(0.0);
    let memory = run.get("max_rss").and_then(Value::as_u64).map(|bytes| format!("  mem {}", size(bytes)));
    let used = format!("  cpu {}{}", time::duration(cpu), memory.unwrap_or_default());
    let mut lines = vec![vec![
        (format!("{start}  {lasted:>7}  "), Style::Plain),
        (format!("{:<20}", escape(&ended)), style),
        (used, Style::Faint),
    ]];
    let reason = Some(text(run, "reason")).filter(|reason| !reason.is_empty());
    let words = run.get("last_output").and_then(last_line).map(|line| format!("\"{line}\""));
    let below = reason.map(str::to_string).into_iter().chain(words);
    lines.extend(below.map(|line| vec![(format!("    {}", escape(&line)), Style::Faint)]));
    lines
}

/// The last line that has anything in it.
fn last_line(output: &Value) -> Option<String> {
    let text = match output {
        Value::Bin(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => other.text()?.to_string(),
    };
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    #[test]
    fn a_run_is_told_with_what_it_said_last() {
        let reply = r#"{"history":[{"program":"web","instance":0,"runs":[
            {"start_time":0.5,"duration":2.5,"exitcode":3,"exitsignal":0,"cause":"exit","cpu_user":0.1,"cpu_system":0.2,
             "max_rss":1048576,"reason":"exited with code 3","last_output":"one\nKey\u001bError\n\n"},
            {"start_time":3.5,"duration":60,"exitcode":-1,"exitsignal":15,"cause":"stopped","last_output":null}]}]}"#;
        let page = page(&json::parse(reply).unwrap());
        let lines: Vec<String> =
            page.iter().map(|line| line.iter().map(|(text, _)| text.as_str()).collect()).collect();
        assert_eq!(
            lines,
            [
                "1970-01-01T00:00:00.500Z     2.5s  exit 3                cpu 300ms  mem 1.0M",
                "    exited with code 3",
                "    \"Key\\u{1b}Error\"",
                "1970-01-01T00:00:03.500Z       1m  stopped, SIGTERM      cpu 0s",
            ]
        );
        assert_eq!((page[0][1].1, page[3][1].1), (Style::Bad, Style::Plain));
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        for reply in ["{}", r#"{"history":[{"runs":[]}]}"#, r#"{"history":[7]}"#] {
            assert_eq!(page(&json::parse(reply).unwrap()).len(), 1);
        }
    }
}
