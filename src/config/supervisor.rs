//! The settings of the supervisor itself: one row each, as those of programs have in [`super::keys`].

use super::convert::{self, Expected};
use super::endpoint::{EndpointOption, Socket};
use super::keys::{SettingError, shown};
use crate::core::history::{DEFAULT_RUNS, MOST_RUNS};
use crate::core::nearest::nearest;
use crate::core::ring;
use crate::wire::value::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The settings of the supervisor.
#[derive(Clone, Debug, PartialEq)]
pub struct SupervisorSettings {
    /// `runtime_dir`; `None` is the default of whoever runs it.
    pub runtime_dir: Option<PathBuf>,
    /// `log_dir`; `None` is none.
    pub log_dir: Option<PathBuf>,
    /// Whether there are endpoints at all; `rpc = false` is that there are none.
    pub reachable: Reachable,
    /// `rpc`; none is the default one.
    pub rpc: Vec<EndpointOption>,
    /// `events`; none is the default one.
    pub events: Vec<EndpointOption>,
    /// `event_history`: how many events are held.
    pub event_history: usize,
    /// `run_history`: how many runs of each instance are remembered.
    pub run_history: usize,
    /// `shutdown_timeout`.
    pub shutdown_timeout: Duration,
    /// `oom_score_adj`; `None` leaves it as it is.
    pub oom_score_adj: Option<i32>,
    /// `exit_when`.
    pub exit_when: ExitWhen,
    /// `hostname`; `None` leaves it to `/etc/hostname`.
    pub hostname: Option<String>,
}

/// Whether anybody can talk to the supervisor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reachable {
    /// It has endpoints, and a directory for them.
    #[default]
    Yes,
    /// It has neither.
    No,
}

/// When the supervisor ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExitWhen {
    /// Never.
    #[default]
    Never,
    /// When no instance is wanted up any more.
    AllDone,
    /// When an instance is `failed`, or has failed and is not restarted.
    AnyFailed,
}

/// What the command line says in place of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--runtime-dir`.
    pub runtime_dir: Option<PathBuf>,
    /// `--log-dir`.
    pub log_dir: Option<PathBuf>,
    /// `--endpoint`; none leaves what the file says.
    pub rpc: Vec<EndpointOption>,
    /// `--events`; the same.
    pub events: Vec<EndpointOption>,
    /// `--no-rpc`; [`Reachable::Yes`] leaves what the file says.
    pub reachable: Reachable,
}

/// A setting of the supervisor.
#[derive(Debug)]
pub struct SupervisorKey {
    /// Its name.
    pub name: &'static str,
    /// What it holds, as people read it.
    pub kind: &'static str,
    /// What it is unless it is set, as a person writes it.
    pub default: &'static str,
    /// When a change of it takes effect.
    pub effect: Effect,
    /// What it means, in a sentence.
    pub doc: &'static str,
    set: fn(&mut SupervisorSettings, &Value) -> Result<(), Expected>,
    differs: fn(&SupervisorSettings, &SupervisorSettings) -> bool,
}

/// When a change of a setting takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// With the reload.
    AtOnce,
    /// When the supervisor is started again.
    WithRestart,
}

/// How long the whole shutdown may take unless told otherwise: a container gets ten seconds from its engine.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(9);

/// The most events that can be held: at some 200 bytes each, a fifth of a GiB.
const MAX_EVENTS: u32 = 1_000_000;

const EXIT_WHEN: [(&str, ExitWhen); 3] =
    [("never", ExitWhen::Never), ("all-done", ExitWhen::AllDone), ("any-failed", ExitWhen::AnyFailed)];

/// The settings that say where the supervisor can be reached.
const OF_REACH: [&str; 3] = ["runtime_dir", "rpc", "events"];

