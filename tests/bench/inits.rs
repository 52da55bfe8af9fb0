//! `procnanny init` beside the inits that are installed: what it costs to start a command below it, what it uses while
//! it is there, and how long a signal takes through it.

use crate::machine::{MIB, forget, private_memory};
use crate::table::{Row, Target, milliseconds, percentile};
use crate::workspace::{end, pid_of};
use crate::{Bench, Outcome};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::alarm;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

/// The argument that makes this program one that answers signals.
pub const ROLE: &str = "--as-listener";
/// How long an answering program lives at the most, in seconds.
const LIFE: u32 = 120;
/// How long a fresh process is left alone until its memory is looked at.
const REST: Duration = Duration::from_millis(300);
/// What `/proc` and people count small programs in.
const KIB: f64 = 1024.0;

/// An init, as it is called before a command.
struct Init {
    name: &'static str,
    words: Vec<PathBuf>,
}

/// What was measured of one.
struct Measured {
    start: Vec<f64>,
    latency: Vec<f64>,
    private: f64,
    anonymous: f64,
    size: f64,
}

/// Ours, and the others one after the other as floors; where there is none, nothing at all before the command.
pub fn inits(bench: &Bench) -> Outcome<Vec<Row>> {
    let ours = Init { name: "procnanny init", words: vec![bench.binary.clone(), "init".into(), "--".into()] };
    let others = [("tini", &["-s", "--"][..]), ("dumb-init", &[]), ("catatonit", &["--"])];
    let mut floors: Vec<Init> =
        others.into_iter().filter_map(|(name, options)| installed(name, options)).collect();
    if floors.is_empty() {
        floors.push(Init { name: "no init", words: Vec::new() });
    }
    let mut rows = Vec::new();
    for floor in &floors {
        rows.extend(compare(bench, floor, &ours)?);
    }
    Ok(rows)
}

fn installed(name: &'static str, options: &[&str]) -> Option<Init> {
    let path = std::env::var_os("PATH")?;
    let path =
        std::env::split_paths(&path).map(|directory| directory.join(name)).find(|path| path.exists())?;
    Some(Init { name, words: [path].into_iter().chain(options.iter().map(PathBuf::from)).collect() })
}

/// Both in turns, so that what else the machine does is the same for both.
fn compare(bench: &Bench, floor: &Init, ours: &Init) -> Outcome<Vec<Row>> {
    let [theirs, own] = measure(bench, [floor, ours])?;
    let name = floor.name;
    let row = |what: &str, floor: f64, ours: f64, target| Row {
        what: what.to_string(),
        floor: Some(floor),
        ours,
        target,
    };
    let small = Target::AtMost(300.0);
    Ok(vec![
        Row::medians(
            format!("a command below init; floor: {name} (ms)"),
            &theirs.start,
            &own.start,
            Target::FloorAndAtMost(1.0),
        ),
        row("  private memory (KiB)", theirs.private, own.private, small),
        row("    of it anonymous", theirs.anonymous, own.anonymous, small),
        row("  size of the program (KiB)", theirs.size, own.size, Target::None),
        Row::medians("  a signal to the command, p50 (µs)", &theirs.latency, &own.latency, Target::None),
        row(
            "  a signal to the command, p99 (µs)",
            percentile(&theirs.latency, 0.99),
            percentile(&own.latency, 0.99),
            Target::None,
        ),
    ])
}

fn measure(bench: &Bench, inits: [&Init; 2]) -> Outcome<[Measured; 2]> {
    let mut starts = [Vec::new(), Vec::new()];
    for _ in 0..bench.effort.choose(400, 40) {
        for (init, starts) in inits.iter().zip(&mut starts) {
            starts.push(start(init)?);
        }
    }
    let mut listeners = Vec::new();
    for init in inits {
        init.words.first().map_or(Ok(()), |path| forget(path))?;
        listeners.push(Listener::new(init)?);
    }
    let mut latencies = [Vec::new(), Vec::new()];
    for _ in 0..bench.effort.choose(2000, 200) {
        for (listener, latencies) in listeners.iter_mut().zip(&mut latencies) {
            latencies.push(listener.ask()?);
        }
    }
    thread::sleep(REST);
    let all = inits.into_iter().zip(&listeners).zip(starts.into_iter().zip(latencies));
    let all: Vec<Measured> =
        all.map(|((init, listener), of)| rest(init, listener, of)).collect::<Outcome<_>>()?;
    all.try_into().map_err(|_| "two inits are compared".into())
}

fn rest(init: &Init, listener: &Listener, (start, latency): (Vec<f64>, Vec<f64>)) -> Outcome<Measured> {
    let size =
        init.words.first().map_or(Ok(0.0), |path| fs::metadata(path).map(|it| it.len() as f64 / KIB))?;
    let private = private_memory(pid_of(&listener.process)?)?;
    let kib = |mib: f64| mib * MIB / KIB;
    Ok(Measured { start, latency, private: kib(private.all), anonymous: kib(private.anonymous), size })
}

/// From the start of an init until its command has written a byte, in ms.
fn start(init: &Init) -> Outcome<f64> {
    let begun = Instant::now();
    let mut process = command(init, &["/bin/echo"]).stdout(Stdio::piped()).spawn()?;
    process.stdout.take().ok_or("no pipe")?.read_exact(&mut [0])?;
    let took = milliseconds(begun.elapsed());
    process.wait()?;
    Ok(took)
}

fn command(init: &Init, words: &[&str]) -> Command {
    let mut words = init.words.iter().cloned().chain(words.iter().map(PathBuf::from));
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).stdin(Stdio::null());
    command
}

/// A program below an init that answers each SIGUSR1 with a byte.
struct Listener {
    process: Child,
    answers: std::process::ChildStdout,
}

impl Listener {
    fn new(init: &Init) -> Outcome<Self> {
        let own = std::env::current_exe()?;
        let own = own.to_str().ok_or("a strange path")?;
        let mut process = command(init, &[own, ROLE]).stdout(Stdio::piped()).spawn()?;
        let mut answers = process.stdout.take().ok_or("no pipe")?;
        answers.read_exact(&mut [0])?;
        Ok(Self { process, answers })
    }

    /// How long a signal takes there, and an answer back, in µs.
    fn ask(&mut self) -> Outcome<f64> {
        let begun = Instant::now();
        kill(pid_of(&self.process)?, Signal::SIGUSR1)?;
        self.answers.read_exact(&mut [0])?;
        Ok(begun.elapsed().as_secs_f64() * 1e6)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Ok(pid) = pid_of(&self.process) {
            end(&mut self.process, pid);
        }
    }
}

/// Is the listener.
pub fn listen() -> Outcome<()> {
    alarm::set(LIFE);
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGUSR1);
    signals.thread_block()?;
    let mut output = io::stdout();
    loop {
        output.write_all(b".")?;
        output.flush()?;
        signals.wait()?;
    }
}
