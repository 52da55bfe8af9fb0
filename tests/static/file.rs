//! What it is: one file, and a small one.

use super::root::program;
use std::fs;

/// What an image or an initramfs is to hold of it at the most.
const MOST: usize = 3 << 20;

#[test]
fn it_is_small() {
    let Some(path) = program() else { return };
    let size = fs::metadata(&path).unwrap().len();
    assert!(size <= MOST as u64, "{} has {size} bytes, more than {MOST}", path.display());
}

#[test]
fn it_needs_no_other_file() {
    let Some(path) = program() else { return };
    let program = fs::read(&path).unwrap();
    // The path of the dynamic linker stands near the beginning of what needs one (elf(5), PT_INTERP).
    assert!(!program[..4096].windows(4).any(|bytes| bytes == b"/ld-"), "{} is dynamic", path.display());
}
