//! CURVE: who has a key that is known gets in, and nobody else does. Where libzmq has none it is refused by name.

use crate::common::{DEADLINE, Launcher, Supervisor, sleeper};
use crate::wire::{array, encoded, reply_to, request, text};
use crate::{args, skip};
use procnanny::wire::z85;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What is said where there is none.
const WITHOUT: &str = "libzmq has no CURVE";

fn has_curve() -> bool {
    zmq::has("curve") == Some(true)
}

fn tool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_procnanny"));
    command
        .env_remove("PROCNANNY_CURVE_SERVER")
        .env_remove("PROCNANNY_CURVE_SECRET")
        .env_remove("PROCNANNY_RPC");
    command
}

fn keygen(path: &Path) -> Output {
    tool().arg("keygen").arg(path).output().unwrap()
}

/// A key that `keygen` made.
struct Key {
    path: PathBuf,
    public: String,
}

impl Key {
    fn make(path: PathBuf) -> Self {
        let made = keygen(&path);
        assert!(made.status.success(), "{made:?}");
        let public = String::from_utf8(made.stdout).unwrap();
        Self { path, public: public.strip_suffix('\n').unwrap().to_string() }
    }

    fn secret(&self) -> [u8; 32] {
        let text = std::fs::read_to_string(&self.path).unwrap();
        z85::decode_key(text.lines().last().unwrap()).unwrap()
    }

    fn public(&self) -> [u8; 32] {
        z85::decode_key(&self.public).unwrap()
    }

    /// Has a socket introduce itself by this key to a server with that one.
    fn give_to(&self, socket: &zmq::Socket, server: &Key) {
        socket.set_curve_serverkey(&server.public()).unwrap();
        socket.set_curve_publickey(&self.public()).unwrap();
        socket.set_curve_secretkey(&self.secret()).unwrap();
    }
}

/// A supervisor with endpoints for requests and for events that have CURVE, beside the default ones.
struct Guarded {
    supervisor: Supervisor,
    server: Key,
    known: Key,
    rpc: String,
    events: String,
}

impl Guarded {
    /// Both endpoints at this address.
    fn start(address: &str) -> Self {
        let launcher = Launcher::new();
        let key = |name: &str| Key::make(launcher.scratch().join(name));
        let (server, known) = (key("server"), key("known"));
        let clients = launcher.scratch().join("clients");
        std::fs::write(&clients, format!("# who may\n{} of the test\n", known.public)).unwrap();
        let keys = format!("curve={},clients={}", server.path.display(), clients.display());
        let default =
            |socket: &str| format!("ipc://{}", launcher.scratch().join("run").join(socket).display());
        let (rpc, events) = (default("rpc"), default("events"));
        let launcher = launcher.endpoint(&rpc).endpoint(&format!("tcp://{address}:*,access=control,{keys}"));
        let launcher =
            launcher.option("--events", events).option("--events", format!("tcp://{address}:*,{keys}"));
        let mut supervisor = launcher.start();
        let info = supervisor.call("info", &[]);
        let at = |index: usize| {
            text(&array(&info, "endpoints")[index], "endpoint").replace("0.0.0.0", "127.0.0.1")
        };
        let (rpc, events) = (at(1), at(3));
        Self { supervisor, server, known, rpc, events }
    }

    /// A client, not yet connected.
    fn socket(kind: zmq::SocketType) -> zmq::Socket {
        Self::socket_of(&zmq::Context::new(), kind)
    }

    fn socket_of(context: &zmq::Context, kind: zmq::SocketType) -> zmq::Socket {
        let socket = context.socket(kind).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_rcvtimeo(i32::try_from(DEADLINE.as_millis()).unwrap()).unwrap();
        socket
    }

    /// What libzmq says of a client's attempt to connect, with what `prepare` gives it: the first end of a handshake,
    /// good or bad.
    fn outcome(&self, prepare: impl FnOnce(&zmq::Socket)) -> zmq::SocketEvent {
        use zmq::SocketEvent::{
            DISCONNECTED, HANDSHAKE_FAILED_AUTH, HANDSHAKE_FAILED_NO_DETAIL, HANDSHAKE_FAILED_PROTOCOL,
            HANDSHAKE_SUCCEEDED,
        };
        let ends = [
            HANDSHAKE_SUCCEEDED,
            HANDSHAKE_FAILED_AUTH,
            HANDSHAKE_FAILED_PROTOCOL,
            HANDSHAKE_FAILED_NO_DETAIL,
            DISCONNECTED,
        ];
        let context = zmq::Context::new();
        let client = Self::socket_of(&context, zmq::DEALER);
        prepare(&client);
        let mask = ends.iter().fold(0, |mask, event| mask | i32::from(event.to_raw()));
        client.monitor("inproc://monitor", mask).unwrap();
        let monitor = context.socket(zmq::PAIR).unwrap();
        monitor.set_rcvtimeo(i32::try_from(DEADLINE.as_millis()).unwrap()).unwrap();
        monitor.connect("inproc://monitor").unwrap();
        client.connect(&self.rpc).unwrap();
        let frames = monitor.recv_multipart(0).expect("the handshake ends");
        zmq::SocketEvent::from_raw(u16::from_ne_bytes([frames[0][0], frames[0][1]]))
    }

