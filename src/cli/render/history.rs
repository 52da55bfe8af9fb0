//! Runs that ended, a line each: when, how long, as a number and as a bar, how they ended and who asked for it; below,
//! what else is to be said of it, and what it said last.

use super::instances::{ending, name_of, text};
use super::style::{Look, Style};
use super::table::{Align, Cell, Table};
use super::text::{cut, escape};
use super::{asker, time};
use crate::wire::value::Value;

const COLUMNS: [(&str, Align); 5] = [
    ("STARTED", Align::Left),
    ("LASTED", Align::Right),
    ("", Align::Left),
    ("ENDED", Align::Left),
    ("ASKED BY", Align::Left),
];

/// How many columns the longest bar has.
const BAR: usize = 20;
/// The same where there is little room, and what that is.
const SHORT_BAR: usize = 8;
const LITTLE_ROOM: usize = 100;
/// Parts of a column, from an eighth to seven.
const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
/// What stands before what is told below a run.
const INDENT: &str = "    ";

/// The runs of instances, in the order of the reply. All bars have one scale.
pub fn render(instances: &[Value], look: Look) -> String {
    let longest = instances.iter().flat_map(runs_of).map(duration).fold(0.0, f64::max);
    let room = if look.width.is_some_and(|width| width < LITTLE_ROOM) { SHORT_BAR } else { BAR };
    let mut table = Table::new(&COLUMNS);
    for run in instances.iter().flat_map(runs_of) {
        table.row(cells(run, longest, room));
    }
    table.drop_if_empty("ASKED BY");
    let mut lines = table.lines(look).into_iter();
    let mut text = lines.next().filter(|_| instances.iter().any(|it| !runs_of(it).is_empty()));
    if let Some(heading) = &mut text {
        heading.push('\n');
    }
    let mut text = text.unwrap_or_default();
    for instance in instances {
        let name = escape(&name_of(instance));
        if runs_of(instance).is_empty() {
            text.push_str(&format!("{}  no run of it has ended yet\n", look.paint(&name, Style::Strong)));
            continue;
        }
        if instances.len() > 1 {
            text.push_str(&format!("{}\n", look.paint(&name, Style::Strong)));
        }
        for run in runs_of(instance) {
            text.extend(lines.next());
            text.push('\n');
            for line in below(run) {
                text.push_str(&told(&line, look));
            }
        }
    }
    text
}

fn runs_of(instance: &Value) -> &[Value] {
    instance.get("runs").and_then(Value::as_array).unwrap_or_default()
}

fn duration(run: &Value) -> f64 {
    run.get("duration").and_then(Value::as_f64).unwrap_or(0.0)
}

fn cells(run: &Value, longest: f64, room: usize) -> Vec<Cell> {
    let start = time::timestamp(run.get("start_time").and_then(Value::as_f64).unwrap_or(0.0));
    // To the second: there is more to be seen in a line.
    let start = start.split_once('.').map_or(start.as_str(), |(second, _)| second);
    let (ended, style) = ended(run);
    vec![
        Cell::from(format!("{start}Z")),
        Cell::from(time::duration(duration(run))),
        Cell::new(&bar(duration(run), longest, room), style),
        Cell::new(&ended, style),
        Cell::from(run.get("asked_by").map(asker::short).unwrap_or_default()),
    ]
}

/// How a run ended, in a few words, and whether that was well.
fn ended(run: &Value) -> (String, Style) {
    let cause = text(run, "cause");
    let core = run.get("core_dumped").and_then(Value::as_bool) == Some(true);
    let ending = format!("{}{}", ending(run), if core { ", core dumped" } else { "" });
    let style = match cause {
        "stopped" | "requirement" => Style::Plain,
        "exit" if ending == "exit 0" => Style::Plain,
        _ => Style::Bad,
    };
    let words = match cause {
        "exit" | "signal" => ending,
        "spawn-failed" => "not executed".to_string(),
        _ => format!("{cause}, {ending}"),
    };
    (words, style)
}

/// A bar of this length on a scale that ends with the longest, which has all the room: what there was at all is seen.
fn bar(length: f64, longest: f64, room: usize) -> String {
    const EIGHTHS: f64 = 8.0;
    let share = if longest > 0.0 { (length / longest).clamp(0.0, 1.0) } else { 0.0 };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to eight times the columns"
    )]
    let eighths = (share * room as f64 * EIGHTHS).ceil() as usize;
    let part = (eighths % 8).checked_sub(1).and_then(|part| PARTS.get(part));
    std::iter::repeat_n('█', eighths / 8).chain(part.copied()).collect()
}

