//! An initramfs: an archive as cpio(5) has it, "new ASCII format", in which the kernel finds its first files
//! (Documentation/driver-api/early-userspace/buffer-format.rst).

use std::fs;
use std::path::Path;

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const FILE: u32 = 0o100_644;
const LINK: u32 = 0o120_777;

/// The files of an image.
#[derive(Debug, Default)]
pub struct Image {
    archive: Vec<u8>,
    entries: u32,
}

impl Image {
    /// A directory. One has to be there before what is in it.
    pub fn directory(self, path: &str) -> Self {
        self.entry(path, DIRECTORY, &[])
    }

    /// A file.
    pub fn file(self, path: &str, text: &str) -> Self {
        self.entry(path, FILE, text.as_bytes())
    }

    /// A copy of a program of this machine.
    pub fn program(self, path: &str, original: &Path) -> Self {
        let content = fs::read(original).unwrap();
        self.entry(path, PROGRAM, &content)
    }

    /// A script for the shell.
    pub fn script(self, path: &str, text: &str) -> Self {
        self.entry(path, PROGRAM, format!("#!/bin/sh\n{text}").as_bytes())
    }

    /// A symbolic link.
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(path, LINK, target.as_bytes())
    }

    /// Writes it to a file.
    pub fn write(self, path: &Path) {
        fs::write(path, self.entry("TRAILER!!!", 0, &[]).archive).unwrap();
    }

    fn entry(mut self, path: &str, mode: u32, content: &[u8]) -> Self {
        let name = path.trim_start_matches('/');
        self.entries += 1;
        let sizes = [content.len(), name.len() + 1].map(|size| u32::try_from(size).unwrap());
        let [size, name_size] = sizes;
        self.archive.extend(b"070701");
        for number in [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0] {
            self.archive.extend(format!("{number:08X}").as_bytes());
        }
        self.archive.extend(name.as_bytes());
        self.archive.push(0);
        self.align();
        self.archive.extend(content);
        self.align();
        self
    }

    fn align(&mut self) {
        self.archive.resize(self.archive.len().next_multiple_of(4), 0);
    }
}
