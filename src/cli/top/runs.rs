//! A small picture of the last runs: a character for each, whose height is how long it lasted and whose colour is how
//! it ended. Without colour it is a letter for how it ended, a capital one for a run of a minute or more.

use crate::cli::render::instances::{integer, text};
use crate::cli::render::style::{Colour, Style};
use crate::core::state::StateName;
use crate::wire::value::Value;
use std::collections::VecDeque;

/// How many runs are remembered of an instance: as many as the widest picture shows.
pub const KEPT: usize = 24;

/// Heights, each for runs up to so many seconds; what lasted longer is as high as it gets.
const HEIGHTS: [(char, f64); 7] =
    [('▁', 1.0), ('▂', 10.0), ('▃', 60.0), ('▄', 600.0), ('▅', 3600.0), ('▆', 21_600.0), ('▇', 86_400.0)];
const HIGHEST: char = '█';

/// A run of so many seconds is a long one.
const LONG: f64 = 60.0;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With exit code 0.
    Well,
    /// With another exit code, or it had to be ended because it did not do its work.
    Failed,
    /// By a signal that nobody here sent.
    Killed,
    /// Somebody wanted it to end.
    Asked,
    /// It could not be executed.
    NotExecuted,
}

/// A run that has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// How long it lasted, in seconds.
    pub lasted: f64,
    /// How it ended.
    pub end: End,
}

/// The last runs of an instance, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs(VecDeque<Run>);

impl End {
    fn letter(self) -> char {
        match self {
            End::Well => 'o',
            End::Failed => 'x',
            End::Killed => 'k',
            End::Asked => 's',
            End::NotExecuted => 'n',
        }
    }

    fn style(self) -> Style {
        match self {
            End::Well => Style::Good,
            End::Failed | End::NotExecuted => Style::Bad,
            End::Killed => Style::Alarming,
            End::Asked => Style::Faint,
        }
    }

    /// From what is told of a process that ended; `cause` is what a supervisor of before does not tell.
    fn of(told: &Value, cause: Option<&str>) -> Self {
        match (cause, integer(told, "exitsignal"), integer(told, "exitcode")) {
            (Some("stopped" | "requirement"), _, _) => End::Asked,
            (Some("spawn-failed"), _, _) => End::NotExecuted,
            (Some("exit" | "signal") | None, 0, 0) => End::Well,
            (Some("exit" | "signal" | "oom") | None, 1.., _) => End::Killed,
            (Some(_) | None, _, _) => End::Failed,
        }
    }
}

impl Run {
    /// A run of a reply to `history`.
    fn of_history(run: &Value) -> Self {
        Self { lasted: seconds(run, "duration"), end: End::of(run, run.get("cause").and_then(Value::text)) }
    }

    /// The run that an event tells the end of, if it does. With the event the next one may have begun already; how
    /// long the one before had lasted by then is known to who saw it begin.
    pub fn of_event(event: &Value, uptime: f64) -> Option<Self> {
        let state = |key| StateName::parse(text(event, key));
        let (from, to) = (state("from")?, state("state")?);
        let told = event.get("cause").and_then(Value::text);
        let stopping = from == StateName::Stopping;
        if stopping && to == StateName::Starting {
            return Some(Self { lasted: uptime, end: End::of(event, told.or(Some("stopped"))) });
        }
        if !from.has_process() || to.has_process() {
            return None;
        }
        let stopped = stopping && text(event, "reason").starts_with("stopped");
        let cause = told.or(stopped.then_some("stopped"));
        Some(Self { lasted: seconds(event, "duration"), end: End::of(event, cause) })
    }

    /// The one that a row of `list` tells of, if one has ended.
    pub fn of_row(row: &Value) -> Option<Self> {
        let lasted = row.get("last_duration").and_then(Value::as_f64)?;
        let cause = text(row, "reason").starts_with("stopped").then_some("stopped");
        Some(Self { lasted, end: End::of(row, cause) })
    }

    fn height(self) -> char {
        let height = HEIGHTS.iter().find(|(_, up_to)| self.lasted < *up_to);
        height.map_or(HIGHEST, |(height, _)| *height)
    }

    fn letter(self) -> char {
        let letter = self.end.letter();
        if self.lasted >= LONG { letter.to_ascii_uppercase() } else { letter }
    }
}

impl Runs {
    /// What a reply to `history` tells of an instance.
    pub fn of_history(instance: &Value) -> Self {
        let runs = instance.get("runs").and_then(Value::as_array).unwrap_or_default();
        let latest = runs.get(runs.len().saturating_sub(KEPT)..).unwrap_or_default();
        Self(latest.iter().map(Run::of_history).collect())
    }

