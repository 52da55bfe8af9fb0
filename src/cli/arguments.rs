//! What the command line may say: one structure a command. Their comments are the help that people read.
//!
//! `create` and `update` take every setting there is, so they are read by [`super::settings`] from the table of
//! settings rather than from a structure.

use super::completions::Shell;
use super::init::InitCommand;
use super::settings::{CreateCommand, UpdateCommand};
use super::values::{Address, Period, Since};
use crate::core::log::OutputSource;
use crate::core::state::StateName;
use argh::{ArgsInfo, CommandInfo, CommandInfoWithArgs, FromArgs};
use std::path::PathBuf;

/// The whole command line.
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    description = "procnanny runs programs and keeps them running.\n\
                   run and demo start a supervisor; the other commands talk to one.",
    help_triggers("-h", "--help"),
    note = "A selector (SEL) is PROGRAM, PROGRAM/INSTANCE or a glob such as 'web*'; '*' is everything.\n\
            'procnanny COMMAND --help' says more about a command, and so does procnanny(1).",
    example = "{command_name} demo",
    example = "{command_name} run --program 'web=python3 -m http.server'",
    example = "{command_name} status",
    error_code(0, "done, and so it is now"),
    error_code(1, "refused or failed"),
    error_code(2, "wrong usage"),
    error_code(3, "status SEL: something named is not up"),
    error_code(4, "no such program or instance"),
    error_code(5, "no supervisor there"),
    error_code(6, "it did not happen in time")
)]
pub struct TopLevel {
    /// the supervisor to talk to, ipc://PATH or tcp://HOST:PORT; goes before the command. Default: $PROCNANNY_RPC,
    /// else ipc:///run/procnanny/rpc for root and ipc://$XDG_RUNTIME_DIR/procnanny/rpc for others
    #[argh(option, arg_name = "endpoint")]
    pub rpc: Option<String>,

    /// print the version and end
    #[argh(switch)]
    pub version: bool,

    #[argh(subcommand)]
    /// the command
    pub command: Option<Command>,
}

/// A command.
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(subcommand)]
pub enum Command {
    /// `run`
    Run(Run),
    /// `check`
    Check(Check),
    /// `init`
    Init(InitCommand),
    /// `demo`
    Demo(Demo),
    /// `status`
    Status(Status),
    /// `start`
    Start(Start),
    /// `stop`
    Stop(Stop),
    /// `restart`
    Restart(Restart),
    /// `once`
    Once(Once),
    /// `kill`
    Kill(Kill),
    /// `reset`
    Reset(Reset),
    /// `signal`
    Signal(Signal),
    /// `transition`
    Transition(Transition),
    /// `create`
    Create(CreateCommand),
    /// `update`
    Update(UpdateCommand),
    /// `scale`
    Scale(Scale),
    /// `remove`
    Remove(Remove),
    /// `reload`
    Reload(Reload),
    /// `top`
    Top(Top),
    /// `events`
    Events(Events),
    /// `logs`
    Logs(Logs),
    /// `reopen`
    Reopen(Reopen),
    /// `history`
    History(History),
    /// `why`
    Why(Why),
    /// `call`
    Call(Call),
    /// `states`
    States(States),
    /// `keygen`
    Keygen(Keygen),
    /// `info`
    Info(Info),
    /// `metrics`
    Metrics(Metrics),
    /// `healthcheck`
    Healthcheck(Healthcheck),
    /// `shutdown`
    Shutdown(Shutdown),
    /// `completions`
    Completions(Completions),
}

/// run a supervisor in the foreground
#[derive(Clone, Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "run",
    help_triggers("-h", "--help"),
    note = "It ends on SIGTERM, SIGINT or 'procnanny shutdown', after it has stopped all programs; a second signal \
            kills what is left at once. SIGHUP reads the configuration again, as 'procnanny reload' does.",
    example = "{command_name} --program 'web=python3 -m http.server' --program 'tick=sleep 5'",
    example = "{command_name} --endpoint 'ipc:///run/procnanny/rpc' --endpoint 'tcp://127.0.0.1:3333,access=read'"
)]
pub struct Run {
    /// the configuration: a file, or a directory of them. Default: /etc/procnanny/procnanny.toml for root,
    /// $XDG_CONFIG_HOME/procnanny/procnanny.toml for others, if it is there
    #[argh(positional)]
    pub path: Option<PathBuf>,

