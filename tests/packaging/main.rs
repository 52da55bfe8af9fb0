//! What those need who bring procnanny to others: what the README has for packages, images and services, done as it
//! stands there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "it is shared with other tests")]
#[path = "../cli/tool.rs"]
mod tool;

mod image;
mod package;
mod service;

const README: &str = include_str!("../../README.md");

/// A block of the README in some language, by how its text begins.
#[track_caller]
fn block(language: &str, beginning: &str) -> &'static str {
    let fence = format!("```{language}\n");
    let blocks = README.split(&fence).skip(1).filter_map(|rest| rest.split("```\n").next());
    let found = blocks.into_iter().find(|block| block.starts_with(beginning));
    found.unwrap_or_else(|| panic!("the README has no {language} that begins with {beginning:?}"))
}