    /// Adds the latest.
    pub fn push(&mut self, run: Run) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(run);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The picture of the latest, at most so many columns wide.
    pub fn picture(&self, columns: usize, colour: Colour) -> impl Iterator<Item = (String, Style)> + '_ {
        let latest = self.0.iter().skip(self.0.len().saturating_sub(columns));
        latest.map(move |run| match colour {
            Colour::Allowed => (run.height().to_string(), run.end.style()),
            Colour::None => (run.letter().to_string(), Style::Plain),
        })
    }

    /// The same without colour, as a text.
    #[cfg(test)]
    pub fn letters(&self) -> String {
        self.picture(KEPT, Colour::None).map(|(letter, _)| letter).collect()
    }
}

fn seconds(of: &Value, key: &str) -> f64 {
    of.get(key).and_then(Value::as_f64).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    fn run_of(event: &str) -> Option<Run> {
        Run::of_event(&json::parse(event).unwrap(), 7.0)
    }

    #[test]
    fn heights_grow_with_time_and_letters_tell_the_end() {
        let run = |lasted, end| Run { lasted, end };
        let mut runs = Runs::default();
        for (lasted, end) in [
            (0.1, End::Failed),
            (9.0, End::Well),
            (59.0, End::Killed),
            (61.0, End::Well),
            (1e6, End::Asked),
            (0.0, End::NotExecuted),
        ] {
            runs.push(run(lasted, end));
        }
        assert_eq!(runs.letters(), "xokOSn");
        let latest: String = runs.picture(3, Colour::None).map(|(letter, _)| letter).collect();
        assert_eq!(latest, "OSn");
        let coloured: Vec<(String, Style)> = runs.picture(10, Colour::Allowed).collect();
        let heights: String = coloured.iter().map(|(height, _)| height.as_str()).collect();
        assert_eq!(heights, "▁▂▃▄█▁");
        assert_eq!((coloured[0].1, coloured[1].1, coloured[2].1), (Style::Bad, Style::Good, Style::Alarming));
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut runs = Runs::default();
        for _ in 0..3 * KEPT {
            runs.push(Run { lasted: 0.0, end: End::Well });
        }
        assert_eq!(runs.len(), KEPT);
    }

    #[test]
    fn an_event_tells_the_end_of_a_run() {
        let failed = r#"{"from":"running","state":"backoff","exitcode":3,"exitsignal":0,"duration":2.5}"#;
        assert_eq!(run_of(failed), Some(Run { lasted: 2.5, end: End::Failed }));
        let killed = r#"{"from":"starting","state":"exited","exitcode":-1,"exitsignal":9,"duration":1}"#;
        assert_eq!(run_of(killed).unwrap().end, End::Killed);
        let stopped =
            r#"{"from":"stopping","state":"exited","exitcode":-1,"exitsignal":15,"reason":"stopped"}"#;
        assert_eq!(run_of(stopped).unwrap().end, End::Asked);
        let ill = r#"{"from":"stopping","state":"exited","exitsignal":15,"cause":"unhealthy"}"#;
        assert_eq!(run_of(ill).unwrap().end, End::Failed);
        assert_eq!(run_of(r#"{"from":"exited","state":"starting"}"#), None);
        assert_eq!(run_of(r#"{"from":"running","state":"stopping"}"#), None);
        assert_eq!(run_of(r#"{"event":"created"}"#), None);
        let restarted = run_of(r#"{"from":"stopping","state":"starting","exitsignal":15,"duration":0}"#);
        assert_eq!(restarted, Some(Run { lasted: 7.0, end: End::Asked }));
    }

    #[test]
    fn history_and_rows_tell_of_runs() {
        let history = r#"{"runs":[{"duration":1,"exitcode":0,"exitsignal":0,"cause":"exit"},
            {"duration":70,"exitcode":-1,"exitsignal":15,"cause":"stopped"},
            {"duration":0,"exitcode":127,"cause":"spawn-failed"},{"duration":1,"exitsignal":9,"cause":"oom"}]}"#;
        let runs = Runs::of_history(&json::parse(history).unwrap());
        assert_eq!(runs.letters(), "oSnk");
        let row = json::parse(r#"{"last_duration":2.0,"exitcode":1,"exitsignal":0,"reason":null}"#).unwrap();
        assert_eq!(Run::of_row(&row).unwrap().end, End::Failed);
        assert_eq!(Run::of_row(&json::parse(r#"{"last_duration":null}"#).unwrap()), None);
    }
}