    /// a program to begin with, repeatable: 'NAME=COMMAND ARGS', split into words as a shell does, without a shell
    #[argh(option, arg_name = "name=command")]
    pub program: Vec<String>,

    /// where its sockets and its lock are. Default: /run/procnanny for root, $XDG_RUNTIME_DIR/procnanny for others,
    /// else /tmp/procnanny-UID
    #[argh(option, arg_name = "dir")]
    pub runtime_dir: Option<PathBuf>,

    /// where log files are made, NAME.INSTANCE.SOURCE.log for each stream of each instance. Default: none, output is
    /// kept in memory alone
    #[argh(option, arg_name = "dir")]
    pub log_dir: Option<PathBuf>,

    /// put 'PROGRAM/INSTANCE | ' before each line of programs whose stdout or stderr is inherit
    #[argh(switch)]
    pub prefix: bool,

    /// an endpoint for requests in place of the default one, repeatable: 'ipc://PATH' or 'tcp://ADDRESS:PORT', with
    /// ',access=read', 'control' or 'admin' (default: admin on ipc, read on tcp), on ipc ',mode=0660' and ',group=NAME',
    /// on tcp ',curve=SECRET-KEY-FILE,clients=FILE', without which it has to be on loopback
    #[argh(option, arg_name = "endpoint")]
    pub endpoint: Vec<String>,

    /// an endpoint for events in place of the default one, repeatable, written as for --endpoint, without an access
    #[argh(option, arg_name = "endpoint")]
    pub events: Vec<String>,

    /// have no endpoint, no runtime directory and no lock: nobody can talk to it but by signals, and it writes nothing
    /// anywhere
    #[argh(switch)]
    pub no_rpc: bool,

    /// end, as after SIGTERM, when this process ends, which has to be the parent
    #[argh(option, arg_name = "pid")]
    pub parent: Option<i32>,

    /// be the first process of a whole machine: mount what the kernel makes, and reboot or power off at the end
    #[argh(switch)]
    pub boot: bool,
}

/// read a configuration and tell every mistake in it; start nothing
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(subcommand, name = "check", help_triggers("-h", "--help"))]
pub struct Check {
    /// the configuration, as for run
    #[argh(positional)]
    pub path: Option<PathBuf>,
}

/// watch a small program being kept alive: the first minute of a new user
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "demo",
    help_triggers("-h", "--help"),
    note = "It starts a supervisor of its own in a fresh directory and removes both at the end. On a terminal, q or \
            Ctrl-C ends it; otherwise it prints plain lines and ends by itself after 15 seconds."
)]
pub struct Demo {
    /// end after so many seconds
    #[argh(option, arg_name = "n")]
    pub seconds: Option<Period>,
}

/// show programs and their instances
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "status",
    help_triggers("-h", "--help"),
    note = "With a SEL, the exit code is 3 when something named is not running."
)]
pub struct Status {
    /// what to show; everything when left out
    #[argh(positional, arg_name = "sel")]
    pub selectors: Vec<String>,

    /// for programs: the reply to 'list' as JSON
    #[argh(switch)]
    pub json: bool,

    /// stay and show every change, until q or Ctrl-C
    #[argh(switch)]
    pub watch: bool,
}

/// watch instances live, with what they use and how their last runs ended, and act on them by keys
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "top",
    help_triggers("-h", "--help"),
    note = "? lists the keys; q or Ctrl-C ends it. Where standard output is no terminal it prints one table."
)]
pub struct Top {
    /// what to show; everything when left out
    #[argh(positional, arg_name = "sel")]
    pub selectors: Vec<String>,

    /// how often to read what processes use. Default: 2s
    #[argh(option, short = 'd', arg_name = "s")]
    pub delay: Option<Period>,
}