/// All settings of the supervisor, in the order in which they are documented.
pub const KEYS: &[SupervisorKey] = &[
    SupervisorKey {
        name: "runtime_dir",
        kind: "string",
        default: "/run/procnanny for root, $XDG_RUNTIME_DIR/procnanny for others",
        effect: Effect::WithRestart,
        doc: "Where its sockets and its lock are, an absolute path.",
        set: |s, v| convert::absolute_path(v).map(|path| s.runtime_dir = Some(Path::new(path).to_path_buf())),
        differs: |a, b| a.runtime_dir != b.runtime_dir,
    },
    SupervisorKey {
        name: "log_dir",
        kind: "string",
        default: "none",
        effect: Effect::WithRestart,
        doc: "Where log files are made, NAME.INSTANCE.SOURCE.log for each stream of each instance, an absolute path. Without it, only programs with a 'log.file' or a path of their own have files.",
        set: |s, v| convert::absolute_path(v).map(|path| s.log_dir = Some(Path::new(path).to_path_buf())),
        differs: |a, b| a.log_dir != b.log_dir,
    },
    SupervisorKey {
        name: "rpc",
        kind: "array of endpoints, or false",
        default: "one with admin access in runtime_dir",
        effect: Effect::WithRestart,
        doc: "Endpoints for requests, in place of the default one: each a string as after --endpoint, or { endpoint, access, mode, group, curve }. With false there are none, as after --no-rpc.",
        set: |s, v| {
            if *v == Value::Bool(false) {
                s.reachable = Reachable::No;
                return Ok(());
            }
            endpoints(v, Socket::Rpc).map(|rpc| s.rpc = rpc)
        },
        differs: |a, b| a.rpc != b.rpc || a.reachable != b.reachable,
    },
    SupervisorKey {
        name: "events",
        kind: "array of endpoints",
        default: "one in runtime_dir",
        effect: Effect::WithRestart,
        doc: "Endpoints for events, in place of the default one: each a string, or { endpoint, mode, group, curve }.",
        set: |s, v| endpoints(v, Socket::Events).map(|events| s.events = events),
        differs: |a, b| a.events != b.events,
    },
    SupervisorKey {
        name: "event_history",
        kind: "integer",
        default: "4096",
        effect: Effect::AtOnce,
        doc: "How many events are held for those who ask for them: 1 to 1000000.",
        set: |s, v| {
            let count = convert::integer(v, 1, i64::from(MAX_EVENTS))?;
            s.event_history = usize::try_from(count).unwrap_or(ring::DEFAULT_CAPACITY);
            Ok(())
        },
        differs: |a, b| a.event_history != b.event_history,
    },
    SupervisorKey {
        name: "run_history",
        kind: "integer",
        default: "16",
        effect: Effect::AtOnce,
        doc: "How many runs of each instance are remembered, for history: 0 to 10000. Each takes about 100 bytes; what the runs of all instances said last takes at most 1 MiB together, of which the oldest goes first.",
        set: |s, v| {
            let count = convert::integer(v, 0, i64::from(MOST_RUNS))?;
            s.run_history = usize::try_from(count).unwrap_or(DEFAULT_RUNS);
            Ok(())
        },
        differs: |a, b| a.run_history != b.run_history,
    },
    SupervisorKey {
        name: "exit_when",
        kind: "string",
        default: "\"never\"",
        effect: Effect::AtOnce,
        doc: "When it ends by itself: \"never\", \"all-done\" (nothing is wanted up any more) or \"any-failed\" (an instance is failed, or has failed and is not restarted). It then stops everything, and its exit code is that of what failed.",
        set: |s, v| convert::choice(v, &EXIT_WHEN).map(|when| s.exit_when = when),
        differs: |a, b| a.exit_when != b.exit_when,
    },
    SupervisorKey {
        name: "shutdown_timeout",
        kind: "duration",
        default: "9",
        effect: Effect::AtOnce,
        doc: "How long stopping everything may take before what is left is killed.",
        set: |s, v| convert::duration(v).map(|timeout| s.shutdown_timeout = timeout),
        differs: |a, b| a.shutdown_timeout != b.shutdown_timeout,
    },
    SupervisorKey {
        name: "oom_score_adj",
        kind: "integer",
        default: "unchanged",
        effect: Effect::WithRestart,
        doc: "How readily the supervisor itself is killed when memory runs out: -1000 (never) to 1000. Programs do not inherit it.",
        set: |s, v| {
            let adjust = convert::integer(v, -1000, 1000)?;
            s.oom_score_adj = i32::try_from(adjust).ok();
            Ok(())
        },
        differs: |a, b| a.oom_score_adj != b.oom_score_adj,
    },
    SupervisorKey {
        name: "hostname",
        kind: "string",
        default: "that of /etc/hostname",
        effect: Effect::WithRestart,
        doc: "The name of the machine, which 'run --boot' gives it: 1 to 64 letters, digits, hyphens and dots.",
        set: |s, v| hostname(v).map(|name| s.hostname = Some(name.to_string())),
        differs: |a, b| a.hostname != b.hostname,
    },
];

impl Default for SupervisorSettings {
    fn default() -> Self {
        Self {
            runtime_dir: None,
            log_dir: None,
            reachable: Reachable::Yes,
            rpc: Vec::new(),
            events: Vec::new(),
            event_history: ring::DEFAULT_CAPACITY,
            run_history: DEFAULT_RUNS,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            oom_score_adj: None,
            exit_when: ExitWhen::Never,
            hostname: None,
        }
    }
}

