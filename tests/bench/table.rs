//! The table that is printed, and the numbers in it: medians and percentiles of several rounds.

use std::time::Duration;

/// One line: what was measured, against what, and what is aimed for.
#[derive(Debug)]
pub struct Row {
    /// What, with its unit.
    pub what: String,
    /// The least that the system allows, where that was measured.
    pub floor: Option<f64>,
    /// The supervisor.
    pub ours: f64,
    /// What it is to reach.
    pub target: Target,
}

/// What a number is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At most so many times the floor.
    TimesFloor(f64),
    /// At most so much more than the floor.
    FloorAndAtMost(f64),
    /// At least such a share of the floor.
    ShareOfFloor(f64),
    /// At most so much.
    AtMost(f64),
    /// At least so much.
    AtLeast(f64),
    /// Nothing: it is there to be known.
    None,
}

const WHAT: usize = 56;

/// Prints the head of the table.
pub fn print_head() {
    println!("{:WHAT$} {:>9} {:>9} {:>7}  {:<14} reached", "what", "floor", "procnanny", "ratio", "target");
}

impl Row {
    /// A measurement with nothing to compare it with.
    pub fn alone(what: impl Into<String>, ours: f64, target: Target) -> Self {
        Self { what: what.into(), floor: None, ours, target }
    }

    /// A measurement beside its floor: the medians of both.
    pub fn medians(what: impl Into<String>, floors: &[f64], ours: &[f64], target: Target) -> Self {
        Self { what: what.into(), floor: Some(median(floors)), ours: median(ours), target }
    }

    /// Prints it.
    pub fn print(&self) {
        let floor = self.floor.map(number).unwrap_or_default();
        let ratio = self.floor.map(|floor| format!("{:.2}", self.ours / floor)).unwrap_or_default();
        let (target, reached) = match self.target {
            Target::TimesFloor(times) => {
                (format!("≤ {times} × floor"), self.floor.map(|it| self.ours <= times * it))
            }
            Target::FloorAndAtMost(more) => {
                (format!("≤ floor + {more}"), self.floor.map(|it| self.ours <= it + more))
            }
            Target::ShareOfFloor(share) => {
                (format!("≥ {share} × floor"), self.floor.map(|it| self.ours >= share * it))
            }
            Target::AtMost(most) => (format!("≤ {}", number(most)), Some(self.ours <= most)),
            Target::AtLeast(least) => (format!("≥ {}", number(least)), Some(self.ours >= least)),
            Target::None => (String::new(), None),
        };
        let reached = reached.map_or("", |reached| if reached { "yes" } else { "no" });
        let line = format!(
            "{:WHAT$} {floor:>9} {:>9} {ratio:>7}  {target:<14} {reached}",
            self.what,
            number(self.ours)
        );
        println!("{}", line.trim_end());
    }
}

/// Three digits or more.
fn number(number: f64) -> String {
    match number.abs() {
        size if size == 0.0 || size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// The value below which such a share of the samples lies; not a number if there are none.
pub fn percentile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list of samples"
    )]
    let place = (share * sorted.len() as f64) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// The sample in the middle.
pub fn median(samples: &[f64]) -> f64 {
    percentile(samples, 0.5)
}

/// So many instances, in words.
pub fn instances(count: usize) -> String {
    if count == 1 { "1 instance".to_string() } else { format!("{count} instances") }
}

/// In milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
