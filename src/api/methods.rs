//! The methods: one row each, from which dispatch, access, `methods` and the command line take what they need.

use super::arguments::{Arguments, DEFAULT_WAIT, wrong};
use super::reply::{ApiError, Code};
use super::request::{Access, Answer, Command, Force, Mode, Request, Restarting, Starting, Usage};
use crate::config::{convert, keys};
use crate::core::ids::Seq;
use crate::core::log::OutputSource;
use crate::core::program::{Autostart, MAX_INSTANCES, Settings, name_error};
use crate::core::signal_meaning::OF_A_MACHINE;
use crate::core::state::StateName;
use crate::wire::value::Value;
use std::time::Duration;

/// A method.
#[derive(Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Who may.
    pub access: Access,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// What it takes.
    pub arguments: &'static [Argument],
    /// Whether it takes the settings of a program too.
    pub settings: TakesSettings,
    read: fn(Arguments<'_>) -> Result<Request, ApiError>,
}

/// An argument of a method.
#[derive(Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// Its type, as people read it.
    pub kind: &'static str,
    /// Whether it may be left out.
    pub need: Need,
    /// What it means.
    pub doc: &'static str,
}

/// Whether an argument may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It has to be there.
    Required,
    /// It may be left out.
    Optional,
}

/// Whether a method takes the settings of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakesSettings {
    /// It does.
    Yes,
    /// It does not.
    No,
}

const fn argument(name: &'static str, kind: &'static str, need: Need, doc: &'static str) -> Argument {
    Argument { name, kind, need, doc }
}

const ANY_PROGRAM: Argument = argument(
    "program",
    "string or array",
    Need::Optional,
    "A name, PROGRAM/INSTANCE, a glob, or an array of those; all when left out.",
);
const PROGRAMS: Argument = argument(
    "program",
    "string or array",
    Need::Required,
    "A name, PROGRAM/INSTANCE, a glob, or an array of those.",
);
const PROGRAM: Argument = argument("program", "string", Need::Required, "The name of the program.");
const INSTANCE: Argument =
    argument("instance", "integer or array", Need::Optional, "Numbers of instances; all when left out.");
const WAIT: Argument =
    argument("wait", "boolean", Need::Optional, "Answer only when it is so. Default: false.");
const TIMEOUT: Argument =
    argument("timeout", "duration", Need::Optional, "How long to wait at the most. Default: 60 s.");

const USAGE: Argument = argument(
    "usage",
    "boolean",
    Need::Optional,
    "Also tell what each process uses: cpu_user, cpu_system, memory, threads. Default: false.",
);

const INSTANCES: &[Argument] = &[ANY_PROGRAM, INSTANCE, USAGE];
const COMMAND: &[Argument] = &[PROGRAMS, INSTANCE, WAIT, TIMEOUT];

