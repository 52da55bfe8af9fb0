//! Numbers: the text of `metrics`, what processes use, and the small server that scrapers ask.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../cli/tool.rs"]
#[allow(dead_code, reason = "another test binary uses the rest")]
mod tool;

mod away;
mod http;
mod instances;
mod parsed;
mod rude;
mod scraper;
mod supervisor;
mod surveys;
mod usage;

use common::{Client, Supervisor};
use procnanny::wire::value::Value;

/// The text, as the method has it.
#[track_caller]
fn text_of(client: &mut Client) -> String {
    client.call("metrics", &[]).get("text").and_then(Value::text).expect("a text").to_string()
}

/// The text of a supervisor.
#[track_caller]
fn text(supervisor: &Supervisor) -> String {
    text_of(&mut supervisor.client())
}

/// The value of a sample, with its labels as they stand in the text; `None` if there is no such sample.
#[track_caller]
fn value(text: &str, sample: &str) -> Option<f64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    let value = lines.next().map(|value| value.parse().unwrap());
    assert_eq!(lines.next(), None, "{sample} is there twice");
    value
}

/// The value of a sample of an instance, without its prefix and its first two labels.
#[track_caller]
fn of_instance(text: &str, program: &str, name: &str, more: &str) -> Option<f64> {
    value(text, &format!("procnanny_instance_{name}{{program=\"{program}\",instance=\"0\"{more}}}"))
}