impl SupervisorSettings {
    /// These settings, where the command line does not say otherwise.
    #[must_use]
    pub fn overridden_by(mut self, overrides: &Overrides) -> Self {
        if overrides.log_dir.is_some() {
            self.log_dir.clone_from(&overrides.log_dir);
        }
        if overrides.runtime_dir.is_some() {
            self.runtime_dir.clone_from(&overrides.runtime_dir);
        }
        if !overrides.rpc.is_empty() {
            self.rpc.clone_from(&overrides.rpc);
            self.reachable = Reachable::Yes;
        }
        if !overrides.events.is_empty() {
            self.events.clone_from(&overrides.events);
        }
        if overrides.reachable == Reachable::No {
            self.reachable = Reachable::No;
            self.runtime_dir = None;
            self.rpc.clear();
            self.events.clear();
        }
        self
    }

    /// The settings that say where it can be reached, as far as they are set.
    pub fn of_reach(&self) -> Vec<&'static str> {
        let untouched = Self::default();
        let of_reach = KEYS.iter().filter(|key| OF_REACH.contains(&key.name));
        of_reach.filter(|key| (key.differs)(self, &untouched)).map(|key| key.name).collect()
    }

    /// Takes on what of others takes effect at once.
    pub fn adopt(&mut self, others: &Self) {
        self.event_history = others.event_history;
        self.run_history = others.run_history;
        self.shutdown_timeout = others.shutdown_timeout;
        self.exit_when = others.exit_when;
    }

    /// The names of the settings in which the two differ, and that the supervisor has to be started again for.
    pub fn restart_needed(&self, other: &Self) -> Vec<&'static str> {
        let keys = KEYS.iter().filter(|key| key.effect == Effect::WithRestart);
        keys.filter(|key| (key.differs)(self, other)).map(|key| key.name).collect()
    }
}

/// The setting of that name.
pub fn find(name: &str) -> Option<&'static SupervisorKey> {
    KEYS.iter().find(|key| key.name == name)
}

/// Sets one setting.
///
/// # Errors
/// An unknown name, or a value that does not fit.
pub fn apply(settings: &mut SupervisorSettings, name: &str, value: &Value) -> Result<(), SettingError> {
    let Some(key) = find(name) else {
        let names = KEYS.iter().map(|key| key.name);
        return Err(SettingError::Unknown(name.to_string(), nearest(name, names)));
    };
    (key.set)(settings, value).map_err(|expected| SettingError::Wrong {
        name: name.to_string(),
        expected,
        found: shown(value),
    })
}

/// The name of a machine: hostname(7).
fn hostname(value: &Value) -> Result<&str, Expected> {
    const LONGEST: usize = 64;
    let is_plain = |name: &&str| {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        plain && (1..=LONGEST).contains(&name.len()) && !name.starts_with(['-', '.'])
    };
    let expected = || {
        format!("1 to {LONGEST} letters, digits, hyphens and dots, the first of which is no hyphen or dot")
    };
    value.text().filter(is_plain).ok_or_else(expected)
}