/// All methods.
pub const METHODS: &[Method] = &[
    Method {
        name: "status",
        access: Access::Read,
        doc: "Programs and their instances, as nested maps.",
        arguments: INSTANCES,
        settings: TakesSettings::No,
        read: |a| Ok(Request::Status(a.selection()?, usage(a, Usage::LeftOut)?)),
    },
    Method {
        name: "list",
        access: Access::Read,
        doc: "Instances, as flat rows without integer keys.",
        arguments: INSTANCES,
        settings: TakesSettings::No,
        read: |a| Ok(Request::List(a.selection()?, usage(a, Usage::LeftOut)?)),
    },
    Method {
        name: "start",
        access: Access::Control,
        doc: "Wants instances up; what is delayed or given up starts at once.",
        arguments: COMMAND,
        settings: TakesSettings::No,
        read: |a| command(a, Command::Start),
    },
    Method {
        name: "stop",
        access: Access::Control,
        doc: "Wants instances down.",
        arguments: COMMAND,
        settings: TakesSettings::No,
        read: |a| command(a, Command::Stop),
    },
    Method {
        name: "restart",
        access: Access::Control,
        doc: "Ends the processes of instances and starts new ones; starts those that are down.",
        arguments: &[
            PROGRAMS,
            INSTANCE,
            argument(
                "rolling",
                "boolean",
                Need::Optional,
                "One at a time, the next when it is running; halts when one does not get there. Default: false.",
            ),
            argument(
                "parallel",
                "integer",
                Need::Optional,
                "How many at a time of a rolling restart. Default: 1.",
            ),
            WAIT,
            TIMEOUT,
        ],
        settings: TakesSettings::No,
        read: restart,
    },
    Method {
        name: "once",
        access: Access::Control,
        doc: "Wants instances to run until they exit, and then be down.",
        arguments: COMMAND,
        settings: TakesSettings::No,
        read: |a| command(a, Command::Once),
    },
    Method {
        name: "kill",
        access: Access::Control,
        doc: "Sends SIGKILL and leaves the admin state alone.",
        arguments: COMMAND,
        settings: TakesSettings::No,
        read: |a| command(a, Command::Kill),
    },
    Method {
        name: "reset",
        access: Access::Control,
        doc: "Forgives flaps: out of backoff and failed, what is wanted up starts at once.",
        arguments: COMMAND,
        settings: TakesSettings::No,
        read: |a| command(a, Command::Reset),
    },
    Method {
        name: "signal",
        access: Access::Control,
        doc: "Sends a signal to the main processes of instances.",
        arguments: &[
            PROGRAMS,
            INSTANCE,
            argument("signal", "string or integer", Need::Required, "The signal, by name or number."),
        ],
        settings: TakesSettings::No,
        read: signal,
    },
    Method {
        name: "transition",
        access: Access::Control,
        doc: "Moves instances from any state to any state.",
        arguments: &[
            PROGRAMS,
            INSTANCE,
            argument("state", "string", Need::Required, "The state to move to."),
            WAIT,
            TIMEOUT,
        ],
        settings: TakesSettings::No,
        read: |a| state(a).and_then(|target| command(a, Command::Transition(target))),
    },
    Method {
        name: "create",
        access: Access::Admin,
        doc: "Makes a program known, with any of its settings.",
        arguments: &[
            PROGRAM,
            argument("start", "boolean", Need::Optional, "Whether to want it up now. Default: autostart."),
        ],
        settings: TakesSettings::Yes,
        read: create,
    },
    Method {
        name: "update",
        access: Access::Admin,
        doc: "Changes settings of a program; what is fixed when a process starts waits for the next start.",
        arguments: &[
            PROGRAM,
            argument(
                "restart",
                "boolean or string",
                Need::Optional,
                "true: restart now what needs it, one instance at a time. A string: the setting of that name.",
            ),
        ],
        settings: TakesSettings::Yes,
        read: update,
    },
    Method {
        name: "scale",
        access: Access::Control,
        doc: "Changes the number of instances; surplus ones, the highest numbers, are stopped, then gone.",
        arguments: &[
            PROGRAM,
            argument("instances", "integer", Need::Required, "How many, 0 to 100000."),
            WAIT,
            TIMEOUT,
        ],
        settings: TakesSettings::No,
        read: scale,
    },
    Method {
        name: "remove",
        access: Access::Admin,
        doc: "Forgets a program.",
        arguments: &[
            PROGRAM,
            argument(
                "force",
                "boolean",
                Need::Optional,
                "Stop what runs. Default: false, busy while it runs.",
            ),
            WAIT,
            TIMEOUT,
        ],
        settings: TakesSettings::No,
        read: remove,
    },
    Method {
        name: "reload",
        access: Access::Admin,
        doc: "Reads the configuration again, and changes what changed in it. One with mistakes changes nothing.",
        arguments: &[argument(
            "dry_run",
            "boolean",
            Need::Optional,
            "Only say what would be done. Default: false.",
        )],
        settings: TakesSettings::No,
        read: |a| {
            let dry_run = a.boolean("dry_run", false)?;
            Ok(Request::Reload(if dry_run { Mode::DryRun } else { Mode::ForReal }))
        },
    },
    Method {
        name: "wait",
        access: Access::Read,
        doc: "Answers when all selected instances are in a state.",
        arguments: &[
            ANY_PROGRAM,
            INSTANCE,
            argument("state", "string", Need::Required, "The state to be in."),
            TIMEOUT,
        ],
        settings: TakesSettings::No,
        read: wait,
    },
    Method {
        name: "events",
        access: Access::Read,
        doc: "Events that are held, oldest first.",
        arguments: &[
            argument("since", "integer", Need::Optional, "Only events with a greater seq. Default: 0."),
            argument(
                "run",
                "string",
                Need::Optional,
                "The run that since is of; of another run, all are new.",
            ),
            argument("limit", "integer", Need::Optional, "How many at the most, 1 to 10000. Default: 1000."),
            argument("timeout", "duration", Need::Optional, "How long to wait for one. Default: 0."),
        ],
        settings: TakesSettings::No,
        read: events,
    },
    Method {
        name: "tail",
        access: Access::Read,
        doc: "The latest output of an instance, as far as it is captured and held: 16 KiB of each stream.",
        arguments: &[
            PROGRAM,
            argument("instance", "integer", Need::Required, "The number of the instance."),
            argument("source", "string", Need::Optional, "\"stdout\" or \"stderr\". Default: \"stdout\"."),
            argument("bytes", "integer", Need::Optional, "How many bytes at the most. Default: all."),
        ],
        settings: TakesSettings::No,
        read: tail,
    },
    Method {
        name: "reopen",
        access: Access::Control,
        doc: "Opens all log files anew by their names, after something else has renamed them.",
        arguments: &[],
        settings: TakesSettings::No,
        read: |_| Ok(Request::Reopen),
    },
    Method {
        name: "history",
        access: Access::Read,
        doc: "The latest runs of instances that ended, oldest first: how, why, who asked, what they used and said last.",
        arguments: &[
            ANY_PROGRAM,
            INSTANCE,
            argument(
                "limit",
                "integer",
                Need::Optional,
                "How many runs of each at the most, from 1. Default: all.",
            ),
        ],
        settings: TakesSettings::No,
        read: history,
    },
    Method {
        name: "why",
        access: Access::Read,
        doc: "Why instances are in their state: what led there, what they wait for, what happens next.",
        arguments: &[ANY_PROGRAM, INSTANCE],
        settings: TakesSettings::No,
        read: |a| a.selection().map(Request::Why),
    },
    Method {
        name: "info",
        access: Access::Read,
        doc: "The supervisor itself: version, run, counts, endpoints, cpu and memory.",
        arguments: &[],
        settings: TakesSettings::No,
        read: |_| Ok(Request::Info),
    },
    Method {
        name: "metrics",
        access: Access::Read,
        doc: "All that is known of instances and of the supervisor in numbers, as OpenMetrics text.",
        arguments: &[argument(
            "usage",
            "boolean",
            Need::Optional,
            "Also tell what each process uses. Default: true.",
        )],
        settings: TakesSettings::No,
        read: |a| usage(a, Usage::Told).map(Request::Metrics),
    },
    Method {
        name: "methods",
        access: Access::Read,
        doc: "Every method with its arguments and types.",
        arguments: &[],
        settings: TakesSettings::No,
        read: |_| Ok(Request::Methods),
    },
    Method {
        name: "shutdown",
        access: Access::Admin,
        doc: "Stops all programs, and then the supervisor. Acknowledged before it happens.",
        arguments: &[
            argument(
                "timeout",
                "duration",
                Need::Optional,
                "How long stopping may take. Default: shutdown_timeout, 9 s.",
            ),
            argument(
                "then",
                "string",
                Need::Optional,
                "Of a supervisor that runs with --boot: \"reboot\", \"poweroff\" (default) or \"halt\".",
            ),
        ],
        settings: TakesSettings::No,
        read: |a| {
            let then = a.get("then").map(|value| {
                convert::choice(value, &OF_A_MACHINE).map_err(|expected| wrong("then", value, &expected))
            });
            Ok(Request::Shutdown { timeout: a.duration("timeout")?, then: then.transpose()? })
        },
    },
    Method {
        name: "dance",
        access: Access::Read,
        doc: "Dances.",
        arguments: &[],
        settings: TakesSettings::No,
        read: |_| Ok(Request::Dance),
    },
];