/// print the events that are held, one a line
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "events",
    help_triggers("-h", "--help"),
    note = "With a SEL, events of the supervisor itself are left out."
)]
pub struct Events {
    /// print events of these alone
    #[argh(positional, arg_name = "sel")]
    pub selectors: Vec<String>,

    /// go on with what happens from now on, each event exactly once, until Ctrl-C
    #[argh(switch, short = 'f')]
    pub follow: bool,

    /// only events after the one with this number, or 'now': none that are held
    #[argh(option, arg_name = "seq")]
    pub since: Option<Since>,

    /// for programs: one JSON object a line
    #[argh(switch)]
    pub json: bool,
}

/// print what programs printed, as far as it is captured and held: 16 KiB of each stream
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "logs",
    help_triggers("-h", "--help"),
    note = "All that is held is printed unless -n says otherwise, of each instance first what it printed to stdout, then \
            to stderr. Of several instances, each line begins with 'PROGRAM/INSTANCE | '. A pipe gets every byte as it \
            is; on a terminal colours work, and other control characters are shown and not sent.",
    example = "{command_name} web",
    example = "{command_name} -f -n 10 'w*'"
)]
pub struct Logs {
    /// whose: PROGRAM, PROGRAM/INSTANCE or a glob
    #[argh(positional, arg_name = "sel")]
    pub selectors: Vec<String>,

    /// go on with what they print from now on, each byte exactly once, until Ctrl-C; what was missed is said on stderr
    #[argh(switch, short = 'f')]
    pub follow: bool,

    /// begin with so many lines of each stream, in place of all that is held
    #[argh(option, short = 'n', arg_name = "n")]
    pub lines: Option<usize>,

    /// one of the two alone: stdout or stderr
    #[argh(option, arg_name = "source", from_str_fn(source))]
    pub source: Option<OutputSource>,
}

/// open all log files anew, after something else has renamed them
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "reopen",
    help_triggers("-h", "--help"),
    note = "SIGUSR2 to the supervisor does the same."
)]
pub struct Reopen {}
/// show how the latest runs of instances ended
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "history",
    help_triggers("-h", "--help"),
    note = "A line a run, the oldest first: when it started, how long it lasted (all bars have one scale), how it ended \
            and who asked for that; below, what it said last."
)]
pub struct History {
    /// of which instances; all when left out
    #[argh(positional, arg_name = "sel")]
    pub selectors: Vec<String>,

    /// only so many runs of each, the latest
    #[argh(option, short = 'n', long = "runs", arg_name = "n")]
    pub runs: Option<std::num::NonZeroU32>,

    /// for programs: the reply as JSON
    #[argh(switch)]
    pub json: bool,
}

/// tell why instances are in their state, and what happens next
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(subcommand, name = "why", help_triggers("-h", "--help"), note = "The same for programs: 'call why'.")]
pub struct Why {
    /// of which instances; all when left out
    #[argh(positional, arg_name = "sel")]
    pub selectors: Vec<String>,
}

/// send any request and print the reply as JSON
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "call",
    help_triggers("-h", "--help"),
    note = "A value is JSON where it reads as JSON, otherwise a string. 'call methods' lists all methods.",
    example = "{command_name} status program=web",
    example = "{command_name} wait program='[\"web\",\"db\"]' state=running timeout=30"
)]
pub struct Call {
    /// the method
    #[argh(positional)]
    pub method: String,

    /// its arguments
    #[argh(positional, arg_name = "key=value")]
    pub arguments: Vec<String>,
}

/// print the table of states and what leads from one to another
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "states",
    help_triggers("-h", "--help"),
    example = "{command_name} --dot | dot -Tsvg > states.svg"
)]
pub struct States {
    /// for Graphviz
    #[argh(switch)]
    pub dot: bool,
}

/// make a CURVE key: the secret key goes to a file, the public one is printed
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "keygen",
    help_triggers("-h", "--help"),
    note = "The file has mode 0600, and one that is there already is not replaced. procnanny(1) says where keys go, \
            under 'Keys'.",
    example = "{command_name} /etc/procnanny/server.key",
    example = "{command_name} ~/.procnanny.key >> clients"
)]
pub struct Keygen {
    /// the file of the secret key. Default: curve.key
    #[argh(positional, default = "PathBuf::from(\"curve.key\")")]
    pub path: PathBuf,
}

