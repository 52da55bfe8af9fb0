//! The sockets of programs: opened when a program becomes known, kept as long as its settings name them, and passed
//! to each of its processes by systemd's protocol (sd_listen_fds(3)).

use super::Supervisor;
use super::launch;
use crate::api::reply::{ApiError, Code};
use crate::core::ids::{InstanceIndex, ProgramId};
use crate::core::program::ProcessSettings;
use crate::core::sockets::{FIRST_DESCRIPTOR, NetworkAddress, SocketPlace};
use crate::sys::errno::words;
use crate::sys::listen::{self, FileIdentity, Protocol, Versions};
use crate::sys::plan::Blueprint;
use nix::errno::Errno;
use std::collections::HashMap;
use std::ffi::{CString, NulError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Everybody who finds the file may connect, as with systemd's sockets: its directory says who does.
const FILE_MODE: u32 = 0o666;
/// What a process is told of its sockets. Ours, if we were given any, are not our programs'.
pub const VARIABLES: [&str; 4] = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID"];

/// The open sockets, of those programs that have any.
pub type Sockets = HashMap<ProgramId, Vec<PassedSocket>>;

/// A socket of a program, open.
#[derive(Clone, Debug)]
pub struct PassedSocket {
    /// Its name in `LISTEN_FDNAMES`.
    name: String,
    /// Shared by the lists before and after a change of settings.
    socket: Rc<OpenSocket>,
}

/// A socket; when it is dropped, it is closed, and its file removed.
#[derive(Debug)]
struct OpenSocket {
    /// Where it was to be, after substitution.
    place: SocketPlace,
    descriptor: OwnedFd,
    /// The address that it has.
    bound: String,
    file: Option<(PathBuf, FileIdentity)>,
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        if let Some((path, identity)) = &self.file {
            listen::remove_file(path, *identity);
        }
    }
}

impl Supervisor {
    /// Opens the sockets of these settings of a program. Those that one of `holders` has open already are taken as they
    /// are: the program itself has, or one that goes. To be given to [`Supervisor::keep_sockets`]: until then nothing has
    /// changed.
    ///
    /// # Errors
    /// The socket that cannot be had, with the system's words.
    pub fn open_sockets(
        &self,
        holders: &[ProgramId],
        name: &str,
        settings: &ProcessSettings,
    ) -> Result<Vec<PassedSocket>, ApiError> {
        let open = || holders.iter().filter_map(|id| self.sockets.get(id)).flatten();
        let here = launch::substitution_of(name, settings, InstanceIndex(0), self.host);
        let socket = |place: &SocketPlace| {
            let place = match place {
                SocketPlace::Unix(path) => SocketPlace::Unix(here.apply(path)),
                SocketPlace::Tcp(_) | SocketPlace::Udp(_) => place.clone(),
            };
            match open().find(|passed| passed.socket.place == place) {
                Some(passed) => Ok(passed.socket.clone()),
                None => OpenSocket::open(place).map(Rc::new),
            }
        };
        let passed = settings.sockets.iter().map(|setting| {
            let socket = socket(&setting.place).map_err(|why| {
                ApiError::new(Code::Failed, format!("'sockets': cannot open {setting}: {why}"))
            })?;
            let name = setting.name.clone().unwrap_or_else(|| plain(name));
            Ok(PassedSocket { name, socket })
        });
        passed.collect()
    }

    /// Takes these for the sockets of a program, and closes those that it had and that are not among them.
    pub fn keep_sockets(&mut self, id: ProgramId, sockets: Vec<PassedSocket>) {
        if let Some(program) = self.fleet.program_mut(id) {
            program.bound = sockets.iter().map(|passed| passed.socket.bound.clone()).collect();
        }
        if sockets.is_empty() {
            self.sockets.remove(&id);
        } else {
            self.sockets.insert(id, sockets);
        }
    }
}

/// What a process has to be given so that it gets these sockets.
///
/// # Errors
/// None: no name has a NUL byte in it.
pub fn pass<'fd>(
    sockets: Option<&'fd Vec<PassedSocket>>,
    mut blueprint: Blueprint<'fd>,
) -> Result<Blueprint<'fd>, NulError> {
    let Some(sockets) = sockets else { return Ok(blueprint) };
    blueprint.environment.retain(|variable| !is_protocol_variable(variable.as_bytes()));
    let names: Vec<&str> = sockets.iter().map(|passed| passed.name.as_str()).collect();
    blueprint.environment.push(CString::new(format!("LISTEN_FDS={}", sockets.len()))?);
    blueprint.environment.push(CString::new(format!("LISTEN_FDNAMES={}", names.join(":")))?);
    blueprint.own_pid.push("LISTEN_PID");
    let descriptors = sockets.iter().map(|passed| passed.socket.descriptor.as_fd());
    blueprint.passed.extend((FIRST_DESCRIPTOR..).zip(descriptors));
    Ok(blueprint)
}

