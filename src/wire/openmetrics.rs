//! OpenMetrics text, written: <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>.
//!
//! Invariants: all samples of a family stand together, below what is said of it; names are ours alone, and what comes
//! from elsewhere, which is only ever the value of a label, is escaped.

use std::fmt::{self, Write};

/// What HTTP says of such a text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The last line of the text.
pub const END: &str = "# EOF\n";

/// A family of metrics.
#[derive(Debug)]
pub struct Family {
    /// Its name: ends with the unit, if there is one, and has no suffix of its samples.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// What it means, in a sentence.
    pub help: &'static str,
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows, until it begins anew.
    Counter,
    /// How many of something were in which range.
    Histogram,
    /// One of several states.
    StateSet,
    /// Words that do not change.
    Info,
}

/// The unit of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// None, or one that the name tells.
    None,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A count.
    Whole(u64),
    /// An integer.
    Signed(i64),
    /// Anything else.
    Real(f64),
}

/// Labels of a sample: written once, used for many.
#[derive(Clone, Debug, Default)]
pub struct Labels(String);

/// A family with its samples.
#[derive(Clone, Debug)]
pub struct Block {
    family: &'static Family,
    text: String,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::StateSet => "stateset",
            Kind::Info => "info",
        }
    }

    /// What the name of a sample has behind that of its family.
    fn suffix(self) -> &'static str {
        match self {
            Kind::Gauge | Kind::StateSet => "",
            Kind::Counter => "_total",
            Kind::Info => "_info",
            // The others are written with their own.
            Kind::Histogram => "_bucket",
        }
    }
}

impl Labels {
    /// No labels.
    pub const NONE: Labels = Labels(String::new());

    /// One more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let comma = if self.0.is_empty() { "" } else { "," };
        self.0.push_str(comma);
        self.0.push_str(name);
        self.0.push_str("=\"");
        escape(&mut self.0, value);
        self.0.push('"');
        self
    }
}

/// Appends the value of a label, escaped.
fn escape(text: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

impl Block {
    /// A family without samples yet.
    pub fn new(family: &'static Family) -> Self {
        let Family { name, kind, unit, help } = family;
        let mut text = format!("# TYPE {name} {}\n", kind.as_str());
        let unit = match unit {
            Unit::None => None,
            Unit::Seconds => Some("seconds"),
            Unit::Bytes => Some("bytes"),
        };
        if let Some(unit) = unit {
            append(&mut text, format_args!("# UNIT {name} {unit}\n"));
        }
        append(&mut text, format_args!("# HELP {name} {help}\n"));
        Self { family, text }
    }

    /// Adds a sample.
    pub fn add(&mut self, labels: &Labels, value: impl Into<Number>) {
        self.sample(self.family.kind.suffix(), labels, None, value.into());
    }

    /// Adds a sample with one label more, whose value is ours and needs no escape.
    pub fn add_with(&mut self, labels: &Labels, label: (&str, &str), value: impl Into<Number>) {
        self.sample(self.family.kind.suffix(), labels, Some(label), value.into());
    }

    /// Adds one sample for each of several states, one of which is the present one.
    pub fn add_states<'a>(&mut self, labels: &Labels, states: impl Iterator<Item = &'a str>, present: &str) {
        for state in states {
            self.add_with(labels, (self.family.name, state), u64::from(state == present));
        }
    }

    /// Adds the samples of a histogram: of each bucket, the sum, the count.
    pub fn add_histogram(
        &mut self,
        labels: &Labels,
        buckets: impl Iterator<Item = (Option<f64>, u64)>,
        sum: f64,
    ) {
        let mut count = 0;
        for (bound, so_far) in buckets {
            count = so_far;
            // As the specification wants them: 1.0 and not 1.
            let bound = bound.map_or_else(|| "+Inf".to_string(), |bound| format!("{bound:?}"));
            self.sample("_bucket", labels, Some(("le", &bound)), Number::Whole(so_far));
        }
        self.sample("_count", labels, None, Number::Whole(count));
        self.sample("_sum", labels, None, Number::Real(sum));
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn sample(&mut self, suffix: &str, labels: &Labels, label: Option<(&str, &str)>, value: Number) {
        let text = &mut self.text;
        text.push_str(self.family.name);
        text.push_str(suffix);
        if !labels.0.is_empty() || label.is_some() {
            text.push('{');
            text.push_str(&labels.0);
            if let Some((name, value)) = label {
                let comma = if labels.0.is_empty() { "" } else { "," };
                append(text, format_args!("{comma}{name}=\"{value}\""));
            }
            text.push('}');
        }
        append(text, format_args!(" {value}\n"));
    }
}

fn append(text: &mut String, what: fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = text.write_fmt(what);
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Number::Whole(number) => number.fmt(f),
            Number::Signed(number) => number.fmt(f),
            Number::Real(number) if number.is_nan() => f.write_str("NaN"),
            Number::Real(number) if number.is_infinite() => {
                f.write_str(if number > 0.0 { "+Inf" } else { "-Inf" })
            }
            Number::Real(number) => number.fmt(f),
        }
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Number::Whole(number)
    }
}

