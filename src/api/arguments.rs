//! The arguments of a request, each read with its type and its bounds.

use super::reply::{ApiError, Code};
use crate::config::{convert, keys};
use crate::core::fleet::Selection;
use crate::core::glob;
use crate::core::nearest::nearest;
use crate::core::order;
use crate::wire::value::Value;
use std::time::Duration;

/// The longest that a request may wait: a day.
pub const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// How long a request waits unless it says so.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(60);

/// The most names that one request may select by, so that no request costs more than it brings.
const MAX_NAMES: usize = 1000;
/// How many of them may be globs: each is held against every name there is.
const MAX_GLOBS: usize = 32;
/// The most numbers that one request may select by.
const MAX_NUMBERS: usize = 100_000;
/// The longest name or glob: twice what the longest name of a program needs.
const MAX_PATTERN: usize = 256;

/// The arguments of a request.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    entries: &'a [(Value, Value)],
}

impl<'a> Arguments<'a> {
    /// The entries of a request's map.
    ///
    /// # Errors
    /// `malformed` for what is not a map with string keys.
    pub fn of(request: &'a Value) -> Result<Self, ApiError> {
        let malformed = |found: &str| {
            let sentence = format!("A request is a map with string keys, this is {found}");
            ApiError::new(Code::Malformed, sentence)
        };
        let entries =
            request.as_map().ok_or_else(|| malformed(&format!("of type {}", request.type_name())))?;
        if entries.iter().any(|(key, _)| key.text().is_none()) {
            return Err(malformed("a map with another key"));
        }
        Ok(Self { entries })
    }

    /// All arguments, by name. Nil stands for one that is left out.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let of_method = |name: &str| !matches!(name, "request" | "id");
        let given = self.entries.iter().filter_map(|(key, value)| Some((key.text()?, value)));
        given.filter(move |(name, value)| of_method(name) && **value != Value::Nil)
    }

    /// An argument; nil and left out are the same.
    pub fn get(self, name: &str) -> Option<&'a Value> {
        let found = self.entries.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value);
        found.filter(|value| **value != Value::Nil)
    }

    /// An argument that has to be there.
    pub fn required(self, name: &str) -> Result<&'a Value, ApiError> {
        self.get(name).ok_or_else(|| ApiError::argument(format!("Message is missing '{name}' field")))
    }

    /// A string that has to be there.
    pub fn text(self, name: &str) -> Result<&'a str, ApiError> {
        let value = self.required(name)?;
        convert::text(value).map_err(|expected| wrong(name, value, &expected))
    }

    /// True or false.
    pub fn boolean(self, name: &str, default: bool) -> Result<bool, ApiError> {
        let Some(value) = self.get(name) else { return Ok(default) };
        convert::boolean(value).map_err(|expected| wrong(name, value, &expected))
    }

    /// A whole number within bounds, both included.
    pub fn integer(self, name: &str, default: i64, min: i64, max: i64) -> Result<i64, ApiError> {
        let Some(value) = self.get(name) else { return Ok(default) };
        convert::integer(value, min, max).map_err(|expected| wrong(name, value, &expected))
    }

    /// A duration of at most [`LONGEST_WAIT`].
    pub fn duration(self, name: &str) -> Result<Option<Duration>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let duration = convert::duration(value).map_err(|expected| wrong(name, value, &expected))?;
        if duration > LONGEST_WAIT {
            return Err(wrong(name, value, "at most a day"));
        }
        Ok(Some(duration))
    }

    /// What `program` and `instance` select.
    pub fn selection(self) -> Result<Selection, ApiError> {
        let mut selection = Selection::default();
        if let Some(value) = self.get("program") {
            let expected = "the name of a program, a glob, or an array of those";
            let names = value.as_array().unwrap_or(std::slice::from_ref(value));
            if names.is_empty() || names.len() > MAX_NAMES {
                return Err(wrong("program", value, &format!("{expected}, 1 to {MAX_NAMES} of them")));
            }
            for name in names {
                let text = convert::non_empty(name).map_err(|_| wrong("program", value, expected))?;
                if text.len() > MAX_PATTERN {
                    return Err(wrong("program", value, &format!("names of at most {MAX_PATTERN} bytes")));
                }
                selection.name(text);
            }
            // What is named twice costs no more than once.
            order::sort(&mut selection.programs);
            selection.programs.dedup();
            if names.iter().filter(|name| name.text().is_some_and(glob::is_pattern)).count() > MAX_GLOBS {
                return Err(wrong("program", value, &format!("at most {MAX_GLOBS} globs")));
            }
        }
        if let Some(value) = self.get("instance") {
            let expected = format!("the number of an instance, or an array of 1 to {MAX_NUMBERS} of those");
            let numbers = value.as_array().unwrap_or(std::slice::from_ref(value));
            let parsed = numbers.iter().map(|number| convert::count(number, u32::MAX).ok()).collect();
            let parsed: Option<Vec<u32>> = parsed;
            let fits = (1..=MAX_NUMBERS).contains(&numbers.len());
            selection.instances =
                parsed.filter(|_| fits).ok_or_else(|| wrong("instance", value, &expected))?;
            order::sort(&mut selection.instances);
            selection.instances.dedup();
        }
        Ok(selection)
    }

    /// What `program` and `instance` select, where `program` has to be there.
    pub fn named_selection(self) -> Result<Selection, ApiError> {
        self.required("program")?;
        self.selection()
    }

    /// Refuses an argument that is none of `known`, and names the nearest that is.
    pub fn only<'k>(self, known: impl Iterator<Item = &'k str> + Clone) -> Result<(), ApiError> {
        let unknown = self.iter().find(|(name, _)| !known.clone().any(|known| known == *name));
        let Some((name, _)) = unknown else { return Ok(()) };
        let shown = keys::shown(&Value::from(name));
        let sentence = match nearest(name, known) {
            Some(near) => format!("There is no argument {shown}; did you mean '{near}'?"),
            None => format!("There is no argument {shown}"),
        };
        Err(ApiError::argument(sentence))
    }
}

/// An error that says what an argument is and what would have been right.
pub fn wrong(name: &str, value: &Value, expected: &str) -> ApiError {
    ApiError::argument(format!("'{name}' is {}, expected {expected}", keys::shown(value)))
}
