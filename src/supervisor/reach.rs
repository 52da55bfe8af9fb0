//! Where the supervisor can be reached: the runtime directory, and the endpoints in it and elsewhere.

use super::publish::Publisher;
use super::rpc::RpcSocket;
use super::runtime_dir::RuntimeDir;
use super::zap::Zap;
use super::{Supervisor, SupervisorError};
use crate::config::endpoint::{Endpoint, EndpointOption, Transport};
use crate::config::supervisor::SupervisorSettings;
use crate::sockets::{Renewal, SocketFile};
use crate::sys::accept;
use crate::sys::errno::words;
use crate::sys::note::note;
use crate::wire::log_channel::OutputEndpoint;
use std::collections::HashSet;
use std::path::Path;

/// How many descriptors clients leave to us: for starts under way, above all.
const OWN_DESCRIPTORS: u32 = 512;

/// What is held for as long as it can be reached.
#[derive(Debug)]
pub struct Reach {
    /// Where captured output is published.
    pub output: OutputEndpoint,
    // When it is dropped, the sockets' files are removed and the lock is let go.
    runtime_dir: RuntimeDir,
}

/// The sockets that it can be reached by; none, where it cannot be.
#[derive(Default)]
pub struct Sockets {
    /// For requests.
    pub rpc: Vec<RpcSocket>,
    /// For events.
    pub publisher: Publisher,
    /// Who is let in over CURVE, if that is used.
    pub zap: Option<Zap>,
}

impl Reach {
    /// Takes the runtime directory and binds all endpoints. Everything is checked before anything is bound, and the lock
    /// is held before a socket is replaced.
    ///
    /// # Errors
    /// What could not be had, in a sentence.
    pub fn begin(settings: &SupervisorSettings) -> Result<(Self, Sockets), SupervisorError> {
        accept::guard(OWN_DESCRIPTORS)
            .map_err(|errno| SupervisorError(format!("cannot reserve a descriptor: {}", words(errno))))?;
        let mut runtime_dir = RuntimeDir::claim(settings.runtime_dir.clone())?;
        let mut rpc = endpoints(&settings.rpc, runtime_dir.path(), "rpc")?;
        let mut events = endpoints(&settings.events, runtime_dir.path(), "events")?;
        let output = Endpoint::in_directory(runtime_dir.path(), "output").map_err(SupervisorError)?;
        refuse_twice(rpc.iter().chain(&events).chain([&output]))?;
        let context = zmq::Context::new();
        let guarded = rpc.iter_mut().chain(&mut events).filter_map(Endpoint::curve_mut);
        let zap = Zap::begin(&context, guarded)?;
        for endpoint in rpc.iter().chain(&events).chain([&output]) {
            if let Transport::Ipc { path, .. } = &endpoint.transport {
                runtime_dir.owns(path);
            }
        }
        let bound = rpc.iter().map(|endpoint| RpcSocket::bind(&context, endpoint));
        let rpc = bound.collect::<Result<Vec<_>, _>>()?;
        let mut publisher = Publisher::default();
        events.iter().try_for_each(|endpoint| publisher.bind(&context, endpoint))?;
        let reach = Self { output: output_endpoint(&output), runtime_dir };
        Ok((reach, Sockets { rpc, publisher, zap }))
    }
}

impl Supervisor {
    /// Sees to it that every endpoint can be reached again, for somebody has removed or replaced the files of sockets, or
    /// mounted something over them. What is connected stays connected, and nothing else changes. What came of it is said
    /// on standard error, as nobody may be able to ask.
    pub fn bind_endpoints_anew(&mut self) {
        let Some(reach) = &mut self.reach else {
            return note(
                "there is no endpoint to be bound anew: nobody can reach a supervisor with --no-rpc",
            );
        };
        let directory = reach.runtime_dir.claim_anew();
        if let Err(error) = &directory {
            note(&format!("cannot bind endpoints in the runtime directory anew: {error}"));
        }
        let path = reach.runtime_dir.path();
        let is_usable = |file: Option<&SocketFile>| {
            directory.is_ok() || !file.is_some_and(|file| file.path().starts_with(path))
        };
        let mut renewals = Vec::new();
        for rpc in self.rpc.iter_mut().filter(|rpc| is_usable(rpc.file())) {
            renewals.push((rpc.renew(), rpc.address.clone()));
        }
        for events in self.publisher.sockets_mut().filter(|events| is_usable(events.file())) {
            renewals.push((events.renew(), events.address().to_string()));
        }
        if directory.is_ok() {
            self.capture.bind_output_anew();
        }
        let mut done = Vec::new();
        for (renewal, address) in renewals {
            match renewal {
                Ok(Renewal::NoNeed) => {}
                Ok(Renewal::Done) => done.push(address),
                Err(words) => note(&format!("endpoint {address}: cannot be bound anew: {words}")),
            }
        }
        match (done.as_slice(), &directory) {
            ([], Ok(())) => {
                note("all endpoints for requests and events that can be bound are in their place")
            }
            ([], Err(_)) => {}
            (done, _) => note(&format!("bound anew: {}", done.join(", "))),
        }
    }
}

/// The endpoints that are asked for, or else the one in the directory.
fn endpoints(
    asked: &[EndpointOption],
    directory: &Path,
    name: &str,
) -> Result<Vec<Endpoint>, SupervisorError> {
    let checked = match asked {
        [] => Endpoint::in_directory(directory, name).map(|endpoint| vec![endpoint]),
        asked => asked.iter().map(EndpointOption::check).collect(),
    };
    checked.map_err(SupervisorError)
}

/// A file that is bound a second time is taken from the first socket without an error.
fn refuse_twice<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Result<(), SupervisorError> {
    let mut files = HashSet::new();
    for endpoint in endpoints {
        if let Transport::Ipc { path, .. } = &endpoint.transport
            && !files.insert(path)
        {
            return Err(SupervisorError(format!("endpoint {}: is there twice", endpoint.address)));
        }
    }
    Ok(())
}

/// The endpoint for output, as the logger is told it.
fn output_endpoint(endpoint: &Endpoint) -> OutputEndpoint {
    let mode = match endpoint.transport {
        Transport::Ipc { mode, .. } => Some(mode),
        Transport::Tcp { .. } => None,
    };
    OutputEndpoint { address: endpoint.address.clone(), mode }
}