    /// The command line as a client with these keys.
    fn tool(&self, secret: &Path, words: &[&str]) -> Output {
        let mut tool = tool();
        tool.arg("--rpc").arg(&self.rpc).args(words);
        tool.env("PROCNANNY_CURVE_SERVER", &self.server.public).env("PROCNANNY_CURVE_SECRET", secret);
        tool.output().unwrap()
    }
}

#[test]
fn who_has_a_known_key_gets_in_also_over_what_is_not_loopback() {
    if !has_curve() {
        skip!("{WITHOUT}");
    }
    for address in ["127.0.0.1", "0.0.0.0"] {
        let mut guarded = Guarded::start(address);
        guarded.supervisor.create_running("web", &sleeper());
        let client = Guarded::socket(zmq::DEALER);
        guarded.known.give_to(&client, &guarded.server);
        client.connect(&guarded.rpc).unwrap();
        let reply = reply_to(&client, &encoded(&request("list", &[])));
        assert_eq!(text(&array(&reply, "instances")[0], "program"), "web");
        // The level is that of the endpoint.
        let reply = reply_to(&client, &encoded(&request("shutdown", &[])));
        assert_eq!(text(&reply, "code"), "forbidden");
    }
}

#[test]
fn who_has_an_unknown_key_or_none_does_not() {
    if !has_curve() {
        skip!("{WITHOUT}");
    }
    let mut guarded = Guarded::start("127.0.0.1");
    let unknown = Key::make(guarded.supervisor.scratch().join("unknown"));

    let outcome = guarded.outcome(|client| unknown.give_to(client, &guarded.server));
    assert_eq!(outcome, zmq::SocketEvent::HANDSHAKE_FAILED_AUTH);
    let outcome = guarded.outcome(|_| ());
    // Whichever side is first to see that the other speaks otherwise closes the connection.
    assert_ne!(outcome, zmq::SocketEvent::HANDSHAKE_SUCCEEDED, "without a key");
    // A known key that takes somebody else for the server.
    let outcome = guarded.outcome(|client| guarded.known.give_to(client, &unknown));
    assert_ne!(outcome, zmq::SocketEvent::HANDSHAKE_SUCCEEDED);
    // The public key of somebody who is known, without the secret one.
    let outcome = guarded.outcome(|client| {
        guarded.known.give_to(client, &guarded.server);
        client.set_curve_secretkey(&unknown.secret()).unwrap();
    });
    assert_ne!(outcome, zmq::SocketEvent::HANDSHAKE_SUCCEEDED);
    let outcome = guarded.outcome(|client| guarded.known.give_to(client, &guarded.server));
    assert_eq!(outcome, zmq::SocketEvent::HANDSHAKE_SUCCEEDED);
    assert!(guarded.supervisor.call("dance", &[]).get("danced").is_some(), "files need no key");
}

#[test]
fn a_key_is_good_for_the_endpoints_that_list_it() {
    if !has_curve() {
        skip!("{WITHOUT}");
    }
    let launcher = Launcher::new();
    let key = |name: &str| Key::make(launcher.scratch().join(name));
    let (server, first, second) = (key("server"), key("first"), key("second"));
    let endpoint = |client: &Key| {
        let clients = client.path.with_extension("clients");
        std::fs::write(&clients, &client.public).unwrap();
        format!("tcp://127.0.0.1:*,curve={},clients={}", server.path.display(), clients.display())
    };
    let endpoints = [&first, &second].map(endpoint);
    let default = format!("ipc://{}", launcher.scratch().join("run").join("rpc").display());
    let launcher = launcher.endpoint(&default).endpoint(&endpoints[0]).endpoint(&endpoints[1]);
    let mut supervisor = launcher.start();
    let info = supervisor.call("info", &[]);
    let at = |index: usize| text(&array(&info, "endpoints")[index], "endpoint").to_string();
    let [rpc, other] = [at(1), at(2)];
    let events = String::new();
    let guarded = Guarded { supervisor, server, known: first, rpc, events };
    let outcome = guarded.outcome(|client| guarded.known.give_to(client, &guarded.server));
    assert_eq!(outcome, zmq::SocketEvent::HANDSHAKE_SUCCEEDED);
    let guarded = Guarded { rpc: other, ..guarded };
    let outcome = guarded.outcome(|client| guarded.known.give_to(client, &guarded.server));
    assert_eq!(outcome, zmq::SocketEvent::HANDSHAKE_FAILED_AUTH);
}

