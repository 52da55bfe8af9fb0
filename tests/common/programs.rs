//! Settings of programs that tests create.

use super::client::strings;
use procnanny::wire::value::Value;

/// The settings of a program, as `create` takes them.
#[derive(Clone, Debug)]
pub struct ProgramSettings(Vec<(String, Value)>);

/// A command with arguments. What it prints goes to where the supervisor's own output goes, so that there is a logger
/// only in tests that are about it.
pub fn command(command: &str, args: &[&str]) -> ProgramSettings {
    let settings = ProgramSettings(Vec::new()).with("command", command).with("args", strings(args));
    settings.with("stdout", "inherit").with("stderr", "inherit")
}

/// A script for `/bin/sh`.
pub fn shell(script: &str) -> ProgramSettings {
    command("/bin/sh", &["-c", script])
}

/// One that does nothing until it is told to end, and is `running` as soon as it is executed.
pub fn sleeper() -> ProgramSettings {
    command("sleep", &["3600"]).with("minimum_run_duration", 0)
}

/// One that does not heed its stop signal, which is one that is ignored by default (signal(7)), and has an hour's time
/// until it is killed.
pub fn deaf() -> ProgramSettings {
    sleeper().with("stop_signal", "URG").with("stop_timeout", 3600)
}

impl ProgramSettings {
    /// One more setting, or another value for one.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.retain(|(setting, _)| setting != name);
        self.0.push((name.to_string(), value.into()));
        self
    }

    /// One setting less: it is left to its default.
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(setting, _)| setting != name);
        self
    }

    /// A delay after flaps that is not doubled: least and greatest are the same.
    pub fn with_backoff(self, delay: impl Into<Value>) -> Self {
        let delay = delay.into();
        self.with("backoff_min", delay.clone()).with("backoff_max", delay)
    }

    /// One more environment variable.
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        let variable = (Value::from(name), Value::from(value));
        match self.0.iter_mut().find(|(setting, _)| setting == "env") {
            Some((_, Value::Map(variables))) => variables.push(variable),
            _ => self.0.push(("env".to_string(), Value::Map(vec![variable]))),
        }
        self
    }

    /// As arguments of a request.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.clone()))
    }
}
