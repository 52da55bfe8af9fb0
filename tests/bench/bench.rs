//! What the supervisor costs, measured beside the least that the system allows: `cargo bench`.
//!
//! Each benchmark compares `procnanny run` with a floor on the same machine in the same run: a bare loop that starts
//! and reaps the same programs (`floor`), or a bare ROUTER socket that answers with as many bytes (`echo`). Both are
//! processes of their own, and are watched from here by the same means. `procnanny init` is compared with tini,
//! dumb-init and catatonit, as far as they are installed. Nothing is asserted; the targets stand in the
//! last columns.
//!
//! `cargo bench -- [--quick] [--binary PATH] [NAME]…`: shorter, another build of the program, some benchmarks only.

mod captured;
mod deaths;
mod echo;
mod events;
mod floor;
mod footprint;
mod history;
mod hooks;
mod inits;
mod log;
mod machine;
mod reload;
mod report;
mod requests;
mod starts;
mod supervisor;
mod table;
mod workspace;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use table::Row;
use workspace::Workspace;

/// Any error ends the run, in words.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// A group of measurements: its name on the command line, and what it does.
type Benchmark = (&'static str, fn(&Bench) -> Outcome<Vec<Row>>);

const BENCHMARKS: [Benchmark; 15] = [
    ("start", starts::start_and_stop),
    ("death", deaths::one_by_one),
    ("herd", deaths::all_at_once),
    ("hooks", hooks::storm),
    ("requests", requests::requests),
    ("status", requests::large_status),
    ("events", events::events),
    ("reload", reload::reload),
    ("log", log::log),
    ("memory", footprint::memory),
    ("captured-memory", captured::memory),
    ("captured-death", captured::deaths),
    ("history", history::memory),
    ("idle", footprint::idle),
    ("init", inits::inits),
];

/// What all benchmarks share.
#[derive(Debug)]
struct Bench {
    /// Where sockets and pipes live while it runs.
    workspace: Workspace,
    /// The program that is measured.
    binary: PathBuf,
    effort: Effort,
}

/// How much time is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    /// As much as good medians take.
    Full,
    /// Enough to see that it works.
    Quick,
}

impl Effort {
    /// One of two numbers.
    fn choose<T>(self, full: T, quick: T) -> T {
        match self {
            Effort::Full => full,
            Effort::Quick => quick,
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
struct Asked {
    binary: PathBuf,
    effort: Effort,
    names: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [floor::ROLE, parent, program @ ..] => floor::run(parent, program),
        [inits::ROLE] => inits::listen(),
        [log::ROLE, parent, block, bytes] => log::run(parent, block, bytes),
        [echo::ROLE, parent, endpoint, size] => echo::run(parent, endpoint, size),
        // `cargo bench` says `--bench`; `cargo test --all-targets` does not, and is not to take minutes.
        words if words.contains(&"--bench") && !words.contains(&"--test") => read(words).and_then(run),
        _ => Ok(()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read(words: &[&str]) -> Outcome<Asked> {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_procnanny"));
    let mut asked = Asked { binary, effort: Effort::Full, names: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--bench" => {}
            "--quick" => asked.effort = Effort::Quick,
            "--binary" => asked.binary = words.next().ok_or("--binary takes a path")?.into(),
            name if BENCHMARKS.iter().any(|(known, _)| *known == name) => asked.names.push(name.to_string()),
            other => {
                let known: Vec<&str> = BENCHMARKS.iter().map(|(name, _)| *name).collect();
                let known = known.join(", ");
                return Err(format!("'{other}' is no benchmark and no option; there are {known}").into());
            }
        }
    }
    Ok(asked)
}

fn run(asked: Asked) -> Outcome<()> {
    let bench = Bench { workspace: Workspace::new()?, binary: asked.binary, effort: asked.effort };
    println!("{}", machine::description());
    println!("{}", machine::build(&bench.binary)?);
    println!();
    table::print_head();
    for (name, benchmark) in BENCHMARKS {
        if asked.names.is_empty() || asked.names.iter().any(|asked| asked == name) {
            benchmark(&bench)?.iter().for_each(Row::print);
        }
    }
    Ok(())
}
