//! A real supervisor: started with options, ready when it answers, and gone with all its processes when dropped.

use super::client::{Arguments, Client, Refusal, Row};
use super::events::{EventLog, Subscriber};
use super::programs::ProgramSettings;
use super::scratch::Scratch;
use super::watcher::Watcher;
use super::{DEADLINE, eventually, is_root, namespace, proc, within};
use crate::args;
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, User, chown};
use procnanny::sys::process::{Pid, kill};
use procnanny::sys::signals::signal_number;
use procnanny::wire::value::Value;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// The variable that marks a supervisor and everything it starts.
const MARK: &str = "PROCNANNY_TEST_MARK";

/// The file of [`Launcher::configuration`].
const CONFIGURATION: &str = "procnanny.toml";

/// How a supervisor is to be started.
#[derive(Debug)]
pub struct Launcher {
    scratch: Scratch,
    runtime_dir: Option<PathBuf>,
    reach: Reach,
    wrapper: Vec<OsString>,
    options: Vec<OsString>,
    place: Place,
    environment: Vec<(String, String)>,
    user: Option<(u32, u32)>,
    generation: Generation,
}

/// Where a supervisor stands below what the test starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generation {
    /// It is what the test starts.
    Child,
    /// Its only child: that is in a pid namespace of its own, and its first process.
    Grandchild,
}

/// Whether it can be reached.
#[derive(Debug)]
enum Reach {
    InRuntimeDir,
    Nowhere,
}

/// Where its configuration is.
#[derive(Debug)]
enum Place {
    /// In the directory of the test, where there is none: that of whoever runs the tests has no part in them.
    Nowhere,
    At(PathBuf),
    ByDefault,
}

/// A running supervisor.
pub struct Supervisor {
    child: Child,
    generation: Generation,
    ended: Option<ExitStatus>,
    /// Of the default endpoint; connected when it is first used.
    client: Option<Client>,
    runtime_dir: PathBuf,
    mark: String,
    _watcher: Watcher,
    // Dropped last: the directory goes when nobody uses it any more.
    scratch: Scratch,
}

impl Launcher {
    /// One without options, in a runtime directory of its own.
    pub fn new() -> Self {
        Self {
            scratch: Scratch::new(),
            runtime_dir: None,
            reach: Reach::InRuntimeDir,
            wrapper: Vec::new(),
            options: Vec::new(),
            place: Place::Nowhere,
            environment: Vec::new(),
            user: None,
            generation: Generation::Child,
        }
    }

    /// The directory of this test, which outlives the supervisor by a moment.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Another runtime directory than the one in the scratch directory.
    pub fn runtime_dir(mut self, path: &Path) -> Self {
        self.runtime_dir = Some(path.to_path_buf());
        self
    }

    /// Nowhere to be reached (`--no-rpc`): to be spawned, as it cannot answer.
    pub fn no_rpc(mut self) -> Self {
        self.reach = Reach::Nowhere;
        self
    }

    /// One more option with its value: `--program`, `--endpoint`.
    pub fn option(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.options.extend([name.into(), value.as_ref().to_os_string()]);
        self
    }

    /// One more option that has no value: `--prefix`.
    pub fn flag(mut self, name: &str) -> Self {
        self.options.push(name.into());
        self
    }

    /// A configuration: a file of this text in the directory of this test.
    pub fn configuration(self, text: &str) -> Self {
        fs::write(self.scratch.join(CONFIGURATION), text).unwrap();
        let path = self.scratch.join(CONFIGURATION);
        self.path(&path)
    }

    /// The path of a configuration.
    pub fn path(mut self, path: &Path) -> Self {
        self.place = Place::At(path.to_path_buf());
        self
    }

    /// The configuration of the user, where it is by default.
    pub fn configured_by_default(mut self) -> Self {
        self.place = Place::ByDefault;
        self
    }

    /// A program to begin with: `NAME=COMMAND ARGS`.
    pub fn program(self, text: &str) -> Self {
        self.option("--program", text)
    }

