//! The configuration: TOML files, read, checked, and all mistakes told at once.
//!
//! | file | what is there |
//! | --- | --- |
//! | `source` | a file, read within bounds, and the places in it |
//! | `value` | from TOML's values to those of the wire |
//! | `tables` | `[supervisor]`, `[program.NAME]` and `[[hook]]` |
//! | `include` | which files there are |
//! | `error` | what is wrong, and where |
//!
//! What stands in a file goes through [`super::keys::apply`] as what stands in a request does, so that the two cannot
//! differ. Each file is read once, whatever names it and however often.

mod error;
mod include;
mod source;
mod tables;
mod value;

use super::accounts;
use super::supervisor::SupervisorSettings;
use crate::core::hook::Hook;
use crate::core::order;
use crate::core::program::Settings;
use crate::core::requirements::check;
use crate::sys::process::own_effective_uid;
pub use error::{FileError, FileErrors, Place};
use include::Files;
pub use source::Source;
use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use tables::Tables;
use toml::de::DeTable;

/// Where the configuration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Where the command line says: a file, or a directory of them.
    Given(PathBuf),
    /// Where it is unless told otherwise, if it is there at all.
    Default(PathBuf),
    /// Nowhere: there is no place to look.
    Nowhere,
}

/// A configuration that was read and checked.
#[derive(Debug, Default)]
pub struct Configuration {
    /// The settings of the supervisor.
    pub supervisor: SupervisorSettings,
    /// The programs, in the order of the files.
    pub programs: Vec<FileProgram>,
    /// The hooks that belong to no program, in the order of the files.
    pub hooks: Vec<Arc<Hook>>,
    /// How many files were read.
    pub files: usize,
}

/// A program of a file.
#[derive(Debug)]
pub struct FileProgram {
    /// Its name.
    pub name: String,
    /// Its settings, checked.
    pub settings: Settings,
    /// Where it begins.
    pub header: Header,
}

/// Where a program begins, for what can only be said of it later.
#[derive(Clone, Debug)]
pub struct Header {
    source: Rc<Source>,
    span: Range<usize>,
}

impl Header {
    /// An error about the program.
    pub fn error(&self, message: impl Into<String>) -> FileError {
        FileError::at(&self.source, self.span.clone(), message)
    }

    /// `FILE:LINE`, for an error about something else.
    pub fn as_text(&self) -> String {
        let place = self.source.place(self.span.clone());
        format!("{}:{}", self.source.path.display(), place.line)
    }
}

impl Location {
    /// The path; empty where there is none.
    pub fn path(&self) -> &Path {
        match self {
            Location::Given(path) | Location::Default(path) => path,
            Location::Nowhere => Path::new(""),
        }
    }

    /// Where to look: at the path that was given, else where this user has it by default.
    pub fn new(given: Option<PathBuf>) -> Self {
        match given {
            // A supervisor may change its directory after this.
            Some(path) => Location::Given(std::path::absolute(&path).unwrap_or(path)),
            None => {
                let variable = |name| std::env::var_os(name);
                default_path(own_effective_uid(), variable("XDG_CONFIG_HOME"), variable("HOME"))
                    .map_or(Location::Nowhere, Location::Default)
            }
        }
    }
}

/// As the XDG base directory specification has it, a relative path counts as no path.
fn default_path(uid: u32, config_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    const FILE: &str = "procnanny/procnanny.toml";
    if uid == 0 {
        return Some(PathBuf::from("/etc").join(FILE));
    }
    let absolute = |path: Option<OsString>| path.map(PathBuf::from).filter(|path| path.is_absolute());
    let config_home = absolute(config_home).or_else(|| absolute(home).map(|home| home.join(".config")));
    config_home.map(|directory| directory.join(FILE))
}

/// Reads and checks everything, without changing anything.
///
/// # Errors
/// All that is wrong in all files.
pub fn load(location: &Location) -> Result<Configuration, FileErrors> {
    let mut errors = FileErrors::default();
    let mut files = Files::at(location, &mut errors);
    let mut tables = Tables::default();
    // What stands in /etc/passwd does not change between two programs.
    let _lookups = accounts::remember();
    while let Some(path) = files.next() {
        match Source::read(&path) {
            Ok(source) => read_file(&Rc::new(source), &mut files, &mut tables, &mut errors),
            Err(error) => errors.add(|| error),
        }
    }
    if errors.count() == 0 {
        tables.check_supervisor(&mut errors);
        check_needs(&tables.programs, &mut errors);
    }
    if errors.count() > 0 {
        return Err(errors);
    }
    let Tables { supervisor, programs, hooks, .. } = tables;
    Ok(Configuration { supervisor, programs, hooks, files: files.read })
}

/// Checks what programs need of each other. Files stand on their own: what they require is in them.
fn check_needs(programs: &[FileProgram], errors: &mut FileErrors) {
    let all = programs.iter().map(|program| (program.name.as_str(), &program.settings));
    for mistake in check::check_all(all) {
        if let Some(program) = programs.iter().find(|program| program.name == mistake.program) {
            errors.add(|| program.header.error(mistake.to_string()));
        }
    }
}

fn read_file(source: &Rc<Source>, files: &mut Files, tables: &mut Tables, errors: &mut FileErrors) {
    let first_of_file = errors.told.len();
    match DeTable::parse(&source.text) {
        Ok(document) => {
            files.include(source, document.get_ref(), errors);
            tables.read(source, document.get_ref(), errors);
            errors.sort_from(first_of_file);
        }
        Err(first) => {
            let (document, all) = syntax_errors(source, first);
            for error in all {
                let span = error.span().unwrap_or(0..0);
                errors.add(|| FileError::at(source, span, error.message()));
            }
            // What it includes is looked at too, as far as it can be told. What is wrong with that may be a consequence.
            files.include(source, &document, &mut FileErrors::default());
        }
    }
}

/// All that is wrong in a file, and what of it could be read. Each error has a cost, so of a large file that is no TOML
/// at all only the first one is told.
fn syntax_errors(source: &Source, first: toml::de::Error) -> (DeTable<'_>, Vec<toml::de::Error>) {
    const LARGE: usize = 256 << 10;
    if source.text.len() > LARGE {
        return (DeTable::new(), vec![first]);
    }
    let (document, mut all) = DeTable::parse_recoverable(&source.text);
    let start = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    order::sort_by_key(&mut all, start);
    // One mistake on a line is often several to a parser, and the first tells most.
    let is_on_line_of = |error: &mut toml::de::Error, before: &mut toml::de::Error| {
        source.text.get(start(before)..start(error)).is_some_and(|between| !between.contains('\n'))
    };
    all.dedup_by(is_on_line_of);
    (document.into_inner(), all)
}

#[cfg(test)]
#[path = "file/tests.rs"]
mod tests;
