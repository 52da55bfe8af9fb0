//! The columns of the list, for the width that there is: a terminal that is too narrow for all of them has fewer.

use super::abilities::Abilities;
use super::model::{Id, Row};
use super::runs;
use crate::cli::render::style::{Colour, Look, Style, of_state};
use crate::cli::render::table::{Align, Cell, Table};
use crate::cli::render::text::{cut, escape, width};
use crate::cli::render::time;

/// What is shown of an instance, beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    State,
    Uptime,
    Starts,
    Flaps,
    Cpu,
    Memory,
    Exit,
    Runs,
    Reason,
}

/// From left to right.
const ALL: [Column; 9] = [
    Column::State,
    Column::Uptime,
    Column::Starts,
    Column::Flaps,
    Column::Cpu,
    Column::Memory,
    Column::Exit,
    Column::Runs,
    Column::Reason,
];

/// What is left out where it is narrow, in this order. The state is not.
const LEAST: [Column; 8] = [
    Column::Reason,
    Column::Flaps,
    Column::Exit,
    Column::Starts,
    Column::Memory,
    Column::Uptime,
    Column::Cpu,
    Column::Runs,
];

/// As much room as a name needs before columns are left out for it, and as much as it is given where there is more.
const NAME: (usize, usize) = (20, 40);

const HEADING: &str = "NAME";

/// Pieces of a line.
pub type Pieces = Vec<(String, Style)>;

/// The columns, each with its width.
#[derive(Clone, Debug)]
pub struct Columns {
    name: usize,
    others: Vec<(Column, usize)>,
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Column::State => "STATE",
            Column::Uptime => "UPTIME",
            Column::Starts => "STARTS",
            Column::Flaps => "FLAPS",
            Column::Cpu => "CPU%",
            Column::Memory => "MEM",
            Column::Exit => "EXIT",
            Column::Runs => "RUNS",
            Column::Reason => "REASON",
        }
    }

    /// The least width.
    fn width(self) -> usize {
        match self {
            Column::Cpu | Column::Memory | Column::Flaps => 5,
            Column::Starts => 6,
            Column::Uptime | Column::Exit => 7,
            Column::State | Column::Runs => 8,
            Column::Reason => 16,
        }
    }

    fn is_number(self) -> bool {
        match self {
            Column::Uptime | Column::Starts | Column::Flaps | Column::Cpu | Column::Memory => true,
            Column::State | Column::Exit | Column::Runs | Column::Reason => false,
        }
    }

    fn is_there(self, abilities: Abilities) -> bool {
        match self {
            Column::Cpu | Column::Memory => abilities.usage.is_there(),
            Column::State
            | Column::Uptime
            | Column::Starts
            | Column::Flaps
            | Column::Exit
            | Column::Runs
            | Column::Reason => true,
        }
    }
}

impl Columns {
    /// Columns for a width, and for names of which the longest has so many columns.
    pub fn new(width: usize, longest_name: usize, abilities: Abilities) -> Self {
        let mut others: Vec<(Column, usize)> = ALL
            .into_iter()
            .filter(|column| column.is_there(abilities))
            .map(|column| (column, column.width()))
            .collect();
        // A mark before the name, and a space before each column.
        let taken = |others: &[(Column, usize)]| 1 + others.iter().map(|(_, width)| width + 1).sum::<usize>();
        let longest = longest_name.max(HEADING.len());
        let needed = longest.min(NAME.0);
        for least in LEAST {
            if taken(&others) + needed > width {
                others.retain(|(column, _)| *column != least);
            }
        }
        let name = longest.min(NAME.1).min(width.saturating_sub(taken(&others)));
        let mut left = width.saturating_sub(taken(&others) + name);
        for (column, width) in &mut others {
            let more = match column {
                Column::Runs => left.min(runs::KEPT - *width),
                Column::Reason => left,
                _ => 0,
            };
            *width += more;
            left -= more;
        }
        Self { name, others }
    }

    /// The headings.
    pub fn headings(&self) -> Pieces {
        let mut line = format!(" {}", left(HEADING, self.name));
        for (column, width) in &self.others {
            let align = if column.is_number() { right } else { left };
            line.push(' ');
            line.push_str(&align(column.heading(), *width));
        }
        vec![(line, Style::Strong)]
    }

    /// The line of an instance.
    pub fn line(&self, id: &Id, row: &Row, now: f64, look: Look) -> Pieces {
        let mut line = vec![(left(&escape(&id.name()), self.name), Style::Plain)];
        for (column, width) in &self.others {
            line.push((" ".to_string(), Style::Plain));
            if *column == Column::Runs {
                line.extend(row.runs.picture(*width, look.colour));
                line.push((" ".repeat(width.saturating_sub(row.runs.len())), Style::Plain));
                continue;
            }
            let (text, style) = cell(*column, row, now);
            let align = if column.is_number() { right } else { left };
            line.push((align(&escape(&text), *width), style));
        }
        line
    }
}

/// All columns, as wide as they need to be, for where nothing is to be cut.
pub fn table(shown: &[(&Id, &Row)], abilities: Abilities, now: f64) -> Table {
    let there: Vec<Column> = ALL.into_iter().filter(|column| column.is_there(abilities)).collect();
    let align = |column: &Column| if column.is_number() { Align::Right } else { Align::Left };
    let headings = there.iter().map(|column| (column.heading(), align(column)));
    let mut table = Table::new(&[(HEADING, Align::Left)].into_iter().chain(headings).collect::<Vec<_>>());
    for (id, row) in shown {
        let cells = there.iter().map(|column| match column {
            Column::Runs => {
                Cell::from(row.runs.picture(runs::KEPT, Colour::None).map(|(run, _)| run).collect::<String>())
            }
            column => {
                let (text, style) = cell(*column, row, now);
                Cell::new(&text, style)
            }
        });
        table.row([Cell::from(id.name())].into_iter().chain(cells).collect());
    }
    table.drop_if_empty("RUNS");
    table.drop_if_empty("REASON");
    table
}