    /// An endpoint: `ENDPOINT,access=LEVEL,mode=MODE`.
    pub fn endpoint(self, text: &str) -> Self {
        self.option("--endpoint", text)
    }

    /// A variable in the supervisor's environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_string(), value.to_string()));
        self
    }

    /// Runs it through a shell script that ends with `exec "$@"`: to set limits, close descriptors, …
    pub fn through_shell(mut self, script: &str) -> Self {
        self.wrapper = ["/bin/sh", "-c", script, "sh"].map(OsString::from).to_vec();
        self
    }

    /// Makes it the first process of a pid namespace. The test goes on to know it by its id outside; what it says of
    /// processes are their ids inside. `script` ends with `exec "$@"`, and is run in the namespace.
    pub fn first_process(mut self, script: &str) -> Self {
        self.wrapper = namespace().unwrap().iter().map(OsString::from).collect();
        self.wrapper.extend(["/bin/sh", "-c", script, "sh"].map(OsString::from));
        self.generation = Generation::Grandchild;
        self
    }

    /// Runs it as a user, to whom its directory is given; for this the tests have to run as root.
    pub fn user(mut self, uid: u32, gid: u32) -> Self {
        self.user = Some((uid, gid));
        self
    }

    /// Runs it as an ordinary user: as whoever runs the tests, or as nobody if that is root.
    pub fn ordinary_user(self) -> Self {
        match User::from_name("nobody").unwrap() {
            Some(nobody) if is_root() => self.user(nobody.uid.as_raw(), nobody.gid.as_raw()),
            Some(_) | None => self,
        }
    }

    /// Starts it and returns when it answers.
    #[track_caller]
    pub fn start(self) -> Supervisor {
        self.spawn().await_answer()
    }

    /// Starts it and waits until it has refused to begin: exit code 1, and one line that says why, which is returned.
    #[track_caller]
    pub fn refusal(self) -> String {
        let mut supervisor = self.spawn();
        let status = supervisor.wait();
        let told = supervisor.stderr();
        assert_eq!(status.code(), Some(1), "{told}");
        let sentence = told.strip_prefix("procnanny: ").and_then(|rest| rest.strip_suffix('\n'));
        sentence
            .filter(|rest| !rest.contains('\n'))
            .unwrap_or_else(|| panic!("not one line: {told:?}"))
            .to_string()
    }

    /// Starts it and does not wait.
    pub fn spawn(self) -> Supervisor {
        let runtime_dir = self.runtime_dir.clone().unwrap_or_else(|| self.scratch.join("run"));
        let mark = self.scratch.mark();
        let mut words = self.wrapper.clone();
        words.push(self.binary().into());
        words.push("run".into());
        match self.reach {
            Reach::InRuntimeDir => words.extend(["--runtime-dir".into(), runtime_dir.clone().into()]),
            Reach::Nowhere => words.push("--no-rpc".into()),
        }
        words.extend(self.options.iter().cloned());
        match &self.place {
            Place::Nowhere => words.push(self.scratch.path().into()),
            Place::At(path) => words.push(path.into()),
            Place::ByDefault => {}
        }
        let output = |name: &str| Stdio::from(File::create(self.scratch.join(name)).unwrap());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).envs(self.environment.iter().cloned()).env(MARK, &mark);
        command.stdin(Stdio::null()).stdout(output("stdout")).stderr(output("stderr"));
        if let Some((uid, gid)) = self.user {
            chown(self.scratch.path(), Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).unwrap();
            command.uid(uid).gid(gid).current_dir(self.scratch.path());
        }
        let child = command.spawn().unwrap();
        let watcher = Watcher::over(child.id(), (MARK, &mark), self.scratch.path());
        let (ended, client) = (None, None);
        let generation = self.generation;
        let scratch = self.scratch;
        Supervisor { child, generation, ended, client, runtime_dir, mark, _watcher: watcher, scratch }
    }

    /// The program to test. Another user may not get at where it was built, so that one is given a copy.
    fn binary(&self) -> PathBuf {
        let built = PathBuf::from(env!("CARGO_BIN_EXE_procnanny"));
        if self.user.is_none() {
            return built;
        }
        self.scratch.copy_of_program(&built)
    }
}