/// What is told below a run: its reason where that says more, and what it said last.
fn below(run: &Value) -> Vec<String> {
    let reason = text(run, "reason");
    let says_more = match text(run, "cause") {
        "exit" | "signal" | "oom" => false,
        "stopped" | "stop-timeout" | "requirement" => reason.contains(';'),
        _ => !reason.is_empty(),
    };
    let reason = says_more.then(|| reason.to_string());
    let words = match run.get("last_output") {
        Some(Value::Bin(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(value) => value.text().unwrap_or_default().to_string(),
        None => String::new(),
    };
    let words =
        words.lines().rev().find(|line| !line.trim().is_empty()).map(|line| format!("\"{}\"", line.trim()));
    reason.into_iter().chain(words).collect()
}

fn told(line: &str, look: Look) -> String {
    let left = look.width.map_or(usize::MAX, |width| width.saturating_sub(INDENT.len()));
    let shown = cut(&escape(line), left);
    format!("{INDENT}{}\n", look.paint(&shown, Style::Faint))
}

#[cfg(test)]
mod tests {
    use super::super::text::width;
    use super::*;
    use crate::wire::json;

    fn rendered(json: &str, look: Look) -> String {
        render(json::parse(json).unwrap().as_array().unwrap(), look)
    }

    const RUNS: &str = r#"[{"program":"web","instance":0,"runs":[
        {"start_time":0.5,"duration":8.0,"exitcode":-1,"exitsignal":15,"cause":"stopped","reason":"stopped",
         "asked_by":{"what":"stop","uid":0,"pid":12,"command":"python3"},"last_output":null},
        {"start_time":10.0,"duration":0.1,"exitcode":3,"exitsignal":0,"cause":"exit","reason":"exited with code 3",
         "asked_by":null,"last_output":"Traceback\nKeyError: 'x\u001b[2J'\n\n"},
        {"start_time":11.0,"duration":4.0,"exitcode":-1,"exitsignal":11,"cause":"signal","core_dumped":true,
         "asked_by":null,"last_output":null},
        {"start_time":20.0,"duration":0.0,"exitcode":127,"exitsignal":0,"cause":"spawn-failed",
         "reason":"exec: No such file or directory (nope)","asked_by":null,"last_output":null}]}]"#;

    #[test]
    fn a_line_a_run_and_below_what_there_is_to_say() {
        assert_eq!(
            rendered(RUNS, Look::PLAIN),
            "STARTED               LASTED                        ENDED                 ASKED BY\n\
             1970-01-01T00:00:00Z      8s  ████████████████████  stopped, SIGTERM      stop, python3[12] of uid 0\n\
             1970-01-01T00:00:10Z   100ms  ▎                     exit 3\n    \"KeyError: 'x\\u{1b}[2J'\"\n\
             1970-01-01T00:00:11Z      4s  ██████████            SIGSEGV, core dumped\n\
             1970-01-01T00:00:20Z      0s                        not executed\n    \
             exec: No such file or directory (nope)\n"
        );
    }

    #[test]
    fn lines_fit_a_terminal() {
        for columns in [20, 40, 80] {
            let look = Look { width: Some(columns), ..Look::PLAIN };
            for line in rendered(RUNS, look).lines() {
                assert!(width(line) <= columns, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn several_instances_are_told_apart_and_strange_replies_do_no_harm() {
        let text = rendered(
            r#"[{"program":"a","instance":0,"runs":[{"cause":"exit"}]},{"program":"a","instance":1,"runs":[]}, 7]"#,
            Look::PLAIN,
        );
        assert!(text.contains("\na/0\n1970"), "{text}");
        assert!(text.contains("a/1  no run of it has ended yet"), "{text}");
    }

    #[test]
    fn bars_have_one_scale() {
        assert_eq!(bar(4.0, 4.0, BAR).chars().count(), BAR);
        assert_eq!(bar(0.000_001, 4.0, BAR), "▏");
        assert_eq!(bar(0.0, 4.0, BAR), "");
        assert_eq!(bar(0.0, 0.0, BAR), "");
        assert_eq!(bar(f64::NAN, 1.0, BAR), "");
    }
}