fn cell(column: Column, row: &Row, now: f64) -> (String, Style) {
    let none = || ("-".to_string(), Style::Faint);
    let number = |number: i64, style| (number.to_string(), style);
    match column {
        Column::State => (row.state.clone(), of_state(&row.state)),
        Column::Uptime => row.uptime(now).map_or_else(none, |uptime| (uptime_of(uptime), Style::Plain)),
        Column::Starts => number(row.starts, Style::Plain),
        Column::Flaps if row.flaps == 0 => none(),
        Column::Flaps => number(row.flaps, Style::Bad),
        Column::Cpu => row.cpu.map_or_else(none, |cpu| (percent(cpu), Style::Plain)),
        Column::Memory => row.usage.map_or_else(none, |usage| (size(usage.memory), Style::Plain)),
        Column::Exit if row.last_exit.is_empty() => none(),
        Column::Exit => (row.last_exit.clone(), Style::Plain),
        Column::Reason => (row.reason.clone(), Style::Plain),
        // Made of several pieces.
        Column::Runs => (String::new(), Style::Plain),
    }
}

/// To the second, so that it grows once a second.
fn uptime_of(seconds: f64) -> String {
    time::duration(seconds.floor())
}

/// Four columns for anything up to 9999 percent.
pub fn percent(share: f64) -> String {
    if share < 99.95 { format!("{share:.1}") } else { format!("{share:.0}") }
}

/// Bytes in at most five columns: `512B`, `9.9M`, `1023K`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    // Exact enough: one digit after the point is shown at the most.
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if tenths < 100 {
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
    } else {
        format!("{}{unit}", tenths / 10)
    }
}

fn left(text: &str, columns: usize) -> String {
    let shown = cut(text, columns);
    format!("{shown}{}", " ".repeat(columns.saturating_sub(width(&shown))))
}

fn right(text: &str, columns: usize) -> String {
    let shown = cut(text, columns);
    format!("{}{shown}", " ".repeat(columns.saturating_sub(width(&shown))))
}

#[cfg(test)]
mod tests {
    use super::super::abilities::Ability;
    use super::super::runs::{End, Run};
    use super::*;

    const ALL_THERE: Abilities = Abilities {
        usage: Ability::There,
        history: Ability::There,
        why: Ability::There,
        tail: Ability::There,
    };

    fn text(pieces: &Pieces) -> String {
        pieces.iter().map(|(text, _)| text.as_str()).collect()
    }

    fn headings(columns: usize, abilities: Abilities) -> String {
        text(&Columns::new(columns, 13, abilities).headings())
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn what_matters_least_is_left_out_where_it_is_narrow() {
        assert_eq!(headings(100, ALL_THERE), "NAME STATE UPTIME STARTS FLAPS CPU% MEM EXIT RUNS REASON");
        assert_eq!(headings(80, ALL_THERE), "NAME STATE UPTIME STARTS FLAPS CPU% MEM EXIT RUNS");
        assert_eq!(headings(80, Abilities::default()), "NAME STATE UPTIME STARTS FLAPS EXIT RUNS REASON");
        assert_eq!(headings(60, ALL_THERE), "NAME STATE UPTIME STARTS CPU% MEM RUNS");
        assert_eq!(headings(40, ALL_THERE), "NAME STATE CPU% RUNS");
        assert_eq!(headings(24, ALL_THERE), "NAME STATE");
    }

    #[test]
    fn lines_are_as_wide_as_the_terminal_at_the_most() {
        let mut row = Row { state: "running".to_string(), starts: 12_345_678, flaps: 7, ..Row::default() };
        row.last_exit = "SIGSTKFLT".to_string();
        row.reason = "x\u{1b}[2J".repeat(9);
        (0..40).for_each(|_| row.runs.push(Run { lasted: 3.0, end: End::Failed }));
        let id = Id { program: "日本\u{1b}[2J".repeat(9), instance: 3 };
        for columns in 14..200 {
            let layout = Columns::new(columns, width(&escape(&id.name())), ALL_THERE);
            let line = text(&layout.line(&id, &row, 0.0, Look::PLAIN));
            // The mark stands before it.
            assert!(width(&line) < columns, "{columns}: {line}");
            assert!(!line.contains('\u{1b}'));
            assert!(width(&text(&layout.headings())) <= columns);
        }
    }

    #[test]
    fn numbers_fit_their_columns() {
        let shown = |bytes: u64| size(bytes);
        assert_eq!(shown(0), "0B");
        assert_eq!(shown(1023), "1023B");
        assert_eq!(shown(1024), "1.0K");
        assert_eq!(shown(1023 * 1024), "1023K");
        assert_eq!(shown(4_404_019), "4.1M");
        assert_eq!(shown(50 << 30), "50G");
        for bit in 0..64 {
            assert!(size(1 << bit).len() <= 5 || bit > 60, "{}", size(1 << bit));
        }
        assert_eq!(
            (percent(0.04), percent(99.94), percent(99.96), percent(1600.2)),
            ("0.0".to_string(), "99.9".to_string(), "100".to_string(), "1600".to_string())
        );
    }
}
