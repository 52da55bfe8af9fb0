//! A directory of its own for each test, with a short path, since that of a unix socket has at most 107 bytes.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A directory that is removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A fresh directory with mode 0700.
    pub fn new() -> Self {
        let name = format!("pn-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        // One that an earlier process with our id was killed in.
        let _ = fs::remove_dir_all(&path);
        DirBuilder::new().mode(0o700).create(&path).unwrap();
        Self { path }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of something in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The path of something in it, as text.
    pub fn text(&self, name: &str) -> String {
        self.join(name).to_str().unwrap().to_string()
    }

    /// Puts an executable file there, or one that is none, as its mode says.
    ///
    /// Another process writes it: a test that forks meanwhile would otherwise hold a descriptor of it for a moment, and
    /// what is open for writing cannot be executed (`ETXTBSY`, execve(2)).
    pub fn program(&self, name: &str, content: &str, mode: &str) -> PathBuf {
        let path = self.join(name);
        let mut shell = Command::new("/bin/sh");
        let writer = shell.args(["-c", r#"printf %s "$1" > "$2"; chmod "$3" "$2""#, "sh", content]);
        assert!(writer.arg(&path).arg(mode).status().unwrap().success());
        path
    }

    /// Puts a copy of a program there; by another process, for the same reason.
    pub fn copy_of_program(&self, original: &Path) -> PathBuf {
        let path = self.join("copy");
        assert!(Command::new("cp").arg(original).arg(&path).status().unwrap().success());
        path
    }

    /// Makes it a root directory that holds our program, as `procnanny`, what that is linked with, and nothing else; whether
    /// that could be found.
    pub fn make_nearly_empty_root(&self) -> bool {
        let script = r#"
            cp "$1" "$2/procnanny" || exit 1
            for library in $(ldd "$1" | grep -o '/[^ ]*'); do
                mkdir -p "$2${library%/*}" && cp "$library" "$2$library" || exit 1
            done"#;
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_procnanny")]).arg(self.path());
        shell.status().unwrap().success()
    }

    /// The name of it, which no other test of this run has.
    pub fn mark(&self) -> String {
        self.path.file_name().unwrap().to_str().unwrap().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
