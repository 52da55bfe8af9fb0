//! `cgroup`: control files of cgroup v2 and what is written to them.
//!
//! A file is named as the kernel names it (`memory.max`), or with `_` in place of each dot, which needs no quotes in
//! a TOML file. Values are written as they are: what they mean is for the kernel to say.

use super::convert::{Expected, quoted};
use crate::core::nearest::nearest;
use crate::core::order;
use crate::core::settings::CgroupEntry;
use crate::sys::cgroup;
use crate::wire::value::Value;

/// The files of a cgroup without a controller that are settings; the others are for the supervisor, or read-only.
const WITHOUT_CONTROLLER: [&str; 3] = ["cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"];

/// What is written to a control file has to be shorter than this, in bytes: a page is all that the kernel takes.
const MOST: usize = 4096;

/// The most files that a table may name.
const MOST_FILES: usize = 64;

/// Reads a table of files and values.
pub fn read(value: &Value) -> Result<Vec<CgroupEntry>, Expected> {
    let table =
        || "a table of cgroup v2 files, such as { memory_max = \"512M\", pids_max = 100 }".to_string();
    let mut entries: Vec<CgroupEntry> = Vec::new();
    let given = value.as_map().ok_or_else(table)?;
    if given.len() > MOST_FILES {
        return Err(format!("at most {MOST_FILES} files"));
    }
    for (key, value) in given {
        let file = file(key.text().ok_or_else(table)?)?;
        let values = values(value).ok_or_else(|| {
            format!("for '{file}' a string, a whole number, or an array of those, none empty")
        })?;
        entries.retain(|entry| entry.file != file);
        entries.push(CgroupEntry { file, values });
    }
    Ok(entries)
}

fn file(key: &str) -> Result<String, Expected> {
    let file = key.replace('_', ".");
    // No longer than a name of a file may be (NAME_MAX).
    let fits = key.len() <= 255;
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !fits || !file.contains('.') || !file.split('.').all(plain) {
        return Err(format!(
            "names of cgroup v2 files, such as memory_max or \"memory.max\"; {} is none",
            quoted(key)
        ));
    }
    match cgroup::controller_of(&file) {
        None if WITHOUT_CONTROLLER.contains(&file.as_str()) => Ok(file),
        None => Err(format!("files that are settings ({}); '{file}' is none", WITHOUT_CONTROLLER.join(", "))),
        // One that we do not know may still be one of this kernel's, which `check` asks.
        Some(controller) => match nearest(controller, cgroup::known_controllers()) {
            Some(near) if near != controller => {
                Err(format!("files of controllers; there is no '{controller}', did you mean '{near}'?"))
            }
            Some(_) | None => Ok(file),
        },
    }
}

fn values(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| {
        let text = match value {
            Value::Int(number) => number.to_string(),
            Value::Uint(number) => number.to_string(),
            _ => value.text()?.to_string(),
        };
        (!text.is_empty() && text.len() < MOST && !text.contains(char::is_control)).then_some(text)
    };
    match value.as_array() {
        Some(values) => values.iter().map(one).collect(),
        None => one(value).map(|value| vec![value]),
    }
}

/// Makes sure that this machine lets us make such a cgroup.
///
/// # Errors
/// What is missing, in a sentence.
pub fn check(entries: &[CgroupEntry]) -> Result<(), String> {
    cgroup::check(&controllers(entries)).map_err(|error| error.to_string())
}

/// The controllers that the files belong to, each once.
pub fn controllers(entries: &[CgroupEntry]) -> Vec<&str> {
    let mut controllers: Vec<&str> =
        entries.iter().filter_map(|entry| cgroup::controller_of(&entry.file)).collect();
    order::sort(&mut controllers);
    controllers.dedup();
    controllers
}

/// The table as a value.
pub fn to_value(entries: &[CgroupEntry]) -> Value {
    Value::map(entries.iter().map(|entry| {
        let value = match entry.values.as_slice() {
            [one] => Value::from(one.as_str()),
            values => Value::Array(values.iter().map(|value| Value::from(value.as_str())).collect()),
        };
        (entry.file.as_str(), value)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(file: &str, value: Value) -> Result<Vec<CgroupEntry>, String> {
        read(&Value::map([(file, value)]))
    }

    fn entry(file: &str, values: &[&str]) -> CgroupEntry {
        CgroupEntry { file: file.to_string(), values: values.iter().map(|value| value.to_string()).collect() }
    }

    #[test]
    fn files_are_named_with_dots_or_without() {
        assert_eq!(one("memory_swap_max", Value::Int(0)), Ok(vec![entry("memory.swap.max", &["0"])]));
        assert_eq!(
            one("cpu.max", Value::from("50000 100000")),
            Ok(vec![entry("cpu.max", &["50000 100000"])])
        );
        assert_eq!(one("hugetlb.2MB.max", Value::from("1G")), Ok(vec![entry("hugetlb.2MB.max", &["1G"])]));
        assert_eq!(one("cgroup_max_depth", Value::Int(2)), Ok(vec![entry("cgroup.max.depth", &["2"])]));
        let two = Value::Array(vec!["8:0 rbps=1".into(), "8:16 rbps=2".into()]);
        let devices = one("io_max", two.clone()).unwrap();
        assert_eq!(devices, [entry("io.max", &["8:0 rbps=1", "8:16 rbps=2"])]);
        assert_eq!(to_value(&devices), Value::map([("io.max", two)]));
        assert_eq!(read(&Value::Map(Vec::new())), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |file: &str, value: Value| one(file, value).unwrap_err();
        assert!(refused("memry_max", Value::Int(1)).contains("there is no 'memry', did you mean 'memory'?"));
        for file in ["memory", "../memory.max", "memory..max", "memory/max", "", ".", "memory max"] {
            assert!(refused(file, Value::Int(1)).contains("is none"), "{file}");
        }
        for file in ["cgroup.procs", "cgroup_kill", "cgroup.subtree_control"] {
            assert!(refused(file, Value::Int(1)).contains("cgroup.max.depth"), "{file}");
        }
        for value in [Value::Nil, Value::Float(1.5), Value::from(""), Value::from("a\nb")] {
            assert!(refused("memory_max", value).starts_with("for 'memory.max'"));
        }
        assert!(read(&Value::from("memory")).is_err());
    }

    #[test]
    fn controllers_are_named_once() {
        let entries = [entry("memory.max", &[]), entry("cpu.max", &[]), entry("memory.high", &[])];
        assert_eq!(controllers(&entries), ["cpu", "memory"]);
        assert_eq!(controllers(&[entry("cgroup.max.depth", &[])]), Vec::<&str>::new());
    }
}
