//! Python's pyzmq and msgpack as clients that know nothing of our code: each script is one test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{DEADLINE, Launcher, Supervisor, eventually, sleeper, within};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const PAGE: &str = include_str!("../man/procnanny-rpc.7");

/// A Python with pyzmq and msgpack, if there is one.
fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-venv/bin/python");
    let found = std::env::var_os("PROCNANNY_TEST_PYTHON").map(PathBuf::from);
    let python = found.unwrap_or_else(|| if own.exists() { own } else { PathBuf::from("python3") });
    let mut probe = Command::new(&python);
    probe.args(["-c", "import zmq, msgpack"]).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success()).then_some(python)
}

/// The Python example of the manual page, as it stands there.
fn example() -> String {
    let (_, after) = PAGE.split_once("\n.SS Python\n").expect("a section on Python");
    let (_, code) = after.split_once("\n.EX\n").expect("an example");
    let (code, _) = code.split_once("\n.EE\n").expect("the end of the example");
    let plain = code.replace("\\-", "-").replace("\\(aq", "'").replace("\\(dq", "\"").replace("\\e", "\\");
    assert!(!plain.contains("\n."), "a request of troff in the example");
    plain
}

/// A script under way, which is killed when the test fails before it has ended.
struct Script(Option<Child>);

impl Script {
    /// Starts a script with the supervisor's endpoints and the example in its reach.
    fn start(python: &Path, name: &str, supervisor: &Supervisor) -> Self {
        Self::start_with(python, name, supervisor, &[])
    }

    /// The same, with more variables, or others.
    fn start_with(python: &Path, name: &str, supervisor: &Supervisor, variables: &[(&str, &str)]) -> Self {
        std::fs::write(supervisor.scratch().join("example.py"), example()).unwrap();
        let mut command = Command::new(python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name));
        command.env("PYTHONPATH", supervisor.scratch().path()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("PROCNANNY_RPC", supervisor.endpoint("rpc"));
        command.env("PROCNANNY_EVENTS", supervisor.endpoint("events"));
        command.env("PROCNANNY_OUTPUT", supervisor.endpoint("output"));
        command.envs(variables.iter().copied());
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// Waits for its end, which has to be a good one.
    #[track_caller]
    fn succeed(mut self) {
        let mut child = self.0.take().unwrap();
        let ended = within(3 * DEADLINE, || child.try_wait().unwrap());
        if ended.is_none() {
            child.kill().unwrap();
        }
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        assert!(ended.is_some() && status.success(), "{status}\n{}{}", text(stdout), text(stderr));
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs a script against a supervisor with a program `hello world` of two instances that run.
#[track_caller]
fn run(name: &str) {
    let Some(python) = python() else { skip!("no Python with pyzmq and msgpack") };
    let mut supervisor = Supervisor::start();
    supervisor.create_running("hello world", &sleeper().with("instances", 2).with("nice", 1));
    Script::start(&python, name, &supervisor).succeed();
    assert_eq!(supervisor.try_wait(), None);
}

#[test]
fn status_has_the_types_that_its_first_users_know() {
    run("status.py");
}

#[test]
fn list_is_read_by_a_decoder_with_its_defaults() {
    run("list.py");
}

#[test]
fn req_and_dealer_sockets_are_served() {
    run("sockets.py");
}

#[test]
fn events_come_by_topic() {
    run("events.py");
}

#[test]
fn output_comes_by_topic_and_without_a_gap() {
    run("output.py");
}

#[test]
fn many_clients_command_at_once() {
    run("many.py");
}

#[test]
fn the_example_of_the_manual_page_follows_without_a_gap() {
    run("follow.py");
}

#[test]
fn the_example_of_the_manual_page_is_a_program() {
    run("example_runs.py");
}

/// The script has the first supervisor shut down, and goes on with the second, whose numbers begin anew.
#[test]
fn the_example_of_the_manual_page_goes_on_with_the_next_supervisor() {
    let Some(python) = python() else { skip!("no Python with pyzmq and msgpack") };
    let mut first = Supervisor::start();
    let script = Script::start(&python, "next_run.py", &first);
    eventually("the script has it shut down", 2 * DEADLINE, || first.try_wait());
    let mut second = Launcher::new().runtime_dir(first.runtime_dir()).spawn();
    script.succeed();
    assert_eq!(second.try_wait(), None);
}

#[test]
fn a_key_opens_an_endpoint_with_curve() {
    let Some(python) = python() else { skip!("no Python with pyzmq and msgpack") };
    if zmq::has("curve") != Some(true) {
        skip!("libzmq has no CURVE");
    }
    let launcher = Launcher::new();
    let scratch = |name: &str| launcher.scratch().text(name);
    let keygen = |path: &str| {
        let made = Command::new(env!("CARGO_BIN_EXE_procnanny")).args(["keygen", path]).output().unwrap();
        String::from_utf8(made.stdout).unwrap().trim_end().to_string()
    };
    let (secret, own, clients) = (scratch("server"), scratch("client"), scratch("clients"));
    let (server, public) = (keygen(&secret), keygen(&own));
    std::fs::write(&clients, &public).unwrap();
    let default = format!("ipc://{}", scratch("run/rpc"));
    let guarded = format!("tcp://127.0.0.1:*,curve={secret},clients={clients}");
    let mut supervisor = launcher.endpoint(&default).endpoint(&guarded).start();
    let info = supervisor.call("info", &[]);
    let endpoint =
        info.get("endpoints").and_then(|it| it.as_array()?.get(1)?.get("endpoint")?.text()).unwrap();
    let variables = [
        ("PROCNANNY_RPC", endpoint),
        ("PROCNANNY_CURVE_SERVER", &server),
        ("PROCNANNY_CURVE_SECRET", &own),
        ("CLIENT_PUBLIC", &public),
    ];
    Script::start_with(&python, "curve.py", &supervisor, &variables).succeed();
}
