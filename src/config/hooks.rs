//! Hooks, as a program has them in `hooks` and a configuration in `[[hook]]`: read, checked, and shown.

use super::accounts;
use super::convert::{self, Expected, quoted};
use super::keys::{SettingError, name_or_number, shown};
use crate::core::hook::{Hook, Pattern};
use crate::core::nearest::nearest;
use crate::core::program::ProcessSettings;
use crate::wire::value::Value;
use std::sync::Arc;
use std::time::Duration;

/// Whose hook it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Of a program, for that one alone.
    Program,
    /// Of the supervisor, for all programs that it names.
    Supervisor,
}

/// A hook that is being read, setting by setting.
#[derive(Debug)]
pub struct Draft {
    owner: Owner,
    hook: Hook,
}

/// The settings of a hook; `program` is for those of the supervisor.
const NAMES: [&str; 7] = ["on", "command", "args", "user", "timeout", "concurrency", "program"];

/// The shortest timeout: less is no time for a process.
const SHORTEST: Duration = Duration::from_millis(100);

/// How many processes one hook may have.
const MOST_AT_A_TIME: i64 = 100;

/// How many hooks a program may have: each is looked at when one of them is concerned.
const MOST: usize = 100;

/// Reads the hooks of a program: an array of tables.
///
/// # Errors
/// What would have been right.
pub fn read_all(value: &Value) -> Result<Vec<Arc<Hook>>, Expected> {
    let items = value.as_array().filter(|items| items.len() <= MOST).ok_or_else(|| {
        format!("an array of at most {MOST} hooks, such as [{{ on = \"*->backoff\", command = \"/usr/bin/alert\" }}]")
    })?;
    let hook = |(number, item): (usize, &Value)| {
        read(item, Owner::Program).map(Arc::new).map_err(|error| {
            let expected = expected_of(error);
            if items.len() == 1 { expected } else { format!("{expected} (this is of hook {})", number + 1) }
        })
    };
    items.iter().enumerate().map(hook).collect()
}

/// What would have been right in place of a hook.
fn expected_of(error: SettingError) -> Expected {
    match error {
        SettingError::Unknown(name, near) => {
            let near = near.map_or_else(String::new, |near| format!(", did you mean '{near}'?"));
            let known = names(Owner::Program).collect::<Vec<_>>().join(", ");
            format!("only {known} in a hook; there is no {}{near}", quoted(&name))
        }
        SettingError::Wrong { name, expected, .. } => format!("'{name}' of a hook to be {expected}"),
        SettingError::Together(sentence) => format!("whole hooks: {sentence}"),
    }
}

fn names(owner: Owner) -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().filter(move |name| owner == Owner::Supervisor || *name != "program")
}

/// Reads a hook: a table.
///
/// # Errors
/// The setting that is wrong or missing.
pub fn read(value: &Value, owner: Owner) -> Result<Hook, SettingError> {
    let table = || {
        let expected = "a table, such as { on = \"*->backoff\", command = \"/usr/bin/alert\" }".to_string();
        SettingError::Wrong { name: "hook".to_string(), expected, found: shown(value) }
    };
    let mut draft = Draft::new(owner);
    for (name, value) in value.as_map().ok_or_else(table)? {
        draft.set(name.text().ok_or_else(table)?, value)?;
    }
    draft.finish()
}

impl Draft {
    /// One of which nothing was read yet.
    pub fn new(owner: Owner) -> Self {
        let hook = Hook {
            on: Vec::new(),
            program: "*".to_string(),
            process: ProcessSettings::default(),
            timeout: Duration::from_secs(10),
            concurrency: 4,
        };
        Self { owner, hook }
    }

    /// Sets one setting of it.
    ///
    /// # Errors
    /// An unknown name, or a value that does not fit.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<(), SettingError> {
        if !names(self.owner).any(|known| known == name) {
            if name == "program" {
                let sentence =
                    "a hook of a program is for that program alone and has no 'program'".to_string();
                return Err(SettingError::Together(sentence));
            }
            return Err(SettingError::Unknown(name.to_string(), nearest(name, names(self.owner))));
        }
        self.assign(name, value).map_err(|expected| SettingError::Wrong {
            name: name.to_string(),
            expected,
            found: shown(value),
        })
    }

    fn assign(&mut self, name: &str, value: &Value) -> Result<(), Expected> {
        let hook = &mut self.hook;
        match name {
            "on" => hook.on = patterns(value)?,
            "command" => hook.process.command = convert::non_empty(value)?.to_string(),
            "args" => hook.process.args = convert::texts(value)?,
            "user" => {
                let user = accounts::user(&name_or_number(value, "a user")?)?;
                // Its groups stand there, and a hook has no settings for them.
                if user.account.is_none() {
                    return Err("a user that has an entry in /etc/passwd".to_string());
                }
                hook.process.user = Some(user);
            }
            "timeout" => {
                hook.timeout = convert::duration(value)?;
                if hook.timeout < SHORTEST {
                    return Err("a duration of at least \"100ms\"".to_string());
                }
            }
            "concurrency" => {
                let number = convert::integer(value, 1, MOST_AT_A_TIME)?;
                hook.concurrency = u32::try_from(number).unwrap_or(1);
            }
            // `set` lets no other one through.
            _ => hook.program = convert::non_empty(value)?.to_string(),
        }
        Ok(())
    }

    /// The hook.
    ///
    /// # Errors
    /// What is missing.
    pub fn finish(self) -> Result<Hook, SettingError> {
        let missing = |name: &str, example: &str| {
            SettingError::Together(format!("a hook has no '{name}'; write {name} = {example}"))
        };
        if self.hook.on.is_empty() {
            return Err(missing("on", "\"running->exited\", \"*->backoff\", \"flapping\" or the like"));
        }
        if self.hook.process.command.is_empty() {
            return Err(missing("command", "\"/path/of/what/to/run\""));
        }
        Ok(self.hook)
    }
}

