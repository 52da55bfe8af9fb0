//! The page about the keys.

use super::columns::Pieces;
use crate::cli::render::style::Style;

const KEYS: [(&str, &str); 16] = [
    ("j k, arrows", "select the next or the one before"),
    ("PgUp PgDn", "a page back or on"),
    ("g G, Home End", "the first, the last"),
    ("s", "order by name, state, cpu, memory, uptime, restarts"),
    ("/", "show only names and states with this in them; Enter keeps it"),
    ("Esc", "show all again"),
    ("u", "start what is selected (up)"),
    ("d", "stop it (down), after a question"),
    ("r", "restart it, after a question"),
    ("l", "what it prints"),
    ("h, Enter", "how its runs ended"),
    ("w", "why it is in its state, and what happens next"),
    ("Ctrl-L", "draw the screen anew"),
    ("?", "this page"),
    ("q", "end; on a page, back to the list"),
    ("Ctrl-C", "end"),
];

const RUNS: [(&str, &str); 8] = [
    ("RUNS", "the latest runs, the last one at the right"),
    ("▁ ▂ ▃ ▄", "up to 1 second, 10 seconds, a minute, 10 minutes"),
    ("▅ ▆ ▇ █", "up to an hour, 6 hours, a day, and more"),
    ("green, o", "exited with code 0"),
    ("red, x", "exited with another code, or did not do its work"),
    ("red, n", "could not be executed"),
    ("magenta, k", "killed by a signal"),
    ("faint, s", "stopped; without colour a capital: a minute or more"),
];

/// Its lines.
pub fn page() -> Vec<Pieces> {
    let line = |(key, meaning): &(&str, &str)| {
        vec![(format!("  {key:<15}"), Style::Strong), ((*meaning).to_string(), Style::Plain)]
    };
    KEYS.iter().map(line).chain([Vec::new()]).chain(RUNS.iter().map(line)).collect()
}
