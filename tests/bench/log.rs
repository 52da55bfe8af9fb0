//! What it costs to get output from a program into its log file: the logger by itself, with this program in the place of
//! the supervisor, beside `cat > file` with the same writer.

use crate::table::{Row, Target, milliseconds};
use crate::workspace::{LOOK, end, end_with_parent, pid_of};
use crate::{Bench, Outcome, machine};
use nix::unistd::pipe2;
use procnanny::core::log::{LogPolicy, OutputSource, StreamId, TAIL};
use procnanny::sys::channel::Channel;
use procnanny::sys::log_memory::LogMemory;
use procnanny::wire::log_channel::{OutputEndpoint, Route, Sink, ToLogger};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// The argument that makes this program the writer.
pub const ROLE: &str = "--as-writer";

/// How often each is measured, in turns.
const ROUNDS: usize = 5;
/// How long a logger may take.
const PATIENCE: Duration = Duration::from_secs(300);
const MEGABYTE: f64 = 1e6;
const GIB: f64 = 1024.0 * machine::MIB;

/// What is written: at a time, and in all.
struct Work {
    what: &'static str,
    block: usize,
    bytes: u64,
}

/// What it took.
#[derive(Debug)]
struct Cost {
    /// In megabytes a second.
    throughput: f64,
    /// Processor time for a GiB, in milliseconds.
    processor: f64,
}

/// Throughput of one writer to its rotated file.
pub fn log(bench: &Bench) -> Outcome<Vec<Row>> {
    let size = |full: u64| bench.effort.choose(full, full / 8);
    let works = [
        Work { what: "in blocks of 64 KiB", block: 64 << 10, bytes: size(2 << 30) },
        Work { what: "in lines of 100 bytes", block: 100, bytes: size(256 << 20) },
    ];
    let mut rows = Vec::new();
    for work in works {
        let rounds = bench.effort.choose(ROUNDS, 1);
        let (mut floor, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            floor.push(cat(bench, &work)?);
            ours.push(logger(bench, &work)?);
        }
        let of = |costs: &[Cost], what: fn(&Cost) -> f64| costs.iter().map(what).collect::<Vec<f64>>();
        let row = |what: String, of_cost: fn(&Cost) -> f64, target| {
            Row::medians(what, &of(&floor, of_cost), &of(&ours, of_cost), target)
        };
        let what = format!("output to a log, {} (MB/s); floor: cat", work.what);
        rows.push(row(what, |cost| cost.throughput, Target::ShareOfFloor(0.8)));
        let what = "  processor time for a GiB (ms)".to_string();
        rows.push(row(what, |cost| cost.processor, Target::None));
    }
    Ok(rows)
}

/// Is the writer: blocks, each ended by a line's end, to standard output.
pub fn run(parent: &str, block: &str, bytes: &str) -> Outcome<()> {
    end_with_parent(parent)?;
    let mut text = vec![b'x'; block.parse()?];
    if let Some(last) = text.last_mut() {
        *last = b'\n';
    }
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    for _ in 0..bytes.parse::<usize>()? / text.len() {
        output.write_all(&text)?;
    }
    Ok(())
}

fn writer(work: &Work, to: OwnedFd) -> Outcome<Child> {
    Ok(Command::new(std::env::current_exe()?)
        .arg(ROLE)
        .args([std::process::id().to_string(), work.block.to_string(), work.bytes.to_string()])
        .stdout(Stdio::from(to))
        .spawn()?)
}

/// How many bytes the writer writes.
fn total(work: &Work) -> u64 {
    work.bytes / work.block as u64 * work.block as u64
}

fn cost(work: &Work, taken: Duration, processor: Duration) -> Cost {
    Cost {
        throughput: total(work) as f64 / MEGABYTE / taken.as_secs_f64(),
        processor: milliseconds(processor) * GIB / total(work) as f64,
    }
}

fn cat(bench: &Bench, work: &Work) -> Outcome<Cost> {
    let path = bench.workspace.fresh();
    let (reader, to) = pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    let used = children_cpu()?;
    let mut cat = Command::new("cat").stdin(reader).stdout(File::create(&path)?).spawn()?;
    let begun = Instant::now();
    let mut writer = writer(work, to)?;
    // Reaped after that, so that what it has used is not counted here.
    cat.wait()?;
    let taken = begun.elapsed();
    let processor = children_cpu()?.saturating_sub(used);
    writer.wait()?;
    fs::remove_file(&path)?;
    Ok(cost(work, taken, processor))
}

/// The processor time of all children that were waited for.
fn children_cpu() -> Outcome<Duration> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

fn logger(bench: &Bench, work: &Work) -> Outcome<Cost> {
    let directory = bench.workspace.fresh();
    fs::create_dir(&directory)?;
    let memory = LogMemory::create(TAIL)?;
    let (ours, theirs) = Channel::pair()?;
    let mut logger =
        Command::new(&bench.binary).arg("logger").stdin(theirs.as_fd().try_clone_to_owned()?).spawn()?;
    let outcome = through(&logger, &ours, &memory, work, &directory);
    let pid = pid_of(&logger)?;
    drop(ours);
    end(&mut logger, pid);
    fs::remove_dir_all(&directory)?;
    outcome
}

fn through(
    logger: &Child,
    channel: &Channel,
    memory: &LogMemory,
    work: &Work,
    directory: &Path,
) -> Outcome<Cost> {
    let flags = nix::fcntl::OFlag::O_CLOEXEC;
    let (work_reader, work_writer) = pipe2(flags)?;
    let (reader, to) = pipe2(flags)?;
    let text = |name| -> Outcome<String> {
        Ok(directory.join(name).to_str().ok_or("a strange directory for temporary files")?.to_string())
    };
    let output = OutputEndpoint { address: format!("ipc://{}", text("output")?), mode: Some(0o600) };
    let [counters, tails] = memory.descriptors();
    let descriptors = [counters, tails, work_reader.as_fd(), work_writer.as_fd()];
    channel.send(&ToLogger::Begin { output }.encode(), &descriptors)?;
    let route = Route {
        program: "bench".to_string(),
        instance: 0,
        source: OutputSource::Stdout,
        sink: Sink::File(text("log")?),
        policy: LogPolicy::default(),
    };
    channel.send(&ToLogger::Open { stream: StreamId(0), route }.encode(), &[reader.as_fd()])?;
    let pid = pid_of(logger)?;
    let used = machine::cpu(pid)?;
    let begun = Instant::now();
    let mut writer = writer(work, to)?;
    writer.wait()?;
    let written = &memory.counters(0).ok_or("no counters")?.written;
    while written.load(Ordering::Relaxed) < total(work) {
        if begun.elapsed() > PATIENCE {
            return Err("the logger does not write".into());
        }
        thread::sleep(LOOK / 4);
    }
    let taken = begun.elapsed();
    Ok(cost(work, taken, machine::cpu(pid)?.saturating_sub(used)))
}
