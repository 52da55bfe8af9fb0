//! From nothing to a supervisor that serves. The order matters, and is told where it does.

use super::capture::{Capture, Places};
use super::launch::Launch;
use super::manager::{self, Manager};
use super::programs::NewProgram;
use super::reach::{Reach, Sockets};
use super::reload::Configured;
use super::source::Source;
use super::zap::Zap;
use super::{Options, Supervisor, SupervisorError, shutdown::Phase, sockets};
use crate::api::host::Host;
use crate::config::runtime_dir::RPC_VARIABLE;
use crate::config::supervisor::{Reachable, SupervisorSettings};
use crate::core::event::{SupervisorChange, What};
use crate::core::fleet::Fleet;
use crate::core::history::Histories;
use crate::core::moment::Moment;
use crate::core::program::Origin;
use crate::core::ring::Ring;
use crate::core::signal_meaning::After;
use crate::sys::errno::{io_words, words};
use crate::sys::limits::LimitValues;
use crate::sys::note::note;
use crate::sys::null::Null;
use crate::sys::poll::{Poller, Ready};
use crate::sys::process::Pid;
use crate::sys::signals::{self, SignalDescriptor};
use crate::sys::timer::Timer;
use crate::sys::{clock, executable, limits, priority, process, standard, text, zmq_options};
use nix::errno::Errno;
use std::ffi::CString;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// How many ready descriptors one turn takes up.
const READY_A_TURN: usize = 64;

/// So many open files are few.
const FEW_DESCRIPTORS: u64 = 64;

/// How long the last messages may take to leave, in milliseconds.
const FAREWELL: i32 = 200;

/// Builds a supervisor.
///
/// # Errors
/// What could not be had, in a sentence.
pub fn begin(options: Options) -> Result<Supervisor, SupervisorError> {
    // Descriptors first: what is opened from here on must not become a standard stream.
    let step =
        |what: &'static str| move |errno: Errno| SupervisorError(format!("cannot {what}: {}", words(errno)));
    standard::ensure().map_err(step("open anything in place of a closed standard stream"))?;
    process::limit_malloc_arenas();
    let open_files = limits::get(limits::Limit::OpenFiles).map_err(step("read the limit of open files"))?;
    // A limit that cannot be raised is still a limit that one can live with.
    let _ = limits::raise_open_files();
    tell_of_few_descriptors(open_files);
    // Before the threads of libzmq exist: they are to inherit the mask.
    signals::block_all().map_err(step("block signals"))?;
    process::become_subreaper().map_err(step("become the parent of orphans"))?;
    let null = Null::open().map_err(step("open /dev/null, or a pair of sockets in its place"))?;
    let executable = executable::open_own();

    let settings = options.configuration.supervisor.clone().overridden_by(&options.overrides);
    let log_dir = settings.log_dir.clone().map(log_dir).transpose()?;
    let (reach, sockets) = match settings.reachable {
        Reachable::Yes => Reach::begin(&settings).map(|(reach, sockets)| (Some(reach), sockets))?,
        Reachable::No => {
            tell_of_no_effect(&options.configuration.supervisor);
            (None, Sockets::default())
        }
    };
    let Sockets { rpc, publisher, zap } = sockets;

    let now = Moment(clock::monotonic());
    let launch = Launch {
        environment: own_environment(settings.reachable),
        open_files,
        null,
        executable,
        stdout: std::io::stdout(),
        rpc: rpc.first().map_or_else(String::new, |socket| socket.address.clone()),
        oom_score_adj: settings.oom_score_adj.map(adjust_badness).transpose()?,
    };
    let mut supervisor = Supervisor {
        fleet: Fleet::default(),
        ring: Ring::new(settings.event_history),
        run: run_id(),
        began: now,
        now,
        host: Host {
            uid: process::own_effective_uid(),
            gid: process::own_gid(),
            nice: priority::nice().unwrap_or(0),
        },
        histories: Histories::new(settings.run_history),
        settings,
        configured: Configured {
            location: options.location,
            overrides: options.overrides,
            files: options.configuration.files,
        },
        ends: Default::default(),
        launch,
        processes: Default::default(),
        starts: Default::default(),
        voices: Default::default(),
        manager: Manager::of_environment(),
        children: Default::default(),
        memory: Default::default(),
        hooks: Default::default(),
        cgroups: Default::default(),
        capture: Capture::new(
            Places { log_dir, console_prefix: options.console_prefix },
            reach.as_ref().map(|reach| reach.output.clone()),
        ),
        sockets: Default::default(),
        last_words: Default::default(),
        asking: Default::default(),
        inputs: Default::default(),
        operations: Default::default(),
        surveys: Default::default(),
        meter: Default::default(),
        waiters: Default::default(),
        kept_bytes: 0,
        rollings: Default::default(),
        surroundings: Default::default(),
        stages: Default::default(),
        deadlines: Default::default(),
        armed_at: None,
        poller: Poller::new().map_err(step("open an epoll descriptor"))?,
        ready: Ready::with_capacity(READY_A_TURN),
        timer: Timer::new().map_err(step("open a timer"))?,
        signals: SignalDescriptor::new().map_err(step("open a signal descriptor"))?,
        rpc,
        outboxes: Default::default(),
        publisher,
        zap,
        phase: Phase::Serving,
        rest: Default::default(),
        strays: Default::default(),
        role: options.role,
        after: After::Exit,
        backlog: Default::default(),
        // Any number but 0 will do; that two supervisors differ is enough.
        random: Pid::own().get().unsigned_abs().wrapping_mul(0x9e37_79b9) | 1,
        reach,
    };
    supervisor.watch().map_err(step("watch descriptors"))?;
    supervisor.publish(What::Supervisor(SupervisorChange::Started));
    supervisor.set_general_hooks(&options.configuration.hooks);
    let files = options.configuration.programs.into_iter();
    let files = files.map(|program| (program.name, program.settings, Origin::File));
    let option = options.programs.into_iter().map(|(name, settings)| (name, settings, Origin::CommandLine));
    let programs = files.chain(option).map(|(name, settings, origin)| {
        let sockets = supervisor.open_sockets(&[], &name, &settings.process);
        let sockets =
            sockets.map_err(|error| SupervisorError(format!("program '{name}': {}", error.sentence)))?;
        Ok(NewProgram { name, settings, sockets, origin })
    });
    let programs: Vec<NewProgram> = programs.collect::<Result<_, SupervisorError>>()?;
    supervisor.add_all(programs.into_iter());
    supervisor.begin_with_manager();
    // All that was to be read and checked has been; the loop is another part of the program.
    text::give_back();
    Ok(supervisor)
}