impl Supervisor {
    /// One without options.
    #[track_caller]
    pub fn start() -> Self {
        Launcher::new().start()
    }

    /// Returns it when it answers.
    #[track_caller]
    pub fn await_answer(mut self) -> Self {
        let id = self.own_client().post("dance", &[]);
        eventually("the supervisor answers", DEADLINE, || {
            if let Some(status) = self.try_wait() {
                panic!("the supervisor ended with {status}: {}", self.stderr());
            }
            let reply = self.own_client().receive(Duration::from_millis(20))?;
            (reply.get("id") == Some(&Value::Int(id))).then_some(())
        });
        self
    }

    /// Its process id.
    #[track_caller]
    pub fn pid(&self) -> i32 {
        let child = self.child_pid();
        match self.generation {
            Generation::Child => child,
            Generation::Grandchild => eventually("the first process of a namespace", DEADLINE, || {
                proc::children(child).first().copied()
            }),
        }
    }

    fn child_pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// The directory of this test.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Writes another configuration in the place of that of [`Launcher::configuration`].
    pub fn configure(&self, text: &str) {
        fs::write(self.scratch.join(CONFIGURATION), text).unwrap();
    }

    /// Its runtime directory.
    pub fn runtime_dir(&self) -> &Path {
        &self.runtime_dir
    }

    /// What it and its programs wrote to standard output.
    pub fn stdout(&self) -> String {
        fs::read_to_string(self.scratch.join("stdout")).unwrap_or_default()
    }

