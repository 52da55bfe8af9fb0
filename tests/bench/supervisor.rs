//! The supervisor under measurement, and a client of it. It ends with whoever holds it, and its programs with it.

use crate::workspace::{LOOK, end, pid_of};
use crate::{Bench, Outcome};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procnanny::wire::msgpack::{self, Writer};
use procnanny::wire::value::Value;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

/// How long a reply may take, in milliseconds.
const PATIENCE: i32 = 60_000;
/// How long a supervisor may take until it serves.
const STARTING: Duration = Duration::from_secs(20);
/// How soon a client tries again when nobody listens yet, in milliseconds.
const RECONNECT: i32 = 5;
/// More than ever wait.
const QUEUE: i32 = 100_000;

/// Where the output of programs goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Nowhere.
    Null,
    /// To the logger.
    Captured,
}

/// A process that runs `procnanny run`.
#[derive(Debug)]
pub struct Supervisor {
    process: Child,
    directory: PathBuf,
    /// A connection to it.
    pub client: Client,
    /// Where it answers.
    pub endpoint: String,
}

impl Supervisor {
    /// Starts one, without programs; returns when it answers.
    pub fn new(bench: &Bench) -> Outcome<Self> {
        Self::begin(bench, None, &[])
    }

    /// Starts one with the programs of a file; returns when it answers.
    pub fn with_configuration(bench: &Bench, path: Option<&Path>) -> Outcome<Self> {
        Self::begin(bench, path, &[])
    }

    /// Starts one with more options.
    pub fn with_options(bench: &Bench, options: &[OsString]) -> Outcome<Self> {
        Self::begin(bench, None, options)
    }

    fn begin(bench: &Bench, path: Option<&Path>, options: &[OsString]) -> Outcome<Self> {
        let directory = bench.workspace.fresh();
        DirBuilder::new().mode(0o700).create(&directory)?;
        let endpoint = format!("ipc://{}/rpc", directory.display());
        let process = Command::new(&bench.binary)
            .args(["run", "--parent", &std::process::id().to_string(), "--runtime-dir"])
            .arg(&directory)
            .args(options)
            // A directory without a configuration in it, so that the user's own is not measured.
            .arg(path.unwrap_or(&directory))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", bench.binary.display()))?;
        let client = Client::connect(&endpoint)?;
        let mut supervisor = Self { process, directory, client, endpoint };
        supervisor.await_socket()?;
        supervisor.client.call(&[("request", "dance".into())])?;
        Ok(supervisor)
    }