/// tell about the supervisor itself
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(subcommand, name = "info", help_triggers("-h", "--help"))]
pub struct Info {
    /// for programs: the reply as JSON
    #[argh(switch)]
    pub json: bool,
}

/// print all that is known in numbers, for Prometheus and its like; or serve it to them
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "metrics",
    help_triggers("-h", "--help"),
    note = "The text is OpenMetrics 1.0; procnanny-rpc(7) lists what is in it.",
    example = "{command_name} --listen 127.0.0.1:9275"
)]
pub struct Metrics {
    /// serve it over HTTP, as /metrics, until Ctrl-C: IP:PORT, [IPv6]:PORT or localhost:PORT
    #[argh(option, arg_name = "address")]
    pub listen: Option<Address>,
}

/// say in one line whether all that is wanted up is running, for container engines: exit code 0 if so, else 1
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "healthcheck",
    help_triggers("-h", "--help"),
    note = "What is starting does not run yet; what has ended and is wanted down is fine. No supervisor, or none that \
            answers in time, is 1 too.",
    example = "{command_name} --timeout 2 web"
)]
pub struct Healthcheck {
    /// what has to run; everything when left out
    #[argh(positional, arg_name = "sel")]
    pub selectors: Vec<String>,

    /// how long it may take. Default: 3s
    #[argh(option, arg_name = "s")]
    pub timeout: Option<Period>,
}

/// stop all programs, and then the supervisor
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "shutdown",
    help_triggers("-h", "--help"),
    note = "Without one of --reboot, --poweroff and --halt, a supervisor that runs with --boot switches its machine off."
)]
pub struct Shutdown {
    /// how long stopping may take before all that is left is killed. Default: 9s
    #[argh(option, arg_name = "s")]
    pub timeout: Option<Period>,

    /// do not wait until it has ended
    #[argh(switch)]
    pub no_wait: bool,

    /// then start the machine again; the supervisor has to run with --boot
    #[argh(switch)]
    pub reboot: bool,

    /// then switch the machine off; likewise
    #[argh(switch)]
    pub poweroff: bool,

    /// then halt the machine, and leave it on; likewise
    #[argh(switch)]
    pub halt: bool,
}

/// print a script that has a shell complete commands, options, settings, and names of what runs
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "completions",
    help_triggers("-h", "--help"),
    note = "procnanny(1) says where a shell looks for it.",
    example = "eval \"$({command_name} bash)\"",
    example = "{command_name} zsh > ~/.zfunc/_procnanny",
    example = "{command_name} fish > ~/.config/fish/completions/procnanny.fish"
)]
pub struct Completions {
    /// bash, zsh or fish
    #[argh(positional)]
    pub shell: Shell,
}

/// change how many instances a program has
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(subcommand, name = "scale", help_triggers("-h", "--help"))]
pub struct Scale {
    /// the program
    #[argh(positional)]
    pub name: String,

    /// how many, 0 to 100000; surplus ones, the highest numbers, are stopped
    #[argh(positional)]
    pub instances: u32,

    /// do not wait until it is so
    #[argh(switch)]
    pub no_wait: bool,

    /// how long to wait at the most. Default: 60s
    #[argh(option, arg_name = "s")]
    pub timeout: Option<Period>,
}

/// forget a program
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(subcommand, name = "remove", help_triggers("-h", "--help"))]
pub struct Remove {
    /// the program
    #[argh(positional)]
    pub name: String,

    /// stop what runs; without it, a program that runs is not removed
    #[argh(switch)]
    pub force: bool,

    /// do not wait until it is so
    #[argh(switch)]
    pub no_wait: bool,

    /// how long to wait at the most. Default: 60s
    #[argh(option, arg_name = "s")]
    pub timeout: Option<Period>,
}