/// Whether a variable, `NAME=VALUE`, is one of the protocol.
fn is_protocol_variable(variable: &[u8]) -> bool {
    let name = variable.split(|byte| *byte == b'=').next().unwrap_or(variable);
    VARIABLES.iter().any(|known| known.as_bytes() == name)
}

/// A name of a program, as `LISTEN_FDNAMES` can hold it.
fn plain(name: &str) -> String {
    let is_plain = |c: &char| (c.is_ascii_graphic() || *c == ' ') && *c != ':';
    name.chars().map(|c| if is_plain(&c) { c } else { '_' }).collect()
}

impl OpenSocket {
    fn open(place: SocketPlace) -> Result<Self, String> {
        let (descriptor, bound, file) = match &place {
            SocketPlace::Tcp(address) => {
                let (descriptor, bound) = open(Protocol::Tcp, *address).map_err(network_words)?;
                (descriptor, SocketPlace::Tcp(bound), None)
            }
            SocketPlace::Udp(address) => {
                let (descriptor, bound) = open(Protocol::Udp, *address).map_err(network_words)?;
                (descriptor, SocketPlace::Udp(bound), None)
            }
            SocketPlace::Unix(path) => {
                let opened = listen::open_file(Path::new(path), FILE_MODE);
                let (descriptor, identity) = opened.map_err(|errno| file_words(errno, path))?;
                (descriptor, place.clone(), Some((PathBuf::from(path), identity)))
            }
        };
        Ok(Self { place, descriptor, bound: bound.to_string(), file })
    }
}

fn open(protocol: Protocol, address: NetworkAddress) -> Result<(OwnedFd, NetworkAddress), Errno> {
    let descriptor = match address {
        NetworkAddress::One(address) => listen::open(protocol, address, Versions::One)?,
        NetworkAddress::All(port) => {
            let all = |ip: IpAddr, versions| listen::open(protocol, SocketAddr::new(ip, port), versions);
            match all(Ipv6Addr::UNSPECIFIED.into(), Versions::Both) {
                // A host without IPv6, or one where it is switched off.
                Err(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL) => {
                    all(Ipv4Addr::UNSPECIFIED.into(), Versions::One)
                }
                outcome => outcome,
            }?
        }
    };
    let port = listen::bound_address(&descriptor)?.port();
    Ok((descriptor, address.at_port(port)))
}

fn network_words(errno: Errno) -> String {
    let words = words(errno);
    match errno {
        Errno::EADDRINUSE => format!("{words}; another process, or another program's socket, has that port"),
        Errno::EACCES => format!("{words}; a port below 1024 needs root, or the capability net_bind_service"),
        _ => words,
    }
}

fn file_words(errno: Errno, path: &str) -> String {
    let words = words(errno);
    match errno {
        Errno::EADDRINUSE => {
            format!("{words}; somebody listens at {path}, or it is no socket: remove it, or name another")
        }
        Errno::ENAMETOOLONG => format!("{words}; the path of a socket has at most 107 bytes"),
        Errno::ENOENT => format!("{words}; its directory has to be there"),
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_readers_of_the_protocol_take() {
        assert_eq!(plain("hello world"), "hello world");
        assert_eq!(plain("größe:1"), "gr__e_1");
    }

    #[test]
    fn a_process_without_sockets_is_as_it_was() {
        let environment = || vec![CString::from(c"LISTEN_FDS=7"), CString::from(c"LISTEN_FDSX=1")];
        let blueprint = || Blueprint { environment: environment(), ..Blueprint::default() };
        assert_eq!(pass(None, blueprint()).unwrap().environment, environment());

        let place = SocketPlace::Udp(NetworkAddress::One("127.0.0.1:0".parse().unwrap()));
        let socket = Rc::new(OpenSocket::open(place).unwrap());
        let sockets = vec![PassedSocket { name: "dns".to_string(), socket }];
        let given = pass(Some(&sockets), blueprint()).unwrap();
        let expected = [c"LISTEN_FDSX=1", c"LISTEN_FDS=1", c"LISTEN_FDNAMES=dns"].map(CString::from);
        assert_eq!(given.environment, expected);
        assert_eq!(given.own_pid, ["LISTEN_PID"]);
        assert_eq!(given.passed.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3]);
    }
}
