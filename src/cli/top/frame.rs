//! What is on the screen: some lines about the supervisor, the list or a page, one about what is selected, and the keys.
//! On a low screen there is less of everything else, so that something is left of the list.

use super::abilities::Abilities;
use super::columns::{Columns, Pieces, percent, size};
use super::interface::{Interface, Mode, Page, Subject};
use super::model::{Id, Model, Row};
use crate::cli::render::style::{Colour, Look, Style};
use crate::cli::render::text::{escape, width};
use crate::cli::render::time;
use crate::cli::terminal::Size;

/// What is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// What is known.
    pub model: &'a Model,
    /// The instances that are not filtered out, in order.
    pub shown: &'a [(&'a Id, &'a Row)],
    /// Which of them is selected, and which is the first to be seen.
    pub place: (usize, usize),
    /// What keys have led to.
    pub interface: &'a Interface,
    /// What the supervisor can be asked.
    pub abilities: Abilities,
    /// What this is.
    pub title: &'a str,
    /// Where the supervisor is.
    pub endpoint: &'a str,
    /// Why it is not there, if it is not.
    pub gone: Option<&'a str>,
    /// The lines of the page that is open: lines that fit.
    pub page: &'a [String],
    /// What stands below the list, the latest last: lines that fit.
    pub below: &'a [String],
    /// Now, on the clock of the model.
    pub now: f64,
}

/// How the lines of a screen are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Division {
    head: usize,
    heading: usize,
    /// For instances.
    pub rows: usize,
    below: usize,
    detail: usize,
    foot: usize,
    /// For the lines of a page.
    pub page: usize,
}

impl Division {
    /// How so many lines are shared out, with so many instances, and so much that could stand below them.
    pub fn new(lines: usize, instances: usize, below: usize) -> Self {
        let at_least = |least: usize| usize::from(lines >= least);
        let foot = at_least(2);
        let heading = at_least(4);
        let head = at_least(5) + at_least(8);
        let detail = at_least(10);
        let room = lines - foot - heading - head - detail;
        // What happens is of no less interest than what there is.
        let below = below.min(room.saturating_sub(instances.min(room / 2) + 1));
        let gap = usize::from(below > 0);
        Self {
            head,
            heading,
            rows: room - below - gap,
            below,
            detail,
            foot,
            page: lines - foot - at_least(4),
        }
    }
}

/// The lines of a screen, as many as it has.
pub fn lines(scene: &Scene<'_>, screen: Size, look: Look) -> Vec<String> {
    let division = Division::new(screen.lines, scene.shown.len(), scene.below.len());
    let mut lines = match &scene.interface.mode {
        Mode::Page(page) => page_lines(scene, page, division, look),
        Mode::List | Mode::Filter(_) | Mode::Confirm(..) => list_lines(scene, screen, division, look),
    };
    lines.resize(screen.lines - division.foot, String::new());
    if division.foot > 0 {
        lines.push(look.joined(&foot(scene)));
    }
    lines
}

fn list_lines(scene: &Scene<'_>, screen: Size, division: Division, look: Look) -> Vec<String> {
    let longest = scene.shown.iter().map(|(id, _)| width(&escape(&id.name()))).max();
    let columns = Columns::new(screen.columns, longest.unwrap_or(0), scene.abilities);
    let mut lines: Vec<String> =
        head(scene, division).iter().take(division.head).map(|line| look.joined(line)).collect();
    if division.heading > 0 {
        lines.push(look.joined(&columns.headings()));
    }
    let above = lines.len();
    let (position, first) = scene.place;
    for (index, (id, row)) in scene.shown.iter().enumerate().skip(first).take(division.rows) {
        let line = columns.line(id, row, scene.now, look);
        lines.push(look.joined(&if index == position { selected(line, look) } else { marked(' ', line) }));
    }
    if scene.shown.is_empty() && division.rows > 0 {
        lines.push(look.joined(&[(nothing(scene).to_string(), Style::Faint)]));
    }
    lines.resize(above + division.rows, String::new());
    if division.below > 0 {
        lines.push(String::new());
        lines.extend(scene.below.iter().skip(scene.below.len() - division.below).cloned());
    }
    if division.detail > 0 {
        lines.push(look.joined(&detail(scene)));
    }
    lines
}

