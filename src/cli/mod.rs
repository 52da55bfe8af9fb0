//! The command line: commands, each a client of the API as any other, and the way to the supervisor for `run`.
//!
//! | file | what is there |
//! | --- | --- |
//! | `arguments`, `values`, `settings`, `parse`, `help` | what may be typed, and its help |
//! | `exit` | exit codes and errors, in one place; standard output and standard error |
//! | `endpoint`, `keys`, `client` | where the supervisor is, who we are to it, and one request |
//! | `uplink` | a way to it that outlives it, for those who follow it |
//! | `feed`, `sequencer`, `filter` | its events without a gap, and which of them are wanted |
//! | `init` | the command that is the first process of a container |
//! | `run`, `demo` | the commands that start a supervisor |
//! | `boot` | `run --boot`, and what a kernel says to its first process |
//! | `configuration` | the configuration: `check` and `reload` |
//! | `status`, `watch`, `top`, `events`, `logs`, `history`, `states` | commands that look |
//! | `healthcheck` | one line and an exit code for container engines |
//! | `metrics` | numbers for scrapers, printed or served over HTTP |
//! | `control`, `programs`, `requests` | commands that command, and any request |
//! | `completions` | what shells complete |
//! | `render`, `terminal`, `signals` | what people see, and how they end it |

mod arguments;
mod boot;
mod client;
mod completions;
mod configuration;
mod control;
mod demo;
mod endpoint;
mod events;
mod exit;
mod feed;
mod filter;
mod healthcheck;
mod help;
mod history;
mod init;
mod keys;
mod logs;
#[cfg(test)]
mod manual;
mod metrics;
mod parse;
mod programs;
mod render;
mod requests;
mod run;
mod sequencer;
mod settings;
mod signals;
mod states;
mod status;
mod terminal;
mod top;
mod uplink;
mod values;
mod watch;

use crate::logger;
use arguments::Command;
use client::Client;
use control::{Success, Wait};
use endpoint::Endpoint;
use exit::{Exit, Failure};
use init::Role;
use parse::Parsed;
use std::ffi::OsString;
use values::Notation;

/// Carries out what the arguments ask for, the first of which is the name that the program was called by. Its exit code
/// is returned; all that it printed has been written.
pub fn main(arguments: impl Iterator<Item = OsString>) -> u8 {
    let mut arguments = arguments.peekable();
    let name = arguments.next().unwrap_or_default();
    // First of all, as an init must not lose a signal that comes meanwhile.
    if let Some(role) = Role::of_name(&name) {
        return init::enter(role, arguments);
    }
    let words: Vec<OsString> = arguments.collect();
    if let Some(run) = boot::command_of_kernel(&name, &words) {
        return exit::conclude(boot::run(&run));
    }
    let mut arguments = words.into_iter().peekable();
    if arguments.next_if(|word| word == "init").is_some() {
        return init::enter(Role::Own, arguments);
    }
    // No command for people, so the help does not know it.
    if arguments.next_if(|word| word == "logger").is_some() {
        let logged = logger::run().map(|()| Exit::Done);
        return exit::conclude(logged.map_err(|error| Failure::Failed(error.to_string())));
    }
    // Neither is this: it is what the scripts of `completions` ask.
    if arguments.next_if(|word| word == "complete").is_some() {
        return exit::conclude(completions::complete(arguments));
    }
    exit::conclude(parse::parse(arguments).and_then(|parsed| match parsed {
        Parsed::Print(text) => exit::say(&text).map(|()| Exit::Done),
        Parsed::Do { rpc, command } => carry_out(rpc.as_deref(), *command),
    }))
}

fn carry_out(rpc: Option<&str>, command: Command) -> Result<Exit, Failure> {
    // Late, so that a wrong command line is said to be wrong whether there is a supervisor or not.
    let connect = || Endpoint::chosen(rpc).and_then(|endpoint| Client::connect(&endpoint));
    let on_selection = |method, selectors: &[String], no_wait, timeout, success| {
        control::on_selection(connect, method, selectors, Wait::new(no_wait, timeout)?, success)
    };
    match command {
        Command::Run(run) => without_supervisor(rpc, "run", || run::run(run)),
        Command::Init(init) => without_supervisor(rpc, "init", || init.carry_out()),
        Command::Demo(demo) => without_supervisor(rpc, "demo", || demo::demo(&demo)),
        Command::Check(check) => without_supervisor(rpc, "check", || configuration::check(check)),
        Command::Reload(reload) => configuration::reload(&mut connect()?, &reload),
        Command::States(states) => {
            without_supervisor(rpc, "states", || states::states(Notation::new(states.dot)))
        }
        Command::Keygen(keygen) => without_supervisor(rpc, "keygen", || keys::keygen(&keygen)),
        Command::Status(status) => status::status(connect()?, &status),
        Command::Start(it) => on_selection("start", &it.selectors, it.no_wait, it.timeout, Success::Running),
        Command::Stop(it) => on_selection("stop", &it.selectors, it.no_wait, it.timeout, Success::Any),
        Command::Restart(restart) => control::restart(connect, &restart),
        Command::Once(it) => {
            on_selection("once", &it.selectors, it.no_wait, it.timeout, Success::RunningOrDone)
        }
        Command::Kill(it) => on_selection("kill", &it.selectors, it.no_wait, it.timeout, Success::Any),
        Command::Reset(it) => on_selection("reset", &it.selectors, it.no_wait, it.timeout, Success::Any),
        Command::Signal(signal) => control::signal(connect, &signal),
        Command::Transition(transition) => control::transition(connect, &transition),
        Command::Create(create) => programs::create(&mut connect()?, &create),
        Command::Update(update) => programs::update(&mut connect()?, &update),
        Command::Scale(scale) => programs::scale(connect, &scale),
        Command::Remove(remove) => programs::remove(connect, &remove),
        Command::Top(command) => top::top(connect, &command),
        Command::Events(events) => events::events(connect()?, &events),
        Command::Logs(logs) => logs::logs(connect()?, &logs),
        Command::Reopen(_) => requests::reopen(&mut connect()?),
        Command::History(command) => history::history(connect()?, &command),
        Command::Why(command) => history::why(connect()?, &command),
        Command::Call(call) => requests::call(connect, &call),
        // Served, it outlives supervisors, and does not need one to begin.
        Command::Metrics(metrics) => metrics::metrics(Endpoint::chosen(rpc)?, &metrics),
        // Whatever is wrong is a line and an exit code.
        Command::Healthcheck(command) => healthcheck::healthcheck(rpc, &command),
        Command::Info(info) => requests::info(&mut connect()?, &info),
        Command::Shutdown(shutdown) => requests::shutdown(connect, &shutdown),
        Command::Completions(it) => without_supervisor(rpc, "completions", || completions::print(it.shell)),
    }
}

/// Commands that talk to no supervisor take no endpoint of one.
fn without_supervisor(
    rpc: Option<&str>,
    name: &str,
    run: impl FnOnce() -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    if rpc.is_none() {
        return run();
    }
    let endpoints = if name == "run" { "; where it listens is said by 'run --endpoint'" } else { "" };
    Err(Failure::Usage(format!(
        "--rpc is for commands that talk to a supervisor, which {name} does not{endpoints}"
    )))
}