#[test]
fn events_come_over_it_too() {
    if !has_curve() {
        skip!("{WITHOUT}");
    }
    let mut guarded = Guarded::start("127.0.0.1");
    let subscriber = Guarded::socket(zmq::SUB);
    subscriber.set_subscribe(b"").unwrap();
    guarded.known.give_to(&subscriber, &guarded.server);
    subscriber.connect(&guarded.events).unwrap();
    let stranger = Guarded::socket(zmq::SUB);
    stranger.set_subscribe(b"").unwrap();
    stranger.connect(&guarded.events).unwrap();
    guarded.supervisor.create("web", &sleeper().with("instances", 0));
    // Subscriptions are not acknowledged: something happens until it is seen.
    let mut round = 0;
    while subscriber.poll(zmq::POLLIN, 20).unwrap() == 0 {
        round += 1;
        assert!(round < 1000, "no event comes");
        guarded.supervisor.call("update", args!["program" => "web", "description" => format!("{round}")]);
    }
    assert_eq!(subscriber.recv_multipart(0).unwrap().len(), 2);
    assert_eq!(stranger.poll(zmq::POLLIN, 0).unwrap(), 0);
}

#[test]
fn the_command_line_has_keys_from_its_environment() {
    if !has_curve() {
        skip!("{WITHOUT}");
    }
    let mut guarded = Guarded::start("127.0.0.1");
    guarded.supervisor.create_running("web", &sleeper());
    let output = guarded.tool(&guarded.known.path, &["status"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.contains("web/0"), "{printed}");
    let output = guarded.tool(&guarded.known.path, &["restart", "web"]);
    assert!(output.status.success(), "{output:?}");

    let unknown = Key::make(guarded.supervisor.scratch().join("unknown"));
    let output = guarded.tool(&unknown.path, &["status"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("does not let us in"), "{said}");
    assert!(said.contains(&unknown.public), "{said}");

    let output = tool().args(["--rpc", &guarded.rpc, "status"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("PROCNANNY_CURVE_SERVER"), "{said}");

    std::fs::set_permissions(&unknown.path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = guarded.tool(&unknown.path, &["status"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("chmod 600"), "{said}");
}

#[test]
fn a_key_is_made_for_its_owner_alone_and_not_replaced() {
    let scratch = crate::common::Scratch::new();
    let path = scratch.join("key");
    if !has_curve() {
        let output = keygen(&path);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains("has no CURVE"), "{said}");
        assert!(!path.exists());
        skip!("{WITHOUT}");
    }
    let key = Key::make(path.clone());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&path), 0o600);
    let before = std::fs::read(&path).unwrap();
    let again = keygen(&path);
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(again.status.code() == Some(1) && said.contains("File exists"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_ne!(Key::make(scratch.join("another")).public, key.public);
}

#[test]
fn endpoints_whose_keys_cannot_be_had_are_refused() {
    let launcher = Launcher::new();
    let scratch = launcher.scratch();
    let (secret, clients) = (scratch.text("secret"), scratch.text("clients"));
    let endpoint = |options: &str| format!("tcp://127.0.0.1:*,{options}");
    let both = endpoint(&format!("curve={secret},clients={clients}"));
    let refusal = |endpoint: &str| Launcher::new().endpoint(endpoint).refusal();
    assert!(refusal(&endpoint(&format!("curve={secret}"))).contains("curve needs clients=FILE"));
    assert!(refusal(&endpoint(&format!("clients={clients}"))).contains("clients needs curve=FILE"));
    let with_files = format!("ipc://{secret},curve={secret},clients={clients}");
    assert!(refusal(&with_files).contains("curve is for tcp endpoints"));
    if !has_curve() {
        let said = refusal(&both);
        assert!(said.contains("has no CURVE") && said.contains("README"), "{said}");
        skip!("{WITHOUT}");
    }
    assert!(refusal(&both).contains(&format!("{secret}: cannot be read: No such file")));
    let key = Key::make(PathBuf::from(&secret));
    assert!(refusal(&both).contains(&format!("{clients}: cannot be read: No such file")));
    std::fs::write(&clients, format!("{}\n{}\n", key.public, &key.public[1..])).unwrap();
    assert!(refusal(&both).contains(&format!("{clients}: line 2 does not begin with a key")));
    std::fs::write(&clients, "# nobody\n").unwrap();
    assert!(refusal(&both).contains("has no key in it"));
    std::fs::write(&clients, &key.public).unwrap();
    std::fs::set_permissions(&clients, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(refusal(&both).contains("others can write to it"));
    std::fs::set_permissions(&clients, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refusal(&both).contains("others can read it"));
}