/// Says that so few files can be open that programs may not be started, as nothing else would where nobody can ask.
fn tell_of_few_descriptors(limit: LimitValues) {
    if limit.hard < FEW_DESCRIPTORS {
        note(&format!(
            "only {} files can be open, of which procnanny itself takes about 20 and each start some: programs may fail to \
             start; allow more (ulimit -n, LimitNOFILE=, --ulimit nofile=)",
            limit.hard
        ));
    }
}

/// Says what the configuration has of endpoints, where the command line goes over that.
fn tell_of_no_effect(configured: &SupervisorSettings) {
    let names = configured.of_reach();
    if configured.reachable == Reachable::Yes && !names.is_empty() {
        note(&format!("{} in [supervisor]: without effect, because of --no-rpc", names.join(", ")));
    }
}

/// Sets how readily we are killed when memory runs out, and returns what it was, which programs get back.
fn adjust_badness(adjust: i32) -> Result<i32, SupervisorError> {
    let failed = |error: std::io::Error| {
        let words = io_words(&error);
        SupervisorError(format!("oom_score_adj in [supervisor] cannot be set to {adjust}: {words}"))
    };
    let before = process::oom_score_adj().map_err(failed)?;
    process::set_oom_score_adj(adjust).map_err(failed)?;
    Ok(before)
}

impl Supervisor {
    /// Adds the descriptors that are there from the beginning to the poller.
    fn watch(&self) -> Result<(), Errno> {
        self.poller.add(self.signals.as_fd(), Source::Signals.pack())?;
        self.poller.add(self.timer.as_fd(), Source::Timer.pack())?;
        let sockets = self.rpc.iter().map(|rpc| &rpc.socket).chain(self.publisher.sockets());
        for socket in sockets.chain(self.zap.as_ref().map(Zap::socket)) {
            zmq_options::watch(&self.poller, socket, Source::Socket.pack())?;
        }
        Ok(())
    }

    /// Ends. The last replies and events are handed to clients that fetch them; nobody waits for one that does not.
    pub fn end(mut self) {
        self.tell_dropped_hooks();
        self.refuse_all_that_wait();
        self.answer_all_tails();
        self.refuse_surveys();
        self.remove_cgroups();
        self.take_leave_of_manager();
        for socket in self.rpc.iter().map(|rpc| &rpc.socket).chain(self.publisher.sockets()) {
            // If it fails, what is on its way is lost, as it would have been without.
            let _ = socket.set_linger(FAREWELL);
        }
    }
}

/// The directory of logs, from the root. It is made when the first file is.
fn log_dir(given: PathBuf) -> Result<String, SupervisorError> {
    let absolute = std::path::absolute(&given)
        .map_err(|error| SupervisorError(format!("log directory {}: {error}", given.display())))?;
    match absolute.to_str() {
        Some(path) => Ok(path.trim_end_matches('/').to_string()),
        None => Err(SupervisorError(format!("log directory {}: its path is not UTF-8", absolute.display()))),
    }
}

/// Our environment, as `NAME=VALUE`, but for what is ours alone; and where nobody can reach us, but for what would lead
/// programs to another supervisor.
fn own_environment(reachable: Reachable) -> Vec<CString> {
    let misleading = match reachable {
        Reachable::Yes => None,
        Reachable::No => Some(RPC_VARIABLE),
    };
    let is_ours_alone = |variable: &CString| {
        let value = |name: &str| variable.to_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=");
        manager::VARIABLES
            .iter()
            .chain(&sockets::VARIABLES)
            .chain(&misleading)
            .any(|name| value(name).is_some())
    };
    process::own_environment().into_iter().filter(|variable| !is_ours_alone(variable)).collect()
}

/// An id that no other run of a supervisor has had: the time in nanoseconds and our process id.
fn run_id() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", now.as_nanos(), Pid::own().get())
}
