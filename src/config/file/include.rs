//! Which files there are: the main one, those of a directory, and what they include.

use super::Location;
use super::error::{FileError, FileErrors};
use super::source::Source;
use crate::core::glob::{self, Glob};
use crate::core::order;
use crate::sys::errno::io_words;
use std::collections::{HashSet, VecDeque};
use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// What the main file includes unless it says otherwise.
const DEFAULT: &str = "programs.d/*.toml";

/// The files that are still to be read, and those that were.
#[derive(Debug)]
pub struct Files {
    left: VecDeque<PathBuf>,
    /// By device and inode: a file that is named twice, or includes itself, is read once.
    seen: HashSet<(u64, u64)>,
    /// The main file, which includes something without saying so.
    main: Option<PathBuf>,
    /// How many were read.
    pub read: usize,
}

impl Files {
    /// The files that a configuration begins with.
    pub fn at(location: &Location, errors: &mut FileErrors) -> Self {
        let mut files = Self { left: VecDeque::new(), seen: HashSet::new(), main: None, read: 0 };
        let (path, has_to_be_there) = match location {
            Location::Given(path) => (path, true),
            Location::Default(path) => (path, false),
            Location::Nowhere => return files,
        };
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => match matching(path, "*.toml") {
                Ok(found) => files.left.extend(found),
                Err(error) => errors.add(|| unreadable(path, &error)),
            },
            Err(error) if !has_to_be_there && is_absence(&error) => {}
            // Whatever else is wrong with it is said when it is read.
            Ok(_) | Err(_) => {
                files.main = Some(path.clone());
                files.left.push_back(path.clone());
            }
        }
        files
    }

    /// The next file to read.
    pub fn next(&mut self) -> Option<PathBuf> {
        loop {
            let path = self.left.pop_front()?;
            let identity = fs::metadata(&path).map(|metadata| (metadata.dev(), metadata.ino()));
            if identity.is_ok_and(|identity| !self.seen.insert(identity)) {
                continue;
            }
            self.read += 1;
            return Some(path);
        }
    }

    /// Adds what a file includes, to be read next.
    pub fn include(&mut self, source: &Source, document: &DeTable<'_>, errors: &mut FileErrors) {
        let patterns = match document.get("include") {
            Some(value) => match value.get_ref() {
                DeValue::String(pattern) => vec![(pattern.to_string(), Some(value.span()))],
                DeValue::Array(items) => items
                    .iter()
                    .filter_map(|item| match item.get_ref().as_str() {
                        Some(pattern) => Some((pattern.to_string(), Some(item.span()))),
                        None => {
                            errors.add(|| wrong(source, item.span()));
                            None
                        }
                    })
                    .collect(),
                _ => {
                    errors.add(|| wrong(source, value.span()));
                    Vec::new()
                }
            },
            None if self.main.as_ref() == Some(&source.path) => vec![(DEFAULT.to_string(), None)],
            None => Vec::new(),
        };
        let directory = source.path.parent().unwrap_or(Path::new("."));
        let mut found = Vec::new();
        for (pattern, span) in patterns {
            match expand(directory, &pattern) {
                Ok(paths) => found.extend(paths),
                Err((path, error)) => errors.add(|| match span {
                    Some(span) => {
                        let words = io_words(&error);
                        FileError::at(source, span, format!("cannot include {}: {words}", path.display()))
                    }
                    None => unreadable(&path, &error),
                }),
            }
        }
        for path in found.into_iter().rev() {
            self.left.push_front(path);
        }
    }
}

fn wrong(source: &Source, span: Range<usize>) -> FileError {
    FileError::at(source, span, "'include' is an array of paths, each of which may be a glob")
}

fn unreadable(path: &Path, error: &io::Error) -> FileError {
    FileError::of(path, format!("cannot be read: {}", io_words(error)))
}

/// Whether there is nothing at a path as far as we can see: a home directory that is somebody else's counts as none.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied)
}

/// The files that a pattern stands for, in order. A glob may stand for none; a plain path has to be there.
fn expand(directory: &Path, pattern: &str) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut found = vec![if pattern.starts_with('/') { PathBuf::from("/") } else { directory.to_path_buf() }];
    for component in pattern.split('/').filter(|component| !component.is_empty()) {
        if !glob::is_pattern(component) {
            found.iter_mut().for_each(|path| path.push(component));
            continue;
        }
        let mut deeper = Vec::new();
        for path in found {
            match matching(&path, component) {
                Ok(paths) => deeper.extend(paths),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) => return Err((path, error)),
            }
        }
        found = deeper;
    }
    if glob::is_pattern(pattern) {
        // `a/*/b` also stands for those `b` that are not there.
        found.retain(|path| fs::symlink_metadata(path).is_ok());
        return Ok(found);
    }
    match found.iter().find_map(|path| Some((path.clone(), fs::metadata(path).err()?))) {
        Some(missing) => Err(missing),
        None => Ok(found),
    }
}

/// The entries of a directory that a pattern matches, in order of their names. Hidden ones only where it says so.
fn matching(directory: &Path, pattern: &str) -> io::Result<Vec<PathBuf>> {
    let glob = Glob::new(pattern);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let Some(text) = name.to_str() else { continue };
        if glob.matches(text) && (pattern.starts_with('.') || !text.starts_with('.')) {
            names.push(text.to_string());
        }
    }
    order::sort(&mut names);
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}