/// read the configuration again, and change what changed in it; with a mistake in it, nothing
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(subcommand, name = "reload", help_triggers("-h", "--help"))]
pub struct Reload {
    /// only say what would be done
    #[argh(switch)]
    pub dry_run: bool,
}

/// send a signal to the processes of instances
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(subcommand, name = "signal", help_triggers("-h", "--help"), example = "{command_name} HUP web")]
pub struct Signal {
    /// by name or number: HUP, SIGUSR1, 10
    #[argh(positional)]
    pub signal: String,

    /// what to signal
    #[argh(positional, arg_name = "sel")]
    pub selectors: Vec<String>,
}

/// move instances from any state to any state
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "transition",
    help_triggers("-h", "--help"),
    note = "States: new, waiting, starting, running, stopping, exited, backoff, failed. See 'procnanny states'."
)]
pub struct Transition {
    /// the state to move to
    #[argh(positional, from_str_fn(state))]
    pub state: StateName,

    /// what to move
    #[argh(positional, arg_name = "sel")]
    pub selectors: Vec<String>,

    /// do not wait until it is so
    #[argh(switch)]
    pub no_wait: bool,

    /// how long to wait at the most. Default: 60s
    #[argh(option, arg_name = "s")]
    pub timeout: Option<Period>,
}

/// end the processes of instances and start new ones
#[derive(Debug, ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "restart",
    help_triggers("-h", "--help"),
    note = "A rolling restart goes through programs in the order in which they require each other. It halts when an \
            instance does not come to run; the rest are left as they are, and the exit code is 1."
)]
pub struct Restart {
    /// which instances: PROGRAM, PROGRAM/INSTANCE or a glob
    #[argh(positional, arg_name = "sel")]
    pub selectors: Vec<String>,

    /// one instance at a time, the next when it is running
    #[argh(switch)]
    pub rolling: bool,

    /// with --rolling: how many instances at a time. Default: 1
    #[argh(option, arg_name = "n")]
    pub parallel: Option<u32>,

    /// do not wait until it is so
    #[argh(switch)]
    pub no_wait: bool,

    /// how long to wait at the most. Default: 60s
    #[argh(option, arg_name = "s")]
    pub timeout: Option<Period>,
}

/// The commands that take a selection and nothing else differ only in their name and their help.
macro_rules! commands_on_a_selection {
    ($($(#[$attribute:meta])* $name:ident, $word:tt;)*) => {$(
        $(#[$attribute])*
        #[derive(Debug, ArgsInfo, FromArgs)]
        #[argh(subcommand, name = $word, help_triggers("-h", "--help"))]
        pub struct $name {
            /// which instances: PROGRAM, PROGRAM/INSTANCE or a glob
            #[argh(positional, arg_name = "sel")]
            pub selectors: Vec<String>,

            /// do not wait until it is so
            #[argh(switch)]
            pub no_wait: bool,

            /// how long to wait at the most. Default: 60s
            #[argh(option, arg_name = "s")]
            pub timeout: Option<Period>,
        }
    )*};
}

commands_on_a_selection! {
    /// want instances up, and wait until they run
    Start, "start";
    /// want instances down, and wait until they are
    Stop, "stop";
    /// run instances until they exit, and not again
    Once, "once";
    /// kill the processes of instances with SIGKILL; what is wanted up starts again
    Kill, "kill";
    /// forgive flaps: what was delayed or given up starts at once
    Reset, "reset";
}

/// What there is to say of a command that reads its words itself.
pub fn without_arguments(command: &'static CommandInfo) -> CommandInfoWithArgs {
    CommandInfoWithArgs { name: command.name, description: command.description, ..Default::default() }
}

fn source(text: &str) -> Result<OutputSource, String> {
    OutputSource::parse(text).ok_or_else(|| "expected stdout or stderr".to_string())
}

fn state(text: &str) -> Result<StateName, String> {
    StateName::parse(text).ok_or_else(|| {
        let names: Vec<&str> = StateName::ALL.into_iter().map(StateName::as_str).collect();
        format!("expected one of {}", names.join(", "))
    })
}