impl Method {
    /// Understands a request.
    ///
    /// # Errors
    /// Everything about its arguments.
    pub fn read(&self, arguments: Arguments<'_>) -> Result<Request, ApiError> {
        let own = self.arguments.iter().map(|argument| argument.name);
        let settings = keys::all().filter(|_| self.settings == TakesSettings::Yes);
        arguments.only(own.chain(settings.flat_map(|key| key.names.iter().copied())))?;
        (self.read)(arguments)
    }
}

/// Understands a request that came in over an endpoint with this access.
///
/// # Errors
/// No `request`, no such method, too little access, and everything about its arguments.
pub fn understand(arguments: Arguments<'_>, access: Access) -> Result<Request, ApiError> {
    let value =
        arguments.get("request").ok_or_else(|| ApiError::argument("Message had no 'request' field"))?;
    let name = value.text().ok_or_else(|| wrong("request", value, "the name of a method"))?;
    let method = METHODS.iter().find(|method| method.name == name);
    let method = method.ok_or_else(|| ApiError::new(Code::NoSuchMethod, "No such method requested"))?;
    if method.access > access {
        let (needed, given) = (method.access.as_str(), access.as_str());
        let sentence = format!("'{name}' needs an endpoint with {needed} access, this one gives {given}");
        return Err(ApiError::new(Code::Forbidden, sentence));
    }
    method.read(arguments)
}

