//! `demo`: a supervisor of its own, two small programs that die and come back, and a view of them.
//!
//! Nothing outlives it: it ends its supervisor, which ends its programs, and removes their directory; should it be
//! killed, the kernel tells the supervisor.

mod private;
mod screen;
mod view;

use super::arguments::Demo;
use super::client::{Call, Client};
use super::exit::{Exit, Failure, say};
use super::feed::{Feed, Reach};
use super::signals::Signals;
use crate::sys::priority;
use crate::wire::value::Value;
use private::PrivateSupervisor;
use std::io::{self, IsTerminal};
use std::time::Duration;
use view::View;

/// The programs that are shown.
const NAME: &str = "hello world";
const FLAPPING: &str = "moody";

/// Sleeps for 1 to 10 seconds, says who it is, and ends: one time in four as a failure. `%n` and `%i` are for the
/// supervisor to fill in.
const SCRIPT: &str = "r=$(od -An -N2 -tu2 /dev/urandom) || r=$$; sleep $((r % 10 + 1)); echo '%n/%i: OK'; \
                      exit $((r / 10 % 4 == 0))";

/// Mostly fails at once; one time in eight it lives long enough to be no flap.
const FLAPPING_SCRIPT: &str = "r=$(od -An -N2 -tu2 /dev/urandom) || r=$$; [ $((r % 8)) != 0 ] || sleep 5; \
                               sleep 0.3; echo '%n/%i: not in the mood'; exit 1";

/// What is done when that one flaps, and when it is well again: here it only says so, among all that happens.
const HOOK_SCRIPT: &str =
    "echo \"a hook was told: $PROCNANNY_PROGRAM/$PROCNANNY_INSTANCE is $PROCNANNY_EVENT\"";
const HOOK_ON: [&str; 2] = ["flapping", "starting->running"];

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
    let is_on_screen = io::stdout().is_terminal();
    let output = if is_on_screen { Output::Kept } else { Output::Shown };
    for call in [hello_world(output), moody(output)] {
        client.request(&call)?;
    }
    let endpoint = supervisor.endpoint().clone();
    let mut feed = Feed::open(client, None, Reach::Everything, signals)?;
    let lasts = command.seconds.map(|period| period.0);
    if is_on_screen {
        return screen::run(&mut feed, supervisor, &endpoint, lasts);
    }
    View::open(&endpoint, lasts.unwrap_or(UNWATCHED))?.run(&mut feed, supervisor)
}

/// What becomes of what the programs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    /// A key shows it.
    Kept,
    /// It is shown among all that happens.
    Shown,
}

impl Output {
    fn of(self, call: Call) -> Call {
        match self {
            Output::Kept => call,
            // To us, who show it.
            Output::Shown => call.with("stdout", "inherit").with("stderr", "inherit"),
        }
    }
}

/// `hello world` × 3, a little nicer than we are: no user is refused that.
fn hello_world(output: Output) -> Call {
    let nice = priority::nice().unwrap_or(0).clamp(1, 19);
    output.of(script(NAME, SCRIPT).with("instances", 3).with("nice", nice))
}

/// One that flaps, and a hook that reacts.
fn moody(output: Output) -> Call {
    let hook = Value::map([
        ("on", Value::Array(HOOK_ON.map(Value::from).to_vec())),
        ("command", Value::from("/usr/bin/env")),
        ("args", Value::Array(["sh", "-c", HOOK_SCRIPT].map(Value::from).to_vec())),
    ]);
    let call = script(FLAPPING, FLAPPING_SCRIPT).with("flap_max", 2).with("hooks", vec![hook]);
    output.of(call.with("backoff_min", 0.5).with("backoff_max", 4))
}

fn script(name: &str, script: &str) -> Call {
    let args = ["sh", "-c", script].map(Value::from).to_vec();
    Call::new("create")
        .with("program", name)
        .with("command", "/usr/bin/env")
        .with("args", args)
        .with("minimum_run_duration", MINIMUM_RUN_DURATION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn the_script_is_one_that_sh_understands() {
        for script in [SCRIPT, FLAPPING_SCRIPT, HOOK_SCRIPT] {
            let checked =
                Command::new("sh").args(["-n", "-c", script]).stdin(Stdio::null()).status().unwrap();
            assert!(checked.success());
        }
        // The arithmetic, with the sleep taken out and the number given.
        for (number, code) in [(7, 1), (15, 0), (65535, 0), (45, 1)] {
            let script =
                SCRIPT.replace("$(od -An -N2 -tu2 /dev/urandom)", &number.to_string()).replace("sleep", ": ");
            let ended = Command::new("sh").args(["-c", &script]).stdout(Stdio::null()).status().unwrap();
            assert_eq!(ended.code(), Some(code), "{number}");
        }
    }
}