/// One pattern or several.
fn patterns(value: &Value) -> Result<Vec<Pattern>, Expected> {
    let expected = |why: String| {
        format!(
            "one or more of \"FROM->TO\" (* is any state), a state, \"flapping\", \"unhealthy\" or \"log_dropped\"{why}"
        )
    };
    let one = |item: &Value| {
        let text = item.text().ok_or_else(|| expected(String::new()))?;
        Pattern::parse(text).map_err(|word| match nearest(word, Pattern::words()) {
            Some(near) => expected(format!("; there is no {}, did you mean '{near}'?", quoted(word))),
            None => expected(format!("; there is no {}", quoted(word))),
        })
    };
    match value.as_array() {
        None => Ok(vec![one(value)?]),
        Some([]) => Err(expected(String::new())),
        Some(items) => items.iter().map(one).collect(),
    }
}

/// The hooks of a program as a value, with all that they stand for.
pub fn to_value(hooks: &[Arc<Hook>]) -> Value {
    Value::Array(hooks.iter().map(|hook| one_to_value(hook)).collect())
}

fn one_to_value(hook: &Hook) -> Value {
    let array = |texts: Vec<String>| Value::Array(texts.into_iter().map(Value::from).collect());
    let process = &hook.process;
    let user = process.user.as_ref().map_or(Value::Nil, |user| Value::from(user.identity.given.as_str()));
    Value::map([
        ("on", array(hook.on.iter().map(ToString::to_string).collect())),
        ("command", Value::from(process.command.as_str())),
        ("args", array(process.args.clone())),
        ("user", user),
        ("timeout", convert::seconds(hook.timeout)),
        ("concurrency", Value::from(hook.concurrency)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(entries: &[(&str, Value)]) -> Value {
        Value::map(entries.iter().cloned())
    }

    fn with(name: &str, value: impl Into<Value>) -> Result<Hook, String> {
        let mut entries = vec![("on", Value::from("failed")), ("command", Value::from("x"))];
        entries.retain(|(other, _)| *other != name);
        entries.push((name, value.into()));
        read(&hook(&entries), Owner::Supervisor).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let hook = with("on", "running -> exited").unwrap();
        assert_eq!(hook.on, [Pattern::parse("running->exited").unwrap()]);
        assert_eq!(
            (hook.program.as_str(), hook.timeout, hook.concurrency),
            ("*", Duration::from_secs(10), 4)
        );
        let mut value = one_to_value(&hook);
        if let Value::Map(entries) = &mut value {
            entries.retain(|(_, value)| *value != Value::Nil);
        }
        assert_eq!(read_all(&Value::Array(vec![value])), Ok(vec![Arc::new(hook)]));
        assert_eq!(with("user", "root").unwrap().process.user.unwrap().identity.id, 0);
        assert_eq!(with("program", "web*").unwrap().program, "web*");
        assert_eq!(read_all(&Value::Array(vec![])), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        let wrong = |name: &str, value: Value| with(name, value).unwrap_err();
        assert!(wrong("on", "runing->exited".into()).ends_with("no 'runing', did you mean 'running'?"));
        assert!(wrong("on", "flaping".into()).ends_with("did you mean 'flapping'?"));
        assert!(wrong("on", "sometimes".into()).ends_with("; there is no 'sometimes'"));
        assert!(wrong("on", Value::Array(vec![])).starts_with("'on' is [], expected one or more of"));
        assert!(wrong("on", Value::Int(1)).starts_with("'on' is 1"));
        assert!(wrong("comand", "x".into()).contains("did you mean 'command'?"));
        assert!(wrong("command", "".into()).contains("a non-empty string"));
        assert!(wrong("timeout", Value::Float(0.05)).contains("at least \"100ms\""));
        assert!(wrong("concurrency", Value::Int(0)).contains("from 1 to 100"));
        assert!(wrong("user", "roott".into()).contains("did you mean 'root'?"));
        assert!(wrong("user", Value::Int(4_000_000_000)).contains("an entry in /etc/passwd"));
        let missing =
            |entries: &[(&str, Value)]| read(&hook(entries), Owner::Supervisor).unwrap_err().to_string();
        assert!(missing(&[("command", "x".into())]).starts_with("a hook has no 'on'; write on = "));
        assert!(missing(&[("on", "new".into())]).starts_with("a hook has no 'command'"));
    }

    #[test]
    fn of_several_the_one_at_fault_is_named() {
        let good = hook(&[("on", "failed".into()), ("command", "x".into())]);
        let bad = hook(&[("on", "failed".into()), ("command", "x".into()), ("program", "web".into())]);
        let expected = "whole hooks: a hook of a program is for that program alone and has no 'program' (this is of hook 2)";
        assert_eq!(read_all(&Value::Array(vec![good, bad])), Err(expected.to_string()));
        let typo = hook(&[("on", "failed".into()), ("timout", "1s".into())]);
        let expected = "only on, command, args, user, timeout, concurrency in a hook; there is no 'timout', did you mean 'timeout'?";
        assert_eq!(read_all(&Value::Array(vec![typo])), Err(expected.to_string()));
        assert!(read_all(&Value::from("x")).unwrap_err().starts_with("an array of at most 100 hooks"));
        assert!(read_all(&Value::Array(vec![Value::Nil])).unwrap_err().contains("a table, such as"));
    }
}
