//! The programs and instances of the supervisor that runs, for as long as a person who presses a key likes to wait.

use crate::cli::client::{Call, Client};
use crate::cli::endpoint::{Endpoint, Presence};
use crate::core::program::name_error;
use crate::wire::value::Value;
use nix::unistd::alarm;
use std::time::Duration;

/// How long it may take to answer; then nothing is known.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many seconds all of it may take.
const LONGEST: u32 = 2;

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// The numbers of its instances, and their states.
    pub instances: Vec<(i64, String)>,
}

/// All programs that the supervisor has, in its order; none if there is no supervisor, or none that answers soon.
pub fn running(rpc: Option<&str>) -> Vec<Program> {
    // The kernel ends us where a name is looked up for long, or a host takes no connection: then nothing is offered.
    alarm::set(LONGEST);
    let programs = ask(rpc);
    alarm::cancel();
    programs.unwrap_or_default()
}

fn ask(rpc: Option<&str>) -> Option<Vec<Program>> {
    let endpoint = Endpoint::chosen(rpc).ok()?;
    if endpoint.probe().ok()? != Presence::There {
        return None;
    }
    let call = Call::new("status").answered_within(PATIENCE);
    let reply = Client::connect(&endpoint).ok()?.request(&call).ok()?;
    Some(reply.get("programs")?.as_map()?.iter().filter_map(program).collect())
}

fn program((name, row): &(Value, Value)) -> Option<Program> {
    let instance = |(number, row): &(Value, Value)| {
        Some((number.as_i64()?, row.get("state").and_then(Value::text)?.to_string()))
    };
    let instances = row.get("instances")?.as_map()?.iter().filter_map(instance).collect();
    // One that cannot be a name comes from no supervisor, and a shell would get lines of it.
    let name = name.text().filter(|name| name_error(name).is_none())?;
    Some(Program { name: name.to_string(), instances })
}
