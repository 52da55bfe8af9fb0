//! The script for packages, and what `cargo package` takes along.

use super::block;
use super::common::Scratch;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// What is installed, each with its mode.
const INSTALLED: [(&str, u32); 14] = [
    ("etc/procnanny", 0o755),
    ("etc/procnanny/programs.d", 0o755),
    ("usr/bin/procnanny", 0o755),
    ("usr/lib/systemd/system/procnanny.service", 0o644),
    ("usr/share/bash-completion/completions/procnanny", 0o644),
    ("usr/share/doc/procnanny/LICENSE-APACHE", 0o644),
    ("usr/share/doc/procnanny/LICENSE-MIT", 0o644),
    ("usr/share/doc/procnanny/README.md", 0o644),
    ("usr/share/fish/vendor_completions.d/procnanny.fish", 0o644),
    ("usr/share/man/man1/procnanny.1", 0o644),
    ("usr/share/man/man5/procnanny.toml.5", 0o644),
    ("usr/share/man/man7/procnanny-rpc.7", 0o644),
    ("usr/share/zsh/site-functions/_procnanny", 0o644),
    ("usr/share/man", 0o755),
];

fn source() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.to_str().unwrap().to_string());
        }
    }
    found
}

#[test]
fn a_package_holds_what_the_readme_says() {
    // The sources, with what was built where the script looks for it.
    let scratch = Scratch::new();
    for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "man"] {
        symlink(source().join(name), scratch.join(name)).unwrap();
    }
    fs::create_dir_all(scratch.join("target/release")).unwrap();
    symlink(env!("CARGO_BIN_EXE_procnanny"), scratch.join("target/release/procnanny")).unwrap();
    let script = block("sh", "# Puts together in $DESTDIR");
    let mut shell = Command::new("/bin/sh");
    let shell =
        shell.arg("-c").arg(script).current_dir(scratch.path()).env("DESTDIR", scratch.join("package"));
    // As with a umask that gives others nothing.
    let output = shell.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let package = scratch.join("package");
    for (name, mode) in INSTALLED {
        let permissions =
            fs::metadata(package.join(name)).unwrap_or_else(|error| panic!("{name}: {error}")).permissions();
        assert_eq!(permissions.mode() & 0o7777, mode, "{name}");
    }
    let expected: BTreeSet<&str> =
        INSTALLED.iter().map(|(name, _)| *name).filter(|name| package.join(name).is_file()).collect();
    let found = files(&package);
    let prefix = format!("{}/", package.display());
    let found: BTreeSet<&str> = found.iter().map(|path| path.strip_prefix(&prefix).unwrap()).collect();
    assert_eq!(found, expected);
    for name in expected {
        let content = fs::read(package.join(name)).unwrap();
        assert!(content.len() > 500, "there is hardly anything in {name}");
    }
    let unit = fs::read_to_string(package.join("usr/lib/systemd/system/procnanny.service")).unwrap();
    assert_eq!(unit, block("ini", "# procnanny.service"));
    // A section for each page, by its name.
    let pages = fs::read_dir(source().join("man")).unwrap().count();
    assert_eq!(pages, INSTALLED.iter().filter(|(name, _)| name.contains("/man/man")).count());
}

#[test]
fn pages_are_of_this_version() {
    let version = format!("\"procnanny {}\"", env!("CARGO_PKG_VERSION"));
    for page in fs::read_dir(source().join("man")).unwrap() {
        let path = page.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let title = text.lines().find(|line| line.starts_with(".TH ")).unwrap();
        assert!(title.contains(&version), "{}: {title}", path.display());
    }
}

#[test]
fn a_crate_holds_what_is_needed_and_nothing_else() {
    let mut cargo = Command::new(env!("CARGO"));
    // Into a directory of its own: another cargo may hold the one that this was built in.
    let scratch = Scratch::new();
    let cargo =
        cargo.args(["package", "--list", "--allow-dirty", "--offline", "--target-dir"]).arg(scratch.path());
    let output = cargo.current_dir(source()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let listed: BTreeSet<&str> = text.lines().collect();
    let needed = [
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "src/main.rs",
        "man/procnanny.1",
        "man/procnanny.toml.5",
        "man/procnanny-rpc.7",
        "tests/bench/bench.rs",
        "src/cli/completions/procnanny.zsh",
    ];
    for name in needed {
        assert!(listed.contains(name), "{name}: {text}");
    }
    let made = ["Cargo.toml.orig", ".cargo_vcs_info.json"];
    let known = |name: &str| {
        let directory = name.split('/').next().unwrap_or_default();
        ["src", "tests", "man", ".cargo"].contains(&directory)
            || needed.contains(&name)
            || made.contains(&name)
    };
    let others: Vec<&&str> = listed.iter().filter(|name| !known(name)).collect();
    assert!(others.is_empty(), "{others:?}");
}