    fn await_socket(&mut self) -> Outcome<()> {
        let deadline = Instant::now() + STARTING;
        while !self.directory.join("rpc").exists() {
            if let Some(status) = self.process.try_wait()? {
                return Err(format!("the supervisor ended at once: {status}").into());
            }
            if Instant::now() > deadline {
                return Err("the supervisor does not serve".into());
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Its process.
    pub fn pid(&self) -> Outcome<Pid> {
        Ok(pid_of(&self.process)?)
    }

    /// Creates a program that is `running` as soon as it is executed, and starts again without delay however short its
    /// runs are; returns when all instances run.
    pub fn start(&mut self, program: &[String], instances: usize) -> Outcome<()> {
        self.create("bench", program, instances, Output::Null)
    }

    /// The same, by another name, and with output that may be captured.
    pub fn create(
        &mut self,
        name: &str,
        program: &[String],
        instances: usize,
        output: Output,
    ) -> Outcome<()> {
        let output = match output {
            Output::Null => "null",
            Output::Captured => "log",
        };
        let (command, args) = program.split_first().ok_or("no program")?;
        let args: Vec<Value> = args.iter().map(|arg| arg.as_str().into()).collect();
        let create = [
            ("request", "create".into()),
            ("program", name.into()),
            ("command", command.as_str().into()),
            ("args", args.into()),
            ("instances", i64::try_from(instances)?.into()),
            ("minimum_run_duration", 0.into()),
            ("backoff_min", 0.into()),
            ("stdout", output.into()),
            ("stderr", output.into()),
        ];
        let wait = [("request", "wait".into()), ("program", name.into()), ("state", "running".into())];
        // Both at once: it is not to wait for us in between.
        self.client.send(&encode(&create))?;
        self.client.send(&encode(&wait))?;
        self.client.reply()?;
        self.client.reply().map(drop)
    }

    /// Stops a program and forgets it; returns when all processes are reaped.
    pub fn remove(&mut self, name: &str) -> Outcome<()> {
        let request = [
            ("request", "remove".into()),
            ("program", name.into()),
            ("force", true.into()),
            ("wait", true.into()),
        ];
        self.client.call(&request).map(drop)
    }

    /// The process of its logger.
    pub fn logger(&mut self) -> Outcome<Pid> {
        let info = self.client.call(&[("request", "info".into())])?;
        let pid = info.get("logger_pid").and_then(Value::as_i64).ok_or("there is no logger")?;
        Ok(Pid::from_raw(i32::try_from(pid)?))
    }

    /// Restarts all programs; returns when all of them run.
    pub fn restart(&mut self) -> Outcome<()> {
        self.client
            .call(&[("request", "restart".into()), ("program", "*".into()), ("wait", true.into())])
            .map(drop)
    }

    /// Stops all programs; returns when all processes are reaped.
    pub fn stop(&mut self) -> Outcome<()> {
        self.client
            .call(&[("request", "stop".into()), ("program", "*".into()), ("wait", true.into())])
            .map(drop)
    }

    /// Kills whatever carries the mark that a supervisor leaves in the environment of its programs.
    fn kill_leftovers(&self) -> io::Result<()> {
        let mark = format!("PROCNANNY_RPC={}\0", self.endpoint);
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()).map(Pid::from_raw) else {
                continue;
            };
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            if environment.windows(mark.len()).any(|bytes| bytes == mark.as_bytes()) {
                let _ = kill(pid, Signal::SIGKILL);
            }
        }
        Ok(())
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Ok(pid) = pid_of(&self.process) {
            end(&mut self.process, pid);
        }
        // The sockets go when it has ended in good order; when it has not, its programs are still there.
        if self.directory.join("rpc").exists() {
            let _ = self.kill_leftovers();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A connection to a ROUTER socket.
pub struct Client {
    socket: zmq::Socket,
    received: zmq::Message,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Connects, now or as soon as somebody listens.
    pub fn connect(endpoint: &str) -> Outcome<Self> {
        let socket = zmq::Context::new().socket(zmq::DEALER)?;
        socket.set_linger(0)?;
        socket.set_rcvtimeo(PATIENCE)?;
        socket.set_reconnect_ivl(RECONNECT)?;
        socket.set_sndhwm(QUEUE)?;
        socket.set_rcvhwm(QUEUE)?;
        socket.connect(endpoint)?;
        Ok(Self { socket, received: zmq::Message::new() })
    }

    /// Sends a request.
    pub fn send(&self, request: &[u8]) -> Outcome<()> {
        Ok(self.socket.send(request, 0)?)
    }

    /// Receives a reply, whatever it says.
    pub fn receive(&mut self) -> Outcome<&[u8]> {
        self.socket.recv(&mut self.received, 0)?;
        Ok(&self.received)
    }

    /// Receives a reply that has to be no error.
    fn reply(&mut self) -> Outcome<Value> {
        let reply = msgpack::decode(self.receive()?)?;
        match reply.get("error").and_then(Value::text) {
            Some(sentence) => Err(format!("the supervisor answered: {sentence}").into()),
            None => Ok(reply),
        }
    }

    /// A request and its reply, which has to be no error.
    pub fn call(&mut self, request: &[(&str, Value)]) -> Outcome<Value> {
        self.send(&encode(request))?;
        self.reply()
    }
}

/// A request as it is sent.
pub fn encode(request: &[(&str, Value)]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.map(request.len());
    for (name, value) in request {
        writer.entry(name, value);
    }
    writer.into_bytes()
}