    /// What it and its programs wrote to standard error.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.scratch.join("stderr")).unwrap_or_default()
    }

    /// The default endpoint of one of its sockets: `rpc`, `events`.
    pub fn endpoint(&self, socket: &str) -> String {
        format!("ipc://{}/{socket}", self.runtime_dir.display())
    }

    fn own_client(&mut self) -> &mut Client {
        let endpoint = self.endpoint("rpc");
        self.client.get_or_insert_with(|| Client::connect(&endpoint))
    }

    /// Another client of the default endpoint.
    pub fn client(&self) -> Client {
        Client::connect(&self.endpoint("rpc"))
    }

    /// All events from now on.
    pub fn events(&self) -> EventLog {
        EventLog::from_now(self.client())
    }

    /// A subscriber to the stream, whose subscription has arrived.
    pub fn subscriber(&self, topics: &[&str]) -> Subscriber {
        Subscriber::connect(&self.endpoint("events"), topics, &mut self.client())
    }

    /// See [`Client::call`].
    #[track_caller]
    pub fn call(&mut self, method: &str, arguments: Arguments<'_>) -> Value {
        self.own_client().call(method, arguments)
    }

    /// See [`Client::refusal`].
    #[track_caller]
    pub fn refusal(&mut self, method: &str, arguments: Arguments<'_>) -> Refusal {
        self.own_client().refusal(method, arguments)
    }

    /// See [`Client::command`].
    #[track_caller]
    pub fn command(&mut self, method: &str, arguments: Arguments<'_>) -> Vec<Row> {
        self.own_client().command(method, arguments)
    }

    /// A command on one program that waits until it is done.
    #[track_caller]
    pub fn do_and_wait(&mut self, method: &str, program: &str) -> Vec<Row> {
        self.command(method, args!["program" => program, "wait" => true, "timeout" => DEADLINE.as_secs_f64()])
    }

    /// Creates a program.
    #[track_caller]
    pub fn create(&mut self, program: &str, settings: &ProgramSettings) {
        let name = ("program", Value::from(program));
        let arguments: Vec<(&str, Value)> = [name].into_iter().chain(settings.entries()).collect();
        let reply = self.call("create", &arguments);
        assert_eq!(reply.get("created").and_then(Value::text), Some(program));
    }

    /// Creates a program and waits until all its instances are `running`; their rows are returned.
    #[track_caller]
    pub fn create_running(&mut self, program: &str, settings: &ProgramSettings) -> Vec<Row> {
        self.create(program, settings);
        self.wait_for(program, "running")
    }

    /// Why `create` of a program is refused.
    #[track_caller]
    pub fn create_refused(&mut self, program: &str, settings: &ProgramSettings) -> Refusal {
        let name = ("program", Value::from(program));
        let arguments: Vec<(&str, Value)> = [name].into_iter().chain(settings.entries()).collect();
        self.refusal("create", &arguments)
    }

    /// The rows of a program.
    #[track_caller]
    pub fn rows(&mut self, program: &str) -> Vec<Row> {
        self.own_client().list(args!["program" => program])
    }

    /// The row of an instance.
    #[track_caller]
    pub fn row(&mut self, program: &str, instance: i64) -> Row {
        self.own_client().list(args!["program" => program, "instance" => instance]).remove(0)
    }

    /// Waits until all instances of a program are in a state; their rows are returned.
    #[track_caller]
    pub fn wait_for(&mut self, program: &str, state: &str) -> Vec<Row> {
        let timeout = DEADLINE.as_secs_f64();
        self.call("wait", args!["program" => program, "state" => state, "timeout" => timeout]);
        self.rows(program)
    }

    /// Looks at an instance until `wanted` is true of it.
    #[track_caller]
    pub fn until(&mut self, program: &str, instance: i64, what: &str, wanted: impl Fn(&Row) -> bool) -> Row {
        eventually(what, DEADLINE, || Some(self.row(program, instance)).filter(&wanted))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        assert!(self.ended.is_none() && proc::send(self.pid(), signal), "the supervisor has ended");
    }

    /// Sends it any signal there is, a real-time one too: `RTMIN+3`.
    #[track_caller]
    pub fn signal_by_name(&self, name: &str) {
        let signal = signal_number(name).unwrap();
        let pid = Pid::new(self.pid()).filter(|_| self.ended.is_none()).unwrap();
        kill(pid, signal).unwrap();
    }

    /// How it ended, if it has.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap();
        }
        self.ended
    }

    /// Waits until it has ended.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the supervisor ends", DEADLINE, || self.try_wait())
    }

    /// The processes that it started, and those that they started, whoever is their parent now.
    pub fn processes(&self) -> Vec<i32> {
        let own = match (self.generation, self.ended) {
            (Generation::Grandchild, None) => vec![self.child_pid(), self.pid()],
            (Generation::Child, _) | (Generation::Grandchild, Some(_)) => vec![self.child_pid()],
        };
        proc::with_variable(MARK, &self.mark).into_iter().filter(|pid| !own.contains(pid)).collect()
    }

    /// Waits until no process is left of all that it started.
    #[track_caller]
    pub fn expect_no_processes(&self) {
        eventually("no process is left", DEADLINE, || self.processes().is_empty().then_some(()));
    }

    fn end(&mut self) {
        if self.try_wait().is_some() {
            return;
        }
        // The second one hurries, the third one kills; of one kind they would be merged while they wait.
        let pid = match self.generation {
            Generation::Child => Some(self.child_pid()),
            // What was to make the namespace may have failed.
            Generation::Grandchild => proc::children(self.child_pid()).first().copied(),
        };
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
            pid.map(|pid| proc::send(pid, signal));
            if within(Duration::from_millis(500), || self.try_wait()).is_some() {
                return;
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.end();
        // What the supervisor left behind; twice, since a process may have forked in between.
        for _ in 0..2 {
            for pid in self.processes() {
                proc::send(pid, Signal::SIGKILL);
            }
        }
    }
}
