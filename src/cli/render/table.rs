//! Tables: columns as wide as what is in them, two spaces between, cut only where a terminal ends.

use super::style::{Look, Style};
use super::text;

/// What stands between two columns.
const GAP: &str = "  ";

/// A cell. What it holds is harmless to a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    style: Style,
}

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table: a heading and an alignment for each column, and rows.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Cell {
    /// A cell that holds this text, made harmless.
    pub fn new(text: &str, style: Style) -> Self {
        Self { text: text::escape(text), style }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::new(text.as_ref(), Style::Plain)
    }
}

impl Table {
    /// An empty table with these columns.
    pub fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; cells beyond the columns are not shown.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Leaves a column out if no row has anything in it.
    pub fn drop_if_empty(&mut self, heading: &str) {
        let Some(index) = self.columns.iter().position(|(name, _)| *name == heading) else { return };
        let is_empty = |row: &Vec<Cell>| row.get(index).is_none_or(|cell| cell.text.is_empty());
        if self.rows.iter().all(is_empty) {
            self.columns.remove(index);
            for row in self.rows.iter_mut().filter(|row| row.len() > index) {
                row.remove(index);
            }
        }
    }

    /// The lines: the headings, unless there are none, and the rows.
    pub fn lines(&self, look: Look) -> Vec<String> {
        let widths: Vec<usize> = (0..self.columns.len()).map(|index| self.width(index)).collect();
        let headings = self.columns.iter().map(|(name, _)| Cell::new(name, Style::Strong)).collect();
        let has_headings = self.columns.iter().any(|(name, _)| !name.is_empty());
        let headings = has_headings.then_some(&headings);
        headings.into_iter().chain(&self.rows).map(|row| self.line(row, &widths, look)).collect()
    }

    /// The lines as one text.
    pub fn render(&self, look: Look) -> String {
        self.lines(look).into_iter().map(|line| line + "\n").collect()
    }

    fn width(&self, index: usize) -> usize {
        let heading = self.columns.get(index).map_or(0, |(name, _)| text::width(name));
        let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| text::width(&cell.text));
        cells.max().unwrap_or(0).max(heading)
    }

    fn line(&self, row: &[Cell], widths: &[usize], look: Look) -> String {
        let mut line = String::new();
        let mut left = look.width.unwrap_or(usize::MAX);
        // What has not been written because nothing has followed it yet: no line ends in spaces.
        let mut pending = 0;
        for ((cell, (_, align)), width) in row.iter().zip(&self.columns).zip(widths) {
            let padding = width.saturating_sub(text::width(&cell.text));
            let (before, after) = match align {
                Align::Left => (0, padding),
                Align::Right => (padding, 0),
            };
            if cell.text.is_empty() {
                pending += padding + GAP.len();
                continue;
            }
            pending += before;
            let shown = text::cut(&cell.text, left.saturating_sub(pending));
            if shown.is_empty() {
                break;
            }
            left = left.saturating_sub(pending + text::width(&shown));
            line.extend(std::iter::repeat_n(' ', pending));
            line.push_str(&look.paint(&shown, cell.style));
            pending = after + GAP.len();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::super::style::Colour;
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[("NAME", Align::Left), ("PID", Align::Right), ("REASON", Align::Left)]);
        table.row(vec!["größe/0".into(), "7".into(), Cell::default()]);
        table.row(vec![Cell::new("b", Style::Bad), "12345".into(), "a\nb".into()]);
        table
    }

    #[test]
    fn columns_are_aligned_and_lines_do_not_end_in_spaces() {
        let lines = table().lines(Look::PLAIN);
        assert_eq!(lines, ["NAME       PID  REASON", "größe/0      7", "b        12345  a\\nb"]);
    }

    #[test]
    fn a_terminal_cuts_and_colours() {
        let look = Look { colour: Colour::Allowed, width: Some(10) };
        let lines = table().lines(look);
        assert_eq!(lines[2], "\u{1b}[31mb\u{1b}[0m        …");
        assert_eq!(lines[1], "größe/0   ".trim_end());
        let narrow = Look { colour: Colour::None, width: Some(0) };
        assert!(table().lines(narrow).iter().all(String::is_empty));
    }

    #[test]
    fn an_empty_column_can_go_and_headings_may_be_missing() {
        let mut table = table();
        table.drop_if_empty("REASON");
        assert!(table.lines(Look::PLAIN)[0].contains("REASON"));
        table.rows.pop();
        table.drop_if_empty("REASON");
        assert_eq!(table.lines(Look::PLAIN), ["NAME     PID", "größe/0    7"]);
        let mut bare = Table::new(&[("", Align::Left), ("", Align::Left)]);
        bare.row(vec!["a".into(), "b".into()]);
        assert_eq!(bare.render(Look::PLAIN), "a  b\n");
    }
}
