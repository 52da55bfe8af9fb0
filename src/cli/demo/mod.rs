//! `demo`: a supervisor of its own, a small program that dies and comes back, and a view of it.
//!
//! Nothing outlives it: it ends its supervisor, which ends its programs, and removes their directory; should it be
//! killed, the kernel tells the supervisor.

mod private;
mod view;

use super::arguments::Demo;
use super::client::{Call, Client};
use super::exit::{Exit, Failure, say};
use super::feed::{Feed, Reach};
use super::signals::Signals;
use crate::sys::priority;
use crate::wire::value::Value;
use private::PrivateSupervisor;
use std::time::Duration;
use view::View;

/// The program that is shown.
const NAME: &str = "hello world";

/// Sleeps for 1 to 10 seconds, says who it is, and ends: one time in four as a failure. `%n` and `%i` are for the
/// supervisor to fill in.
const SCRIPT: &str = "r=$(od -An -N2 -tu2 /dev/urandom) || r=$$; sleep $((r % 10 + 1)); echo '%n/%i: OK'; \
                      exit $((r / 10 % 4 == 0))";

/// A run shorter than this counts as a flap, so that some do.
const MINIMUM_RUN_DURATION: f64 = 3.0;

/// How long it goes on where nobody can press a key.
const UNWATCHED: Duration = Duration::from_secs(15);

/// `demo`.
///
/// # Errors
/// A supervisor that does not begin.
pub fn demo(command: &Demo) -> Result<Exit, Failure> {
    let mut signals = Signals::catch()?;
    let mut supervisor = PrivateSupervisor::start(&mut signals)?;
    match show(command, &mut supervisor, signals) {
        Ok(()) | Err(Failure::Interrupted) => {}
        // What it said itself explains more than that it is gone.
        Err(failure @ (Failure::NoSupervisor(_) | Failure::Failed(_))) => {
            return Err(supervisor.last_words().map_or(failure, Failure::Failed));
        }
        Err(failure) => return Err(failure),
    }
    supervisor.end();
    say(
        "The demo has ended, and with it its supervisor and all it ran. 'procnanny run --help' shows how to go on.\n",
    )?;
    Ok(Exit::Done)
}

fn show(command: &Demo, supervisor: &mut PrivateSupervisor, signals: Signals) -> Result<(), Failure> {
    let mut client = Client::connect(supervisor.endpoint())?;
    client.interrupted_by(signals.ended_flag());
    client.request(&hello_world())?;
    let mut feed = Feed::open(client, None, Reach::Everything, signals)?;
    let mut view = View::open(supervisor.endpoint(), command.seconds.map(|period| period.0), UNWATCHED)?;
    view.run(&mut feed, supervisor)
}

/// `hello world` × 3, a little nicer than we are: no user is refused that.
fn hello_world() -> Call {
    let nice = priority::nice().unwrap_or(0).clamp(1, 19);
    let args = ["sh", "-c", SCRIPT].map(Value::from).to_vec();
    Call::new("create")
        .with("program", NAME)
        .with("command", "/usr/bin/env")
        .with("args", args)
        .with("instances", 3)
        .with("nice", nice)
        .with("minimum_run_duration", MINIMUM_RUN_DURATION)
        // To us, who show it.
        .with("stdout", "inherit")
        .with("stderr", "inherit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn the_script_is_one_that_sh_understands() {
        let checked = Command::new("sh").args(["-n", "-c", SCRIPT]).stdin(Stdio::null()).status().unwrap();
        assert!(checked.success());
        // The arithmetic, with the sleep taken out and the number given.
        for (number, code) in [(7, 1), (15, 0), (65535, 0), (45, 1)] {
            let script =
                SCRIPT.replace("$(od -An -N2 -tu2 /dev/urandom)", &number.to_string()).replace("sleep", ": ");
            let ended = Command::new("sh").args(["-c", &script]).stdout(Stdio::null()).status().unwrap();
            assert_eq!(ended.code(), Some(code), "{number}");
        }
    }
}
