//! The configuration: read and checked, and read again by a supervisor that finds nothing changed.

use crate::requests::whole_process;
use crate::supervisor::Supervisor;
use crate::table::{Row, Target, median, milliseconds};
use crate::{Bench, Outcome};
use nix::unistd::{Uid, User};
use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::time::Instant;

/// How many programs there are, each with one instance.
const PROGRAMS: usize = 1000;

/// `check` of a thousand programs, and a reload of them.
pub fn reload(bench: &Bench) -> Outcome<Vec<Row>> {
    let path = bench.workspace.fresh();
    fs::write(&path, configuration()?)?;
    let (mut floors, mut checks, mut reloads) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.effort.choose(50, 10) {
        floors.push(whole_process(&mut Command::new("/bin/true"))?);
        checks.push(whole_process(Command::new(&bench.binary).arg("check").arg(&path))?);
    }
    let mut supervisor = Supervisor::with_configuration(bench, Some(&path))?;
    supervisor.client.call(&[("request", "wait".into()), ("state", "running".into())])?;
    for _ in 0..bench.effort.choose(50, 10) {
        let begun = Instant::now();
        let reply = supervisor.client.call(&[("request", "reload".into())])?;
        reloads.push(milliseconds(begun.elapsed()));
        if reply.get("unchanged").and_then(|count| count.as_u64()) != Some(u64::try_from(PROGRAMS)?) {
            return Err(format!("something changed: {reply:?}").into());
        }
    }
    let what = format!("{PROGRAMS} programs read and checked, whole process; floor: true (ms)");
    Ok(vec![
        Row::medians(what, &floors, &checks, Target::AtMost(50.0)),
        Row::alone(
            format!("a reload of {PROGRAMS} programs, none changed (ms)"),
            median(&reloads),
            Target::AtMost(20.0),
        ),
    ])
}

/// Programs as people write them: with a user, variables, limits and some policy.
fn configuration() -> Outcome<String> {
    let user = User::from_uid(Uid::current())?.ok_or("whoever runs this has no name")?.name;
    let mut text = String::new();
    for number in 0..PROGRAMS {
        write!(
            text,
            "[program.\"program {number}\"]\n\
             command = \"sleep\"\n\
             args = [\"100000\"]\n\
             description = \"Number {number} of many\"\n\
             user = \"{user}\"\n\
             minimum_run_duration = 0\n\
             stop_timeout = \"5s\"\n\
             restart = \"on-failure\"\n\
             limits = {{ core = 0 }}\n\
             env = {{ NUMBER = \"{number}\", COLOUR = \"blue\" }}\n\
             stdout = \"null\"\n\n"
        )?;
    }
    Ok(text)
}
