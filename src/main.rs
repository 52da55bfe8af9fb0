//! procnanny, the command: all of it is in [`procnanny::cli`].
#![no_main]

#[path = "sys/entry.rs"]
mod entry;