/// An array of endpoints, each of which can be bound.
fn endpoints(value: &Value, socket: Socket) -> Result<Vec<EndpointOption>, Expected> {
    let expected = |why: String| format!("an array of endpoints; {why}");
    let items = value.as_array().ok_or("an array of endpoints, each a string or a table")?;
    if items.is_empty() {
        return Err("at least one endpoint; left out, there is the default one".to_string());
    }
    let mut options: Vec<EndpointOption> = Vec::with_capacity(items.len());
    for item in items {
        let option = EndpointOption::from_value(item, socket).map_err(expected)?;
        option.check().map_err(expected)?;
        if options.iter().any(|other| other.endpoint == option.endpoint) {
            return Err(expected(format!("{} is there twice", option.endpoint)));
        }
        options.push(option);
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::access::Access;

    fn set(name: &str, value: impl Into<Value>) -> Result<SupervisorSettings, String> {
        let mut settings = SupervisorSettings::default();
        apply(&mut settings, name, &value.into()).map_err(|error| error.to_string())?;
        Ok(settings)
    }

    #[test]
    fn endpoints_are_strings_or_tables() {
        let table = Value::map([
            ("endpoint", Value::from("ipc:///run/x/look")),
            ("access", Value::from("read")),
            ("mode", Value::from("0660")),
        ]);
        let both = Value::Array(vec![Value::from("tcp://127.0.0.1:3333,access=control"), table.clone()]);
        let rpc = set("rpc", both).unwrap().rpc;
        assert_eq!(rpc[0].access, Some(Access::Control));
        assert_eq!((rpc[1].access, rpc[1].mode), (Some(Access::Read), Some(0o660)));
        let wrong = |name: &str, items: Vec<Value>| set(name, Value::Array(items)).unwrap_err();
        assert!(wrong("rpc", vec![]).contains("at least one"));
        assert!(wrong("rpc", vec![Value::from("tcp://0.0.0.0:1")]).contains("loopback"));
        assert!(
            wrong("rpc", vec![Value::map([("endpont", Value::Nil)])]).contains("did you mean 'endpoint'")
        );
        assert!(wrong("rpc", vec![Value::map([("mode", Value::from("0600"))])]).contains("no 'endpoint'"));
        assert!(wrong("rpc", vec![table.clone(), table.clone()]).contains("twice"));
        assert!(wrong("events", vec![table]).contains("no access"));
        assert!(set("events", "ipc:///x").is_err());
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        let error = set("exit_wen", "never").unwrap_err();
        assert_eq!(error, "there is no setting 'exit_wen'; did you mean 'exit_when'?");
        assert!(set("exit_when", "often").unwrap_err().contains("\"all-done\" or \"any-failed\""));
        assert!(set("event_history", 0).unwrap_err().contains("from 1 to 1000000"));
        assert_eq!(set("shutdown_timeout", "1m").unwrap().shutdown_timeout, Duration::from_secs(60));
        assert!(set("runtime_dir", "run").is_err());
        assert_eq!(set("hostname", "shed-1.example").unwrap().hostname.as_deref(), Some("shed-1.example"));
        for wrong in ["", "-shed", ".shed", "shed 1", "größe", &"x".repeat(65)] {
            assert!(set("hostname", wrong).unwrap_err().contains("1 to 64 letters"), "{wrong}");
        }
    }

    #[test]
    fn what_takes_effect_at_once_is_adopted_and_the_rest_is_told() {
        let others = SupervisorSettings {
            runtime_dir: Some("/x".into()),
            log_dir: Some("/x".into()),
            rpc: vec![EndpointOption::parse("ipc:///x/rpc", Socket::Rpc).unwrap()],
            events: vec![EndpointOption::parse("ipc:///x/events", Socket::Events).unwrap()],
            reachable: Reachable::No,
            event_history: 1,
            run_history: 1,
            shutdown_timeout: Duration::ZERO,
            oom_score_adj: Some(1),
            exit_when: ExitWhen::AllDone,
            hostname: Some("shed-1".to_string()),
        };
        let mut settings = SupervisorSettings::default();
        assert!(KEYS.iter().all(|key| (key.differs)(&settings, &others)));
        settings.adopt(&others);
        let left: Vec<&str> =
            KEYS.iter().filter(|key| (key.differs)(&settings, &others)).map(|key| key.name).collect();
        assert_eq!(left, settings.restart_needed(&others));
        assert_eq!(left, ["runtime_dir", "log_dir", "rpc", "events", "oom_score_adj", "hostname"]);
    }

    #[test]
    fn without_endpoints_nothing_of_them_is_left() {
        let none = set("rpc", false).unwrap();
        assert_eq!((none.reachable, none.of_reach()), (Reachable::No, vec!["rpc"]));
        assert!(set("rpc", true).unwrap_err().contains("array of endpoints"));
        let file = SupervisorSettings {
            rpc: vec![EndpointOption::parse("ipc:///x/rpc", Socket::Rpc).unwrap()],
            ..set("runtime_dir", "/a").unwrap()
        };
        assert_eq!(file.of_reach(), ["runtime_dir", "rpc"]);
        let no_rpc = Overrides { reachable: Reachable::No, ..Overrides::default() };
        assert_eq!(file.clone().overridden_by(&no_rpc), none);
        let endpoint = Overrides { rpc: file.rpc.clone(), ..Overrides::default() };
        assert_eq!(none.overridden_by(&endpoint).reachable, Reachable::Yes);
    }

    #[test]
    fn the_command_line_goes_over_the_file() {
        let file = set("runtime_dir", "/a").unwrap();
        let (runtime_dir, log_dir) = (Some("/b".into()), Some("/log".into()));
        let overrides = Overrides { runtime_dir, log_dir, ..Overrides::default() };
        let settings = file.clone().overridden_by(&overrides);
        assert_eq!(settings.runtime_dir, Some("/b".into()));
        assert_eq!(settings.log_dir, Some("/log".into()));
        assert_eq!(file.restart_needed(&settings), ["runtime_dir", "log_dir"]);
        let other = set("event_history", 10).unwrap().overridden_by(&overrides);
        assert!(settings.restart_needed(&other).is_empty());
    }
}
