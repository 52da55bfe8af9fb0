//! `run`: the supervisor, from the command line.

use super::arguments::Run;
use super::boot;
use super::configuration;
use super::exit::{Exit, Failure};
use crate::config::endpoint::{EndpointOption, Socket};
use crate::config::file::{Configuration, FileErrors, Location};
use crate::config::supervisor::{Overrides, Reachable};
use crate::config::words;
use crate::core::log::Written;
use crate::core::program::{Settings, name_error};
use crate::core::signal_meaning::Role;
use crate::supervisor::{self, Begun, Options, SupervisorError};
use crate::sys::errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd;

/// What follows from a configuration that is wrong.
const NOTHING_STARTED: &str = "; nothing was started";

/// Supervises until it is told to stop, or ends by itself.
///
/// # Errors
/// Those of [`options`], and what keeps it from beginning.
pub fn run(run: Run) -> Result<Exit, Failure> {
    if run.boot {
        return boot::run(&run);
    }
    let begun = supervisor::begin(options(run, Role::Supervisor)?);
    begun.and_then(Begun::run).map(|ended| Exit::As(ended.code)).map_err(Failure::from)
}

impl From<SupervisorError> for Failure {
    fn from(error: SupervisorError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What a supervisor is told, as far as it can be known before it begins.
///
/// # Errors
/// [`Failure::Usage`] for what was asked for, [`Failure::Failed`] for what keeps it from beginning: above all, all that
/// is wrong with the configuration.
pub fn options(run: Run, role: Role) -> Result<Options, Failure> {
    let rpc = endpoints(&run.endpoint, "--endpoint", Socket::Rpc)?;
    let events = endpoints(&run.events, "--events", Socket::Events)?;
    refuse_with_no_rpc(&run)?;
    let programs = programs(&run.program)?;
    let location = Location::new(run.path);
    let configuration = configuration::load(&location, NOTHING_STARTED)?;
    refuse_twice(&configuration, &programs)?;
    if let Some(parent) = run.parent {
        end_with(parent)?;
    }
    let console_prefix = if run.prefix { Written::Yes } else { Written::No };
    let reachable = if run.no_rpc { Reachable::No } else { Reachable::Yes };
    let overrides = Overrides { runtime_dir: run.runtime_dir, log_dir: run.log_dir, rpc, events, reachable };
    refuse_without_rpc(&configuration, &overrides)?;
    Ok(Options { location, configuration, overrides, console_prefix, programs, role })
}

/// The options that say where a supervisor can be reached are not for one that cannot be.
fn refuse_with_no_rpc(run: &Run) -> Result<(), Failure> {
    let Run { no_rpc, endpoint, events, runtime_dir, .. } = run;
    let given = [
        ("--endpoint", !endpoint.is_empty()),
        ("--events", !events.is_empty()),
        ("--runtime-dir", runtime_dir.is_some()),
    ];
    match given.iter().find(|(_, is_given)| *no_rpc && *is_given) {
        Some((option, _)) => Err(Failure::Usage(format!(
            "{option} has no meaning with --no-rpc, which is to have no endpoint at all; leave one of them out"
        ))),
        None => Ok(()),
    }
}

/// The same where it is the configuration that says so. An endpoint for requests goes over that.
fn refuse_without_rpc(configuration: &Configuration, overrides: &Overrides) -> Result<(), Failure> {
    if configuration.supervisor.reachable == Reachable::Yes || !overrides.rpc.is_empty() {
        return Ok(());
    }
    let given =
        [("--events", !overrides.events.is_empty()), ("--runtime-dir", overrides.runtime_dir.is_some())];
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(Failure::Usage(format!(
            "{option} has no meaning where the configuration has rpc = false; leave it out, or add an --endpoint"
        ))),
        None => Ok(()),
    }
}

/// A program of the command line adds to those of the files.
fn refuse_twice(configuration: &Configuration, programs: &[(String, Settings)]) -> Result<(), Failure> {
    let mut errors = FileErrors::default();
    for program in &configuration.programs {
        if programs.iter().any(|(name, _)| *name == program.name) {
            errors.add(|| program.header.error(supervisor::taken_by_option(&program.name)));
        }
    }
    if errors.count() == 0 { Ok(()) } else { Err(configuration::told(&errors, NOTHING_STARTED)) }
}

fn endpoints(texts: &[String], option: &str, socket: Socket) -> Result<Vec<EndpointOption>, Failure> {
    let endpoint = |text: &String| {
        let parsed = EndpointOption::parse(text, socket);
        parsed.map_err(|why| Failure::Usage(format!("{option} {text}: {why}")))
    };
    texts.iter().map(endpoint).collect()
}

fn programs(texts: &[String]) -> Result<Vec<(String, Settings)>, Failure> {
    let mut programs: Vec<(String, Settings)> = Vec::new();
    for text in texts {
        let (name, settings) =
            program(text).map_err(|why| Failure::Usage(format!("--program {text}: {why}")))?;
        if programs.iter().any(|(other, _)| *other == name) {
            return Err(Failure::Usage(format!("--program {text}: there is a program '{name}' already")));
        }
        programs.push((name, settings));
    }
    Ok(programs)
}

/// Reads `NAME=COMMAND ARGS`.
fn program(text: &str) -> Result<(String, Settings), String> {
    let (name, line) = text.split_once('=').ok_or("expected NAME=COMMAND ARGS")?;
    if let Some(error) = name_error(name) {
        return Err(error);
    }
    let mut words = words::split(line).map_err(|error| error.to_string())?.into_iter();
    let command = words.next().filter(|command| !command.is_empty());
    let mut settings = Settings::default();
    settings.process.command = command.ok_or("there is no command after the '='")?;
    settings.process.args = words.collect();
    if std::iter::once(&settings.process.command)
        .chain(&settings.process.args)
        .any(|word| word.contains('\0'))
    {
        return Err("there is a NUL byte in it".to_string());
    }
    Ok((name.to_string(), settings))
}

/// Has the kernel send us SIGTERM when our parent ends (prctl(2), `PR_SET_PDEATHSIG`).
fn end_with(parent: i32) -> Result<(), Failure> {
    prctl::set_pdeathsig(Signal::SIGTERM)
        .map_err(|errno| Failure::Failed(format!("--parent {parent}: {}", errno::words(errno))))?;
    // If it ended before it was asked for, nobody will be told of it.
    if unistd::getppid().as_raw() == parent {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "--parent {parent}: the parent of this process is not, or no longer, that one"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_split_as_a_shell_splits() {
        let (name, settings) = program("hello world=sh -c 'sleep 1; echo a=b'").unwrap();
        assert_eq!(name, "hello world");
        assert_eq!((settings.process.command, settings.process.args.len()), ("sh".to_string(), 2));
        for (wrong, why) in [
            ("web", "NAME=COMMAND"),
            ("=sleep 1", "1 to 128 bytes"),
            ("a/b=sleep 1", "no '/'"),
            ("web=", "no command"),
            ("web=''", "no command"),
            ("web=sh -c 'x", "never closed"),
        ] {
            assert!(program(wrong).unwrap_err().contains(why), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let twice = ["a=x".to_string(), "a=y".to_string()];
        let Err(Failure::Usage(sentence)) = programs(&twice) else { panic!() };
        assert_eq!(sentence, "--program a=y: there is a program 'a' already");
        let wrong = ["ipc:///x,access=root".to_string()];
        let Err(Failure::Usage(sentence)) = endpoints(&wrong, "--endpoint", Socket::Rpc) else { panic!() };
        assert!(sentence.starts_with("--endpoint ipc:///x,access=root: access is 'root'"), "{sentence}");
        assert!(matches!(end_with(-1), Err(Failure::Usage(_))));
    }
}
