//! Events: what one costs the supervisor, with nobody who listens, with one, and with many.

use crate::supervisor::Supervisor;
use crate::table::{Row, Target, median};
use crate::{Bench, Outcome, machine};
use std::time::{Duration, Instant};

/// How many instances take an edge in a round. They have no process, so that nothing but the edges costs anything.
const INSTANCES: i64 = 500;
/// How many listen.
const SUBSCRIBERS: [usize; 3] = [0, 1, 100];
/// How long subscriptions may take to arrive, and events to be read.
const PATIENCE: Duration = Duration::from_secs(20);

/// The processor time of an event, libzmq's threads included.
pub fn events(bench: &Bench) -> Outcome<Vec<Row>> {
    SUBSCRIBERS.iter().map(|count| with_subscribers(bench, *count)).collect()
}

fn with_subscribers(bench: &Bench, count: usize) -> Outcome<Row> {
    let mut supervisor = Supervisor::new(bench)?;
    let create = [
        ("request", "create".into()),
        ("program", "many".into()),
        ("command", "true".into()),
        ("instances", INSTANCES.into()),
        ("start", false.into()),
    ];
    supervisor.client.call(&create)?;
    let sockets = subscribe(&supervisor, count)?;
    await_subscriptions(&mut supervisor, &sockets)?;
    let pid = supervisor.pid()?;
    let mut samples = Vec::new();
    for round in 0..bench.effort.choose(60, 10) {
        let state = if round % 2 == 0 { "failed" } else { "exited" };
        let before = machine::cpu(pid)?;
        let transition =
            [("request", "transition".into()), ("program", "many".into()), ("state", state.into())];
        supervisor.client.call(&transition)?;
        drain(&sockets)?;
        let spent = machine::cpu(pid)?.saturating_sub(before);
        samples.push(spent.as_secs_f64() * 1e6 / f64::from(i32::try_from(INSTANCES)?));
    }
    let listeners = if count == 1 { "1 subscriber".to_string() } else { format!("{count} subscribers") };
    let what = format!("processor time of an edge and its event, {listeners} (µs)");
    Ok(Row::alone(what, median(&samples), Target::None))
}

fn subscribe(supervisor: &Supervisor, count: usize) -> Outcome<Vec<zmq::Socket>> {
    let context = zmq::Context::new();
    let endpoint = supervisor.endpoint.replace("/rpc", "/events");
    let subscriber = || -> Outcome<zmq::Socket> {
        let socket = context.socket(zmq::SUB)?;
        socket.set_linger(0)?;
        socket.set_subscribe(b"")?;
        socket.connect(&endpoint)?;
        Ok(socket)
    };
    (0..count).map(|_| subscriber()).collect()
}

/// Subscriptions are not acknowledged: something is changed until all have heard of it.
fn await_subscriptions(supervisor: &mut Supervisor, sockets: &[zmq::Socket]) -> Outcome<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut deaf: Vec<&zmq::Socket> = sockets.iter().collect();
    while !deaf.is_empty() {
        if Instant::now() > deadline {
            return Err("the subscriptions do not arrive".into());
        }
        let change = [
            ("request", "update".into()),
            ("program", "many".into()),
            ("description", format!("{} are deaf", deaf.len()).into()),
        ];
        supervisor.client.call(&change)?;
        deaf.retain(|socket| !matches!(socket.poll(zmq::POLLIN, 5), Ok(1..)));
    }
    drain(sockets)
}

/// Reads what has come, and waits a moment for more.
fn drain(sockets: &[zmq::Socket]) -> Outcome<()> {
    const MOMENT: i64 = 20;
    let mut items: Vec<zmq::PollItem<'_>> =
        sockets.iter().map(|socket| socket.as_poll_item(zmq::POLLIN)).collect();
    while !items.is_empty() && zmq::poll(&mut items, MOMENT)? > 0 {
        for socket in sockets {
            while socket.recv_multipart(zmq::DONTWAIT).is_ok() {}
        }
    }
    Ok(())
}
