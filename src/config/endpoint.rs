//! Endpoints: what may be bound, and with which access and permissions. Checked before anything is bound.

use super::convert;
use crate::core::access::Access;
use crate::core::nearest::nearest;
use crate::wire::value::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// An endpoint for requests, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointOption {
    /// `ipc://PATH` or `tcp://HOST:PORT`.
    pub endpoint: String,
    /// What it may be used for; by default `admin` on ipc and `read` on TCP.
    pub access: Option<Access>,
    /// Permissions of the socket's file; by default 0600.
    pub mode: Option<u32>,
}

/// What an endpoint is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// Requests.
    Rpc,
    /// Events, which whoever can connect may read, and nothing else.
    Events,
}

/// An endpoint that may be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// As libzmq takes it.
    pub address: String,
    /// What it may be used for.
    pub access: Access,
    /// How it is reached.
    pub transport: Transport,
}

/// How an endpoint is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over a file, with these permissions.
    Ipc {
        /// The socket.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Over the network, here only ever loopback.
    Tcp,
}

/// The longest path of a unix socket, without the NUL at its end; see unix(7).
const MAX_SOCKET_PATH: usize = 107;

/// Who may use a socket unless told otherwise: its owner.
const DEFAULT_MODE: u32 = 0o600;

impl EndpointOption {
    /// Reads `ENDPOINT[,access=LEVEL][,mode=MODE]`.
    ///
    /// # Errors
    /// A sentence that says what would have been right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let endpoint = parts.next().unwrap_or("").to_string();
        let mut option = Self { endpoint, access: None, mode: None };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name {
                "access" => option.access = Some(parse_access(value)?),
                "mode" => option.mode = Some(parse_mode(value)?),
                other => {
                    let near = nearest(other, ["access", "mode"].into_iter());
                    let near = near.map(|near| format!("; did you mean '{near}'?"));
                    let near = near.unwrap_or_else(|| ", only access and mode".to_string());
                    return Err(format!("an endpoint has no option '{other}'{near}"));
                }
            }
        }
        Ok(option)
    }

    /// Takes it from a file: a string as above, or a table of `endpoint`, `access` and `mode`.
    ///
    /// # Errors
    /// A sentence that says what would have been right.
    pub fn from_value(value: &Value, socket: Socket) -> Result<Self, String> {
        let option = match value.as_map() {
            Some(entries) => Self::from_table(entries)?,
            None => Self::parse(convert::text(value).map_err(|_| "each is a string or a table")?)?,
        };
        match (socket, option.access) {
            (Socket::Events, Some(_)) => Err("an endpoint for events has no access to choose".to_string()),
            (Socket::Rpc | Socket::Events, _) => Ok(option),
        }
    }

    fn from_table(entries: &[(Value, Value)]) -> Result<Self, String> {
        let mut option = Self { endpoint: String::new(), access: None, mode: None };
        for (name, value) in entries {
            match name.text().unwrap_or("") {
                "endpoint" => {
                    let endpoint = convert::non_empty(value).map_err(|_| "'endpoint' is a string")?;
                    option.endpoint = endpoint.to_string();
                }
                "access" => option.access = Some(parse_access(value.text().unwrap_or(""))?),
                "mode" => {
                    option.mode =
                        Some(convert::mask(value).map_err(|expected| format!("'mode' is {expected}"))?)
                }
                other => {
                    let near = nearest(other, ["endpoint", "access", "mode"].into_iter());
                    let near = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
                    return Err(format!("an endpoint has no {}{near}", convert::quoted(other)));
                }
            }
        }
        if option.endpoint.is_empty() {
            return Err("a table has no 'endpoint' in it".to_string());
        }
        Ok(option)
    }

    /// Checks it.
    ///
    /// # Errors
    /// What it would open to whom, or what is wrong with it.
    pub fn check(&self) -> Result<Endpoint, String> {
        let refused = |why: String| format!("endpoint {}: {why}", self.endpoint);
        if let Some(path) = self.endpoint.strip_prefix("ipc://") {
            let transport = check_ipc(path, self.mode).map_err(refused)?;
            let access = self.access.unwrap_or(Access::Admin);
            return Ok(Endpoint { address: self.endpoint.clone(), access, transport });
        }
        let Some(address) = self.endpoint.strip_prefix("tcp://") else {
            return Err(refused("expected ipc://PATH or tcp://ADDRESS:PORT".to_string()));
        };
        if self.mode.is_some() {
            return Err(refused("mode is for ipc endpoints, which are files".to_string()));
        }
        check_tcp(address).map_err(refused)?;
        let access = self.access.unwrap_or(Access::Read);
        Ok(Endpoint { address: self.endpoint.clone(), access, transport: Transport::Tcp })
    }
}