fn usage(arguments: Arguments<'_>, default: Usage) -> Result<Usage, ApiError> {
    let told = arguments.boolean("usage", default == Usage::Told)?;
    Ok(if told { Usage::Told } else { Usage::LeftOut })
}

/// The name of the method that a request names.
pub fn name_in(request: &Value) -> Option<&'static str> {
    let name = request.get("request")?.text()?;
    METHODS.iter().map(|method| method.name).find(|known| *known == name)
}

fn command(arguments: Arguments<'_>, command: Command) -> Result<Request, ApiError> {
    Ok(Request::Command { command, selection: arguments.named_selection()?, answer: answer(arguments)? })
}

fn restart(arguments: Arguments<'_>) -> Result<Request, ApiError> {
    let parallel = arguments.integer("parallel", 1, 1, i64::from(MAX_INSTANCES))?;
    if !arguments.boolean("rolling", false)? {
        if arguments.get("parallel").is_some() {
            return Err(ApiError::argument("'parallel' is for rolling restarts: set 'rolling' too"));
        }
        return command(arguments, Command::Restart);
    }
    Ok(Request::Roll {
        selection: arguments.named_selection()?,
        parallel: u32::try_from(parallel).unwrap_or(1),
        answer: answer(arguments)?,
    })
}

fn answer(arguments: Arguments<'_>) -> Result<Answer, ApiError> {
    let timeout = arguments.duration("timeout")?.unwrap_or(DEFAULT_WAIT);
    let waits = arguments.boolean("wait", false)?;
    Ok(if waits { Answer::WhenDone(timeout) } else { Answer::AtOnce })
}

fn signal(arguments: Arguments<'_>) -> Result<Request, ApiError> {
    let value = arguments.required("signal")?;
    let number = keys::signal(value).map_err(|expected| wrong("signal", value, &expected))?;
    command(arguments, Command::Signal(number))
}

fn state(arguments: Arguments<'_>) -> Result<StateName, ApiError> {
    let value = arguments.required("state")?;
    let known = || crate::config::convert::one_of(StateName::ALL.into_iter().map(StateName::as_str));
    value.text().and_then(StateName::parse).ok_or_else(|| wrong("state", value, &known()))
}

/// The name of a program, as it could be one.
fn program(arguments: Arguments<'_>) -> Result<String, ApiError> {
    let name = arguments.text("program")?;
    match name_error(name) {
        Some(error) => Err(ApiError::argument(format!("{error}: {}", keys::shown(&Value::from(name))))),
        None => Ok(name.to_string()),
    }
}

/// Arguments that are settings.
fn settings(arguments: Arguments<'_>) -> impl Iterator<Item = (&str, &Value)> {
    arguments.iter().filter(|(name, value)| keys::find(name).is_some() && !is_own_restart(name, value))
}