/// What stands where there are no instances.
fn nothing(scene: &Scene<'_>) -> &'static str {
    match (scene.gone, scene.interface.filter.is_empty()) {
        (Some(_), _) => "",
        (None, true) => " There are no instances.",
        (None, false) => " Nothing matches; Esc shows all.",
    }
}

/// A line that keys are about: where there is no colour, a mark tells.
fn selected(line: Pieces, look: Look) -> Pieces {
    match look.colour {
        Colour::None => marked('>', line),
        Colour::Allowed => marked(' ', line)
            .into_iter()
            .map(|(text, style)| match style {
                Style::Plain | Style::Faint => (text, Style::Selected),
                other => (text, other),
            })
            .collect(),
    }
}

fn marked(mark: char, line: Pieces) -> Pieces {
    [(mark.to_string(), Style::Plain)].into_iter().chain(line).collect()
}

fn head(scene: &Scene<'_>, division: Division) -> [Pieces; 2] {
    let own = &scene.model.own;
    let title = (format!("{}  ", scene.title), Style::Strong);
    let first = match scene.gone {
        Some(gone) => vec![title, (format!("waiting for a supervisor: {}", escape(gone)), Style::Bad)],
        None => {
            let mut parts = vec![format!("up {}", time::duration((scene.now - own.began).max(0.0).floor()))];
            parts.extend(own.cpu.map(|cpu| format!("cpu {}%", percent(cpu))));
            parts.extend(own.usage.map(|usage| format!("mem {}", size(usage.memory))));
            parts.push(format!("{:.1} events/s", own.event_rate));
            parts.push(escape(scene.endpoint));
            vec![title, (parts.join("  "), Style::Plain)]
        }
    };
    let interface = scene.interface;
    let counts = scene.model.states();
    let counts: Vec<String> =
        counts.iter().map(|(state, count)| format!("{count} {}", escape(state))).collect();
    let total = scene.model.rows.len();
    let mut parts = vec![format!("{total} {}", if total == 1 { "instance" } else { "instances" })];
    parts.extend((!counts.is_empty()).then(|| counts.join(", ")));
    parts.push(format!("by {}", interface.sort.name()));
    if !interface.filter.is_empty() {
        parts.push(format!("with \"{}\"", escape(&interface.filter)));
    }
    let (first_row, all) = (scene.place.1, scene.shown.len());
    if all > division.rows {
        parts.push(format!("{}-{} of {all}", first_row + 1, first_row + division.rows));
    }
    [first, vec![(parts.join("  "), Style::Plain)]]
}

/// One line about what is selected: what there is no column for.
fn detail(scene: &Scene<'_>) -> Pieces {
    let Some((id, row)) = scene.shown.get(scene.place.0) else { return Vec::new() };
    let mut parts = vec![format!("wanted {}", row.admin)];
    if row.pid != 0 {
        parts.push(format!("pid {}", row.pid));
    }
    if !row.reason.is_empty() {
        parts.push(row.reason.clone());
    }
    if let Some(at) = row.starts_at {
        parts.push(format!("starts in {}", time::duration((at - scene.now).max(0.0).ceil())));
    }
    vec![(format!("{}: {}", escape(&id.name()), escape(&parts.join(", "))), Style::Faint)]
}

fn foot(scene: &Scene<'_>) -> Pieces {
    let interface = scene.interface;
    let faint = |text: &str| vec![(text.to_string(), Style::Faint)];
    match (&interface.message, &interface.mode) {
        (Some(message), _) => vec![(escape(message), Style::Strong)],
        (None, Mode::Filter(_)) => vec![
            (format!("filter: {}_", escape(&interface.filter)), Style::Strong),
            ("  Enter: keep  Esc: show all".to_string(), Style::Faint),
        ],
        (None, Mode::Confirm(operation, id)) => {
            vec![(format!("{} {}? y/n", operation.method(), escape(&id.name())), Style::Strong)]
        }
        (None, Mode::Page(_)) => faint("q: back  j/k/space/b: scroll  g/G: beginning/end"),
        (None, Mode::List) => {
            faint("?:help s:sort /:filter u:start d:stop r:restart l:logs h:history w:why q:quit")
        }
    }
}

fn page_lines(scene: &Scene<'_>, page: &Page, division: Division, look: Look) -> Vec<String> {
    let name = page.of.as_ref().map(|id| escape(&id.name())).unwrap_or_default();
    let title = match page.subject {
        Subject::Help => "procnanny top: keys".to_string(),
        Subject::Logs => format!("logs of {name}"),
        Subject::History => format!("history of {name}"),
        Subject::Why => format!("why {name}"),
    };
    let mut title = vec![(title, Style::Strong)];
    title
        .extend(scene.gone.map(|gone| (format!("  waiting for a supervisor: {}", escape(gone)), Style::Bad)));
    let mut lines = Vec::new();
    if division.heading > 0 {
        lines.push(look.joined(&title));
    }
    let first = page.first(scene.page.len(), division.page);
    lines.extend(scene.page.iter().skip(first).take(division.page).cloned());
    lines
}

/// What is to be written so that a screen with the lines `before` shows `after`: those that differ.
pub fn changes(before: &[String], after: &[String]) -> String {
    let mut text = String::new();
    for (index, line) in after.iter().enumerate() {
        if before.get(index) != Some(line) {
            // To its beginning, and what was there before, to the end of it.
            text.push_str(&format!("\u{1b}[{};1H{line}\u{1b}[K", index + 1));
        }
    }
    text
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
