//! What it costs to get output from a program into its log file: the logger by itself, with this program in the place of
//! the supervisor, beside `cat > file` with the same writer.

use crate::machine::Private;
use crate::table::{Row, Target, milliseconds};
use crate::workspace::{LOOK, end_with_parent, pid_of};
use crate::{Bench, Outcome, machine};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{Pid, pipe2};
use procnanny::core::log::{LogPolicy, OutputSource, StreamId, TAIL};
use procnanny::sys::channel::Channel;
use procnanny::sys::log_memory::LogMemory;
use procnanny::wire::log_channel::{OutputEndpoint, Route, Sink, ToLogger};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// The argument that makes this program the writer.
pub const ROLE: &str = "--as-writer";

/// How often each is measured, in turns.
const ROUNDS: usize = 5;
/// How many streams a logger has whose memory is measured.
const STREAMS: u32 = 1000;
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
        Work { what: "in blocks of 64 KiB", block: 64 << 10, bytes: size(512 << 20) },
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
    let private = memory(bench)?;
    let what = format!("private memory of the logger, {STREAMS} streams to files (MiB)");
    rows.push(Row::alone(what, private.all, Target::None));
    rows.push(Row::alone("  of it anonymous", private.anonymous, Target::None));
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
    let (reader, to) = pipe2(OFlag::O_CLOEXEC)?;
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

/// A logger, and what a supervisor has of it.
struct Logger {
    process: Child,
    channel: Channel,
    memory: LogMemory,
    directory: PathBuf,
    /// What the supervisor holds open: the work pipe, and both ends of those of streams.
    held: Vec<OwnedFd>,
}

impl Logger {
    fn new(bench: &Bench) -> Outcome<Self> {
        let directory = bench.workspace.fresh();
        fs::create_dir(&directory)?;
        let memory = LogMemory::create(TAIL)?;
        let (channel, theirs) = Channel::pair()?;
        let input = theirs.as_fd().try_clone_to_owned()?;
        let process = Command::new(&bench.binary).arg("logger").stdin(input).spawn()?;
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let logger = Self { process, channel, memory, directory, held: vec![reader, writer] };
        let output =
            OutputEndpoint { address: format!("ipc://{}", logger.path("output")?), mode: Some(0o600) };
        let [counters, tails] = logger.memory.descriptors();
        let work: Vec<BorrowedFd<'_>> = logger.held.iter().map(AsFd::as_fd).collect();
        let descriptors = [&[counters, tails], &work[..]].concat();
        logger.channel.send(&ToLogger::Begin { output: Some(output) }.encode(), &descriptors)?;
        Ok(logger)
    }

    fn path(&self, name: &str) -> Outcome<String> {
        let path = self.directory.join(name);
        Ok(path.to_str().ok_or("the directory for temporary files has a strange name")?.to_string())
    }

    /// Opens a stream to a file of its own, and returns the writing end of its pipe.
    fn open(&mut self, number: u32) -> Outcome<OwnedFd> {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let route = Route {
            program: "bench".to_string(),
            instance: number,
            source: OutputSource::Stdout,
            sink: Sink::File(self.path(&format!("log.{number}"))?),
            policy: LogPolicy::default(),
        };
        let message = ToLogger::Open { stream: StreamId(number), route }.encode();
        while let Err(errno) = self.channel.send(&message, &[reader.as_fd()]) {
            if errno != Errno::EAGAIN {
                return Err(errno.into());
            }
            thread::sleep(LOOK);
        }
        self.held.push(reader);
        Ok(writer)
    }

    /// Waits until so much of a stream is written.
    fn wait(&self, number: u32, bytes: u64) -> Outcome<()> {
        let written = &self.memory.counters(number).ok_or("no counters")?.written;
        let deadline = Instant::now() + PATIENCE;
        while written.load(Ordering::Relaxed) < bytes {
            if Instant::now() > deadline {
                return Err("the logger does not write".into());
            }
            thread::sleep(LOOK / 4);
        }
        Ok(())
    }

    fn pid(&self) -> Outcome<Pid> {
        Ok(pid_of(&self.process)?)
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        // It heeds no other signal.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn logger(bench: &Bench, work: &Work) -> Outcome<Cost> {
    let mut logger = Logger::new(bench)?;
    let to = logger.open(0)?;
    let used = machine::cpu(logger.pid()?)?;
    let begun = Instant::now();
    let mut writer = writer(work, to)?;
    logger.wait(0, total(work))?;
    let taken = begun.elapsed();
    let processor = machine::cpu(logger.pid()?)?.saturating_sub(used);
    writer.wait()?;
    fs::remove_dir_all(&logger.directory)?;
    Ok(cost(work, taken, processor))
}

/// The memory of a logger that has written a line of each of many streams.
fn memory(bench: &Bench) -> Outcome<Private> {
    let mut logger = Logger::new(bench)?;
    let mut writers = Vec::new();
    for number in 0..STREAMS {
        writers.push(File::from(logger.open(number)?));
    }
    for (number, mut writer) in (0..).zip(&writers) {
        writer.write_all(b"a line\n")?;
        logger.wait(number, 7)?;
    }
    machine::private_memory(logger.pid()?)
}
