//! What the documents show is right.

use super::common::Scratch;
use super::tool::{run, tool};
use std::fs;

#[track_caller]
fn check(text: &str) {
    let scratch = Scratch::new();
    fs::write(scratch.join("a.toml"), text).unwrap();
    let printed = run(tool(&["check", &scratch.text("a.toml")])).expect_done();
    assert!(printed.ends_with("no mistakes\n"), "{printed}");
}

#[test]
fn the_readme_shows_a_file_without_mistakes() {
    let readme = include_str!("../../README.md");
    let blocks: Vec<&str> =
        readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    blocks.into_iter().for_each(check);
}

#[test]
fn the_manual_page_shows_files_without_mistakes() {
    let page = include_str!("../../man/procnanny.toml.5").replace("\\-", "-");
    let blocks: Vec<&str> = page.split(".EX\n").skip(1).filter_map(|rest| rest.split(".EE").next()).collect();
    let files: Vec<&&str> = blocks.iter().filter(|block| block.starts_with('[')).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        // Not every machine has such a user.
        check(&file.replace("www-data", "root"));
    }
}