/// `update` has an argument of its own that shares its name with a setting; the types part them.
fn is_own_restart(name: &str, value: &Value) -> bool {
    name == "restart" && value.as_bool().is_some()
}

fn create(arguments: Arguments<'_>) -> Result<Request, ApiError> {
    let program = program(arguments)?;
    let mut created = Settings::default();
    for (name, value) in arguments.iter().filter(|(name, _)| keys::find(name).is_some()) {
        keys::apply(&mut created, name, value).map_err(|error| ApiError::argument(error.to_string()))?;
    }
    keys::check(&created).map_err(|error| ApiError::argument(error.to_string()))?;
    let start = arguments.boolean("start", created.autostart == Autostart::Up)?;
    let start = if start { Starting::Now } else { Starting::Later };
    Ok(Request::Create { program, settings: Box::new(created), start })
}

fn update(arguments: Arguments<'_>) -> Result<Request, ApiError> {
    let program = program(arguments)?;
    let restart = match arguments.get("restart") {
        Some(Value::Bool(true)) => Restarting::Rolling,
        _ => Restarting::Not,
    };
    let changes: Vec<_> =
        settings(arguments).map(|(name, value)| (name.to_string(), value.clone())).collect();
    if changes.is_empty() && restart == Restarting::Not {
        return Err(ApiError::argument("Nothing to change: name at least one setting"));
    }
    Ok(Request::Update { program, changes, restart })
}

fn scale(arguments: Arguments<'_>) -> Result<Request, ApiError> {
    arguments.required("instances")?;
    let instances = arguments.integer("instances", 0, 0, i64::from(MAX_INSTANCES))?;
    let instances = u32::try_from(instances).unwrap_or(MAX_INSTANCES);
    Ok(Request::Scale { program: program(arguments)?, instances, answer: answer(arguments)? })
}

fn remove(arguments: Arguments<'_>) -> Result<Request, ApiError> {
    let force = if arguments.boolean("force", false)? { Force::Stop } else { Force::Refuse };
    Ok(Request::Remove { program: program(arguments)?, force, answer: answer(arguments)? })
}

fn wait(arguments: Arguments<'_>) -> Result<Request, ApiError> {
    let timeout = arguments.duration("timeout")?.unwrap_or(DEFAULT_WAIT);
    Ok(Request::Wait { selection: arguments.selection()?, state: state(arguments)?, timeout })
}

fn tail(arguments: Arguments<'_>) -> Result<Request, ApiError> {
    let source = match arguments.get("source") {
        None => OutputSource::Stdout,
        Some(value) => {
            let known =
                || crate::config::convert::one_of(OutputSource::ALL.into_iter().map(OutputSource::as_str));
            value.text().and_then(OutputSource::parse).ok_or_else(|| wrong("source", value, &known()))?
        }
    };
    let program = program(arguments)?;
    arguments.required("instance")?;
    let instance = arguments.integer("instance", 0, 0, i64::from(u32::MAX))?;
    let bytes = arguments.integer("bytes", i64::from(u32::MAX), 0, i64::from(u32::MAX))?;
    Ok(Request::Tail {
        program,
        instance: u32::try_from(instance).unwrap_or(u32::MAX),
        source,
        bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
    })
}

fn history(arguments: Arguments<'_>) -> Result<Request, ApiError> {
    let limit = arguments.integer("limit", i64::from(u32::MAX), 1, i64::from(u32::MAX))?;
    Ok(Request::History {
        selection: arguments.selection()?,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    })
}

fn events(arguments: Arguments<'_>) -> Result<Request, ApiError> {
    let since = arguments.integer("since", 0, 0, i64::MAX)?;
    let limit = arguments.integer("limit", 1000, 1, 10_000)?;
    let run = arguments.get("run").map(|_| arguments.text("run").map(str::to_string)).transpose()?;
    Ok(Request::Events {
        since: Seq(since.unsigned_abs()),
        run,
        limit: usize::try_from(limit).unwrap_or(1000),
        timeout: arguments.duration("timeout")?.unwrap_or(Duration::ZERO),
    })
}

#[cfg(test)]
#[path = "methods_tests.rs"]
mod tests;