impl Endpoint {
    /// The endpoint that there is unless others are asked for.
    ///
    /// # Errors
    /// A directory whose path is too long for a socket in it.
    pub fn in_directory(directory: &Path, name: &str) -> Result<Self, String> {
        let endpoint = format!("ipc://{}", directory.join(name).display());
        EndpointOption { endpoint, access: None, mode: None }.check()
    }

    /// Permissions of the socket's file; `None` where there is no file.
    pub fn mode(&self) -> Option<u32> {
        match self.transport {
            Transport::Ipc { mode, .. } => Some(mode),
            Transport::Tcp => None,
        }
    }

    /// What went wrong with it.
    pub fn failed(&self, words: &str) -> String {
        format!("endpoint {}: {words}", self.address)
    }
}

fn parse_access(text: &str) -> Result<Access, String> {
    let found = Access::ALL.into_iter().find(|(word, _)| *word == text).map(|(_, access)| access);
    found.ok_or_else(|| format!("access is '{text}', expected read, control or admin"))
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| format!("mode is '{text}', expected octal permissions such as 0660"))
}

fn check_ipc(path: &str, mode: Option<u32>) -> Result<Transport, String> {
    if path.starts_with('@') {
        return Err("an abstract socket has no permissions, so anybody could use it; name a path".to_string());
    }
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        return Err("expected an absolute path of a socket after ipc://".to_string());
    }
    if path.len() > MAX_SOCKET_PATH {
        let length = path.len();
        return Err(format!("the path has {length} bytes, a socket's has at most {MAX_SOCKET_PATH}"));
    }
    Ok(Transport::Ipc { path: PathBuf::from(path), mode: mode.unwrap_or(DEFAULT_MODE) })
}

/// Whoever reaches an endpoint can use it, so one that others can reach needs a key, and there are none yet.
fn check_tcp(address: &str) -> Result<(), String> {
    // A name would have to be looked up, and `*` means all interfaces.
    let concrete = address.strip_suffix(":*").map(|host| format!("{host}:0"));
    let parsed: SocketAddr = concrete
        .as_deref()
        .unwrap_or(address)
        .parse()
        .map_err(|_| "expected a numeric address and a port, such as tcp://127.0.0.1:3333".to_string())?;
    if parsed.ip().is_loopback() {
        return Ok(());
    }
    Err("it is not on loopback, so everybody who reaches this host could use it; use a tunnel to 127.0.0.1"
        .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<Endpoint, String> {
        EndpointOption::parse(text)?.check()
    }

    #[test]
    fn defaults_depend_on_who_can_reach_it() {
        let ipc = checked("ipc:///run/x/rpc").unwrap();
        let transport = Transport::Ipc { path: PathBuf::from("/run/x/rpc"), mode: 0o600 };
        assert_eq!((ipc.access, ipc.transport), (Access::Admin, transport));
        let tcp = checked("tcp://127.0.0.1:3333").unwrap();
        assert_eq!((tcp.access, tcp.transport), (Access::Read, Transport::Tcp));
        assert!(checked("tcp://[::1]:*").is_ok());
    }

    #[test]
    fn options_are_read() {
        let option = EndpointOption::parse("ipc:///x,access=control,mode=0660").unwrap();
        assert_eq!((option.access, option.mode), (Some(Access::Control), Some(0o660)));
        assert!(EndpointOption::parse("ipc:///x,acess=read").unwrap_err().contains("did you mean 'access'"));
        assert!(EndpointOption::parse("ipc:///x,access=root").is_err());
        assert!(EndpointOption::parse("ipc:///x,mode=999").is_err());
        assert!(EndpointOption::parse("ipc:///x,mode=01777").is_err());
    }

    #[test]
    fn what_others_could_reach_is_refused() {
        for bad in [
            "tcp://0.0.0.0:3333",
            "tcp://*:3333",
            "tcp://192.0.2.1:1",
            "tcp://localhost:3333",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:1,mode=0600",
            "ipc://@x",
            "ipc://relative",
            "inproc://x",
            "",
            &format!("ipc:///{}", "x".repeat(107)),
        ] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