impl From<u32> for Number {
    fn from(number: u32) -> Self {
        Number::Whole(number.into())
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        Number::Whole(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl From<bool> for Number {
    fn from(truth: bool) -> Self {
        Number::Whole(truth.into())
    }
}

impl From<i32> for Number {
    fn from(number: i32) -> Self {
        Number::Signed(number.into())
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Number::Real(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTS: Family =
        Family { name: "x_starts", kind: Kind::Counter, unit: Unit::None, help: "Starts." };
    const TURN: Family =
        Family { name: "x_turn_seconds", kind: Kind::Histogram, unit: Unit::Seconds, help: "Turns." };
    const STATE: Family = Family { name: "x_state", kind: Kind::StateSet, unit: Unit::None, help: "State." };
    const BUILD: Family = Family { name: "x_build", kind: Kind::Info, unit: Unit::None, help: "Build." };
    const SIZE: Family = Family { name: "x_size_bytes", kind: Kind::Gauge, unit: Unit::Bytes, help: "Size." };

    #[test]
    fn a_counter_has_its_suffix_and_labels_are_escaped() {
        let mut block = Block::new(&STARTS);
        let labels = Labels::default().with("program", "a\"b\\c\nd é{},=").with("instance", "0");
        block.add(&labels, 3u32);
        block.add_with(&labels, ("cause", "exit"), 1u64);
        assert_eq!(
            block.as_str(),
            "# TYPE x_starts counter\n# HELP x_starts Starts.\n\
             x_starts_total{program=\"a\\\"b\\\\c\\nd é{},=\",instance=\"0\"} 3\n\
             x_starts_total{program=\"a\\\"b\\\\c\\nd é{},=\",instance=\"0\",cause=\"exit\"} 1\n"
        );
    }

    #[test]
    fn a_histogram_has_buckets_a_count_and_a_sum() {
        let mut block = Block::new(&TURN);
        let buckets = [(Some(0.0001), 1), (Some(1.0), 3), (None, 4)];
        block.add_histogram(&Labels::NONE, buckets.into_iter(), 2.5);
        assert_eq!(
            block.as_str(),
            "# TYPE x_turn_seconds histogram\n# UNIT x_turn_seconds seconds\n# HELP x_turn_seconds Turns.\n\
             x_turn_seconds_bucket{le=\"0.0001\"} 1\nx_turn_seconds_bucket{le=\"1.0\"} 3\n\
             x_turn_seconds_bucket{le=\"+Inf\"} 4\nx_turn_seconds_count 4\nx_turn_seconds_sum 2.5\n"
        );
    }

    #[test]
    fn a_state_set_has_every_state() {
        let mut block = Block::new(&STATE);
        let labels = Labels::default().with("program", "a");
        block.add_states(&labels, ["up", "down"].into_iter(), "down");
        assert_eq!(
            block.as_str(),
            "# TYPE x_state stateset\n# HELP x_state State.\n\
             x_state{program=\"a\",x_state=\"up\"} 0\nx_state{program=\"a\",x_state=\"down\"} 1\n"
        );
    }

    #[test]
    fn what_has_no_labels_has_no_braces() {
        let mut block = Block::new(&SIZE);
        block.add(&Labels::NONE, 4096u64);
        assert!(
            block
                .as_str()
                .ends_with("# UNIT x_size_bytes bytes\n# HELP x_size_bytes Size.\nx_size_bytes 4096\n")
        );
        let mut block = Block::new(&BUILD);
        block.add_with(&Labels::NONE, ("version", "1"), 1u64);
        assert!(block.as_str().ends_with("x_build_info{version=\"1\"} 1\n"));
    }

    #[test]
    fn numbers_are_those_of_the_format() {
        for (number, text) in [
            (Number::from(u64::MAX), "18446744073709551615"),
            (Number::from(-1), "-1"),
            (Number::from(true), "1"),
            (Number::from(0.25), "0.25"),
            (Number::from(1.0), "1"),
            (Number::from(f64::NAN), "NaN"),
            (Number::from(f64::INFINITY), "+Inf"),
            (Number::from(f64::NEG_INFINITY), "-Inf"),
        ] {
            assert_eq!(number.to_string(), text);
        }
    }
}
